/*
 * Room in an LMDB store for policies that bind (C-16). Whoever sends mail
 * makes us fetch and store the policy of any domain, so that strangers could
 * fill the store. Policies that do not bind (store.h: expendable) are therefore
 * bounded by a budget, and are stored only while a reserve of free octets is
 * left; those that were used least recently are evicted to make room.
 *
 * LMDB uses pages that a commit has freed only from the second commit after
 * that on.
 *
 * The writer's thread, in its transaction.
 */
#ifndef STORE_STORE_ROOM_H
#define STORE_STORE_ROOM_H

#include <stdbool.h>
#include <stddef.h>

#include <lmdb.h>

#include "base/name.h"
#include "store/store.h"

struct env;
struct log;

/* At most; half of a small store, a quarter of a small file system. */
#define ROOM_BUDGET_MAX  ((size_t)512 << 20) /* for all that do not bind */
#define ROOM_RESERVE_MAX ((size_t)64 << 20)
/* Candidates for eviction that are remembered. */
#define ROOM_VICTIMS 512

struct victims;

struct room {
	struct env *env;
	struct log *log;
	size_t octets; /* of expendable entries, as committed */
	long change;   /* to that, in this transaction */
	size_t left;   /* octets that can still be written, if known */
	bool measured; /* it is known, for this transaction */
	struct victims *victims;
	char hand[NAME_SIZE]; /* where the search for them goes on */
	bool evicts;          /* told */
};

/* Looks at every entry. 0 or a negative error. */
int room_open(struct room *room, struct env *env, struct log *log);
void room_close(struct room *room); /* zeroed memory is fine */

/* Around each transaction. */
void room_begin(struct room *room);
void room_commit(struct room *room);

/* What is there of the domain goes, or is replaced. *cost: octets that this
 * leaves of the budget. 0 or an LMDB code. */
int
room_leave(struct room *room, MDB_txn *txn, const char *domain, size_t *cost);
/*
 * Whether the entry may be put, in the place of one of that cost: an expendable
 * one for which there is no room, even after eviction, may not. 0 with
 * *admitted, or an LMDB code.
 */
int room_admit(struct room *room, MDB_txn *txn, const struct store_entry *entry,
    size_t cost_before, bool *admitted);

/* Deletes expendable entries that take that many octets, or fewer if there are
 * no more; *evicted: octets. 0 or an LMDB code. */
int room_evict(struct room *room, MDB_txn *txn, size_t octets, size_t *evicted);

#endif
