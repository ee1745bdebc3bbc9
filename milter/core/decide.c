/*
 * Derives the verdict from the facts: is there a policy, does it require DNSSEC
 * (then it "binds" the domain), and are the domain's records secure? Combines
 * the policy, the findings of delivery.c and the rules of the configuration.
 */
#include "autoconf.h"

#include "core/decide.h"

#include <string.h>

/* --- which policy applies: the one just fetched, the stored one, or none ---
 */

/*
 * T-12: an attacker who strips DNSSEC can also suppress the TXT record, so a
 * fetch is tried without it. Not while our own path to the DNS fails to
 * validate: then no denial is ever proven, and every domain would be fetched.
 */
static bool
needs_fetch(const struct facts *facts, const struct fact_policy *live)
{
	switch (facts->txt_state) {
	case TXT_VALID:
		return live == NULL || facts->txt_id == NULL ||
		    live->id == NULL || strcmp(facts->txt_id, live->id) != 0;
	case TXT_FAILED:
	case TXT_BOGUS:
		return live == NULL && !facts->resolver_broken;
	case TXT_UNASKED:
	case TXT_NONE:
	case TXT_MULTIPLE:
	case TXT_INVALID:
		break;
	}
	return false;
}

void
discovery_judge(const struct facts *facts, struct discovery *out)
{
	const struct fact_policy *live =
	    fact_policy_is_live(facts->stored) ? facts->stored : NULL;

	out->fetch_needed = needs_fetch(facts, live);
	out->none_published = facts->txt_state == TXT_NONE ||
	    facts->txt_state == TXT_MULTIPLE || facts->txt_state == TXT_INVALID;

	/* C-07: a new policy applies at once, even if it is weaker. C-08: one
	 * with max_age 0 applies to the transaction it was fetched for. */
	if (facts->fetch.state == FETCH_OK) {
		out->policy = &facts->fetch.policy;
		out->from = POLICY_FROM_FETCH;
		out->pending = false;
		return;
	}
	/* C-04, C-05: the stored policy survives a bad TXT and a failed fetch.
	 */
	out->policy = live;
	out->from = live != NULL ? POLICY_FROM_CACHE : POLICY_FROM_NONE;
	out->pending = facts->txt_state == TXT_UNASKED || facts->txt_late ||
	    (out->fetch_needed && facts->fetch.state == FETCH_UNASKED);
}

/* --- the verdict --- */

/* judges a recipient without a policy domain. False: it has
 * one. */
static bool
judge_without_domain(const struct facts *facts, const struct rules *rules,
    struct verdict *verdict)
{
	const struct fact_recipient *recipient = &facts->recipient;

	switch (recipient->class) {
	case ADDRESS_LOCAL:
		verdict->reason = REASON_NO_DOMAIN;
		return true;
	case ADDRESS_LITERAL:
		verdict->reason = REASON_LITERAL;
		return true;
	case ADDRESS_DOMAIN:
		if (recipient->domain != NULL && recipient->domain[0] != '\0')
			return false;
		break;
	case ADDRESS_INVALID:
		break;
	}
	verdict->reason = REASON_INVALID_ADDRESS;
	verdict->policy_known = false;
	/* the MTA routes a domain that cannot be looked up here. */
	if ((recipient->mailer != NULL || recipient->host != NULL) &&
	    rules->on_discovery_failure == RULE_TEMPFAIL)
		verdict->kind = VERDICT_DEFER;
	return true;
}

/* Discovery failed, so it is not known whether the domain has a policy (C-06,
 * C-10, S-03, K9). The cause may be our own (C-15). e: the record that failed,
 * without its name. */
static void
fail_discovery(const struct facts *facts, const struct rules *rules,
    struct evidence e, struct verdict *verdict)
{
	enum rule_failure rule = rules->on_discovery_failure;

	e.name = facts->recipient.domain;
	verdict->decided_by = e;
	verdict->policy_known = false;
	verdict->reason = REASON_DISCOVERY_FAILED;
	if (facts->internal_error) {
		verdict->reason = REASON_INTERNAL_ERROR;
		if (facts->txt_state == TXT_BOGUS && rule == RULE_PASS)
			rule = rules->on_bogus_discovery;
	} else if (e.status == FACT_BOGUS) {
		verdict->reason = REASON_DISCOVERY_BOGUS;
		rule = rules->on_bogus_discovery;
	} else if (facts->deadline &&
	    (e.status == FACT_UNASKED || facts->txt_late)) {
		verdict->reason = REASON_DEADLINE;
		if (e.why == NULL)
			verdict->decided_by.why = e.kind == EVIDENCE_TXT
			    ? "the TXT record was not answered in time"
			    : "the policy was not fetched in time";
	}
	verdict->kind = rule == RULE_TEMPFAIL ? VERDICT_DEFER : VERDICT_PASS;
}

