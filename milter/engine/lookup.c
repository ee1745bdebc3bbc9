/*
 * The lookup of one domain.
 *
 * Two tracks run in parallel and put their results into the facts. After every
 * step the lookup asks decide() whether the verdict is certain; the first time
 * that it is, all askers get the answer. The tracks run on to their end and
 * fill the caches.
 *
 *   policy track                            delivery track
 *
 *   STORE     read the store; ask TXT       IDLE   until the domain may bind:
 *     |                                       |    it is pinned, or a policy
 *   TXT       the record is there, or it      |    that is stored or named by
 *     | \     is known whether it is         |    the TXT may say so
 *     |  \    proven that there is none     MX     ask MX
 *     |   \                                   |    (a next hop in brackets
 *     |  new id; or nothing stored            |    has none)
 *     |  and no proof (T-12)                HOSTS  A, AAAA, TLSA of all hosts
 *     |    \                                  |
 *     |   ADDRESS  A, AAAA of mta-sts.      DONE
 *     |     |
 *     |   FETCH    HTTPS
 *     |     |
 *     |   SAVE     until it is durable
 *     |  /         (a fetch that failed while the TXT is late goes back to
 *   DONE            TXT)
 *
 * TXT and the addresses of the policy host are asked without validation
 * (T-11), everything else with it. lookup_discovery.c has the schedule. Under
 * action = reject the policy track runs from TXT once more before the rejection
 * (A-02).
 */
#include "autoconf.h"

#include "engine/lookup_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/tls_policy.h"
#include "engine/cache.h"
#include "engine/probe.h"
#include "store/store.h"

const char *
lookup_keep(struct lookup *l, const char *text)
{
	size_t size = strlen(text) + 1;
	struct kept *kept = malloc(sizeof(*kept) + size);

	if (kept == NULL)
		return "";
	memcpy(kept->text, text, size);
	kept->next = l->kept;
	l->kept = kept;
	return kept->text;
}

void
lookup_absorb(struct lookup *l, const struct dns_answer *answer,
    struct fact_rrset *into, uint32_t *ttl_s)
{
	into->status = answer->status;
	into->answer = answer->answer;
	into->why = answer->why[0] != '\0' ? lookup_keep(l, answer->why) : NULL;
	if (answer->ttl_s < *ttl_s)
		*ttl_s = answer->ttl_s;
	if (answer->sig_expires_s != 0 &&
	    (l->sig_expires_s == 0 || answer->sig_expires_s < l->sig_expires_s))
		l->sig_expires_s = answer->sig_expires_s;
}

static void
unlist(struct lookup *l)
{
	if (l->listed)
		map_remove(&l->worker->lookups, &l->node);
	l->listed = false;
}

void
lookup_left(struct lookup *l)
{
	struct worker *worker = l->worker;

	l->pending--;
	if (l->pending > 0 || l->listed || !TAILQ_EMPTY(&l->waiters))
		return;

	/* Nobody needs it any more. */
	loop_timer_clear(worker->loop, &l->discovery.late_timer);
	loop_timer_clear(worker->loop, &l->discovery.chain_timer);
	loop_timer_clear(worker->loop, &l->address_timer);
	loop_timer_clear(worker->loop, &l->hosts_timer);
	free(l->store_entry);
	policy_free(&l->stored_policy);
	policy_free(&l->fetched_policy);
	free(l->hosts);
	free(l->host_lookups);
	while (l->kept != NULL) {
		struct kept *next = l->kept->next;

		free(l->kept);
		l->kept = next;
	}
	answer_unref(&l->published);
	setup_unref(&l->setup);
	TAILQ_REMOVE(&worker->all, l, link);
	worker->n_reserved -= l->reserved;
	lookup_unpark(l);
	free(l);
	worker->n_lookups--;
	lookup_ended(worker);
	worker_report_idle(worker);
}

static void lookup_advance(struct lookup *l);

void
lookup_returned(struct lookup *l)
{
	lookup_advance(l);
	lookup_left(l);
}

/* --- answers ------------------------------------------------------------ */

