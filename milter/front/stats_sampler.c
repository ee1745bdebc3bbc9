#include "autoconf.h"

#include "front/stats_sampler.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/thread.h"
#include "store/store.h"

#define MINUTE_MS 60000

/* From one walk to the next: so long that they take no more than a hundredth
 * of the time. */
#define WALK_MIN_MS 5000
#define WALK_SHARE  100

struct minute {
	struct store *store;
	struct metrics *metrics;
	struct census *next; /* the thread's own */
	pthread_t thread;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;
	bool stop;
	bool wanted; /* a walk, as soon as it is due */
	struct history history;
	int census_err;
	bool has_census;
	struct census census;
};

/* --- the walk --- */

static bool
look_at(void *arg, const struct store_entry *entry)
{
	census_add(arg, entry);
	return true;
}

/* Returns when the next one is due. */
static uint64_t
walk(struct minute *minute)
{
	uint64_t begun_ms = clock_mono_ms();
	uint64_t pause_ms;
	int err;

	*minute->next = (struct census){.now_s = clock_wall_s()};
	err = store_each(minute->store, look_at, minute->next);
	metrics_store(minute->metrics, METRICS_STORE_READ,
	    err != 0 && !store_each_partial(err));
	(void)pthread_mutex_lock(&minute->lock);
	minute->census_err = err;
	/* What is damaged is left out of it. */
	if (err == 0 || store_each_partial(err)) {
		minute->census = *minute->next;
		minute->has_census = true;
	}
	(void)pthread_mutex_unlock(&minute->lock);
	pause_ms = (clock_mono_ms() - begun_ms) * WALK_SHARE;
	return clock_mono_ms() +
	    (pause_ms > WALK_MIN_MS ? pause_ms : WALK_MIN_MS);
}

/* --- the thread --- */

/* With the lock held, as what is called here. */
static void
wait_until_due(struct minute *minute, uint64_t note_ms, uint64_t walk_ms)
{
	while (!minute->stop) {
		uint64_t at_ms =
		    minute->wanted && walk_ms < note_ms ? walk_ms : note_ms;

		if (clock_mono_ms() >= at_ms)
			return;
		(void)thread_wait_until(&minute->wake, &minute->lock, at_ms);
	}
}

static void
note_totals(struct minute *minute)
{
	struct history_totals totals;

	history_totals(minute->metrics, &totals);
	history_note(&minute->history, &totals);
	minute->wanted = true;
}

static void *
run(void *arg)
{
	struct minute *minute = arg;
	uint64_t note_ms = clock_mono_ms() + MINUTE_MS;
	uint64_t walk_ms = walk(minute);

	(void)pthread_mutex_lock(&minute->lock);
	while (!minute->stop) {
		wait_until_due(minute, note_ms, walk_ms);
		/* A walk may have taken longer than a minute. */
		for (; note_ms <= clock_mono_ms(); note_ms += MINUTE_MS)
			note_totals(minute);
		if (minute->stop || !minute->wanted ||
		    walk_ms > clock_mono_ms())
			continue;
		minute->wanted = false;
		(void)pthread_mutex_unlock(&minute->lock);
		walk_ms = walk(minute);
		(void)pthread_mutex_lock(&minute->lock);
	}
	(void)pthread_mutex_unlock(&minute->lock);
	return NULL;
}

/* --- life --- */

static void
destroy(struct minute **minute)
{
	(void)pthread_cond_destroy(&(*minute)->wake);
	(void)pthread_mutex_destroy(&(*minute)->lock);
	free((*minute)->next);
	free(*minute);
	*minute = NULL;
}

struct minute *
minute_new(struct store *store, struct metrics *metrics)
{
	struct minute *minute = calloc(1, sizeof(*minute));

	if (minute == NULL)
		return NULL;
	minute->store = store;
	minute->metrics = metrics;
	minute->next = calloc(1, sizeof(*minute->next));
	(void)pthread_mutex_init(&minute->lock, NULL);
	thread_cond_init(&minute->wake);
	if (minute->next == NULL ||
	    thread_start(&minute->thread, NULL, "minute", run, minute) != 0)
		destroy(&minute);
	return minute;
}

void
minute_free(struct minute **minute)
{
	if (*minute == NULL)
		return;
	(void)pthread_mutex_lock(&(*minute)->lock);
	(*minute)->stop = true;
	(void)pthread_cond_signal(&(*minute)->wake);
	(void)pthread_mutex_unlock(&(*minute)->lock);
	(void)pthread_join((*minute)->thread, NULL);
	destroy(minute);
}

/* With the lock held. */
static void
want_walk(struct minute *minute)
{
	if (minute->wanted)
		return;
	minute->wanted = true;
	(void)pthread_cond_signal(&minute->wake);
}

void
minute_want(struct minute *minute)
{
	(void)pthread_mutex_lock(&minute->lock);
	want_walk(minute);
	(void)pthread_mutex_unlock(&minute->lock);
}

void
minute_view(struct minute *minute, struct minute_view *out)
{
	struct history_totals now;

	/* Under the lock: what is noted must not be ahead of it. */
	(void)pthread_mutex_lock(&minute->lock);
	history_totals(minute->metrics, &now);
	history_hour(&minute->history, &now, &out->hour);
	history_minutes(&minute->history, &now, out->minutes);
	out->census_err = minute->census_err;
	out->has_census = minute->has_census;
	out->census = minute->census;
	want_walk(minute);
	(void)pthread_mutex_unlock(&minute->lock);
}
