#include "autoconf.h"

#include "daemon/watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/thread.h"

/* Several, so that a loop that is busy for a while does not end the daemon. */
#define PINGS_PER_TIMEOUT 4
#define TIMEOUT_US_MAX    (UINT64_C(86400) * 1000000)

struct watchdog {
	watchdog_alive_fn *alive;
	void *arg;
	uint64_t interval_ms;
	pthread_t thread;

	pthread_mutex_t lock; /* guards the members below */
	pthread_cond_t wake;
	bool stop;
};

/* --- messages to the init system --- */

/* "/run/...", or "@..." in the abstract name space. */
static socklen_t
make_address(const char *path, struct sockaddr_un *address)
{
	size_t len = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || len < 2 ||
	    len >= sizeof(address->sun_path))
		return 0;
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, len);
	if (path[0] == '@')
		address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

void
notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address;
	socklen_t len = path != NULL ? make_address(path, &address) : 0;
	int fd;

	if (len == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL,
	    (const struct sockaddr *)&address, len);
	close(fd);
}

void
notify_reloading(void)
{
	char state[64];
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	notify(state);
}

/* --- the interval that the init system asks for --- */

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

/* 0: the init system does not watch this process. */
static uint64_t
timeout_us(void)
{
	uint64_t timeout;
	uint64_t pid;

	if (!read_number("WATCHDOG_USEC", &timeout))
		return 0;
	/* The variables may be inherited from a parent that is watched. */
	if (getenv("WATCHDOG_PID") != NULL &&
	    (!read_number("WATCHDOG_PID", &pid) || pid != (uint64_t)getpid()))
		return 0;
	return timeout < TIMEOUT_US_MAX ? timeout : TIMEOUT_US_MAX;
}

/* --- the thread --- */

static void *
watch(void *arg)
{
	struct watchdog *watchdog = arg;

	(void)pthread_mutex_lock(&watchdog->lock);
	while (!watchdog->stop) {
		uint64_t next_ms;

		(void)pthread_mutex_unlock(&watchdog->lock);
		if (watchdog->alive(watchdog->arg))
			notify("WATCHDOG=1");
		next_ms = clock_mono_ms() + watchdog->interval_ms;
		(void)pthread_mutex_lock(&watchdog->lock);
		while (!watchdog->stop &&
		    thread_wait_until(&watchdog->wake, &watchdog->lock,
			next_ms))
			continue;
	}
	(void)pthread_mutex_unlock(&watchdog->lock);
	return NULL;
}

/* --- life --- */

int
watchdog_start(struct watchdog **watchdogp, watchdog_alive_fn *alive, void *arg)
{
	uint64_t timeout = timeout_us();
	struct watchdog *watchdog;

	*watchdogp = NULL;
	if (timeout == 0)
		return 0;
	watchdog = calloc(1, sizeof(*watchdog));
	if (watchdog == NULL)
		return ERR_NOMEM;
	watchdog->alive = alive;
	watchdog->arg = arg;
	watchdog->interval_ms = timeout / PINGS_PER_TIMEOUT / 1000 + 1;
	thread_cond_init(&watchdog->wake);
	(void)pthread_mutex_init(&watchdog->lock, NULL);
	if (thread_start(&watchdog->thread, NULL, "watchdog", watch,
		watchdog) != 0) {
		free(watchdog);
		return ERR_NOMEM;
	}
	*watchdogp = watchdog;
	return 0;
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
	(void)pthread_mutex_destroy(&watchdog->lock);
	(void)pthread_cond_destroy(&watchdog->wake);
	free(watchdog);
}