static void
complete(struct waiter *w, const struct answer *answer)
{
	loop_timer_clear(w->worker->loop, &w->timer);
	if (w->lookup != NULL)
		TAILQ_REMOVE(&w->lookup->waiters, w, link);
	w->worker->n_waiters--;
	if (w->done != NULL)
		w->done(w->arg, answer, false);
	free(w);
}

static void
complete_all(struct lookup *l, const struct answer *answer, bool final)
{
	struct waiter *w = TAILQ_FIRST(&l->waiters), *next;

	for (; w != NULL; w = next) {
		next = TAILQ_NEXT(w, link);
		if (final || !w->delivery)
			complete(w, answer);
	}
}

/*
 * The records' TTL within the option's bounds; but never longer than the
 * signatures (S-05) and the policy (C-02, C-08) live.
 */
static uint64_t
lifetime_ms(const struct lookup *l, const struct verdict *verdict)
{
	const struct setup *setup = l->setup;
	const struct fact_policy *policy = verdict->policy;
	uint32_t ttl_s = l->policy_ttl_s < l->delivery_ttl_s
	    ? l->policy_ttl_s
	    : l->delivery_ttl_s;
	uint64_t ms = (uint64_t)ttl_s * 1000, left_ms;

	if (ms > setup->ttl_max_ms)
		ms = setup->ttl_max_ms;
	if (ms < setup->ttl_min_ms || l->facts.internal_error ||
	    l->facts.deadline || l->queued)
		ms = setup->ttl_min_ms;
	if (l->sig_expires_s != 0) {
		int64_t left_s = l->sig_expires_s - clock_wall_s();

		left_ms = left_s > 0 ? (uint64_t)left_s * 1000 : 0;
		if (ms > left_ms)
			ms = left_ms;
	}
	if (policy != NULL) {
		left_ms = policy->max_age_s > policy->age_s
		    ? (policy->max_age_s - policy->age_s) * 1000
		    : 0;
		if (ms > left_ms)
			ms = left_ms;
	}
	return ms;
}

static struct answer *
judge(struct lookup *l, enum decide_when when, bool *settled)
{
	struct answer *answer;
	uint64_t life_ms;

	l->facts.resolver_broken = probe_broken(l->worker->probe);
	answer = answer_new(&l->facts, &l->setup->rules, when, settled);
	if (answer != NULL) {
		life_ms = lifetime_ms(l, &answer->verdict);
		answer->generation = l->setup->generation;
		answer->epoch = l->epoch;
		answer->unbound_epoch = l->unbound_epoch;
		answer->expires_ms = clock_mono_ms() + life_ms;
		answer->renew_ms = answer->expires_ms - life_ms / 10;
	}
	return answer;
}

static void
publish(struct lookup *l, const struct answer *answer)
{
	uint64_t now_ms = clock_mono_ms();

	answer_unref(&l->published);
	l->published = answer;
	/* A rejection is never taken from the cache, nor a verdict that
	 * an internal error, a deadline or too many questions caused. */
	if (answer != NULL && answer->verdict.kind != VERDICT_REJECT &&
	    !l->facts.internal_error && !l->dropped &&
	    answer->expires_ms > now_ms)
		cache_put(l->worker->cache, l->key, answer, now_ms);
}

/* Publishes the verdict and completes the waiters: the first time that the
 * verdict is certain, and once more when no answer is missing. */
