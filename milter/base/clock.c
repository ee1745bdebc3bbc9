/* The two clocks, from the system. */
#include "autoconf.h"

#include "base/clock.h"

#include <time.h>

static struct timespec
now(clockid_t id)
{
	struct timespec ts = {0, 0};

	/* Cannot fail for the two clocks that every Linux and BSD has. */
	(void)clock_gettime(id, &ts);
	return ts;
}

uint64_t
clock_mono_ms(void)
{
	struct timespec ts = now(CLOCK_MONOTONIC);

	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int64_t
clock_wall_s(void)
{
	return now(CLOCK_REALTIME).tv_sec;
}
