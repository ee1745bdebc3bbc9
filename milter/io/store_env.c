/* The LMDB environment of a store. */
#include "autoconf.h"

#include "io/store_env.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/err.h"
#include "io/store_verify.h"

#define BEGIN_TRIES 8
#define SMALL_SPACE 65536 /* octets: a disk with less counts as full */

#define RESTORE                                                             \
	"restore it from a backup, or move it away to start with an empty " \
	"store (then policies are learned anew)"

/*
 * What the meta record holds: this text, its NUL included, then the version of
 * the store's layout as one octet. A record has a version of its own.
 */
static const char meta_name[] = "dane-sts-milter";
#define LAYOUT_VERSION 1
#define META_SIZE      (sizeof(meta_name) + 1)

/* --- errors --------------------------------------------------------------- */

static const struct {
	int rc;
	int err;
	const char *advice;
} errors[] = {
    {ENOSPC,	       ERR_FULL,     "make space"				     },
    {EDQUOT,	       ERR_FULL,     "raise the quota"                                },
    {EFBIG,		ERR_FULL,     "raise the limit on file sizes"                  },
    {ENOMEM,	       ERR_NOMEM,    "there is no memory, or no address space, for it"},
    {EMFILE,	       ERR_IO,       "raise the limit on open files"                  },
    {EROFS,		ERR_READONLY,
     "the file system is read-only: remount it, or set \"store\" to "
	"another directory"							       },
    {EACCES,	       ERR_READONLY, "give the directory and its files to this user"  },
    {EPERM,		ERR_READONLY, "give the directory and its files to this user"  },
    {ENOTDIR,	      ERR_CONFIG,   "set \"store\" to a directory"                   },
    {ENOENT,	       ERR_CONFIG,   "make the directory above it"                    },
    {ENAMETOOLONG,         ERR_CONFIG,   "set \"store\" to a shorter path"                },
    {MDB_NOTFOUND,         ERR_NOTFOUND, ""					       },
    {MDB_INVALID,          ERR_CORRUPT,  RESTORE					  },
    {MDB_CORRUPTED,        ERR_CORRUPT,  RESTORE					  },
    {MDB_PAGE_NOTFOUND,    ERR_CORRUPT,  RESTORE                                          },
    {MDB_VERSION_MISMATCH, ERR_VERSION,
     "it was written by another version of LMDB"                                          },
    {MDB_MAP_FULL,         ERR_FULL,     "the store has reached its largest size"         },
    {MDB_READERS_FULL,     ERR_BUSY,     "too many programs read it"                      },
};

static int
error_code(int rc)
{
	if (rc == 0)
		return 0;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i].rc == rc)
			return errors[i].err;
	}
	return ERR_IO;
}

static const char *
error_advice(int rc)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i].rc == rc)
			return errors[i].advice;
	}
	return "look at the disk and the system's log";
}

/* Who this process is, for messages: "user dane-sts". */
static void
who(char *out, size_t size)
{
	const struct passwd *pw = getpwuid(geteuid());

	if (pw != NULL)
		snprintf(out, size, "user %s", pw->pw_name);
	else
		snprintf(out, size, "uid %ld", (long)geteuid());
}

static int
fail(const struct env *env, const char *what, int rc,
    char error[STORE_ERROR_SIZE])
{
	char user[128];

	who(user, sizeof(user));
	snprintf(error, STORE_ERROR_SIZE, "store: %s %.200s as %s: %s; %s",
	    what, env->dir, user, mdb_strerror(rc), error_advice(rc));
	return error_code(rc);
}

static int
refuse(const struct env *env, int err, const char *why,
    char error[STORE_ERROR_SIZE])
{
	snprintf(error, STORE_ERROR_SIZE, "store: %.200s/data.mdb %s", env->dir,
	    why);
	return err;
}

/* --- directory and files -------------------------------------------------- */

static void
sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		return;
	/* Some file systems cannot; there is nothing better to do then. */
	(void)fsync(fd);
	close(fd);
}

