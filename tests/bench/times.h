/* How long things took: counted in buckets that are 1/64 of their value wide,
 * so that a figure read from them is off by less than that. */
#ifndef BENCH_TIMES_H
#define BENCH_TIMES_H

#include <stddef.h>
#include <stdint.h>

#define TIMES_FINE    64
#define TIMES_BUCKETS (40 * TIMES_FINE)

/* Zeroed memory holds none. */
struct times {
	uint64_t n;
	uint64_t max_ns;
	uint64_t bucket[TIMES_BUCKETS];
};

void times_add(struct times *times, uint64_t ns);
void times_merge(struct times *into, const struct times *from);
/* The time that this part of all, 0 to 1, did not exceed. */
uint64_t times_quantile(const struct times *times, double part);

#endif
