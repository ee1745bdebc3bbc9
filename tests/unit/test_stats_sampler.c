/* front/stats_sampler: when the store is walked through, and what a minute
 * adds. Clock and store are the test's own. */
#include "autoconf.h"

#include <criterion/criterion.h>

#include "base/clock.h"
#include "front/stats_sampler.h"
#include "log/metrics.h"
#include "store/store.h"

TestSuite(stats_sampler, .timeout = 60);

static uint64_t now_ms = 1000;
static unsigned walks;
static unsigned wakes;

uint64_t
clock_mono_us(void)
{
	return now_ms * 1000;
}

int64_t
clock_wall_ms(void)
{
	return (int64_t)now_ms;
}

int
store_each(struct store *store, store_each_fn *each, void *arg)
{
	(void)store;
	(void)each;
	(void)arg;
	walks++;
	return 0;
}

bool
store_each_partial(int err)
{
	return err != 0;
}

static struct history_totals added;
static bool ended;

/* That much later. */
static uint64_t
run(struct stats_sampler *sampler, uint64_t ms)
{
	now_ms += ms;
	return stats_sampler_run(sampler, &added, &ended);
}

static void
note_wake(void *arg)
{
	(void)arg;
	wakes++;
}

Test(stats_sampler, the_store_is_walked_oftener_while_somebody_looks)
{
	struct metrics *metrics = metrics_new();
	struct store *store = (void *)&walks; /* not looked into */
	struct stats_sampler *sampler = stats_sampler_new(store, metrics);
	static struct stats_view view;

	cr_assert_not_null(sampler);
	stats_sampler_on_wake(sampler, note_wake, NULL);
	cr_expect_eq(run(sampler, 0), 61000U);
	cr_expect_eq(walks, 1U);
	/* Nobody does. */
	(void)run(sampler, 30000);
	cr_expect_eq(walks, 1U);
	cr_expect_eq(wakes, 0U);
	/* At a page, or at the numbers. */
	stats_sampler_view(sampler, &view);
	cr_expect(view.has_census);
	cr_expect_eq(wakes, 1U);
	(void)run(sampler, 0);
	cr_expect_eq(walks, 2U);
	/* Again, and at once: not before some time has passed. */
	stats_sampler_want(sampler);
	stats_sampler_want(sampler);
	cr_expect_eq(wakes, 2U, "told once");
	cr_expect_eq(run(sampler, 1000), now_ms + 4000);
	cr_expect_eq(walks, 2U);
	(void)run(sampler, 4000);
	cr_expect_eq(walks, 3U);
	/* Once a minute without that. */
	(void)run(sampler, 60000);
	cr_expect_eq(walks, 4U);
	stats_sampler_free(&sampler);
	metrics_free(&metrics);
}

Test(stats_sampler, a_minute_tells_what_it_has_added)
{
	struct metrics *metrics = metrics_new();
	struct stats_sampler *sampler = stats_sampler_new(NULL, metrics);

	cr_assert_not_null(sampler);
	metrics_count(metrics, METRICS_RECIPIENTS, REASON_LOCAL, VERDICT_PASS);
	(void)run(sampler, 59999);
	cr_expect_not(ended);
	(void)run(sampler, 1);
	cr_expect(ended);
	cr_expect_eq(added.n[REASON_LOCAL][VERDICT_PASS], 1U);
	/* Of two minutes in which nobody ran it, all is told at once. */
	metrics_count(metrics, METRICS_RECIPIENTS, REASON_LOCAL, VERDICT_PASS);
	cr_expect_eq(run(sampler, 130000), now_ms + 50000);
	cr_expect(ended);
	cr_expect_eq(added.n[REASON_LOCAL][VERDICT_PASS], 1U);
	(void)run(sampler, 50000);
	cr_expect(ended);
	cr_expect_eq(added.n[REASON_LOCAL][VERDICT_PASS], 0U);
	cr_expect_eq(walks, 0U, "without a store");
	stats_sampler_free(&sampler);
	metrics_free(&metrics);
}
