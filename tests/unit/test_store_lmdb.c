/*
 * The store on disk: what it survives, and what it refuses. REQUIREMENTS C-01,
 * C-04, C-05.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lmdb.h>

#include "base/err.h"
#include "store/store.h"
#include "store_sync.h"

/* A store with one entry in it, closed again. */
static void
make_store(const char *dir)
{
	struct store *store = open_lmdb(dir, STORE_READ_WRITE);
	struct store_entry entry = sample_entry();

	cr_assert_eq(sync_put(store, &entry), 0);
	store_close(&store);
}

/* --- restarts ------------------------------------------------------------- */

Test(store_lmdb, C_01_entry_outlives_the_process)
{
	char *dir = scratch_new();
	struct store *store;

	make_store(dir);
	store = open_lmdb(dir, STORE_READ_WRITE);
	expect_sample(store);
	cr_expect_eq(store_count(store), 1);
	store_close(&store);
	scratch_free(&dir);
}

Test(store_lmdb, directory_is_made_and_kept_private)
{
	char *dir = scratch_new();
	char *sub = scratch_path(dir, "sub");
	char *data = scratch_path(sub, "data.mdb");
	struct stat st;

	umask(0);
	make_store(sub);
	cr_assert_eq(stat(sub, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0700);
	cr_assert_eq(stat(data, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0600);
	free(data);
	free(sub);
	scratch_free(&dir);
}

Test(store_lmdb, only_the_last_component_is_made)
{
	char *dir = scratch_new();
	char *deep = scratch_path(dir, "no/such");
	const char *error = refused_lmdb(deep, STORE_READ_WRITE);

	cr_expect_not_null(strstr(error, deep), "%s", error);
	cr_expect_not_null(strstr(error, "make the directory above"));
	free(deep);
	scratch_free(&dir);
}

/* The message names the directory and the user. */
Test(store_lmdb, no_permission_is_explained)
{
	char *dir = scratch_new();
	char *sub = scratch_path(dir, "sub");
	const char *error;

	if (geteuid() != 0)
		cr_skip("needs root to become somebody else");
	cr_assert_eq(seteuid(65534), 0);
	error = refused_lmdb(sub, STORE_READ_WRITE);
	cr_assert_eq(seteuid(0), 0);
	cr_expect_not_null(strstr(error, sub), "%s", error);
	cr_expect_not_null(strstr(error, "user nobody"), "%s", error);
	cr_expect_not_null(strstr(error, "Permission denied"), "%s", error);
	free(sub);
	scratch_free(&dir);
}

/* Root makes what the daemon's user can use. */
Test(store_lmdb, files_belong_to_the_directorys_owner)
{
	char *dir = scratch_new();
	char *data = scratch_path(dir, "data.mdb");
	struct stat st;

	if (geteuid() != 0)
		cr_skip("needs root");
	cr_assert_eq(chown(dir, 65534, 65534), 0);
	make_store(dir);
	cr_assert_eq(stat(data, &st), 0);
	cr_expect_eq(st.st_uid, 65534);
	cr_expect_eq(st.st_gid, 65534);
	free(data);
	scratch_free(&dir);
}

/* --- refused -------------------------------------------------------------- */

struct file {
	size_t len;
	uint8_t *octets;
};

static struct file
read_file(const char *path)
{
	struct file file = {0, NULL};
	struct stat st;
	int fd = open(path, O_RDONLY);

	cr_assert_neq(fd, -1);
	cr_assert_eq(fstat(fd, &st), 0);
	file.len = (size_t)st.st_size;
	file.octets = malloc(file.len + 1);
	cr_assert_eq(read(fd, file.octets, file.len), st.st_size);
	close(fd);
	return file;
}

static void
write_at(const char *path, off_t at, const void *octets, size_t len)
{
	int fd = open(path, O_WRONLY);

	cr_assert_neq(fd, -1);
	cr_assert_eq(pwrite(fd, octets, len, at), (ssize_t)len);
	close(fd);
}

/* Refused for reading and for writing, and not an octet is changed. */
static void
expect_refused(const char *dir, const char *says)
{
	static const enum store_access accesses[] = {STORE_READ_WRITE,
	    STORE_READ_ONLY};
	char *data = scratch_path(dir, "data.mdb");
	struct file before = read_file(data);
	struct file after;
	const char *error;

	for (size_t i = 0; i < 2; i++) {
		error = refused_lmdb(dir, accesses[i]);
		cr_expect_not_null(strstr(error, says), "%s", error);
		cr_expect_not_null(strstr(error, dir), "%s", error);
	}
	after = read_file(data);
	cr_expect_eq(before.len, after.len);
	cr_expect_eq(memcmp(before.octets, after.octets, after.len), 0);
	free(before.octets);
	free(after.octets);
	free(data);
}

static void
fill(uint8_t *octets, size_t len)
{
	for (size_t i = 0; i < len; i++)
		octets[i] = (uint8_t)(i * 197 + 3);
}

/* Parts of the file that LMDB itself checks, and parts that it does not. */
static const struct {
	const char *name;
	off_t at;
	size_t len;
} damages[] = {
    {"all",   0,    65536},
    {"head",  0,    8192 },
    {"pages", 8192, 57344},
};

Test(store_lmdb, damaged_file_is_refused_and_left)
{
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		char *dir = scratch_new();
		char *data = scratch_path(dir, "data.mdb");
		uint8_t garbage[65536];

		make_store(dir);
		fill(garbage, sizeof(garbage));
		write_at(data, damages[i].at, garbage, damages[i].len);
		expect_refused(dir, "restore it from a backup");
		free(data);
		scratch_free(&dir);
	}
}

Test(store_lmdb, shortened_file_is_refused_and_left)
{
	static const off_t sizes[] = {0, 1, 4096, 8192, 12288};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *dir = scratch_new();
		char *data = scratch_path(dir, "data.mdb");

		make_store(dir);
		cr_assert_eq(truncate(data, sizes[i]), 0);
		expect_refused(dir, "restore it from a backup");
		free(data);
		scratch_free(&dir);
	}
}

