/* The refresher, and its plan. */
#include "autoconf.h"

#include "engine/refresh.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/map.h"
#include "base/thread.h"
#include "config/config.h"
#include "core/policy.h"
#include "engine/ask.h"
#include "log/log.h"
#include "store/store.h"

/* Seconds between looks through the store. */
#define PAUSE_MIN_S 1
#define PAUSE_MAX_S 60
/* Looking takes 2 % of the time at most. */
#define LOOK_SHARE 50

/* --- the plan ------------------------------------------------------------- */

int
refresh_plan_init(struct refresh_plan *plan, int64_t now_s, uint64_t interval_s,
    uint64_t retry_s)
{
	*plan = (struct refresh_plan){
	    .now_s = now_s,
	    .interval_s = interval_s,
	    .retry_s = retry_s,
	    .next_s = INT64_MAX,
	};
	plan->items = calloc(REFRESH_ROUND_MAX, sizeof(*plan->items));
	plan->expired = calloc(REFRESH_ROUND_MAX, sizeof(*plan->expired));
	if (plan->items != NULL && plan->expired != NULL)
		return 0;
	refresh_plan_free(plan);
	return ERR_NOMEM;
}

void
refresh_plan_free(struct refresh_plan *plan)
{
	free(plan->items);
	free(plan->expired);
	plan->items = NULL;
	plan->expired = NULL;
}

static bool
is_less_urgent(const struct refresh_item *a, const struct refresh_item *b)
{
	if (a->binds != b->binds)
		return b->binds;
	if (a->failed != b->failed)
		return a->failed;
	return a->used_s < b->used_s;
}

/* Moves the item at i to its place in the heap. */
static void
sift(struct refresh_item *items, size_t n, size_t i)
{
	struct refresh_item moved = items[i];

	/* Up, past those that are more urgent. */
	for (; i > 0 && is_less_urgent(&moved, &items[(i - 1) / 2]);
	     i = (i - 1) / 2)
		items[i] = items[(i - 1) / 2];
	/* Down, below those that are less urgent. */
	for (size_t least; (least = 2 * i + 1) < n; i = least) {
		if (least + 1 < n &&
		    is_less_urgent(&items[least + 1], &items[least]))
			least++;
		if (!is_less_urgent(&items[least], &moved))
			break;
		items[i] = items[least];
	}
	items[i] = moved;
}

static void
take(struct refresh_plan *plan, const struct refresh_entry *entry)
{
	struct refresh_item item = {
	    .binds = entry->binds,
	    .failed = entry->failed,
	    .used_s = entry->used_s,
	};

	(void)snprintf(item.domain, sizeof(item.domain), "%s", entry->domain);
	if (plan->n < REFRESH_ROUND_MAX) {
		plan->items[plan->n++] = item;
		sift(plan->items, plan->n, plan->n - 1);
		return;
	}
	plan->more = true;
	if (!is_less_urgent(&plan->items[0], &item))
		return;
	plan->items[0] = item;
	sift(plan->items, plan->n, 0);
}

static int64_t
due_s(const struct refresh_plan *plan, const struct refresh_entry *entry)
{
	uint64_t interval_s = plan->interval_s;
	uint64_t retry_s = entry->max_age_s / 8;
	uint64_t part = map_hash(entry->domain) % 1024;

	if (entry->failed) {
		if (retry_s < plan->retry_min_s)
			retry_s = plan->retry_min_s;
		if (retry_s > plan->retry_s)
			retry_s = plan->retry_s;
		return entry->tried_s + (int64_t)retry_s;
	}
	/* After 3/4 to 5/4 of the interval, or of a third of the policy's life
	 * if that is shorter. The factor of a domain stays the same while this
	 * process runs. */
	if (interval_s > entry->max_age_s / 3)
		interval_s = entry->max_age_s / 3;
	return entry->fetched_s +
	    (int64_t)(interval_s * 3 / 4 + interval_s * part / 2048);
}

