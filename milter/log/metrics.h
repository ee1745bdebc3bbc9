/*
 * Counters and timings; front/metrics.c has their public names.
 *
 * Any thread, without a lock. Counting is one addition to memory that the
 * processor shares with no other, so that it costs next to nothing where
 * recipients are answered in microseconds. Numbers that are read together may
 * be a moment apart. Every function also takes NULL and then counts nothing.
 */
#ifndef LOG_METRICS_H
#define LOG_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/verdict.h"

struct metrics;

#define X(member, name) +1
enum {
	METRICS_VERDICTS = 0 VERDICT_TABLE(X)
};
#undef X

#define METRICS_DNS_STATUSES 6

/*
 * X(member, rows, columns): what happened, by two labels at most. Rows and
 * columns are the values of an enumeration each; others are not counted.
 */
#define METRICS_COUNTER_TABLE(X)                                             \
	X(METRICS_RECIPIENTS, REASON_COUNT, METRICS_VERDICTS)                \
	X(METRICS_ANSWERS, 3, 1) /* enum recipient_answer */                 \
	X(METRICS_SPARED, REASON_COUNT, 1)                                   \
	X(METRICS_PINNED, METRICS_VERDICTS, 1)                               \
	X(METRICS_DNS, 7, METRICS_DNS_STATUSES) /* dns_type_row(), status */ \
	X(METRICS_FETCHES, 14, 1)               /* enum fetch_failure */     \
	X(METRICS_INVALID_POLICIES, 1, 1)                                    \
	X(METRICS_VERDICT_CACHE, 2, 1) /* 0 miss, 1 hit */                   \
	X(METRICS_REFRESHES, 2, 1)     /* 0 failed, 1 good */                \
	X(METRICS_STORE_ERRORS, METRICS_STORE_OPERATIONS, 1)

enum metrics_counter {
#define X(member, rows, columns) member,
	METRICS_COUNTER_TABLE(X)
#undef X
	METRICS_COUNTERS
};

/* X(member, label): rows of METRICS_STORE_ERRORS */
#define METRICS_STORE_TABLE(X)        \
	X(METRICS_STORE_READ, "read") \
	X(METRICS_STORE_WRITE, "write")

enum metrics_store_operation {
#define X(member, label) member,
	METRICS_STORE_TABLE(X)
#undef X
	METRICS_STORE_OPERATIONS
};

enum metrics_histogram {
	METRICS_RECIPIENT_TIME,
	METRICS_DNS_TIME,
	METRICS_FETCH_TIME,
	METRICS_HISTOGRAMS
};

/* X(upper bound in microseconds, the same in seconds) */
#define METRICS_BUCKET_TABLE(X) \
	X(100, "0.0001")        \
	X(500, "0.0005")        \
	X(1000, "0.001")        \
	X(2500, "0.0025")       \
	X(5000, "0.005")        \
	X(10000, "0.01")        \
	X(25000, "0.025")       \
	X(50000, "0.05")        \
	X(100000, "0.1")        \
	X(250000, "0.25")       \
	X(500000, "0.5")        \
	X(1000000, "1")         \
	X(2500000, "2.5")       \
	X(5000000, "5")         \
	X(10000000, "10")       \
	X(30000000, "30")       \
	X(UINT64_MAX, "+Inf")

#define X(us, seconds) +1
enum {
	METRICS_BUCKETS = 0 METRICS_BUCKET_TABLE(X)
};
#undef X

/* NULL: no memory. */
struct metrics *metrics_new(void);
void metrics_free(struct metrics **metrics); /* NULL is fine */

void metrics_count(struct metrics *metrics, enum metrics_counter counter,
    size_t row, size_t column);
void metrics_time(struct metrics *metrics, enum metrics_histogram histogram,
    uint64_t us);

/* Notes whether the store's latest operation of the kind failed, and counts
 * failures. */
void metrics_store(struct metrics *metrics,
    enum metrics_store_operation operation, bool failed);
bool metrics_store_fails(const struct metrics *metrics,
    enum metrics_store_operation operation);

/* --- to read them --- */

uint64_t metrics_sum(const struct metrics *metrics,
    enum metrics_counter counter, size_t row, size_t column);

struct metrics_times {
	uint64_t bucket[METRICS_BUCKETS]; /* not cumulative */
	uint64_t n;
	uint64_t sum_us;
};

void metrics_times(const struct metrics *metrics,
    enum metrics_histogram histogram, struct metrics_times *out);

#endif
