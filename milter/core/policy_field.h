/*
 * The grammar of a policy body, line by line (RFC 8461 3.2; REQUIREMENTS P-01,
 * P-02, P-07, P-08, P-11). For the policy modules only; see core/policy.h.
 *
 * Pure. Any thread. No allocation. Checks return NULL or, as static text for
 * people, what is wrong.
 */
#ifndef CORE_POLICY_FIELD_H
#define CORE_POLICY_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/policy.h"

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

/* False: there are no more. What follows a final terminator is no line. */
bool policy_line_next(struct policy_lines *lines, struct policy_line *out);
/* Empty, or nothing but white space (K3). */
bool policy_line_is_blank(const struct policy_line *line);

struct policy_field {
	char name[POLICY_FIELD_NAME_MAX + 1];
	const uint8_t *value; /* white space around it taken off */
	size_t len;
};

/* Any field, known or not; what the value may be is another matter. */
const char *
policy_field_split(const struct policy_line *line, struct policy_field *out);
bool policy_value_is(const struct policy_field *field, const char *text);

/* ["*."] Domain, of RFC 5321 4.1.2. In core/policy_mx.c. */
const char *policy_mx_check(const uint8_t *value, size_t len);
/* A warning: what the grammar takes but no MX host can match; or NULL. */
const char *policy_mx_doubt(const uint8_t *value, size_t len);

/* What is no error in a policy but hardly what its publisher meant. */

/*
 * A name that no field has: the known name it resembles ("Version", "max-age",
 * "dnsec"), or NULL.
 */
const char *policy_lint_resembles(const char *name, const char *const *known,
    size_t n_known);

/* Whether the value holds a known field in turn: several fields stand on one
 * line. */
bool policy_lint_is_joined(const struct policy_field *field,
    const char *const *known, size_t n_known);

/* Warnings about the policy as a whole, one a call; NULL: no more. */
const char *policy_lint_next(const struct policy *policy, unsigned *at);

#endif
