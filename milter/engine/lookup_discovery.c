/*
 * Discovery: the TXT record, and the proof that there is none.
 *
 * A TXT record counts without validation: stripping signatures must not end
 * discovery (T-11). A denial counts only if it is proven or the zone is
 * unsigned, which takes validation (T-12).
 *
 *	       through forwarders             in recursion
 *	0      TXT unvalidated, DS            TXT validated
 *	250 ms                                if it is not there yet, or for
 *	                                      T-13: TXT unvalidated
 *	found  the policy host's addresses;   the same; MX at once
 *	       if DS says signed: DNSKEY,
 *	       MX a moment later
 *	denied DS says unsigned: proven.      the validated TXT tells
 *	       If it says signed: DNSKEY,
 *	       a moment later the TXT
 *	       validated, which tells
 *	1 s    without a TXT or a proof the policy is fetched all the same. An
 *	       answer that comes later still counts, but nobody waits for a
 *	       mere proof, unless the options defer without one
 *
 * A validating forwarder answers SERVFAIL for records that it finds bogus. The
 * filter's own validating resolver then asks it again with the forwarder's
 * validation turned off, and finds the TXT in an answer that is bogus.
 */
#include "autoconf.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "engine/lookup_impl.h"

#define LATE_MS 1000

/* --- the TXT ------------------------------------------------------------- */

/* Takes the answer to a question past every cache (discovery_begin()). */
static void
fresh_answered(void *arg, const struct dns_answer *answer)
{
	struct txt_answer *txt = arg;
	struct lookup *l = txt->lookup;
	struct txt_rdata rdata[DNS_RECORDS_MAX];
	struct txt_result result;
	struct fact_rrset rrset;
	uint32_t ttl_s = UINT32_MAX;

	lookup_absorb(l, answer, &rrset, &ttl_s);
	txt->answered = true;
	/* The first records of an unsigned alias may come from a cache. */
	txt->stale = !lookup_serves_discovery(answer) ||
	    (answer->aliased && answer->status == FACT_INSECURE);
	txt->status = rrset.status;
	txt->ttl_s = ttl_s;
	txt->why = rrset.why;
	txt->state = rrset.answer == ANSWER_EMPTY ? TXT_FAILED : TXT_NONE;
	if (rrset.answer == ANSWER_RECORDS) {
		for (size_t i = 0; i < answer->n; i++)
			rdata[i] = (struct txt_rdata){answer->records[i].data,
			    answer->records[i].len};
		txt_parse(rdata, answer->n, &result);
		txt->state = result.state;
		if (txt->why == NULL)
			txt->why = result.why;
		memcpy(txt->id, result.id, sizeof(txt->id));
	}
	lookup_returned(l);
}

/* Takes the answer to a usual question. If a recheck has begun since, the
 * answer does not count. */
static void
txt_answered(void *arg, const struct dns_answer *answer)
{
	struct lookup *l = ((struct txt_answer *)arg)->lookup;

	if (l->discovery.alone)
		lookup_returned(l);
	else
		fresh_answered(arg, answer);
}

/* Asks one of the two TXT questions, unless it was asked. */
static void
ask_txt(struct lookup *l, struct dns *dns, struct txt_answer *txt)
{
	char name[sizeof("_mta-sts.") + NAME_SIZE];
	int err;

	if (txt->asked)
		return;
	txt->asked = true;
	/* discovery_begin() has checked the length. */
	(void)snprintf(name, sizeof(name), "_mta-sts.%s", l->target.domain);
	err = lookup_ask(l, dns, QUESTION_DISCOVERY, name, DNS_TXT,
	    l->discovery.alone ? fresh_answered : txt_answered, txt);
	if (err == 0) {
		l->pending++;
		return;
	}
	txt->answered = txt->stale = true;
	txt->status = FACT_FAILED;
	txt->state = TXT_FAILED;
	txt->why = err_text(err);
}

/* --- the keys of the zone ------------------------------------------------ */

