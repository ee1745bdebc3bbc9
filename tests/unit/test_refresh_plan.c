/* engine/refresh.h: C-11, C-12. */
#include "autoconf.h"

#include <criterion/criterion.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "config/config.h"
#include "engine/ask.h"
#include "engine/refresh.h"
#include "store/store.h"
#include "store_sync.h"

#define NOW     1000000
#define DAY     86400
#define RETRY   3600
#define MAX_AGE (7 * DAY)

static struct refresh_plan
plan(void)
{
	struct refresh_plan p;

	cr_assert_eq(refresh_plan_init(&p, NOW, DAY, RETRY), 0);
	return p;
}

static struct refresh_entry
entry(const char *domain, int64_t age_s, int64_t unused_s)
{
	return (struct refresh_entry){
	    .domain = domain,
	    .fetched_s = NOW - age_s,
	    .tried_s = NOW - age_s,
	    .used_s = NOW - unused_s,
	    .max_age_s = MAX_AGE,
	};
}

Test(refresh_plan, C_11_due_after_about_the_interval)
{
	struct refresh_plan p = plan();
	struct refresh_entry e;

	e = entry("young.example", DAY * 3 / 4 - 1, 0);
	refresh_plan_add(&p, &e);
	cr_expect_eq(p.n, 0);
	cr_expect_geq(p.next_s, NOW + 1);
	cr_expect_leq(p.next_s, NOW + 1 + DAY / 2);
	e = entry("old.example", DAY * 5 / 4, 0);
	refresh_plan_add(&p, &e);
	cr_expect_eq(p.n, 1);
	cr_expect_str_eq(p.items[0].domain, "old.example");
	refresh_plan_free(&p);
}

/* Short-lived policies are refreshed well before they end. */
Test(refresh_plan, C_11_short_life_is_refreshed_sooner)
{
	struct refresh_plan p = plan();
	struct refresh_entry e = entry("short.example", 300, 0);

	e.max_age_s = 600;
	refresh_plan_add(&p, &e);
	cr_expect_eq(p.n, 1);
	refresh_plan_free(&p);
}

/* What is stored right after a look is seen before it is over; a look that
 * takes long is not taken all the time. */
Test(refresh_plan, C_11_looks_are_close_enough_for_short_lives)
{
	struct refresh_plan p = plan();
	struct refresh_entry e = entry("week.example", 0, 0);

	cr_expect_leq(refresh_plan_pause_s(&p, 10), 60, "an empty store");
	refresh_plan_add(&p, &e);
	cr_expect_leq(refresh_plan_pause_s(&p, 10), 60);
	cr_expect_geq(refresh_plan_pause_s(&p, 10), 30);
	cr_expect_geq(refresh_plan_pause_s(&p, 4000), 200);
	e = entry("short.example", 0, 0);
	e.max_age_s = 120;
	refresh_plan_add(&p, &e);
	cr_expect_leq(refresh_plan_pause_s(&p, 10), 50);
	p.more = true;
	cr_expect_eq(refresh_plan_pause_s(&p, 10), 1);
	refresh_plan_free(&p);
}

Test(refresh_plan, C_12_short_life_is_tried_again_before_it_ends)
{
	struct refresh_plan p = plan();
	struct refresh_entry e = entry("short.example", 300, 0);

	p.retry_min_s = 60;
	e.max_age_s = 600;
	e.failed = true;
	e.tried_s = NOW - 74;
	refresh_plan_add(&p, &e);
	cr_expect_eq(p.n, 0);
	e.tried_s = NOW - 75;
	refresh_plan_add(&p, &e);
	cr_expect_eq(p.n, 1);
	e.tried_s = NOW - 90;
	p.retry_min_s = 100; /* F-12 */
	refresh_plan_add(&p, &e);
	cr_expect_eq(p.n, 1);
	refresh_plan_free(&p);
}

Test(refresh_plan, moments_are_spread_over_the_interval)
{
	struct refresh_plan p = plan();
	char domain[32];

	/* All fetched at the same moment, one interval ago. */
	for (unsigned i = 0; i < 2000; i++) {
		struct refresh_entry e;

		(void)snprintf(domain, sizeof(domain), "d%u.example", i);
		e = entry(domain, DAY, 0);
		refresh_plan_add(&p, &e);
	}
	cr_expect_gt(p.n, 800);
	cr_expect_lt(p.n, 1200);
	refresh_plan_free(&p);
}

Test(refresh_plan, F_12_failed_one_waits)
{
	struct refresh_plan p = plan();
	struct refresh_entry e = entry("down.example", 2 * DAY, 0);

	e.failed = true;
	e.tried_s = NOW - RETRY + 1;
	refresh_plan_add(&p, &e);
	cr_expect_eq(p.n, 0);
	cr_expect_eq(p.next_s, NOW + 1);
	e.tried_s = NOW - RETRY;
	refresh_plan_add(&p, &e);
	cr_expect_eq(p.n, 1);
	refresh_plan_free(&p);
}

