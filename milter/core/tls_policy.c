/* Derives the TLS policy from the verdict. tls_policy_text.c writes it. */
#include "autoconf.h"

#include "core/tls_policy.h"

#include <string.h>

#include "core/decide.h"
#include "core/names.h"
#include "core/scope.h"

NAMES(tls_policy, enum tls_policy_kind, TLS_POLICY_TABLE)

static const struct tls_map maps[] = {
#define X(name, dialect, tlsrpt) {name, dialect, tlsrpt},
    TLS_MAP_TABLE(X)
#undef X
};

static const char map_names[] =
#define X(name, dialect, tlsrpt) ", " name
    TLS_MAP_TABLE(X)
#undef X
    ;

const char *
tls_map_names(void)
{
	return map_names + strlen(", ");
}

const struct tls_map *
tls_map_find(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		if (strlen(maps[i].name) == len &&
		    memcmp(maps[i].name, name, len) == 0)
			return &maps[i];
	}
	return NULL;
}

/* --- DANE, host by host --- */

enum host_dane {
	HOST_DANE_SKIPPED, /* no destination (D-18) */
	HOST_DANE_NONE,
	HOST_DANE_USABLE,
	HOST_DANE_BROKEN,   /* there may be TLSA; the lookup failed */
	HOST_DANE_NO_PLACE, /* the lookup of its addresses failed */
	HOST_DANE_UNASKED,
	HOST_DANE_STATES
};

/* The hosts of a domain, counted by their state. */
struct tally {
	unsigned hosts[HOST_DANE_STATES];
	bool unasked; /* an answer is missing */
	/* RFC 7672 2.2.1: without a secure MX set there is no DANE. */
	bool may_have_dane;
};

/* RFC 7672 2.1.2: bogus and indeterminate count as a failed lookup. */
static bool
is_failed(const struct fact_rrset *rrset)
{
	return rrset->status == FACT_BOGUS ||
	    rrset->status == FACT_INDETERMINATE || rrset->status == FACT_FAILED;
}

/* RFC 7672 2.1.2, 2.2: a host without TLSA has no DANE; for a host whose TLSA
 * lookup failed that is not known. */
static enum host_dane
dane_of_tlsa(const struct fact_host *host)
{
	switch (host->tlsa.status) {
	case FACT_UNASKED:
		return HOST_DANE_UNASKED;
	case FACT_SECURE:
		return fact_rrset_is_present(&host->tlsa) && host->tlsa_usable
		    ? HOST_DANE_USABLE
		    : HOST_DANE_NONE;
	case FACT_INSECURE:
		return HOST_DANE_NONE;
	case FACT_BOGUS:
	case FACT_INDETERMINATE:
	case FACT_FAILED:
		break;
	}
	return HOST_DANE_BROKEN;
}

static enum host_dane
dane_of_host(const struct fact_host *host)
{
	if (fact_host_is_skipped(host))
		return HOST_DANE_SKIPPED;
	if (fact_rrset_is_present(&host->a) ||
	    fact_rrset_is_present(&host->aaaa))
		return dane_of_tlsa(host);
	if (host->a.status == FACT_UNASKED || host->aaaa.status == FACT_UNASKED)
		return HOST_DANE_UNASKED;
	/* RFC 7672 2.2.2: addresses that are not secure have no DANE. */
	return is_failed(&host->a) || is_failed(&host->aaaa)
	    ? HOST_DANE_NO_PLACE
	    : HOST_DANE_NONE;
}

static struct tally
tally_hosts(const struct facts *facts)
{
	struct tally tally = {
	    .may_have_dane = facts->no_mx || facts->mx.status == FACT_SECURE,
	};

	for (size_t i = 0; i < facts->n_hosts; i++)
		tally.hosts[dane_of_host(&facts->hosts[i])]++;
	tally.unasked = tally.hosts[HOST_DANE_UNASKED] > 0 ||
	    (facts->no_mx ? facts->n_hosts == 0
			  : facts->mx.status == FACT_UNASKED);
	return tally;
}

/* Defers because an answer is missing; the reply does not come from the
 * verdict. */
static void
defer_unknown(struct tls_policy *out)
{
	out->kind = TLS_POLICY_DEFER;
	out->unknown = true;
}

/* --- a domain that requires DNSSEC and passed --- */

/* Never opportunistic TLS. A pinned domain may have no policy. */
static enum tls_policy_kind
without_dane(const struct fact_policy *policy, const struct tls_rules *rules)
{
	if (policy != NULL && policy->mode == POLICY_MODE_ENFORCE)
		return TLS_POLICY_SECURE;
	return rules->no_tlsa == TLS_NO_TLSA_VERIFY ? TLS_POLICY_VERIFY
						    : TLS_POLICY_ENCRYPT;
}

static void
judge_bound(const struct fact_policy *policy, const struct tls_rules *rules,
    struct tls_policy *out)
{
	struct tally tally = tally_hosts(out->facts);
	enum reason reason = out->verdict->reason;

