/*
 * A connection. Requests are read as long as few enough are under way and few
 * enough replies lie unread:
 *
 *	octets -> take_requests() -> engine -> say_what_is_due() -> octets
 *
 * The engine answers on other threads: request_answered() hands the answer to
 * this loop. A request keeps its client in memory, connected or not.
 */
#include "autoconf.h"

#include "front/socketmap.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "base/netstring.h"
#include "engine/loop.h"
#include "log/log.h"

#define UNKNOWN_MAP_SIZE 256

#define FRAME_MAX (SOCKETMAP_REQUEST_MAX + NETSTRING_HEAD_MAX)

struct socketmap_request {
	struct loop_task task;    /* first: a task is its request */
	struct tls_lookup lookup; /* see request_of_lookup */
	TAILQ_ENTRY(socketmap_request) link;
	struct socketmap_client *client;
	bool answered;
	char *answer; /* NULL when answered: there was no memory */
};

static void
request_free(struct socketmap_request *request)
{
	struct socketmap_client *client = request->client;

	TAILQ_REMOVE(&client->requests, request, link);
	client->n_requests--;
	free(request->answer);
	free(request);
}

static void
client_free_if_done(struct socketmap_client *client)
{
	if (client->stream != NULL || client->n_requests > 0)
		return;
	client->hub->n_clients--;
	free(client);
}

void
socketmap_client_close(struct socketmap_client *client)
{
	struct socketmap_request *request, *next;

	bufferevent_free(client->stream);
	client->stream = NULL;
	evbuffer_free(client->due);
	client->due = NULL;
	TAILQ_REMOVE(&client->hub->clients, client, link);
	/* Answered requests may wait behind one that is not; no callback will
	 * come for them. request_settled() frees the others. */
	for (request = TAILQ_FIRST(&client->requests); request != NULL;
	     request = next) {
		next = TAILQ_NEXT(request, link);
		if (request->answered)
			request_free(request);
	}
	client_free_if_done(client);
}

/* --- replies --- */

/* False: no memory; a reply left out would shift all that follow. */
static bool
write_reply(struct socketmap_client *client, const char *answer)
{
	struct evbuffer *out = client->due;
	char head[NETSTRING_HEAD_MAX];
	size_t len = answer != NULL ? strlen(answer) : 0;
	size_t head_len = netstring_head(len, head);

	return answer != NULL && evbuffer_add(out, head, head_len) == 0 &&
	    evbuffer_add(out, answer, len) == 0 &&
	    evbuffer_add(out, ",", 1) == 0;
}

/* False: the connection was closed. */
static bool
say_what_is_due(struct socketmap_client *client)
{
	struct socketmap_request *request;

	while ((request = TAILQ_FIRST(&client->requests)) != NULL &&
	    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): taken out */
	    request->answered) {
		bool written = write_reply(client, request->answer);

		request_free(request);
		if (!written) {
			socketmap_client_close(client);
			return false;
		}
	}
	return true;
}

/* The socket has room nearly always: then to wait until it can be written to,
 * as a bufferevent does, would be three calls more for each reply. */
static void
send_what_is_due(struct socketmap_client *client)
{
	struct evbuffer *out = bufferevent_get_output(client->stream);

	if (evbuffer_get_length(client->due) > 0 &&
	    evbuffer_get_length(out) == 0)
		(void)evbuffer_write(client->due,
		    bufferevent_getfd(client->stream));
	/* Errors are found there, too. */
	if (evbuffer_get_length(client->due) > 0)
		(void)bufferevent_write_buffer(client->stream, client->due);
}

static void
close_if_over(struct socketmap_client *client)
{
	struct evbuffer *out = bufferevent_get_output(client->stream);

	if (client->ending && client->n_requests == 0 &&
	    evbuffer_get_length(out) == 0)
		socketmap_client_close(client);
}

/* --- requests --- */

static struct socketmap_request *
request_of_lookup(struct tls_lookup *lookup)
{
	return (struct socketmap_request *)(void *)((char *)lookup -
	    offsetof(struct socketmap_request, lookup));
}

static void take_requests(struct socketmap_client *client);

