/*
 * The state of a loop that outlives a lookup: fetches that failed, domains that
 * were secure, and the last time of the wall clock.
 */
#ifndef ENGINE_RECENT_H
#define ENGINE_RECENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"

struct log;
struct verdict;

/*
 * Back-off: policies whose fetch failed, so that the same policy is not fetched
 * again too soon (F-12). One entry a domain, for the id that failed; another id
 * may be tried at once. Kept apart from the store: a back-off never hides a
 * stored policy (C-09).
 *
 * An entry stays until a fetch succeeds or BACKOFF_ENTRIES_MAX newer ones have
 * replaced it, so lru_find() tells that a fetch failed, even long ago.
 *
 * One thread. Zeroed memory is empty; lru_clear() with free() empties it.
 */
#define BACKOFF_ENTRIES_MAX 16384
#define BACKOFF_ERROR_SIZE  256

/* The error of the last fetch, if it is too early for another; NULL: fetch.
 * With the id "" it is too early after a failure of any id: a TXT that comes
 * and goes must not make a fetch each time (T-12). */
const char *backoff_error(const struct lru *backoff, const char *domain,
    const char *id, uint64_t now_ms);
/* True if this failure is the first of that domain and id (P-19: log once). */
bool backoff_add(struct lru *backoff, const char *domain, const char *id,
    uint64_t until_ms, const char *error);
void backoff_remove(struct lru *backoff, const char *domain);

/*
 * Flaps: remembers whether each domain that requires DNSSEC was secure. When
 * that changes, an alert is logged, so that an attack does not get lost among
 * the lines of recipients.
 *
 * One thread. Zeroed memory is empty; lru_clear() with free() empties it. Holds
 * FLAP_ENTRIES_MAX domains; the least recently judged are forgotten first.
 */
#define FLAP_ENTRIES_MAX 16384

/* Ignores verdicts that do not depend on the DNS of a domain that requires
 * DNSSEC. */
void flap_note(struct lru *flaps, struct log *log, const char *key,
    const struct verdict *verdict);

/*
 * The wall clock. When it is set back, the resolver's cache outlives its TTLs
 * by as much (S-05): libunbound keeps an answer until the wall clock reaches
 * the end that was computed when the answer came.
 *
 * Any thread.
 */
#define WALL_BACK_S 10 /* smaller steps are ignored */

struct wall {
	_Atomic int64_t
	    ahead_s; /* of the monotonic clock; the maximum so far */
};

void wall_init(struct wall *wall, uint64_t mono_ms, int64_t wall_s);
/* True once for each time that the clock was set back. */
bool wall_set_back(struct wall *wall, uint64_t mono_ms, int64_t wall_s);

#endif
