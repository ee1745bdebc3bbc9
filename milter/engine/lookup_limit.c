/*
 * Limits on the lookups and DNS questions of strangers, and the reserve for
 * domains that are known to require DNSSEC. Fetches: fetch/fetch.c.
 *
 * A domain has up to four questions for each of its hosts, and a silent server
 * holds a question, and a socket of the resolver, until dns_timeout. So each
 * lane (engine_impl.h) has a limit of questions under way, and each lookup has
 * a share of the lane. A question beyond these bounds waits until somebody's
 * answer makes room; at the asker's deadline it fails (S-08).
 *
 *	lookup_ask() ------------------------------> resolver
 *	     |                                          ^    |
 *	     | the share is used up,                    |    | answer: less is
 *	     v or the lane is full                      |    v under way
 *	  turn->waiting ---- share ----> lane->turns ---+ room in the lane
 *
 * Lookups in lane->turns take turns: one asks one question and goes to the end.
 *
 * Lookups are limited as well. Beyond the limit, a new one reads the store and
 * nothing else. A domain that is then known to require DNSSEC gets a place of
 * the reserve, or waits in worker->parked until a lookup ends, or nobody waits
 * for it any more (S-08).
 */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "engine/lookup_impl.h"
#include "log/log.h"

/* clang-format off */
static const struct {
	size_t max;
	const char *text;
} limits[LIMITS] = {
    [LANE_COMMON] = {WORKER_QUESTIONS_MAX,
	"DNS questions under way on one loop: more of them wait, except for "
	"domains that the policy store knows"},
    [LANE_BOUND] = {WORKER_BOUND_MAX,
	"DNS questions about domains that require DNSSEC under way on one "
	"loop: more of them wait"},
    [LANE_DISCOVERY] = {WORKER_QUESTIONS_MAX,
	"DNS questions of policy discovery under way on one loop: more of "
	"them wait, except for domains that the policy store knows"},
    [LANE_DISCOVERY_BOUND] = {DNS_PENDING_MAX - WORKER_QUESTIONS_MAX,
	"DNS questions of policy discovery about domains that require DNSSEC "
	"under way on one loop: more of them wait"},
    [LANE_FRESH] = {WORKER_FRESH_MAX,
	"policies are checked afresh on one loop: more of them wait, and mail "
	"is deferred rather than rejected without that check"},
    [LIMIT_SHARE] = {LOOKUP_QUESTIONS_BUSY,
	"DNS questions at a time for each domain whose servers do not answer: "
	"one loop has many questions under way"},
    [LIMIT_LOOKUPS] = {WORKER_LOOKUPS_MAX,
	"lookups under way on one loop: only domains that the policy store "
	"knows are looked up"},
    [LIMIT_RESERVED] = {WORKER_RESERVED_MAX,
	"more lookups under way on one loop, of domains that require DNSSEC: "
	"further ones wait"},
};
/* clang-format on */

static void
tell(struct worker *worker, size_t limit)
{
	log_limit(worker->log, &worker->limit_told[limit], "%zu %s",
	    limits[limit].max, limits[limit].text);
}

/* --- turns --------------------------------------------------------------- */

static enum lane_kind
lane_of(const struct lookup *l, const struct dns *dns)
{
	bool bound = lookup_is_known_to_bind(l);

	if (dns == l->setup->fresh)
		return LANE_FRESH;
	if (dns == l->setup->discovery)
		return bound ? LANE_DISCOVERY_BOUND : LANE_DISCOVERY;
	return bound ? LANE_BOUND : LANE_COMMON;
}

/* More than a quarter of the lane is taken: silent servers may fill the rest.
 */
static bool
is_busy(const struct lookup *l, enum lane_kind kind)
{
	return l->setup->lanes[kind].n_sent >= limits[kind].max / 4;
}

/* Within the lookup's share of the lane. */
static bool
has_share(struct turn *turn, enum lane_kind kind)
{
	struct lookup *l = turn->lookup;
	size_t share = LOOKUP_QUESTIONS_MAX;

	if (is_busy(l, kind) &&
	    share > LOOKUP_QUESTIONS_BUSY + turn->n_answered)
		share = LOOKUP_QUESTIONS_BUSY + turn->n_answered;
	if (turn->n_sent < share)
		return true;
	if (share < LOOKUP_QUESTIONS_MAX)
		tell(l->worker, LIMIT_SHARE);
	return false;
}

/* Moves the turn to the end of the queue if it has a question that it may ask,
 * or else takes it out. */
