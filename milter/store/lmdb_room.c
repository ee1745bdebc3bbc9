/*
 * Limits the room in LMDB for policies that do not require DNSSEC, and evicts
 * the least recently used of them.
 */
#include "autoconf.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/err.h"
#include "log/log.h"
#include "store/store_lmdb.h"
#include "store/store_record.h"

#define PAGE 4096 /* or more, where it only matters roughly */

/* An eviction looks at WALK_ROWS more rows, or fewer if WALK_VICTIMS of them
 * are better candidates than those noted before. */
#define WALK_ROWS    1024
#define WALK_VICTIMS 64
#define ROUNDS_MAX   16

/* An eviction needs free pages, as LMDB copies each page that it changes. This
 * is enough for a small eviction, which frees pages for the next one. */
#define EVICTION ((size_t)64 * PAGE)

static size_t
min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The octets of an entry: a share of a page, or pages of its own. */
static size_t
cost_of(size_t key_len, size_t value_len)
{
	size_t row = key_len + 24;

	if (row + value_len < PAGE / 2)
		return (row + value_len) * 3 / 2;
	return row * 3 / 2 + (value_len + 16 + PAGE - 1) / PAGE * PAGE;
}

/* The octets of an expendable entry; 0: it is none. *used_s: its last use. */
static size_t
cost_of_row(const MDB_val *key, const MDB_val *value, int64_t *used_s)
{
	if (lmdb_is_meta(key) || key->mv_size >= NAME_SIZE ||
	    !format_is_expendable(value->mv_data, value->mv_size, used_s))
		return 0;
	return cost_of(key->mv_size, value->mv_size);
}

/* --- how much there is ---------------------------------------------------- */

static size_t
octets_now(const struct lmdb_room *room)
{
	long octets = (long)room->octets + room->change;

	return octets > 0 ? (size_t)octets : 0;
}

static size_t
reserve(const struct lmdb_room *room)
{
	struct statvfs fs;
	size_t total = room->env->octets_max;

	if (statvfs(room->env->dir, &fs) == 0 &&
	    (uint64_t)fs.f_blocks * fs.f_frsize < total)
		total = (size_t)((uint64_t)fs.f_blocks * fs.f_frsize);
	return min_size(total / 4, LMDB_RESERVE_MAX);
}

/* Pages inside the file that the writer can use: those that the last commit
 * freed are not among them. A record of this tree has the number of a commit as
 * its key, and begins with the number of pages. LMDB shows the tree to readers
 * alone. */
static int
count_reusable(struct lmdb_room *room, size_t *pages)
{
	const MDB_dbi tree_of_free_pages = 0;
	MDB_cursor *cursor;
	MDB_txn *txn;
	MDB_val key;
	MDB_val value;
	size_t commit;
	size_t n;
	int rc = mdb_txn_begin(room->env->mdb, NULL, MDB_RDONLY, &txn);

	*pages = 0;
	if (rc != 0)
		return rc;
	rc = mdb_cursor_open(txn, tree_of_free_pages, &cursor);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		if (key.mv_size != sizeof(commit) || value.mv_size < sizeof(n))
			continue;
		memcpy(&commit, key.mv_data, sizeof(commit));
		memcpy(&n, value.mv_data, sizeof(n));
		if (commit < mdb_txn_id(txn))
			*pages += n;
	}
	mdb_cursor_close(cursor);
	mdb_txn_abort(txn);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/*
 * Warns when three quarters of the room are taken by what cannot be evicted.
 * Evicting a policy that binds would be worse than losing a new one: many small
 * ones of a stranger would push out those of partners, which are older, larger
 * and may be unused for days.
 */
static void
warn_of_binding(struct lmdb_room *room, size_t live, size_t total)
{
	size_t expendable = octets_now(room);
	size_t binding = live > expendable ? live - expendable : 0;

	if (binding < total / 2)
		room->warned = false;
	if (room->warned || binding < total / 4 * 3)
		return;
	room->warned = true;
	log_msg(room->log, LOG_LEVEL_WARNING, "limit",
	    "policies that require DNSSEC take %zu KiB of the %zu KiB that the "
	    "store %s can have: when it is full, new ones are lost; make room "
	    "on the disk, or remove some with `dane-sts cache purge`",
	    binding / 1024, total / 1024, room->env->dir);
}

/* The octets that can still be written, by the disk and by the largest map. The
 * tree of free pages is read only when that matters. */
