/*
 * The socketmap server: Postfix (socketmap_table(5)) and Sendmail ask here for
 * the TLS policy of a domain when they are about to deliver to it.
 *
 *   request    netstring   MAP " " KEY
 *   reply      netstring   "OK " DATA, "NOTFOUND ", "TEMP " WHY, "PERM " WHY
 *
 * A connection may be kept as long as one likes, and may have many requests
 * under way; they are answered in the order in which they came. What is no
 * request is answered "PERM", what is no netstring ends the connection.
 *
 * Everything is bounded: the length of a request, the requests under way on a
 * connection (then no more is read from it), the replies that are not fetched
 * (likewise, and in the end it is closed), the connections (then the one idle
 * for longest is closed; an MTA connects again by itself). A closed connection
 * counts until the engine has answered its last request.
 */
#ifndef FRONT_SOCKETMAP_H
#define FRONT_SOCKETMAP_H

#include "config/config.h"
#include "front/listen.h"
#include "front/tls_lookup.h"

struct socketmap;

#define SOCKETMAP_REQUEST_MAX 4096 /* octets */
#define SOCKETMAP_UNDER_WAY   64   /* requests of one connection */
#define SOCKETMAP_UNREAD_MAX  ((size_t)256 * 1024) /* octets of one */
#define SOCKETMAP_WRITE_S     30 /* for a reply to be fetched */
#define SOCKETMAP_CLIENTS_MAX 1024

/*
 * Main thread, before privileges are dropped: binds the socket of the option
 * policy_socket. *out stays NULL if there is none. 0, ERR_NOMEM or ERR_IO with
 * *error filled in.
 */
int socketmap_listen(const struct config *config, struct socketmap **out,
    char error[LISTEN_ERROR_SIZE]);

/* Serves from now on, on a thread of its own. parts is copied. 0 or a negative
 * error. NULL is fine. */
int socketmap_start(struct socketmap *map, const struct tls_parts *parts);

/* Main thread: nobody is served any more. What was asked of the engine ends by
 * itself, with the engine at the latest. NULL is fine. */
void socketmap_stop(struct socketmap *map);

/* After the engine was freed (or never was). NULL is fine. */
void socketmap_free(struct socketmap **map);

#endif
