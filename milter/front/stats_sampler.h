/*
 * What is looked at from time to time, on a thread of its own, so that neither
 * a request nor a recipient waits for it: the totals once a minute, and the
 * policy store, which is walked through once a minute, too, and oftener while
 * somebody wants to know. Without mail this is also what finds out that the
 * store cannot be read, or can be again.
 *
 * Any thread.
 */
#ifndef FRONT_STATS_SAMPLER_H
#define FRONT_STATS_SAMPLER_H

#include "front/census.h"
#include "front/history.h"

struct minute;
struct store;

struct minute_view {
	struct history_totals hour; /* up to now */
	struct history_minute minutes[HISTORY_MINUTES];
	int census_err; /* of the last walk; the census is the one before */
	bool has_census;
	struct census census;
};

/* Borrowed; both must outlive it. NULL: no memory or no thread. */
struct minute *minute_new(struct store *store, struct metrics *metrics);
/* A walk that is under way is finished first. NULL inside is fine. */
void minute_free(struct minute **minute);

/* Somebody asks how the store is: it is looked at again soon. */
void minute_want(struct minute *minute);

/* As minute_want(), and what was seen up to now. */
void minute_view(struct minute *minute, struct minute_view *out);

#endif
