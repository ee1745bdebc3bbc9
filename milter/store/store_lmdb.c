/*
 * "lmdb:DIRECTORY": policies in LMDB, which survives kill -9 and power loss by
 * design: a commit is one synced write of the root page. Keys are domains,
 * values as store_record.h has them.
 */
#include "autoconf.h"

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "log/log.h"
#include "store/overlay.h"
#include "store/store_lmdb.h"

/* --- errors --------------------------------------------------------------- */

/* clang-format off */
static const struct {
	int rc;
	int err;
	const char *advice;
} errors[] = {
    {ENOSPC, ERR_FULL, "make space"},
    {EDQUOT, ERR_FULL, "raise the quota"},
    {EFBIG, ERR_FULL, "raise the limit on file sizes"},
    {ENOMEM, ERR_NOMEM, "there is no memory, or no address space, for it"},
    {EMFILE, ERR_IO, "raise the limit on open files"},
    {EROFS, ERR_READONLY,
	"the file system is read-only: remount it, or set \"store\" to "
	"another directory"},
    {EACCES, ERR_READONLY, "give the directory and its files to this user"},
    {EPERM, ERR_READONLY, "give the directory and its files to this user"},
    {ENOTDIR, ERR_CONFIG, "set \"store\" to a directory"},
    {ENOENT, ERR_CONFIG, "make the directory above it"},
    {ENAMETOOLONG, ERR_CONFIG, "set \"store\" to a shorter path"},
    {MDB_NOTFOUND, ERR_NOTFOUND, ""},
    {MDB_INVALID, ERR_CORRUPT, ""},
    {MDB_CORRUPTED, ERR_CORRUPT, ""},
    {MDB_PAGE_NOTFOUND, ERR_CORRUPT, ""},
    {MDB_VERSION_MISMATCH, ERR_VERSION,
	"it was written by another version of LMDB"},
    {MDB_MAP_FULL, ERR_FULL, "the store has reached its largest size"},
    {MDB_READERS_FULL, ERR_BUSY, "too many programs read it"},
};
/* clang-format on */

#define ERRORS (sizeof(errors) / sizeof(errors[0]))

static size_t
find(int rc)
{
	size_t i = 0;

	while (i < ERRORS && errors[i].rc != rc)
		i++;
	return i;
}

int
lmdb_code(int rc)
{
	size_t i = find(rc);

	if (rc == 0)
		return 0;
	return i < ERRORS ? errors[i].err : ERR_IO;
}

int
lmdb_failure(const char *dir, const char *what, int rc,
    char error[STORE_ERROR_SIZE])
{
	char buffer[1024];
	char user[128];
	struct passwd pw;
	struct passwd *found = NULL;
	size_t i = find(rc);

	if (lmdb_code(rc) == ERR_CORRUPT)
		return lmdb_damage(dir, mdb_strerror(rc), error);
	if (getpwuid_r(geteuid(), &pw, buffer, sizeof(buffer), &found) == 0 &&
	    found != NULL)
		snprintf(user, sizeof(user), "user %s", pw.pw_name);
	else
		snprintf(user, sizeof(user), "uid %ld", (long)geteuid());
	snprintf(error, STORE_ERROR_SIZE, "store: %s %.200s as %s: %s; %s",
	    what, dir, user, mdb_strerror(rc),
	    i < ERRORS ? errors[i].advice
		       : "look at the disk and the system's log");
	return lmdb_code(rc);
}

/* Reports damage. A damaged store is never replaced by an empty one: that would
 * discard the protection of all domains in it. */
int
lmdb_damage(const char *dir, const char *why, char error[STORE_ERROR_SIZE])
{
	char written[DURATION_SIZE];
	int64_t written_s;

	if (!backup_find(dir, &written_s)) {
		snprintf(error, STORE_ERROR_SIZE,
		    "store: %.200s/data.mdb: %s: restore it, or " BACKUP_NAME
		    " beside it, from a backup",
		    dir, why);
		return ERR_CORRUPT;
	}
	moment_text(written_s, written);
	snprintf(error, STORE_ERROR_SIZE,
	    "store: %.200s/data.mdb: %s: restore it from a backup; or move it "
	    "away, and the next start reads the policies back from " BACKUP_NAME
	    " beside it, as they were at %s",
	    dir, why, written);
	return ERR_CORRUPT;
}

/* --- the store ------------------------------------------------------------ */

#define SCHEME "lmdb:"