static void
settle(struct lookup *l, const struct wants *wants)
{
	bool final = l->shed ? l->policy_step != POLICY_STORE
			     : l->policy_step == POLICY_DONE &&
		(!wants->delivery || l->delivery_step == DELIVERY_DONE);
	bool settled;
	struct answer *answer;

	if (l->settled || l->policy_step == POLICY_STORE ||
	    (l->published != NULL && !final))
		return;
	answer = judge(l, final ? DECIDE_FINAL : DECIDE_PARTIAL, &settled);
	if (!settled)
		return;
	if (answer != NULL && answer->verdict.kind == VERDICT_REJECT &&
	    !l->rechecked) {
		const struct answer *dropped = answer;

		answer_unref(&dropped);
		/* A fetch may be under way although another TXT has come: the
		 * recheck must not begin a second one beside it. */
		if (l->policy_step == POLICY_DONE) {
			policy_recheck(l);
			lookup_advance(l);
		}
		return;
	}
	/* A lookup for a recipient leaves out what only a delivery needs. */
	if (answer != NULL)
		answer->delivery = final &&
		    (l->delivery ||
			(!tls_policy_wants_delivery(&l->facts,
			     l->setup->dane_for_all) &&
			    (l->delivery_step == DELIVERY_IDLE ||
				lookup_wants_tlsa(l))));
	publish(l, answer);
	if (answer != NULL)
		flap_note(&l->worker->flaps, l->worker->log, l->key,
		    &answer->verdict);
	if (final)
		unlist(l);
	l->settled = final;
	complete_all(l, answer, final);
	if (final)
		report_begin(l);
}

/* Called after every event: enters the states whose time has come. */
static void
lookup_advance(struct lookup *l)
{
	struct wants wants;

	if (l->worker->stopping)
		return; /* all waiters have been completed */
	l->facts.resolver_broken = probe_broken(l->worker->probe);
	policy_advance(l);
	if (l->refresh) {
		if (l->policy_step == POLICY_DONE) {
			complete_all(l, NULL, true);
			report_begin(l);
		}
		return;
	}
	decide_wants(&l->facts, &wants);
	if (l->delivery &&
	    tls_policy_wants_delivery(&l->facts, l->setup->dane_for_all))
		wants.delivery = true;
	/* A pin requires DNSSEC whatever is stored (T-14). */
	if ((l->policy_step != POLICY_STORE || l->facts.pinned) && !l->shed)
		delivery_advance(l, wants.delivery);
	settle(l, &wants);
}

/* --- waiters ------------------------------------------------------------ */

static void
deadline_passed(struct loop_timer *timer)
{
	struct waiter *w = LOOP_OWNER(timer, struct waiter, timer);
	struct lookup *l = w->lookup;
	const struct facts before = l->facts;
	const struct answer *answer;
	bool settled;

	/* Judged by the facts so far (S-03), for this waiter alone: the lookup
	 * goes on, and the sender's retry finds its verdict in the cache. */
	l->facts.deadline = true;
	if (l->policy_step == POLICY_STORE && !l->parked)
		lookup_error(l, "the policy store did not answer in time");
	/* The store is slow to write the policy. It may require DNSSEC. */
	if (l->policy_step == POLICY_SAVE)
		policy_use_fetched(l);
	answer = judge(l, DECIDE_FINAL, &settled);
	l->facts = before;
	complete(w, answer);
	answer_unref(&answer);
	if (TAILQ_EMPTY(&l->waiters)) {
		l->pending++;
		lookup_turns_end(l);
		lookup_returned(l);
	}
}

static struct lookup *
lookup_new(struct worker *worker, const struct target *target, const char *key)
{
	struct lookup *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	worker_look_at_clock(worker);
	l->worker = worker;
	l->setup = worker->setup;
	l->setup->refs++;
	l->target = *target;
	(void)snprintf(l->key, sizeof(l->key), "%s", key);
	l->node.key = l->key;
	l->epoch = cache_epoch(worker->cache, key);
	l->unbound_epoch = cache_epoch(worker->cache, NULL);
	TAILQ_INIT(&l->waiters);
	for (size_t i = 0; i < LANES; i++) {
		l->turns[i].lookup = l;
		TAILQ_INIT(&l->turns[i].waiting);
	}
	l->policy_ttl_s = l->delivery_ttl_s = UINT32_MAX;
	l->facts.recipient.class = ADDRESS_DOMAIN;
	l->facts.recipient.domain = l->target.domain;
	l->facts.pinned = engine_pins(worker->engine, l->target.domain);
	l->facts.no_mx = target->no_mx;
	l->facts.port = target->port;
	if (target->no_mx || target->port != SCOPE_PORT_SMTP)
		l->facts.recipient.host = l->key;
	TAILQ_INSERT_TAIL(&worker->all, l, link);
	worker->n_lookups++;
	return l;
}

