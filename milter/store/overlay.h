/*
 * Records in memory over a store: a record hides the entry of its domain in the
 * store below, and a tombstone hides it as well. Three users:
 *
 *	memory store	nothing lies below, or a store opened for reading only
 *	write retry	changes that the disk did not take, over LMDB
 *	local cache	policies that this host has used of a Redis server, in
 *			case the server cannot be reached
 *
 * Bounded; the least recently used record goes first. Some records are pending:
 * the store below does not have them yet. These stay, within a bound of their
 * own. Expendable records (store.h) go before the others, and only a quarter of
 * what is pending may be of that kind (C-16).
 *
 * Any thread.
 */
#ifndef STORE_OVERLAY_H
#define STORE_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>

#include "store/store_backend.h"
#include "store/store_record.h"

/* Bounds of a local cache, and of what is pending in any overlay. */
#define OVERLAY_ENTRIES_MAX ((size_t)65536)
#define OVERLAY_OCTETS_MAX  ((size_t)64 << 20)
#define OVERLAY_PENDING_MAX 8192
/* A larger record is not kept at all. */
#define OVERLAY_PENDING_OCTETS_MAX (OVERLAY_OCTETS_MAX / 2)

struct overlay;

/* NULL: no memory. */
struct overlay *overlay_new(size_t entries_max, size_t octets_max);
void overlay_free(struct overlay **overlay);

/*
 * Keeps a reference of its own, which replaces the domain's earlier record. A
 * record that cannot be kept is left out; one that no longer fits among the
 * pending ones is kept as an ordinary one. Returns whether the record is kept
 * as the caller asked. A pending record that is not expendable may displace one
 * that is.
 */
bool overlay_put(struct overlay *o, struct record *record, bool pending);

/* The same, or removes it if record is NULL, but only if the record of the
 * domain is still the one that was expected; NULL: none. */
bool overlay_replace(struct overlay *o, const char *domain,
    const struct record *expected, struct record *record, bool pending);

/* A reference, now the most recently used, or NULL. pending may be NULL. */
struct record *
overlay_get(struct overlay *o, const char *domain, bool *pending);

void overlay_remove(struct overlay *o, const char *domain);

/* Removes the least recently used expendable record that is not pending. False:
 * there is none. */
bool overlay_evict(struct overlay *o);

/* The store has it, or will not have it: record is no longer pending, unless
 * another one has taken its place. */
void overlay_settle(struct overlay *o, const struct record *record);

/* Puts references to at most room pending records into out, those that are not
 * expendable first. Returns their number. */
size_t overlay_pending(struct overlay *o, struct record **out, size_t room);

struct overlay_size {
	size_t n;
	size_t octets;
	size_t pending; /* records */
};
struct overlay_size overlay_size(struct overlay *o);

/* All records in order of domain: *n references in *rows. 0 or ERR_NOMEM.
 * overlay_snapshot_free() frees *rows in any case. */
int overlay_snapshot(struct overlay *o, struct record ***rows, size_t *n);
void overlay_snapshot_free(struct record **rows, size_t n);

/* The get and each of struct store_backend, of the overlay and the store below
 * it. below NULL: nothing lies below. */
void
overlay_read(struct overlay *o, const struct store_backend *below, void *handle,
    size_t n, const char *const *domain, store_got_fn *got, void *arg);
int overlay_each(struct overlay *o, const struct store_backend *below,
    void *handle, store_each_fn *each, void *arg);

#endif
