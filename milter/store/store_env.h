/*
 * The LMDB environment of a store: opening with every check, its size, its
 * transactions. store_lmdb.c has what is done inside them.
 *
 * LMDB's rule behind all this: the map may only be changed, and the
 * environment only be reopened, while this process has no transaction. So
 * whoever has one holds `lock` for reading.
 */
#ifndef STORE_STORE_ENV_H
#define STORE_STORE_ENV_H

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lmdb.h>

#include "store/store.h"

/* Octets; sparse, so that only what is written takes space. */
#define ENV_MAP_MIN ((size_t)64 << 20)
#define ENV_MAP_MAX (SIZE_MAX > UINT32_MAX ? (size_t)16 << 30 : (size_t)1 << 30)

struct env {
	char dir[PATH_MAX];
	enum store_access access;
	size_t octets_max; /* of the map */
	pthread_rwlock_t lock;
	MDB_env *mdb; /* NULL: nothing there to read (STORE_READ_ONLY) */
	MDB_dbi dbi;
	bool
	    other_format; /* env_open failed for an LMDB file of another kind */
	bool grow;        /* writer only: the map is full */
	bool reopen;      /* writer only: LMDB gave up after a write error */
};

/* Whether the directory has no data.mdb. */
bool env_is_missing(const char *dir);

/* What was renamed or made in the directory stays after a power loss. */
void env_sync_dir(const char *path);

/* 0, or a negative error with *error saying what to do. */
int env_open(struct env *env, const char *dir,
    const struct store_options *options, char error[STORE_ERROR_SIZE]);
void env_close(struct env *env);

/* 0, ERR_NOTFOUND (nothing there) or why not. flags: 0 or MDB_RDONLY. */
int env_begin(struct env *env, unsigned flags, MDB_txn **txn);
/* Every begin is ended once. commit of a reader is abort. */
int env_commit(struct env *env, MDB_txn **txn);
void env_abort(struct env *env, MDB_txn **txn);

/* Writer only, in its transaction. */
int env_put(struct env *env, MDB_txn *txn, const struct store_entry *entry);

/* Octets of the file that are in use, and the number of the last commit. */
void env_measure(struct env *env, size_t *octets, size_t *txn);

/* Writer only. An LMDB code as one of ours; notes what begin has to mend. */
int env_error(struct env *env, int rc);

#endif
