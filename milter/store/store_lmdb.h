/*
 * A store in LMDB: what its parts have in common.
 *
 *	store_lmdb.c	reads and writes; words errors, and says what to do
 *	lmdb_env.c	the file: opening it with every check, its size,
 *			transactions
 *	lmdb_room.c	room for policies that bind (C-16)
 *	lmdb_backup.c	the copy as text, and the way back from it (C-17)
 */
#ifndef STORE_STORE_LMDB_H
#define STORE_STORE_LMDB_H

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <lmdb.h>

#include "base/name.h"
#include "store/store_backend.h"

struct log;

/* --- errors: any thread --------------------------------------------------- */

/* A code of LMDB, or an errno, as one of our errors; 0: none. */
int lmdb_code(int rc);

/* "store: WHAT DIR as USER: reason; advice". Returns lmdb_code(rc). */
int lmdb_failure(const char *dir, const char *what, int rc,
    char error[STORE_ERROR_SIZE]);

/* "store: DIR/data.mdb WHY: ..." with what can be done, which depends on
 * whether there is a copy as text. Returns ERR_CORRUPT. */
int lmdb_damage(const char *dir, const char *why, char error[STORE_ERROR_SIZE]);

/* --- lmdb_env.c ----------------------------------------------------------- */

/*
 * LMDB's rule behind all this: the map may only be changed, and the environment
 * only be opened anew, while this process has no transaction. So every
 * transaction holds the lock for reading.
 */

/* Octets. The file is sparse: only written pages take space. */
#define LMDB_MAP_MIN ((size_t)64 << 20)
#define LMDB_MAP_MAX \
	(SIZE_MAX > UINT32_MAX ? (size_t)16 << 30 : (size_t)1 << 30)

struct lmdb_env {
	char dir[PATH_MAX];
	enum store_access access;
	size_t octets_max; /* of the map */
	pthread_rwlock_t lock;
	MDB_env *mdb; /* NULL: nothing there to read (STORE_READ_ONLY) */
	MDB_dbi dbi;
	bool other_format; /* opening failed for a file of another LMDB */
	bool grow;         /* writer only: the map is full */
	bool reopen;       /* writer only: LMDB gave up after a write error */
};

/* Makes renamed and new files in the directory survive a power loss. */
void lmdb_sync_dir(const char *path);

/*
 * LMDB keeps no checksums and trusts its pages: a damaged or shortened file
 * kills the process that reads it (SIGSEGV, SIGBUS, or its own assertions). So
 * a child process reads all of it first. The meta record says that a file is
 * ours, and of which layout; one of another program, or of a newer version, is
 * left as it is. 0, or a negative error with *error saying what to do.
 */
int lmdb_env_open(struct lmdb_env *env, const char *dir,
    const struct store_options *options, char error[STORE_ERROR_SIZE]);
void lmdb_env_close(struct lmdb_env *env);

/* The key of a domain. */
static inline MDB_val
lmdb_key(const char *domain)
{
	return (MDB_val){strlen(domain), (void *)(uintptr_t)domain};
}

/* True if the key is no domain's, but the meta record's, or another one of a
 * newer program. */
bool lmdb_is_meta(const MDB_val *key);

/* 0, ERR_NOTFOUND (nothing there) or why not. flags: 0 or MDB_RDONLY. */
int lmdb_begin(struct lmdb_env *env, unsigned flags, MDB_txn **txn);
/* Ends a transaction of lmdb_begin(). err not 0: aborts it and returns err;
 * else commits and returns 0 or the error of the commit. txn NULL: there is
 * none; returns err. */
int lmdb_end(struct lmdb_env *env, MDB_txn *txn, int err);

/* Writer only, in its transaction. */
int
lmdb_put(struct lmdb_env *env, MDB_txn *txn, const struct store_entry *entry);
/* Writes the meta record once more, so that a commit counts although nothing
 * has changed. txn NULL: writes the first one, in a transaction of its own. 0
 * or an LMDB code. */
int lmdb_write_meta(struct lmdb_env *env, MDB_txn *txn);
/* An LMDB code as one of ours; notes whether lmdb_begin() has to grow or reopen
 * the map. */
int lmdb_error(struct lmdb_env *env, int rc);

/* Octets of the file that are in use, and the number of the last commit. */
void lmdb_measure(struct lmdb_env *env, size_t *octets, size_t *txn);

