/*
 * One connection of the socketmap server: requests in, replies out, in order.
 *
 * On the server's loop.
 */
#ifndef FRONT_SOCKETMAP_CLIENT_H
#define FRONT_SOCKETMAP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "front/tls_lookup.h"

/* Octets of a map's name that are compared and logged. */
#define SOCKETMAP_NAME_SIZE 64

struct bufferevent;
struct evbuffer;
struct loop;
struct socketmap_client;

TAILQ_HEAD(socketmap_clients, socketmap_client);
TAILQ_HEAD(socketmap_requests, socketmap_request);

/* What all connections share. */
struct socketmap_hub {
	struct loop *loop;
	struct tls_parts parts;
	struct socketmap_clients clients; /* least recently used first */
	size_t n_clients;  /* in memory: closed ones with requests, too */
	bool told_unknown; /* a map that does not exist, and which */
	char unknown_map[SOCKETMAP_NAME_SIZE];
};

struct socketmap_client {
	TAILQ_ENTRY(socketmap_client) link; /* while it is connected */
	struct socketmap_hub *hub;
	struct bufferevent *stream;         /* NULL: the connection is gone */
	struct evbuffer *due;               /* replies not yet handed to it */
	struct socketmap_requests requests; /* oldest first */
	size_t n_requests;
	bool end_of_input;
	bool ending; /* no more is taken; closed when all is said */
};

/* Takes the descriptor over, in every case. */
void socketmap_client_new(struct socketmap_hub *hub, int fd);

/* Closes the connection. Frees the client and its requests, those that the
 * engine has yet to answer when it has. */
void socketmap_client_close(struct socketmap_client *client);

#endif