static void
chain_timer_ran(struct loop_timer *timer)
{
	struct lookup *l =
	    LOOP_OWNER(timer, struct lookup, discovery.chain_timer);

	l->discovery.chain = CHAIN_READY;
	if (!dns_is_forwarding(l->setup->dns) &&
	    !l->discovery.validated.answered)
		ask_txt(l, l->setup->discovery, &l->discovery.unvalidated);
	l->pending++;
	lookup_returned(l);
}

static void
key_answered(void *arg, const struct dns_answer *answer)
{
	struct lookup *l = arg;

	(void)answer; /* libunbound has cached it */
	if (l->discovery.chain == CHAIN_KEY)
		l->discovery.chain = CHAIN_READY;
	lookup_returned(l);
}

static bool
is_broken(const struct fact_rrset *ds)
{
	return ds->status == FACT_BOGUS || ds->status == FACT_FAILED;
}

static void
ds_answered(void *arg, const struct dns_answer *answer)
{
	struct lookup *l = arg;
	struct discovery_lookup *d = &l->discovery;
	uint32_t ttl_s = UINT32_MAX;

	if (d->alone) {
		lookup_returned(l);
		return;
	}
	lookup_absorb(l, answer, &d->ds, &ttl_s);
	/* The zone is unsigned below an unsigned or opt-out parent, and below a
	 * name that does not exist. But if the domain is an alias, the answer
	 * is about its target, and the TXT record is not there. */
	d->ds_unsigned = !answer->aliased &&
	    (answer->unsigned_zone || d->ds.status == FACT_INSECURE ||
		(d->ds.status == FACT_SECURE &&
		    d->ds.answer == ANSWER_NXDOMAIN));
	if (d->chain == CHAIN_DS && !fact_rrset_is_present(&d->ds))
		d->chain = CHAIN_READY;
	lookup_returned(l);
}

bool
discovery_keys_ready(struct lookup *l)
{
	struct discovery_lookup *d = &l->discovery;

	if (d->chain != CHAIN_DS)
		return d->chain == CHAIN_READY;
	if (fact_rrset_is_present(&d->ds) || lookup_is_known_to_bind(l)) {
		d->chain = CHAIN_READY;
		if (lookup_ask(l, l->setup->dns, QUESTION_PLAIN,
			l->target.domain, DNS_DNSKEY, key_answered, l) != 0)
			return true;
		l->pending++;
		d->chain = CHAIN_KEY;
	} else if (d->chain_timer.run != NULL) {
		return false;
	}
	/* DS comes about when the TXT does, but it may never come. */
	if (loop_timer_set(l->worker->loop, &d->chain_timer,
		clock_mono_ms() + LOOKUP_MOMENT_MS, chain_timer_ran) != 0)
		d->chain = CHAIN_READY;
	return d->chain == CHAIN_READY;
}

/* --- the meaning of the answers ------------------------------------------ */

/* T-13: limits the TTL of an unsigned record; the validating resolver's cache
 * does not limit it. */
static uint32_t
unvalidated_ttl(const struct lookup *l, uint32_t ttl_s)
{
	uint64_t max_s = l->setup->discovery_ttl_max_ms / 1000;

	return ttl_s < max_s ? ttl_s : (uint32_t)max_s;
}

static void
found(struct lookup *l, const struct txt_answer *txt, enum fact_status status)
{
	/* A fetch without id failed before this came (T-12). */
	if (l->facts.txt_state != TXT_VALID &&
	    l->facts.fetch.state == FETCH_FAILED)
		memset(&l->facts.fetch, 0, sizeof(l->facts.fetch));
	memcpy(l->txt_id, txt->id, sizeof(l->txt_id));
	l->facts.txt_state = TXT_VALID;
	l->facts.txt_id = l->txt_id;
	l->facts.txt_status = status;
	l->facts.txt_why = txt->why;
	l->facts.txt_late = false;
	l->policy_ttl_s =
	    status == FACT_SECURE ? txt->ttl_s : unvalidated_ttl(l, txt->ttl_s);
}

