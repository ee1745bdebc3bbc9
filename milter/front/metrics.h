/*
 * The numbers as Prometheus reads them: text exposition format, version 0.0.4.
 * Labels have few values, all known beforehand: never a domain.
 *
 * Any thread.
 */
#ifndef FRONT_METRICS_H
#define FRONT_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct census;
struct engine_status;
struct metrics;
struct tls_counters;

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics_view {
	const struct metrics *metrics;
	const struct engine_status *engine;
	const struct tls_counters *tls; /* NULL: there is no policy_socket */
	const struct census *census;    /* NULL: not known yet */
	const char *version;
	unsigned enforced; /* percent of all domains */
	size_t pins;       /* in force, T-14 */
	size_t pins_lapsing;
	int64_t started_s; /* wall clock */
	size_t stored;
	size_t unwritten; /* in memory alone */
};

void metrics_write(FILE *out, const struct metrics_view *view);

#endif
