/* The LMDB environment of a store. */
#include "autoconf.h"

#include "store/store_env.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"
#include "store/store_format.h"
#include "store/store_meta.h"
#include "store/store_report.h"
#include "store/store_verify.h"

#define BEGIN_TRIES 8
#define SMALL_SPACE 65536 /* octets: a disk with less counts as full */

/* --- directory and files -------------------------------------------------- */

void
env_sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		return;
	/* Some file systems cannot; there is nothing better to do then. */
	(void)fsync(fd);
	close(fd);
}

bool
env_is_missing(const char *dir)
{
	char path[PATH_MAX + 16];
	struct stat st;

	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	return stat(path, &st) == -1 && errno == ENOENT;
}

static int
make_dir(const struct env *env, char error[STORE_ERROR_SIZE])
{
	char parent[PATH_MAX];
	char *slash;

	if (mkdir(env->dir, 0700) == -1)
		return errno == EEXIST
		    ? 0
		    : report_failure(env->dir, "cannot make the directory",
			  errno, error);
	snprintf(parent, sizeof(parent), "%s", env->dir);
	slash = strrchr(parent, '/');
	if (slash != NULL && slash != parent)
		*slash = '\0';
	env_sync_dir(parent);
	return 0;
}

enum data {
	DATA_NONE,
	DATA_THERE
};

/* What lies there already, before LMDB touches anything. */
static int
look(const struct env *env, enum data *data, char error[STORE_ERROR_SIZE])
{
	char path[PATH_MAX + 16];
	struct stat st;

	*data = DATA_NONE;
	snprintf(path, sizeof(path), "%s/data.mdb", env->dir);
	if (stat(path, &st) == -1)
		return errno == ENOENT
		    ? 0
		    : report_failure(env->dir, "cannot use", errno, error);
	if (!S_ISREG(st.st_mode))
		return report_refusal(env->dir, ERR_CONFIG, "is no file",
		    error);
	/* LMDB would take it for a new one: never start empty in silence. */
	if (st.st_size == 0)
		return report_damage(env->dir, "empty (0 octets)", error);
	*data = DATA_THERE;
	return store_verify(env->dir) == 0
	    ? 0
	    : report_damage(env->dir, "damaged", error);
}

/* What root makes here belongs to the directory's owner, so that the daemon
 * can use it. */
static void
give_to_owner(const struct env *env)
{
	static const char *const names[] = {"data.mdb", "lock.mdb"};
	char path[PATH_MAX + 16];
	struct stat st;

	if (geteuid() != 0 || stat(env->dir, &st) == -1 || st.st_uid == 0)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", env->dir, names[i]);
		if (lchown(path, st.st_uid, st.st_gid) == -1)
			return; /* then it stays root's, as made */
	}
}

/* --- opening -------------------------------------------------------------- */

enum format {
	FORMAT_NONE,  /* not LMDB's, or the head is damaged */
	FORMAT_0_9,   /* of LMDB 0.9 on this architecture */
	FORMAT_OTHER, /* of another version or architecture */
};

/* Every version writes this number at the head of its file, in the octet order
 * of the machine, and the version of the format behind it. */
#define MDB_MAGIC   0xbeefc0de
#define VERSION_0_9 1
#define HEAD_0_9    (sizeof(size_t) + 8) /* of a page, before the number */

static enum format
format_of(const struct env *env)
{
	const uint32_t magic_0_9[2] = {MDB_MAGIC, VERSION_0_9};
	const uint32_t magics[2] = {MDB_MAGIC, 0xdec0efbe};
	char path[PATH_MAX + 16];
	uint8_t head[64] = {0};
	int fd;

	snprintf(path, sizeof(path), "%s/data.mdb", env->dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		(void)!read(fd, head, sizeof(head));
		close(fd);
	}
	if (memcmp(head + HEAD_0_9, magic_0_9, sizeof(magic_0_9)) == 0)
		return FORMAT_0_9;
	for (size_t at = 0; at + sizeof(magics[0]) <= sizeof(head); at++) {
		if (memcmp(head + at, &magics[0], sizeof(magics[0])) == 0 ||
		    memcmp(head + at, &magics[1], sizeof(magics[1])) == 0)
			return FORMAT_OTHER;
	}
	return FORMAT_NONE;
}

