/*
 * One connection of the HTTP server.
 *
 * On the server's loop.
 */
#ifndef FRONT_HTTP_CLIENT_H
#define FRONT_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "front/http.h"

TAILQ_HEAD(http_client_list, http_client);

/* What all connections share. */
struct http_hub {
	struct loop *loop;
	http_handler_fn *handler;
	void *arg;
	const char *name; /* of the server, see http_host_is_ours */
	struct http_client_list clients; /* those connected, oldest first */
	struct http_client_list orphans; /* gone, and not answered yet */
	size_t n_clients;
};

/* Takes fd over. */
void http_client_new(struct http_hub *hub, int fd);
/* The oldest that has not asked yet; NULL: there is none. */
struct http_client *http_client_oldest_silent(const struct http_hub *hub);
void http_client_close(struct http_client *client);
/* The loop has stopped: all of them, answered or not. */
void http_clients_free(struct http_hub *hub);

#endif
