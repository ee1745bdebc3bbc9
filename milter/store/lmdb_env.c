/*
 * The file of an LMDB store: opened with every check, its map grown, its
 * transactions.
 */
#include "autoconf.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "store/store_lmdb.h"
#include "store/store_record.h"

#define BEGIN_TRIES  8
#define SMALL_SPACE  65536 /* octets: a disk with less counts as full */
#define PAGE_OCTETS  4096  /* or less than a page: only a stride */
#define EXIT_DAMAGED 2

/* --- the child that reads all of it --------------------------------------- */

/* An octet of every page that the value lies in. */
static void
touch(const MDB_val *value)
{
	const volatile uint8_t *octets = value->mv_data;

	for (size_t i = 0; i < value->mv_size; i += PAGE_OCTETS)
		(void)octets[i];
	if (value->mv_size > 0)
		(void)octets[value->mv_size - 1];
}

/* Runs in the child, whose end frees what it opened. An LMDB file has two
 * trees, of free pages and of entries; both are read in the same way. */
static int
read_all(const char *dir)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_val key;
	MDB_val value;

	if (mdb_env_create(&env) != 0 ||
	    mdb_env_open(env, dir, MDB_RDONLY | MDB_NOTLS, 0600) != 0 ||
	    mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0 ||
	    mdb_dbi_open(txn, NULL, 0, &dbi) != 0)
		return 0;
	for (MDB_dbi tree = 0; tree < 2; tree++) {
		MDB_cursor *cursor = NULL;
		int rc = mdb_cursor_open(txn, tree, &cursor);

		while (rc == 0 &&
		    (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) ==
			0) {
			touch(&key);
			touch(&value);
		}
		if (cursor != NULL)
			mdb_cursor_close(cursor);
		if (rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND ||
		    rc == MDB_CURSOR_FULL)
			return EXIT_DAMAGED;
	}
	return 0;
}

/* A fault ends the child without a core file, a message or a sanitizer's
 * handler. */
static void
expect_faults(void)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
	const struct rlimit none = {0, 0};
	int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)setrlimit(RLIMIT_CORE, &none);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		(void)signal(faults[i], SIG_DFL);
	if (null_fd != -1)
		(void)dup2(null_fd, STDERR_FILENO);
}

/* 0 or ERR_CORRUPT. Any other reason why the child cannot read counts as 0: the
 * parent meets it when it opens the file, and reports it better. */
static int
verify(const char *dir)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		expect_faults();
		_exit(read_all(dir));
	}
	if (pid == -1)
		return 0;
	while (waitpid(pid, &status, 0) == -1) {
		if (errno != EINTR)
			return 0;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL &&
	    WTERMSIG(status) != SIGTERM)
		return ERR_CORRUPT;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_DAMAGED)
		return ERR_CORRUPT;
	return 0;
}

/* --- the meta record ------------------------------------------------------ */

/*
 * It holds this text, its NUL included, then the version of the store's layout
 * as one octet. A record has a version of its own. The key sorts before every
 * domain and can be none.
 */
static const char meta_name[] = "dane-sts-milter";
#define META_KEY       "!meta"
#define LAYOUT_VERSION 1
#define META_SIZE      (sizeof(meta_name) + 1)

bool
lmdb_is_meta(const MDB_val *key)
{
	return key->mv_size > 0 && *(const char *)key->mv_data == META_KEY[0];
}

int
lmdb_write_meta(struct lmdb_env *env, MDB_txn *txn)
{
	uint8_t octets[META_SIZE];
	MDB_val key = lmdb_key(META_KEY);
	MDB_val meta;
	MDB_txn *own = NULL;
	int rc = txn != NULL ? mdb_get(txn, env->dbi, &key, &meta)
			     : mdb_txn_begin(env->mdb, NULL, 0, &own);

	/* A record of another size was written by a later version. */
	if (rc != 0 || (txn != NULL && meta.mv_size != META_SIZE))
		return rc;
	memcpy(octets, meta_name, sizeof(meta_name));
	octets[sizeof(meta_name)] = LAYOUT_VERSION;
	meta = (MDB_val){sizeof(octets), octets};
	rc = mdb_put(txn != NULL ? txn : own, env->dbi, &key, &meta, 0);
	if (own != NULL && rc == 0)
		return mdb_txn_commit(own);
	if (own != NULL)
		mdb_txn_abort(own);
	return rc;
}

