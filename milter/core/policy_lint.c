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

/* A value that holds another field: "STSv1 mode: enforce" or "STSv1;mode:...".
 */
bool
policy_lint_is_joined(const struct policy_field *field,
    const char *const *known, size_t n_known)
{
	for (size_t at = 1; at < field->len; at++) {
		if (!ascii_is_wsp(field->value[at - 1]) &&
		    memchr(";,", field->value[at - 1], 2) == NULL)
			continue;
		for (size_t i = 0; i < n_known; i++) {
			size_t len = strlen(known[i]);

			if (field->len - at > len &&
			    memcmp(field->value + at, known[i], len) == 0 &&
			    field->value[at + len] == ':')
				return true;
		}
	}
	return false;
}

const char *
policy_lint_next(const struct policy *policy, unsigned *at)
{
	bool is_short = policy->max_age_s > 0 && policy->max_age_s < DAY_S;

	while (*at < 3)
		switch ((*at)++) {
		case 0: /* K1 */
			if (policy->dnssec && policy->mode == POLICY_MODE_NONE)
				return "\"dnssec: yes\" binds in mode none "
				       "too: remove the field to withdraw it";
			break;
		case 1:
			if (policy->dnssec && is_short)
				return "\"dnssec: yes\" lasts less than a "
				       "day: set max_age to weeks";
			break;
		case 2: /* RFC 8461 3.2: "weeks or greater" */
			if (!policy->dnssec && is_short &&
			    policy->mode != POLICY_MODE_NONE)
				return "max_age: less than a day: senders "
				       "forget the policy; set it to weeks";
			break;
		}
	return NULL;
}
