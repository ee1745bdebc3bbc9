/*
 * What an engine says about itself, for status and metrics, and what it can be
 * made to forget.
 *
 * Any thread. Takes no part in lookups.
 */
#ifndef ENGINE_STATUS_H
#define ENGINE_STATUS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/probe.h"

struct engine;

struct engine_status {
	unsigned generation; /* of the configuration: 1, and 1 more a reload */
	enum probe_state resolver;
	int64_t resolver_since_s; /* wall clock; 0: as long as UNKNOWN */
	char resolver_why[PROBE_WHY_SIZE]; /* BROKEN: for people */
	size_t loops;
	size_t lookups; /* under way */
	size_t askers;  /* who wait for them */
	size_t verdicts;
	size_t verdict_octets;
};

void engine_status(struct engine *engine, struct engine_status *out);

/* Waits for the probe's first result, until deadline_ms at most; not on a
 * loop. */
enum probe_state
engine_await_probe(struct engine *engine, uint64_t deadline_ms);

/* Verdicts on the domain: its policy was changed by hand. */
void engine_forget(struct engine *engine, const char *domain);

#endif
