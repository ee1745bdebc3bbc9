/* Streams with deadlines. */
#include "autoconf.h"

#include "store/redis_socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "store/redis_tls.h"
#include "store/redis_wait.h"

#define KEEPALIVE_S 60 /* before a firewall forgets the connection */

/* --- connecting ----------------------------------------------------------- */

static int
await_connection(int fd, uint64_t deadline_ms)
{
	int failure = 0;
	socklen_t len = sizeof(failure);
	int err = redis_wait(fd, POLLOUT, deadline_ms);

	if (err == ERR_BUSY)
		errno = ETIMEDOUT;
	if (err != 0)
		return err;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len) == -1)
		return ERR_IO;
	errno = failure;
	return failure == 0 ? 0 : ERR_IO;
}

/* 0 with *out, or an error with errno. */
static int
connect_to(const struct sockaddr *sa, socklen_t len, uint64_t deadline_ms,
    int *out)
{
	int fd = socket(sa->sa_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err = 0;
	int saved;

	*out = -1;
	if (fd == -1)
		return ERR_IO;
	/* A unix socket says EAGAIN when its queue is full. */
	if (connect(fd, sa, len) == -1)
		err = errno == EINPROGRESS ? await_connection(fd, deadline_ms)
					   : ERR_IO;
	if (err == 0) {
		*out = fd;
		return 0;
	}
	saved = errno;
	close(fd);
	errno = saved;
	return err;
}

static int
connect_unix(const char *path, uint64_t deadline_ms, int *fd,
    char why[REDIS_WHY_SIZE])
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int err;

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	err = connect_to((const struct sockaddr *)&sun, sizeof(sun),
	    deadline_ms, fd);
	if (err != 0)
		snprintf(why, REDIS_WHY_SIZE, "connect: %s", strerror(errno));
	return err;
}

static void
tune(int fd)
{
	const int on = 1;
	const int idle_s = KEEPALIVE_S;

	/* Only comforts: without them it is slower to notice. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s,
	    sizeof(idle_s));
}

/* One address after the other, each with its share of the time. */
static int
connect_any(const struct addrinfo *list, uint64_t deadline_ms, int *fd)
{
	unsigned left = 0;
	int err = ERR_IO;

	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next)
		left++;
	for (; list != NULL && err != 0; list = list->ai_next, left--) {
		uint64_t now_ms = redis_now_ms();
		uint64_t time_ms =
		    deadline_ms > now_ms ? (deadline_ms - now_ms) / left : 0;

		err = connect_to(list->ai_addr, list->ai_addrlen,
		    now_ms + time_ms, fd);
	}
	return err;
}

static int
connect_net(const struct redis_address *address,
    struct redis_resolver *resolver, uint64_t deadline_ms, int *fd,
    char why[REDIS_WHY_SIZE])
{
	struct addrinfo *list;
	const char *text;
	int err = redis_resolve(resolver, address->host, address->port,
	    deadline_ms, &list, &text);

	if (err != 0) {
		snprintf(why, REDIS_WHY_SIZE, "%.100s: %s", address->host,
		    err == ERR_BUSY ? "its address does not come in time"
				    : text);
		return err;
	}
	err = connect_any(list, deadline_ms, fd);
	if (err != 0)
		snprintf(why, REDIS_WHY_SIZE, "connect: %s", strerror(errno));
	else
		tune(*fd);
	freeaddrinfo(list);
	return err;
}

int
redis_socket_open(const struct redis_address *address, const char *ca,
    const struct redis_auth *auth, struct redis_resolver *resolver,
    uint64_t deadline_ms, struct redis_socket *out, char why[REDIS_WHY_SIZE])
{
	int err;

	*out = (struct redis_socket){.fd = -1};
	if (address->transport == REDIS_UNIX)
		err = connect_unix(address->path, deadline_ms, &out->fd, why);
	else
		err =
		    connect_net(address, resolver, deadline_ms, &out->fd, why);
	if (err == 0 && address->transport == REDIS_TLS)
		err = redis_tls_start(out->fd, address->host, ca, auth,
		    deadline_ms, &out->ssl, why);
	if (err != 0)
		redis_socket_close(out);
	return err;
}

void
redis_socket_close(struct redis_socket *s)
{
	SSL_free(s->ssl);
	if (s->fd != -1)
		close(s->fd);
	*s = (struct redis_socket){.fd = -1};
}

/* --- moving octets -------------------------------------------------------- */

static int
send_some(struct redis_socket *s, const void *data, size_t len,
    uint64_t deadline_ms, size_t *done)
{
	ssize_t n;
	int err = 0;

	if (s->ssl != NULL)
		return redis_tls_send(s->ssl, data, len, deadline_ms, done);
	while (err == 0) {
		n = send(s->fd, data, len, MSG_NOSIGNAL);
		if (n >= 0) {
			*done = (size_t)n;
			return 0;
		}
		if (errno == EAGAIN)
			err = redis_wait(s->fd, POLLOUT, deadline_ms);
		else if (errno != EINTR)
			err = ERR_IO;
	}
	return err;
}

int
redis_socket_send(struct redis_socket *s, const void *data, size_t len,
    uint64_t deadline_ms)
{
	const char *at = data;
	size_t done = 0;
	int err = 0;

	while (len > 0) {
		err = send_some(s, at, len, deadline_ms, &done);
		if (err != 0)
			break;
		at += done;
		len -= done;
	}
	return err;
}

int
redis_socket_receive(struct redis_socket *s, void *out, size_t size,
    uint64_t deadline_ms, size_t *n)
{
	ssize_t got;
	int err = 0;

	if (s->ssl != NULL)
		return redis_tls_receive(s->ssl, out, size, deadline_ms, n);
	while (err == 0) {
		got = recv(s->fd, out, size, 0);
		if (got > 0) {
			*n = (size_t)got;
			return 0;
		}
		if (got == -1 && errno == EAGAIN)
			err = redis_wait(s->fd, POLLIN, deadline_ms);
		else if (got == 0 || errno != EINTR)
			err = ERR_IO;
	}
	return err;
}