/* Writes one record into an LMDB file as another program would. */
static void
put_raw(const char *dir, const char *key, const void *value, size_t len)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_val k = {strlen(key), (void *)(uintptr_t)key};
	MDB_val v = {len, (void *)(uintptr_t)value};

	cr_assert_eq(mdb_env_create(&env), 0);
	cr_assert_eq(mdb_env_open(env, dir, 0, 0600), 0);
	cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
	cr_assert_eq(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
	cr_assert_eq(mdb_put(txn, dbi, &k, &v, 0), 0);
	cr_assert_eq(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

/* That it is there still, to the octet. */
static void
expect_raw(const char *dir, const char *key, const void *value, size_t len)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_val k = {strlen(key), (void *)(uintptr_t)key};
	MDB_val v;

	cr_assert_eq(mdb_env_create(&env), 0);
	cr_assert_eq(mdb_env_open(env, dir, MDB_RDONLY, 0600), 0);
	cr_assert_eq(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
	cr_assert_eq(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
	cr_assert_eq(mdb_get(txn, dbi, &k, &v), 0);
	cr_assert_eq(v.mv_size, len);
	cr_expect_eq(memcmp(v.mv_data, value, len), 0);
	mdb_txn_abort(txn);
	mdb_env_close(env);
}

Test(store_lmdb, foreign_file_is_refused_and_left)
{
	char *dir = scratch_new();

	put_raw(dir, "somebody", "else", 4);
	expect_refused(dir, "belongs to another program");
	scratch_free(&dir);
}

Test(store_lmdb, foreign_meta_record_is_refused_and_left)
{
	char *dir = scratch_new();

	put_raw(dir, "!meta", "another program", 15);
	expect_refused(dir, "belongs to another program");
	scratch_free(&dir);
}

Test(store_lmdb, newer_layout_is_refused_and_left)
{
	char *dir = scratch_new();

	make_store(dir);
	put_raw(dir, "!meta", "dane-sts-milter\0\2", 17);
	expect_refused(dir, "newer version");
	scratch_free(&dir);
}

Test(store_lmdb, file_in_the_way_is_refused)
{
	char *dir = scratch_new();
	char *data = scratch_path(dir, "data.mdb");
	const char *error;

	cr_assert_eq(mkdir(data, 0700), 0);
	error = refused_lmdb(dir, STORE_READ_WRITE);
	cr_expect_not_null(strstr(error, "is no file"), "%s", error);
	error = refused_lmdb("/dev/null", STORE_READ_WRITE);
	cr_expect_not_null(strstr(error, "to a directory"), "%s", error);
	free(data);
	scratch_free(&dir);
}

/* --- a damaged record ----------------------------------------------------- */

/* Its domain alone suffers, until a good fetch replaces it. */
Test(store_lmdb, damaged_record_harms_its_domain_alone)
{
	char *dir = scratch_new();
	struct store_entry entry = sync_entry("broken.example", "1", "whole");
	struct store *store;
	char list[64];

	make_store(dir);
	put_raw(dir, "broken.example", "DSTS\1", 6);
	put_raw(dir, "newer.example",
	    "DSTS\2\0                                            ", 50);
	store = open_lmdb(dir, STORE_READ_WRITE);
	cr_expect_eq(sync_find(store, "broken.example"), ERR_CORRUPT);
	cr_expect_eq(sync_find(store, "newer.example"), ERR_VERSION);
	expect_sample(store);
	cr_expect_eq(sync_list(store, list, sizeof(list)), ERR_CORRUPT);
	cr_expect_str_eq(list, "example.org ");
	cr_expect_eq(sync_put(store, &entry), 0);
	cr_expect_eq(sync_find(store, "broken.example"), 0);
	store_close(&store);
	scratch_free(&dir);
}

#define NEWER "DSTS\2\0...........................................", 50

static void
lay_newer(const char *dir)
{
	make_store(dir);
	put_raw(dir, "newer.example", NEWER);
	put_raw(dir, "short.example", "DSTS\2\0", 6);
	put_raw(dir, "!more", "a later version's own", 21);
}

/* A daemon of an earlier version, after one that was newer: it leaves alone
 * what it cannot read until it has fetched the policy itself. */
Test(store_lmdb, C_01_newer_record_is_kept_until_a_good_fetch)
{
	const struct store_mark tried = {.tried_s = 500, .failure = "no"};
	struct store_entry entry = sync_entry("newer.example", "1", "whole");
	char *dir = scratch_new();
	struct store *store;
	struct got got;
	char list[64];

	lay_newer(dir);
	store = open_lmdb(dir, STORE_READ_WRITE);
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(sync_find(store, "newer.example"), ERR_VERSION);
		cr_expect_eq(sync_find(store, "short.example"), ERR_VERSION);
		cr_expect_eq(sync_mark(store, "newer.example", &tried),
		    ERR_VERSION);
		cr_expect_eq(sync_put_later(store, &entry), ERR_VERSION,
		    "nor is what was saved once");
		cr_expect_eq(sync_delete_expired(store, "newer.example",
				 INT64_MAX),
		    ERR_VERSION);
		cr_expect_eq(sync_list(store, list, sizeof(list)), ERR_VERSION);
		cr_expect_str_eq(list, "example.org ");
		expect_sample(store);
	}
	cr_expect_eq(sync_put(store, &entry), 0);
	sync_get(store, "newer.example", &got);
	cr_expect_str_eq(got.id, "1");
	store_close(&store);
	expect_raw(dir, "short.example", "DSTS\2\0", 6);
	scratch_free(&dir);
}

/* --- beside a running daemon ---------------------------------------------- */

/* What dane-sts does: reads the daemon's entries, changes its own view. */
static bool
use_as_tool(const char *dir)
{
	struct store *tool = open_lmdb(dir, STORE_READ_ONLY);
	struct store_entry own = sync_entry("own.example", "9", "");
	char list[64];
	bool good = sync_find(tool, "example.org") == 0 &&
	    sync_put(tool, &own) == 0 && sync_find(tool, "own.example") == 0 &&
	    sync_delete(tool, "example.org") == 0 &&
	    sync_find(tool, "example.org") == ERR_NOTFOUND &&
	    sync_list(tool, list, sizeof(list)) == 0 &&
	    strcmp(list, "b.example own.example ") == 0;

	store_close(&tool);
	return good;
}

/* LMDB: one environment a process. So the tool is a child, which must be made
 * before the daemon has threads, and waits for its start. */
static pid_t
fork_tool(const char *dir, int *start_fd)
{
	int fd[2];
	char go;
	pid_t pid;

	cr_assert_eq(pipe(fd), 0);
	pid = fork();
	cr_assert_neq(pid, -1);
	if (pid == 0) {
		close(fd[1]);
		if (read(fd[0], &go, 1) != 1)
			_exit(2);
		_exit(use_as_tool(dir) ? 0 : 1);
	}
	close(fd[0]);
	*start_fd = fd[1];
	return pid;
}

Test(store_lmdb, reader_sees_the_daemons_changes_and_keeps_its_own)
{
	char *dir = scratch_new();
	int start_fd;
	int status;
	pid_t tool = fork_tool(dir, &start_fd);
	struct store *daemon = open_lmdb(dir, STORE_READ_WRITE);
	struct store_entry entry = sample_entry();

	cr_assert_eq(sync_put(daemon, &entry), 0);
	entry.domain = "b.example";
	cr_assert_eq(sync_put(daemon, &entry), 0);
	cr_assert_eq(write(start_fd, "g", 1), 1);
	cr_assert_eq(waitpid(tool, &status, 0), tool);
	close(start_fd);
	cr_expect_eq(status, 0, "the tool saw something else: %d", status);
	cr_expect_eq(sync_find(daemon, "own.example"), ERR_NOTFOUND);
	expect_sample(daemon);
	store_close(&daemon);
	scratch_free(&dir);
}

Test(store_lmdb, reader_makes_nothing_where_nothing_is)
{
	char *dir = scratch_new();
	char *sub = scratch_path(dir, "sub");
	struct store *store = open_lmdb(sub, STORE_READ_ONLY);

	cr_expect_eq(sync_find(store, "example.org"), ERR_NOTFOUND);
	cr_expect_eq(store_count(store), 0);
	store_close(&store);
	store = open_lmdb(dir, STORE_READ_ONLY);
	store_close(&store);
	cr_expect_eq(access(sub, F_OK), -1);
	cr_expect_eq(rmdir(dir), 0, "something was made in it");
	free(sub);
	free(dir);
}
