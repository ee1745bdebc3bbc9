/*
 * What is no error in a policy but hardly what its publisher meant. For
 * core/policy.c; see there for how it reaches people.
 *
 * Pure. Any thread. No allocation.
 */
#ifndef CORE_POLICY_LINT_H
#define CORE_POLICY_LINT_H

#include "core/policy.h"

/*
 * A name that no field has: the known name it resembles ("Version", "max-age",
 * "dnsec"), or NULL.
 */
const char *policy_lint_resembles(const char *name, const char *const *known,
    size_t n_known);

/* Warnings about the policy as a whole, one a call; NULL: no more. */
const char *policy_lint_next(const struct policy *policy, unsigned *at);

#endif
