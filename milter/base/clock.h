/*
 * The two clocks. Wall clock only for policy age and RRSIG; monotonic for
 * everything else. The scenario tests link a clock of their own.
 *
 * Any thread.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_mono_ms(void); /* CLOCK_MONOTONIC */
int64_t clock_wall_s(void);   /* CLOCK_REALTIME */

#endif
