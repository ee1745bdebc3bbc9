/*
 * A Redis server that strangers fill: C-16, a policy that binds can always be
 * written and kept.
 */
#include "autoconf.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "redis_server.h"
#include "store_sync.h"

#define STRANGERS 6000 /* of 4 KB: 24 MB */

static struct redis_server server;
static struct store *here;
static struct store *there;

static void
setup(void)
{
	static const char *const args[] = {"--maxmemory", "16mb",
	    "--maxmemory-policy", "noeviction", NULL};

	if (!redis_server_is_installed())
		return;
	redis_server_start(&server, 0, args);
	here = redis_server_open(&server);
	there = redis_server_open(&server);
}

static void
teardown(void)
{
	store_close(&here);
	store_close(&there);
	if (server.dir != NULL)
		redis_server_end(&server);
}

TestSuite(store_redis_room, .init = setup, .fini = teardown, .timeout = 120);

#define NEEDS_SERVER()                                                 \
	do {                                                           \
		if (here == NULL)                                      \
			cr_skip_test("redis-server is not installed"); \
	} while (0)

static struct store_entry
entry_of(const char *word, size_t i, bool binds)
{
	static char domain[64];
	static char body[4097];
	struct store_entry entry;
	int n = snprintf(body, sizeof(body),
	    "version: STSv1\nmode: enforce\nmax_age: 864000\nmx: *.example\n"
	    "%sx-note: ",
	    binds ? "dnssec: yes\n" : "");

	memset(body + n, 'x', sizeof(body) - 1 - (size_t)n);
	(void)snprintf(domain, sizeof(domain), "%s%zu.example", word, i);
	entry = sync_entry(domain, "1", body);
	entry.fetched_s = (int64_t)time(NULL);
	entry.used_s = entry.fetched_s;
	return entry;
}

/* A server on a busy machine may take more than REDIS_WRITE_MS: what it did not
 * take in time is written later. */
static void
note_error(void *arg, int err)
{
	if (err != 0 && err != ERR_DOWN)
		*(int *)arg = err;
}

static int
put_patiently(const struct store_entry *entry)
{
	int err;

	do
		err = sync_put(here, entry);
	while (err == ERR_DOWN);
	return err;
}

static void
flood(void)
{
	struct store_entry entry;
	int err = 0;

	for (size_t i = 0; i + 1 < STRANGERS; i++) {
		const struct timespec nap = {0, 1000000};

		entry = entry_of("stranger", i, false);
		while (store_put(here, &entry, note_error, &err) == ERR_BUSY)
			nanosleep(&nap, NULL);
	}
	entry = entry_of("stranger", STRANGERS - 1, false);
	cr_assert_eq(put_patiently(&entry), 0);
	cr_assert_eq(err, 0, "%s", err_text(err));
}

/* Put by one host, found by the other. */
static void
expect_bound(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct store_entry entry = entry_of("bound", i, true);
		int err = put_patiently(&entry);

		cr_assert_eq(err, 0, "%zu: %s", i, err_text(err));
		do
			err = sync_find(there, entry.domain);
		while (err == ERR_DOWN);
		cr_assert_eq(err, 0, "%zu: %s", i, err_text(err));
	}
	cr_expect_eq(store_status(here).unwritten, 0U);
}

Test(store_redis_room, C_16_strangers_leave_room_for_what_binds)
{
	size_t strangers;

	NEEDS_SERVER();
	flood();
	strangers = store_count(there);
	cr_expect_lt(strangers, 4000U);
	cr_expect_gt(strangers, 1000U);
	expect_bound(100);
	cr_expect_eq(store_count(there), strangers + 100);
}

static long long
used_memory(void)
{
	return redis_server_ask_integer(&server, "EVAL %s 0",
	    "return tonumber(redis.call('INFO', "
	    "'memory'):match('used_memory:(%d+)'))");
}

/* Somebody else's data have filled the rest. */
Test(store_redis_room, C_16_on_a_full_server_strangers_make_room)
{
	NEEDS_SERVER();
	flood();
	redis_server_tell(&server, "CONFIG SET maxmemory 1");
	redis_server_tell(&server, "CONFIG SET maxmemory %lld", used_memory());
	expect_bound(100);
}

static long long
count_marks(void)
{
	return redis_server_ask_integer(&server, "EVAL %s 0",
	    "local n = 0\n"
	    "for _, key in ipairs(redis.call('KEYS', 'dane-sts:1:policy:*')) "
	    "do\n"
	    "  if redis.call('STRLEN', key) == 12 then n = n + 1 end\n"
	    "end\n"
	    "return n");
}

/* As deletions do, for an hour. */
static void
leave_marks(long long n)
{
	redis_server_tell(&server, "EVAL %s 0 %lld",
	    "for i = 1, tonumber(ARGV[1]) do\n"
	    "  redis.call('SET', 'dane-sts:1:policy:gone' .. i .. '.example', "
	    "'GONE' .. struct.pack('<i8', i), 'EX', 3600)\n"
	    "end",
	    n);
}

Test(store_redis_room, C_16_on_a_full_server_marks_of_strangers_make_room)
{
	NEEDS_SERVER();
	leave_marks(20000);
	redis_server_tell(&server, "CONFIG SET maxmemory %lld", used_memory());
	expect_bound(20);
	cr_expect_lt(count_marks(), 20000);
}

