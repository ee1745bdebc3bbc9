/*
 * The policy store on a Redis server that loses policies or refuses to do its
 * part: the host tells it, and puts back what it has. REQUIREMENTS C-01, C-11,
 * C-16.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "redis_host.h"
#include "store/store_redis.h"
#include "store_sync.h"

/* Most of the time these tests wait for a host to look at its server, which it
 * does every five seconds: more of them at once take less. */
static void __attribute__((constructor)) run_more_at_once(void)
{
	(void)setenv("CRITERION_JOBS", "6", 0);
}

TestSuite(store_redis_lost, .timeout = 120, .init = redis_host_setup,
    .fini = redis_host_teardown);

/* --- what the server loses ------------------------------------------------ */

static long long
count_looks(void)
{
	return redis_server_ask_integer(&server, "EVAL %s 0",
	    "return tonumber(redis.call('INFO', 'commandstats'):match("
	    "'cmdstat_info:calls=(%d+)') or '0')");
}

/* The host has seen what is there now. Each look is two INFO, our own question
 * another one. */
static void
await_look(void)
{
	const struct timespec nap = {0, 5000000};
	long long first = count_looks();
	long long asked = 1;

	for (; count_looks() < first + asked + 4; asked++)
		nanosleep(&nap, NULL);
}

static bool
is_put_back(void)
{
	return lines_with(log_path, "state=put-back") > 0;
}

/* Nobody asks for it, and a host without a copy would let it pass. */
Test(store_redis_lost, C_01_emptied_server_is_told_and_gets_all_back)
{
	char domain[32];

	NEEDS_SERVER();
	for (int i = 0; i < 200; i++) {
		struct store_entry entry;

		snprintf(domain, sizeof(domain), "d%d.example", i);
		entry = entry_of(domain, "1", 0);
		cr_assert_eq(sync_put(here, &entry), 0);
	}
	await_look();
	redis_server_tell(&server, "FLUSHALL");
	await(is_put_back);
	cr_expect_eq(lines_with(log_path, "state=lost"), 1);
	cr_expect_eq(lines_with(log_path, "it was emptied"), 1);
	cr_expect_eq(lines_with(log_path, "policies=200"), 1);
	store_close(&here);
	here = redis_server_open(&server);
	for (int i = 0; i < 200; i++) {
		snprintf(domain, sizeof(domain), "d%d.example", i);
		cr_expect_eq(sync_find(here, domain), 0, "%s", domain);
	}
}

/* A replica took over that did not have all. */
Test(store_redis_lost, C_01_old_data_are_told_and_brought_up_to_date)
{
	struct store_entry old = entry_of("example.org", "1", 0);
	struct store_entry new = entry_of("example.net", "1", 0);

	NEEDS_SERVER();
	cr_assert_eq(sync_put(here, &old), 0);
	cr_assert_eq(sync_put(here, &new), 0);
	await_look();
	redis_server_tell(&server, "DEL %sexample.net", REDIS_KEY_PREFIX);
	redis_server_tell(&server, "SET dane-sts:1:changes 1");
	await(is_put_back);
	cr_expect_eq(lines_with(log_path, "state=lost"), 1);
	cr_expect_eq(lines_with(log_path, "old data"), 1);
	store_close(&here);
	here = redis_server_open(&server);
	cr_expect_eq(sync_find(here, "example.net"), 0);
}

static bool
is_there(const char *domain)
{
	return redis_server_ask_integer(&server, "EXISTS %s%s",
		   REDIS_KEY_PREFIX, domain) == 1;
}

static bool
has_second_again(void)
{
	return is_there("b.example");
}

/* Other hosts have made as many changes since, so that their number does not
 * tell. They make them at another socket, before this host can look. */