/* Of the last try to write the copy as text. Each change is logged. */
enum backup_state {
	BACKUP_ALL,
	BACKUP_BINDING, /* there was no room for policies that do not bind */
	BACKUP_FAILED
};

struct lmdb {
	struct lmdb_env env;
	struct log *log;
	struct lmdb_room room;
	/* Set if opened for reading only, and only the copy as text can be
	 * read; else NULL. */
	struct overlay *backup;
	pthread_mutex_t backup_lock; /* guards the members below */
	size_t backup_txn;           /* the last commit that the copy holds */
	enum backup_state backup_state;
};

static int
store_lmdb_check(const char *spec, char error[STORE_ERROR_SIZE])
{
	if (spec[strlen(SCHEME)] == '/')
		return 0;
	snprintf(error, STORE_ERROR_SIZE,
	    "store \"%.200s\": an absolute directory must follow "
	    "\"" SCHEME "\"",
	    spec);
	return ERR_CONFIG;
}

static void store_lmdb_close(void *backend);

/* --- opening -------------------------------------------------------------- */

static int
take_from_backup(void *arg, struct record *record)
{
	return overlay_put(arg, record, false) ? 0 : ERR_NOMEM;
}

/* For reading alone: nothing on the disk is changed. */
static int
read_backup(struct lmdb *l, const char *dir, char error[STORE_ERROR_SIZE])
{
	size_t bad;
	int err = ERR_NOMEM;

	l->backup = overlay_new(SIZE_MAX, SIZE_MAX);
	if (l->backup != NULL)
		err = backup_read(dir, take_from_backup, l->backup, &bad);
	if (err == 0)
		return 0;
	overlay_free(&l->backup);
	snprintf(error, STORE_ERROR_SIZE, "store: %.200s/" BACKUP_NAME ": %s",
	    dir, err_text(err));
	return err;
}

/* C-17. Reads the copy if data.mdb is missing, or if this LMDB cannot read it.
 * Otherwise opens the file as it is. */
static int
open_any(struct lmdb *l, const char *dir, const struct store_options *options,
    char error[STORE_ERROR_SIZE])
{
	int64_t written_s;
	bool has_backup = backup_find(dir, &written_s);
	char path[PATH_MAX + 16];
	bool missing;
	int err = 0;

	(void)snprintf(path, sizeof(path), "%s/data.mdb", dir);
	missing = access(path, F_OK) == -1 && errno == ENOENT;
	if (!missing || !has_backup) {
		err = lmdb_env_open(&l->env, dir, options, error);
		if (err == 0 || !l->env.other_format || !has_backup)
			return err;
	}
	if (options->access == STORE_READ_ONLY)
		return read_backup(l, dir, error);
	err = backup_restore(dir, !missing, l->log, error);
	return err != 0 ? err : lmdb_env_open(&l->env, dir, options, error);
}

static void *
store_lmdb_open(const struct store_options *options,
    char error[STORE_ERROR_SIZE])
{
	const char *dir = options->spec + strlen(SCHEME);
	struct lmdb *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		snprintf(error, STORE_ERROR_SIZE, "out of memory");
		return NULL;
	}
	l->log = options->log;
	if (open_any(l, dir, options, error) != 0) {
		free(l);
		return NULL;
	}
	pthread_mutex_init(&l->backup_lock, NULL);
	if (options->access == STORE_READ_ONLY ||
	    lmdb_room_open(&l->room, &l->env, l->log) == 0)
		return l;
	snprintf(error, STORE_ERROR_SIZE, "store: cannot read %.200s", dir);
	store_lmdb_close(l);
	return NULL;
}

/* --- reading -------------------------------------------------------------- */

/* Uses one transaction for all, as one costs more than a get. */
static void
store_lmdb_get(void *backend, size_t n, const char *const *domain,
    store_got_fn *got, void *arg)
{
	struct lmdb *l = backend;
	MDB_txn *txn;
	int begun;

	if (l->backup != NULL) {
		overlay_read(l->backup, NULL, NULL, n, domain, got, arg);
		return;
	}
	begun = lmdb_begin(&l->env, MDB_RDONLY, &txn);
	for (size_t i = 0; i < n; i++) {
		struct store_entry entry;
		MDB_val key = lmdb_key(domain[i]);
		MDB_val value;
		int err = begun;

		if (err == 0)
			err = lmdb_code(mdb_get(txn, l->env.dbi, &key, &value));
		if (err == 0)
			err = format_read(domain[i], value.mv_data,
			    value.mv_size, &entry);
		got(arg, err, err == 0 ? &entry : NULL);
	}
	(void)lmdb_end(&l->env, txn, ERR_CANCELLED);
}

