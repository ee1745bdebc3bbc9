/*
 * The grammar of a policy body, line by line (RFC 8461 3.2; REQUIREMENTS P-01,
 * P-02, P-07, P-08, P-11). For the policy modules only; see core/policy.h.
 *
 * Pure. Any thread. No allocation. Checks return NULL, or a static text for
 * people that describes the error.
 */
#ifndef CORE_POLICY_FIELD_H
#define CORE_POLICY_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLICY_FIELD_NAME_MAX 32

struct policy_lines {
	const uint8_t *at;
	const uint8_t *end;
	size_t number; /* of the line read last; the first is 1 */
};

struct policy_line {
	const uint8_t *at;
	size_t len; /* without its terminator, LF or CRLF */
};

/* False: there are no more lines. A terminator at the end of the body begins no
 * further line. */
bool policy_line_next(struct policy_lines *lines, struct policy_line *out);

struct policy_field {
	char name[POLICY_FIELD_NAME_MAX + 1];
	const uint8_t *value; /* white space around it taken off */
	size_t len;
};

/* Splits a line with any field, known or not, into name and value. */
const char *
policy_field_split(const struct policy_line *line, struct policy_field *out);

/* ["*."] Domain, of RFC 5321 4.1.2. */
const char *policy_mx_check(const uint8_t *value, size_t len);

/* Warnings: the policy is valid, but probably not what its publisher meant. */

/*
 * Returns the known name that the name of an unknown field resembles
 * ("Version", "max-age", "dnsec"), or NULL.
 */
const char *policy_lint_resembles(const char *name, const char *const *known,
    size_t n_known);

/* True if the value contains a known field: several fields on one line, as in
 * "STSv1 mode: enforce" or "STSv1;mode:...". */
bool policy_lint_is_joined(const struct policy_field *field,
    const char *const *known, size_t n_known);

#endif
