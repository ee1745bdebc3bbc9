/* The copy of a store as text. */
#include "autoconf.h"

#include "store/store_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"
#include "store/store_env.h"
#include "store/store_json.h"
#include "store/store_report.h"

#define PATH_SIZE (PATH_MAX + sizeof("/" BACKUP_NAME ".new"))

static void
path_of(const char *dir, const char *suffix, char out[PATH_SIZE])
{
	(void)snprintf(out, PATH_SIZE, "%s/" BACKUP_NAME "%s", dir, suffix);
}

bool
backup_find(const char *dir, int64_t *written_s)
{
	char path[PATH_SIZE];
	struct stat st;

	path_of(dir, "", path);
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	*written_s = (int64_t)st.st_mtime;
	return true;
}

/* --- writing -------------------------------------------------------------- */

struct writing {
	FILE *file;
	int err;
};

static bool
write_line(void *arg, const struct store_entry *entry)
{
	struct writing *w = arg;
	char *line = store_json_write(entry);

	if (line == NULL)
		w->err = ERR_NOMEM;
	else if (fprintf(w->file, "%s\n", line) < 0)
		w->err = report_code(errno);
	free(line);
	return w->err == 0;
}

static bool
has_room(const char *dir, size_t octets)
{
	struct statvfs fs;

	return statvfs(dir, &fs) != 0 ||
	    (uint64_t)fs.f_bavail * fs.f_frsize / 2 >= octets;
}

/* As the directory, also if root writes it. */
static void
give_to_owner(const char *dir, int fd)
{
	struct stat st;

	if (geteuid() == 0 && stat(dir, &st) == 0 && st.st_uid != 0)
		(void)!fchown(fd, st.st_uid, st.st_gid);
}

/* To a file beside the one that it will replace. */
static int
write_new(const char *dir, const char *path, backup_each_fn *each, void *arg)
{
	struct writing w = {.file = NULL};
	int fd = open(path,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err;

	if (fd >= 0)
		w.file = fdopen(fd, "w");
	if (w.file == NULL) {
		err = report_code(errno);
		if (fd >= 0)
			close(fd);
		return err;
	}
	give_to_owner(dir, fd);
	err = each(arg, write_line, &w);
	if (store_each_partial(err))
		err = 0;
	if (err == 0)
		err = w.err;
	if (err == 0 && (fflush(w.file) != 0 || fsync(fd) != 0))
		err = report_code(errno);
	if (fclose(w.file) != 0 && err == 0)
		err = report_code(errno);
	return err;
}

int
backup_write(const char *dir, size_t octets, backup_each_fn *each, void *arg)
{
	char path[PATH_SIZE];
	char new[PATH_SIZE];
	int err;

	if (!has_room(dir, octets))
		return ERR_FULL;
	path_of(dir, "", path);
	path_of(dir, ".new", new);
	err = write_new(dir, new, each, arg);
	if (err == 0 && rename(new, path) != 0)
		err = report_code(errno);
	if (err == 0)
		env_sync_dir(dir);
	else
		(void)unlink(new);
	return err;
}

/* --- reading -------------------------------------------------------------- */

/* Times are those of the host that wrote it, whose clock may have been ahead.
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
	path_of(dir, "", path);
	file = fopen(path, "re");
	if (file == NULL)
		return report_code(errno);
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