static int
make_dir(const struct env *env, char error[STORE_ERROR_SIZE])
{
	char parent[PATH_MAX];
	char *slash;

	if (mkdir(env->dir, 0700) == -1)
		return errno == EEXIST
		    ? 0
		    : fail(env, "cannot make the directory", errno, error);
	snprintf(parent, sizeof(parent), "%s", env->dir);
	slash = strrchr(parent, '/');
	if (slash != NULL && slash != parent)
		*slash = '\0';
	sync_dir(parent);
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
		return errno == ENOENT ? 0
				       : fail(env, "cannot use", errno, error);
	if (!S_ISREG(st.st_mode))
		return refuse(env, ERR_CONFIG, "is no file", error);
	/* LMDB would take it for a new one: never start empty in silence. */
	if (st.st_size == 0)
		return refuse(env, ERR_CORRUPT, "is empty (0 octets): " RESTORE,
		    error);
	*data = DATA_THERE;
	return store_verify(env->dir) == 0
	    ? 0
	    : refuse(env, ERR_CORRUPT, "is damaged: " RESTORE, error);
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

/* --- meta record ---------------------------------------------------------- */

static int
check_meta(const struct env *env, const MDB_val *meta,
    char error[STORE_ERROR_SIZE])
{
	const uint8_t *octets = meta->mv_data;

	if (meta->mv_size < META_SIZE ||
	    memcmp(octets, meta_name, sizeof(meta_name)) != 0)
		return refuse(env, ERR_CORRUPT,
		    "belongs to another program: set \"store\" to a "
		    "directory of its own",
		    error);
	if (octets[sizeof(meta_name)] > LAYOUT_VERSION)
		return refuse(env, ERR_VERSION,
		    "was written by a newer version of this program: "
		    "update this one",
		    error);
	return 0;
}

/* Only a file that never saw a commit may be made ours. */
static bool
is_new(const struct env *env)
{
	MDB_envinfo info;

	return mdb_env_info(env->mdb, &info) == 0 && info.me_last_txnid == 0;
}

static int
read_meta(struct env *env, bool *missing, char error[STORE_ERROR_SIZE])
{
	char name[] = ENV_META_KEY;
	MDB_val key = {sizeof(name) - 1, name};
	MDB_val meta;
	MDB_txn *txn;
	unsigned flags = 0;
	int err = 0;
	int rc = mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &txn);

	*missing = false;
	if (rc != 0)
		return fail(env, "cannot read", rc, error);
	rc = mdb_dbi_flags(txn, env->dbi, &flags);
	if (rc == 0 && flags == 0)
		rc = mdb_get(txn, env->dbi, &key, &meta);
	if (rc == MDB_NOTFOUND && is_new(env))
		*missing = true;
	else if (rc != 0 && rc != MDB_NOTFOUND)
		err = fail(env, "cannot read", rc, error);
	else if (rc == MDB_NOTFOUND || flags != 0)
		err = check_meta(env, &(MDB_val){0, NULL}, error);
	else
		err = check_meta(env, &meta, error);
	mdb_txn_abort(txn);
	return err;
}

static int
write_meta(struct env *env, char error[STORE_ERROR_SIZE])
{
	uint8_t octets[META_SIZE];
	char name[] = ENV_META_KEY;
	MDB_val key = {sizeof(name) - 1, name};
	MDB_val meta = {sizeof(octets), octets};
	MDB_txn *txn;
	int rc = mdb_txn_begin(env->mdb, NULL, 0, &txn);

	memcpy(octets, meta_name, sizeof(meta_name));
	octets[sizeof(meta_name)] = LAYOUT_VERSION;
	if (rc != 0)
		return fail(env, "cannot write", rc, error);
	rc = mdb_put(txn, env->dbi, &key, &meta, 0);
	if (rc == 0)
		rc = mdb_txn_commit(txn);
	else
		mdb_txn_abort(txn);
	if (rc != 0)
		return fail(env, "cannot write", rc, error);
	sync_dir(env->dir);
	return 0;
}

/* --- opening -------------------------------------------------------------- */

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
	rc = mdb_env_set_mapsize(env->mdb, ENV_MAP_MIN);
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

	if (rc != 0)
		return fail(env, "cannot open", rc, error);
	give_to_owner(env);
	/* Readers that died would keep old pages from being used again. */
	(void)mdb_reader_check(env->mdb, &stale);
	err = read_meta(env, &missing, error);
	if (err == 0 && missing && env->access == STORE_READ_WRITE)
		err = write_meta(env, error);
	return err;
}

int
env_open(struct env *env, const char *dir, enum store_access access,
    char error[STORE_ERROR_SIZE])
{
	enum data data;
	int err = 0;

	*env = (struct env){.access = access};
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
	size = info.me_mapsize > ENV_MAP_MAX / 2 ? ENV_MAP_MAX
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
	return error_code(rc);
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
	return error_code(rc);
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
	    info.me_mapsize < ENV_MAP_MAX) {
		env->grow = true;
		return ERR_BUSY;
	}
	return error_code(rc);
}
