/*
 * The policy track's second half: looks up the policy host, fetches the policy
 * and stores it.
 */
#include "autoconf.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "engine/cache.h"
#include "engine/lookup_impl.h"
#include "engine/recent.h"
#include "log/log.h"
#include "log/metrics.h"
#include "store/store.h"

/* --- the policy host's addresses ---------------------------------------- */

static void
fetch_failed(struct lookup *l, const char *why)
{
	l->facts.fetch.state = FETCH_FAILED;
	l->facts.fetch.error = lookup_keep(l, why);
	l->policy_step = discovery_goes_on(l) ? POLICY_TXT : POLICY_DONE;
}

/* Begins an event "policy" about the fetch. */
static void
log_begin_policy(struct log_event *e, const struct lookup *l,
    enum log_level level)
{
	log_begin(e, l->worker->log, level, "policy");
	log_str(e, "domain", l->target.domain);
	log_str(e, "policy_id", l->txt_id[0] != '\0' ? l->txt_id : "-");
	if (l->facts.txt_state != TXT_VALID && !l->refresh)
		log_word(e, "txt", txt_state_name(l->facts.txt_state));
}

/* C-12: warns, unless the stored policy has mode none and does not require
 * DNSSEC. The stored policy stays in force. */
static void
refresh_failed(struct lookup *l, const char *result, const char *why)
{
	struct store_mark mark = {.tried_s = clock_wall_s(), .failure = why};
	struct log_event e;

	metrics_count(l->worker->metrics, METRICS_REFRESHES, 0, 0);
	(void)store_mark(l->worker->store, l->target.domain, &mark, NULL, NULL);
	if (l->stored.mode == POLICY_MODE_NONE && !l->stored.dnssec)
		return;
	log_begin(&e, l->worker->log, LOG_LEVEL_WARNING, "refresh");
	log_str(&e, "domain", l->target.domain);
	log_str(&e, "policy_id", l->txt_id);
	log_str(&e, "result", result);
	log_str(&e, "why", why);
	log_int(&e, "left_s",
	    (int64_t)l->stored.max_age_s - (int64_t)l->stored.age_s);
	log_end(&e);
}

/* Warns once per domain and id (P-19), and delays the next try (F-12). */
static void
fetch_tried_in_vain(struct lookup *l, const char *result, const char *why)
{
	/* T-12: no TXT names the policy; most such domains have none. */
	const bool guess = l->facts.txt_state != TXT_VALID && !l->refresh;
	struct log_event e;
	bool first;

	if (l->worker->stopping) {
		fetch_failed(l, why);
		return;
	}
	if (!guess)
		l->fetch_result = result;
	if (l->refresh)
		refresh_failed(l, result, why);
	first = backoff_add(&l->worker->backoff, l->target.domain, l->txt_id,
	    clock_mono_ms() + l->setup->backoff_ms, why);
	if (first && !l->refresh) {
		log_begin_policy(&e, l,
		    guess ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING);
		log_str(&e, "result", result);
		log_str(&e, "why", why);
		log_end(&e);
	}
	fetch_failed(l, why);
}

/* How long addresses of one family wait for those of the other family, which
 * may never come. */
#define OTHER_FAMILY_MS 100

static void
address_ask(struct lookup *l, struct dns *dns, struct address_family *family);

/* With addresses of one family, stops waiting for the other one; without any,
 * asks the resolver that does not validate as well. */
static void
addresses_are_slow(struct loop_timer *timer)
{
	struct lookup *l = LOOP_OWNER(timer, struct lookup, address_timer);

	if (l->n_addresses > 0) {
		l->addresses_enough = true;
		l->pending++;
		lookup_returned(l);
		return;
	}
	for (unsigned i = 0; i < 2; i++)
		if (l->policy_step == POLICY_ADDRESS && !l->families[i].done &&
		    !l->worker->stopping)
			address_ask(l, l->setup->discovery, &l->families[i]);
}

/*
 * F-14: the addresses count whatever their status. A validating forwarder
 * answers SERVFAIL for bogus data: then the other resolver is asked.
 */
