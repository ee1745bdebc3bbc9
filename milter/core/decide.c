/*
 * From facts to a verdict: is there a policy, does it require DNSSEC ("bind"),
 * and are the domain's records secure? Combines the policy, the findings of
 * delivery.c and the rules of the configuration.
 */
#include "autoconf.h"

#include "core/decide.h"

#include <string.h>

#include "core/delivery.h"

/* --- which policy applies: the one just fetched, the stored one, or none ---
 */

/*
 * T-12: an attacker who strips DNSSEC suppresses the TXT as well, so that a
 * fetch is tried without it. But while our own path to the DNS does not
 * validate, no denial is ever proven, and every domain would be fetched.
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

	/* C-07: at once, also when it is weaker. C-08: max_age 0 counts for
	 * the transaction it was fetched for. */
	if (facts->fetch.state == FETCH_OK) {
		out->policy = &facts->fetch.policy;
		out->from = POLICY_FROM_FETCH;
		out->pending = false;
		return;
	}
	/* C-04, C-05: neither a bad TXT nor a failed fetch takes it away. */
	out->policy = live;
	out->from = live != NULL ? POLICY_FROM_CACHE : POLICY_FROM_NONE;
	out->pending = facts->txt_state == TXT_UNASKED || facts->txt_late ||
	    (out->fetch_needed && facts->fetch.state == FETCH_UNASKED);
}

/* --- the verdict --- */

static bool
has_domain(const struct facts *facts)
{
	return facts->recipient.class == ADDRESS_DOMAIN &&
	    facts->recipient.domain != NULL &&
	    facts->recipient.domain[0] != '\0';
}

static void
pass(struct verdict *verdict, enum reason reason)
{
	verdict->kind = VERDICT_PASS;
	verdict->reason = reason;
}

/* */
static void
judge_without_domain(const struct facts *facts, const struct rules *rules,
    struct verdict *verdict)
{
	const struct fact_recipient *recipient = &facts->recipient;

	switch (recipient->class) {
	case ADDRESS_LOCAL:
		pass(verdict, REASON_NO_DOMAIN);
		return;
	case ADDRESS_LITERAL:
		pass(verdict, REASON_LITERAL);
		return;
	case ADDRESS_DOMAIN: /* and yet there is none */
	case ADDRESS_INVALID:
		break;
	}
	pass(verdict, REASON_INVALID_ADDRESS);
	verdict->policy_known = false;
	/* the MTA routes a domain that cannot be looked up here. */
	if ((recipient->mailer != NULL || recipient->host != NULL) &&
	    rules->on_discovery_failure == RULE_TEMPFAIL)
		verdict->kind = VERDICT_DEFER;
}

/* T-09 */
static bool
publishes_nothing(const struct facts *facts)
{
	return facts->txt_state == TXT_NONE ||
	    facts->txt_state == TXT_MULTIPLE || facts->txt_state == TXT_INVALID;
}