/* Checks that the file is ours. *missing: the file is new, and only then may
 * the meta record be written. */
static int
check_meta(struct lmdb_env *env, bool *missing, char error[STORE_ERROR_SIZE])
{
	MDB_val key = lmdb_key(META_KEY);
	MDB_val meta = {0, NULL};
	static const char newer[] =
	    "was written by a newer version of this program: update this one";
	const char *why = NULL;
	MDB_envinfo info;
	MDB_txn *txn;
	unsigned flags;
	int err = 0;
	int rc = mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &txn);

	*missing = false;
	if (rc != 0)
		return lmdb_failure(env->dir, "cannot read", rc, error);
	rc = mdb_dbi_flags(txn, env->dbi, &flags);
	/* A database with flags cannot hold the record. */
	if (rc == 0)
		rc = flags != 0 ? MDB_NOTFOUND
				: mdb_get(txn, env->dbi, &key, &meta);
	if (rc == MDB_NOTFOUND && mdb_env_info(env->mdb, &info) == 0 &&
	    info.me_last_txnid == 0)
		*missing = true;
	else if (rc != 0 && rc != MDB_NOTFOUND)
		err = lmdb_failure(env->dir, "cannot read", rc, error);
	else if (meta.mv_size < META_SIZE ||
	    memcmp(meta.mv_data, meta_name, sizeof(meta_name)) != 0)
		why = "belongs to another program: set \"store\" to a "
		      "directory of its own";
	else if (((const uint8_t *)meta.mv_data)[sizeof(meta_name)] >
	    LAYOUT_VERSION)
		why = newer;
	if (why != NULL) {
		snprintf(error, STORE_ERROR_SIZE, "store: %.200s/data.mdb %s",
		    env->dir, why);
		err = why == newer ? ERR_VERSION : ERR_CORRUPT;
	}
	mdb_txn_abort(txn);
	return err;
}

/* --- directory and files -------------------------------------------------- */

void
lmdb_sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		return;
	/* Some file systems cannot; there is nothing better to do then. */
	(void)fsync(fd);
	close(fd);
}

static int
make_dir(const struct lmdb_env *env, char error[STORE_ERROR_SIZE])
{
	char parent[PATH_MAX];
	char *slash;

	if (mkdir(env->dir, 0700) == -1)
		return errno == EEXIST
		    ? 0
		    : lmdb_failure(env->dir, "cannot make the directory", errno,
			  error);
	snprintf(parent, sizeof(parent), "%s", env->dir);
	slash = strrchr(parent, '/');
	if (slash != NULL && slash != parent)
		*slash = '\0';
	lmdb_sync_dir(parent);
	return 0;
}

/* Checks an existing file before LMDB touches it. *there: whether there is one.
 */
static int
look(const struct lmdb_env *env, bool *there, char error[STORE_ERROR_SIZE])
{
	char path[PATH_MAX + 16];
	struct stat st;

	*there = false;
	snprintf(path, sizeof(path), "%s/data.mdb", env->dir);
	if (stat(path, &st) == -1)
		return errno == ENOENT
		    ? 0
		    : lmdb_failure(env->dir, "cannot use", errno, error);
	if (!S_ISREG(st.st_mode)) {
		snprintf(error, STORE_ERROR_SIZE,
		    "store: %.200s/data.mdb is no file", env->dir);
		return ERR_CONFIG;
	}
	/* LMDB would take an empty file for a new store: never start empty
	 * without a word. */
	if (st.st_size == 0)
		return lmdb_damage(env->dir, "empty (0 octets)", error);
	*there = true;
	return verify(env->dir) == 0 ? 0
				     : lmdb_damage(env->dir, "damaged", error);
}