static void
address_answered(void *arg, const struct dns_answer *answer)
{
	struct address_question *q = arg;
	struct address_family *family = q->family;
	struct lookup *l = q->lookup;
	bool validated = q == &family->validated;

	l->addresses_pending--;
	if ((l->policy_step != POLICY_ADDRESS &&
		l->policy_step != POLICY_FETCH) ||
	    family->done || l->worker->stopping) {
		lookup_returned(l);
		return;
	}
	if (answer->why[0] != '\0' && l->n_tried == 0)
		(void)snprintf(l->fetch_why, sizeof(l->fetch_why),
		    "policy host: %s lookup %s: %.160s",
		    dns_type_name(family->type),
		    fact_status_name(answer->status), answer->why);

	/* A bogus answer without records may be empty for validators only; and
	 * over TLS a bogus answer never has records. */
	if (answer->status == FACT_FAILED ||
	    (validated &&
		(!lookup_serves_discovery(answer) ||
		    (answer->status == FACT_BOGUS && answer->n == 0)))) {
		address_ask(l, validated ? l->setup->discovery : l->setup->dns,
		    family);
		lookup_returned(l);
		return;
	}
	family->done = true;
	for (size_t i = 0;
	     i < answer->n && l->n_addresses < FETCH_ADDRESSES_MAX; i++)
		if (net_address_from_octets(answer->records[i].data,
			answer->records[i].len,
			&l->addresses[l->n_addresses]) == 0)
			l->n_addresses++;
	if (l->n_addresses > 0 && l->policy_step == POLICY_ADDRESS &&
	    loop_timer_set(l->worker->loop, &l->address_timer,
		clock_mono_ms() + OTHER_FAMILY_MS, addresses_are_slow) != 0)
		l->addresses_enough = true;
	lookup_returned(l);
}

/* If one resolver cannot be asked, the other one is. */
static void
address_ask(struct lookup *l, struct dns *dns, struct address_family *family)
{
	bool validated = dns == l->setup->dns;
	struct address_question *q =
	    validated ? &family->validated : &family->unvalidated;
	int err;

	if (q->asked)
		return;
	q->asked = true;
	err = lookup_ask(l, dns, QUESTION_DISCOVERY, l->policy_host,
	    family->type, address_answered, q);
	if (err == 0) {
		l->pending++;
		l->addresses_pending++;
		return;
	}
	l->addresses_unasked = true;
	if (l->n_tried == 0)
		(void)snprintf(l->fetch_why, sizeof(l->fetch_why),
		    "policy host: %s", err_text(err));
	address_ask(l, validated ? l->setup->discovery : l->setup->dns, family);
}

/* False: no policy host can have a name of this length. */
static bool
addresses_ask(struct lookup *l)
{
	struct dns *dns = dns_is_forwarding(l->setup->dns) ? l->setup->discovery
							   : l->setup->dns;

	if (snprintf(l->policy_host, sizeof(l->policy_host), "mta-sts.%s",
		l->target.domain) > NAME_LEN_MAX)
		return false;
	/* T-13: a forged address must not be used again when it has failed, nor
	 * for a refresh. */
	if (l->refresh ||
	    lru_find(&l->worker->backoff, l->target.domain) != NULL)
		dns = lookup_fresh_or_young(l);
	l->policy_step = POLICY_ADDRESS;
	l->n_addresses = l->n_tried = 0;
	l->addresses_enough = l->addresses_unasked = false;
	(void)snprintf(l->fetch_why, sizeof(l->fetch_why),
	    "the policy host has no address");
	for (unsigned i = 0; i < 2; i++) {
		struct address_family *family = &l->families[i];
		struct address_question q = {.lookup = l, .family = family};

		*family = (struct address_family){
		    .unvalidated = q,
		    .validated = q,
		    .type = i == 0 ? DNS_A : DNS_AAAA,
		};
		address_ask(l, dns, family);
	}
	if (dns == l->setup->dns && l->addresses_pending > 0 &&
	    loop_timer_set(l->worker->loop, &l->address_timer,
		clock_mono_ms() + LOOKUP_SLOW_MS, addresses_are_slow) != 0)
		l->addresses_enough = true;
	return true;
}

/* The fetch began with the addresses of one family. The addresses of the other
 * family may be right, or reachable. */