/* Completes the waiter with an answer that was published earlier, while the
 * lookup goes on. False: there is none. */
static bool
answer_from_published(struct lookup *l, struct waiter *w)
{
	if (l->published == NULL || w->delivery)
		return false;
	if (clock_mono_ms() < l->published->expires_ms) {
		complete(w, l->published);
		return true;
	}
	answer_unref(&l->published);
	if (l->delivery_step == DELIVERY_DONE)
		delivery_reset(l);
	return false;
}

/* The lookup that w may join, or a new one (*begun). NULL: no memory. */
static struct lookup *
lookup_for(struct worker *worker, const struct waiter *w, bool *begun)
{
	char key[TARGET_TEXT_SIZE];
	struct lookup *l = NULL;

	target_text(&w->target, key);
	if (!w->refresh)
		l = (struct lookup *)map_find(&worker->lookups, key,
		    map_hash(key));
	/* No waiter may join a lookup that has dropped questions, whose hosts
	 * are past the point where TLSA would be asked, or that may have read
	 * another policy than the store has now. */
	if (l != NULL &&
	    (l->dropped ||
		(w->delivery && l->delivery_step != DELIVERY_IDLE &&
		    !lookup_wants_tlsa(l)) ||
		l->epoch != cache_epoch(worker->cache, key) ||
		l->unbound_epoch != cache_epoch(worker->cache, NULL))) {
		unlist(l);
		l = NULL;
	}
	*begun = l == NULL;
	if (l != NULL)
		return l;
	l = lookup_new(worker, &w->target, key);
	/* If the insertion fails the lookup works, but cannot be shared. */
	if (l != NULL && !w->refresh)
		l->listed = map_insert(&worker->lookups, &l->node) == 0;
	return l;
}

void
lookup_join(struct loop_task *task)
{
	struct waiter *w = LOOP_OWNER(task, struct waiter, task);
	struct worker *worker = w->worker;
	struct lookup *l = NULL;
	bool begun = false;

	worker->n_waiters++;
	if (!worker->stopping)
		l = lookup_for(worker, w, &begun);
	/* Without a lookup, ask_wait() still reads the store. */
	if (l == NULL) {
		complete(w, NULL);
		return;
	}
	if (!begun && answer_from_published(l, w))
		return;
	w->lookup = l;
	l->refresh = w->refresh;
	l->delivery = l->delivery || w->delivery;
	TAILQ_INSERT_TAIL(&l->waiters, w, link);
	l->pending++; /* keeps the lookup until the end of this function */
	if (!w->refresh &&
	    loop_timer_set(worker->loop, &w->timer, w->deadline_ms,
		deadline_passed) != 0) {
		TAILQ_REMOVE(&l->waiters, w, link);
		w->lookup = NULL;
		complete(w, NULL);
	}
	if (begun && !l->refresh)
		lookup_limit(l);
	if (begun)
		policy_begin(l);
	lookup_returned(l);
}

void
lookup_detach_all(struct worker *worker)
{
	struct lookup *l = TAILQ_FIRST(&worker->all), *next;

	for (; l != NULL; l = next) {
		next = TAILQ_NEXT(l, link);
		if (!l->listed)
			continue;
		unlist(l);
		l->pending++;
		lookup_returned(l);
	}
}

void
lookup_break_off(struct worker *worker)
{
	struct lookup *l = TAILQ_FIRST(&worker->all), *next;

	for (; l != NULL; l = next) {
		const struct answer *answer;
		bool settled;

		next = TAILQ_NEXT(l, link);
		if (l->policy_step == POLICY_SAVE)
			policy_use_fetched(l);
		lookup_error(l, "the filter is being stopped");
		answer = judge(l, DECIDE_FINAL, &settled);
		unlist(l);
		l->pending++;
		complete_all(l, answer, true);
		answer_unref(&answer);
		lookup_returned(l);
	}
}