/* Files that root creates go to the directory's owner, so that the daemon can
 * use them. */
static void
give_to_owner(const struct lmdb_env *env)
{
	static const char *const names[] = {"data.mdb", "lock.mdb"};
	char path[PATH_MAX + 16];
	struct stat st;

	if (geteuid() != 0 || stat(env->dir, &st) == -1 || st.st_uid == 0)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", env->dir, names[i]);
		if (lchown(path, st.st_uid, st.st_gid) == -1)
			return; /* then they stay root's */
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
format_of(const struct lmdb_env *env)
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

/* True if the file cannot be opened because of its format, not because of
 * damage. */
static bool
is_other_format(const struct lmdb_env *env, int rc)
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

/* 0 or an LMDB code. */
static int
open_mdb(struct lmdb_env *env)
{
	unsigned flags = MDB_NOTLS; /* a transaction a call, not a thread */
	MDB_txn *txn;
	int rc = mdb_env_create(&env->mdb);

	if (rc != 0)
		return rc;
	if (env->access == STORE_READ_ONLY)
		flags |= MDB_RDONLY;
	rc = mdb_env_set_mapsize(env->mdb,
	    env->octets_max < LMDB_MAP_MIN ? env->octets_max : LMDB_MAP_MIN);
	if (rc == 0)
		rc = mdb_env_open(env->mdb, env->dir, flags, 0600);
	if (rc == 0)
		rc = mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &txn);
	if (rc == 0) {
		/* Also sets LMDB's comparison function: needed once for every
		 * MDB_env. */
		rc = mdb_dbi_open(txn, NULL, 0, &env->dbi);
		if (rc == 0)
			rc = mdb_txn_commit(txn);
		else
			mdb_txn_abort(txn);
	}
	if (rc != 0) {
		mdb_env_close(env->mdb); /* also after a failed open */
		env->mdb = NULL;
	}
	return rc;
}

static int
open_checked(struct lmdb_env *env, char error[STORE_ERROR_SIZE])
{
	bool missing;
	int stale;
	int err;
	int rc = open_mdb(env);

	env->other_format = is_other_format(env, rc);
	if (env->other_format) {
		snprintf(error, STORE_ERROR_SIZE,
		    "store: %.200s/data.mdb is in a format that this version "
		    "of LMDB (%s) cannot read, and " BACKUP_NAME " beside it, "
		    "from which the policies would be read back, is missing: "
		    "restore it from a backup, or make it with `dane-sts cache "
		    "export` and the version of LMDB that wrote the store",
		    env->dir, mdb_version(NULL, NULL, NULL));
		return ERR_VERSION;
	}
	if (rc != 0)
		return lmdb_failure(env->dir, "cannot open", rc, error);
	give_to_owner(env);
	/* Readers that died would keep old pages from being used again. */
	(void)mdb_reader_check(env->mdb, &stale);
	err = check_meta(env, &missing, error);
	if (err == 0 && missing && env->access == STORE_READ_WRITE) {
		rc = lmdb_write_meta(env, NULL);
		if (rc != 0)
			err = lmdb_failure(env->dir, "cannot write", rc, error);
		lmdb_sync_dir(env->dir);
	}
	return err;
}

int
lmdb_env_open(struct lmdb_env *env, const char *dir,
    const struct store_options *options, char error[STORE_ERROR_SIZE])
{
	enum store_access access = options->access;
	bool there = false;
	int err = 0;

	*env = (struct lmdb_env){.access = access,
	    .octets_max =
		options->octets_max != 0 ? options->octets_max : LMDB_MAP_MAX};
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
		err = look(env, &there, error);
	if (err != 0 || (!there && access == STORE_READ_ONLY))
		goto out;
	err = open_checked(env, error);
out:
	if (err != 0)
		lmdb_env_close(env);
	return err;
}