static void
judge_no_policy(const struct facts *facts, const struct rules *rules,
    struct verdict *verdict)
{
	struct evidence e = {.kind = EVIDENCE_TXT, .why = facts->txt_why};

	/* D-20: after an internal error a missing TXT record means nothing. */
	if (facts->internal_error) {
		e = (struct evidence){.why = facts->internal_why};
		fail_discovery(facts, rules, e, verdict);
		return;
	}
	switch (facts->txt_state) {
	case TXT_NONE:
	case TXT_MULTIPLE:
	case TXT_INVALID:
		verdict->reason = REASON_NO_POLICY; /* see none_published */
		return;
	case TXT_BOGUS:
		e.status = FACT_BOGUS;
		break;
	case TXT_FAILED:
		e.status = FACT_FAILED;
		break;
	case TXT_UNASKED:
		e.status = FACT_UNASKED;
		break;
	case TXT_VALID:
		e.kind = EVIDENCE_FETCH;
		e.status = facts->fetch.state == FETCH_UNASKED ? FACT_UNASKED
							       : FACT_FAILED;
		e.why = facts->fetch.error;
		break;
	}
	fail_discovery(facts, rules, e, verdict);
}

/* only evidence that does not pass by itself permits a rejection. */
static const bool is_permanent[REASON_COUNT] = {
    [REASON_MX_INSECURE] = true,
    [REASON_MX_BOGUS] = true,
    [REASON_ADDRESS_INSECURE] = true,
    [REASON_ADDRESS_BOGUS] = true,
    [REASON_TLSA_INSECURE] = true,
    [REASON_TLSA_BOGUS] = true,
    [REASON_TLSA_MISSING] = true,
    [REASON_MX_MISMATCH] = true,
};

/* The verdict for a domain that requires DNSSEC and is not secure (A-01 to
 * fresh: see is_fresh(). */
static enum verdict_kind
refusal(const struct rules *rules, enum reason reason, bool fresh)
{
	if (reason == REASON_RESOLVER_BROKEN &&
	    rules->on_resolver_failure == RULE_PASS)
		return VERDICT_PASS;
	switch (rules->action) {
	case RULE_ACTION_TEMPFAIL:
		break;
	case RULE_ACTION_REJECT:
		if (fresh && is_permanent[reason])
			return VERDICT_REJECT;
		break;
	case RULE_ACTION_QUARANTINE:
		return VERDICT_QUARANTINE;
	}
	return VERDICT_DEFER;
}

/*
 * True if the verdict stays the same when worse evidence turns up. Worse
 * evidence (evidence_rank in delivery.c) is a record that is not secure. With a
 * broken resolver only "not secure" makes a difference; for a rejection the
 * status must be a permanent one.
 */
static bool
evidence_is_stable(const struct facts *facts, const struct rules *rules,
    const struct evidence *e)
{
	bool secure = e->status == FACT_SECURE;

	if (facts->resolver_broken)
		return !secure ||
		    (rules->action != RULE_ACTION_REJECT &&
			rules->on_resolver_failure == RULE_TEMPFAIL);
	return rules->action != RULE_ACTION_REJECT ||
	    (!secure && e->status != FACT_FAILED);
}

/*
 * Judges the delivery and copies the findings into the verdict. policy NULL:
 * not known. True: the delivery is good, whatever policy is found later: a
 * later policy can exclude a host only by its mx patterns, and only under
 * mx_patterns = enforce.
 */
static bool
judge_delivery(const struct facts *facts, const struct rules *rules,
    const struct fact_policy *policy, struct delivery *delivery,
    struct verdict *verdict)
{
	delivery_judge(facts, rules, policy, delivery);
	verdict->reason = delivery->reason;
	verdict->decided_by = delivery->decided_by;
	verdict->worst = delivery->worst;
	verdict->hosts_good = delivery->hosts_good;
	verdict->hosts_total = delivery->hosts_total;
	return delivery->state == DELIVERY_GOOD &&
	    (delivery->reason != REASON_SECURE ||
		rules->mx_patterns != RULE_MX_PATTERNS_ENFORCE);
}

/* the TXT was read, and the policy is the one that it names. A pinned
 * domain without a policy has nothing to update. */
static bool
is_fresh(const struct facts *facts, const struct discovery *discovery)
{
	/* At a deadline the check of the policy was broken off. */
	if (facts->deadline)
		return false;
	if (facts->txt_state == TXT_VALID)
		return discovery->from == POLICY_FROM_FETCH ||
		    !discovery->fetch_needed;
	return discovery->policy == NULL && discovery->none_published;
}

