/*
 * Samples figures from time to time, so that neither a request nor a recipient
 * waits for them: the verdicts of each minute, and the contents of the policy
 * store. It walks through the store once a minute, and oftener while somebody
 * views the figures. Without mail these walks also find out that the store
 * cannot be read, or can be again.
 *
 * It has no thread of its own: daemon/reload.c calls stats_sampler_run().
 */
#ifndef FRONT_STATS_SAMPLER_H
#define FRONT_STATS_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/name.h"
#include "core/policy.h"
#include "core/txt.h"
#include "log/metrics.h"

struct log;
struct store;
struct store_entry;

/* --- the contents of the store, summed up. Pure. --- */

#define CENSUS_LISTED_MAX 100

struct census_policy {
	char domain[NAME_SIZE];
	char id[TXT_ID_SIZE];
	enum policy_mode mode;
	int64_t fetched_s; /* wall clock, as all times here */
	int64_t expires_s;
	bool failing; /* the last refresh did */
};

/* Zeroed memory with now_s set has seen nothing. */
struct census {
	int64_t now_s;
	size_t live;                 /* policies that are not expired */
	size_t live_failing;         /* of those: the last refresh failed */
	int64_t next_expires_s;      /* of the live one that expires next */
	char next_domain[NAME_SIZE]; /* its domain; "": there is none */
	size_t binding;              /* of the live: with the flag */
	size_t failing;            /* of the binding: the last refresh failed */
	int64_t failing_expires_s; /* the next of the failing; 0: none fails */
	size_t n;                  /* listed */
	/* The binding ones that expire next, in that order. */
	struct census_policy listed[CENSUS_LISTED_MAX];
};

/* For store_each(): arg is the census. Returns true. */
bool census_add(void *arg, const struct store_entry *entry);

/* --- the last hour: totals as they stood at the end of each minute. Pure, not
 * locked. --- */

#define HISTORY_MINUTES 60

struct history_totals {
	uint64_t n[REASON_COUNT][METRICS_VERDICTS];
};

struct history_minute {
	uint64_t passed;
	uint64_t deferred; /* rejected, held; in monitor mode, would be */
};

/* Zeroed memory: all began with nothing, just now. */
struct history {
	size_t next; /* place of the next one */
	size_t n;
	struct history_totals at[HISTORY_MINUTES];
};

/* Reads the totals since the start. */
void history_totals(const struct metrics *metrics, struct history_totals *out);

/* Once a minute. */
void history_note(struct history *history, const struct history_totals *totals);

/* The difference between `minutes` minutes ago and now. */
void history_since(const struct history *history, size_t minutes,
    const struct history_totals *now, struct history_totals *out);

/* Minute by minute, the oldest first; out[HISTORY_MINUTES - 1] is the current
 * minute. */
void
history_minutes(const struct history *history, const struct history_totals *now,
    struct history_minute out[HISTORY_MINUTES]);

/* --- the sampler --- */

struct stats_sampler;

struct stats_view {
	struct history_totals hour; /* up to now */
	struct history_minute minutes[HISTORY_MINUTES];
	int census_err; /* of the last walk; the census is the one before */
	bool has_census;
	struct census census;
};

/* Borrowed; both must outlive it. store NULL: it is not walked through. NULL:
 * no memory. */
struct stats_sampler *
stats_sampler_new(struct store *store, struct metrics *metrics);
void stats_sampler_free(struct stats_sampler **sampler); /* NULL is fine */

/* wake is called, under a lock, when something is due earlier than the last
 * stats_sampler_run() has said; NULL: no more. Any thread. */
typedef void stats_sampler_wake_fn(void *arg);
void stats_sampler_on_wake(struct stats_sampler *sampler,
    stats_sampler_wake_fn *wake, void *arg);

/* One thread: takes the samples that are due; blocks in the store. Returns when
 * to call it again (clock_mono_ms()). *minute_ended: a minute has ended, and
 * *minute has its numbers. */
uint64_t stats_sampler_run(struct stats_sampler *sampler,
    struct history_totals *minute, bool *minute_ended);

/* Any thread. Has the store walked through again soon. */
void stats_sampler_want(struct stats_sampler *sampler);

/* Any thread. The figures up to now; calls stats_sampler_want(). */
void stats_sampler_view(struct stats_sampler *sampler, struct stats_view *out);

#endif
