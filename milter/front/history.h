/*
 * How recipients fared over the last hour: the totals as they stood at the end
 * of each minute.
 *
 * Pure; not locked.
 */
#ifndef FRONT_HISTORY_H
#define FRONT_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "log/metrics.h"

#define HISTORY_MINUTES 60

struct history_totals {
	uint64_t n[REASON_COUNT][METRICS_VERDICTS];
};

struct history_minute {
	uint64_t passed;
	uint64_t refused; /* or held, or (monitor mode) would have been */
};

/* Zeroed memory: all began with nothing, just now. */
struct history {
	size_t next; /* place of the next one */
	size_t n;
	struct history_totals at[HISTORY_MINUTES];
};

/* Since the start, as they are. */
void history_totals(const struct metrics *metrics, struct history_totals *out);

/* Once a minute. */
void history_note(struct history *history, const struct history_totals *totals);

/* What was added in the last hour, up to now. */
void history_hour(const struct history *history,
    const struct history_totals *now, struct history_totals *out);

/* Minute by minute, the oldest first; out[HISTORY_MINUTES - 1] is the one that
 * runs. */
void
history_minutes(const struct history *history, const struct history_totals *now,
    struct history_minute out[HISTORY_MINUTES]);

#endif
