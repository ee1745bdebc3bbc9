/* Decision options. See rule_options.h. */
#include "autoconf.h"

#include "tool/rule_options.h"

#include <stddef.h>
#include <string.h>

enum {
	RULE_OPTION_BEFORE = 255,
#define X(option, member, words) RULE_OPTION_##member,
	RULE_OPTION_TABLE(X)
#undef X
};

/* clang-format off */
const struct option rule_options[] = {
#define X(option, member, words)                                               \
	{option, required_argument, NULL, RULE_OPTION_##member},
	RULE_OPTION_TABLE(X)
#undef X
	{NULL, 0, NULL, 0}
};
/* clang-format on */

/* From 1; 0 if it is not there. */
static unsigned
word_number(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (unsigned number = 1;; number++) {
		size_t n = strcspn(words, ",");

		if (n == len && memcmp(words, word, n) == 0)
			return number;
		if (words[n] == '\0')
			return 0;
		words += n + strlen(", ");
	}
}

static const char *
take(unsigned *number, const char *words, const char *word)
{
	*number = word_number(words, word);
	return *number != 0 ? NULL : words;
}

const char *
rule_choice_take(struct rule_choice *choice, int val, const char *word)
{
	switch (val) {
#define X(option, member, words)   \
	case RULE_OPTION_##member: \
		return take(&choice->member, words, word);
		RULE_OPTION_TABLE(X)
#undef X
	}
	return NULL;
}

void
rule_choice_apply(const struct rule_choice *choice, struct rules *rules)
{
#define X(option, member, words) \
	if (choice->member != 0) \
		rules->member = choice->member - 1;
	RULE_OPTION_TABLE(X)
#undef X
}
