/* Waiting by a deadline. */
#include "autoconf.h"

#include "store/redis_wait.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "base/clock.h"
#include "base/err.h"

uint64_t
redis_now_ms(void)
{
	return clock_mono_ms();
}

int
redis_wait(int fd, short events, uint64_t deadline_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n;

	do {
		uint64_t now_ms = redis_now_ms();
		uint64_t left_ms =
		    deadline_ms > now_ms ? deadline_ms - now_ms : 0;

		n = poll(&p, 1, left_ms < INT_MAX ? (int)left_ms : INT_MAX);
		if (n == 0 && left_ms == 0)
			return ERR_BUSY;
	} while (n == 0 || (n == -1 && errno == EINTR));
	return n > 0 ? 0 : ERR_IO; /* an error shows in what comes next */
}
