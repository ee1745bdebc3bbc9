/* Counting: what is counted is what is read, from whatever thread. */
#include "autoconf.h"

#include <pthread.h>

#include <criterion/criterion.h>

#include "dns/dns.h"
#include "fetch/fetch.h"
#include "log/metrics.h"

static struct metrics *metrics;

static void
setup(void)
{
	metrics = metrics_new();
	cr_assert_not_null(metrics);
}

static void
teardown(void)
{
	metrics_free(&metrics);
	cr_expect_null(metrics);
}

TestSuite(metrics_count, .init = setup, .fini = teardown);

/* Rows of different counters must not be each other's. */
Test(metrics_count, every_cell_is_its_own)
{
	static const struct {
		enum metrics_counter counter;
		size_t rows, columns;
	} table[] = {
#define X(member, rows, columns) {member, rows, columns},
	    METRICS_COUNTER_TABLE(X)
#undef X
	};
	uint64_t n = 0;

	for (size_t i = 0; i < METRICS_COUNTERS; i++)
		for (size_t r = 0; r < table[i].rows; r++)
			for (size_t c = 0; c < table[i].columns; c++) {
				n = (n + 1) % 7;
				for (uint64_t k = 0; k < n; k++)
					metrics_count(metrics, table[i].counter,
					    r, c);
			}
	n = 0;
	for (size_t i = 0; i < METRICS_COUNTERS; i++)
		for (size_t r = 0; r < table[i].rows; r++)
			for (size_t c = 0; c < table[i].columns; c++) {
				n = (n + 1) % 7;
				cr_expect_eq(metrics_sum(metrics,
						 table[i].counter, r, c),
				    n, "counter %zu row %zu column %zu", i, r,
				    c);
			}
}

Test(metrics_count, what_is_beyond_the_table_counts_nowhere)
{
	metrics_count(metrics, METRICS_RECIPIENTS, REASON_COUNT, 0);
	metrics_count(metrics, METRICS_RECIPIENTS, 0, 4);
	metrics_count(metrics, METRICS_STORE_ERRORS, SIZE_MAX, SIZE_MAX);
	cr_expect_eq(metrics_sum(metrics, METRICS_RECIPIENTS, 1, 0), 0);
	cr_expect_eq(metrics_sum(metrics, METRICS_DNS, 0, 0), 0);
	cr_expect_eq(metrics_sum(metrics, METRICS_RECIPIENTS, REASON_COUNT, 0),
	    0);
}

Test(metrics_count, nobody_need_count)
{
	struct metrics_times times;

	metrics_count(NULL, METRICS_DNS, 0, 0);
	metrics_time(NULL, METRICS_DNS_TIME, 1);
	metrics_store(NULL, METRICS_STORE_READ, true);
	cr_expect_eq(metrics_sum(NULL, METRICS_DNS, 0, 0), 0);
	cr_expect_not(metrics_store_fails(NULL, METRICS_STORE_READ));
	metrics_times(NULL, METRICS_DNS_TIME, &times);
	cr_expect_eq(times.n, 0);
}

/* A bound belongs to its bucket (le: less or equal). */
static const struct {
	uint64_t us;
	size_t bucket;
} times_table[] = {
    {0,	0		  },
    {100,      0		  },
    {101,      1		  },
    {500,      1		  },
    {1000000,  11		 },
    {1000001,  12		 },
    {30000000, METRICS_BUCKETS - 2},
    {30000001, METRICS_BUCKETS - 1},
};

Test(metrics_count, a_time_falls_into_one_bucket)
{
	const size_t n = sizeof(times_table) / sizeof(times_table[0]);
	struct metrics_times before, after;
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		metrics_times(metrics, METRICS_FETCH_TIME, &before);
		metrics_time(metrics, METRICS_FETCH_TIME, times_table[i].us);
		metrics_times(metrics, METRICS_FETCH_TIME, &after);
		cr_expect_eq(after.bucket[times_table[i].bucket],
		    before.bucket[times_table[i].bucket] + 1, "%zu", i);
		cr_expect_eq(after.n, before.n + 1);
		sum += times_table[i].us;
	}
	cr_expect_eq(after.sum_us, sum);
	metrics_times(metrics, METRICS_DNS_TIME, &after);
	cr_expect_eq(after.n, 0);
}

Test(metrics_count, a_store_fails_until_it_works_again)
{
	metrics_store(metrics, METRICS_STORE_WRITE, true);
	metrics_store(metrics, METRICS_STORE_WRITE, true);
	cr_expect(metrics_store_fails(metrics, METRICS_STORE_WRITE));
	cr_expect_not(metrics_store_fails(metrics, METRICS_STORE_READ));
	metrics_store(metrics, METRICS_STORE_WRITE, false);
	cr_expect_not(metrics_store_fails(metrics, METRICS_STORE_WRITE));
	cr_expect_eq(metrics_sum(metrics, METRICS_STORE_ERRORS,
			 METRICS_STORE_WRITE, 0),
	    2);
}

#define THREADS    8
#define PER_THREAD 20000

static void *
count_much(void *arg)
{
	for (int i = 0; i < PER_THREAD; i++) {
		metrics_count(arg, METRICS_RECIPIENTS, REASON_SECURE,
		    VERDICT_PASS);
		metrics_time(arg, METRICS_RECIPIENT_TIME, 3);
	}
	return NULL;
}

Test(metrics_count, nothing_is_lost_among_threads)
{
	pthread_t threads[THREADS];
	struct metrics_times times;

	for (size_t i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, count_much,
				 metrics),
		    0);
	for (size_t i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
	cr_expect_eq(metrics_sum(metrics, METRICS_RECIPIENTS, REASON_SECURE,
			 VERDICT_PASS),
	    THREADS * PER_THREAD);
	metrics_times(metrics, METRICS_RECIPIENT_TIME, &times);
	cr_expect_eq(times.n, THREADS * PER_THREAD);
	cr_expect_eq(times.sum_us, 3 * THREADS * PER_THREAD);
}

/* Each type has a row of its own, within the table's rows. */
Test(metrics_count, rows_of_dns_types)
{
	static const enum dns_type types[] = {
#define X(member, value, name) member,
	    DNS_TYPE_TABLE(X)
#undef X
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		cr_expect_eq(dns_type_row(types[i]), i);
		metrics_count(metrics, METRICS_DNS, i, FACT_FAILED);
		cr_expect_eq(metrics_sum(metrics, METRICS_DNS, i, FACT_FAILED),
		    1);
	}
	metrics_count(metrics, METRICS_FETCHES, FETCH_FAILURE_INTERNAL, 0);
	cr_expect_eq(metrics_sum(metrics, METRICS_FETCHES,
			 FETCH_FAILURE_INTERNAL, 0),
	    1);
}