/* On the server's loop. */
static void
request_settled(struct loop_task *task)
{
	struct socketmap_request *request = (struct socketmap_request *)task;
	struct socketmap_client *client = request->client;

	request->answered = true;
	if (client->stream == NULL) {
		request_free(request);
		client_free_if_done(client);
		return;
	}
	if (say_what_is_due(client))
		take_requests(client);
}

/* The one that this thread is about to begin: whoever began it looks whether it
 * is answered already, as it is when the verdict is in memory. */
static _Thread_local const struct socketmap_request *beginning;

/* On any thread. */
static void
request_answered(struct tls_lookup *lookup, char *answer)
{
	struct socketmap_request *request = request_of_lookup(lookup);

	request->answer = answer;
	if (request == beginning) {
		request->answered = true;
		return;
	}
	request->task.run = request_settled;
	loop_post(request->client->hub->loop, &request->task);
}

/* NULL: no memory. */
static struct socketmap_request *
request_new(struct socketmap_client *client)
{
	struct socketmap_request *request = calloc(1, sizeof(*request));

	if (request == NULL)
		return NULL;
	request->client = client;
	request->lookup.parts = &client->hub->parts;
	request->lookup.done = request_answered;
	TAILQ_INSERT_TAIL(&client->requests, request, link);
	client->n_requests++;
	return request;
}

/* Not a question for the engine. In its turn, as any other. */
static void
answer_malformed(struct socketmap_request *request, const char *answer)
{
	struct tls_counters *counters = request->client->hub->parts.counters;

	(void)atomic_fetch_add_explicit(&counters->malformed, 1,
	    memory_order_relaxed);
	request->answer = strdup(answer);
	request->answered = true;
}

/* The MTA names the map in its own configuration and asks again with every
 * delivery: one line until it asks for yet another map. */
static void
answer_unknown_map(struct socketmap_request *request, const uint8_t *octets,
    size_t len)
{
	struct socketmap_hub *hub = request->client->hub;
	char answer[UNKNOWN_MAP_SIZE], name[SOCKETMAP_NAME_SIZE] = "";
	struct log_event e;

	for (size_t i = 0; i < len && i < sizeof(name) - 1; i++)
		name[i] = octets[i] != '\0' ? (char)octets[i] : '?';
	(void)snprintf(answer, sizeof(answer),
	    "PERM no map of that name; there are %s", tls_map_names());
	answer_malformed(request, answer);
	if (hub->told_unknown && strcmp(name, hub->unknown_map) == 0)
		return;
	hub->told_unknown = true;
	memcpy(hub->unknown_map, name, sizeof(name));
	log_begin(&e, hub->parts.log, LOG_LEVEL_WARNING, "tls-map");
	log_str(&e, "map", name);
	log_str(&e, "msg", answer + strlen("PERM "));
	log_end(&e);
}

/* MAP " " KEY. False: no memory. */
static bool
begin_request(struct socketmap_client *client, const struct netstring *frame)
{
	struct socketmap_request *request = request_new(client);
	const uint8_t *space = memchr(frame->data, ' ', frame->len);
	size_t map_len;

	if (request == NULL)
		return false;
	if (space == NULL) {
		answer_malformed(request, "PERM no map and key");
		return true;
	}
	map_len = (size_t)(space - frame->data);
	request->lookup.map = tls_map_find((const char *)frame->data, map_len);
	if (request->lookup.map == NULL) {
		answer_unknown_map(request, frame->data, map_len);
		return true;
	}
	beginning = request;
	tls_lookup_start(&request->lookup, space + 1, frame->len - map_len - 1);
	beginning = NULL;
	return true;
}

/* Whether one more may be begun now. */
static bool
has_room(const struct socketmap_client *client)
{
	const size_t unread =
	    evbuffer_get_length(bufferevent_get_output(client->stream)) +
	    evbuffer_get_length(client->due);

	return client->n_requests < SOCKETMAP_UNDER_WAY &&
	    unread < SOCKETMAP_UNREAD_MAX;
}

static void
stop_reading(struct socketmap_client *client)
{
	struct evbuffer *in = bufferevent_get_input(client->stream);

	client->ending = true;
	(void)bufferevent_disable(client->stream, EV_READ);
	(void)evbuffer_drain(in, evbuffer_get_length(in));
}

