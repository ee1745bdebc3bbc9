/*
 * Judges the records that lead mail to a domain: MX, A, AAAA and TLSA. A record
 * is either fine or evidence against the domain. The worst evidence is kept.
 */
#include "autoconf.h"

#include "core/decide.h"
#include "core/policy.h"

struct delivery_case {
	const struct facts *facts;
	const struct rules *rules;
	const struct fact_policy *patterns; /* must cover the hosts, or NULL */
};

enum host_state {
	HOST_SKIPPED, /* no destination (D-18) */
	HOST_GOOD,
	HOST_BAD,
	HOST_OPEN,
	HOST_STATES
};

/* Evidence against a host, or against all of them. */
struct findings {
	struct evidence worst;
	bool more; /* an answer is missing */
};

struct tally {
	unsigned hosts[HOST_STATES];
	struct findings findings;
	/* A skipped host, an unusable one if there is any; NULL: none. */
	const struct fact_host *skipped;
};

/* The reasons of a kind of record, by its status. */
struct reasons {
	enum reason insecure;
	enum reason bogus;
	enum reason failed;
};

static const struct reasons mx_reasons = {REASON_MX_INSECURE, REASON_MX_BOGUS,
    REASON_MX_FAILED};
static const struct reasons address_reasons = {REASON_ADDRESS_INSECURE,
    REASON_ADDRESS_BOGUS, REASON_ADDRESS_FAILED};
static const struct reasons tlsa_reasons = {REASON_TLSA_INSECURE,
    REASON_TLSA_BOGUS, REASON_TLSA_FAILED};

/*
 * Of several pieces of evidence, the one with the highest rank is named. Secure
 * evidence is a missing TLSA record or a name outside the policy. UNASKED comes
 * last, as the answer may still be fine.
 */
static unsigned
evidence_rank(const struct evidence *e)
{
	if (e->kind == EVIDENCE_NONE)
		return 0;
	switch (e->status) {
	case FACT_UNASKED:
		return 1;
	case FACT_SECURE:
		return 2;
	case FACT_FAILED:
		return 3;
	case FACT_INSECURE:
	case FACT_INDETERMINATE:
		return 4;
	case FACT_BOGUS:
		return 5;
	}
	return 0;
}

static void
findings_add(struct findings *findings, const struct evidence *e)
{
	if (e->kind != EVIDENCE_NONE && e->status == FACT_UNASKED)
		findings->more = true;
	if (evidence_rank(e) > evidence_rank(&findings->worst))
		findings->worst = *e;
}

static enum reason
reason_by_status(const struct reasons *reasons, enum fact_status status)
{
	switch (status) {
	case FACT_INSECURE:
	case FACT_INDETERMINATE: /* not validated is not secure (D-07) */
		return reasons->insecure;
	case FACT_BOGUS:
		return reasons->bogus;
	case FACT_UNASKED: /* no answer counts as failed (D-08) */
	case FACT_FAILED:
	case FACT_SECURE:
		break;
	}
	return reasons->failed;
}

static enum reason
evidence_reason(const struct evidence *e, bool deadline)
{
	if (e->status == FACT_UNASKED && deadline)
		return REASON_DEADLINE;
	switch (e->kind) {
	case EVIDENCE_MX:
		return reason_by_status(&mx_reasons, e->status);
	case EVIDENCE_A:
	case EVIDENCE_AAAA:
		return reason_by_status(&address_reasons, e->status);
	case EVIDENCE_TLSA:
		return e->status == FACT_SECURE
		    ? REASON_TLSA_MISSING
		    : reason_by_status(&tlsa_reasons, e->status);
	case EVIDENCE_PATTERN:
		return REASON_MX_MISMATCH;
	case EVIDENCE_HOSTS:
		return REASON_HOSTS_TRUNCATED;
	case EVIDENCE_NONE:
	case EVIDENCE_TXT:
	case EVIDENCE_FETCH:
	case EVIDENCE_HOST: /* never held against a domain */
		break;
	}
	return REASON_INTERNAL_ERROR;
}

static struct evidence
record_evidence(enum evidence_kind kind, const char *name, uint16_t port,
    const struct fact_rrset *rrset)
{
	struct evidence e = {
	    .kind = kind,
	    .name = name,
	    .port = port,
	    .status = rrset->status,
	    .answer = rrset->answer,
	    .why = rrset->why,
	};

	/* A secure answer with neither records nor a denial counts as failed.
	 */
	if (rrset->status == FACT_SECURE && !fact_rrset_is_present(rrset) &&
	    !fact_rrset_is_absent(rrset))
		e.status = FACT_FAILED;
	return e;
}

/* TLSA records must be secure or securely absent (D-15). Their absence is no
 * fault unless the option tlsa requires them (D-16). */
