/*
 * The copy of the store as text: when it is written, and how a store is built
 * from it. REQUIREMENTS C-17.
 */
#include "autoconf.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/log.h"
#include "store/store.h"
#include "store/store_lmdb.h"
#include "store_sync.h"

#define TEXT_MAX 65536

/* --- renaming ------------------------------------------------------------- */

static const char *cannot_rename; /* NULL: every file can be renamed */

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

int
__wrap_rename(const char *from, const char *to)
{
	if (cannot_rename != NULL && strcmp(from, cannot_rename) == 0) {
		errno = EIO;
		return -1;
	}
	return __real_rename(from, to);
}

/* --- a store and its copy ------------------------------------------------- */

static char *dir;
static char *data;
static char *copy;
static char *log_path;
static char text[TEXT_MAX];

static void
set_up(void)
{
	dir = scratch_new();
	data = scratch_path(dir, "data.mdb");
	copy = scratch_path(dir, BACKUP_NAME);
	log_path = scratch_path(dir, "log");
}

static void
tear_down(void)
{
	free(data);
	free(copy);
	free(log_path);
	scratch_free(&dir);
}

TestSuite(store_backup, .init = set_up, .fini = tear_down);

/* The octets of a file; static. "" if it is not there. */
static const char *
read_text(const char *path)
{
	FILE *file = fopen(path, "re");
	size_t n = 0;

	if (file != NULL) {
		n = fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
	}
	text[n] = '\0';
	return text;
}

static void
write_text(const char *path, const char *mode, const char *octets)
{
	FILE *file = fopen(path, mode);

	cr_assert_not_null(file);
	fputs(octets, file);
	cr_assert_eq(fclose(file), 0);
}

static size_t
count_lines(const char *path)
{
	size_t n = 0;

	for (const char *at = read_text(path); *at != '\0'; at++)
		n += *at == '\n';
	return n;
}

/* Two policies, closed cleanly. */
static void
make_store(void)
{
	struct store *store = open_lmdb(dir, STORE_READ_WRITE);
	struct store_entry entry = sample_entry();
	struct store_entry other = sync_entry("example.net", "2",
	    "version: STSv1\nmode: none\nmax_age: 86400\n");

	cr_assert_eq(sync_put(store, &entry), 0);
	cr_assert_eq(sync_put(store, &other), 0);
	store_close(&store);
}

static void
expect_both(enum store_access access)
{
	struct store *store = open_lmdb(dir, access);
	char domains[256];

	expect_sample(store);
	cr_expect_eq(sync_list(store, domains, sizeof(domains)), 0);
	cr_expect_str_eq(domains, "example.net example.org ");
	cr_expect_eq(store_count(store), 2U);
	store_close(&store);
}

static void
write_at(off_t at, const void *octets, size_t len)
{
	int fd = open(data, O_WRONLY);

	cr_assert_neq(fd, -1);
	cr_assert_eq(pwrite(fd, octets, len, at), (ssize_t)len);
	close(fd);
}

/* --- writing -------------------------------------------------------------- */

Test(store_backup, C_17_it_is_written_at_a_clean_stop)
{
	struct stat status;

	make_store();
	cr_expect_eq(count_lines(copy), 2U);
	cr_expect_not_null(strstr(text, "\"domain\":\"example.net\""));
	cr_expect_not_null(strstr(text, "\"domain\":\"example.org\""));
	cr_assert_eq(stat(copy, &status), 0);
	cr_expect_eq(status.st_mode & 07777, 0600);
}

static void
make_older(int64_t seconds)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};
	int64_t written_s;

	cr_assert(backup_find(dir, &written_s));
	times[1].tv_sec = (time_t)(written_s - seconds);
	cr_assert_eq(utimensat(AT_FDCWD, copy, times, 0), 0);
}

