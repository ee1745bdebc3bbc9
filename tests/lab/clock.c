/*
 * A wall clock that is wrong, for a process that is started with this library
 * in LD_PRELOAD: it is off by the seconds that the file $CLOCK_OFFSET_FILE
 * holds, a 64-bit number as the machine has them. The file is mapped, so that
 * the clock jumps when somebody writes to it, and no system call is made.
 *
 * What waits, waits by the true clock: condition variables, poll and timers
 * are left alone, and so is CLOCK_MONOTONIC. (libfaketime 0.9.10 ends a timed
 * wait on a condition variable of CLOCK_MONOTONIC at once.)
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_s;

__attribute__((constructor)) static void
map_offset(void)
{
	const char *path = getenv("CLOCK_OFFSET_FILE");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *page;

	if (fd < 0)
		return;
	page = mmap(NULL, sizeof(*offset_s), PROT_READ, MAP_SHARED, fd, 0);
	if (page != MAP_FAILED)
		offset_s = page;
	(void)close(fd);
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int err = (int)syscall(SYS_clock_gettime, id, ts);

	if (err == 0 && offset_s != NULL &&
	    (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ts->tv_sec += (time_t)*offset_s;
	return err;
}

time_t
time(time_t *out)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	if (out != NULL)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}
