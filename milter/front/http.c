/* The HTTP server: who is let in, and the thread that serves. */
#include "autoconf.h"

#include "front/http.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/listener.h>

#include "base/clock.h"
#include "base/err.h"
#include "engine/loop.h"
#include "front/http_client.h"
#include "log/log.h"

#define ACCEPT_AGAIN_MS 1000

struct http {
	struct http_hub hub;
	struct log *log;
	struct loop_timer again;
	struct evconnlistener *listener;
	char name[HTTP_NAME_SIZE];
	uint16_t port;
	bool local;
	int fd; /* -1: the listener's, or closed */
};

/* --- those who come --- */

static bool
make_room(struct http *http)
{
	struct http_client *client;

	if (http->hub.n_clients < HTTP_CLIENTS_MAX)
		return true;
	client = http_client_oldest_silent(&http->hub);
	if (client == NULL)
		return false;
	http_client_close(client);
	return true;
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *peer, int peer_len, void *arg)
{
	struct http *http = arg;

	(void)listener;
	(void)peer;
	(void)peer_len;
	if (make_room(http))
		http_client_new(&http->hub, fd);
	else
		close(fd);
}

static void
accept_again(struct loop_timer *timer)
{
	struct http *http = (struct http *)(void *)((char *)timer -
	    offsetof(struct http, again));

	(void)evconnlistener_enable(http->listener);
}

/* Out of descriptors, most likely: to try again at once would be to spin. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct http *http = arg;

	log_msg(http->log, LOG_LEVEL_ERROR, "socket",
	    "metrics: cannot take a connection: %s", strerror(errno));
	if (loop_timer_set(http->hub.loop, &http->again,
		clock_mono_ms() + ACCEPT_AGAIN_MS, accept_again) == 0)
		(void)evconnlistener_disable(listener);
}

/* --- the address --- */

/* "HOST:PORT" as listen_open() has it; the name without brackets. */
static int
read_address(const char *address, char name[HTTP_NAME_SIZE], char *spec,
    size_t size)
{
	const char *colon = strrchr(address, ':');
	bool brackets = address[0] == '[';
	size_t len;

	if (colon == NULL || colon - address < (brackets ? 3 : 1))
		return ERR_SYNTAX;
	len = (size_t)(colon - address) - (brackets ? 2 : 0);
	if (len >= HTTP_NAME_SIZE)
		return ERR_TOOLONG;
	memcpy(name, address + brackets, len);
	name[len] = '\0';
	if (snprintf(spec, size, "%s:%s@%s", brackets ? "inet6" : "inet",
		colon + 1, name) >= (int)size)
		return ERR_TOOLONG;
	return 0;
}

/* 127.0.0.0/8 and ::1 */
static bool
is_loopback(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *in = (const void *)address;
	const struct sockaddr_in6 *in6 = (const void *)address;

	if (address->ss_family == AF_INET)
		return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return address->ss_family == AF_INET6 &&
	    IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

/* What was bound. */
static void
look_at(struct http *http)
{
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	const struct sockaddr_in *in = (const void *)&address;
	socklen_t len = sizeof(address);

	if (getsockname(http->fd, (struct sockaddr *)&address, &len) < 0)
		return;
	http->local = is_loopback(&address);
	/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): filled in */
	http->port = ntohs(in->sin_port); /* has its place in both families */
}

/* --- life --- */

static struct http *
http_new(void)
{
	struct http *http = calloc(1, sizeof(*http));

	if (http == NULL)
		return NULL;
	TAILQ_INIT(&http->hub.clients);
	TAILQ_INIT(&http->hub.orphans);
	http->hub.name = http->name;
	http->fd = -1;
	http->hub.loop = loop_new();
	if (http->hub.loop == NULL)
		http_free(&http);
	return http;
}

int
http_listen(const char *address, const struct config *config, struct http **out,
    char error[LISTEN_ERROR_SIZE])
{
	char spec[HTTP_NAME_SIZE + 32];
	struct http *http = http_new();
	int err;

	*out = NULL;
	if (http == NULL) {
		(void)snprintf(error, LISTEN_ERROR_SIZE, "%s",
		    err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	err = read_address(address, http->name, spec, sizeof(spec));
	if (err != 0)
		(void)snprintf(error, LISTEN_ERROR_SIZE, "%.256s: %s", address,
		    err_text(err));
	else
		http->fd = listen_open(spec, config, error);
	if (http->fd < 0) {
		http->fd = -1;
		http_free(&http);
		return ERR_IO;
	}
	look_at(http);
	*out = http;
	return 0;
}

int
http_start(struct http *http, struct log *log, http_handler_fn *handler,
    void *arg)
{
	http->log = log;
	http->hub.handler = handler;
	http->hub.arg = arg;
	http->listener =
	    evconnlistener_new(loop_base(http->hub.loop), on_accept, http,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, http->fd);
	if (http->listener == NULL)
		return ERR_NOMEM;
	evconnlistener_set_error_cb(http->listener, on_accept_error);
	http->fd = -1;
	return loop_start(http->hub.loop) == 0 ? 0 : ERR_NOMEM;
}

void
http_stop(struct http *http)
{
	loop_stop(http->hub.loop);
}

void
http_free(struct http **httpp)
{
	struct http *http = *httpp;

	if (http == NULL)
		return;
	*httpp = NULL;
	if (http->hub.loop != NULL) {
		loop_stop(http->hub.loop);
		loop_timer_clear(http->hub.loop, &http->again);
	}
	if (http->listener != NULL)
		evconnlistener_free(http->listener);
	if (http->fd >= 0)
		close(http->fd);
	http_clients_free(&http->hub);
	loop_free(&http->hub.loop);
	free(http);
}

struct loop *
http_loop(struct http *http)
{
	return http->hub.loop;
}

uint16_t
http_port(const struct http *http)
{
	return http->port;
}

bool
http_is_local(const struct http *http)
{
	return http->local;
}