Test(store_redis_lost, C_01_server_started_anew_gets_all_that_it_may_lack,
    .timeout = 60)
{
	struct store_entry saved = entry_of("a.example", "1", 0);
	struct store_entry lost = entry_of("b.example", "1", 0);
	char *path = server.unix_path;

	NEEDS_SERVER();
	cr_assert_eq(sync_put(here, &saved), 0);
	await_look();
	redis_server_tell(&server, "SAVE");
	cr_assert_eq(sync_put(here, &lost), 0);
	await_look();
	redis_server_kill(&server);
	server.unix_path = scratch_path(server.dir, "elsewhere");
	redis_server_restart(&server);
	cr_expect(is_there("a.example"));
	cr_expect_not(is_there("b.example"));
	redis_server_tell(&server, "INCRBY %s 10", REDIS_CHANGES_KEY);
	cr_assert_eq(rename(server.unix_path, path), 0);
	free(server.unix_path);
	server.unix_path = path;
	await(has_second_again);
	cr_expect_eq(lines_with(log_path, "state=lost"), 0);
}

/* The server takes no writes: a replica is missing. */
static void
refuse_writes(bool refuse)
{
	redis_server_tell(&server, "CONFIG SET min-replicas-to-write %d",
	    refuse);
}

Test(store_redis_lost, C_01_all_is_put_back_once_the_server_takes_writes,
    .timeout = 120)
{
	static const char *const domains[] = {"a.example", "b.example",
	    "c.example"};
	struct store_entry entry;

	NEEDS_SERVER();
	for (size_t i = 0; i < 3; i++) {
		entry = entry_of(domains[i], "1", 0);
		cr_assert_eq(sync_put(here, &entry), 0);
	}
	await_look();
	redis_server_tell(&server, "FLUSHALL");
	refuse_writes(true);
	await_look();
	await_look();
	cr_expect_eq(lines_with(log_path, "state=put-back"), 0);
	refuse_writes(false);
	await(is_put_back);
	cr_expect_eq(lines_with(log_path, "policies=3"), 1);
	store_close(&here);
	here = redis_server_open(&server);
	for (size_t i = 0; i < 3; i++)
		cr_expect_eq(sync_find(here, domains[i]), 0, "%s", domains[i]);
}

/* One that is never written hides no failure of the others. */
Test(store_redis_lost, C_01_the_rest_is_put_back_beside_a_newer_record,
    .timeout = 120)
{
	struct store_entry newer = entry_of("a.example", "1", 0);
	struct store_entry lost = entry_of("b.example", "1", 0);

	NEEDS_SERVER();
	cr_assert_eq(sync_put(here, &newer), 0);
	cr_assert_eq(sync_put(here, &lost), 0);
	await_look();
	redis_server_tell(&server, "SETRANGE %sa.example 4 %b",
	    REDIS_KEY_PREFIX, "\x02", (size_t)1);
	redis_server_tell(&server, "DEL %sb.example", REDIS_KEY_PREFIX);
	redis_server_tell(&server, "SET dane-sts:1:changes 0");
	refuse_writes(true);
	await_look();
	await_look();
	refuse_writes(false);
	await(is_put_back);
	store_close(&here);
	here = redis_server_open(&server);
	cr_expect_eq(sync_find(here, "b.example"), 0);
	cr_expect_eq(sync_find(here, "a.example"), ERR_VERSION);
}

/* C-16: three quarters of its memory are in use. */
static void
crowd_server(void)
{
	redis_server_tell(&server, "SETRANGE filler 8388608 x");
	redis_server_tell(&server, "CONFIG SET maxmemory %lld",
	    redis_server_ask_integer(&server, "EVAL %s 0",
		"return math.floor(1.2 * tonumber(redis.call('INFO', "
		"'memory'):match('used_memory:(%d+)')))"));
}

/* A domain that has begun to require DNSSEC since this host has asked. */
Test(store_redis_lost, C_01_copy_put_back_deletes_no_policy_of_another_host)
{
	struct store_entry weak = sync_entry("example.org", "1",
	    "version: STSv1\nmode: enforce\nmx: mx.example.org\n"
	    "max_age: 86400\n");
	struct store_entry strong = entry_of("example.org", "2", 10);
	struct store *there;

	NEEDS_SERVER();
	cr_assert_eq(sync_put(here, &weak), 0);
	there = redis_server_open(&server);
	cr_assert_eq(sync_put(there, &strong), 0);
	/* It would put its policy back as well, and perhaps first. */
	store_close(&there);
	crowd_server();
	await_look();
	redis_server_tell(&server, "SET dane-sts:1:changes 0");
	await(is_put_back);
	there = redis_server_open(&server);
	expect_id_in(there, "example.org", "2", "there");
	expect_id("example.org", "2", "here");
	store_close(&there);
}

