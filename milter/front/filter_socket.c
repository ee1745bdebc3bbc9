#include "autoconf.h"

#include "front/filter_socket.h"

#include <errno.h>
#include <libmilter/mfapi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "front/listen.h"
#include "log/log.h"

/* A connection takes one, a lookup a few. When the table is full, libmilter's
 * accept loop spins. */
#define DESCRIPTORS_WANTED 65536
#define DESCRIPTORS_ENOUGH 4096

/* --- the socket --- */

static int
fail(char error[FILTER_ERROR_SIZE], const struct config *config,
    const char *what)
{
	snprintf(error, FILTER_ERROR_SIZE, "socket %.256s: %.192s",
	    config->socket, what);
	return ERR_IO;
}

static void
raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_max < DESCRIPTORS_WANTED) {
		struct rlimit more = {DESCRIPTORS_WANTED, DESCRIPTORS_WANTED};

		/* Root may. */
		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return;
	}
	if (limit.rlim_cur >= DESCRIPTORS_WANTED)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_WANTED
	    ? limit.rlim_max
	    : DESCRIPTORS_WANTED;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

void
filter_socket_warn(struct log *log)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_cur >= DESCRIPTORS_ENOUGH)
		return;
	log_msg(log, LOG_LEVEL_WARNING, "descriptors",
	    "only %ju file descriptors are allowed: good for about %ju "
	    "connections of the MTA (LimitNOFILE= or ulimit -n raises it)",
	    (uintmax_t)limit.rlim_cur, (uintmax_t)limit.rlim_cur / 2);
}

static int
open_socket(const struct config *config, char error[FILTER_ERROR_SIZE])
{
	char *copy = strdup(config->socket); /* no const in libmilter */
	mode_t mask = umask(0177); /* nobody slips in before the chmod */
	int err = 0;

	errno = 0;
	if (copy == NULL)
		err = fail(error, config, err_text(ERR_NOMEM));
	else if (smfi_setconn(copy) == MI_FAILURE)
		err = fail(error, config, "libmilter refused the address");
	else if (smfi_opensocket(true) == MI_FAILURE)
		err = fail(error, config,
		    errno != 0
			? strerror(errno)
			: "libmilter cannot listen there; it told syslog "
			  "why (a host name that is not known?)");
	umask(mask);
	free(copy);
	return err;
}

int
filter_socket_open(const struct config *config, char error[FILTER_ERROR_SIZE])
{
	const struct listen_access access = listen_unix_access(config);
	const char *path = listen_unix_path(config->socket);
	char why[LISTEN_ERROR_SIZE];

	raise_descriptors();
	if (path != NULL && listen_unix_check(path, why) < 0)
		return fail(error, config, why);
	if (open_socket(config, error) < 0)
		return ERR_IO;
	if (path != NULL && listen_unix_permit(path, &access, why) < 0)
		return fail(error, config, why);
	return 0;
}

/* --- callbacks that run --- */

bool
inflight_enter(struct inflight *inflight)
{
	/* Counted before it is looked at: who closes sees one or the other. */
	atomic_fetch_add(&inflight->inside, 1);
	if (!atomic_load(&inflight->closed))
		return true;
	inflight_leave(inflight);
	return false;
}

void
inflight_leave(struct inflight *inflight)
{
	if (atomic_fetch_sub(&inflight->inside, 1) != 1 ||
	    !atomic_load(&inflight->closed))
		return;
	pthread_mutex_lock(&inflight->lock);
	pthread_cond_broadcast(&inflight->left);
	pthread_mutex_unlock(&inflight->lock);
}

bool
inflight_close(struct inflight *inflight, uint64_t until_ms)
{
	const struct timespec until = {
	    .tv_sec = (time_t)(until_ms / 1000),
	    .tv_nsec = (long)(until_ms % 1000) * 1000000,
	};
	int err = 0;

	atomic_store(&inflight->closed, true);
	pthread_mutex_lock(&inflight->lock);
	while (atomic_load(&inflight->inside) > 0 && err != ETIMEDOUT)
		err = pthread_cond_clockwait(&inflight->left, &inflight->lock,
		    CLOCK_MONOTONIC, &until);
	pthread_mutex_unlock(&inflight->lock);
	return atomic_load(&inflight->inside) == 0;
}

/* --- waking the pool --- */

/* A command may itself have to wait for a worker that is idle by the pool's
 * account, but already on its way to another one; those are two at the most.
 * Then the next goes over the next connection. */
#define CONNECTIONS 4

/* An MTA's packet: the length of what follows, and the command. */
static const char abort_command[] = {0, 0, 0, 1, 'A'};

struct pool_waker {
	struct sockaddr_storage address;
	socklen_t len;
	pthread_mutex_t lock; /* of what follows */
	unsigned next;
	int fd[CONNECTIONS]; /* -1: not connected */
};

static int
dial(const struct pool_waker *waker)
{
	int fd = socket(waker->address.ss_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&waker->address, waker->len) ==
		0 ||
	    errno == EINPROGRESS)
		return fd;
	(void)close(fd);
	return -1;
}

struct pool_waker *
pool_waker_new(const char *spec)
{
	struct pool_waker *waker = calloc(1, sizeof(*waker));

	if (waker == NULL)
		return NULL;
	if (listen_address(spec, &waker->address, &waker->len) != 0) {
		free(waker);
		return NULL;
	}
	(void)pthread_mutex_init(&waker->lock, NULL);
	/* Before any MTA's: a worker takes the oldest first. */
	for (size_t i = 0; i < CONNECTIONS; i++)
		waker->fd[i] = dial(waker);
	return waker;
}

/* False: hung up on, as libmilter does with what was idle for long. */
static bool
send_command(const struct pool_waker *waker, int *fd)
{
	if (*fd < 0)
		*fd = dial(waker);
	/* What is full wakes a worker, too. */
	if (*fd < 0 ||
	    send(*fd, abort_command, sizeof(abort_command), MSG_NOSIGNAL) >=
		0 ||
	    errno == EAGAIN)
		return true;
	(void)close(*fd);
	*fd = -1;
	return false;
}

void
pool_waker_wake(struct pool_waker *waker)
{
	int saved = errno;
	int *fd;

	if (waker == NULL)
		return;
	(void)pthread_mutex_lock(&waker->lock);
	fd = &waker->fd[waker->next++ % CONNECTIONS];
	if (!send_command(waker, fd))
		(void)send_command(waker, fd);
	(void)pthread_mutex_unlock(&waker->lock);
	errno = saved;
}
