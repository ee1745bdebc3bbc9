#include "autoconf.h"

#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/err.h"

int
thread_start(pthread_t *thread, const pthread_attr_t *attr, const char *name,
    void *(*run)(void *), void *arg)
{
	sigset_t all, saved;
	int err;

	/* A new thread inherits the mask. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &saved);
	err = pthread_create(thread, attr, run, arg);
	(void)pthread_sigmask(SIG_SETMASK, &saved, NULL);
	if (err != 0)
		return ERR_NOMEM;
	if (name != NULL)
		(void)pthread_setname_np(*thread, name);
	return 0;
}

void
thread_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	/* None of these can fail on Linux. */
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(cond, &attr);
	(void)pthread_condattr_destroy(&attr);
}

bool
thread_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t mono_ms)
{
	const struct timespec until = {
	    .tv_sec = (time_t)(mono_ms / 1000),
	    .tv_nsec = (long)(mono_ms % 1000) * 1000000L,
	};

	return pthread_cond_timedwait(cond, lock, &until) != ETIMEDOUT;
}
