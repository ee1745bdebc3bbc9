/* The socketmap server: accepts connections and runs the loop that serves them.
 */
#include "autoconf.h"

#include "front/socketmap.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/listener.h>

#include "base/clock.h"
#include "base/err.h"
#include "engine/loop.h"
#include "log/log.h"

#define ACCEPT_AGAIN_MS 1000

struct socketmap {
	struct socketmap_hub hub;
	struct loop_task stop_task;
	struct loop_timer again; /* set while accept(2) fails */
	struct evconnlistener *listener;
	char *spec;
	int fd; /* -1: the listener's, or closed */
	bool bound;
	bool started;
	bool stopped;
	log_limit_time full_told;
};

/* --- clients --- */

/* Closes the connection that is idle for longest if there are too many. False:
 * all have requests under way. */
static bool
make_room(struct socketmap *map)
{
	struct socketmap_hub *hub = &map->hub;
	struct socketmap_client *client;

	if (hub->n_clients < SOCKETMAP_CLIENTS_MAX)
		return true;
	log_limit(hub->parts.log, &map->full_told,
	    "%d connections to policy_socket: for a new one the one that is "
	    "idle for longest is closed",
	    SOCKETMAP_CLIENTS_MAX);
	TAILQ_FOREACH (client, &hub->clients, link) {
		if (client->n_requests > 0)
			continue;
		socketmap_client_close(client);
		return true;
	}
	return false;
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd,
    struct sockaddr *peer, int peer_len, void *arg)
{
	struct socketmap *map = arg;

	(void)listener;
	(void)peer;
	(void)peer_len;
	if (make_room(map))
		socketmap_client_new(&map->hub, fd);
	else
		close(fd);
}

static void
accept_again(struct loop_timer *timer)
{
	struct socketmap *map = (struct socketmap *)(void *)((char *)timer -
	    offsetof(struct socketmap, again));

	(void)evconnlistener_enable(map->listener);
}

/* Most likely there are no descriptors left, and trying again at once would
 * spin. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct socketmap *map = arg;

	log_msg(map->hub.parts.log, LOG_LEVEL_ERROR, "socket",
	    "policy_socket: cannot take a connection: %s", strerror(errno));
	if (loop_timer_set(map->hub.loop, &map->again,
		clock_mono_ms() + ACCEPT_AGAIN_MS, accept_again) == 0)
		(void)evconnlistener_disable(listener);
}

/* --- life --- */

int
socketmap_listen(const struct config *config, struct socketmap **out,
    char error[LISTEN_ERROR_SIZE])
{
	const char *spec = config->policy_socket;
	struct socketmap *map;

	*out = NULL;
	if (spec[0] == '\0')
		return 0;
	map = calloc(1, sizeof(*map));
	if (map == NULL)
		goto no_memory;
	TAILQ_INIT(&map->hub.clients);
	map->fd = -1;
	map->hub.loop = loop_new();
	map->spec = strdup(spec);
	if (map->hub.loop == NULL || map->spec == NULL)
		goto no_memory;
	map->fd = listen_open(spec, config, error);
	if (map->fd < 0) {
		map->fd = -1;
		socketmap_free(&map);
		return ERR_IO;
	}
	map->bound = true;
	*out = map;
	return 0;

no_memory:
	(void)snprintf(error, LISTEN_ERROR_SIZE, "%s", err_text(ERR_NOMEM));
	socketmap_free(&map);
	return ERR_NOMEM;
}

int
socketmap_start(struct socketmap *map, const struct tls_parts *parts)
{
	if (map == NULL)
		return 0;
	map->hub.parts = *parts;
	map->listener = evconnlistener_new(loop_base(map->hub.loop), on_accept,
	    map, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, map->fd);
	if (map->listener == NULL)
		return ERR_NOMEM;
	evconnlistener_set_error_cb(map->listener, on_accept_error);
	map->fd = -1;
	map->started = loop_start(map->hub.loop) == 0;
	return map->started ? 0 : ERR_NOMEM;
}

/* On the loop. */
static void
end_service(struct loop_task *task)
{
	struct socketmap *map = (struct socketmap *)(void *)((char *)task -
	    offsetof(struct socketmap, stop_task));
	struct socketmap_client *client;

	loop_timer_clear(map->hub.loop, &map->again);
	evconnlistener_free(map->listener);
	map->listener = NULL;
	while ((client = TAILQ_FIRST(&map->hub.clients)) != NULL)
		socketmap_client_close(client);
}

void
socketmap_stop(struct socketmap *map)
{
	if (map == NULL || !map->started || map->stopped)
		return;
	map->stopped = true;
	map->stop_task.run = end_service;
	loop_post(map->hub.loop, &map->stop_task);
}

void
socketmap_free(struct socketmap **mapp)
{
	struct socketmap *map = *mapp;

	if (map == NULL)
		return;
	*mapp = NULL;
	if (map->hub.loop != NULL)
		loop_stop(map->hub.loop);
	if (map->listener != NULL)
		evconnlistener_free(map->listener);
	if (map->fd >= 0)
		close(map->fd);
	if (map->bound)
		listen_remove(map->spec);
	loop_free(&map->hub.loop);
	free(map->spec);
	free(map);
}
