/*
 * Records in memory, in order of domain, changed in commits: what the memory
 * store is, and what a store that was opened for reading keeps its changes in.
 *
 * get and snapshot: any thread. stage, commit and abort: one writer.
 */
#ifndef STORE_STORE_TABLE_H
#define STORE_STORE_TABLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "store/store_record.h"

#define TABLE_OCTETS_MAX ((size_t)1 << 30)

struct table {
	bool keep_deleted;    /* tombstones stay, to hide what lies below */
	pthread_mutex_t lock; /* of what follows, but for the stage */
	size_t n;
	size_t room;
	size_t octets;
	struct record **row; /* sorted by domain */
	size_t n_staged;
	size_t room_staged;
	struct record **staged; /* the writer's alone */
};

void table_init(struct table *t, bool keep_deleted);
void table_clear(struct table *t);

/* A reference, or NULL. May be a tombstone. */
struct record *table_get(struct table *t, const char *domain);

/* What there is now: *rows is an array of *n references. 0 or ERR_NOMEM. */
int table_snapshot(struct table *t, struct record ***rows, size_t *n);
void table_snapshot_free(struct record **rows, size_t n);

size_t table_count(struct table *t);

/* Takes over the reference, also on failure. 0 or ERR_NOMEM. */
int table_stage(struct table *t, struct record *record);
/* All that was staged, or nothing: 0, ERR_NOMEM or ERR_FULL. */
int table_commit(struct table *t);
void table_abort(struct table *t);

#endif
