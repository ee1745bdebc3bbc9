/* The refresher. */
#include "autoconf.h"

#include "engine/refresh.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/thread.h"
#include "config/config.h"
#include "engine/ask.h"
#include "engine/refresh_plan.h"
#include "log/log.h"
#include "store/store.h"

/* When a look fails for want of memory. */
#define PAUSE_S 60

struct refresher {
	struct engine *engine;
	struct store *store;
	struct log *log;
	pthread_t thread;
	struct refresh_clock clock; /* the thread's */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;
	bool stop;
	bool look_now; /* the interval has changed */
	uint64_t interval_s;
	uint64_t retry_s;
	uint64_t retry_min_s;
	unsigned under_way;
	bool freed; /* the last of those under way destroys it */
};

/* --- a look through the store ------------------------------------------- */

static bool
look_at(void *arg, const struct store_entry *entry)
{
	refresh_plan_see(arg, entry);
	return true;
}

static void
remove_expired(struct refresher *r, const struct refresh_plan *plan)
{
	for (size_t i = 0; i < plan->n_expired; i++) {
		const struct refresh_expired *expired = &plan->expired[i];

		/* A new one may have come since the look. */
		if (store_delete_expired(r->store, expired->domain,
			expired->fetched_s, NULL, NULL) != 0)
			return; /* the next look finds them again */
		log_msg(r->log, LOG_LEVEL_DEBUG, "refresh",
		    "the policy of %s has expired and is removed",
		    expired->domain);
	}
}

/* --- refreshing --------------------------------------------------------- */

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
	struct refresher *r = arg;
	bool last;

	(void)answer;
	(void)cached;
	(void)pthread_mutex_lock(&r->lock);
	r->under_way--;
	last = r->freed && r->under_way == 0;
	(void)pthread_cond_broadcast(&r->wake);
	(void)pthread_mutex_unlock(&r->lock);
	if (last)
		destroy(r);
}

/* False: stopping. */
static bool
wait_for_room(struct refresher *r)
{
	bool go;

	(void)pthread_mutex_lock(&r->lock);
	while (!r->stop && r->under_way >= REFRESH_PARALLEL)
		(void)pthread_cond_wait(&r->wake, &r->lock);
	go = !r->stop;
	r->under_way += go;
	(void)pthread_mutex_unlock(&r->lock);
	return go;
}

/* For how many seconds the store can be left alone. */
static uint64_t
run_round(struct refresher *r, uint64_t interval_s, uint64_t retry_s,
    uint64_t retry_min_s)
{
	struct refresh_plan plan;
	uint64_t begun_ms = clock_mono_ms();
	uint64_t pause_s;
	int err;

	if (refresh_plan_init(&plan, clock_wall_s(), interval_s, retry_s) != 0)
		return PAUSE_S;
	plan.retry_min_s = retry_min_s;
	plan.keeps_expired =
	    !refresh_clock_is_steady(&r->clock, plan.now_s, begun_ms);
	err = store_each(r->store, look_at, &plan);
	pause_s = refresh_plan_pause_s(&plan, clock_mono_ms() - begun_ms);
	if (err != 0)
		log_msg(r->log, LOG_LEVEL_ERROR, "refresh",
		    store_each_partial(err)
			? "cannot read all of the policy store: %s"
			: "cannot look through the policy store: %s",
		    err_text(err));
	remove_expired(r, &plan);
	refresh_plan_sort(&plan);
	for (size_t i = 0; i < plan.n && wait_for_room(r); i++)
		ask_refresh(r->engine, plan.items[i].domain, refreshed, r);
	refresh_plan_free(&plan);
	/* C-17: here, as this thread may wait. A failure is logged there. */
	(void)store_backup(r->store);
	return pause_s;
}

static void
pause_until(struct refresher *r, uint64_t until_ms)
{
	while (!r->stop && !r->look_now && clock_mono_ms() < until_ms)
		(void)thread_wait_until(&r->wake, &r->lock, until_ms);
}

static void *
refresher_run(void *arg)
{
	struct refresher *r = arg;

	(void)pthread_mutex_lock(&r->lock);
	while (!r->stop) {
		uint64_t interval_s = r->interval_s, retry_s = r->retry_s;
		uint64_t retry_min_s = r->retry_min_s;
		uint64_t pause_s;

		r->look_now = false;
		(void)pthread_mutex_unlock(&r->lock);
		pause_s = run_round(r, interval_s, retry_s, retry_min_s);
		(void)pthread_mutex_lock(&r->lock);
		pause_until(r, clock_mono_ms() + pause_s * 1000);
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
	/* A policy host that is down is asked hourly, no sooner than F-12 has
	 * it, and oftener only if all is to be fresher than that. */
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
