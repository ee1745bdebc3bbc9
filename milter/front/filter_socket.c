/* The milter socket: its permissions, the limits on its connections, and the
 * waker of libmilter's pool. See filter.h. */
#include "autoconf.h"

#include "front/filter.h"

#include <dlfcn.h>
#include <errno.h>
#include <libmilter/mfapi.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "front/listen.h"
#include "log/log.h"

/* A connection takes one descriptor, a lookup a few. When the table is full,
 * libmilter's accept loop spins. */
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
	struct rlimit limit, more;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_cur >= DESCRIPTORS_WANTED)
		return;
	more = limit;
	more.rlim_cur = DESCRIPTORS_WANTED;
	if (more.rlim_max < DESCRIPTORS_WANTED)
		more.rlim_max = DESCRIPTORS_WANTED; /* root may */
	if (setrlimit(RLIMIT_NOFILE, &more) == 0)
		return;
	limit.rlim_cur = limit.rlim_max;
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

int
filter_socket_open(const struct config *config, char error[FILTER_ERROR_SIZE])
{
	const char *path = listen_unix_path(config->socket);
	char why[LISTEN_ERROR_SIZE];
	char *copy; /* libmilter does not declare it const */
	mode_t mask;
	int err = 0;

	raise_descriptors();
	if (path != NULL && listen_unix_check(path, why) < 0)
		return fail(error, config, why);
	copy = strdup(config->socket);
	mask = umask(0177); /* nobody can connect before the chmod */
	errno = 0;
	if (copy == NULL)
		err = fail(error, config, err_text(ERR_NOMEM));
	else if (smfi_setconn(copy) == MI_FAILURE)
		err = fail(error, config, "libmilter refused the address");
	else if (smfi_opensocket(true) == MI_FAILURE)
		err = fail(error, config,
		    errno != 0
			? listen_why(errno)
			: "libmilter cannot listen there; it told syslog "
			  "why (a host name that is not known?)");
	umask(mask);
	free(copy);
	if (err < 0)
		return err;
	if (path != NULL &&
	    listen_unix_permit(path, config->user, config->socket_group,
		(mode_t)strtoul(config->socket_mode, NULL, 8), why) < 0)
		return fail(error, config, why);
	return 0;
}

/* --- limits on connections --- */

/* How long accept() may keep libmilter's loop from checking for a stop. */
#define FULL_WAIT_MS 1000
#define FULL_STEP_MS 20

/* A socket of libmilter's. The inode tells it from a later one with the same
 * descriptor. */
struct connection_id {
	int fd;
	ino_t inode;
};

/* Exported by a libmilter that has the pool. */
extern int mi_pool_controller_init(void) __attribute__((weak));

/* The linker sees these two as poll and accept. The labels avoid a conflict
 * with the C library's declarations, some of which take other types. */
int
libmilter_poll(struct pollfd *fds, nfds_t n, int timeout_ms) __asm__("poll");
int libmilter_accept(int listener, struct sockaddr *address,
    socklen_t *len) __asm__("accept");

/* Set before libmilter has threads. */
static struct {
	atomic_bool on;
	struct log *log;
	pthread_t listener;
	unsigned packet_ms;
	unsigned max;
	/* the listener's own */
	struct connection_id *open;
	unsigned n_open;
	log_limit_time full_told, packet_told;
} limits;

static ino_t
inode_of(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

void
filter_socket_limit(struct log *log, unsigned connections, unsigned packet_ms)
{
	int (*const own_poll)(struct pollfd *, nfds_t, int) = libmilter_poll;
	int (*const own_accept)(int, struct sockaddr *, socklen_t *) =
	    libmilter_accept;
	const void *found[] = {dlsym(RTLD_DEFAULT, "poll"),
	    dlsym(RTLD_DEFAULT, "accept")};
	struct rlimit descriptors;

	limits.max = connections;
	if (connections == 0) {
		limits.max = FILTER_CONNECTIONS_MAX;
		if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0 &&
		    descriptors.rlim_cur / 2 < limits.max)
			limits.max = (unsigned)descriptors.rlim_cur / 2;
	}
	limits.packet_ms = packet_ms != 0 ? packet_ms : FILTER_PACKET_MS;
	limits.log = log;
	limits.listener = pthread_self();
	limits.open = calloc(limits.max, sizeof(limits.open[0]));
	atomic_store(&limits.on, limits.open != NULL);
	/* The linker decides whether libmilter's calls come here. */
	if (limits.open == NULL ||
	    memcmp(&found[0], &own_poll, sizeof(found[0])) != 0 ||
	    memcmp(&found[1], &own_accept, sizeof(found[1])) != 0)
		log_msg(log, LOG_LEVEL_WARNING, "limit",
		    "the MTA's connections are not bounded");
}