Test(refresh_plan, C_02_expired_ones_are_removed)
{
	struct refresh_plan p = plan();
	struct refresh_entry e = entry("over.example", MAX_AGE + 1, 0);

	refresh_plan_add(&p, &e);
	cr_expect_eq(p.n, 0);
	cr_assert_eq(p.n_expired, 1);
	cr_expect_str_eq(p.expired[0].domain, "over.example");
	cr_expect_eq(p.expired[0].fetched_s, e.fetched_s);
	e = entry("last.example", MAX_AGE, 0);
	refresh_plan_add(&p, &e);
	cr_expect_eq(p.n_expired, 1, "it lives to the last second");
	p.keeps_expired = true;
	e = entry("kept.example", MAX_AGE + 1, 0);
	refresh_plan_add(&p, &e);
	cr_expect_eq(p.n_expired, 1);
	cr_expect_eq(p.n, 1, "and it is not refreshed either");
	refresh_plan_free(&p);
}

/* --- what is seen in the store ------------------------------------------ */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
static bool no_memory;

void *
__wrap_malloc(size_t size)
{
	return no_memory ? NULL : __real_malloc(size);
}

static struct store_entry
stored(const char *body)
{
	return (struct store_entry){
	    .domain = "bound.example",
	    .id = "1",
	    .fetched_s = NOW - DAY / 4,
	    .failure = "",
	    .used_s = NOW,
	    .body = (const uint8_t *)body,
	    .len = strlen(body),
	};
}

#define BODY                                                    \
	"version: STSv1\nmode: enforce\nmx: mx.bound.example\n" \
	"max_age: 604800\ndnssec: yes\n"

Test(refresh_plan, D_20_no_memory_removes_no_policy)
{
	struct refresh_plan p = plan();
	struct store_entry e = stored(BODY);

	no_memory = true;
	refresh_plan_see(&p, &e);
	no_memory = false;
	cr_expect_eq(p.n_expired, 0);
	cr_expect_eq(p.n, 0);
	cr_expect(p.more, "it is looked at again");
	refresh_plan_see(&p, &e);
	cr_expect_eq(p.n_expired, 0);
	e = stored("version: STSv1\n");
	refresh_plan_see(&p, &e);
	cr_expect_eq(p.n_expired, 1, "what cannot be parsed is of no use");
	refresh_plan_free(&p);
}

#define MINUTE_MS 60000

/* Looks once a minute, the wall clock ahead by ahead_s. Whether at any time the
 * clock was held to be steady. */
static bool
steady_within(struct refresh_clock *clock, uint64_t *mono_ms, int64_t ahead_s,
    uint64_t for_ms)
{
	const uint64_t end_ms = *mono_ms + for_ms;
	bool steady = false;

	for (; *mono_ms < end_ms; *mono_ms += MINUTE_MS)
		steady |= refresh_clock_is_steady(clock,
		    NOW + (int64_t)(*mono_ms / 1000) + ahead_s, *mono_ms);
	return steady;
}

Test(refresh_plan, S_06_clock_that_jumps_removes_nothing)
{
	struct refresh_clock clock = {.begun = false};
	uint64_t mono_ms = 5000;

	cr_expect(!steady_within(&clock, &mono_ms, 0, REFRESH_STEADY_MS));
	cr_expect(steady_within(&clock, &mono_ms, 1, MINUTE_MS));
	/* into another year, back, and set back by a day */
	cr_expect(!steady_within(&clock, &mono_ms, 400 * (int64_t)DAY,
	    REFRESH_STEADY_MS));
	cr_expect(!steady_within(&clock, &mono_ms, 0, REFRESH_STEADY_MS));
	cr_expect(!steady_within(&clock, &mono_ms, -DAY, REFRESH_STEADY_MS));
	cr_expect(steady_within(&clock, &mono_ms, -DAY, MINUTE_MS));
}

Test(refresh_plan, unused_ones_are_left_to_expire)
{
	struct refresh_plan p = plan();
	struct refresh_entry e = entry("unused.example", 2 * DAY, MAX_AGE + 1);

	refresh_plan_add(&p, &e);
	cr_expect_eq(p.n, 0);
	cr_expect_eq(p.n_expired, 0);
	refresh_plan_free(&p);
}

Test(refresh_plan, S_06_fetch_in_the_future_is_due)
{
	struct refresh_plan p = plan();
	struct refresh_entry e = entry("future.example", -DAY, 0);

	refresh_plan_add(&p, &e);
	cr_expect_eq(p.n, 1);
	cr_expect_eq(p.n_expired, 0);
	refresh_plan_free(&p);
}

/* It would not be tried until the clock is there again. */
Test(refresh_plan, S_06_failure_in_the_future_is_tried_again)
{
	struct refresh_plan p = plan();
	struct refresh_entry e = entry("future.example", DAY, 0);

	e.failed = true;
	e.tried_s = NOW + DAY;
	refresh_plan_add(&p, &e);
	cr_expect_eq(p.n, 1);
	refresh_plan_free(&p);
}