static void
judge_tlsa(const struct delivery_case *c, const struct fact_host *host,
    struct findings *findings)
{
	uint16_t port = c->facts->port != 0 ? c->facts->port : 25;
	struct evidence e =
	    record_evidence(EVIDENCE_TLSA, host->name, port, &host->tlsa);

	if (c->rules->tlsa == RULE_TLSA_IGNORED ||
	    fact_rrset_is_present(&host->tlsa))
		return;
	if (c->rules->tlsa == RULE_TLSA_CHECKED &&
	    fact_rrset_is_absent(&host->tlsa))
		return;
	findings_add(findings, &e);
}

/* RFC 8461 4.1. A pattern can only add evidence, never remove any (S-01). */
static void
judge_pattern(const struct delivery_case *c, const struct fact_host *host,
    struct findings *findings)
{
	struct evidence e = {
	    .kind = EVIDENCE_PATTERN,
	    .name = host->name,
	    .status = FACT_SECURE,
	};

	if (c->patterns != NULL &&
	    !policy_mx_match(c->patterns->mx, c->patterns->n_mx, host->name))
		findings_add(findings, &e);
}

static enum host_state
judge_host(const struct delivery_case *c, const struct fact_host *host,
    struct findings *findings)
{
	struct evidence a =
	    record_evidence(EVIDENCE_A, host->name, 0, &host->a);
	struct evidence aaaa =
	    record_evidence(EVIDENCE_AAAA, host->name, 0, &host->aaaa);

	if (fact_host_is_skipped(host))
		return HOST_SKIPPED;
	/* Both must be secure or securely absent (D-14). */
	if (a.status != FACT_SECURE)
		findings_add(findings, &a);
	if (aaaa.status != FACT_SECURE)
		findings_add(findings, &aaaa);
	/* A host without a known address may turn out to be no destination, so
	 * its TLSA and name do not count yet. */
	if (fact_rrset_is_present(&host->a) ||
	    fact_rrset_is_present(&host->aaaa)) {
		judge_tlsa(c, host, findings);
		judge_pattern(c, host, findings);
	}
	if (findings->worst.kind == EVIDENCE_NONE)
		return HOST_GOOD;
	return findings->worst.status == FACT_UNASKED ? HOST_OPEN : HOST_BAD;
}

static void
judge_hosts(const struct delivery_case *c, struct tally *tally)
{
	for (size_t i = 0; i < c->facts->n_hosts; i++) {
		const struct fact_host *host = &c->facts->hosts[i];
		struct findings found = {.more = false};
		enum host_state state = judge_host(c, host, &found);

		tally->hosts[state]++;
		if (state == HOST_SKIPPED && host->name[0] != '\0' &&
		    (tally->skipped == NULL ||
			(host->unusable && !tally->skipped->unusable)))
			tally->skipped = host;
		findings_add(&tally->findings, &found.worst);
		tally->findings.more |= found.more;
	}
}

/* D-13: every host must be good; with RULE_HOSTS_ANY one suffices. */
static bool
hosts_suffice(const struct delivery_case *c, const struct tally *tally)
{
	if (tally->hosts[HOST_GOOD] == 0)
		return false;
	if (c->rules->hosts == RULE_HOSTS_ANY)
		return true;
	return tally->hosts[HOST_BAD] == 0 && tally->hosts[HOST_OPEN] == 0 &&
	    !c->facts->hosts_truncated;
}

static void
refuse_hosts(const struct delivery_case *c, const struct tally *tally,
    struct delivery *out)
{
	struct evidence truncated = {
	    .kind = EVIDENCE_HOSTS,
	    .name = c->facts->recipient.domain,
	    .status = FACT_SECURE,
	};
	struct evidence e = tally->findings.worst;

	/* Hosts beyond the limit are unknown, so that the domain is not good
	 * (D-19). Evidence against a host takes precedence. */
	if (c->facts->hosts_truncated && tally->hosts[HOST_BAD] == 0)
		e = truncated;
	out->decided_by = e;
	out->reason = evidence_reason(&e, c->facts->deadline);
	out->more = tally->findings.more;
	/* With RULE_HOSTS_ANY an open host may turn out to be the good one. */
	out->state = e.status == FACT_UNASKED ||
		(c->rules->hosts == RULE_HOSTS_ANY &&
		    tally->hosts[HOST_OPEN] > 0)
	    ? DELIVERY_OPEN
	    : DELIVERY_BAD;
}

/* D-18: reports a skipped host. Beside good hosts only a record that names no
 * host is worth a report. */