/* C-07: what was deleted is not written back by a host that was cut off. */
Test(store_redis_room, C_16_policies_that_do_not_bind_make_room_before_marks)
{
	NEEDS_SERVER();
	leave_marks(100);
	for (size_t i = 0; i < 100; i++) {
		struct store_entry entry = entry_of("other", i, false);

		cr_assert_eq(sync_put(there, &entry), 0);
	}
	redis_server_tell(&server, "CONFIG SET maxmemory %lld", used_memory());
	expect_bound(20);
	cr_expect_eq(count_marks(), 100);
}

/* C-07: a weaker policy for which there is no room does not leave the old one
 * in force. */
Test(store_redis_room, C_07_a_policy_that_is_not_written_still_replaces)
{
	struct store_entry strong = entry_of("changed", 0, true);
	struct store_entry weak;

	NEEDS_SERVER();
	cr_assert_eq(sync_put(here, &strong), 0);
	cr_assert_eq(sync_find(there, strong.domain), 0);
	flood();
	weak = entry_of("changed", 0, false);
	weak.fetched_s++;
	cr_assert_eq(sync_put(here, &weak), 0);
	cr_expect_eq(sync_find(there, weak.domain), ERR_NOTFOUND);
}

/* --- what other hosts have learned ---------------------------------------- */

static struct store_entry
changed_entry(bool binds, int fetched_s)
{
	struct store_entry entry = entry_of("changed", 0, binds);

	entry.fetched_s += fetched_s;
	return entry;
}

/* A host that was slow, or whose clock is behind. */
Test(store_redis_room, C_07_weaker_policy_does_not_delete_one_fetched_later)
{
	struct store_entry entry = changed_entry(true, -60);

	NEEDS_SERVER();
	cr_assert_eq(sync_put(there, &entry), 0);
	flood();
	entry = changed_entry(false, -120);
	cr_assert_eq(sync_put(here, &entry), 0);
	cr_expect_eq(sync_find(there, entry.domain), 0);
	cr_expect_eq(sync_find(here, entry.domain), 0);
}

/* The same of a body that is too large to be kept. */
Test(store_redis_room, C_07_policy_too_large_to_keep_deletes_no_later_one)
{
	static char body[2 * STORE_EXPENDABLE_MAX];
	struct store_entry entry = changed_entry(true, -60);
	size_t n;

	NEEDS_SERVER();
	cr_assert_eq(sync_put(there, &entry), 0);
	n = (size_t)snprintf(body, sizeof(body),
	    "version: STSv1\nmode: enforce\nmax_age: 864000\n");
	while (n < sizeof(body) - 64)
		n += (size_t)snprintf(body + n, sizeof(body) - n,
		    "mx: a%zu.a-long-name-that-takes-much-room.example\n", n);
	entry = sync_entry("changed0.example", "2", body);
	entry.fetched_s = (int64_t)time(NULL) - 120;
	cr_assert_eq(sync_put(here, &entry), 0);
	cr_expect_eq(sync_find(there, entry.domain), 0);
	entry.fetched_s += 120;
	cr_assert_eq(sync_put(here, &entry), 0);
	cr_expect_eq(sync_find(there, entry.domain), ERR_NOTFOUND,
	    "it replaces an older one");
}

/* The policy was fetched while the server took no writes, and waits. */
Test(store_redis_room, C_01_pending_copy_deletes_no_policy_of_another_host)
{
	struct store_entry entry;

	NEEDS_SERVER();
	flood();
	redis_server_tell(&server, "CONFIG SET min-replicas-to-write 1");
	entry = changed_entry(false, -120);
	cr_assert_eq(sync_put(here, &entry), ERR_READONLY);
	redis_server_tell(&server, "CONFIG SET min-replicas-to-write 0");
	entry = changed_entry(true, -60);
	cr_assert_eq(sync_put(there, &entry), 0);
	store_close(&here); /* pushes */
	cr_expect_eq(sync_find(there, entry.domain), 0);
}

/* The refresher and the eviction need the notes. */
Test(store_redis_room, C_16_note_does_not_delete_the_policy_it_marks)
{
	const struct store_mark tried = {.tried_s = 500, .failure = "no"};
	struct store_entry entry = entry_of("noted", 0, false);
	struct got got;

	NEEDS_SERVER();
	cr_assert_eq(sync_put(here, &entry), 0);
	flood();
	cr_assert_eq(sync_mark(here, "noted0.example", &tried), 0);
	sync_get(there, "noted0.example", &got);
	cr_assert_eq(got.err, 0, "%s", err_text(got.err));
	cr_expect_eq(got.tried_s, 500);
	cr_expect_str_eq(got.failure, "no");
}

/* Room is made for it: a refresh that failed would be tried again at once. */
Test(store_redis_room, C_16_note_is_kept_on_a_full_server)
{
	const struct store_mark tried = {.tried_s = 500, .failure = "no"};
	struct store_entry entry;
	struct got got;

	NEEDS_SERVER();
	for (size_t i = 0; i < 200; i++) {
		entry = entry_of("stranger", i, false);
		cr_assert_eq(sync_put(here, &entry), 0);
	}
	entry = entry_of("noted", 0, false);
	entry.used_s += 1000; /* the last to be evicted */
	cr_assert_eq(sync_put(here, &entry), 0);
	redis_server_tell(&server, "CONFIG SET maxmemory %lld",
	    used_memory() - 65536);
	cr_assert_eq(sync_mark(here, "noted0.example", &tried), 0);
	sync_get(there, "noted0.example", &got);
	cr_assert_eq(got.err, 0, "%s", err_text(got.err));
	cr_expect_eq(got.tried_s, 500);
	cr_expect_str_eq(got.failure, "no");
}