static int
wait_for(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	const struct timespec timeout = {
	    .tv_sec = timeout_ms / 1000,
	    .tv_nsec = (long)(timeout_ms % 1000) * 1000000,
	};

	return ppoll(fds, n, timeout_ms < 0 ? NULL : &timeout, NULL);
}

/* Waits for the rest of a packet, or for room for a reply. Earlier waits for
 * the same connection count as well. */
static int
wait_for_packet(struct pollfd *fd)
{
	static _Thread_local struct connection_id waiting;
	static _Thread_local uint64_t waited_ms;
	const ino_t inode = inode_of(fd->fd);
	uint64_t begun_ms = clock_mono_ms();
	int rc;

	if (waiting.fd != fd->fd || waiting.inode != inode)
		waited_ms = 0;
	waiting = (struct connection_id){fd->fd, inode};
	rc = wait_for(fd, 1,
	    waited_ms < limits.packet_ms ? (int)(limits.packet_ms - waited_ms)
					 : 0);
	waited_ms += clock_mono_ms() - begun_ms;
	if (rc == 0)
		log_limit(limits.log, &limits.packet_told,
		    "a connection to the milter socket is closed: no whole "
		    "packet came within %u ms",
		    limits.packet_ms);
	return rc;
}

/* Replaces the C library's function for libmilter. */
int
libmilter_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	int rc;

	if (!atomic_load(&limits.on) || n != 1 ||
	    timeout_ms != FILTER_IDLE_S * 1000 ||
	    mi_pool_controller_init == NULL)
		return wait_for(fds, n, timeout_ms);
	rc = wait_for(fds, n, 0); /* nearly always ready */
	return rc != 0 ? rc : wait_for_packet(fds);
}

/* Waits until a connection ends. False: none has. */
static bool
await_room(void)
{
	const uint64_t end_ms = clock_mono_ms() + FULL_WAIT_MS;

	while (limits.n_open == limits.max) {
		unsigned n = 0;

		/* Forgets the connections that have ended. */
		for (unsigned i = 0; i < limits.n_open; i++) {
			if (inode_of(limits.open[i].fd) == limits.open[i].inode)
				limits.open[n++] = limits.open[i];
		}
		limits.n_open = n;
		if (n < limits.max)
			break;
		log_limit(limits.log, &limits.full_told,
		    "%u connections to the milter socket: a new one waits "
		    "until another ends",
		    limits.max);
		if (clock_mono_ms() > end_ms)
			return false;
		(void)wait_for(NULL, 0, FULL_STEP_MS);
	}
	return true;
}

/* Replaces the C library's function for libmilter. */
int
libmilter_accept(int listener, struct sockaddr *address, socklen_t *len)
{
	const bool ours = atomic_load(&limits.on) &&
	    pthread_equal(pthread_self(), limits.listener);
	int fd;

	if (ours && !await_room()) {
		errno = EINTR; /* libmilter checks for a stop */
		return -1;
	}
	fd = accept4(listener, address, len, 0);
	if (ours && fd >= 0)
		limits.open[limits.n_open++] =
		    (struct connection_id){fd, inode_of(fd)};
	return fd;
}

/* --- callbacks that run --- */

bool
inflight_enter(struct inflight *inflight)
{
	/* Counts before it looks: inflight_close() sets `closed` before it
	 * counts, so that one of the two sees the other. */
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

/* The pool may give a command to a worker that it counts as idle, but that is
 * about to take another one; there are at most two such workers. The next
 * command goes over the next connection. */
#define CONNECTIONS 4

/* An MTA's packet: the length of what follows, and the command. */
static const char abort_command[] = {0, 0, 0, 1, 'A'};

struct pool_waker {
	struct sockaddr_storage address;
	socklen_t len;
	pthread_mutex_t lock; /* guards the members below */
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
	/* These connections are older than any MTA's, and a worker takes the
	 * oldest first. The command shows libmilter that they are in use. */
	for (size_t i = 0; i < CONNECTIONS; i++) {
		waker->fd[i] = dial(waker);
		if (waker->fd[i] >= 0)
			(void)send(waker->fd[i], abort_command,
			    sizeof(abort_command), MSG_NOSIGNAL);
	}
	return waker;
}

/* False: libmilter has closed the connection, which was idle for long. */
static bool
send_command(const struct pool_waker *waker, int *fd)
{
	if (*fd < 0)
		*fd = dial(waker);
	/* A connection whose buffer is full wakes a worker, too. */
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