static void
take_expired(struct refresh_plan *plan, const struct refresh_entry *entry)
{
	struct refresh_expired *expired = &plan->expired[plan->n_expired];

	if (plan->keeps_expired)
		return;
	if (plan->n_expired == REFRESH_ROUND_MAX) {
		plan->more = true;
		return;
	}
	(void)snprintf(expired->domain, sizeof(expired->domain), "%s",
	    entry->domain);
	expired->fetched_s = entry->fetched_s;
	plan->n_expired++;
}

void
refresh_plan_add(struct refresh_plan *plan, const struct refresh_entry *entry)
{
	int64_t max_age_s = entry->max_age_s;
	int64_t at_s;

	if (plan->now_s - entry->fetched_s > max_age_s || max_age_s == 0) {
		take_expired(plan, entry);
		return;
	}
	if (plan->now_s - entry->used_s > max_age_s)
		return;
	at_s = due_s(plan, entry);
	/* S-06: a fetch or try in the future counts as one of now, and is due.
	 */
	if (at_s <= plan->now_s || entry->fetched_s > plan->now_s ||
	    entry->tried_s > plan->now_s)
		take(plan, entry);
	else if (at_s < plan->next_s)
		plan->next_s = at_s;
}

bool
refresh_plan_see(void *arg, const struct store_entry *entry)
{
	struct refresh_plan *plan = arg;
	struct policy *policy = NULL;
	int err = policy_parse(entry->body, entry->len, NULL, NULL, &policy);
	struct refresh_entry e = {
	    .domain = entry->domain,
	    .fetched_s = entry->fetched_s,
	    .tried_s = entry->tried_s,
	    .failed = entry->failure[0] != '\0',
	    .used_s = entry->used_s,
	};

	if (err == ERR_NOMEM) {
		plan->more = true;
		return true;
	}
	/* A body that cannot be parsed is removed like one that has expired. */
	if (err == 0) {
		e.max_age_s = policy->max_age_s;
		e.binds = policy->dnssec;
	}
	policy_free(&policy);
	refresh_plan_add(plan, &e);
	return true;
}

bool
refresh_clock_is_steady(struct refresh_clock *clock, int64_t wall_s,
    uint64_t mono_ms)
{
	int64_t offset_s = wall_s - (int64_t)(mono_ms / 1000);
	int64_t step_s = offset_s - clock->offset_s;

	if (!clock->begun || step_s > REFRESH_STEP_S ||
	    step_s < -REFRESH_STEP_S) {
		clock->begun = true;
		clock->offset_s = offset_s;
		clock->since_ms = mono_ms;
	}
	return mono_ms - clock->since_ms >= REFRESH_STEADY_MS;
}

uint64_t
refresh_plan_pause_s(const struct refresh_plan *plan, uint64_t look_ms)
{
	uint64_t least_s = look_ms * LOOK_SHARE / 1000;
	uint64_t most_s = PAUSE_MAX_S;
	uint64_t pause_s = 0;

	if (least_s < PAUSE_MIN_S)
		least_s = PAUSE_MIN_S;
	if (!plan->more && plan->next_s > plan->now_s)
		pause_s = (uint64_t)(plan->next_s - plan->now_s);
	if (most_s > plan->interval_s / 2)
		most_s = plan->interval_s / 2;
	if (pause_s > most_s)
		pause_s = most_s;
	return pause_s > least_s ? pause_s : least_s;
}

void
refresh_plan_sort(struct refresh_plan *plan)
{
	/* Moves the least urgent item behind the heap, which shrinks. */
	for (size_t n = plan->n; n > 1;) {
		struct refresh_item least = plan->items[0];

		plan->items[0] = plan->items[--n];
		plan->items[n] = least;
		sift(plan->items, n, 0);
	}
}

/* --- a round -------------------------------------------------------------- */

/* A refresh under way. */
struct refresh_slot {
	struct refresher *refresher;
	char domain[NAME_SIZE]; /* "": free */
	bool late;              /* counts for REFRESH_PARALLEL_LATE */
};

struct refresher {
	struct engine *engine;
	struct store *store;
	struct log *log;
	pthread_t thread;
	struct refresh_clock clock; /* the thread's */

	pthread_mutex_t lock; /* guards the members below */
	pthread_cond_t wake;
	bool stop;
	bool look_now; /* the interval has changed */
	uint64_t interval_s;
	uint64_t retry_s;
	uint64_t retry_min_s;
	struct refresh_slot slots[REFRESH_PARALLEL];
	unsigned under_way;
	unsigned late;
	bool freed; /* the last refresh under way destroys it */
};