static void
turn_queue(struct turn *turn, enum lane_kind kind)
{
	struct turns *turns = &turn->lookup->setup->lanes[kind].turns;

	if (turn->queued)
		TAILQ_REMOVE(turns, turn, link);
	turn->queued = !TAILQ_EMPTY(&turn->waiting) && has_share(turn, kind);
	if (turn->queued)
		TAILQ_INSERT_TAIL(turns, turn, link);
}

/* --- questions ----------------------------------------------------------- */

static void
lane_run(struct worker *worker, struct setup *setup, enum lane_kind kind);

static void
question_answered(void *arg, const struct dns_answer *answer)
{
	struct question *q = arg;
	struct question asked = *q;
	struct lookup *l = q->lookup;
	struct worker *worker = l->worker;
	struct setup *setup = l->setup;
	struct turn *turn = &l->turns[q->lane];

	free(q);
	setup->lanes[asked.lane].n_sent--;
	turn->n_sent--;
	turn->n_answered += answer->status != FACT_FAILED;
	turn_queue(turn, asked.lane);
	/* The lookup may end in done, and with it the setup. */
	setup->refs++;
	asked.done(asked.arg, answer);
	lane_run(worker, setup, asked.lane);
	setup_unref(&setup);
}

static int
question_send(struct question *q)
{
	struct setup *setup = q->lookup->setup;
	struct dns *dns = q->dns;
	int err;

	/* Silent servers may hold all sockets of the common resolver. */
	if (q->lane == LANE_BOUND && dns_pending(dns) >= WORKER_QUESTIONS_BUSY)
		dns = setup->reserve;
	err = q->how == QUESTION_DISCOVERY
	    ? dns_ask_discovery(dns, q->name, q->type, question_answered, q)
	    : dns_ask(dns, q->name, q->type, question_answered, q);
	if (err == 0) {
		setup->lanes[q->lane].n_sent++;
		q->lookup->turns[q->lane].n_sent++;
	}
	return err;
}

/* The question has waited, so its error is reported as an answer. */
static void
question_fail(struct question *q, int err)
{
	struct question failed = *q;
	struct dns_answer answer = {
	    .status = FACT_FAILED,
	    .answer = ANSWER_EMPTY,
	};

	free(q);
	(void)snprintf(answer.why, sizeof(answer.why), "%s", err_text(err));
	failed.done(failed.arg, &answer);
}

void
lookup_turns_end(struct lookup *l)
{
	for (size_t i = 0; i < LANES; i++) {
		struct turn *turn = &l->turns[i];
		struct question *q;

		while (is_busy(l, i) &&
		    (q = TAILQ_FIRST(&turn->waiting)) != NULL) {
			TAILQ_REMOVE(&turn->waiting, q, link);
			turn_queue(turn, i);
			l->dropped = true;
			question_fail(q, ERR_BUSY);
		}
	}
	if (l->parked)
		l->policy_step = POLICY_DONE;
	lookup_unpark(l);
}

static bool
lane_is_full(struct worker *worker, const struct lane *lane,
    enum lane_kind kind)
{
	if (lane->n_sent < limits[kind].max)
		return false;
	tell(worker, kind);
	return true;
}

/* Asks the waiting questions, one of each lookup in turn, while there is room.
 * When the loop stops, all of them fail. */
static void
lane_run(struct worker *worker, struct setup *setup, enum lane_kind kind)
{
	struct lane *lane = &setup->lanes[kind];
	struct turn *turn;

	while ((turn = TAILQ_FIRST(&lane->turns)) != NULL &&
	    (worker->stopping || !lane_is_full(worker, lane, kind))) {
		struct question *q = TAILQ_FIRST(&turn->waiting);
		int err = worker->stopping ? ERR_CANCELLED : question_send(q);

		/* The resolver is full with questions of other lanes. */
		if (err == ERR_BUSY && lane->n_sent > 0)
			break;
		TAILQ_REMOVE(&turn->waiting, q, link);
		turn_queue(turn, kind);
		if (err != 0)
			question_fail(q, err);
	}
}

