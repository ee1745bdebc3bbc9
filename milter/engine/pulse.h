/*
 * Whether a loop still turns: a task is sent through its queue, and the next
 * time somebody looks it has to be back.
 */
#ifndef ENGINE_PULSE_H
#define ENGINE_PULSE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "engine/loop.h"

/* Embedded; zeroed memory is one that was never asked for. It must not go
 * before loop_stop has returned. */
struct pulse {
	struct loop_task task;
	atomic_bool under_way;
};

/*
 * Any thread but the loop's, one at a time. False: what was sent the last time
 * is still under way. Otherwise the next is sent. Never blocks.
 */
bool pulse_take(struct pulse *pulse, struct loop *loop);

#endif
