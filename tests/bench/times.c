#include "autoconf.h"

#include "times.h"

/* Below TIMES_FINE, a bucket a value; above, TIMES_FINE of them an octave. */
static size_t
bucket_of(uint64_t ns)
{
	unsigned octave = 0;
	size_t bucket;

	while ((ns >> octave) >= 2 * TIMES_FINE)
		octave++;
	bucket = octave * TIMES_FINE + (size_t)(ns >> octave);
	return bucket < TIMES_BUCKETS ? bucket : TIMES_BUCKETS - 1;
}

static uint64_t
value_of(size_t bucket)
{
	size_t octave = bucket < 2 * TIMES_FINE ? 0 : bucket / TIMES_FINE - 1;

	return (uint64_t)(bucket - octave * TIMES_FINE) << octave;
}

void
times_add(struct times *times, uint64_t ns)
{
	times->n++;
	times->bucket[bucket_of(ns)]++;
	if (ns > times->max_ns)
		times->max_ns = ns;
}

void
times_merge(struct times *into, const struct times *from)
{
	into->n += from->n;
	if (from->max_ns > into->max_ns)
		into->max_ns = from->max_ns;
	for (size_t i = 0; i < TIMES_BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
}

uint64_t
times_quantile(const struct times *times, double part)
{
	uint64_t wanted = (uint64_t)((double)times->n * part);
	uint64_t seen = 0;

	for (size_t i = 0; i < TIMES_BUCKETS; i++) {
		seen += times->bucket[i];
		if (seen > wanted)
			return value_of(i);
	}
	return times->max_ns;
}