static void
remove_expired(struct refresher *r, const struct refresh_plan *plan)
{
	for (size_t i = 0; i < plan->n_expired; i++) {
		const struct refresh_expired *expired = &plan->expired[i];

		/* Removes only the policy that was seen: a new one may have
		 * been stored since. */
		if (store_delete_expired(r->store, expired->domain,
			expired->fetched_s, NULL, NULL) != 0)
			return; /* the next look finds them again */
		log_msg(r->log, LOG_LEVEL_DEBUG, "refresh",
		    "the policy of %s has expired and is removed",
		    expired->domain);
	}
}

static void
destroy(struct refresher *r)
{
	(void)pthread_cond_destroy(&r->wake);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

static void
refreshed(void *arg, const struct answer *answer, bool cached)
{
	struct refresh_slot *slot = arg;
	struct refresher *r = slot->refresher;
	bool last;

	(void)answer;
	(void)cached;
	(void)pthread_mutex_lock(&r->lock);
	slot->domain[0] = '\0';
	r->under_way--;
	r->late -= slot->late;
	last = r->freed && r->under_way == 0;
	(void)pthread_cond_broadcast(&r->wake);
	(void)pthread_mutex_unlock(&r->lock);
	if (last)
		destroy(r);
}

/* Under the lock: a slot that the item may take now; NULL: none yet. */
static struct refresh_slot *
find_slot(struct refresher *r, bool late)
{
	struct refresh_slot *slot = r->slots;

	if (r->under_way == REFRESH_PARALLEL ||
	    (late && r->late == REFRESH_PARALLEL_LATE))
		return NULL;
	while (slot->domain[0] != '\0')
		slot++;
	return slot;
}

/* A refresh that an earlier round began may still be under way. */
static bool
is_under_way(struct refresher *r, const char *domain)
{
	bool found = false;

	(void)pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < REFRESH_PARALLEL; i++)
		found |= strcmp(r->slots[i].domain, domain) == 0;
	(void)pthread_mutex_unlock(&r->lock);
	return found;
}

/* Waits until the refresh of the item may begin. NULL: the refresher is
 * stopping, is to look again, or it is until_ms. */
static struct refresh_slot *
take_slot(struct refresher *r, const struct refresh_item *item,
    uint64_t until_ms)
{
	bool late = !item->binds || item->failed;
	struct refresh_slot *slot = NULL;

	(void)pthread_mutex_lock(&r->lock);
	while (!r->stop && !r->look_now &&
	    (slot = find_slot(r, late)) == NULL && clock_mono_ms() < until_ms)
		(void)thread_wait_until(&r->wake, &r->lock, until_ms);
	if (slot != NULL) {
		slot->refresher = r;
		slot->late = late;
		memcpy(slot->domain, item->domain, sizeof(slot->domain));
		r->under_way++;
		r->late += late;
	}
	(void)pthread_mutex_unlock(&r->lock);
	return slot;
}

/* Begins what is due, until the next look. True: all of it. */
static bool
begin_all(struct refresher *r, const struct refresh_plan *plan,
    uint64_t until_ms)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct refresh_item *item = &plan->items[i];
		struct target target = {.port = SCOPE_PORT_SMTP};
		struct refresh_slot *slot;

		if (is_under_way(r, item->domain))
			continue;
		slot = take_slot(r, item, until_ms);
		if (slot == NULL)
			return false;
		memcpy(target.domain, item->domain, sizeof(target.domain));
		ask(r->engine,
		    &(struct ask_options){
			.what = ASK_REFRESH,
			.target = &target,
			.done = refreshed,
			.arg = slot,
		    });
	}
	return true;
}

