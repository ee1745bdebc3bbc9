/*
 * A request in libmicrohttpd: take_request() is called when its head is there.
 * A handler that cannot answer at once leaves the connection suspended:
 * libmicrohttpd does not look at it until http_resume(), after which
 * take_request() is called again.
 */
#include "autoconf.h"

#include "front/http.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "text/html.h"

#define HOST_SIZE 256

/* Leaves room for connections that were closed and are not yet cleared. */
#define CONNECTIONS_MAX (2 * HTTP_CLIENTS_MAX)

#define TYPE_TEXT "text/plain; charset=utf-8"

/* A connection. On the server's thread. */
struct peer {
	TAILQ_ENTRY(peer) link;
	int fd;
	bool asked; /* its request is there */
	uint64_t since_ms;
};

TAILQ_HEAD(peers, peer);
TAILQ_HEAD(requests, http_request);

struct http {
	struct MHD_Daemon *daemon;
	http_handler_fn *handler;
	void *arg;
	char name[HOST_SIZE]; /* as configured, without port and brackets */
	struct http_bound bound;
	int fd; /* -1: the daemon's, or closed */

	struct peers peers; /* served, oldest first */
	size_t n_peers;

	pthread_mutex_t lock; /* guards the members below */
	bool stopped;
	struct requests suspended;
};

/* --- answers --- */

/* Header fields of every answer: other sites may not frame, read or store
 * it. */
static const char *const fields[][2] = {
    {"Cache-Control",                "no-store"   },
    {"X-Content-Type-Options",       "nosniff"    },
    {"X-Frame-Options",              "DENY"       },
    {"Referrer-Policy",              "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Connection",		   "close"      },
};

void
http_answer(struct http_request *request, unsigned status, const char *type,
    char *body, size_t len)
{
	struct MHD_Response *response;

	if (request->gone) { /* nobody is there to read it */
		request->answered = true;
		free(body);
		return;
	}
	if (body == NULL) {
		http_answer_text(request, 500, "out of memory\n");
		return;
	}
	request->answered = true;
	response =
	    MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
	if (response == NULL) {
		free(body);
		request->failed = true;
		return;
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		(void)MHD_add_response_header(response, fields[i][0],
		    fields[i][1]);
	(void)MHD_add_response_header(response, "Content-Type", type);
	if (strcmp(type, HTML_TYPE) == 0)
		(void)MHD_add_response_header(response,
		    "Content-Security-Policy", html_policy);
	if (status == 405)
		(void)MHD_add_response_header(response, "Allow", "GET, HEAD");
	request->failed =
	    MHD_queue_response(request->connection, status, response) == MHD_NO;
	MHD_destroy_response(response);
}

void
http_answer_text(struct http_request *request, unsigned status,
    const char *text)
{
	char *copy = strdup(text);

	if (copy != NULL)
		http_answer(request, status, TYPE_TEXT, copy, strlen(copy));
	else
		request->answered = request->failed = true;
}

/* --- protection of the browser --- */

/*
 * A browser that opened a stranger's name which resolves to this address (DNS
 * rebinding) sends that name in Host. Our own names are address literals,
 * "localhost" and the name that the server was configured with, each with or
 * without a port.
 */
static bool
is_own_host(const char *host, size_t len, const char *own)
{
	const bool brackets = len > 0 && host[0] == '[';
	const char *end = memchr(host, brackets ? ']' : ':', len);
	struct in6_addr address;
	char name[HOST_SIZE];

	if (brackets) {
		if (end == NULL || (end + 1 < host + len && end[1] != ':'))
			return false;
		host++;
		len = (size_t)(end - host);
	} else if (end != NULL) {
		len = (size_t)(end - host);
	}
	if (len == 0 || len >= sizeof(name) || memchr(host, '\0', len) != NULL)
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	if (inet_pton(brackets ? AF_INET6 : AF_INET, name, &address) == 1)
		return true;
	return !brackets &&
	    (strcasecmp(name, "localhost") == 0 || strcasecmp(name, own) == 0);
}

struct head {
	const struct http *http;
	bool own_host;   /* no Host names another one */
	bool other_site; /* a Sec-Fetch-Site does */
};

static enum MHD_Result
read_field(void *arg, enum MHD_ValueKind kind, const char *name,
    size_t name_len, const char *value, size_t len)
{
	struct head *head = arg;

	(void)kind;
	(void)name_len;
	if (strcasecmp(name, "Host") == 0 &&
	    !is_own_host(value, len, head->http->name))
		head->own_host = false;
	/* "none": typed in, or from a bookmark */
	if (strcasecmp(name, "Sec-Fetch-Site") == 0 &&
	    strcmp(value, "same-origin") != 0 && strcmp(value, "none") != 0)
		head->other_site = true;
	return MHD_YES;
}

/* An encoded NUL would end the text that handlers see. */
static size_t
unescape(void *arg, struct MHD_Connection *connection, char *text)
{
	size_t len = MHD_http_unescape(text);

	(void)arg;
	(void)connection;
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\0')
			text[i] = '\1';
	return len;
}

/* --- requests --- */

static void
begin_request(struct http_request *request, const char *method)
{
	struct http *http = request->http;
	struct head head = {.http = http, .own_host = true};

	(void)MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND,
	    read_field, &head);
	request->other_site = head.other_site;
	if (!head.own_host)
		http_answer_text(request, 421,
		    "no site of that name: use an address, or localhost\n");
	else if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		http_answer_text(request, 405, "405 Method Not Allowed\n");
	else
		http->handler(http->arg, request);
}

