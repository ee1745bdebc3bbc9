/*
 * A connection:
 *
 *	READING     until the head of the request is there
 *	WAITING     for the handler to answer
 *	WRITING     until the answer is out
 *	LINGERING   until the other side closes: what it still sends would
 *	            make the kernel drop an answer that is not read yet
 *
 * One that is closed while WAITING lives on, without a stream, until it is
 * answered.
 */
#include "autoconf.h"

#include "front/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "base/clock.h"
#include "engine/loop.h"

#define LINGER_S 2

enum client_state {
	CLIENT_READING,
	CLIENT_WAITING,
	CLIENT_WRITING,
	CLIENT_LINGERING
};

struct http_client {
	TAILQ_ENTRY(http_client) link;
	struct http_hub *hub;
	struct bufferevent *stream; /* NULL: closed */
	struct loop_timer timer;
	enum client_state state;
	bool head;
	bool ended; /* the other side has nothing more to say */
};

/* Fields of every answer. A page of ours is nobody else's to frame, read or
 * run a script in. */
static const char common_fields[] = "Cache-Control: no-store\r\n"
				    "X-Content-Type-Options: nosniff\r\n"
				    "X-Frame-Options: DENY\r\n"
				    "Referrer-Policy: no-referrer\r\n"
				    "Cross-Origin-Resource-Policy: "
				    "same-origin\r\n"
				    "Connection: close\r\n";

static const struct {
	unsigned status;
	const char *reason;
} reasons[] = {
    {200, "OK"			     },
    {400, "Bad Request"                    },
    {403, "Forbidden"		      },
    {404, "Not Found"		      },
    {405, "Method Not Allowed"             },
    {414, "URI Too Long"                   },
    {421, "Misdirected Request"            },
    {429, "Too Many Requests"              },
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"          },
    {503, "Service Unavailable"            },
    {505, "HTTP Version Not Supported"     },
};

static const char *
reason_of(unsigned status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Status";
}

/* --- the end --- */

void
http_client_close(struct http_client *client)
{
	struct http_hub *hub = client->hub;

	loop_timer_clear(hub->loop, &client->timer);
	bufferevent_free(client->stream);
	client->stream = NULL;
	TAILQ_REMOVE(&hub->clients, client, link);
	hub->n_clients--;
	if (client->state == CLIENT_WAITING)
		TAILQ_INSERT_TAIL(&hub->orphans, client, link);
	else
		free(client);
}

static void
timed_out(struct loop_timer *timer)
{
	http_client_close((struct http_client *)(void *)((char *)timer -
	    offsetof(struct http_client, timer)));
}

/* False: no memory, and the client is gone. */
static bool
allow_seconds(struct http_client *client, unsigned s)
{
	if (loop_timer_set(client->hub->loop, &client->timer,
		clock_mono_ms() + (uint64_t)s * 1000, timed_out) == 0)
		return true;
	http_client_close(client);
	return false;
}

/* --- the answer --- */