Test(store_backup, C_17_it_is_written_daily)
{
	struct store *store = open_lmdb(dir, STORE_READ_WRITE);
	struct store_entry entry = sample_entry();
	struct store_entry other = sync_entry("example.net", "2",
	    "version: STSv1\nmode: none\nmax_age: 86400\n");

	cr_assert_eq(sync_put(store, &entry), 0);
	cr_expect_eq(store_backup(store), 0);
	cr_expect_eq(count_lines(copy), 1U);
	cr_assert_eq(sync_put(store, &other), 0);
	make_older(BACKUP_EVERY_S - 60);
	cr_expect_eq(store_backup(store), 0);
	cr_expect_eq(count_lines(copy), 1U, "too early");
	make_older(60);
	cr_expect_eq(store_backup(store), 0);
	cr_expect_eq(count_lines(copy), 2U);
	store_close(&store);
}

/* A file that may not grow stands in for a full disk. */
Test(store_backup, C_17_one_that_cannot_be_written_leaves_the_old_one)
{
	const struct rlimit none = {100, RLIM_INFINITY};
	const struct rlimit any = {RLIM_INFINITY, RLIM_INFINITY};
	struct store *store;

	make_store();
	store = open_lmdb(dir, STORE_READ_WRITE);
	make_older(BACKUP_EVERY_S);
	(void)signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	cr_expect_lt(store_backup(store), 0);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &any), 0);
	cr_expect_eq(count_lines(copy), 2U);
	store_close(&store);
	expect_both(STORE_READ_WRITE);
}

/* --- reading back --------------------------------------------------------- */

/* As LMDB 1.0 sees a file of 0.9: the version of the format is another, or the
 * head stands elsewhere. In both of the file's meta pages. */
static void
make_version_differ(void)
{
	const uint32_t version = 2;

	write_at(20, &version, sizeof(version));
	write_at(4096 + 20, &version, sizeof(version));
}

static void
make_layout_differ(void)
{
	uint8_t head[256] = {0};
	int fd = open(data, O_RDONLY);

	cr_assert_eq(pread(fd, head + 8, sizeof(head) - 8, 0),
	    (ssize_t)sizeof(head) - 8);
	close(fd);
	write_at(0, head, sizeof(head));
	write_at(4096, head, sizeof(head));
}

static void (*const formats[])(
    void) = {make_version_differ, make_layout_differ};

static void
run_restore(void)
{
	struct log_config config = {.level = LOG_LEVEL_INFO};
	char target[4096];
	char spec[4096];
	char error[STORE_ERROR_SIZE] = "";
	struct store_options options = {.spec = spec};
	struct store *store;

	(void)snprintf(target, sizeof(target), "file:%s", log_path);
	(void)snprintf(spec, sizeof(spec), "lmdb:%s", dir);
	config.target = target;
	options.log = log_open(&config, "test", error);
	cr_assert_not_null(options.log, "%s", error);
	store = store_open(&options, error);
	cr_assert_not_null(store, "%s", error);
	store_close(&store);
	log_close(&options.log);
}

Test(store_backup, C_17_another_format_is_read_back_from_it)
{
	for (size_t i = 0; i < 2; i++) {
		make_store();
		formats[i]();
		run_restore();
		(void)read_text(log_path);
		cr_expect_not_null(strstr(text,
				       " warning store state=restored "),
		    "%s", text);
		cr_expect_not_null(strstr(text, " policies=2 left_out=0 "),
		    "%s", text);
		cr_expect_not_null(strstr(text, "data.mdb.other-format-"), "%s",
		    text);
		expect_both(STORE_READ_WRITE);
		cr_assert_eq(unlink(log_path), 0);
	}
}

/* Named in the log: the operator may still have the program for it. */
Test(store_backup, C_17_the_old_file_is_kept)
{
	char *at;
	struct stat before, after;

	make_store();
	make_version_differ();
	cr_assert_eq(stat(data, &before), 0);
	run_restore();
	(void)read_text(log_path); /* into text */
	at = strstr(text, "old=");
	cr_assert_not_null(at, "%s", text);
	at += strlen("old=");
	at[strcspn(at, " \n")] = '\0';
	cr_assert_eq(stat(at, &after), 0, "%s", at);
	cr_expect_eq(after.st_ino, before.st_ino);
}