static void
report_skipped(const struct tally *tally, struct delivery *out)
{
	const struct fact_host *host = tally->skipped;
	struct evidence e = {.kind = EVIDENCE_HOST, .status = FACT_SECURE};

	if (host == NULL || out->state != DELIVERY_GOOD)
		return;
	e.name = host->name;
	e.why = host->unusable ? "the MX record names no host"
			       : "the host has no address";
	if (out->reason == REASON_NO_USABLE_HOST)
		out->decided_by = e;
	if (out->reason == REASON_NO_USABLE_HOST ||
	    (host->unusable && out->worst.kind == EVIDENCE_NONE))
		out->worst = e;
}

static void
conclude_hosts(const struct delivery_case *c, const struct tally *tally,
    struct delivery *out)
{
	out->worst = tally->findings.worst;
	out->hosts_good = tally->hosts[HOST_GOOD];
	out->hosts_total = tally->hosts[HOST_GOOD] + tally->hosts[HOST_BAD] +
	    tally->hosts[HOST_OPEN];
	out->state = DELIVERY_GOOD;
	if (hosts_suffice(c, tally))
		out->reason = REASON_SECURE;
	else if (out->hosts_total == 0 && !c->facts->hosts_truncated)
		out->reason = REASON_NO_USABLE_HOST;
	else
		refuse_hosts(c, tally, out);
	report_skipped(tally, out);
}

/* True: the MX record alone decides. */
static bool
judge_mx(const struct facts *facts, struct delivery *out)
{
	const char *domain = facts->recipient.domain;
	struct evidence e = record_evidence(EVIDENCE_MX, domain, 0, &facts->mx);

	if (fact_rrset_is_present(&facts->mx) ||
	    (fact_rrset_is_absent(&facts->mx) &&
		facts->mx.answer == ANSWER_NODATA))
		return false; /* for NODATA hosts[] holds the domain (D-09) */
	out->state = DELIVERY_GOOD;
	if (fact_rrset_is_absent(&facts->mx)) {
		/* Securely no such domain (D-11): the MTA bounces. */
		out->reason = REASON_NO_SUCH_DOMAIN;
	} else if (facts->mx.status == FACT_SECURE &&
	    facts->mx.answer == ANSWER_NULL_MX) {
		/* Signed, so not forged (D-10): the MTA bounces. */
		e.status = FACT_SECURE;
		out->reason = REASON_NULL_MX;
	} else {
		out->state =
		    e.status == FACT_UNASKED ? DELIVERY_OPEN : DELIVERY_BAD;
		out->reason = evidence_reason(&e, facts->deadline);
	}
	out->decided_by = e;
	return true;
}

void
delivery_judge(const struct facts *facts, const struct rules *rules,
    const struct fact_policy *policy, struct delivery *out)
{
	static const struct fact_rrset unasked = {.status = FACT_UNASKED};
	struct delivery_case c = {.facts = facts, .rules = rules};
	struct tally tally = {.findings.more = false};
	struct evidence e;

	*out = (struct delivery){.state = DELIVERY_OPEN};
	if (policy != NULL && policy->mode == POLICY_MODE_ENFORCE &&
	    rules->mx_patterns == RULE_MX_PATTERNS_ENFORCE)
		c.patterns = policy;
	/* A next hop "[host]" has no MX lookup. */
	if (!facts->no_mx && judge_mx(facts, out))
		return;
	judge_hosts(&c, &tally);
	/* The hosts of the MX set are not among the facts yet. */
	if (facts->n_hosts == 0) {
		e = record_evidence(EVIDENCE_A, facts->recipient.domain, 0,
		    &unasked);
		tally.hosts[HOST_OPEN]++;
		findings_add(&tally.findings, &e);
	}
	conclude_hosts(&c, &tally, out);
}

/* --- TLSA records --- */

/* RFC 6698 2.1, 7671 */
enum {
	USAGE_DANE_TA = 2,
	USAGE_DANE_EE = 3
};
enum {
	SELECTOR_CERT = 0,
	SELECTOR_SPKI = 1
};
enum {
	MATCHING_FULL = 0,
	MATCHING_SHA256 = 1,
	MATCHING_SHA512 = 2
};

#define HEADER_LEN    3
#define SHA256_OCTETS 32
#define SHA512_OCTETS 64

bool
tlsa_is_usable(const uint8_t *rdata, size_t len)
{
	if (len < HEADER_LEN)
		return false;
	/* RFC 7672 3.1.3: the PKIX usages are not for SMTP. */
	if (rdata[0] != USAGE_DANE_TA && rdata[0] != USAGE_DANE_EE)
		return false;
	if (rdata[1] != SELECTOR_CERT && rdata[1] != SELECTOR_SPKI)
		return false;
	switch (rdata[2]) {
	case MATCHING_FULL:
		return len > HEADER_LEN;
	case MATCHING_SHA256:
		return len == HEADER_LEN + SHA256_OCTETS;
	case MATCHING_SHA512:
		return len == HEADER_LEN + SHA512_OCTETS;
	default: /* private or not yet known */
		return false;
	}
}