/* Whether the file cannot be opened for its format, not for damage. */
static bool
is_other_format(const struct env *env, int rc)
{
	int major;
	int minor;

	if (rc != MDB_INVALID && rc != MDB_VERSION_MISMATCH)
		return false;
	(void)mdb_version(&major, &minor, NULL);
	switch (format_of(env)) {
	case FORMAT_NONE:
		break;
	case FORMAT_0_9:
		return major != 0 || minor != 9;
	case FORMAT_OTHER:
		return (major == 0 && minor == 9) || rc == MDB_VERSION_MISMATCH;
	}
	return false;
}

/* Also sets LMDB's comparison function: needed once for every MDB_env. */
static int
open_dbi(struct env *env)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return rc;
	rc = mdb_dbi_open(txn, NULL, 0, &env->dbi);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

static int
open_mdb(struct env *env)
{
	unsigned flags = MDB_NOTLS; /* a transaction a call, not a thread */
	int rc = mdb_env_create(&env->mdb);

	if (rc != 0)
		return rc;
	if (env->access == STORE_READ_ONLY)
		flags |= MDB_RDONLY;
	rc = mdb_env_set_mapsize(env->mdb,
	    env->octets_max < ENV_MAP_MIN ? env->octets_max : ENV_MAP_MIN);
	if (rc == 0)
		rc = mdb_env_open(env->mdb, env->dir, flags, 0600);
	if (rc == 0)
		rc = open_dbi(env);
	if (rc != 0) {
		mdb_env_close(env->mdb); /* also after a failed open */
		env->mdb = NULL;
	}
	return rc;
}

static int
open_checked(struct env *env, char error[STORE_ERROR_SIZE])
{
	bool missing;
	int stale;
	int err;
	int rc = open_mdb(env);

	if (is_other_format(env, rc)) {
		env->other_format = true;
		return report_format(env->dir, error);
	}
	if (rc != 0)
		return report_failure(env->dir, "cannot open", rc, error);
	give_to_owner(env);
	/* Readers that died would keep old pages from being used again. */
	(void)mdb_reader_check(env->mdb, &stale);
	err = meta_check(env->mdb, env->dbi, env->dir, &missing, error);
	if (err == 0 && missing && env->access == STORE_READ_WRITE) {
		err = meta_write(env->mdb, env->dbi, env->dir, error);
		env_sync_dir(env->dir);
	}
	return err;
}

int
env_open(struct env *env, const char *dir, const struct store_options *options,
    char error[STORE_ERROR_SIZE])
{
	enum store_access access = options->access;
	enum data data;
	int err = 0;

	*env = (struct env){.access = access,
	    .octets_max =
		options->octets_max != 0 ? options->octets_max : ENV_MAP_MAX};
	pthread_rwlock_init(&env->lock, NULL);
	if (strlen(dir) >= sizeof(env->dir)) {
		snprintf(error, STORE_ERROR_SIZE,
		    "store: the directory's name is too long");
		err = ERR_CONFIG;
		goto out;
	}
	snprintf(env->dir, sizeof(env->dir), "%s", dir);
	if (access == STORE_READ_WRITE)
		err = make_dir(env, error);
	if (err == 0)
		err = look(env, &data, error);
	if (err != 0 || (data == DATA_NONE && access == STORE_READ_ONLY))
		goto out;
	err = open_checked(env, error);
out:
	if (err != 0)
		env_close(env);
	return err;
}

void
env_close(struct env *env)
{
	if (env->mdb != NULL)
		mdb_env_close(env->mdb);
	env->mdb = NULL;
	pthread_rwlock_destroy(&env->lock);
}

/* --- transactions --------------------------------------------------------- */

/* Under the write lock. */
static void
grow_map(struct env *env)
{
	MDB_envinfo info;
	size_t size;

	env->grow = false;
	if (mdb_env_info(env->mdb, &info) != 0)
		return;
	size = info.me_mapsize > env->octets_max / 2 ? env->octets_max
						     : info.me_mapsize * 2;
	/* When it fails, LMDB has lost the old map already. */
	if (mdb_env_set_mapsize(env->mdb, size) != 0)
		env->reopen = true;
}

