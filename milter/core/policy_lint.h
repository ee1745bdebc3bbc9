/*
 * Mistakes that publishers make: those that the grammar accepts, and better
 * words for those that it rejects. For core/policy.c, which reports them.
 *
 * Pure. Any thread. No allocation.
 */
#ifndef CORE_POLICY_LINT_H
#define CORE_POLICY_LINT_H

#include "core/policy.h"
#include "core/policy_field.h"

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