static void
missing(struct lookup *l, enum txt_state state, enum fact_status status,
    const char *why, uint32_t ttl_s)
{
	l->facts.txt_state = state;
	l->facts.txt_status = status;
	l->facts.txt_why = why;
	l->facts.txt_late = false;
	l->policy_ttl_s = ttl_s;
}

/* The answer is a denial, and not too old to count (T-13). */
static bool
denies(const struct txt_answer *txt, bool validated)
{
	return txt->answered && txt->state != TXT_FAILED &&
	    !(validated && txt->stale);
}

/* T-12. False: it is not known yet whether there is a TXT record. */
static bool
judge_denial(struct lookup *l)
{
	struct discovery_lookup *d = &l->discovery;
	const struct txt_answer *u = &d->unvalidated, *v = &d->validated;
	enum fact_status status;
	const char *why;

	/* The denial is proven, or the zone is unsigned. */
	if (v->answered && v->status == FACT_SECURE) {
		missing(l, v->state, v->status, v->why, v->ttl_s);
		return true;
	}
	if (d->ds_unsigned && denies(u, false)) {
		missing(l, u->state, FACT_INSECURE, u->why, u->ttl_s);
		return true;
	}
	if (v->answered && v->status == FACT_INSECURE &&
	    (denies(u, false) || denies(v, true))) {
		const struct txt_answer *denial = denies(u, false) ? u : v;

		missing(l, denial->state, FACT_INSECURE, denial->why,
		    unvalidated_ttl(l, denial->ttl_s));
		return true;
	}

	/* The denial is not proven (D-07). */
	if (v->answered && v->status != FACT_INSECURE &&
	    (u->answered || !u->asked)) { /* else u may name a policy */
		status = v->status;
		why = v->why;
	} else if (v->answered && u->answered) { /* the newer one failed */
		status = u->status;
		why = u->why;
	} else if (denies(u, false) && is_broken(&d->ds)) {
		status = d->ds.status;
		why = d->ds.why;
	} else {
		return false;
	}
	missing(l, status == FACT_BOGUS ? TXT_BOGUS : TXT_FAILED, status, why,
	    0);
	return true;
}

/* Asks the questions that the answers so far call for. */
static void
ask_more(struct lookup *l)
{
	struct discovery_lookup *d = &l->discovery;
	const struct txt_answer *u = &d->unvalidated, *v = &d->validated;

	if (d->alone || u->state == TXT_VALID)
		return;
	/* The validated answer cannot be used: it came from a cache, or it is
	 * bogus without a record. */
	if (v->answered &&
	    (v->stale || (v->status == FACT_BOGUS && v->state != TXT_VALID)))
		ask_txt(l, l->setup->discovery, &d->unvalidated);
	if (!u->answered || v->asked)
		return;
	/* Through forwarders: a TXT that failed may be in a bogus answer; a
	 * denial needs a proof if the zone may be signed. */
	if (u->state == TXT_FAILED ||
	    (!d->ds_unsigned && d->ds.status != FACT_UNASKED &&
		!is_broken(&d->ds) && discovery_keys_ready(l)))
		ask_txt(l, l->setup->dns, &d->validated);
}

/* The DNSSEC status of a record that came unvalidated, as far as it is
 * known. */
static enum fact_status
status_of_unvalidated(const struct discovery_lookup *d)
{
	/* A secure answer without this record does not vouch for it. */
	if (d->validated.answered && d->validated.status != FACT_SECURE)
		return d->validated.status;
	if (d->validated.answered)
		return d->unvalidated.status;
	if (d->ds_unsigned)
		return FACT_INSECURE;
	return is_broken(&d->ds) ? d->ds.status : FACT_UNASKED;
}