/* Under the write lock. */
static int
open_anew(struct env *env)
{
	int rc;

	if (env->mdb != NULL)
		mdb_env_close(env->mdb);
	rc = open_mdb(env);
	env->reopen = rc != 0;
	return report_code(rc);
}

static int
mend(struct env *env)
{
	int err = 0;

	if (!env->grow && !env->reopen)
		return 0;
	pthread_rwlock_wrlock(&env->lock);
	if (env->grow && env->mdb != NULL)
		grow_map(env);
	if (env->reopen)
		err = open_anew(env);
	pthread_rwlock_unlock(&env->lock);
	return err;
}

/* Another process made the map larger. */
static void
follow_size(struct env *env)
{
	pthread_rwlock_wrlock(&env->lock);
	if (env->mdb != NULL)
		(void)mdb_env_set_mapsize(env->mdb, 0);
	pthread_rwlock_unlock(&env->lock);
}

static int
begin_once(struct env *env, unsigned flags, MDB_txn **txn)
{
	int rc;

	pthread_rwlock_rdlock(&env->lock);
	rc = env->mdb == NULL ? EIO : mdb_txn_begin(env->mdb, NULL, flags, txn);
	if (rc != 0)
		pthread_rwlock_unlock(&env->lock);
	return rc;
}

int
env_begin(struct env *env, unsigned flags, MDB_txn **txn)
{
	int rc = MDB_MAP_RESIZED;
	int err;

	if (env->access == STORE_READ_ONLY && env->mdb == NULL)
		return ERR_NOTFOUND;
	if ((flags & MDB_RDONLY) == 0) {
		err = mend(env);
		if (err != 0)
			return err;
	}
	for (int i = 0; i < BEGIN_TRIES && rc == MDB_MAP_RESIZED; i++) {
		if (i > 0)
			follow_size(env);
		rc = begin_once(env, flags, txn);
	}
	if ((flags & MDB_RDONLY) == 0)
		return env_error(env, rc);
	return report_code(rc);
}

int
env_commit(struct env *env, MDB_txn **txn)
{
	int err = env_error(env, mdb_txn_commit(*txn));

	*txn = NULL;
	pthread_rwlock_unlock(&env->lock);
	return err;
}

void
env_abort(struct env *env, MDB_txn **txn)
{
	if (*txn == NULL)
		return;
	mdb_txn_abort(*txn);
	*txn = NULL;
	pthread_rwlock_unlock(&env->lock);
}

/* LMDB reports a write that was cut short as EIO. */
static bool
disk_is_full(const struct env *env)
{
	struct statvfs fs;

	return statvfs(env->dir, &fs) == 0 &&
	    fs.f_bavail * fs.f_frsize < SMALL_SPACE;
}

int
env_error(struct env *env, int rc)
{
	MDB_envinfo info;

	if (rc == MDB_PANIC || (rc == EIO && env->mdb == NULL))
		env->reopen = true;
	if (rc == EIO && disk_is_full(env))
		return ERR_FULL;
	if (rc == MDB_MAP_FULL && mdb_env_info(env->mdb, &info) == 0 &&
	    info.me_mapsize < env->octets_max) {
		env->grow = true;
		return ERR_BUSY;
	}
	return report_code(rc);
}

int
env_put(struct env *env, MDB_txn *txn, const struct store_entry *entry)
{
	MDB_val key = {strlen(entry->domain), (void *)(uintptr_t)entry->domain};
	MDB_val value = {format_size(entry), NULL};
	int rc = mdb_put(txn, env->dbi, &key, &value, MDB_RESERVE);

	if (rc == 0)
		format_write(entry, value.mv_data);
	return env_error(env, rc);
}

void
env_measure(struct env *env, size_t *octets, size_t *txn)
{
	MDB_envinfo info;
	MDB_stat stat;

	*octets = 0;
	*txn = 0;
	pthread_rwlock_rdlock(&env->lock);
	if (env->mdb != NULL && mdb_env_info(env->mdb, &info) == 0 &&
	    mdb_env_stat(env->mdb, &stat) == 0) {
		*octets = (info.me_last_pgno + 1) * stat.ms_psize;
		*txn = info.me_last_txnid;
	}
	pthread_rwlock_unlock(&env->lock);
}
