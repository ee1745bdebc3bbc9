#include "autoconf.h"

#include "front/pool_waker.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "front/listen.h"

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