static int
each_row(MDB_cursor *cursor, store_each_fn *each, void *arg)
{
	char domain[NAME_SIZE];
	struct store_entry entry;
	MDB_val key;
	MDB_val value;
	int damage = 0;
	int err;
	int rc;

	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		if (lmdb_is_meta(&key))
			continue;
		err = ERR_CORRUPT;
		if (key.mv_size <= NAME_LEN_MAX) {
			memcpy(domain, key.mv_data, key.mv_size);
			domain[key.mv_size] = '\0';
			err = format_read(domain, value.mv_data, value.mv_size,
			    &entry);
		}
		if (err != 0 && damage != ERR_CORRUPT)
			damage = err;
		if (err == 0 && !each(arg, &entry))
			break;
	}
	return rc == 0 || rc == MDB_NOTFOUND ? damage : ERR_IO;
}

static int
store_lmdb_each(void *backend, store_each_fn *each, void *arg)
{
	struct lmdb *l = backend;
	MDB_cursor *cursor;
	MDB_txn *txn;
	int err;

	if (l->backup != NULL)
		return overlay_each(l->backup, NULL, NULL, each, arg);
	err = lmdb_begin(&l->env, MDB_RDONLY, &txn);
	if (err == ERR_NOTFOUND)
		return 0;
	if (err != 0)
		return err;
	if (mdb_cursor_open(txn, l->env.dbi, &cursor) == 0) {
		err = each_row(cursor, each, arg);
		mdb_cursor_close(cursor);
	} else {
		err = ERR_NOMEM;
	}
	(void)lmdb_end(&l->env, txn, ERR_CANCELLED);
	return err;
}

static size_t
store_lmdb_count(void *backend)
{
	struct lmdb *l = backend;
	MDB_stat stat = {.ms_entries = 0};
	MDB_txn *txn;

	if (l->backup != NULL)
		return overlay_size(l->backup).n;
	if (lmdb_begin(&l->env, MDB_RDONLY, &txn) != 0)
		return 0;
	(void)mdb_stat(txn, l->env.dbi, &stat);
	(void)lmdb_end(&l->env, txn, ERR_CANCELLED);
	return stat.ms_entries > 0 ? stat.ms_entries - 1 : 0; /* meta */
}

/* --- changing ------------------------------------------------------------- */

/* Octets to evict at a time. Fewer are tried if there are no free pages for so
 * many changes. */
#define EVICT_OCTETS     ((size_t)256 << 10)
#define EVICT_OCTETS_MIN ((size_t)1 << 10)
/* LMDB can reuse freed pages after this many commits. */
#define EVICT_COMMITS 2

static int
evict_once(struct lmdb *l, size_t octets, size_t *evicted)
{
	MDB_txn *txn;
	int rc;
	int err = lmdb_begin(&l->env, 0, &txn);

	*evicted = 0;
	if (err != 0)
		return err;
	rc = lmdb_room_evict(&l->room, txn, octets, evicted);
	if (rc == 0)
		rc = lmdb_write_meta(&l->env, txn);
	err = lmdb_error(&l->env, rc);
	err = lmdb_end(&l->env, txn, err);
	lmdb_room_end(&l->room, err == 0);
	return err;
}

/* C-16: makes room for a policy that binds. If none can be made, that policy
 * may have the last pages: they are of no other use. 0, or why a smallest
 * eviction cannot be written. */
static int
evict(struct lmdb *l)
{
	size_t octets = EVICT_OCTETS;
	size_t total = 0;
	size_t evicted;
	int commits = 0;
	int err;

	do {
		err = evict_once(l, octets, &evicted);
		commits += err == 0;
		total += err == 0 ? evicted : 0;
		octets /= err != 0 ? 4 : 1;
	} while (commits < EVICT_COMMITS && octets >= EVICT_OCTETS_MIN);
	l->room.hopeless = total == 0;
	return err;
}

/* In the transaction. A policy that is not admitted is not stored, but the one
 * that it would have replaced is still deleted (C-07). */
static int
change(struct lmdb *l, MDB_txn *txn, const struct record *record)
{
	const struct store_entry *entry = &record->entry;
	MDB_val key = lmdb_key(entry->domain);
	bool admitted;
	int rc = lmdb_room_change(&l->room, txn, entry->domain,
	    record->deleted ? NULL : entry, &admitted);

	if (rc != 0)
		return lmdb_error(&l->env, rc);
	if (admitted)
		return lmdb_put(&l->env, txn, entry);
	rc = mdb_del(txn, l->env.dbi, &key, NULL);
	return rc == MDB_NOTFOUND ? 0 : lmdb_error(&l->env, rc);
}