/* No way to tell where the next request begins. False: no memory. */
static bool
end_with_complaint(struct socketmap_client *client)
{
	struct socketmap_request *request = request_new(client);

	stop_reading(client);
	if (request == NULL)
		return false;
	answer_malformed(request, "PERM no netstring, or too long");
	return true;
}

/* False: no memory. *more: there may be another one. */
static bool
take_request(struct socketmap_client *client, bool *more)
{
	struct evbuffer *in = bufferevent_get_input(client->stream);
	size_t len = evbuffer_get_length(in);
	struct netstring frame;
	const uint8_t *octets;
	bool begun;

	*more = false;
	if (len == 0)
		return true;
	len = len < FRAME_MAX ? len : FRAME_MAX;
	octets = evbuffer_pullup(in, (ev_ssize_t)len);
	if (octets == NULL)
		return false;
	switch (netstring_parse(octets, len, SOCKETMAP_REQUEST_MAX, &frame)) {
	case NETSTRING_PART:
		return true;
	case NETSTRING_BAD:
		return end_with_complaint(client);
	case NETSTRING_WHOLE:
		break;
	}
	begun = begin_request(client, &frame);
	(void)evbuffer_drain(in, frame.whole);
	*more = true;
	return begun;
}

/* May close the connection. */
static void
take_requests(struct socketmap_client *client)
{
	bool more = !client->ending;

	do {
		while (more && has_room(client)) {
			if (!take_request(client, &more)) {
				socketmap_client_close(client);
				return;
			}
			if (!say_what_is_due(client))
				return;
		}
		send_what_is_due(client);
	} while (more && has_room(client));
	/* What is left then is a part that will never be whole. */
	if (client->end_of_input && !more)
		stop_reading(client);
	close_if_over(client);
}

/* --- the connection --- */

static void
on_readable(struct bufferevent *stream, void *arg)
{
	struct socketmap_client *client = arg;
	struct socketmap_hub *hub = client->hub;

	(void)stream;
	TAILQ_REMOVE(&hub->clients, client, link);
	TAILQ_INSERT_TAIL(&hub->clients, client, link);
	take_requests(client);
}

/* All replies are out. */
static void
on_drained(struct bufferevent *stream, void *arg)
{
	(void)stream;
	take_requests(arg);
}

static void
on_event(struct bufferevent *stream, short what, void *arg)
{
	struct socketmap_client *client = arg;

	(void)stream;
	if ((what & BEV_EVENT_EOF) == 0 || (what & BEV_EVENT_ERROR) != 0) {
		socketmap_client_close(client);
		return;
	}
	/* The end of what it asks is not the end of what it is told. */
	client->end_of_input = true;
	take_requests(client);
}

static bool
stream_open(struct socketmap_client *client, int fd)
{
	const struct timeval write_time = {.tv_sec = SOCKETMAP_WRITE_S};
	struct event_base *base = loop_base(client->hub->loop);

	client->stream =
	    bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (client->stream == NULL) {
		close(fd);
		return false;
	}
	bufferevent_setcb(client->stream, on_readable, on_drained, on_event,
	    client);
	/* The kernel keeps what we have no room for. */
	bufferevent_setwatermark(client->stream, EV_READ, 0, FRAME_MAX);
	(void)bufferevent_set_timeouts(client->stream, NULL, &write_time);
	if (bufferevent_enable(client->stream, EV_READ) == 0)
		return true;
	bufferevent_free(client->stream);
	return false;
}

void
socketmap_client_new(struct socketmap_hub *hub, int fd)
{
	struct socketmap_client *client = calloc(1, sizeof(*client));

	if (client == NULL) {
		close(fd);
		return;
	}
	client->hub = hub;
	TAILQ_INIT(&client->requests);
	client->due = evbuffer_new();
	if (client->due == NULL) {
		close(fd);
		free(client);
		return;
	}
	if (!stream_open(client, fd)) {
		evbuffer_free(client->due);
		free(client);
		return;
	}
	TAILQ_INSERT_TAIL(&hub->clients, client, link);
	hub->n_clients++;
}
