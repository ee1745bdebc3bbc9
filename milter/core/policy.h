/*
 * The body of an MTA-STS policy (RFC 8461 3.2, draft-frickl 2; REQUIREMENTS
 * P-01 to P-18, M-01 to M-05).
 *
 * Pure. Any thread. A parsed policy is immutable.
 */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/names.h"

#define POLICY_MAX_AGE_LIMIT_S 31557600U /* RFC 8461 3.2; P-13 */

/* X(member, name in policies, logs and facts) */
#define POLICY_MODE_TABLE(X)              \
	X(POLICY_MODE_NONE, "none")       \
	X(POLICY_MODE_TESTING, "testing") \
	X(POLICY_MODE_ENFORCE, "enforce")

enum policy_mode {
	POLICY_MODE_TABLE(NAMES_MEMBER)
};

struct policy {
	enum policy_mode mode;
	uint32_t max_age_s; /* capped at POLICY_MAX_AGE_LIMIT_S */
	bool dnssec;        /* exactly "dnssec: yes" (P-15) */
	size_t n_mx;
	const char *const *mx; /* lower case, "*." kept */
};

/* Findings of the parser. An error makes the body invalid, a warning does not.
 */
enum policy_note_level {
	POLICY_NOTE_WARNING,
	POLICY_NOTE_ERROR
};
typedef void policy_note_fn(void *arg, enum policy_note_level level,
    size_t line, const char *text);

/*
 * Parses any octets. Calls note, unless NULL, for every finding in the order of
 * lines (line 0: the body as a whole), so that the lint command and the log
 * report the same. *out is set on success only; free it with policy_free. 0,
 * ERR_SYNTAX or ERR_NOMEM.
 */
int policy_parse(const uint8_t *body, size_t len, policy_note_fn *note,
    void *note_arg, struct policy **out);
void policy_free(struct policy **policy);

/*
 * Writes a body that parses to this policy: the fields that this program knows
 * and no others. Returns its size; out is complete if that is at most size, and
 * gets no NUL.
 */
size_t policy_write(const struct policy *policy, uint8_t *out, size_t size);

/*
 * RFC 8461 4.1: true if a pattern covers the MX host name (M-01 to M-04). host:
 * any case, with or without a final dot.
 */
bool policy_mx_match(const char *const *mx, size_t n_mx, const char *host);

const char *policy_mode_name(enum policy_mode mode);
/* -1 if there is none of that name; case matters (P-04). */
int policy_mode_by_name(const char *name, size_t len);

#endif
