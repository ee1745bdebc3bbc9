/*
 * A clock that is wrong, for a process that is started with this library in
 * LD_PRELOAD. The file $CLOCK_OFFSET_FILE holds two 64-bit numbers as the
 * machine has them: the seconds by which the wall clock is off, and those by
 * which CLOCK_MONOTONIC is ahead (a file that ends after the first: 0). The
 * file is mapped, so that the clocks jump when somebody writes to it, and no
 * system call is made.
 *
 * Waiting takes as long as it ever did: poll and timers are left alone, and
 * deadlines of condition variables on CLOCK_MONOTONIC are put back by what it
 * is ahead. (libfaketime 0.9.10 ends a timed wait on a condition variable of
 * CLOCK_MONOTONIC at once.)
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* No wall clock is before 2001, no monotonic one after 32 years of uptime. */
#define WALL_CLOCK_MIN_S 1000000000

struct offset {
	int64_t wall_s;
	int64_t mono_s;
};

typedef int
timedwait_fn(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
typedef int clockwait_fn(pthread_cond_t *, pthread_mutex_t *, clockid_t,
    const struct timespec *);

static const volatile struct offset *offset;
static timedwait_fn *true_timedwait;
static clockwait_fn *true_clockwait;

__attribute__((constructor)) static void
map_offset(void)
{
	const char *path = getenv("CLOCK_OFFSET_FILE");
	int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *page;

	*(void **)&true_timedwait = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
	*(void **)&true_clockwait = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
	if (fd < 0)
		return;
	page = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
	if (page != MAP_FAILED)
		offset = page;
	(void)close(fd);
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	int err = (int)syscall(SYS_clock_gettime, id, ts);

	if (err != 0 || offset == NULL)
		return err;
	if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)
		ts->tv_sec += (time_t)offset->wall_s;
	else if (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE)
		ts->tv_sec += (time_t)offset->mono_s;
	return 0;
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

/* As the kernel's CLOCK_MONOTONIC has it. */
static struct timespec
true_deadline(const struct timespec *until)
{
	struct timespec at = *until;

	if (offset != NULL && at.tv_sec < WALL_CLOCK_MIN_S)
		at.tv_sec -= (time_t)offset->mono_s;
	if (at.tv_sec < 0)
		at.tv_sec = 0;
	return at;
}

int
pthread_cond_timedwait(pthread_cond_t *restrict cond,
    pthread_mutex_t *restrict lock, const struct timespec *restrict until)
{
	struct timespec at = true_deadline(until);

	return true_timedwait(cond, lock, &at);
}

int
pthread_cond_clockwait(pthread_cond_t *restrict cond,
    pthread_mutex_t *restrict lock, clockid_t id,
    const struct timespec *restrict until)
{
	struct timespec at = true_deadline(until);

	return true_clockwait(cond, lock, id, &at);
}
