#include "autoconf.h"

#include "daemon/watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "daemon/notify.h"

#define NS_PER_US 1000
#define NS_PER_S  1000000000
/* So that a loop that is busy for a while does not end the daemon. */
#define PINGS_PER_TIMEOUT 4
#define TIMEOUT_US_MAX    (UINT64_C(86400) * 1000000)

struct watchdog {
	watchdog_alive_fn *alive;
	void *arg;
	uint64_t interval_us;
	pthread_t thread;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;
	bool stop;
};

/* --- what the init system wants --- */

/* False: there is no such number. */
static bool
read_number(const char *name, uint64_t *value)
{
	const char *text = getenv(name);
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

/* 0: nobody watches this process. */
static uint64_t
timeout_us(void)
{
	uint64_t timeout;
	uint64_t pid;

	if (!read_number("WATCHDOG_USEC", &timeout))
		return 0;
	/* Set for a parent, and inherited. */
	if (getenv("WATCHDOG_PID") != NULL &&
	    (!read_number("WATCHDOG_PID", &pid) || pid != (uint64_t)getpid()))
		return 0;
	return timeout < TIMEOUT_US_MAX ? timeout : TIMEOUT_US_MAX;
}

/* --- the thread --- */

static struct timespec
after(struct timespec at, uint64_t us)
{
	uint64_t ns = (uint64_t)at.tv_nsec + us * NS_PER_US;

	at.tv_sec += (time_t)(ns / NS_PER_S);
	at.tv_nsec = (long)(ns % NS_PER_S);
	return at;
}

/* False: it is time to stop. */
static bool
sleep_until(struct watchdog *watchdog, const struct timespec *at)
{
	bool stop;
	int err = 0;

	(void)pthread_mutex_lock(&watchdog->lock);
	while (!watchdog->stop && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&watchdog->wake, &watchdog->lock,
		    at);
	stop = watchdog->stop;
	(void)pthread_mutex_unlock(&watchdog->lock);
	return !stop;
}

static void *
watch(void *arg)
{
	struct watchdog *watchdog = arg;
	struct timespec next;

	do {
		if (watchdog->alive(watchdog->arg))
			notify("WATCHDOG=1");
		(void)clock_gettime(CLOCK_MONOTONIC, &next);
		next = after(next, watchdog->interval_us);
	} while (sleep_until(watchdog, &next));
	return NULL;
}

/* --- life --- */

static int
start_thread(struct watchdog *watchdog)
{
	pthread_condattr_t attr;
	int err;

	if (pthread_condattr_init(&attr) != 0)
		return ERR_NOMEM;
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&watchdog->wake, &attr);
	(void)pthread_condattr_destroy(&attr);
	(void)pthread_mutex_init(&watchdog->lock, NULL);
	err = pthread_create(&watchdog->thread, NULL, watch, watchdog);
	if (err == 0)
		return 0;
	(void)pthread_mutex_destroy(&watchdog->lock);
	(void)pthread_cond_destroy(&watchdog->wake);
	return ERR_NOMEM;
}

int
watchdog_start(struct watchdog **watchdog, watchdog_alive_fn *alive, void *arg)
{
	uint64_t timeout = timeout_us();

	*watchdog = NULL;
	if (timeout == 0)
		return 0;
	*watchdog = calloc(1, sizeof(**watchdog));
	if (*watchdog == NULL)
		return ERR_NOMEM;
	(*watchdog)->alive = alive;
	(*watchdog)->arg = arg;
	(*watchdog)->interval_us = timeout / PINGS_PER_TIMEOUT;
	if (start_thread(*watchdog) == 0)
		return 0;
	free(*watchdog);
	*watchdog = NULL;
	return ERR_NOMEM;
}

void
watchdog_stop(struct watchdog **watchdogp)
{
	struct watchdog *watchdog = *watchdogp;

	if (watchdog == NULL)
		return;
	*watchdogp = NULL;
	(void)pthread_mutex_lock(&watchdog->lock);
	watchdog->stop = true;
	(void)pthread_cond_signal(&watchdog->wake);
	(void)pthread_mutex_unlock(&watchdog->lock);
	(void)pthread_join(watchdog->thread, NULL);
	(void)pthread_cond_destroy(&watchdog->wake);
	(void)pthread_mutex_destroy(&watchdog->lock);
	free(watchdog);
}
