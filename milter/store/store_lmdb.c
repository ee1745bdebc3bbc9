/*
 * "lmdb:DIRECTORY": policies in LMDB, which survives kill -9 and power loss by
 * design: a commit is one synced write of the root page. Keys are domains,
 * values as store_format.h has them.
 */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "store/store_backend.h"
#include "store/store_env.h"
#include "store/store_format.h"
#include "store/store_meta.h"

struct lmdb {
	struct env env;
	MDB_txn *txn; /* the writer's */
};

static int
lmdb_check(const char *rest, char error[STORE_ERROR_SIZE])
{
	if (*rest == '/')
		return 0;
	snprintf(error, STORE_ERROR_SIZE,
	    "store \"lmdb:%.200s\": an absolute directory must follow "
	    "\"lmdb:\"",
	    rest);
	return ERR_CONFIG;
}

static void *
lmdb_open(const char *rest, const struct store_options *options,
    char error[STORE_ERROR_SIZE])
{
	struct lmdb *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		snprintf(error, STORE_ERROR_SIZE, "out of memory");
		return NULL;
	}
	if (env_open(&l->env, rest, options->access, error) != 0) {
		free(l);
		return NULL;
	}
	return l;
}

static void
lmdb_close(void *backend)
{
	struct lmdb *l = backend;

	env_abort(&l->env, &l->txn);
	env_close(&l->env);
	free(l);
}

static MDB_val
key_of(const char *domain)
{
	return (MDB_val){strlen(domain), (void *)(uintptr_t)domain};
}

/* --- reading -------------------------------------------------------------- */

static int
lmdb_get(void *backend, const char *domain, store_each_fn *got, void *arg)
{
	struct lmdb *l = backend;
	struct store_entry entry;
	MDB_val key = key_of(domain);
	MDB_val value;
	MDB_txn *txn;
	int rc;
	int err = env_begin(&l->env, MDB_RDONLY, &txn);

	if (err != 0)
		return err;
	rc = mdb_get(txn, l->env.dbi, &key, &value);
	if (rc == MDB_NOTFOUND)
		err = ERR_NOTFOUND;
	else if (rc != 0)
		err = ERR_IO;
	else
		err = format_read(domain, value.mv_data, value.mv_size, &entry);
	if (err == 0)
		(void)got(arg, &entry);
	env_abort(&l->env, &txn);
	return err;
}

/* As META_KEY is one; no domain begins so, and a newer program may have more
 * of them. */
static bool
is_meta(const MDB_val *key)
{
	return key->mv_size > 0 && *(const char *)key->mv_data == META_KEY[0];
}

static int
read_row(const MDB_val *key, const MDB_val *value, char domain[NAME_SIZE],
    struct store_entry *entry)
{
	if (key->mv_size > NAME_LEN_MAX)
		return ERR_CORRUPT;
	memcpy(domain, key->mv_data, key->mv_size);
	domain[key->mv_size] = '\0';
	return format_read(domain, value->mv_data, value->mv_size, entry);
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
		if (is_meta(&key))
			continue;
		err = read_row(&key, &value, domain, &entry);
		if (err != 0 && damage != ERR_CORRUPT)
			damage = err;
		if (err == 0 && !each(arg, &entry))
			break;
	}
	return rc == 0 || rc == MDB_NOTFOUND ? damage : ERR_IO;
}

static int
lmdb_each(void *backend, store_each_fn *each, void *arg)
{
	struct lmdb *l = backend;
	MDB_cursor *cursor;
	MDB_txn *txn;
	int err = env_begin(&l->env, MDB_RDONLY, &txn);

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
	env_abort(&l->env, &txn);
	return err;
}

static size_t
lmdb_count(void *backend)
{
	struct lmdb *l = backend;
	MDB_stat stat = {.ms_entries = 0};
	MDB_txn *txn;

	if (env_begin(&l->env, MDB_RDONLY, &txn) != 0)
		return 0;
	(void)mdb_stat(txn, l->env.dbi, &stat);
	env_abort(&l->env, &txn);
	return stat.ms_entries > 0 ? stat.ms_entries - 1 : 0; /* meta */
}

/* --- changing ------------------------------------------------------------- */

static int
lmdb_begin(void *backend)
{
	struct lmdb *l = backend;

	return env_begin(&l->env, 0, &l->txn);
}

static int
lmdb_put(void *backend, const struct store_entry *entry)
{
	struct lmdb *l = backend;
	MDB_val key = key_of(entry->domain);
	MDB_val value = {format_size(entry), NULL};
	int rc = mdb_put(l->txn, l->env.dbi, &key, &value, MDB_RESERVE);

	if (rc == 0)
		format_write(entry, value.mv_data);
	return env_error(&l->env, rc);
}

static int
lmdb_remove(void *backend, const char *domain)
{
	struct lmdb *l = backend;
	MDB_val key = key_of(domain);
	int rc = mdb_del(l->txn, l->env.dbi, &key, NULL);

	return rc == MDB_NOTFOUND ? 0 : env_error(&l->env, rc);
}

static int
lmdb_commit(void *backend)
{
	struct lmdb *l = backend;

	return env_commit(&l->env, &l->txn);
}

static void
lmdb_abort(void *backend)
{
	struct lmdb *l = backend;

	env_abort(&l->env, &l->txn);
}

const struct store_backend store_lmdb = {
    .scheme = "lmdb",
    .check = lmdb_check,
    .open = lmdb_open,
    .close = lmdb_close,
    .get = lmdb_get,
    .begin = lmdb_begin,
    .put = lmdb_put,
    .remove = lmdb_remove,
    .commit = lmdb_commit,
    .abort = lmdb_abort,
    .each = lmdb_each,
    .count = lmdb_count,
    .hold_unwritten = true,
};
