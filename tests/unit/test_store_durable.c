/*
 * What the store on disk holds through kill -9, a full disk and growth.
 * REQUIREMENTS C-01, C-05.
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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "store/store.h"
#include "store_sync.h"

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
Test(store_durable, map_grows)
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
	char *sub = scratch_path(dir, "sub");
	char *ballast = scratch_path(dir, "ballast");
	struct store *store;
	struct store_entry entry = sample_entry();
	int fd = open(ballast, O_CREAT | O_WRONLY, 0600);

	cr_assert_eq(posix_fallocate(fd, 0, 256 << 10), 0);
	close(fd);
	store = open_lmdb(sub, STORE_READ_WRITE);
	cr_assert_eq(sync_put(store, &entry), 0);
	fill_disk(store);
	expect_sample(store);
	entry.id = "2";
	cr_assert_eq(unlink(ballast), 0);
	expect_sample(store);
	cr_expect_eq(sync_put(store, &entry), 0);
	store_close(&store);
	store = open_lmdb(sub, STORE_READ_WRITE);
	cr_expect_eq(sync_find(store, "example.org"), 0);
	store_close(&store);
	free(ballast);
	free(sub);
}

Test(store_durable, C_05_full_disk_leaves_the_old_value)
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
Test(store_durable, C_01_kill_9_loses_nothing_reported, .timeout = 300)
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
