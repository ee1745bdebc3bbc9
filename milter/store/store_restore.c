/* An LMDB store anew, from its copy as text. */
#include "autoconf.h"

#include "store/store_restore.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "log/log.h"
#include "store/store_backend.h"
#include "store/store_backup.h"
#include "store/store_env.h"
#include "store/store_report.h"

#define BATCH 512

#define PATH_SIZE (PATH_MAX + 64)

struct restore {
	struct env env; /* of DIR/restore, where the new file is made */
	struct record *batch[BATCH];
	size_t n_batch;
	size_t n; /* policies written */
};

static int
commit_batch_once(struct restore *r)
{
	MDB_txn *txn;
	int err = env_begin(&r->env, 0, &txn);

	if (err != 0)
		return err;
	for (size_t i = 0; err == 0 && i < r->n_batch; i++) {
		if (!r->batch[i]->deleted)
			err = env_put(&r->env, txn, &r->batch[i]->entry);
	}
	if (err == 0)
		return env_commit(&r->env, &txn);
	env_abort(&r->env, &txn);
	return err;
}

/* ERR_BUSY: the map grows, and the changes are to be made once more. */
static int
commit_batch(struct restore *r)
{
	int err = ERR_BUSY;

	for (int i = 0; i < STORE_WRITE_TRIES && err == ERR_BUSY; i++)
		err = commit_batch_once(r);
	r->n += err == 0 ? r->n_batch : 0;
	for (size_t i = 0; i < r->n_batch; i++)
		record_unref(&r->batch[i]);
	r->n_batch = 0;
	return err;
}

static int
take(void *arg, struct record *record)
{
	struct restore *r = arg;
	int err = record_new_policy(&record->entry, &r->batch[r->n_batch]);

	if (err != 0)
		return err;
	r->n_batch++;
	return r->n_batch < BATCH ? 0 : commit_batch(r);
}

/* --- the directory in which it is made ------------------------------------ */

static void
path_in(const char *dir, const char *name, char out[PATH_SIZE])
{
	(void)snprintf(out, PATH_SIZE, "%s/%s", dir, name);
}

static void
remove_workshop(const char *dir)
{
	static const char *const names[] = {"restore/data.mdb",
	    "restore/lock.mdb"};
	char path[PATH_SIZE];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_in(dir, names[i], path);
		(void)unlink(path);
	}
	path_in(dir, "restore", path);
	(void)rmdir(path);
}

/* It belongs to whom the store does, so that what is made in it does, too. */
static int
make_workshop(const char *dir, char path[PATH_SIZE],
    char error[STORE_ERROR_SIZE])
{
	struct stat st;

	remove_workshop(dir);
	path_in(dir, "restore", path);
	if (mkdir(path, 0700) != 0)
		return report_failure(path, "cannot make the directory", errno,
		    error);
	if (geteuid() == 0 && stat(dir, &st) == 0 && st.st_uid != 0)
		(void)!lchown(path, st.st_uid, st.st_gid);
	return 0;
}

/* --- all of it ------------------------------------------------------------ */

static int
fill(struct restore *r, const char *dir, const char *workshop, size_t *bad,
    char error[STORE_ERROR_SIZE])
{
	const struct store_options options = {.access = STORE_READ_WRITE};
	int err = env_open(&r->env, workshop, &options, error);

	if (err != 0)
		return err;
	err = backup_read(dir, take, r, bad);
	if (err == 0)
		err = commit_batch(r);
	else
		while (r->n_batch > 0)
			record_unref(&r->batch[--r->n_batch]);
	env_close(&r->env);
	if (err != 0)
		(void)snprintf(error, STORE_ERROR_SIZE,
		    "store: the policies could not be read back from "
		    "%.200s/" BACKUP_NAME ": %s",
		    dir, err_text(err));
	return err;
}

/* old: "" unless a file was set aside. */
static int
swap(const char *dir, bool set_aside, char old[PATH_SIZE],
    char error[STORE_ERROR_SIZE])
{
	char data[PATH_SIZE];
	char new[PATH_SIZE];

	path_in(dir, "data.mdb", data);
	path_in(dir, "restore/data.mdb", new);
	old[0] = '\0';
	if (set_aside) {
		(void)snprintf(old, PATH_SIZE, "%.*s/data.mdb.other-format-%jd",
		    PATH_MAX, dir, (intmax_t)time(NULL));
		if (rename(data, old) != 0)
			return report_failure(data, "cannot rename", errno,
			    error);
	}
	if (rename(new, data) != 0)
		return report_failure(new, "cannot rename", errno, error);
	env_sync_dir(dir);
	return 0;
}

static void
tell(struct log *log, const char *dir, const char *old, size_t n, size_t bad)
{
	char written[DURATION_SIZE] = "-";
	struct log_event e;
	int64_t written_s;

	if (backup_find(dir, &written_s))
		moment_text(written_s, written);
	log_begin(&e, log, LOG_LEVEL_WARNING, "store");
	log_str(&e, "state", "restored");
	log_str(&e, "store", dir);
	log_int(&e, "policies", (int64_t)n);
	log_int(&e, "left_out", (int64_t)bad);
	log_str(&e, "as_of", written);
	if (old[0] != '\0')
		log_str(&e, "old", old);
	log_str(&e, "msg",
	    old[0] != '\0'
		? "this version of LMDB cannot read the format of data.mdb: "
		  "the policies were read back from " BACKUP_NAME
		: "data.mdb was missing: the policies were read back from " BACKUP_NAME);
	log_end(&e);
}

int
store_restore(const char *dir, bool set_aside, struct log *log,
    char error[STORE_ERROR_SIZE])
{
	struct restore r = {.n = 0};
	char workshop[PATH_SIZE];
	char old[PATH_SIZE];
	size_t bad = 0;
	int err = make_workshop(dir, workshop, error);

	if (err == 0)
		err = fill(&r, dir, workshop, &bad, error);
	if (err == 0)
		err = swap(dir, set_aside, old, error);
	remove_workshop(dir);
	if (err == 0)
		tell(log, dir, old, r.n, bad);
	return err;
}
