/*
 * engine/loop.h and base/clock.h with a clock that the test turns: no
 * threads, no real time, the same order every time.
 */
#ifndef FAKE_LOOP_H
#define FAKE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/* Runs fn(arg) when the clock has come to now + delay_ms. */
void fake_at(uint64_t delay_ms, void (*fn)(void *arg), void *arg);

/* Turns the clock by ms and runs all that falls due on the way, in order. */
void fake_run(uint64_t ms);

/* Only the wall clock jumps. */
void fake_wall_jump(int64_t seconds);

/* From now on loop_post runs the task and all that is due: for engine_free and
 * engine_reload, which wait for their loops. */
void fake_inline(bool on);

/* Forgets what has not run and starts over. */
void fake_reset(void);

#endif
