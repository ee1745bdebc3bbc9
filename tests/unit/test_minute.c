/* When the store is walked through: a clock and a store of the test's own. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "front/stats_sampler.h"
#include "log/metrics.h"
#include "store/store.h"

TestSuite(minute, .timeout = 60);

static atomic_uint_fast64_t now_ms = 1000;
static atomic_uint looks; /* at the clock */
static atomic_uint walks;

uint64_t
clock_mono_us(void)
{
	atomic_fetch_add(&looks, 1U);
	return atomic_load(&now_ms) * 1000;
}

int64_t
clock_wall_ms(void)
{
	return (int64_t)atomic_load(&now_ms);
}

int
store_each(struct store *store, store_each_fn *each, void *arg)
{
	(void)store;
	(void)each;
	(void)arg;
	atomic_fetch_add(&walks, 1U);
	return 0;
}

bool
store_each_partial(int err)
{
	return err != 0;
}

/* Till the thread has seen what the time is, and has gone round once more. */
static void
pass(uint64_t ms)
{
	unsigned seen;

	atomic_fetch_add(&now_ms, ms);
	seen = atomic_load(&looks);
	while (atomic_load(&looks) < seen + 20)
		sched_yield();
}

/* Till they are over: how long one took says when the next may be. */
static void
await_walks(unsigned n)
{
	while (atomic_load(&walks) < n)
		sched_yield();
	pass(0);
}

Test(minute, the_store_is_walked_oftener_while_somebody_looks)
{
	struct metrics *metrics = metrics_new();
	struct minute *minute = minute_new(NULL, metrics);
	static struct minute_view view;

	cr_assert_not_null(minute);
	await_walks(1);
	/* Nobody does. */
	pass(30000);
	cr_expect_eq(atomic_load(&walks), 1U);
	/* At a page, or at the numbers. */
	minute_view(minute, &view);
	cr_expect(view.has_census);
	await_walks(2);
	/* Again, and at once: not before some time has passed. */
	minute_want(minute);
	pass(1000);
	cr_expect_eq(atomic_load(&walks), 2U);
	pass(10000);
	await_walks(3);
	/* Once a minute without that. */
	pass(60000);
	await_walks(4);
	minute_free(&minute);
	metrics_free(&metrics);
}
