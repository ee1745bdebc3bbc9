/*
 * A small HTTP server for metrics and the status page: GET and HEAD, one
 * request a connection. libevent's own knows no bound on connections.
 *
 * Everything is bounded: the octets of a request, the time for it and for the
 * answer to be fetched, the connections (then the oldest that has not asked
 * yet is closed, or the new one). A request body is not looked at.
 *
 * What no handler sees: malformed requests, other methods, and a Host that is
 * not ours.
 */
#ifndef FRONT_HTTP_H
#define FRONT_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "front/http_request.h"
#include "front/listen.h"

struct http;
struct http_client;
struct log;
struct loop;

#define HTTP_CLIENTS_MAX 32
#define HTTP_REQUEST_S   10
#define HTTP_ANSWER_S    30

struct http_answer {
	unsigned status;  /* 200 */
	const char *type; /* Content-Type; NULL: text/plain */
	/* More header fields, each with CRLF at its end; NULL: none. */
	const char *fields;
	const char *body; /* copied */
	size_t len;
};

/*
 * On the server's loop. http_answer() has to be called exactly once, now or
 * later; client is good until then, connected or not. *request is good while
 * the handler runs.
 */
typedef void http_handler_fn(void *arg, const struct http_request *request,
    struct http_client *client);

/* "127.0.0.1:9478", "[::1]:9478", "localhost:9478" as address and port. */
#define HTTP_NAME_SIZE 256

/*
 * Main thread, before privileges are dropped: binds the address, in the form
 * of the option metrics. 0, ERR_NOMEM or ERR_IO with *error filled in.
 */
int http_listen(const char *address, const struct config *config,
    struct http **out, char error[LISTEN_ERROR_SIZE]);

/* Serves from now on, on a thread of its own. 0 or a negative error. */
int http_start(struct http *http, struct log *log, http_handler_fn *handler,
    void *arg);

/* Any thread but the loop's: no handler runs any more when it returns, and
 * nobody may answer any more. What is posted to the loop is not run. More than
 * once does no harm. */
void http_stop(struct http *http);

/* Those who still wait for an answer are cut off. NULL inside is fine. */
void http_free(struct http **http);

/* On the loop. */
void http_answer(struct http_client *client, const struct http_answer *answer);
/* The same with a line of text. */
void
http_answer_text(struct http_client *client, unsigned status, const char *text);

/* Any thread: to post what http_answer() is called from. */
struct loop *http_loop(struct http *http);

/* The port that was bound: another one than asked for, if that was 0. */
uint16_t http_port(const struct http *http);
/* Whether only this machine can connect. */
bool http_is_local(const struct http *http);

#endif
