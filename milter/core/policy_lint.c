#include "autoconf.h"

#include "core/policy_lint.h"

#include <string.h>

#include "base/ascii.h"
#include "core/policy_field.h"

#define DAY_S 86400U

/* Names shorter than this have neighbours that mean something else. */
#define TYPING_SLIP_LEN_MIN 4

/* Lower case, and without what is written in one way or another. */
static size_t
fold(const char *name, char out[POLICY_FIELD_NAME_MAX + 1])
{
	size_t len = 0;

	for (; *name != '\0' && len < POLICY_FIELD_NAME_MAX; name++)
		if (ascii_is_alnum((uint8_t)*name))
			out[len++] = (char)ascii_lower((uint8_t)*name);
	out[len] = '\0';
	return len;
}

/* One character put in, left out or mistaken for another, at most. */
static bool
within_one_slip(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t shorter = a_len < b_len ? a_len : b_len;
	size_t longer = a_len < b_len ? b_len : a_len;
	size_t front = 0;
	size_t back = 0;

	while (front < shorter && a[front] == b[front])
		front++;
	while (back < shorter - front &&
	    a[a_len - 1 - back] == b[b_len - 1 - back])
		back++;
	return front + back + 1 >= longer;
}

const char *
policy_lint_resembles(const char *name, const char *const *known,
    size_t n_known)
{
	char a[POLICY_FIELD_NAME_MAX + 1];
	char b[POLICY_FIELD_NAME_MAX + 1];
	size_t a_len = fold(name, a);

	for (size_t i = 0; i < n_known; i++) {
		size_t b_len = fold(known[i], b);

		if (strcmp(a, b) == 0)
			return known[i];
		if (b_len >= TYPING_SLIP_LEN_MIN &&
		    within_one_slip(a, a_len, b, b_len))
			return known[i];
	}
	return NULL;
}

static bool
none_with_dnssec(const struct policy *policy)
{
	return policy->dnssec && policy->mode == POLICY_MODE_NONE;
}

static bool
short_with_dnssec(const struct policy *policy)
{
	return policy->dnssec && policy->max_age_s > 0 &&
	    policy->max_age_s < DAY_S;
}

static const struct {
	bool (*applies)(const struct policy *policy);
	const char *text;
} lints[] = {
  /* K1 */
    {none_with_dnssec,
     "\"dnssec: yes\" binds in mode none too: remove the "
	"field to withdraw it"},
    {short_with_dnssec,
     "\"dnssec: yes\" lasts less than a day: set max_age "
	"to weeks"            },
};

const char *
policy_lint_next(const struct policy *policy, unsigned *at)
{
	while (*at < sizeof(lints) / sizeof(*lints)) {
		unsigned i = (*at)++;

		if (lints[i].applies(policy))
			return lints[i].text;
	}
	return NULL;
}