Test(refresh_plan, last_used_go_first_when_there_are_too_many)
{
	struct refresh_plan p = plan();
	char domain[32];

	for (unsigned i = 0; i < 3 * REFRESH_ROUND_MAX; i++) {
		/* a walk through all ranks, in no order */
		unsigned rank = i * 7919U % (3 * REFRESH_ROUND_MAX);
		struct refresh_entry e;

		(void)snprintf(domain, sizeof(domain), "d%u.example", rank);
		e = entry(domain, 2 * DAY, rank);
		refresh_plan_add(&p, &e);
	}
	cr_expect(p.more);
	cr_assert_eq(p.n, REFRESH_ROUND_MAX);
	refresh_plan_sort(&p);
	for (unsigned i = 0; i < REFRESH_ROUND_MAX; i++) {
		(void)snprintf(domain, sizeof(domain), "d%u.example", i);
		cr_assert_str_eq(p.items[i].domain, domain);
	}
	refresh_plan_free(&p);
}

Test(refresh_plan, C_16_what_binds_is_refreshed_first)
{
	struct refresh_plan p = plan();
	char domain[32];
	struct store_entry e = stored(BODY);

	e.fetched_s = NOW - 2 * DAY;
	e.used_s = NOW - DAY;
	refresh_plan_see(&p, &e);
	/* Binding as well, but its host is silent. */
	e.domain = "silent.example";
	e.failure = "sts-policy-fetch-error";
	e.tried_s = NOW - DAY;
	e.used_s = NOW;
	refresh_plan_see(&p, &e);
	for (unsigned i = 0; i < REFRESH_ROUND_MAX; i++) {
		struct refresh_entry weak;

		(void)snprintf(domain, sizeof(domain), "d%u.example", i);
		weak = entry(domain, 2 * DAY, 0);
		refresh_plan_add(&p, &weak);
	}
	cr_assert_eq(p.n, REFRESH_ROUND_MAX);
	refresh_plan_sort(&p);
	cr_expect_str_eq(p.items[0].domain, "bound.example");
	cr_expect_str_eq(p.items[1].domain, "silent.example");
	refresh_plan_free(&p);
}

/* --- a round -------------------------------------------------------------- */

/* The engine: it refreshes nothing until the test says so. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned n, n_bound;
	struct ask_options asked[2 * REFRESH_PARALLEL];
} engine = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .changed = PTHREAD_COND_INITIALIZER,
};

void __wrap_ask(struct engine *e, const struct ask_options *options);

void
__wrap_ask(struct engine *e, const struct ask_options *options)
{
	(void)e;
	pthread_mutex_lock(&engine.lock);
	cr_assert_lt(engine.n, 2 * REFRESH_PARALLEL);
	engine.asked[engine.n++] = *options;
	engine.n_bound += strcmp(options->target->domain, "bound.example") == 0;
	pthread_cond_broadcast(&engine.changed);
	pthread_mutex_unlock(&engine.lock);
}

static atomic_uint backups;

int __wrap_store_backup(struct store *store);

int
__wrap_store_backup(struct store *store)
{
	(void)store;
	backups++;
	return 0;
}

static void
await(const unsigned *count, unsigned wanted)
{
	pthread_mutex_lock(&engine.lock);
	while (*count < wanted)
		pthread_cond_wait(&engine.changed, &engine.lock);
	pthread_mutex_unlock(&engine.lock);
}

static void
put_due(struct store *store, const char *domain, const char *body)
{
	struct store_entry e = sync_entry(domain, "1", body);

	e.fetched_s = clock_wall_s() - 2 * DAY;
	e.used_s = clock_wall_s();
	cr_assert_eq(sync_put(store, &e), 0);
}

/* Strangers whose hosts are silent, as many as the refresher asks at a time. */
Test(refresher, C_16_slow_strangers_leave_room_for_what_binds, .timeout = 60)
{
	const struct config config = {
	    .fetch_backoff_ms = 300000,
	    .refresh_interval_ms = DAY * UINT64_C(1000),
	};
	char error[STORE_ERROR_SIZE], domain[32];
	struct store *store =
	    store_open(&(struct store_options){.spec = "memory:"}, error);
	struct refresher *refresher;

	cr_assert_not_null(store, "%s", error);
	for (unsigned i = 0; i < 2 * REFRESH_PARALLEL; i++) {
		(void)snprintf(domain, sizeof(domain), "d%u.example", i);
		put_due(store, domain,
		    "version: STSv1\nmode: none\nmax_age: 604800\n");
	}
	refresher = refresher_new(&config, NULL, store, NULL);
	await(&engine.n, REFRESH_PARALLEL_LATE);
	cr_expect_eq(backups, 1U, "C-17: it does not wait for the round's end");
	put_due(store, "bound.example", BODY);
	refresher_reload(refresher, &config);
	await(&engine.n_bound, 1);
	cr_expect_eq(engine.n, REFRESH_PARALLEL_LATE + 1);
	/* One that ends makes room for another one, which no round began. */
	engine.asked[0].done(engine.asked[0].arg, NULL, false);
	await(&engine.n, REFRESH_PARALLEL_LATE + 2);
	/* The refresher waits for none, and the last one frees it. */
	refresher_free(&refresher);
	for (unsigned i = 1; i < engine.n; i++)
		engine.asked[i].done(engine.asked[i].arg, NULL, false);
	store_close(&store);
}
