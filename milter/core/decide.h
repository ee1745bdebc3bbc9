/*
 * The decision: facts and rules in, verdict out (REQUIREMENTS D-01 to D-23,
 * C-01 to C-08, S-01, S-03). The security of the whole project
 * rests on it. delivery.c judges MX, addresses and TLSA, decide.c all the rest.
 *
 * Pure: no clock, no lookup, no log. Any thread.
 */
#ifndef CORE_DECIDE_H
#define CORE_DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* The options of dane-sts-milter.conf(5) that affect a verdict. Zeroed memory
 * holds the defaults, except for on_resolver_failure. */
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
	/* Some lookups may still be under way: give a verdict only if no later
	 * answer can change it. */
	DECIDE_PARTIAL,
	/* No further answer will come: a missing one counts as failed (D-08).
	 */
	DECIDE_FINAL
};

/*
 * True: *verdict is filled in. False (DECIDE_PARTIAL only): an answer that is
 * still missing could change the kind of verdict; *verdict must not be used.
 * An early verdict may name another record than the final one.
 *
 * Only a recipient of class ADDRESS_DOMAIN has a policy. core/scope.h has
 * already sorted out local mailers and exemptions.
 *
 * A pinned domain (T-14) requires DNSSEC without a policy; a policy that is
 * found beside the pin adds its mx patterns.
 */
bool decide(const struct facts *facts, const struct rules *rules,
    enum decide_when when, struct verdict *verdict);

/*
 * The verdict when memory was too short for any lookup (D-20, C-15): only the
 * pin of the domain is known. Fills in *facts as well, to which *verdict
 * points; domain and why are borrowed.
 */
void decide_without_facts(const char *domain, bool pinned, const char *why,
    const struct rules *rules, struct facts *facts, struct verdict *verdict);

/* The lookups that the engine has to make next, by the same rules. */
struct wants {
	bool fetch;    /* the policy: discovery.fetch_needed */
	bool delivery; /* MX, or the hosts if no_mx */
};
void decide_wants(const struct facts *facts, struct wants *out);

/* Which policy applies to a domain (C-01 to C-08). Part of decide(). */
struct discovery {
	/* By the answers so far; NULL: none. Points into the facts. */
	const struct fact_policy *policy;
	enum policy_from from;
	/* The TXT names a policy that is not stored (C-03), or its absence is
	 * not proven and nothing is stored (T-12). */
	bool fetch_needed;
	/* The TXT record, or a fetch that is needed, may still bring another
	 * policy. */
	bool pending;
	/* There is no TXT record that names one, and that is proven or of an
	 * unsigned zone (T-09). */
	bool none_published;
};

void discovery_judge(const struct facts *facts, struct discovery *out);

/*
 * The way to a domain that requires DNSSEC: MX, then A, AAAA and TLSA of every
 * host (REQUIREMENTS D-05 to D-19). Part of decide().
 */
enum delivery_state {
	DELIVERY_GOOD, /* for reason; no later answer can change it */
	DELIVERY_BAD,  /* no later answer can make it good */
	DELIVERY_OPEN  /* bad only because answers are missing */
};

struct delivery {
	enum delivery_state state;
	enum reason reason;
	struct evidence decided_by;
	struct evidence worst; /* of the hosts */
	unsigned hosts_good;
	unsigned hosts_total;
	bool more; /* a missing answer could be worse evidence */
};

/* policy NULL: not known; then mx patterns are not checked. */
void delivery_judge(const struct facts *facts, const struct rules *rules,
    const struct fact_policy *policy, struct delivery *out);

/*
 * True if SMTP can use a TLSA record (RFC 7672 3.1). rdata: usage, selector,
 * matching type, data (RFC 6698 2.1), any octets.
 */
bool tlsa_is_usable(const uint8_t *rdata, size_t len);

#endif