static bool
try_other_family(struct lookup *l)
{
	if (l->worker->stopping)
		return false;
	for (unsigned i = 0; i < 2; i++)
		if (!l->families[i].done)
			address_ask(l, l->setup->discovery, &l->families[i]);
	l->addresses_enough = l->n_addresses > l->n_tried;
	if (!l->addresses_enough &&
	    (l->addresses_pending == 0 ||
		(l->families[0].done && l->families[1].done)))
		return false;
	l->policy_step = POLICY_ADDRESS;
	return true;
}

void
policy_fetch(struct lookup *l)
{
	char why[FETCH_WHY_SIZE];
	const char *earlier;

	earlier = backoff_error(&l->worker->backoff, l->target.domain,
	    l->txt_id, clock_mono_ms());
	if (earlier != NULL) {
		(void)snprintf(why, sizeof(why),
		    "not tried again so soon after: %s", earlier);
		fetch_failed(l, why);
	} else if (!addresses_ask(l)) {
		fetch_failed(l, "policy host: name too long");
	}
}

/* C-11: regardless of the TXT, which may be suppressed. The refresher spaces
 * the tries after a failure. */
void
policy_refetch(struct lookup *l)
{
	if (l->facts.stored == NULL)
		return;
	if (l->facts.txt_state != TXT_VALID)
		(void)snprintf(l->txt_id, sizeof(l->txt_id), "%s",
		    l->stored.id);
	(void)addresses_ask(l);
}

/* --- fetch -------------------------------------------------------------- */

void
policy_use_fetched(struct lookup *l)
{
	l->facts.fetch.policy =
	    fact_policy_of(l->fetched_policy, lookup_keep(l, l->txt_id), 0);
	l->facts.fetch.state = FETCH_OK;
	/* With a new policy, an error in reading the store does not matter. */
	l->facts.internal_error = l->no_memory;
	l->facts.internal_why = l->no_memory ? err_text(ERR_NOMEM) : NULL;
}

static void
saved(struct loop_task *task)
{
	struct lookup *l = LOOP_OWNER(task, struct lookup, store_task);
	unsigned epoch;

	metrics_store(l->worker->metrics, METRICS_STORE_WRITE,
	    l->store_err != 0);
	if (l->store_err != 0)
		policy_store_trouble(l, "write", l->store_err);
	if (l->refresh)
		metrics_count(l->worker->metrics, METRICS_REFRESHES, 1, 0);
	/* This lookup uses the new policy even if it could not be stored. */
	policy_use_fetched(l);
	/* C-07: discards the verdicts on the old policy at once. This lookup
	 * knows the new one, unless yet another one was stored meanwhile. */
	epoch = cache_forget(l->worker->cache, l->target.domain);
	if (epoch == l->epoch + 1)
		l->epoch = epoch;
	l->policy_step = POLICY_DONE;
	lookup_returned(l);
}

/* On the store's thread. */
static void
save_done(void *arg, int err)
{
	struct lookup *l = arg;

	l->store_err = err;
	loop_post(l->worker->loop, &l->store_task);
}

/* C-07: replaces the stored policy at once, also when the new one is weaker. */
static void
save(struct lookup *l, const struct fetch_result *result)
{
	struct store_entry entry = {
	    .domain = l->target.domain,
	    .id = l->txt_id,
	    .fetched_s = clock_wall_s(),
	    .failure = "",
	    .used_s = l->refresh ? l->store_entry->used_s : clock_wall_s(),
	    .body = result->body,
	    .len = result->len,
	};
	int err;

	entry.tried_s = entry.fetched_s;
	l->policy_step = POLICY_SAVE;
	l->store_task.run = saved;
	l->pending++;
	err = store_put(l->worker->store, &entry, save_done, l);
	if (err != 0)
		save_done(l, err);
}