Test(store_backup, C_17_a_failed_restore_leaves_the_old_file_in_place)
{
	char *restored = scratch_path(dir, "restore/data.mdb");
	struct stat before, after;

	make_store();
	make_version_differ();
	cr_assert_eq(stat(data, &before), 0);
	cannot_rename = restored;
	cr_expect_not_null(
	    strstr(refused_lmdb(dir, STORE_READ_WRITE), "restore/data.mdb"));
	cr_assert_eq(stat(data, &after), 0);
	cr_expect_eq(after.st_ino, before.st_ino);
	cannot_rename = NULL;
	expect_both(STORE_READ_WRITE);
	free(restored);
}

/* dane-sts without the daemon. Nothing is changed. */
Test(store_backup, C_17_another_format_can_be_read)
{
	struct stat before, after;

	make_store();
	make_layout_differ();
	cr_assert_eq(stat(data, &before), 0);
	expect_both(STORE_READ_ONLY);
	cr_assert_eq(stat(data, &after), 0);
	cr_expect_eq(after.st_ino, before.st_ino);
	cr_expect_eq(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}

Test(store_backup, C_17_a_store_that_is_missing_is_read_back)
{
	char *lock = scratch_path(dir, "lock.mdb");

	make_store();
	cr_assert_eq(unlink(data), 0);
	cr_assert_eq(unlink(lock), 0);
	expect_both(STORE_READ_ONLY);
	cr_expect_lt(access(data, F_OK), 0);
	expect_both(STORE_READ_WRITE);
	free(lock);
}

/* What a crash during an earlier try has left is in nobody's way. */
Test(store_backup, C_17_an_earlier_try_is_cleared_away)
{
	char *workshop = scratch_path(dir, "restore");
	char *half = scratch_path(dir, "restore/data.mdb");

	make_store();
	make_version_differ();
	cr_assert_eq(mkdir(workshop, 0700), 0);
	write_text(half, "we", "half a file");
	expect_both(STORE_READ_WRITE);
	cr_expect_lt(access(workshop, F_OK), 0);
	free(half);
	free(workshop);
}

Test(store_backup, C_17_a_line_that_is_none_costs_no_other)
{
	make_store();
	write_text(copy, "ae", "{\"domain\":\"torn.example\",\"id\n");
	make_version_differ();
	run_restore();
	cr_expect_not_null(strstr(read_text(log_path),
			       " policies=2 left_out=1 "),
	    "%s", text);
	expect_both(STORE_READ_WRITE);
}

/* --- words ---------------------------------------------------------------- */

/* None may advise to begin with an empty store. */
static void
expect_advice(const char *wanted)
{
	static const enum store_access accesses[] = {STORE_READ_WRITE,
	    STORE_READ_ONLY};

	for (size_t i = 0; i < 2; i++) {
		const char *error = refused_lmdb(dir, accesses[i]);

		cr_expect_not_null(strstr(error, wanted), "%s", error);
		cr_expect_not_null(strstr(error, BACKUP_NAME), "%s", error);
		cr_expect_null(strstr(error, "empty store"), "%s", error);
		cr_expect_null(strstr(error, "anew"), "%s", error);
	}
}

Test(store_backup, C_17_another_format_without_it_is_refused)
{
	make_store();
	make_version_differ();
	cr_assert_eq(unlink(copy), 0);
	expect_advice("in a format that this version of LMDB");
	cr_expect_eq(access(data, F_OK), 0);
}

/* Damage is never mended in silence. */
Test(store_backup, C_17_damage_is_refused_with_good_advice)
{
	uint8_t garbage[8192];

	make_store();
	memset(garbage, 0x5a, sizeof(garbage));
	write_at(0, garbage, sizeof(garbage));
	expect_advice("or move it away, and the next start reads the policies");
	cr_assert_eq(unlink(copy), 0);
	expect_advice("restore it, or policies.jsonl beside it, from a backup");
}
