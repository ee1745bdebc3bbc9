/*
 * The HTTP server for metrics and the status page, by libmicrohttpd. GET and
 * HEAD, one request a connection, on a thread of its own.
 *
 * libmicrohttpd reads and bounds requests and times connections out. In
 * addition, this module protects the viewer's browser: the server answers only
 * under its own names, so that a stranger's name that leads here (DNS
 * rebinding) reads nothing; it tells handlers when a page of another site sends
 * the request; it changes nothing (other methods get 405); and it lets no other
 * page frame or read an answer.
 *
 * Connections are bounded by HTTP_CLIENTS_MAX. A new one takes the place of
 * the oldest that has not sent its request, or has not fetched its answer for
 * HTTP_ANSWER_S. If there is none, the new one is closed.
 */
#ifndef FRONT_HTTP_H
#define FRONT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "front/listen.h"

struct MHD_Connection;
struct http;
struct http_request;
struct log;

#define HTTP_CLIENTS_MAX 32
#define HTTP_REQUEST_S   10 /* of silence */
#define HTTP_ANSWER_S    30
#define HTTP_MEMORY      16384 /* octets of a connection: bounds the head */

/* --- the server --- */

typedef void http_handler_fn(void *arg, struct http_request *request);

/*
 * Main thread, before privileges are dropped: binds the address, in the form
 * of the option metrics: "127.0.0.1:9478", "[::1]:9478", "localhost:9478".
 * 0, ERR_NOMEM or ERR_IO with *error filled in.
 */
int http_listen(const char *address, const struct config *config,
    struct http **out, char error[LISTEN_ERROR_SIZE]);

/*
 * Main thread, signals blocked. Serves from now on. 0 or ERR_NOMEM. The handler
 * runs on the server's thread. It either answers the request or makes sure that
 * http_resume() is called once, then or later.
 */
int http_start(struct http *http, http_handler_fn *handler, void *arg);

/* Main thread: closes all connections. No handler runs any more when it
 * returns. More than once does no harm. */
void http_stop(struct http *http);

/* Stops. Call it when http_resume() was called for every request that a handler
 * left open. NULL inside is fine. */
void http_free(struct http **http);

struct http_bound {
	uint16_t port; /* not the one asked for, if that was 0 */
	bool local;    /* only this machine can connect */
};

struct http_bound http_bound(const struct http *http);

/* --- a request: on the server's thread, until it is answered --- */

struct http_request {
	/* Percent-decoded. An encoded NUL is a control character in it. */
	const char *path;
	bool other_site; /* a browser sends it for a page of another site */

	/* the module's own */
	TAILQ_ENTRY(http_request) link; /* while it is suspended */
	struct http *http;
	struct MHD_Connection *connection;
	bool answered;
	bool failed; /* no memory for an answer: the connection is closed */
	/* under the server's lock */
	bool suspended;
	bool open;             /* the handler has returned without answer */
	bool gone;             /* the connection ended before the answer */
	http_handler_fn *next; /* of http_resume(); NULL: it is to come */
	void *arg;
};

/* The field of the query, percent-decoded likewise; NULL: there is none. */
const char *http_query(const struct http_request *request, const char *name);

/* type: Content-Type, that of HTML also gets the policy of text/html.h. Takes
 * body, from malloc(); NULL: there was no memory for it, and that is the
 * answer. */
void http_answer(struct http_request *request, unsigned status,
    const char *type, char *body, size_t len);
/* text is copied. */
void http_answer_text(struct http_request *request, unsigned status,
    const char *text);

/*
 * Any thread, once for a request that its handler left open: has next answer it
 * on the server's thread or, while the server stops, inside http_stop(). Next
 * also runs when the client has left; http_answer() then drops the answer. It
 * does not run if the server is stopped by then.
 */
void
http_resume(struct http_request *request, http_handler_fn *next, void *arg);

#endif