/*
 * After a handler: suspends the connection unless the request is answered, or
 * can be because http_resume() was quicker.
 */
static enum MHD_Result
go_on(struct http_request *request)
{
	struct http *http = request->http;
	bool stopped, wait;

	while (!request->answered) {
		(void)pthread_mutex_lock(&http->lock);
		request->open = true;
		stopped = http->stopped;
		wait = request->next == NULL && !stopped;
		if (wait) {
			request->suspended = true;
			TAILQ_INSERT_TAIL(&http->suspended, request, link);
			MHD_suspend_connection(request->connection);
		}
		(void)pthread_mutex_unlock(&http->lock);
		if (stopped)
			return MHD_NO;
		if (wait)
			return MHD_YES;
		request->next(request->arg, request);
	}
	return request->failed ? MHD_NO : MHD_YES;
}

/* Called when the head is there, and again after http_resume(). */
static enum MHD_Result
take_request(void *arg, struct MHD_Connection *connection, const char *path,
    const char *method, const char *version, const char *upload,
    size_t *upload_len, void **context)
{
	struct http_request *request = *context;
	const union MHD_ConnectionInfo *info;
	struct peer *peer;

	(void)version;
	(void)upload;
	*upload_len = 0; /* ignores a body */
	if (request != NULL)
		return go_on(request);
	info = MHD_get_connection_info(connection,
	    MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	request = calloc(1, sizeof(*request));
	if (request == NULL || info == NULL || info->socket_context == NULL) {
		free(request);
		return MHD_NO;
	}
	*context = request;
	peer = info->socket_context;
	peer->asked = true;
	request->http = arg;
	request->connection = connection;
	request->path = path;
	begin_request(request, method);
	return go_on(request);
}

/*
 * Called when libmicrohttpd no longer needs the request. It reads from a
 * resumed connection before it calls take_request(): if the client has closed
 * it by then, the request ends here, and next still has to run.
 */
static void
end_request(void *arg, struct MHD_Connection *connection, void **context,
    enum MHD_RequestTerminationCode how)
{
	struct http *http = arg;
	struct http_request *request = *context;
	bool gone, resumed;

	(void)connection;
	(void)how;
	if (request == NULL)
		return;
	*context = NULL;
	(void)pthread_mutex_lock(&http->lock);
	if (request->suspended)
		TAILQ_REMOVE(&http->suspended, request, link);
	request->suspended = false;
	gone = request->open && !request->answered;
	resumed = request->next != NULL;
	request->gone = gone;
	(void)pthread_mutex_unlock(&http->lock);
	if (gone && !resumed)
		return; /* http_resume() frees it */
	if (gone)
		request->next(request->arg, request);
	free(request);
}

void
http_resume(struct http_request *request, http_handler_fn *next, void *arg)
{
	struct http *http = request->http;

	(void)pthread_mutex_lock(&http->lock);
	request->next = next;
	request->arg = arg;
	if (request->suspended) {
		request->suspended = false;
		TAILQ_REMOVE(&http->suspended, request, link);
		MHD_resume_connection(request->connection);
	} else if (request->gone) {
		free(request);
	}
	(void)pthread_mutex_unlock(&http->lock);
}

const char *
http_query(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection,
	    MHD_GET_ARGUMENT_KIND, name);
}

/* --- connections --- */

/* Finds the oldest connection that may be closed: it has not sent its request,
 * or takes too long to read the answer. The new one has not sent one either. */
static struct peer *
find_idle(const struct http *http, struct peer *new)
{
	const uint64_t now_ms = clock_mono_ms();
	struct peer *peer;

	TAILQ_FOREACH (peer, &http->peers, link) {
		if (!peer->asked ||
		    now_ms - peer->since_ms > HTTP_ANSWER_S * 1000)
			return peer;
	}
	return new;
}

