/*
 * The socketmap server, which tells Postfix (socketmap_table(5)) and Sendmail
 * the TLS policy of a domain when they are about to deliver to it.
 *
 *   request    netstring   MAP " " KEY
 *   reply      netstring   "OK " DATA, "NOTFOUND ", "TEMP " WHY, "PERM " WHY
 *
 * A client may keep its connection for any time and may have many requests
 * under way; they are answered in the order in which they came. A malformed
 * request is answered "PERM"; a malformed netstring ends the connection.
 *
 * Limits:
 *   - the length of a request;
 *   - the requests under way on a connection: no more is read from it;
 *   - the replies that a client does not read: no more is read from it, and
 *     after SOCKETMAP_WRITE_S it is closed;
 *   - the connections: for a new one, the one that is idle for longest is
 *     closed; an MTA connects again by itself. A closed connection counts until
 *     the engine has answered its last request.
 */
#ifndef FRONT_SOCKETMAP_H
#define FRONT_SOCKETMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include "config/config.h"
#include "front/listen.h"
#include "front/tls_lookup.h"

struct socketmap;

#define SOCKETMAP_REQUEST_MAX 4096 /* octets */
#define SOCKETMAP_UNDER_WAY   64   /* requests of one connection */
#define SOCKETMAP_UNREAD_MAX  ((size_t)256 * 1024) /* octets of one */
#define SOCKETMAP_WRITE_S     30 /* for a client to read a reply */
#define SOCKETMAP_CLIENTS_MAX 1024

/*
 * Main thread, before privileges are dropped: binds the socket of the option
 * policy_socket. *out stays NULL if there is none. 0, ERR_NOMEM or ERR_IO with
 * *error filled in.
 */
int socketmap_listen(const struct config *config, struct socketmap **out,
    char error[LISTEN_ERROR_SIZE]);

/* Starts the thread that serves. parts is copied. 0 or a negative error. NULL
 * is fine. */
int socketmap_start(struct socketmap *map, const struct tls_parts *parts);

/* Main thread: stops serving. Lookups under way end by themselves, with the
 * engine at the latest. NULL is fine. */
void socketmap_stop(struct socketmap *map);

/* After the engine was freed (or never was). NULL is fine. */
void socketmap_free(struct socketmap **map);

/* --- between socketmap.c and socketmap_client.c, on the server's loop --- */

/* Octets of a map's name that are compared and logged. */
#define SOCKETMAP_NAME_SIZE 64

struct bufferevent;
struct evbuffer;
struct loop;
struct socketmap_client;

TAILQ_HEAD(socketmap_clients, socketmap_client);
TAILQ_HEAD(socketmap_requests, socketmap_request);

/* The state that all connections share. */
struct socketmap_hub {
	struct loop *loop;
	struct tls_parts parts;
	struct socketmap_clients clients; /* least recently used first */
	size_t n_clients;  /* in memory: also closed ones with requests */
	bool told_unknown; /* unknown_map, which does not exist, was logged */
	char unknown_map[SOCKETMAP_NAME_SIZE];
};

struct socketmap_client {
	TAILQ_ENTRY(socketmap_client) link; /* while it is connected */
	struct socketmap_hub *hub;
	struct bufferevent *stream;         /* NULL: the connection is gone */
	struct evbuffer *due;               /* replies not yet in stream */
	struct socketmap_requests requests; /* oldest first */
	size_t n_requests;
	bool end_of_input;
	bool ending; /* reads no more; closes after the last reply */
};

/* Takes the descriptor and closes it on errors. */
void socketmap_client_new(struct socketmap_hub *hub, int fd);

/* Closes the connection. Frees the client and its requests, in part later: when
 * the engine has answered those that are under way. */
void socketmap_client_close(struct socketmap_client *client);

#endif