static bool
judge(struct lookup *l)
{
	struct discovery_lookup *d = &l->discovery;
	const struct txt_answer *u = &d->unvalidated, *v = &d->validated;

	if (v->state == TXT_VALID && v->status == FACT_SECURE)
		found(l, v, FACT_SECURE);
	else if (u->state == TXT_VALID)
		found(l, u, status_of_unvalidated(d));
	else if (v->state == TXT_VALID && !v->stale)
		found(l, v, v->status);
	else if (d->alone && u->answered)
		missing(l, u->state, u->status, u->why, 0);
	else
		return !d->alone && judge_denial(l);
	return true;
}

void
discovery_advance(struct lookup *l)
{
	struct discovery_lookup *d = &l->discovery;

	if (!d->under_way)
		return;
	ask_more(l);
	if (judge(l) || !d->late || l->facts.txt_late)
		return;
	missing(l, TXT_FAILED, FACT_FAILED,
	    d->unvalidated.answered ? "no proof that there is none after 1 s"
				    : "no answer after 1 s",
	    0);
	l->facts.txt_late = true;
}

/*
 * A late TXT may still name a policy, so it is waited for. A late proof that
 * there is none is waited for only if the options defer without it and no
 * policy is stored: otherwise it changes nothing, and an attacker who holds
 * back the keys must not make each recipient wait for its deadline.
 */
bool
discovery_goes_on(struct lookup *l)
{
	struct discovery_lookup *d = &l->discovery;
	const struct rules *rules = &l->setup->rules;
	bool proof_matters = !fact_policy_is_live(l->facts.stored) &&
	    (rules->on_discovery_failure != RULE_PASS ||
		rules->on_bogus_discovery != RULE_PASS);

	if (l->facts.txt_late && d->unvalidated.answered &&
	    d->unvalidated.state != TXT_FAILED && !proof_matters) {
		d->under_way = false;
		l->facts.txt_late = false;
	}
	return l->facts.txt_late;
}

static void
late_timer_ran(struct loop_timer *timer)
{
	struct lookup *l =
	    LOOP_OWNER(timer, struct lookup, discovery.late_timer);

	l->discovery.late = true;
	l->pending++;
	lookup_returned(l);
}

void
discovery_begin(struct lookup *l, bool alone)
{
	struct discovery_lookup *d = &l->discovery;
	int err;

	loop_timer_clear(l->worker->loop, &d->late_timer);
	loop_timer_clear(l->worker->loop, &d->chain_timer);
	memset(d, 0, sizeof(*d));
	d->unvalidated.lookup = d->validated.lookup = l;
	missing(l, TXT_UNASKED, FACT_UNASKED, NULL, UINT32_MAX);
	l->facts.txt_id = NULL;
	l->txt_id[0] = '\0';
	d->under_way = true;
	d->alone = alone;
	if (strlen(l->target.domain) + strlen("_mta-sts.") > NAME_LEN_MAX) {
		/* No such name can exist, hence no policy. */
		d->under_way = false;
		missing(l, TXT_NONE, FACT_UNASKED, NULL, UINT32_MAX);
		return;
	}
	if (alone) {
		ask_txt(l,
		    l->refresh ? lookup_fresh_or_young(l) : l->setup->fresh,
		    &d->unvalidated);
		return;
	}
	if (dns_is_forwarding(l->setup->dns)) {
		ask_txt(l, l->setup->discovery, &d->unvalidated);
		err = lookup_ask(l, l->setup->dns, QUESTION_PLAIN,
		    l->target.domain, DNS_DS, ds_answered, l);
		if (err == 0) {
			l->pending++;
			d->chain = CHAIN_DS;
		} else {
			d->ds.status = FACT_FAILED;
			d->ds.why = err_text(err);
		}
	} else {
		ask_txt(l, l->setup->dns, &d->validated);
		(void)loop_timer_set(l->worker->loop, &d->chain_timer,
		    clock_mono_ms() + LOOKUP_SLOW_MS, chain_timer_ran);
	}
	if (loop_timer_set(l->worker->loop, &d->late_timer,
		clock_mono_ms() + LATE_MS, late_timer_ran) != 0)
		d->late = true;
}
