/*
 * The store on disk: what it survives, and what it refuses. REQUIREMENTS C-01,
 * C-04, C-05.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lmdb.h>

#include "core/err.h"
#include "io/store.h"
#include "store_sync.h"

static const char policy[] = "version: STSv1\nmode: enforce\n"
			     "mx: mx.example.org\nmax_age: 86400\n"
			     "dnssec: yes\n";

static char *
inside(const char *dir, const char *name)
{
	char *path;

	cr_assert(asprintf(&path, "%s/%s", dir, name) > 0);
	return path;
}

/* A store with one entry in it, closed again. */
static void
make_store(const char *dir)
{
	struct store *store = open_lmdb(dir, STORE_READ_WRITE);
	struct store_entry entry = sync_entry("example.org", "1", policy);

	cr_assert_eq(sync_put(store, &entry), 0);
	store_close(&store);
}

static void
expect_entry(struct store *store)
{
	struct got got;

	sync_get(store, "example.org", &got);
	cr_expect_eq(got.err, 0);
	cr_expect_str_eq(got.id, "1");
	cr_assert_eq(got.len, sizeof(policy) - 1);
	cr_expect_arr_eq(got.body, policy, sizeof(policy) - 1);
}

/* --- restarts ------------------------------------------------------------- */

Test(store_lmdb, C_01_entry_outlives_the_process)
{
	char *dir = scratch_new();
	struct store *store;

	make_store(dir);
	store = open_lmdb(dir, STORE_READ_WRITE);
	expect_entry(store);
	cr_expect_eq(store_count(store), 1);
	store_close(&store);
	scratch_free(&dir);
}

Test(store_lmdb, directory_is_made_and_kept_private)
{
	char *dir = scratch_new();
	char *sub = inside(dir, "sub");
	char *data = inside(sub, "data.mdb");
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
	char *deep = inside(dir, "no/such");
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
	char *sub = inside(dir, "sub");
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
	char *data = inside(dir, "data.mdb");
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
	char *data = inside(dir, "data.mdb");
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
		char *data = inside(dir, "data.mdb");
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
		char *data = inside(dir, "data.mdb");

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
	char *data = inside(dir, "data.mdb");
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
	struct store_entry entry = sync_entry("broken.example", "1", policy);
	struct store *store;
	char list[64];

	make_store(dir);
	put_raw(dir, "broken.example", "DSTS\1", 6);
	put_raw(dir, "newer.example",
	    "DSTS\2\0                                            ", 50);
	store = open_lmdb(dir, STORE_READ_WRITE);
	cr_expect_eq(sync_find(store, "broken.example"), ERR_CORRUPT);
	cr_expect_eq(sync_find(store, "newer.example"), ERR_VERSION);
	expect_entry(store);
	cr_expect_eq(sync_list(store, list, sizeof(list)), ERR_CORRUPT);
	cr_expect_str_eq(list, "example.org ");
	cr_expect_eq(sync_put(store, &entry), 0);
	cr_expect_eq(sync_find(store, "broken.example"), 0);
	store_close(&store);
	scratch_free(&dir);
}

/* --- beside a running daemon ---------------------------------------------- */

Test(store_lmdb, reader_sees_the_daemons_changes_and_keeps_its_own)
{
	char *dir = scratch_new();
	struct store *daemon = open_lmdb(dir, STORE_READ_WRITE);
	struct store_entry entry = sync_entry("example.org", "1", policy);
	struct store *tool;
	char *lock = inside(dir, "lock.mdb");
	pid_t pid;
	int status;
	int pipe_fd[2];
	char go;

	/* LMDB: one process, one environment. The tool is a child. */
	cr_assert_eq(pipe(pipe_fd), 0);
	pid = fork();
	cr_assert_neq(pid, -1);
	if (pid == 0) {
		struct store_entry own = sync_entry("own.example", "9", "");
		char list[64];
		bool good;

		close(pipe_fd[1]);
		if (read(pipe_fd[0], &go, 1) != 1)
			_exit(2);
		tool = open_lmdb(dir, STORE_READ_ONLY);
		good = sync_find(tool, "example.org") == 0 &&
		    sync_put(tool, &own) == 0 &&
		    sync_find(tool, "own.example") == 0 &&
		    sync_delete(tool, "example.org") == 0 &&
		    sync_find(tool, "example.org") == ERR_NOTFOUND &&
		    sync_list(tool, list, sizeof(list)) == 0 &&
		    strcmp(list, "b.example own.example ") == 0;
		store_close(&tool);
		_exit(good ? 0 : 1);
	}
	cr_assert_eq(sync_put(daemon, &entry), 0);
	entry.domain = "b.example";
	cr_assert_eq(sync_put(daemon, &entry), 0);
	cr_assert_eq(write(pipe_fd[1], "g", 1), 1);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0, "the tool saw something else: %d", status);
	cr_expect_eq(sync_find(daemon, "own.example"), ERR_NOTFOUND);
	expect_entry(daemon);
	cr_expect_eq(access(lock, F_OK), 0);
	store_close(&daemon);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	free(lock);
	scratch_free(&dir);
}

