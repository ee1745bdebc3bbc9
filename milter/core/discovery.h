/*
 * Which policy applies to a domain (REQUIREMENTS C-01 to C-08). Part of
 * decide().
 *
 * Pure. Any thread.
 */
#ifndef CORE_DISCOVERY_H
#define CORE_DISCOVERY_H

#include "core/facts.h"
#include "core/verdict.h"

struct discovery {
	/* As things stand; NULL: none. Points into the facts. */
	const struct fact_policy *policy;
	enum policy_from from;
	/* The TXT names a policy that is not stored (C-03), or its absence is
	 * not proven and nothing is stored (T-12). */
	bool fetch_needed;
	/* The TXT or a fetch that is needed may still come, and with it
	 * another policy. */
	bool pending;
};

void discovery_judge(const struct facts *facts, struct discovery *out);

/* the TXT was read, and the policy is the one that it names. What a
 * deadline cut short was not looked at to the end. */
bool discovery_is_fresh(const struct facts *facts,
    const struct discovery *discovery);

#endif