	/* Without a host the MTA bounces or defers by itself. S-07: if it finds
	 * one all the same, that host is forged and must get no mail. */
	if (reason == REASON_NULL_MX || reason == REASON_NO_SUCH_DOMAIN ||
	    reason == REASON_NO_USABLE_HOST ||
	    tally.hosts[HOST_DANE_USABLE] + tally.hosts[HOST_DANE_BROKEN] > 0) {
		out->kind = TLS_POLICY_DANE_ONLY;
		return;
	}
	out->kind = without_dane(policy, rules);
	if (tally.hosts[HOST_DANE_UNASKED] > 0)
		defer_unknown(out);
}

/* --- MTA-STS alone --- */

static void
judge_mta_sts(const struct tls_rules *rules, struct tls_policy *out)
{
	const struct facts *facts = out->facts;
	struct tally tally = tally_hosts(facts);

	out->kind = TLS_POLICY_SECURE;
	if (tally.unasked) {
		defer_unknown(out);
		return;
	}
	if (!tally.may_have_dane)
		return;
	if (tally.hosts[HOST_DANE_USABLE] + tally.hosts[HOST_DANE_BROKEN] > 0)
		out->kind = TLS_POLICY_DANE_ONLY;
	/* Only if all hosts have DANE may default_level leave the domain to
	 * the MTA's own level. */
	if (rules->leave_dane && !rules->no_dane && !facts->hosts_truncated &&
	    tally.hosts[HOST_DANE_USABLE] > 0 &&
	    tally.hosts[HOST_DANE_NONE] + tally.hosts[HOST_DANE_BROKEN] +
		    tally.hosts[HOST_DANE_NO_PLACE] ==
		0)
		out->kind = TLS_POLICY_NONE;
}

/* --- DANE alone: dane_for_all --- */

static void
blame(struct tls_policy *out, enum evidence_kind kind, const char *name,
    const struct fact_rrset *rrset)
{
	defer_unknown(out);
	out->blame = (struct evidence){
	    .kind = kind,
	    .name = name,
	    .port = out->facts->port != 0 ? out->facts->port : SCOPE_PORT_SMTP,
	    .status = rrset->status,
	    .answer = rrset->answer,
	    .why = rrset->why,
	};
}

/* Blames the first host with a failed lookup. */
static void
blame_host(struct tls_policy *out)
{
	const struct facts *facts = out->facts;

	for (size_t i = 0; i < facts->n_hosts; i++) {
		const struct fact_host *host = &facts->hosts[i];
		enum host_dane dane = dane_of_host(host);

		if (dane == HOST_DANE_BROKEN)
			blame(out, EVIDENCE_TLSA, host->name, &host->tlsa);
		else if (dane == HOST_DANE_NO_PLACE && is_failed(&host->a))
			blame(out, EVIDENCE_A, host->name, &host->a);
		else if (dane == HOST_DANE_NO_PLACE)
			blame(out, EVIDENCE_AAAA, host->name, &host->aaaa);
		else
			continue;
		return;
	}
}

/*
 * No policy asks for TLS. RFC 7672 2.1.2: a host of which a lookup failed gets
 * no mail, and if no other host is left, the mail waits. One host without TLSA
 * makes the answer "none", as a map cannot answer host by host.
 */
static void
judge_dane(const struct tls_rules *rules, struct tls_policy *out)
{
	const struct facts *facts = out->facts;
	struct tally tally = tally_hosts(facts);

	if (facts->resolver_broken && rules->resolver_may_fail)
		return;
	if (tally.unasked)
		defer_unknown(out);
	else if (!facts->no_mx && is_failed(&facts->mx))
		blame(out, EVIDENCE_MX, facts->recipient.domain, &facts->mx);
	else if (!tally.may_have_dane || facts->hosts_truncated ||
	    tally.hosts[HOST_DANE_NONE] > 0)
		return;
	else if (tally.hosts[HOST_DANE_USABLE] > 0)
		out->kind = TLS_POLICY_DANE_ONLY;
	else
		blame_host(out);
}

/* --- all of them --- */

void
tls_policy_judge(const struct facts *facts, const struct verdict *verdict,
    const struct tls_rules *rules, struct tls_policy *out)
{
	const struct fact_policy *policy = verdict->policy;

	*out = (struct tls_policy){
	    .kind = TLS_POLICY_NONE,
	    .facts = facts,
	    .verdict = verdict,
	};
	if (verdict->kind != VERDICT_PASS)
		out->kind = TLS_POLICY_DEFER;
	/* D-20: our own part failed, so there may be a policy. */
	else if (policy == NULL && verdict->reason == REASON_INTERNAL_ERROR)
		defer_unknown(out);
	else if (verdict_is_bound(verdict))
		judge_bound(policy, rules, out);
	else if (policy != NULL && policy->mode == POLICY_MODE_ENFORCE)
		judge_mta_sts(rules, out);
	else if (rules->dane_for_all && !rules->no_dane)
		judge_dane(rules, out);
	if (rules->no_dane && out->kind == TLS_POLICY_DANE_ONLY)
		out->kind = without_dane(policy, rules);
}

bool
tls_policy_wants_delivery(const struct facts *facts, bool dane_for_all)
{
	const struct fact_policy *policy;
	struct discovery discovery;

	discovery_judge(facts, &discovery);
	policy = discovery.policy;
	if (facts->pinned || (policy != NULL && policy->dnssec))
		return false;
	return dane_for_all ||
	    (policy != NULL && policy->mode == POLICY_MODE_ENFORCE);
}