Test(store_lmdb, reader_makes_nothing_where_nothing_is)
{
	char *dir = scratch_new();
	char *sub = inside(dir, "sub");
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

/* --- size ----------------------------------------------------------------- */

struct tally {
	pthread_mutex_t lock;
	unsigned good;
	unsigned bad;
};

static void
count_done(void *arg, int err)
{
	struct tally *tally = arg;

	pthread_mutex_lock(&tally->lock);
	if (err == 0)
		tally->good++;
	else
		tally->bad++;
	pthread_mutex_unlock(&tally->lock);
}

/* Well beyond the size that the map has at first. */
Test(store_lmdb, map_grows)
{
	static uint8_t body[4 << 20];
	char *dir = scratch_new();
	struct store *store = open_lmdb(dir, STORE_READ_WRITE);
	struct store_entry entry = sync_entry("", "1", "");
	struct tally tally = {.lock = PTHREAD_MUTEX_INITIALIZER};
	char domain[64];

	entry.body = body;
	entry.len = sizeof(body);
	for (unsigned i = 0; i < 40; i++) {
		snprintf(domain, sizeof(domain), "d%u.example", i);
		entry.domain = domain;
		if (i % 8 == 0) /* not more than the queue takes */
			cr_expect_eq(sync_put(store, &entry), 0);
		else
			cr_expect_eq(store_put(store, &entry, count_done,
					 &tally),
			    0);
	}
	store_close(&store);
	cr_expect_eq(tally.good, 35);
	cr_expect_eq(tally.bad, 0);
	store = open_lmdb(dir, STORE_READ_WRITE);
	cr_expect_eq(store_count(store), 40);
	cr_expect_eq(sync_find(store, "d39.example"), 0);
	store_close(&store);
	scratch_free(&dir);
}

/* --- a full disk ---------------------------------------------------------- */

#define TINY "size=1m"

static void
fill_disk(struct store *store)
{
	static uint8_t body[65536];
	struct store_entry entry = sync_entry("", "1", "");
	char domain[64];
	int err = 0;

	entry.body = body;
	entry.len = sizeof(body);
	for (unsigned i = 0; err == 0 && i < 64; i++) {
		snprintf(domain, sizeof(domain), "d%u.example", i);
		entry.domain = domain;
		err = sync_put(store, &entry);
	}
	cr_expect_eq(err, ERR_FULL, "%s", err_text(err));
}

/* Puts on a full disk fail, what was there stays, and when there is space
 * again the store goes on. */
static void
use_tiny_disk(const char *dir)
{
	char *sub = inside(dir, "sub");
	char *ballast = inside(dir, "ballast");
	struct store *store;
	struct store_entry entry = sync_entry("example.org", "1", policy);
	int fd = open(ballast, O_CREAT | O_WRONLY, 0600);

	cr_assert_eq(posix_fallocate(fd, 0, 256 << 10), 0);
	close(fd);
	store = open_lmdb(sub, STORE_READ_WRITE);
	cr_assert_eq(sync_put(store, &entry), 0);
	fill_disk(store);
	expect_entry(store);
	entry.id = "2";
	cr_assert_eq(unlink(ballast), 0);
	expect_entry(store);
	cr_expect_eq(sync_put(store, &entry), 0);
	store_close(&store);
	store = open_lmdb(sub, STORE_READ_WRITE);
	cr_expect_eq(sync_find(store, "example.org"), 0);
	store_close(&store);
	free(ballast);
	free(sub);
}

Test(store_lmdb, C_05_full_disk_leaves_the_old_value)
{
	char *dir = scratch_new();

	if (mount("tmpfs", dir, "tmpfs", 0, TINY) == -1) {
		int why = errno;

		scratch_free(&dir);
		cr_skip("cannot mount a small file system: %s", strerror(why));
	}
	use_tiny_disk(dir);
	cr_expect_eq(umount(dir), 0);
	scratch_free(&dir);
}

/* --- kill -9 -------------------------------------------------------------- */

#define KILL_ROUNDS  60
#define KILL_DOMAINS 16

/* What the child reports once a put's callback said 0. */
struct report {
	uint32_t domain;
	uint32_t number;
};

struct put {
	int fd;
	struct report report;
};

/* The body of number n: its length differs, too. */
static size_t
body_of(uint32_t number, char body[SYNC_BODY_MAX])
{
	size_t len = 64 + number * 37 % 3000;

	for (size_t i = 0; i < len; i++)
		body[i] = (char)('a' + (number + i * 7) % 26);
	return len;
}

static void
report_put(void *arg, int err)
{
	struct put *put = arg;

	if (err != 0)
		_exit(3);
	/* Less than PIPE_BUF: whole or not at all. */
	if (write(put->fd, &put->report, sizeof(put->report)) == -1)
		_exit(4);
	free(put);
}

/* Puts until it is killed. */
static void
put_forever(const char *dir, int fd, uint32_t number)
{
	struct store *store = open_lmdb(dir, STORE_READ_WRITE);
	struct store_entry entry = sync_entry("", "1", "");
	char domain[64];
	char id[16];
	char body[SYNC_BODY_MAX];
	struct put *put;
	int err;

	for (;; number++) {
		put = malloc(sizeof(*put));
		if (put == NULL)
			_exit(5);
		*put = (struct put){
		    fd, {number % KILL_DOMAINS, number}
                };
		snprintf(domain, sizeof(domain), "d%u.example",
		    put->report.domain);
		snprintf(id, sizeof(id), "%u", number);
		entry.domain = domain;
		entry.id = id;
		entry.len = body_of(number, body);
		entry.body = (const uint8_t *)body;
		while ((err = store_put(store, &entry, report_put, put)) ==
		    ERR_BUSY)
			(void)poll(NULL, 0, 1);
		if (err != 0)
			_exit(6);
	}
}

/* The newest number of each domain that was reported. */
struct seen {
	unsigned total;
	uint32_t newest[KILL_DOMAINS];
};

static void
collect(int fd, struct seen *seen, unsigned limit)
{
	struct report report;
	unsigned n = 0;

	while (n < limit &&
	    read(fd, &report, sizeof(report)) == (ssize_t)sizeof(report)) {
		cr_assert_lt(report.domain, KILL_DOMAINS);
		seen->newest[report.domain] = report.number;
		seen->total++;
		n++;
	}
}

/* What was reported is there, or something newer; never less. */
static void
expect_reported(const char *dir, const struct seen *seen)
{
	struct store *store = open_lmdb(dir, STORE_READ_WRITE);
	char domain[64];
	char body[SYNC_BODY_MAX];
	struct got got;
	uint32_t number;
	size_t len;

	for (unsigned i = 0; i < KILL_DOMAINS; i++) {
		if (seen->newest[i] == 0)
			continue;
		snprintf(domain, sizeof(domain), "d%u.example", i);
		sync_get(store, domain, &got);
		cr_assert_eq(got.err, 0, "%s: %s", domain, err_text(got.err));
		number = (uint32_t)strtoul(got.id, NULL, 10);
		cr_expect_geq(number, seen->newest[i]);
		cr_expect_eq(number % KILL_DOMAINS, i);
		len = body_of(number, body);
		cr_assert_eq(got.len, len);
		cr_expect_arr_eq(got.body, body, len);
	}
	store_close(&store);
}

static uint32_t
kill_round(const char *dir, struct seen *seen, uint32_t first, unsigned limit)
{
	int fd[2];
	int status;
	pid_t pid;

	cr_assert_eq(pipe(fd), 0);
	pid = fork();
	cr_assert_neq(pid, -1);
	if (pid == 0) {
		close(fd[0]);
		put_forever(dir, fd[1], first);
	}
	close(fd[1]);
	collect(fd[0], seen, limit);
	cr_assert_eq(kill(pid, SIGKILL), 0);
	collect(fd[0], seen, UINT_MAX);
	close(fd[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	    "the child ended by itself: %d", status);
	return first + 1000000;
}

/* SIGKILL after so many reports, at no particular point of a write. */
Test(store_lmdb, C_01_kill_9_loses_nothing_reported, .timeout = 300)
{
	char *dir = scratch_new();
	struct seen seen = {.total = 0};
	unsigned seed = (unsigned)time(NULL);
	uint32_t number = KILL_DOMAINS;

	for (unsigned round = 0; round < KILL_ROUNDS; round++) {
		unsigned limit = 1 + (unsigned)rand_r(&seed) % 200;

		number = kill_round(dir, &seen, number, limit);
		expect_reported(dir, &seen);
	}
	cr_expect_geq(seen.total, KILL_ROUNDS);
	scratch_free(&dir);
}
