/*
 * Policies whose fetch failed, so that the same policy is not asked for again
 * too soon (F-12): one entry a domain, for the id that failed; another id may
 * be tried at once. Kept apart from the store: a back-off never hides a stored
 * policy (C-09).
 *
 * One thread. Bounded; the oldest failures are forgotten first.
 */
#ifndef ENGINE_BACKOFF_H
#define ENGINE_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct backoff;

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
/* A fetch for the domain failed, be it long ago, and none was good since. */
bool backoff_knows(struct backoff *backoff, const char *domain);
void backoff_remove(struct backoff *backoff, const char *domain);

#endif
