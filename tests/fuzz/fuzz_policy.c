/* A policy body, against the oracle; its notes, and what its patterns cover. */
#include "autoconf.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "core/policy.h"
#include "fuzz.h"
#include "oracle_policy.h"

#define NOTES_MAX 50 /* a bound, whatever the body */

struct notes {
	size_t count[2]; /* by level */
	size_t last_line;
};

static void
take_note(void *arg, enum policy_note_level level, size_t line,
    const char *text)
{
	struct notes *notes = arg;

	notes->count[level]++;
	MUST(line == 0 || line >= notes->last_line);
	if (line != 0)
		notes->last_line = line;
	for (; *text != '\0'; text++)
		MUST(*text >= ' ' && *text <= '~');
}

/* P-12, M-01, M-03 */
static void
check_pattern(const char *const *mx)
{
	char host[300];
	bool wild = strncmp(*mx, "*.", 2) == 0;

	for (const char *c = *mx; *c != '\0'; c++)
		MUST(*c < 'A' || *c > 'Z');
	(void)snprintf(host, sizeof(host), "%s%s.", wild ? "A." : "",
	    wild ? *mx + 2 : *mx);
	MUST(policy_mx_match(mx, 1, host));
	(void)snprintf(host, sizeof(host), "%s%s", wild ? "a.b." : "a.",
	    wild ? *mx + 2 : *mx);
	MUST(!policy_mx_match(mx, 1, host));
	MUST(!wild || !policy_mx_match(mx, 1, *mx + 2));
	MUST(!wild || !policy_mx_match(mx, 1, *mx + 1));
}

/* Written and read again it is the same. */
static void
check_written(const struct policy *policy)
{
	size_t len = policy_write(policy, NULL, 0);
	uint8_t *body = malloc(len);
	struct policy *again;

	MUST(body != NULL && policy_write(policy, body, len) == len);
	MUST(policy_parse(body, len, NULL, NULL, &again) == 0);
	MUST(again->mode == policy->mode && again->dnssec == policy->dnssec);
	MUST(again->max_age_s == policy->max_age_s);
	MUST(again->n_mx == policy->n_mx);
	for (size_t i = 0; i < policy->n_mx; i++)
		MUST(strcmp(again->mx[i], policy->mx[i]) == 0);
	policy_free(&again);
	free(body);
}

static void
check_policy(const struct policy *policy)
{
	check_written(policy);
	MUST(policy->max_age_s <= POLICY_MAX_AGE_LIMIT_S);
	MUST(policy->n_mx > 0 || policy->mode == POLICY_MODE_NONE);
	for (size_t i = 0; i < policy->n_mx; i++)
		check_pattern(&policy->mx[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct notes notes = {.last_line = 0};
	struct policy *policy = NULL;
	int err = policy_parse(data, size, take_note, &notes, &policy);

	MUST(err == 0 || err == ERR_SYNTAX);
	MUST((err == 0) == (policy != NULL));
	MUST((err == 0) == (notes.count[POLICY_NOTE_ERROR] == 0));
	MUST(notes.count[POLICY_NOTE_ERROR] <= NOTES_MAX);
	MUST(notes.count[POLICY_NOTE_WARNING] <= NOTES_MAX);
	if (policy != NULL)
		check_policy(policy);
	policy_free(&policy);
	oracle_policy_compare(data, size);
	return 0;
}