static bool
is_warned(void)
{
	return lines_with(log_path, "set noeviction") > 0;
}

Test(store_redis_lost, C_01_server_that_would_drop_policies_is_warned_of)
{
	NEEDS_SERVER();
	redis_server_tell(&server, "CONFIG SET maxmemory 100mb");
	redis_server_tell(&server, "CONFIG SET maxmemory-policy allkeys-lru");
	await(is_warned);
	await_look();
	cr_expect_eq(lines_with(log_path, "set noeviction"), 1);
}

static bool
is_told_to_be_unbounded(void)
{
	return lines_with(log_path, "has no maxmemory") > 0;
}

Test(store_redis_lost, C_16_server_without_a_limit_is_warned_of)
{
	NEEDS_SERVER();
	await_look();
	cr_expect_eq(lines_with(log_path, ""), 0);
	redis_server_tell(&server, "CONFIG SET maxmemory 0");
	await(is_told_to_be_unbounded);
	await_look();
	cr_expect_eq(lines_with(log_path, "has no maxmemory"), 1);
	cr_expect_eq(lines_with(log_path, "set noeviction"), 0);
}

static bool
is_lost(void)
{
	return lines_with(log_path, "state=lost") > 0;
}

Test(store_redis_lost, C_01_keys_that_a_full_server_drops_are_told)
{
	struct store_entry entry = entry_of("example.org", "1", 0);

	NEEDS_SERVER();
	cr_assert_eq(sync_put(here, &entry), 0);
	await_look();
	redis_server_tell(&server, "CONFIG SET maxmemory-policy allkeys-lru");
	redis_server_tell(&server, "CONFIG SET maxmemory 1");
	redis_server_tell(&server, "CONFIG SET maxmemory 0");
	await(is_lost);
	cr_expect_eq(lines_with(log_path, "drops keys") +
		lines_with(log_path, "was emptied"),
	    1);
}

/* --- rights --------------------------------------------------------------- */

/* Refreshes of what the list lacks would stop, and an export be a part. */
Test(store_redis_lost, C_11_list_that_the_server_refuses_is_an_error)
{
	struct store_entry mine = entry_of("example.org", "1", 0);
	struct store_entry theirs = entry_of("example.net", "1", 0);
	struct store *there;
	char list[64];

	NEEDS_SERVER();
	cr_assert_eq(sync_put(here, &mine), 0);
	there = redis_server_open(&server);
	cr_assert_eq(sync_put(there, &theirs), 0);
	store_close(&there);
	redis_server_tell(&server, "ACL SETUSER default -scan");
	cr_expect_eq(sync_list(here, list, sizeof(list)), ERR_CONFIG);
	cr_expect_str_eq(list, "example.org ", "what is here is refreshed");
	redis_server_tell(&server, "ACL SETUSER default +scan");
	cr_expect_eq(sync_list(here, list, sizeof(list)), 0);
	cr_expect_str_eq(list, "example.net example.org ");
}

static bool
news_are_refused(void)
{
	return lines_with(log_path, "warning store state=no-news") > 0;
}

static bool
news_come_again(void)
{
	return lines_with(log_path, "warning store state=news") > 0;
}

/* A user with the rights that earlier versions asked for goes on as before. */
Test(store_redis_lost, server_without_the_right_to_subscribe_is_told_once)
{
	struct store_entry entry = entry_of("example.org", "1", 0);

	NEEDS_SERVER();
	redis_server_tell(&server, "ACL SETUSER default -subscribe -publish");
	redis_server_tell(&server, "CLIENT KILL TYPE pubsub");
	await(news_are_refused);
	cr_expect_eq(sync_put(here, &entry), 0);
	expect_id("example.org", "1", "written");
	cr_expect_eq(lines_with(log_path, "A STORE FOR MANY HOSTS"), 1);
	redis_server_tell(&server, "ACL SETUSER default +subscribe +publish");
	redis_server_tell(&server, "CLIENT KILL TYPE normal");
	await(news_come_again);
	cr_expect_eq(lines_with(log_path, "state=no-news"), 1);
}