static int
measure(struct lmdb_room *room, MDB_txn *txn)
{
	struct statvfs fs;
	MDB_envinfo info;
	MDB_stat stat;
	size_t pages;
	size_t live;
	size_t used;
	int rc;

	if (room->measured)
		return 0;
	rc = mdb_env_info(room->env->mdb, &info);
	if (rc == 0)
		rc = mdb_stat(txn, room->env->dbi, &stat);
	if (rc != 0)
		return rc;
	used = (info.me_last_pgno + 1) * stat.ms_psize;
	room->left =
	    room->env->octets_max > used ? room->env->octets_max - used : 0;
	if (statvfs(room->env->dir, &fs) == 0 &&
	    (uint64_t)fs.f_bavail * fs.f_frsize < room->left)
		room->left = (size_t)((uint64_t)fs.f_bavail * fs.f_frsize);
	room->measured = true;
	live =
	    stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
	warn_of_binding(room, live * stat.ms_psize, used + room->left);
	if (room->left >= 4 * LMDB_RESERVE_MAX)
		return 0;
	rc = count_reusable(room, &pages);
	room->left += pages * stat.ms_psize;
	return rc;
}

int
lmdb_room_open(struct lmdb_room *room, struct lmdb_env *env, struct log *log)
{
	MDB_cursor *cursor;
	MDB_txn *txn;
	MDB_val key;
	MDB_val value;
	int64_t used_s;
	int rc;
	int err = lmdb_begin(env, MDB_RDONLY, &txn);

	*room = (struct lmdb_room){.env = env, .log = log};
	if (err != 0)
		return err;
	rc = mdb_cursor_open(txn, env->dbi, &cursor);
	if (rc == 0) {
		while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) ==
		    0) {
			room->octets += cost_of_row(&key, &value, &used_s);
		}
		mdb_cursor_close(cursor);
	}
	(void)lmdb_end(env, txn, ERR_CANCELLED);
	return rc == MDB_NOTFOUND ? 0 : ERR_IO;
}

void
lmdb_room_end(struct lmdb_room *room, bool committed)
{
	/* Another process may have changed the store as well. */
	if (committed)
		room->octets = octets_now(room);
	room->change = 0;
	room->measured = false;
}

/* --- eviction ------------------------------------------------------------- */

/* The least recently used entries that were seen; some may have changed since.
 */
struct lmdb_victims {
	size_t n;
	size_t newest; /* the place of the one that was used last */
	struct victim {
		int64_t used_s;
		char domain[NAME_SIZE];
	} row[LMDB_VICTIMS];
};

static size_t
find_victim(const struct lmdb_victims *v, bool newest)
{
	size_t found = 0;

	for (size_t i = 1; i < v->n; i++) {
		if (newest ? v->row[i].used_s > v->row[found].used_s
			   : v->row[i].used_s < v->row[found].used_s)
			found = i;
	}
	return found;
}

/* Adds the entry if it is a better candidate than one of those noted. True:
 * added. */
static bool
note_victim(struct lmdb_victims *v, const MDB_val *key, int64_t used_s)
{
	size_t i = v->n < LMDB_VICTIMS ? v->n : v->newest;

	if (i == v->newest && v->n == LMDB_VICTIMS &&
	    used_s >= v->row[i].used_s)
		return false;
	v->row[i].used_s = used_s;
	memcpy(v->row[i].domain, key->mv_data, key->mv_size);
	v->row[i].domain[key->mv_size] = '\0';
	v->n += i == v->n;
	v->newest = find_victim(v, true);
	return true;
}

/* Continues at the hand and wraps around at the end of the store, so that every
 * entry is looked at equally often, whatever names strangers choose. */
