#include "autoconf.h"

#include "daemon/watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/thread.h"
#include "daemon/notify.h"

/* So that a loop that is busy for a while does not end the daemon. */
#define PINGS_PER_TIMEOUT 4
#define TIMEOUT_US_MAX    (UINT64_C(86400) * 1000000)

struct watchdog {
	watchdog_alive_fn *alive;
	void *arg;
	uint64_t interval_ms; /* at least 1 */
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

/* False: it is time to stop. */
static bool
sleep_until(struct watchdog *watchdog, uint64_t mono_ms)
{
	bool stop;

	(void)pthread_mutex_lock(&watchdog->lock);
	while (!watchdog->stop &&
	    thread_wait_until(&watchdog->wake, &watchdog->lock, mono_ms))
		continue;
	stop = watchdog->stop;
	(void)pthread_mutex_unlock(&watchdog->lock);
	return !stop;
}

static void *
watch(void *arg)
{
	struct watchdog *watchdog = arg;
	uint64_t next_ms;

	do {
		if (watchdog->alive(watchdog->arg))
			notify("WATCHDOG=1");
		next_ms = clock_mono_ms() + watchdog->interval_ms;
	} while (sleep_until(watchdog, next_ms));
	return NULL;
}

/* --- life --- */

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
	(*watchdog)->interval_ms = timeout / PINGS_PER_TIMEOUT / 1000;
	if ((*watchdog)->interval_ms == 0)
		(*watchdog)->interval_ms = 1;
	thread_cond_init(&(*watchdog)->wake);
	(void)pthread_mutex_init(&(*watchdog)->lock, NULL);
	if (thread_start(&(*watchdog)->thread, NULL, NULL, watch, *watchdog) ==
	    0)
		return 0;
	(void)pthread_mutex_destroy(&(*watchdog)->lock);
	(void)pthread_cond_destroy(&(*watchdog)->wake);
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