void
lmdb_env_close(struct lmdb_env *env)
{
	if (env->mdb != NULL)
		mdb_env_close(env->mdb);
	env->mdb = NULL;
	pthread_rwlock_destroy(&env->lock);
}

/* --- transactions --------------------------------------------------------- */

/* The writer's: makes the map larger, or opens the environment anew. */
static int
mend(struct lmdb_env *env)
{
	MDB_envinfo info;
	int rc = 0;

	if (!env->grow && !env->reopen)
		return 0;
	pthread_rwlock_wrlock(&env->lock);
	if (env->grow && env->mdb != NULL &&
	    mdb_env_info(env->mdb, &info) == 0) {
		size_t size = info.me_mapsize > env->octets_max / 2
		    ? env->octets_max
		    : info.me_mapsize * 2;

		/* When it fails, LMDB has lost the old map already. */
		if (mdb_env_set_mapsize(env->mdb, size) != 0)
			env->reopen = true;
	}
	env->grow = false;
	if (env->reopen) {
		if (env->mdb != NULL)
			mdb_env_close(env->mdb);
		rc = open_mdb(env);
		env->reopen = rc != 0;
	}
	pthread_rwlock_unlock(&env->lock);
	return lmdb_code(rc);
}

int
lmdb_begin(struct lmdb_env *env, unsigned flags, MDB_txn **txn)
{
	bool writer = (flags & MDB_RDONLY) == 0;
	int rc = MDB_MAP_RESIZED;
	int err = 0;

	*txn = NULL;
	if (env->access == STORE_READ_ONLY && env->mdb == NULL)
		return ERR_NOTFOUND;
	if (writer)
		err = mend(env);
	if (err != 0)
		return err;
	for (int i = 0; i < BEGIN_TRIES && rc == MDB_MAP_RESIZED; i++) {
		if (i > 0) {
			/* Another process made the map larger. */
			pthread_rwlock_wrlock(&env->lock);
			if (env->mdb != NULL)
				(void)mdb_env_set_mapsize(env->mdb, 0);
			pthread_rwlock_unlock(&env->lock);
		}
		pthread_rwlock_rdlock(&env->lock);
		rc = env->mdb == NULL
		    ? EIO
		    : mdb_txn_begin(env->mdb, NULL, flags, txn);
		if (rc != 0)
			pthread_rwlock_unlock(&env->lock);
	}
	return writer ? lmdb_error(env, rc) : lmdb_code(rc);
}

int
lmdb_end(struct lmdb_env *env, MDB_txn *txn, int err)
{
	if (txn == NULL)
		return err;
	if (err != 0)
		mdb_txn_abort(txn);
	else
		err = lmdb_error(env, mdb_txn_commit(txn));
	pthread_rwlock_unlock(&env->lock);
	return err;
}

int
lmdb_error(struct lmdb_env *env, int rc)
{
	MDB_envinfo info;
	struct statvfs fs;

	if (rc == MDB_PANIC || (rc == EIO && env->mdb == NULL))
		env->reopen = true;
	/* LMDB reports a write that was cut short as EIO. */
	if (rc == EIO && statvfs(env->dir, &fs) == 0 &&
	    fs.f_bavail * fs.f_frsize < SMALL_SPACE)
		return ERR_FULL;
	if (rc == MDB_MAP_FULL && mdb_env_info(env->mdb, &info) == 0 &&
	    info.me_mapsize < env->octets_max) {
		env->grow = true;
		return ERR_BUSY;
	}
	return lmdb_code(rc);
}

int
lmdb_put(struct lmdb_env *env, MDB_txn *txn, const struct store_entry *entry)
{
	MDB_val key = lmdb_key(entry->domain);
	MDB_val value = {format_size(entry), NULL};
	int rc = mdb_put(txn, env->dbi, &key, &value, MDB_RESERVE);

	if (rc == 0)
		format_write(entry, value.mv_data);
	return lmdb_error(env, rc);
}

void
lmdb_measure(struct lmdb_env *env, size_t *octets, size_t *txn)
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