int
lookup_ask(struct lookup *l, struct dns *dns, enum question_kind how,
    const char *name, enum dns_type type, dns_done_fn *done, void *arg)
{
	enum lane_kind kind = lane_of(l, dns);
	struct lane *lane = &l->setup->lanes[kind];
	struct turn *turn = &l->turns[kind];
	size_t size = strlen(name) + 1;
	struct question *q;
	int err = ERR_BUSY;

	if (l->worker->stopping)
		return ERR_CANCELLED;
	if (size > sizeof(q->name))
		return ERR_TOOLONG;
	q = malloc(sizeof(*q));
	if (q == NULL) {
		l->no_memory = true;
		lookup_error(l, err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	*q = (struct question){
	    .lookup = l,
	    .lane = kind,
	    .dns = dns,
	    .how = how,
	    .type = type,
	    .done = done,
	    .arg = arg,
	};
	memcpy(q->name, name, size);

	/* Asks at once or in turn. A lookup for which nobody waits asks nothing
	 * in a busy lane. With nothing under way no answer would come that
	 * gives the question its turn. */
	if (TAILQ_EMPTY(&turn->waiting) && has_share(turn, kind) &&
	    !lane_is_full(l->worker, lane, kind))
		err = question_send(q);
	if (err == ERR_BUSY && is_busy(l, kind) && TAILQ_EMPTY(&l->waiters)) {
		l->dropped = true;
	} else if (err == ERR_BUSY && lane->n_sent > 0) {
		TAILQ_INSERT_TAIL(&turn->waiting, q, link);
		if (!turn->queued)
			turn_queue(turn, kind);
		return 0;
	}
	if (err != 0)
		free(q);
	return err;
}

struct dns *
lookup_fresh_or_young(const struct lookup *l)
{
	return dns_pending(l->setup->fresh) < WORKER_FRESH_FETCHES
	    ? l->setup->fresh
	    : l->setup->discovery;
}

/* --- lookups ------------------------------------------------------------- */

/* Neither out of the reserve nor waiting for it. */
static size_t
n_common(const struct worker *worker)
{
	return worker->n_lookups - worker->n_reserved - worker->n_parked;
}

void
lookup_limit(struct lookup *l)
{
	struct worker *worker = l->worker;

	l->shed = n_common(worker) > WORKER_LOOKUPS_MAX;
	if (!l->shed)
		return;
	tell(worker, LIMIT_LOOKUPS);
	lookup_error(l, "too many domains are being looked up");
}

/* Begins a lookup that was shed, if there is room. */
static bool
shed_begin(struct lookup *l)
{
	struct worker *worker = l->worker;
	bool room = n_common(worker) <= WORKER_LOOKUPS_MAX;

	if (!room && worker->n_reserved >= WORKER_RESERVED_MAX)
		return false;
	l->reserved = !room;
	worker->n_reserved += l->reserved;
	l->shed = false;
	/* Undo the error of the shed lookup. If the store could not be read,
	 * the error stays: a pinned domain goes on without its policy. */
	if (l->store_err == 0 || l->store_err == ERR_NOTFOUND) {
		l->facts.internal_error = false;
		l->facts.internal_why = NULL;
	}
	l->policy_step = POLICY_TXT;
	discovery_begin(l, false);
	return true;
}

void
lookup_use_reserve(struct lookup *l)
{
	struct worker *worker = l->worker;

	l->policy_step = POLICY_DONE;
	if (!lookup_is_known_to_bind(l) || worker->stopping)
		return;
	if (TAILQ_EMPTY(&worker->parked) && shed_begin(l))
		return;
	tell(worker, LIMIT_RESERVED);
	if (TAILQ_EMPTY(&l->waiters))
		return;
	l->policy_step = POLICY_STORE;
	l->parked = true;
	worker->n_parked++;
	TAILQ_INSERT_TAIL(&worker->parked, l, parked_link);
}

void
lookup_unpark(struct lookup *l)
{
	if (!l->parked)
		return;
	l->parked = false;
	l->worker->n_parked--;
	TAILQ_REMOVE(&l->worker->parked, l, parked_link);
}

static void
parked_run(struct loop_task *task)
{
	struct worker *worker = LOOP_OWNER(task, struct worker, parked_task);
	struct lookup *l;

	worker->parked_posted = false;
	while (!worker->stopping &&
	    (l = TAILQ_FIRST(&worker->parked)) != NULL &&
	    (n_common(worker) < WORKER_LOOKUPS_MAX ||
		worker->n_reserved < WORKER_RESERVED_MAX)) {
		l->pending++;
		lookup_unpark(l);
		(void)shed_begin(l);
		lookup_returned(l);
	}
}

/* A task, as the caller may be walking through the lookups. */
void
lookup_ended(struct worker *worker)
{
	if (TAILQ_EMPTY(&worker->parked) || worker->parked_posted ||
	    worker->stopping)
		return;
	worker->parked_posted = true;
	worker->parked_task.run = parked_run;
	loop_post(worker->loop, &worker->parked_task);
}
