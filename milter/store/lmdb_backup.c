/* Writes the copy of an LMDB store as text, and builds a store from it. */
#include "autoconf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "log/log.h"
#include "store/store_json.h"
#include "store/store_lmdb.h"

#define PATH_SIZE (PATH_MAX + 64)

static void
path_in(const char *dir, const char *name, char out[PATH_SIZE])
{
	(void)snprintf(out, PATH_SIZE, "%s/%s", dir, name);
}

bool
backup_find(const char *dir, int64_t *written_s)
{
	char path[PATH_SIZE];
	struct stat st;

	path_in(dir, BACKUP_NAME, path);
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	*written_s = (int64_t)st.st_mtime;
	return true;
}

/* --- writing -------------------------------------------------------------- */

struct writing {
	FILE *file;
	bool binding;  /* only entries that are not expendable */
	uint64_t left; /* octets that may still be written */
	int err;
};

static bool
write_line(void *arg, const struct store_entry *entry)
{
	struct writing *w = arg;
	char *line;
	size_t len;

	if (w->binding && entry->expendable)
		return true;
	line = store_json_write(entry);
	len = line != NULL ? strlen(line) + 1 : 0;
	if (line == NULL)
		w->err = ERR_NOMEM;
	else if (len > w->left)
		w->err = ERR_FULL;
	else if (fprintf(w->file, "%s\n", line) < 0)
		w->err = lmdb_code(errno);
	w->left -= w->err == 0 ? len : 0;
	free(line);
	return w->err == 0;
}

/* Writes the file that will replace the old one, of at most left octets. */
static int
write_new(const char *dir, const char *path, bool binding, uint64_t left,
    backup_each_fn *each, void *arg)
{
	struct writing w = {.binding = binding, .left = left};
	struct stat st;
	int fd = open(path,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err;

	if (fd >= 0)
		w.file = fdopen(fd, "w");
	if (w.file == NULL) {
		err = lmdb_code(errno);
		if (fd >= 0)
			close(fd);
		return err;
	}
	/* The file belongs to the directory's owner, also if root writes it. */
	if (geteuid() == 0 && stat(dir, &st) == 0 && st.st_uid != 0)
		(void)!fchown(fd, st.st_uid, st.st_gid);
	err = each(arg, write_line, &w);
	if (store_each_partial(err))
		err = 0;
	if (err == 0)
		err = w.err;
	if (err == 0 && (fflush(w.file) != 0 || fsync(fd) != 0))
		err = lmdb_code(errno);
	if (fclose(w.file) != 0 && err == 0)
		err = lmdb_code(errno);
	return err;
}

int
backup_write(const char *dir, size_t octets, backup_each_fn *each, void *arg,
    bool *binding)
{
	char path[PATH_SIZE];
	char new[PATH_SIZE];
	uint64_t room = UINT64_MAX;
	struct statvfs fs;
	int err;

	/* As much again stays free. */
	if (statvfs(dir, &fs) == 0)
		room = (uint64_t)fs.f_bavail * fs.f_frsize / 2;
	*binding = room < octets;
	path_in(dir, BACKUP_NAME, path);
	path_in(dir, BACKUP_NAME ".new", new);
	err = write_new(dir, new, *binding, room, each, arg);
	/* The lines of many small policies take more than the store does. */
	if (err == ERR_FULL && !*binding) {
		*binding = true;
		err = write_new(dir, new, true, room, each, arg);
	}
	if (err == 0 && rename(new, path) != 0)
		err = lmdb_code(errno);
	if (err == 0)
		lmdb_sync_dir(dir);
	else
		(void)unlink(new);
	return err;
}

/* --- reading -------------------------------------------------------------- */

/*
 * The times come from the host that wrote the copy, whose clock may have been
 * ahead.
 */
static int
take_line(const char *line, size_t len, backup_take_fn *take, void *arg,
    size_t *bad)
{
	char error[STORE_JSON_ERROR_SIZE];
	struct record *record;
	int err = store_json_read(line, len, INT64_MAX - STORE_JSON_AHEAD_S,
	    &record, error);

	if (err == ERR_SYNTAX) {
		++*bad;
		return 0;
	}
	if (err == 0)
		err = take(arg, record);
	record_unref(&record);
	return err;
}

int
backup_read(const char *dir, backup_take_fn *take, void *arg, size_t *bad)
{
	char path[PATH_SIZE];
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	FILE *file;
	int err = 0;

	*bad = 0;
	path_in(dir, BACKUP_NAME, path);
	file = fopen(path, "re");
	if (file == NULL)
		return lmdb_code(errno);
	while (err == 0 && (len = getline(&line, &size, file)) >= 0) {
		if (len > 0 && line[len - 1] == '\n')
			len--;
		err = take_line(line, (size_t)len, take, arg, bad);
	}
	if (err == 0 && ferror(file) != 0)
		err = ERR_IO;
	free(line);
	(void)fclose(file);
	return err;
}

/* --- a store from it ------------------------------------------------------ */

#define BATCH 512

struct restore {
	struct lmdb_env env; /* of DIR/restore, where the new file is made */
	struct record *batch[BATCH];
	size_t n_batch;
	size_t n; /* policies written */
};

/* ERR_BUSY: the map grows, and the changes are to be made once more. */
static int
commit_batch(struct restore *r)
{
	MDB_txn *txn;
	int err = ERR_BUSY;

	for (int tries = 0; tries < STORE_WRITE_TRIES && err == ERR_BUSY;
	     tries++) {
		err = lmdb_begin(&r->env, 0, &txn);
		for (size_t i = 0; err == 0 && i < r->n_batch; i++) {
			if (!r->batch[i]->deleted)
				err =
				    lmdb_put(&r->env, txn, &r->batch[i]->entry);
		}
		err = lmdb_end(&r->env, txn, err);
	}
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

/* The directory gets the owner of the store, and so do the files made in it. */
static int
make_workshop(const char *dir, char path[PATH_SIZE],
    char error[STORE_ERROR_SIZE])
{
	struct stat st;

	remove_workshop(dir);
	path_in(dir, "restore", path);
	if (mkdir(path, 0700) != 0)
		return lmdb_failure(path, "cannot make the directory", errno,
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
	int err = lmdb_env_open(&r->env, workshop, &options, error);

	if (err != 0)
		return err;
	err = backup_read(dir, take, r, bad);
	if (err == 0)
		err = commit_batch(r);
	else
		while (r->n_batch > 0)
			record_unref(&r->batch[--r->n_batch]);
	lmdb_env_close(&r->env);
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
			return lmdb_failure(data, "cannot rename", errno,
			    error);
	}
	if (rename(new, data) != 0) {
		int err = lmdb_failure(new, "cannot rename", errno, error);

		if (set_aside)
			(void)rename(old, data);
		return err;
	}
	lmdb_sync_dir(dir);
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
backup_restore(const char *dir, bool set_aside, struct log *log,
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