/* Whether there is a policy could not be found out (C-06, C-10, S-03, K9),
 * perhaps by our own failure (C-15). */
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

	/* D-20: that there is no TXT record means nothing then. */
	if (facts->internal_error) {
		e = (struct evidence){.why = facts->internal_why};
		fail_discovery(facts, rules, e, verdict);
		return;
	}
	switch (facts->txt_state) {
	case TXT_NONE:
	case TXT_MULTIPLE:
	case TXT_INVALID:
		pass(verdict, REASON_NO_POLICY); /* T-09 */
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

/* a permanent failure needs evidence that is not of a passing nature. */
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

/* The verdict on a recipient of a bound domain that is not secure (A-01 to
 * */
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
 * Whether the verdict stays the same if worse evidence turns up. Worse evidence
 * (evidence_rank in delivery.c) is a record that is not secure. With a broken
 * resolver only that makes a difference; for a rejection, whether the status is
 * permanent.
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

/* Of a delivery that is good as long as no policy is known. */
static bool
patterns_may_matter(const struct rules *rules, const struct delivery *delivery)
{
	return delivery->reason == REASON_SECURE &&
	    rules->mx_patterns == RULE_MX_PATTERNS_ENFORCE;
}

static void
verdict_take(struct verdict *verdict, const struct delivery *delivery)
{
	verdict->reason = delivery->reason;
	verdict->decided_by = delivery->decided_by;
	verdict->worst = delivery->worst;
	verdict->hosts_good = delivery->hosts_good;
	verdict->hosts_total = delivery->hosts_total;
}

/* the TXT was read, and the policy is the one that it names. A pinned
 * domain may have none: then there is nothing to update. */
static bool
is_fresh(const struct facts *facts, const struct discovery *discovery)
{
	/* After a deadline the policy was not checked to the end. */
	if (facts->deadline)
		return false;
	if (facts->txt_state == TXT_VALID)
		return discovery->from == POLICY_FROM_FETCH ||
		    !discovery->fetch_needed;
	return discovery->policy == NULL && publishes_nothing(facts);
}

/*
 * False: open. While discovery is pending (DECIDE_PARTIAL; the domain is
 * pinned, then), another policy may bring other mx patterns, the store's error
 * may cease to matter, and a rejection needs discovery to end.
 */
static bool
judge_bound(const struct facts *facts, const struct rules *rules,
    enum decide_when when, const struct discovery *discovery,
    struct verdict *verdict)
{
	const bool early = discovery->pending && when == DECIDE_PARTIAL;
	const bool fresh = is_fresh(facts, discovery);
	struct delivery delivery;

	if (facts->internal_error) { /* D-20 */
		verdict->reason = REASON_INTERNAL_ERROR;
		verdict->decided_by.why = facts->internal_why;
		verdict->kind = refusal(rules, verdict->reason, fresh);
		return !early;
	}
	delivery_judge(facts, rules, early ? NULL : discovery->policy,
	    &delivery);
	verdict_take(verdict, &delivery);
	if (delivery.state == DELIVERY_GOOD) {
		verdict->kind = VERDICT_PASS;
		return !early || !patterns_may_matter(rules, &delivery);
	}
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

/* Whether discovery can still end in a deferral of its own. */
static bool
discovery_may_defer(const struct facts *facts, const struct rules *rules)
{
	if (fact_policy_is_live(facts->stored))
		return false;
	return rules->on_discovery_failure == RULE_TEMPFAIL ||
	    (rules->on_bogus_discovery == RULE_TEMPFAIL &&
		facts->txt_state != TXT_VALID);
}

/* The policy is on its way: is all well, whatever it says? False: open. */
static bool
judge_early(const struct facts *facts, const struct rules *rules,
    struct verdict *verdict)
{
	struct delivery delivery;

	if (facts->internal_error || discovery_may_defer(facts, rules))
		return false;
	delivery_judge(facts, rules, NULL, &delivery);
	if (delivery.state != DELIVERY_GOOD ||
	    patterns_may_matter(rules, &delivery))
		return false;
	verdict_take(verdict, &delivery);
	verdict->kind = VERDICT_PASS;
	return true;
}

/* By its policy (D-01, D-03, D-04, K1: whatever its mode), or by a pin that
 * needs no policy (T-14). */
static bool
is_bound(const struct facts *facts, const struct discovery *discovery)
{
	return facts->pinned ||
	    (discovery->policy != NULL && discovery->policy->dnssec);
}

bool
decide(const struct facts *facts, const struct rules *rules,
    enum decide_when when, struct verdict *verdict)
{
	struct discovery discovery;
	bool early;

	*verdict = (struct verdict){.policy_known = true};
	if (!has_domain(facts)) {
		judge_without_domain(facts, rules, verdict);
		return true;
	}
	verdict->pinned = facts->pinned;
	discovery_judge(facts, &discovery);
	early = discovery.pending && when == DECIDE_PARTIAL;
	verdict->policy_known =
	    !early && (discovery.policy != NULL || publishes_nothing(facts));
	if (early && !facts->pinned)
		return judge_early(facts, rules, verdict);
	verdict->policy = discovery.policy;
	verdict->policy_from = discovery.from;
	if (is_bound(facts, &discovery))
		return judge_bound(facts, rules, when, &discovery, verdict);
	if (discovery.policy == NULL)
		judge_no_policy(facts, rules, verdict);
	else
		pass(verdict, REASON_NO_DNSSEC_FLAG); /* D-01 */
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
	if (!has_domain(facts))
		return;
	discovery_judge(facts, &discovery);
	out->fetch =
	    discovery.fetch_needed && facts->fetch.state == FETCH_UNASKED;
	/* A policy that the TXT names is expected to bind. One that may not
	 * exist (T-12) is not worth the questions. */
	out->delivery = (out->fetch && facts->txt_state == TXT_VALID) ||
	    is_bound(facts, &discovery);
}