static void
log_new_policy(struct lookup *l)
{
	const struct policy *policy = l->fetched_policy;
	struct log_event e;

	log_begin_policy(&e, l, LOG_LEVEL_INFO);
	log_str(&e, "policy", policy_mode_name(policy->mode));
	log_int(&e, "max_age", policy->max_age_s);
	log_bool(&e, "dnssec", policy->dnssec);
	log_str(&e, "replaces", l->facts.stored != NULL ? l->stored.id : "-");
	log_end(&e);
	if (l->facts.stored == NULL || !l->stored.dnssec || policy->dnssec)
		return;

	/* Distinguishes a withdrawal from an attack: the policy without the
	 * field came over HTTPS, as did the policy with it. */
	log_begin(&e, l->worker->log, LOG_LEVEL_WARNING, "withdrawal");
	log_str(&e, "domain", l->target.domain);
	log_str(&e, "policy_id", l->txt_id);
	log_str(&e, "replaces", l->stored.id);
	log_str(&e, "msg",
	    "the domain no longer announces DNSSEC; its new policy says so");
	log_end(&e);
}

/* The first error of the body, with its line. */
static void
note_error(void *arg, enum policy_note_level level, size_t line,
    const char *text)
{
	char *why = arg;

	if (level != POLICY_NOTE_ERROR || why[0] != '\0')
		return;
	if (line == 0)
		(void)snprintf(why, FETCH_WHY_SIZE, "policy: %s", text);
	else
		(void)snprintf(why, FETCH_WHY_SIZE, "policy line %zu: %s", line,
		    text);
}

static void
fetched(void *arg, const struct fetch_result *result)
{
	struct lookup *l = arg;
	char why[FETCH_WHY_SIZE] = "";
	int err = 0;

	if (result->failure == FETCH_FAILURE_NONE) {
		policy_free(&l->fetched_policy);
		err = policy_parse(result->body, result->len, note_error, why,
		    &l->fetched_policy);
	}
	if (result->failure == FETCH_FAILURE_QUEUE) {
		/* F-17: not the policy host's fault, so it is asked again soon.
		 */
		l->queued = true;
		fetch_failed(l, result->why);
	} else if (result->failure != FETCH_FAILURE_NONE) {
		l->fetch_failure = result->failure;
		(void)snprintf(l->fetch_why, sizeof(l->fetch_why), "%s",
		    result->why);
		if (!try_other_family(l))
			fetch_tried_in_vain(l,
			    fetch_failure_tlsrpt(result->failure), result->why);
	} else if (err == ERR_NOMEM) { /* not the policy's fault */
		l->no_memory = true;
		lookup_error(l, err_text(err));
		fetch_failed(l, err_text(err));
	} else if (err != 0) {
		metrics_count(l->worker->metrics, METRICS_INVALID_POLICIES, 0,
		    0);
		fetch_tried_in_vain(l, "sts-policy-invalid", why);
	} else {
		l->fetch_result = NULL;
		backoff_remove(&l->worker->backoff, l->target.domain);
		log_new_policy(l);
		save(l, result);
	}
	lookup_returned(l);
}

void
policy_fetch_advance(struct lookup *l)
{
	size_t first = l->n_tried;
	int err;

	if (l->policy_step != POLICY_ADDRESS ||
	    (l->addresses_pending > 0 && !l->addresses_enough &&
		!(l->families[0].done && l->families[1].done)))
		return;
	loop_timer_clear(l->worker->loop, &l->address_timer);
	if (l->n_addresses == first && first > 0) {
		fetch_tried_in_vain(l, fetch_failure_tlsrpt(l->fetch_failure),
		    l->fetch_why);
		return;
	}
	if (l->n_addresses == 0 && l->addresses_unasked) {
		/* F-17: not the policy host's fault, so no back-off. */
		fetch_failed(l, l->fetch_why);
		return;
	}
	if (l->n_addresses == 0) {
		metrics_count(l->worker->metrics, METRICS_FETCHES,
		    FETCH_FAILURE_ADDRESS, 0);
		fetch_tried_in_vain(l, "sts-policy-fetch-error", l->fetch_why);
		return;
	}
	l->policy_step = POLICY_FETCH;
	l->n_tried = l->n_addresses;
	err =
	    fetch_start(l->setup->fetcher, l->policy_host, l->addresses + first,
		l->n_addresses - first, lookup_is_known_to_bind(l), fetched, l);
	if (err != 0)
		fetch_failed(l, err_text(err));
	else
		l->pending++;
}
