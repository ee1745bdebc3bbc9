/*
 * The parsers of core against the oracles: on the corpora of the fuzz targets,
 * and on what is one octet away from a file of theirs.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "abnf.h"
#include "fuzz.h"
#include "oracle_policy.h"
#include "oracle_txt.h"
#include "txt_input.h"

#define PATH_SIZE 4096
#define INPUT_MAX 4096

/* What is put in: first and last of all octets that a grammar tells apart from
 * their neighbours. */
static const uint8_t alphabet[] =
    "\x00\x01\x08\t\n\v\f\r\x0e\x1f !*+,-./019:;<=>@ABYZ[_`abyz{|~\x7f"
    "\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1"
    "\xf3\xf4\xf5\xff";

#define ALPHABET_LEN (sizeof(alphabet) - 1)

/* What is being compared, for the handler of a MUST that fails. */
static struct {
	const uint8_t *octets;
	size_t len;
} current;

static void
show_current(int sig)
{
	static const char head[] = "the input:\n";

	if (write(STDERR_FILENO, head, sizeof(head) - 1) < 0 ||
	    write(STDERR_FILENO, current.octets, current.len) < 0)
		_exit(EXIT_FAILURE);
	(void)signal(sig, SIG_DFL);
	(void)raise(sig);
}

/* Fails by MUST. */
typedef void compare_fn(const uint8_t *octets, size_t len);

static void
compare_policy(const uint8_t *octets, size_t len)
{
	current.octets = octets;
	current.len = len;
	oracle_policy_compare(octets, len);
}

static void
compare_txt(const uint8_t *octets, size_t len)
{
	struct txt_input input;

	current.octets = octets;
	current.len = len;
	txt_input_make(octets, len, &input);
	oracle_txt_compare(input.record, input.n);
	txt_input_free(&input);
}

static void
compare_deletions(const uint8_t *octets, size_t len, compare_fn *compare)
{
	uint8_t changed[INPUT_MAX];

	for (size_t at = 0; at < len; at++) {
		memcpy(changed, octets, at);
		memcpy(changed + at, octets + at + 1, len - at - 1);
		compare(changed, len - 1);
	}
}

static void
compare_replacements(const uint8_t *octets, size_t len, compare_fn *compare)
{
	uint8_t changed[INPUT_MAX];

	memcpy(changed, octets, len);
	for (size_t at = 0; at < len; at++) {
		for (size_t i = 0; i < ALPHABET_LEN; i++) {
			changed[at] = alphabet[i];
			compare(changed, len);
		}
		changed[at] = octets[at];
	}
}

static void
compare_insertions(const uint8_t *octets, size_t len, compare_fn *compare)
{
	uint8_t changed[INPUT_MAX + 1];

	for (size_t at = 0; at <= len; at++) {
		memcpy(changed, octets, at);
		memcpy(changed + at + 1, octets + at, len - at);
		for (size_t i = 0; i < ALPHABET_LEN; i++) {
			changed[at] = alphabet[i];
			compare(changed, len + 1);
		}
	}
}

static int
is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void
compare_file(const char *path, compare_fn *compare)
{
	uint8_t octets[INPUT_MAX];
	FILE *file = fopen(path, "rbe");
	size_t len;

	cr_assert_not_null(file, "%s", path);
	len = fread(octets, 1, sizeof(octets), file);
	fclose(file);
	cr_assert_lt(len, sizeof(octets), "%s: too long", path);
	compare(octets, len);
	compare_deletions(octets, len, compare);
	compare_replacements(octets, len, compare);
	compare_insertions(octets, len, compare);
}

static void
compare_corpus(const char *name, compare_fn *compare)
{
	char dir[PATH_SIZE];
	char path[PATH_SIZE];
	struct dirent **entries = NULL;
	int n;

	(void)signal(SIGABRT, show_current);
	(void)snprintf(dir, sizeof(dir), "%s/%s", FUZZ_CORPUS, name);
	n = scandir(dir, &entries, is_input, alphasort);
	cr_assert_gt(n, 0, "%s", dir);
	for (int i = 0; i < n; i++) {
		int len = snprintf(path, sizeof(path), "%s/%s", dir,
		    entries[i]->d_name);

		cr_assert(len > 0 && (size_t)len < sizeof(path));
		compare_file(path, compare);
		free(entries[i]);
	}
	free(entries);
}

/* The oracles are as good as the matcher. */
static const struct {
	const char *rule;
	const char *text;
	bool matches;
} matcher_rows[] = {
    {"digits",  "",       false},
    {"digits",  "1",      true },
    {"digits",  "123",    true },
    {"digits",  "1234",   false},
    {"digits",  "1a",     false},
    {"any",     "",       true },
    {"any",     "0123",   true },
    {"any",     "012x",   false},
    {"greedy",  "b",      false},
    {"greedy",  "ab",     true },
    {"greedy",  "aab",    true },
    {"greedy",  "aaab",   false},
    {"greedy",  "AB",     true },
    {"exact",   "Ab",     true },
    {"exact",   "ab",     false},
    {"option",  "xz",     true },
    {"option",  "xyz",    true },
    {"option",  "xyyz",   false},
    {"longest", "a",      true },
    {"longest", "a-b",    true },
    {"longest", "a-",     false},
    {"longest", "a--b-c", true },
};

Test(oracle, matcher)
{
	static const char grammar[] =
	    "digit = %x30-39\n"
	    "digits = 1*3digit\n"
	    "any = *digit\n"
	    "greedy = 1*2\"a\" \"b\"\n"
	    "exact = %s\"Ab\"\n"
	    "option = \"x\" [\"y\"] \"z\"\n"
	    "letter = %x61-7A\n"
	    "longest = letter [*(letter / \"-\") letter]\n";
	static struct abnf *abnf;

	for (size_t i = 0; i < sizeof(matcher_rows) / sizeof(*matcher_rows);
	     i++)
		cr_expect_eq(abnf_matches(abnf_get(&abnf, grammar),
				 matcher_rows[i].rule,
				 (const uint8_t *)matcher_rows[i].text,
				 strlen(matcher_rows[i].text)),
		    matcher_rows[i].matches, "%s: \"%s\"", matcher_rows[i].rule,
		    matcher_rows[i].text);
}

Test(oracle, policy_corpus_and_what_is_one_octet_away)
{
	compare_corpus("policy", compare_policy);
}

Test(oracle, txt_corpus_and_what_is_one_octet_away)
{
	compare_corpus("txt", compare_txt);
}