static int
walk(struct lmdb_room *room, MDB_txn *txn)
{
	MDB_val key = lmdb_key(room->hand);
	MDB_val value;
	MDB_cursor *cursor;
	size_t noted = 0;
	int64_t used_s;
	int rc = mdb_cursor_open(txn, room->env->dbi, &cursor);

	if (rc != 0)
		return rc;
	rc = mdb_cursor_get(cursor, &key, &value,
	    room->hand[0] != '\0' ? MDB_SET_RANGE : MDB_FIRST);
	for (size_t i = 0; rc == 0 && i < WALK_ROWS && noted < WALK_VICTIMS;
	     i++) {
		if (cost_of_row(&key, &value, &used_s) > 0)
			noted += note_victim(room->victims, &key, used_s);
		rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	room->hand[0] = '\0'; /* the end: from the beginning next time */
	if (rc == 0 && key.mv_size < NAME_SIZE) {
		memcpy(room->hand, key.mv_data, key.mv_size);
		room->hand[key.mv_size] = '\0';
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/* The least recently used one, unless it has changed. *cost: 0 then. */
static int
evict_oldest(struct lmdb_room *room, MDB_txn *txn, size_t *cost)
{
	struct lmdb_victims *v = room->victims;
	size_t i = find_victim(v, false);
	struct victim victim = v->row[i];
	int64_t used_s;
	MDB_val key = lmdb_key(victim.domain);
	MDB_val value;
	int rc;

	*cost = 0;
	v->row[i] = v->row[--v->n];
	v->newest = find_victim(v, true);
	rc = mdb_get(txn, room->env->dbi, &key, &value);
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc != 0)
		return rc;
	*cost = cost_of_row(&key, &value, &used_s);
	if (*cost > 0 && used_s != victim.used_s)
		*cost = 0;
	if (*cost == 0)
		return 0;
	room->change -= (long)*cost;
	return mdb_del(txn, room->env->dbi, &key, NULL);
}

int
lmdb_room_evict(struct lmdb_room *room, MDB_txn *txn, size_t octets,
    size_t *evicted)
{
	size_t rounds = 0;
	size_t cost;
	int rc = 0;

	*evicted = 0;
	if (room->victims == NULL)
		room->victims = calloc(1, sizeof(*room->victims));
	if (room->victims == NULL)
		return ENOMEM;
	/* A walk may reach the end of the store, or see binding policies only.
	 */
	while (rc == 0 && *evicted < octets && octets_now(room) > 0 &&
	    rounds++ < ROUNDS_MAX) {
		rc = walk(room, txn);
		while (rc == 0 && room->victims->n > 0 && *evicted < octets) {
			rc = evict_oldest(room, txn, &cost);
			*evicted += cost;
		}
	}
	return rc;
}

/* --- changes -------------------------------------------------------------- */

/* Evicts because the budget or the reserve is used up. Logs it once: it is no
 * fault, but the administrator should know that somebody fills the store. */
static int
make_room(struct lmdb_room *room, MDB_txn *txn, size_t cost, size_t kept,
    bool *admitted)
{
	size_t evicted;
	int rc = lmdb_room_evict(room, txn, 2 * cost, &evicted);

	/* LMDB can reuse the freed pages two commits later; until then half of
	 * the reserve may be used. */
	*admitted = evicted >= cost && room->left >= kept / 2 + cost;
	if (rc != 0 || room->evicts)
		return rc;
	room->evicts = true;
	log_msg(room->log, LOG_LEVEL_WARNING, "limit",
	    "policies that do not require DNSSEC take %zu KiB of the store %s, "
	    "and %zu KiB are left: to keep room for those that do, %s",
	    octets_now(room) / 1024, room->env->dir, room->left / 1024,
	    *admitted ? "the least recently used ones are removed"
		      : "no more are stored");
	return 0;
}

/* Leaves pages for an eviction: a policy that binds may take the last ones only
 * when nothing is left to evict. */
static int
leave_room_to_evict(struct lmdb_room *room, size_t cost)
{
	cost += PAGE; /* the page of its row is copied */
	if (room->left < cost + EVICTION && !room->hopeless &&
	    octets_now(room) > 0)
		return ENOSPC;
	room->left -= min_size(room->left, cost);
	return 0;
}

int
lmdb_room_change(struct lmdb_room *room, MDB_txn *txn, const char *domain,
    const struct store_entry *entry, bool *admitted)
{
	MDB_val key = lmdb_key(domain);
	MDB_val value;
	size_t budget = min_size(room->env->octets_max / 2, LMDB_BUDGET_MAX);
	size_t before = 0;
	int64_t used_s;
	size_t kept;
	size_t cost;
	int rc = mdb_get(txn, room->env->dbi, &key, &value);

	if (rc == 0)
		before = cost_of_row(&key, &value, &used_s);
	room->change -= (long)before;
	*admitted = entry != NULL;
	if (rc != 0 && rc != MDB_NOTFOUND)
		return rc;
	if (entry == NULL)
		return 0;
	rc = measure(room, txn);
	if (rc != 0)
		return rc;
	cost = cost_of(key.mv_size, format_size(entry));
	if (!entry->expendable)
		return leave_room_to_evict(room, cost);
	kept = reserve(room);
	if (cost > before &&
	    (octets_now(room) + cost > budget || room->left < kept + cost))
		rc = make_room(room, txn, cost, kept, admitted);
	if (rc != 0 || !*admitted)
		return rc;
	room->left -= min_size(room->left, cost);
	room->change += (long)cost;
	return 0;
}