static void
format_date(char *out, size_t size)
{
	time_t now = clock_wall_s();
	struct tm tm;

	/* RFC 9110 5.6.7; the daemon runs in the C locale. */
	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(out, size, "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
		out[0] = '\0';
}

static int
write_answer(struct http_client *client, const struct http_answer *answer)
{
	const char *type =
	    answer->type != NULL ? answer->type : "text/plain; charset=utf-8";
	struct evbuffer *out = bufferevent_get_output(client->stream);
	char date[64];

	format_date(date, sizeof(date));
	if (evbuffer_add_printf(out,
		"HTTP/1.1 %u %s\r\nDate: %s\r\nContent-Type: %s\r\n"
		"Content-Length: %zu\r\n%s%s\r\n",
		answer->status, reason_of(answer->status), date, type,
		answer->len, common_fields,
		answer->fields != NULL ? answer->fields : "") < 0)
		return -1;
	if (client->head)
		return 0;
	return evbuffer_add(out, answer->body, answer->len);
}

void
http_answer(struct http_client *client, const struct http_answer *answer)
{
	if (client->stream == NULL) {
		TAILQ_REMOVE(&client->hub->orphans, client, link);
		free(client);
		return;
	}
	client->state = CLIENT_WRITING;
	if (write_answer(client, answer) < 0) {
		http_client_close(client);
		return;
	}
	(void)allow_seconds(client, HTTP_ANSWER_S);
}

void
http_answer_text(struct http_client *client, unsigned status, const char *text)
{
	struct http_answer answer = {
	    .status = status,
	    .fields = status == 405 ? "Allow: GET, HEAD\r\n" : NULL,
	    .body = text,
	    .len = strlen(text),
	};

	http_answer(client, &answer);
}

/* --- the request --- */

static void
hand_over(struct http_client *client, const struct http_request *request)
{
	struct http_hub *hub = client->hub;

	client->head = request->head;
	if (request->has_host && !http_host_is_ours(&request->host, hub->name))
		http_answer_text(client, 421,
		    "no site of that name: use an address, or localhost\n");
	else
		hub->handler(hub->arg, request, client);
}

static void
take_request(struct http_client *client)
{
	struct evbuffer *in = bufferevent_get_input(client->stream);
	size_t len = evbuffer_get_length(in);
	const uint8_t *octets = evbuffer_pullup(in, -1);
	struct http_request request;
	unsigned status;
	char text[64];

	status = http_request_parse(octets, octets != NULL ? len : 0, &request);
	if (status == 0)
		return;
	client->state = CLIENT_WAITING;
	loop_timer_clear(client->hub->loop, &client->timer);
	if (status == 200) {
		hand_over(client, &request);
		return;
	}
	(void)snprintf(text, sizeof(text), "%u %s\n", status,
	    reason_of(status));
	http_answer_text(client, status, text);
}

/* --- callbacks --- */

static void
on_readable(struct bufferevent *stream, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(stream);
	struct http_client *client = arg;

	switch (client->state) {
	case CLIENT_READING:
		take_request(client);
		break;
	case CLIENT_WAITING:
	case CLIENT_WRITING:
		break; /* no more is read than the mark */
	case CLIENT_LINGERING:
		(void)evbuffer_drain(in, evbuffer_get_length(in));
		break;
	}
}

static void
on_drained(struct bufferevent *stream, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(stream);
	struct http_client *client = arg;

	if (client->state != CLIENT_WRITING)
		return;
	if (client->ended) {
		http_client_close(client);
		return;
	}
	client->state = CLIENT_LINGERING;
	(void)evbuffer_drain(in, evbuffer_get_length(in));
	(void)shutdown(bufferevent_getfd(stream), SHUT_WR);
	(void)allow_seconds(client, LINGER_S);
}

static void
on_event(struct bufferevent *stream, short what, void *arg)
{
	struct http_client *client = arg;
	bool writes =
	    client->state == CLIENT_WAITING || client->state == CLIENT_WRITING;

	(void)stream;
	/* The end of what it asks is not the end of what it is told. */
	if ((what & BEV_EVENT_EOF) != 0 && writes)
		client->ended = true;
	else
		http_client_close(client);
}

static bool
stream_open(struct http_client *client, int fd)
{
	struct event_base *base = loop_base(client->hub->loop);

	client->stream =
	    bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (client->stream == NULL) {
		close(fd);
		return false;
	}
	bufferevent_setcb(client->stream, on_readable, on_drained, on_event,
	    client);
	bufferevent_setwatermark(client->stream, EV_READ, 0, HTTP_HEAD_MAX);
	if (bufferevent_enable(client->stream, EV_READ) == 0)
		return true;
	bufferevent_free(client->stream);
	return false;
}

void
http_client_new(struct http_hub *hub, int fd)
{
	struct http_client *client = calloc(1, sizeof(*client));

	if (client == NULL) {
		close(fd);
		return;
	}
	client->hub = hub;
	if (!stream_open(client, fd)) {
		free(client);
		return;
	}
	TAILQ_INSERT_TAIL(&hub->clients, client, link);
	hub->n_clients++;
	(void)allow_seconds(client, HTTP_REQUEST_S);
}

/* --- all of them --- */

struct http_client *
http_client_oldest_silent(const struct http_hub *hub)
{
	struct http_client *client;

	TAILQ_FOREACH (client, &hub->clients, link) {
		if (client->state == CLIENT_READING ||
		    client->state == CLIENT_LINGERING)
			return client;
	}
	return NULL;
}

void
http_clients_free(struct http_hub *hub)
{
	struct http_client *client;

	while ((client = TAILQ_FIRST(&hub->clients)) != NULL)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): taken out */
		http_client_close(client);
	while ((client = TAILQ_FIRST(&hub->orphans)) != NULL) {
		TAILQ_REMOVE(&hub->orphans, client, link);
		free(client);
	}
}
