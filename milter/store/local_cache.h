/*
 * The policies that a host has used of a store elsewhere, kept in case the
 * store cannot be reached: bounded, the least recently used goes first. Some
 * are pending: the store does not have them yet. They stay, within a bound of
 * their own. Of a store on a disk only those are kept (store_unwritten.h).
 * Tombstones are records as others are.
 *
 * Expendable records (store.h) go before the others, and only a quarter of what
 * is pending may be of that kind (C-16).
 *
 * Any thread.
 */
#ifndef STORE_LOCAL_CACHE_H
#define STORE_LOCAL_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "store/store_record.h"

#define COPY_ENTRIES_MAX 65536
#define COPY_OCTETS_MAX  ((size_t)64 << 20)
#define COPY_PENDING_MAX 8192
/* Of the octets. What is larger is not kept at all. */
#define COPY_PENDING_OCTETS_MAX (COPY_OCTETS_MAX / 2)

struct copy;

/* NULL: no memory. */
struct copy *copy_new(void);
void copy_free(struct copy **copy);

/*
 * Keeps a reference of its own, in the place of what there was. What cannot be
 * kept is left out; one that can no longer be kept as pending is an ordinary
 * one. Whether it is there as it was asked for. A pending one that is not
 * expendable may remove one that is.
 */
bool copy_put(struct copy *copy, struct record *record, bool pending);

/* A reference, now the most recently used, or NULL. pending may be NULL. */
struct record *copy_get(struct copy *copy, const char *domain, bool *pending);

void copy_remove(struct copy *copy, const char *domain);

/* The store has it, or will not have it: record is pending no more, unless
 * another one has taken its place. */
void copy_settle(struct copy *copy, const struct record *record);

/* References to at most room of those that are pending; how many. */
size_t copy_pending(struct copy *copy, struct record **out, size_t room);
size_t copy_count_pending(struct copy *copy);

size_t copy_count(struct copy *copy);

/* All there is, in order of domain; for table_snapshot_free. 0 or ERR_NOMEM. */
int copy_snapshot(struct copy *copy, struct record ***rows, size_t *n);

#endif
