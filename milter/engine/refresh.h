/*
 * The refresher: fetches stored policies anew, mail or no mail, and removes
 * expired ones once the clock can be trusted (C-11). Its thread looks through
 * the store and hands the policies that are due to the engine, a few at a time.
 */
#ifndef ENGINE_REFRESH_H
#define ENGINE_REFRESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/name.h"

struct config;
struct engine;
struct log;
struct refresher;
struct store;
struct store_entry;

/* Refreshes under way, and those among them of policies that do not bind, or
 * whose last try failed: a stranger's silent hosts keep them for long. */
#define REFRESH_PARALLEL      16
#define REFRESH_PARALLEL_LATE 8

/* engine and store must outlive it. NULL: no memory or no thread. */
struct refresher *refresher_new(const struct config *config,
    struct engine *engine, struct store *store, struct log *log);
/* Takes the new interval. Any thread. */
void refresher_reload(struct refresher *refresher, const struct config *config);
/* Call it before engine_free. Begins no further refresh and waits for no policy
 * host: refreshes under way end by themselves, or with the engine. */
void refresher_free(struct refresher **refresher);

/*
 * The plan of a round: which stored policies are fetched anew, which have
 * expired, and when to look again (C-11, C-12; RFC 8461 3.3 and 10.2).
 *
 * Every policy has a moment of its own within the interval, derived from its
 * name, so that a fleet and a large store ask at a steady rate. Policies that
 * bind come first (C-16), then those whose last try was good, then the most
 * recently used ones. Policies that nobody asked for during a whole max_age are
 * left to expire.
 *
 * Pure: no clock, no store, no thread. Time is an argument.
 */
/* Policies that a round takes; the rest waits for the next one. */
#define REFRESH_ROUND_MAX 4096

struct refresh_item {
	char domain[NAME_SIZE];
	bool binds;
	bool failed; /* the last try did */
	int64_t used_s;
};

struct refresh_expired {
	char domain[NAME_SIZE];
	int64_t fetched_s;
};

struct refresh_plan {
	int64_t now_s;
	uint64_t interval_s;
	uint64_t retry_s;     /* after a refresh that failed */
	uint64_t retry_min_s; /* for a life that would be over by then (F-12) */
	int64_t next_s; /* the earliest moment at which something is due */
	size_t n; /* a heap, what is least urgent first, until it is sorted */
	struct refresh_item *items;
	size_t n_expired; /* REFRESH_ROUND_MAX at most */
	struct refresh_expired *expired;
	bool keeps_expired; /* expired policies are not removed this time */
	bool more;          /* more were due than a round takes */
};

/* The times of a store entry, by the wall clock. */
struct refresh_entry {
	const char *domain;
	int64_t fetched_s;
	int64_t tried_s;
	bool binds;
	bool failed; /* the last try did */
	int64_t used_s;
	uint32_t max_age_s;
};

/* 0 or ERR_NOMEM. */
int refresh_plan_init(struct refresh_plan *plan, int64_t now_s,
    uint64_t interval_s, uint64_t retry_s);
void refresh_plan_free(struct refresh_plan *plan);

void
refresh_plan_add(struct refresh_plan *plan, const struct refresh_entry *entry);
/* The same for an entry of the store; a store_each() callback with the plan as
 * its argument. Without memory to parse it, the entry waits for the next round.
 * Always true. */
bool refresh_plan_see(void *plan, const struct store_entry *entry);
/*
 * The seconds until the next look through the store, if this look took look_ms.
 * New policies must be seen before they are due, so this is a minute at most,
 * unless looking would take too much of the time.
 */
uint64_t
refresh_plan_pause_s(const struct refresh_plan *plan, uint64_t look_ms);
/* What is most urgent comes first. */
void refresh_plan_sort(struct refresh_plan *plan);

/*
 * A clock that is wrong for a while must not cost any policy: no policy is
 * removed until the wall clock has run alongside the monotonic one for
 * REFRESH_STEADY_MS without a step. Zeroed memory to begin with.
 */
#define REFRESH_STEADY_MS ((uint64_t)6 * 3600 * 1000)
#define REFRESH_STEP_S    60 /* a smaller difference is no step */

struct refresh_clock {
	bool begun;
	int64_t offset_s;
	uint64_t since_ms;
};

bool refresh_clock_is_steady(struct refresh_clock *clock, int64_t wall_s,
    uint64_t mono_ms);

#endif
