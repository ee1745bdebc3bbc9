/*
 * Hosts with different clocks that share a Redis server: each store handle is a
 * host, and its clock is set before it is called. C-02, C-07, S-06.
 */
#include "autoconf.h"

#include <criterion/criterion.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "log/log.h"
#include "redis_server.h"
#include "store/store_redis.h"
#include "store_sync.h"

#define DAY_S     86400
#define MAX_AGE_S 864000

/* --- the clock ------------------------------------------------------------ */

static _Atomic int64_t skew_s;

time_t __real_time(time_t *out);
time_t __wrap_time(time_t *out);

time_t
__wrap_time(time_t *out)
{
	time_t now = __real_time(NULL) + (time_t)atomic_load(&skew_s);

	if (out != NULL)
		*out = now;
	return now;
}

static int64_t
now_s(void)
{
	return (int64_t)__wrap_time(NULL);
}

/* --- hosts ---------------------------------------------------------------- */

static struct redis_server server;
static struct store *here;
static struct store *there;
static struct log *log_;
static char log_path[256];

static struct store *
open_host(void)
{
	char error[STORE_ERROR_SIZE] = "";
	char spec[4096];
	struct store *store;

	(void)snprintf(spec, sizeof(spec), "redis+unix:%s", server.unix_path);
	store = store_open(&(struct store_options){.spec = spec, .log = log_},
	    error);
	cr_assert_not_null(store, "%s", error);
	return store;
}

static void
setup(void)
{

	if (!redis_server_is_installed())
		return;
	redis_server_start(&server, 0, NULL);
	(void)snprintf(log_path, sizeof(log_path), "%s/log", server.dir);
	log_ = log_to_file(log_path);
	here = open_host();
	there = open_host();
}

static void
teardown(void)
{
	store_close(&here);
	store_close(&there);
	log_close(&log_);
	if (server.dir != NULL)
		redis_server_end(&server);
}

TestSuite(store_redis_clock, .init = setup, .fini = teardown, .timeout = 60);

#define NEEDS_SERVER()                                                 \
	do {                                                           \
		if (here == NULL)                                      \
			cr_skip_test("redis-server is not installed"); \
	} while (0)

/* Fetched so many seconds ago, as the host sees it. */
static int
put(struct store *store, const char *id, int64_t ago_s)
{
	struct store_entry entry = sync_entry("example.org", id,
	    "version: STSv1\nmode: none\nmax_age: 864000\ndnssec: yes\n");

	entry.fetched_s = now_s() - ago_s;
	entry.used_s = entry.fetched_s;
	entry.tried_s = 0;
	return sync_put(store, &entry);
}

static void
expect(struct store *store, const char *id, int64_t ago_s, const char *what)
{
	struct got got;
	int64_t age_s;

	sync_get(store, "example.org", &got);
	cr_assert_eq(got.err, 0, "%s: %s", what, err_text(got.err));
	cr_expect_str_eq(got.id, id, "%s: %s", what, got.id);
	age_s = now_s() - got.fetched_s;
	cr_expect(age_s >= ago_s - 3 && age_s <= ago_s + 3,
	    "%s: fetched %jd s ago, not %jd", what, (intmax_t)age_s,
	    (intmax_t)ago_s);
	cr_expect_eq(got.tried_s, 0);
}

static void
expect_life(int64_t life_s)
{
	long long left_ms = redis_server_ask_integer(&server,
	    "PTTL %sexample.org", REDIS_KEY_PREFIX);

	cr_expect(left_ms <= life_s * 1000 && left_ms >= (life_s - 5) * 1000,
	    "%lld ms, not %jd s", left_ms, (intmax_t)life_s);
}

/* --- a host whose clock is wrong ------------------------------------------ */

static const int64_t skews[] = {DAY_S, -DAY_S, 200, -200, 3, -3, 0};

Test(store_redis_clock, C_02_ages_are_those_of_the_server)
{
	NEEDS_SERVER();
	for (size_t i = 0; i < sizeof(skews) / sizeof(skews[0]); i++) {
		char id[8];

		(void)snprintf(id, sizeof(id), "%zu", i);
		skew_s = skews[i];
		cr_expect_eq(put(here, id, 1000 - (int64_t)i * 10), 0);
		expect(here, id, 1000 - (int64_t)i * 10, "there and back");
		skew_s = 0;
		expect(there, id, 1000 - (int64_t)i * 10, "another host");
		expect_life(MAX_AGE_S - 1000 + (int64_t)i * 10);
	}
}

/* The fetch is the later one, whatever the clock says. */
Test(store_redis_clock, C_07_a_clock_that_is_behind_loses_no_policy)
{
	NEEDS_SERVER();
	cr_expect_eq(put(here, "1", 100), 0);
	skew_s = -DAY_S;
	cr_expect_eq(put(there, "2", 50), 0);
	expect(there, "2", 50, "the host itself");
	skew_s = 0;
	expect(here, "2", 50, "the other one");
	skew_s = DAY_S;
	cr_expect_eq(put(there, "3", 75), 0);
	skew_s = 0;
	expect(here, "2", 50, "one that is older in truth");
}

/* A copy from before the step is neither newer nor older than it was. */
Test(store_redis_clock, S_06_a_clock_that_is_set_changes_no_age)
{
	static const int64_t steps[] = {-100, 100, -DAY_S, DAY_S};

	NEEDS_SERVER();
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		skew_s = 0;
		cr_expect_eq(put(here, "1", 500), 0);
		expect(there, "1", 500, "in the copy");
		cr_expect_eq(put(here, "2", 50), 0);
		skew_s = steps[i];
		expect(there, "2", 50, "after the step");
		expect(here, "2", 50, "the one who fetched it");
		cr_expect_eq(sync_delete(here, "example.org"), 0);
		cr_expect_eq(sync_find(there, "example.org"), ERR_NOTFOUND,
		    "and deleted");
		skew_s = 0;
		redis_server_tell(&server, "DEL %sexample.org",
		    REDIS_KEY_PREFIX);
	}
}

/* What is not on the server yet, and what comes back to it. */
Test(store_redis_clock, S_06_what_waits_keeps_its_age)
{
	const struct timespec nap = {0, 5000000};

	NEEDS_SERVER();
	skew_s = DAY_S;
	cr_expect_eq(put(here, "1", 1000), 0);
	redis_server_kill(&server);
	cr_expect_eq(put(here, "2", 50), ERR_DOWN);
	expect(here, "2", 50, "from the copy");
	redis_server_restart(&server);
	while (store_status(here).unwritten > 0 || store_status(there).unreachable)
		nanosleep(&nap, NULL);
	skew_s = 0;
	expect(there, "2", 50, "written");
	expect_life(MAX_AGE_S - 50);
}

Test(store_redis_clock, a_clock_that_differs_is_told_once)
{
	NEEDS_SERVER();
	store_close(&there); /* it would tell as well */
	skew_s = 3 * DAY_S;
	for (int i = 0; i < 3; i++)
		(void)sync_find(here, "example.org");
	cr_expect_eq(lines_with(log_path, "warning clock "), 1U);
	cr_expect_eq(lines_with(log_path, "ahead of"), 1U);
	skew_s = 5;
	(void)sync_find(here, "example.org");
	cr_expect_eq(lines_with(log_path, "agrees with"), 1U);
	skew_s = -70;
	(void)sync_find(here, "example.org");
	cr_expect_eq(lines_with(log_path, "behind"), 1U);
}
