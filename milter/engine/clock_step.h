/*
 * Notices that the wall clock was set back. What a resolver has cached then
 * outlives its TTL by as much (S-05): libunbound keeps it until the wall clock
 * has reached the end that it had when it came.
 *
 * Pure, but for what it remembers. Any thread.
 */
#ifndef ENGINE_CLOCK_STEP_H
#define ENGINE_CLOCK_STEP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Set back by less is no matter: caches are off by as much. */
#define WALL_BACK_S 10

struct wall {
	_Atomic int64_t ahead_s; /* of the monotonic clock, the most so far */
};

void wall_init(struct wall *wall, uint64_t mono_ms, int64_t wall_s);
/* True once each time that it was set back. */
bool wall_set_back(struct wall *wall, uint64_t mono_ms, int64_t wall_s);

#endif