/*
 * False: the verdict is open. While discovery is pending (DECIDE_PARTIAL, and
 * the domain is pinned), another policy may bring other mx patterns, a fetch
 * may make the store's error irrelevant, and a rejection has to wait for the
 * end of discovery.
 */
static bool
judge_bound(const struct facts *facts, const struct rules *rules,
    enum decide_when when, const struct discovery *discovery,
    struct verdict *verdict)
{
	const bool early = discovery->pending && when == DECIDE_PARTIAL;
	const bool fresh = is_fresh(facts, discovery);
	struct delivery delivery;
	bool for_any_policy;

	if (facts->internal_error) {
		/* A fault of our own must not let it pass (D-20). */
		verdict->reason = REASON_INTERNAL_ERROR;
		verdict->decided_by.why = facts->internal_why;
		verdict->kind = refusal(rules, verdict->reason, fresh);
		return !early;
	}
	for_any_policy = judge_delivery(facts, rules,
	    early ? NULL : discovery->policy, &delivery, verdict);
	if (delivery.state == DELIVERY_GOOD)
		return !early || for_any_policy;
	if (facts->resolver_broken && delivery.decided_by.status != FACT_SECURE)
		verdict->reason = REASON_RESOLVER_BROKEN;
	verdict->kind = refusal(rules, verdict->reason, fresh);
	if (when == DECIDE_FINAL)
		return true;
	if (early && rules->action == RULE_ACTION_REJECT)
		return false;
	return delivery.state == DELIVERY_BAD &&
	    (!delivery.more ||
		evidence_is_stable(facts, rules, &delivery.decided_by));
}

/* The policy is still being looked up. True: the domain passes whatever policy
 * is found. False: the verdict is open. */
static bool
judge_early(const struct facts *facts, const struct rules *rules,
    struct verdict *verdict)
{
	struct delivery delivery;

	if (facts->internal_error)
		return false;
	/* Without a stored policy a failure of discovery may defer by itself.
	 */
	if (!fact_policy_is_live(facts->stored) &&
	    (rules->on_discovery_failure == RULE_TEMPFAIL ||
		(rules->on_bogus_discovery == RULE_TEMPFAIL &&
		    facts->txt_state != TXT_VALID)))
		return false;
	return judge_delivery(facts, rules, NULL, &delivery, verdict);
}

bool
decide(const struct facts *facts, const struct rules *rules,
    enum decide_when when, struct verdict *verdict)
{
	struct discovery discovery;
	bool early;

	*verdict = (struct verdict){.kind = VERDICT_PASS, .policy_known = true};
	if (judge_without_domain(facts, rules, verdict))
		return true;
	verdict->pinned = facts->pinned;
	discovery_judge(facts, &discovery);
	early = discovery.pending && when == DECIDE_PARTIAL;
	verdict->policy_known =
	    !early && (discovery.policy != NULL || discovery.none_published);
	if (early && !facts->pinned)
		return judge_early(facts, rules, verdict);
	verdict->policy = discovery.policy;
	verdict->policy_from = discovery.from;
	/* D-01, D-03, D-04, K1: a policy binds in every mode. T-14: a pin binds
	 * without a policy. */
	if (verdict_is_bound(verdict))
		return judge_bound(facts, rules, when, &discovery, verdict);
	if (discovery.policy == NULL)
		judge_no_policy(facts, rules, verdict);
	else
		verdict->reason = REASON_NO_DNSSEC_FLAG; /* not bound (D-01) */
	return true;
}

void
decide_without_facts(const char *domain, bool pinned, const char *why,
    const struct rules *rules, struct facts *facts, struct verdict *verdict)
{
	*facts = (struct facts){
	    .recipient = {.class = ADDRESS_DOMAIN, .domain = domain},
	    .pinned = pinned,
	    .internal_error = true,
	    .internal_why = why,
	};
	(void)decide(facts, rules, DECIDE_FINAL, verdict);
}

void
decide_wants(const struct facts *facts, struct wants *out)
{
	struct discovery discovery;

	*out = (struct wants){.fetch = false};
	if (facts->recipient.class != ADDRESS_DOMAIN ||
	    facts->recipient.domain == NULL ||
	    facts->recipient.domain[0] == '\0')
		return;
	discovery_judge(facts, &discovery);
	out->fetch =
	    discovery.fetch_needed && facts->fetch.state == FETCH_UNASKED;
	/* A policy that the TXT names is expected to bind, so its delivery is
	 * looked up ahead. A policy that may not exist (T-12) is not worth
	 * these queries. */
	out->delivery = facts->pinned ||
	    (out->fetch && facts->txt_state == TXT_VALID) ||
	    (discovery.policy != NULL && discovery.policy->dnssec);
}