/* --- lmdb_room.c: the writer's thread, in its transaction ------------------
 */

/*
 * Any sender can make us fetch and store the policy of any domain, so that
 * strangers could fill the store. Policies that do not bind (store.h:
 * expendable) are therefore bounded by a budget, and are stored only while a
 * reserve of free octets is left; those that were used least recently are
 * evicted to make room. Policies that bind are never evicted; a warning tells
 * when they take three quarters of the room. LMDB uses pages that a commit has
 * freed only from the second commit after that on.
 */

/* At most; half of a small store, a quarter of a small file system. */
#define LMDB_BUDGET_MAX  ((size_t)512 << 20) /* for all that do not bind */
#define LMDB_RESERVE_MAX ((size_t)64 << 20)
/* Candidates for eviction that are remembered. */
#define LMDB_VICTIMS 512

struct lmdb_victims;

struct lmdb_room {
	struct lmdb_env *env;
	struct log *log;
	size_t octets; /* of expendable entries, as committed */
	long change;   /* to that, in this transaction */
	size_t left;   /* octets that can still be written, if known */
	bool measured; /* it is known, for this transaction */
	struct lmdb_victims *victims;
	char hand[NAME_SIZE]; /* where the search for them goes on */
	bool evicts;          /* evicting; logged */
	bool warned;          /* of policies that bind; logged */
	bool hopeless; /* evicting was of no use; until a write succeeds */
};

/* Looks at every entry. 0 or a negative error. */
int
lmdb_room_open(struct lmdb_room *room, struct lmdb_env *env, struct log *log);

/* After each transaction. */
void lmdb_room_end(struct lmdb_room *room, bool committed);

/*
 * Called before the entry of a domain is replaced by entry, or deleted (entry
 * is NULL). *admitted: whether entry may be put; an expendable one for which
 * there is no room, even after eviction, may not. 0 or an LMDB code; ENOSPC:
 * something must be evicted first.
 */
int lmdb_room_change(struct lmdb_room *room, MDB_txn *txn, const char *domain,
    const struct store_entry *entry, bool *admitted);

/* Deletes expendable entries that take that many octets, or fewer if there are
 * no more; *evicted: octets. 0 or an LMDB code. */
int lmdb_room_evict(struct lmdb_room *room, MDB_txn *txn, size_t octets,
    size_t *evicted);

/* --- lmdb_backup.c: one thread at a time ---------------------------------- */

/*
 * DIRECTORY/policies.jsonl has one policy a line as store_json.h has it. It can
 * be read without LMDB, so that it carries the policies over to a version of
 * LMDB with another file format.
 */
#define BACKUP_NAME    "policies.jsonl"
#define BACKUP_EVERY_S 86400

/* True if there is a copy; *written_s (wall clock). */
bool backup_find(const char *dir, int64_t *written_s);

/*
 * Replaces the copy by the entries that each(arg, ...) shows, as
 * store_backend.each does, in one step: after a crash either the old or the new
 * one is there, whole. Entries that each() cannot read are left out.
 *
 * The copy takes half of the free disk space at most. If that is less than
 * octets, which the store takes on the disk, or less than the lines need, the
 * copy has the policies that bind and no others (C-16): *binding is set then.
 * ERR_FULL: there is no room for these either, and the old copy stays. 0 or a
 * negative error.
 */
typedef int backup_each_fn(void *arg, store_each_fn *each, void *each_arg);
int backup_write(const char *dir, size_t octets, backup_each_fn *each,
    void *arg, bool *binding);

/* Calls take for each policy in it, until that fails. *bad: lines that are no
 * policy. 0, the error of take, or why it cannot be read. */
typedef int backup_take_fn(void *arg, struct record *record);
int backup_read(const char *dir, backup_take_fn *take, void *arg, size_t *bad);

/*
 * While the store is opened: builds data.mdb from the copy. set_aside: a
 * data.mdb that is there is renamed, never removed. In one step: after a crash
 * the old file is there, or the new one, or none and the copy, from which the
 * next start builds it. 0 or a negative error with *error filled in; then
 * everything is as it was. Logs what was done.
 */
int backup_restore(const char *dir, bool set_aside, struct log *log,
    char error[STORE_ERROR_SIZE]);

#endif