/* Returns the seconds until the next round. */
static uint64_t
run_round(struct refresher *r, uint64_t interval_s, uint64_t retry_s,
    uint64_t retry_min_s)
{
	struct refresh_plan plan;
	uint64_t begun_ms = clock_mono_ms();
	uint64_t look_ms, until_ms, pause_s;
	int err;

	if (refresh_plan_init(&plan, clock_wall_s(), interval_s, retry_s) != 0)
		return PAUSE_MAX_S;
	plan.retry_min_s = retry_min_s;
	plan.keeps_expired =
	    !refresh_clock_is_steady(&r->clock, plan.now_s, begun_ms);
	err = store_each(r->store, refresh_plan_see, &plan);
	look_ms = clock_mono_ms() - begun_ms;
	pause_s = refresh_plan_pause_s(&plan, look_ms);
	if (err != 0)
		log_msg(r->log, LOG_LEVEL_ERROR, "refresh",
		    store_each_partial(err)
			? "cannot read all of the policy store: %s"
			: "cannot look through the policy store: %s",
		    err_text(err));
	remove_expired(r, &plan);
	refresh_plan_sort(&plan);
	/* What strangers made slow waits for the next round, which begins with
	 * what binds and has become due meanwhile. */
	until_ms = begun_ms + look_ms * LOOK_SHARE + PAUSE_MAX_S * 1000;
	if (!begin_all(r, &plan, until_ms))
		pause_s = PAUSE_MIN_S;
	refresh_plan_free(&plan);
	return pause_s;
}

static void *
refresher_run(void *arg)
{
	struct refresher *r = arg;

	(void)pthread_mutex_lock(&r->lock);
	while (!r->stop) {
		uint64_t interval_s = r->interval_s, retry_s = r->retry_s;
		uint64_t retry_min_s = r->retry_min_s;
		uint64_t pause_s, until_ms;

		r->look_now = false;
		(void)pthread_mutex_unlock(&r->lock);
		/* C-17: backs up here, as this thread may block.
		 * store_backup() logs a failure. */
		(void)store_backup(r->store);
		pause_s = run_round(r, interval_s, retry_s, retry_min_s);
		(void)pthread_mutex_lock(&r->lock);
		until_ms = clock_mono_ms() + pause_s * 1000;
		while (!r->stop && !r->look_now && clock_mono_ms() < until_ms)
			(void)thread_wait_until(&r->wake, &r->lock, until_ms);
	}
	(void)pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* --- life --------------------------------------------------------------- */

static void
take_config(struct refresher *r, const struct config *config)
{
	uint64_t hour_s = 3600;

	r->interval_s = config->refresh_interval_ms / 1000;
	/* A policy host that is down is asked hourly, or more often if the
	 * interval is less than four hours, but no sooner than F-12 permits. */
	r->retry_s = r->interval_s / 4 < hour_s ? r->interval_s / 4 : hour_s;
	r->retry_min_s = config->fetch_backoff_ms / 1000;
	if (r->retry_s * 1000 < config->fetch_backoff_ms)
		r->retry_s = config->fetch_backoff_ms / 1000;
}

struct refresher *
refresher_new(const struct config *config, struct engine *engine,
    struct store *store, struct log *log)
{
	struct refresher *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->engine = engine;
	r->store = store;
	r->log = log;
	take_config(r, config);
	(void)pthread_mutex_init(&r->lock, NULL);
	thread_cond_init(&r->wake);
	if (thread_start(&r->thread, NULL, "refresher", refresher_run, r) !=
	    0) {
		destroy(r);
		return NULL;
	}
	return r;
}

void
refresher_reload(struct refresher *r, const struct config *config)
{
	(void)pthread_mutex_lock(&r->lock);
	take_config(r, config);
	r->look_now = true;
	(void)pthread_cond_broadcast(&r->wake);
	(void)pthread_mutex_unlock(&r->lock);
}

void
refresher_free(struct refresher **refresherp)
{
	struct refresher *r = *refresherp;
	bool last;

	if (r == NULL)
		return;
	*refresherp = NULL;
	(void)pthread_mutex_lock(&r->lock);
	r->stop = true;
	(void)pthread_cond_broadcast(&r->wake);
	(void)pthread_mutex_unlock(&r->lock);
	(void)pthread_join(r->thread, NULL);
	(void)pthread_mutex_lock(&r->lock);
	r->freed = true;
	last = r->under_way == 0;
	(void)pthread_mutex_unlock(&r->lock);
	if (last)
		destroy(r);
}
