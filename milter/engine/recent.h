/*
 * The memory of a loop from one lookup to the next: fetches that failed,
 * domains that were secure, and the last time of the wall clock.
 */
#ifndef ENGINE_RECENT_H
#define ENGINE_RECENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct backoff;
struct flap;
struct log;
struct verdict;

/*
 * Back-off: policies whose fetch failed, so that the same policy is not fetched
 * again too soon (F-12). One entry a domain, for the id that failed; another id
 * may be tried at once. Kept apart from the store: a back-off never hides a
 * stored policy (C-09).
 *
 * One thread. Bounded; the oldest failures are forgotten first.
 */
#define BACKOFF_ENTRIES_MAX 16384
#define BACKOFF_ERROR_SIZE  256

struct backoff *backoff_new(void); /* NULL: no memory */
void backoff_free(struct backoff **backoff);

/* Why the last fetch failed, if it is too early for another; NULL: go on. With
 * the id "" it is too early after a failure of any id: a TXT that comes and
 * goes must not make a fetch each time (T-12). */
const char *backoff_error(struct backoff *backoff, const char *domain,
    const char *id, uint64_t now_ms);
/* True if this failure is the first of that domain and id (P-19: log once). */
bool backoff_add(struct backoff *backoff, const char *domain, const char *id,
    uint64_t until_ms, const char *error);
/* Whether a fetch for the domain failed, be it long ago, and none succeeded
 * since. */
bool backoff_knows(struct backoff *backoff, const char *domain);
void backoff_remove(struct backoff *backoff, const char *domain);

/*
 * Flaps: which domains that require DNSSEC were secure. One that no longer is,
 * or is again, is logged as an alert. So an attack does not get lost among the
 * lines of recipients.
 *
 * One thread. Bounded; entries that were not judged for longest go first.
 */
#define FLAP_ENTRIES_MAX 16384

struct flap *flap_new(struct log *log); /* NULL: no memory */
void flap_free(struct flap **flap);

/* Ignores verdicts that say nothing about the DNS of a bound domain. */
void
flap_note(struct flap *flap, const char *key, const struct verdict *verdict);

/*
 * The wall clock. When it is set back, the resolver's cache outlives its TTLs
 * by as much (S-05): libunbound keeps an answer until the wall clock reaches
 * the end that was computed when the answer came.
 *
 * Any thread.
 */
#define WALL_BACK_S 10 /* smaller steps are ignored */

struct wall {
	_Atomic int64_t ahead_s; /* of the monotonic clock, the most so far */
};

void wall_init(struct wall *wall, uint64_t mono_ms, int64_t wall_s);
/* True once each time that it was set back. */
bool wall_set_back(struct wall *wall, uint64_t mono_ms, int64_t wall_s);

#endif