static void
note_connection(void *arg, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info;
	struct http *http = arg;
	struct peer *peer = *context;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (peer != NULL && peer->fd >= 0) {
			TAILQ_REMOVE(&http->peers, peer, link);
			http->n_peers--;
		}
		free(peer);
		*context = NULL;
		return;
	}
	info = MHD_get_connection_info(connection,
	    MHD_CONNECTION_INFO_CONNECTION_FD);
	peer = calloc(1, sizeof(*peer));
	*context = peer;
	if (peer == NULL || info == NULL)
		return; /* take_request() closes it */
	peer->fd = info->connect_fd;
	peer->since_ms = clock_mono_ms();
	TAILQ_INSERT_TAIL(&http->peers, peer, link);
	if (++http->n_peers <= HTTP_CLIENTS_MAX)
		return;
	/* libmicrohttpd then reads the end of the stream and closes it. */
	peer = find_idle(http, peer);
	TAILQ_REMOVE(&http->peers, peer, link);
	http->n_peers--;
	(void)shutdown(peer->fd, SHUT_RDWR);
	peer->fd = -1;
}

/* --- the address --- */

/* "HOST:PORT" as listen_open() has it; the name without brackets. */
static int
read_address(const char *address, char name[HOST_SIZE], char *spec, size_t size)
{
	const char *colon = strrchr(address, ':');
	bool brackets = address[0] == '[';
	size_t len;

	if (colon == NULL || colon - address < (brackets ? 3 : 1))
		return ERR_SYNTAX;
	len = (size_t)(colon - address) - (brackets ? 2 : 0);
	if (len >= HOST_SIZE)
		return ERR_TOOLONG;
	memcpy(name, address + brackets, len);
	name[len] = '\0';
	if (snprintf(spec, size, "%s:%s@%s", brackets ? "inet6" : "inet",
		colon + 1, name) >= (int)size)
		return ERR_TOOLONG;
	return 0;
}

/* Finds out which port was bound, and whether other hosts can reach it. */
static void
look_at_socket(struct http *http)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} address;
	socklen_t len = sizeof(address);

	memset(&address, 0, sizeof(address));
	if (getsockname(http->fd, &address.any, &len) < 0)
		return;
	if (address.any.sa_family == AF_INET) {
		http->bound.local =
		    ntohl(address.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
		http->bound.port = ntohs(address.in.sin_port);
	} else {
		http->bound.local =
		    IN6_IS_ADDR_LOOPBACK(&address.in6.sin6_addr);
		http->bound.port = ntohs(address.in6.sin6_port);
	}
}

struct http_bound
http_bound(const struct http *http)
{
	return http->bound;
}

/* --- life --- */

int
http_listen(const char *address, const struct config *config, struct http **out,
    char error[LISTEN_ERROR_SIZE])
{
	char spec[HOST_SIZE + 32];
	struct http *http = calloc(1, sizeof(*http));
	int err;

	*out = NULL;
	if (http == NULL) {
		(void)snprintf(error, LISTEN_ERROR_SIZE, "%s",
		    err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	(void)pthread_mutex_init(&http->lock, NULL);
	TAILQ_INIT(&http->peers);
	TAILQ_INIT(&http->suspended);
	http->fd = -1;
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
	look_at_socket(http);
	*out = http;
	return 0;
}

int
http_start(struct http *http, http_handler_fn *handler, void *arg)
{
	http->handler = handler;
	http->arg = arg;
	http->daemon = MHD_start_daemon(MHD_USE_AUTO |
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME,
	    0, NULL, NULL, take_request, http, MHD_OPTION_LISTEN_SOCKET,
	    http->fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_REQUEST_S,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK,
	    unescape, NULL, MHD_OPTION_NOTIFY_CONNECTION, note_connection, http,
	    MHD_OPTION_NOTIFY_COMPLETED, end_request, http, MHD_OPTION_END);
	if (http->daemon == NULL)
		return ERR_NOMEM;
	http->fd = -1;
	return 0;
}

void
http_stop(struct http *http)
{
	struct http_request *request;

	if (http->daemon == NULL)
		return;
	/* libmicrohttpd must not be stopped while a connection is suspended. */
	(void)pthread_mutex_lock(&http->lock);
	http->stopped = true;
	while ((request = TAILQ_FIRST(&http->suspended)) != NULL) {
		TAILQ_REMOVE(&http->suspended, request, link);
		request->suspended = false;
		MHD_resume_connection(request->connection);
	}
	(void)pthread_mutex_unlock(&http->lock);
	MHD_stop_daemon(http->daemon);
	http->daemon = NULL;
}

void
http_free(struct http **httpp)
{
	struct http *http = *httpp;

	if (http == NULL)
		return;
	*httpp = NULL;
	http_stop(http);
	if (http->fd >= 0)
		close(http->fd);
	(void)pthread_mutex_destroy(&http->lock);
	free(http);
}
