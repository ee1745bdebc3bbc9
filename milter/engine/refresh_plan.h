/*
 * Which stored policies are to be fetched anew, which are past their life, and
 * when to look again (C-11, C-12; RFC 8461 3.3 and 10.2).
 *
 * Every policy has a moment of its own within the interval, from its name, so
 * that a fleet and a large store ask at a steady rate. When more are due than
 * a round takes, those that were used last come first. Policies that nobody
 * asked for during a whole max_age are left to expire.
 *
 * No clock, no store, no thread: time is an argument.
 */
#ifndef ENGINE_REFRESH_PLAN_H
#define ENGINE_REFRESH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/name.h"

struct store_entry;

#define REFRESH_ROUND_MAX                                   \
	4096 /* policies; the rest waits for the next round \
	      */

struct refresh_item {
	char domain[NAME_SIZE];
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
	size_t n;       /* a heap until refresh_plan_sort: least used first */
	struct refresh_item *items;
	size_t n_expired; /* those are REFRESH_ROUND_MAX at most, too */
	struct refresh_expired *expired;
	bool keeps_expired; /* none is to be removed this time */
	bool more;          /* there was more than a round takes */
};

/* What a store entry says about itself; times are wall clock. */
struct refresh_entry {
	const char *domain;
	int64_t fetched_s;
	int64_t tried_s;
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
/* The same of an entry of the store. Without the memory to read it, it waits
 * for the next round. */
void
refresh_plan_see(struct refresh_plan *plan, const struct store_entry *entry);
/*
 * For how many seconds the store can be left alone, if this look took look_ms.
 * What is stored meanwhile must be seen before it is due, so this is a minute
 * at most, unless looking would then take up the time.
 */
uint64_t
refresh_plan_pause_s(const struct refresh_plan *plan, uint64_t look_ms);
/* Last used first. */
void refresh_plan_sort(struct refresh_plan *plan);

/*
 * A clock that is wrong for a while must not cost any policy: nothing is
 * removed before the wall clock has gone along with the monotonic one for so
 * long, counted from the first call. Zeroed memory to begin with.
 */
#define REFRESH_STEADY_MS ((uint64_t)6 * 3600 * 1000)
#define REFRESH_STEP_S    60 /* what is no step */

struct refresh_clock {
	bool begun;
	int64_t offset_s;
	uint64_t since_ms;
};

bool refresh_clock_is_steady(struct refresh_clock *clock, int64_t wall_s,
    uint64_t mono_ms);

#endif