static int
write_once(struct lmdb *l, const struct store_change *changes, size_t n)
{
	MDB_txn *txn;
	int err = lmdb_begin(&l->env, 0, &txn);

	if (err != 0)
		return err;
	for (size_t i = 0; err == 0 && i < n; i++)
		err = change(l, txn, changes[i].record);
	err = lmdb_end(&l->env, txn, err);
	lmdb_room_end(&l->room, err == 0);
	return err;
}

/* ERR_BUSY: nothing is wrong with the changes, but the map must grow. ERR_FULL:
 * room can be made for a policy that binds, if there is one among them. */
static int
store_lmdb_write(void *backend, const struct store_change *changes, size_t n)
{
	struct lmdb *l = backend;
	bool binds = false;
	int eviction = 0;
	int err = ERR_BUSY;

	for (size_t i = 0; i < n; i++)
		binds = binds ||
		    (!changes[i].record->deleted &&
			!changes[i].record->entry.expendable);
	for (int i = 0; i < STORE_WRITE_TRIES && err == ERR_BUSY; i++) {
		err = write_once(l, changes, n);
		if (err == ERR_FULL && binds && !l->room.hopeless) {
			eviction = evict(l);
			err = ERR_BUSY;
		}
	}
	/* An eviction that could not be written is tried again next time. */
	if (err == 0 || eviction != 0)
		l->room.hopeless = false;
	return err;
}

/* --- the copy as text ----------------------------------------------------- */

/* Does nothing if no commit has come since the last copy of all. */
static int
write_backup(struct lmdb *l)
{
	struct log_event e;
	bool binding;
	size_t octets;
	size_t txn;
	enum backup_state state;
	int err;

	lmdb_measure(&l->env, &octets, &txn);
	if (txn == l->backup_txn)
		return 0;
	err = backup_write(l->env.dir, octets, store_lmdb_each, l, &binding);
	state = err != 0 ? BACKUP_FAILED
	    : binding    ? BACKUP_BINDING
			 : BACKUP_ALL;
	if (state == BACKUP_ALL)
		l->backup_txn = txn;
	if (state == l->backup_state)
		return err;
	l->backup_state = state;
	log_begin(&e, l->log, LOG_LEVEL_WARNING, "store");
	log_str(&e, "state", state == BACKUP_FAILED ? "no-backup" : "backup");
	log_str(&e, "store", l->env.dir);
	log_str(&e, "file", BACKUP_NAME);
	if (state == BACKUP_FAILED)
		log_str(&e, "why", err_text(err));
	else if (state == BACKUP_BINDING)
		log_str(&e, "why",
		    "no space left for all policies: it has those that "
		    "require DNSSEC");
	log_end(&e);
	return err;
}

static int
store_lmdb_backup(void *backend)
{
	struct lmdb *l = backend;
	int64_t written_s;
	int64_t age_s;
	int err = 0;

	if (l->env.access == STORE_READ_ONLY)
		return 0;
	pthread_mutex_lock(&l->backup_lock);
	age_s = BACKUP_EVERY_S;
	if (backup_find(l->env.dir, &written_s))
		age_s = (int64_t)time(NULL) - written_s;
	/* A copy from the future was written by a wrong clock. */
	if (age_s < 0 || age_s >= BACKUP_EVERY_S)
		err = write_backup(l);
	pthread_mutex_unlock(&l->backup_lock);
	return err;
}

static void
store_lmdb_close(void *backend)
{
	struct lmdb *l = backend;

	if (l->backup != NULL) {
		overlay_free(&l->backup);
	} else {
		if (l->env.access == STORE_READ_WRITE)
			(void)write_backup(l);
		lmdb_env_close(&l->env);
	}
	pthread_mutex_destroy(&l->backup_lock);
	free(l->room.victims);
	free(l);
}

static const struct store_form forms[] = {
    {"lmdb", "lmdb:DIRECTORY"},
    {NULL,   NULL            },
};

const struct store_backend store_lmdb = {
    .forms = forms,
    .place = STORE_ON_DISK,
    .check = store_lmdb_check,
    .open = store_lmdb_open,
    .close = store_lmdb_close,
    .get = store_lmdb_get,
    .each = store_lmdb_each,
    .write = store_lmdb_write,
    .count = store_lmdb_count,
    .backup = store_lmdb_backup,
    .hold_unwritten = true,
};
