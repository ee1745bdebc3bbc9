/*
 * The decision: facts and rules in, verdict out (REQUIREMENTS D-01 to D-23,
 * C-01 to C-08, S-01, S-03). The whole security of the project
 * is in here.
 *
 * Pure: no clock, no lookup, no log. Any thread.
 */
#ifndef CORE_DECIDE_H
#define CORE_DECIDE_H

#include "core/facts.h"
#include "core/verdict.h"

enum rule_hosts {
	RULE_HOSTS_ALL,
	RULE_HOSTS_ANY
};
enum rule_tlsa {
	RULE_TLSA_CHECKED,
	RULE_TLSA_REQUIRED,
	RULE_TLSA_IGNORED
};
enum rule_mx_patterns {
	RULE_MX_PATTERNS_IGNORE,
	RULE_MX_PATTERNS_ENFORCE
};
enum rule_failure {
	RULE_PASS,
	RULE_TEMPFAIL
};
enum rule_action {
	RULE_ACTION_TEMPFAIL,
	RULE_ACTION_REJECT,
	RULE_ACTION_QUARANTINE
};

/* The options of dane-sts-milter.conf(5) that bear upon a verdict. Zeroed
 * memory but for on_resolver_failure holds the defaults. */
struct rules {
	enum rule_hosts hosts;
	enum rule_tlsa tlsa;
	enum rule_mx_patterns mx_patterns;
	enum rule_failure on_discovery_failure;
	enum rule_failure on_bogus_discovery;
	enum rule_failure on_resolver_failure;
	enum rule_action action;
};

enum decide_when {
	/* Some lookups may still be under way: judge only what no later
	 * answer can change. */
	DECIDE_PARTIAL,
	/* Nothing more will come: a missing answer counts as failed (D-08). */
	DECIDE_FINAL
};

/*
 * True: *verdict is filled in. False (DECIDE_PARTIAL only): an answer that is
 * still missing could change the kind of verdict; *verdict is not to be used.
 * An early verdict may name another record than the final one.
 *
 * The recipient's class is judged too: only ADDRESS_DOMAIN has a policy.
 * Scope (local mailers, exemptions) was settled before, see core/scope.h.
 *
 * A pinned domain (T-14) is bound without a policy; a policy that is found
 * beside the pin adds its mx patterns.
 */
bool decide(const struct facts *facts, const struct rules *rules,
    enum decide_when when, struct verdict *verdict);

/*
 * For want of memory nothing was looked up: only whether the domain is pinned
 * is known (D-20, C-15). Fills in *facts as well, to which *verdict points;
 * domain and why are borrowed.
 */
void decide_without_facts(const char *domain, bool pinned, const char *why,
    const struct rules *rules, struct facts *facts, struct verdict *verdict);

/* What the engine has to look up next, by the same rules. */
struct wants {
	bool fetch;    /* the policy: C-03, T-12 */
	bool delivery; /* MX, or the hosts if no_mx: the domain may bind */
};
void decide_wants(const struct facts *facts, struct wants *out);

/* Which policy applies to a domain (C-01 to C-08). Part of decide(). */
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

#endif
