#include "autoconf.h"

#include "log/metrics.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Each processor counts in a shard of its own; beyond SHARDS, they share. */
#define SHARDS 16

#define CACHE_LINE 64

struct cells {
#define X(member, rows, columns) \
	atomic_ullong member##_cell[(rows) * (columns)];
	METRICS_COUNTER_TABLE(X)
#undef X
};

#define CELLS (sizeof(struct cells) / sizeof(atomic_ullong))

struct times {
	atomic_ullong bucket[METRICS_BUCKETS];
	atomic_ullong sum_us;
};

struct shard {
	atomic_ullong cell[CELLS];
	struct times times[METRICS_HISTOGRAMS];
	char apart[CACHE_LINE]; /* keeps shards off each other's cache lines */
};

struct metrics {
	struct shard shard[SHARDS];
	atomic_bool store_fails[METRICS_STORE_OPERATIONS];
};

static const struct {
	size_t first; /* cell */
	size_t rows;
	size_t columns;
} places[] = {
#define X(member, rows, columns)                            \
	[member] = {offsetof(struct cells, member##_cell) / \
		sizeof(atomic_ullong),                      \
	    rows, columns},
    METRICS_COUNTER_TABLE(X)
#undef X
};

static const uint64_t bounds_us[] = {
#define X(us, seconds) us,
    METRICS_BUCKET_TABLE(X)
#undef X
};

struct metrics *
metrics_new(void)
{
	return calloc(1, sizeof(struct metrics));
}

void
metrics_free(struct metrics **metrics)
{
	free(*metrics);
	*metrics = NULL;
}

/* The thread may be moved to another processor meanwhile: the counters are
 * atomic all the same. */
#define SHARD_HERE ((unsigned)sched_getcpu() % SHARDS)

/* CELLS: there is no such row or column. */
static size_t
cell_of(enum metrics_counter counter, size_t row, size_t column)
{
	if (row >= places[counter].rows || column >= places[counter].columns)
		return CELLS;
	return places[counter].first + row * places[counter].columns + column;
}

void
metrics_count(struct metrics *metrics, enum metrics_counter counter, size_t row,
    size_t column)
{
	const size_t cell = cell_of(counter, row, column);

	if (metrics != NULL && cell != CELLS)
		(void)atomic_fetch_add_explicit(&metrics->shard[SHARD_HERE]
						     .cell[cell],
		    1, memory_order_relaxed);
}

void
metrics_time(struct metrics *metrics, enum metrics_histogram histogram,
    uint64_t us)
{
	struct times *times;
	size_t i = 0;

	if (metrics == NULL)
		return;
	while (i < METRICS_BUCKETS - 1 && us > bounds_us[i])
		i++;
	times = &metrics->shard[SHARD_HERE].times[histogram];
	(void)atomic_fetch_add_explicit(&times->bucket[i], 1,
	    memory_order_relaxed);
	(void)atomic_fetch_add_explicit(&times->sum_us, us,
	    memory_order_relaxed);
}

void
metrics_store(struct metrics *metrics, enum metrics_store_operation operation,
    bool failed)
{
	if (metrics == NULL)
		return;
	if (failed)
		metrics_count(metrics, METRICS_STORE_ERRORS, operation, 0);
	atomic_store(&metrics->store_fails[operation], failed);
}

bool
metrics_store_fails(const struct metrics *metrics,
    enum metrics_store_operation operation)
{
	return metrics != NULL && atomic_load(&metrics->store_fails[operation]);
}

uint64_t
metrics_sum(const struct metrics *metrics, enum metrics_counter counter,
    size_t row, size_t column)
{
	const size_t cell = cell_of(counter, row, column);
	uint64_t sum = 0;

	if (metrics == NULL || cell == CELLS)
		return 0;
	for (size_t i = 0; i < SHARDS; i++)
		sum += atomic_load_explicit(&metrics->shard[i].cell[cell],
		    memory_order_relaxed);
	return sum;
}

void
metrics_times(const struct metrics *metrics, enum metrics_histogram histogram,
    struct metrics_times *out)
{
	*out = (struct metrics_times){.n = 0};
	for (size_t i = 0; metrics != NULL && i < SHARDS; i++) {
		const struct times *times = &metrics->shard[i].times[histogram];

		for (size_t j = 0; j < METRICS_BUCKETS; j++)
			out->bucket[j] +=
			    atomic_load_explicit(&times->bucket[j],
				memory_order_relaxed);
		out->sum_us +=
		    atomic_load_explicit(&times->sum_us, memory_order_relaxed);
	}
	for (size_t j = 0; j < METRICS_BUCKETS; j++)
		out->n += out->bucket[j];
}
