/*
 * The two clocks. The wall clock is for policy ages, signatures and the times
 * that people read; everything else uses the monotonic clock. Scenario tests
 * define clock_mono_us() and clock_wall_ms() themselves.
 *
 * Any thread.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_mono_us(void); /* CLOCK_MONOTONIC */
int64_t clock_wall_ms(void);  /* CLOCK_REALTIME */

static inline uint64_t
clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

static inline int64_t
clock_wall_s(void)
{
	return clock_wall_ms() / 1000;
}

#endif
