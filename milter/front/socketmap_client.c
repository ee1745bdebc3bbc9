/*
 * A connection. It reads requests as long as the limits of socketmap.h allow:
 *
 *	octets -> take_requests() -> engine -> write_replies() -> octets
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

#include "base/text.h"
#include "engine/loop.h"
#include "log/log.h"

#define UNKNOWN_MAP_SIZE 256

#define FRAME_MAX (SOCKETMAP_REQUEST_MAX + NETSTRING_HEAD_MAX)

struct socketmap_request {
	struct loop_task task;    /* first: a task is its request */
	struct tls_lookup lookup; /* see request_answered() */
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

void
socketmap_client_close(struct socketmap_client *client)
{
	struct socketmap_request *request, *next;

	bufferevent_free(client->stream);
	client->stream = NULL;
	evbuffer_free(client->due);
	client->due = NULL;
	TAILQ_REMOVE(&client->hub->clients, client, link);
	/* Answered requests may wait behind one that is not, and no callback
	 * will come for them. request_settled() frees the others. */
	for (request = TAILQ_FIRST(&client->requests); request != NULL;
	     request = next) {
		next = TAILQ_NEXT(request, link);
		if (request->answered)
			request_free(request);
	}
	if (client->n_requests > 0)
		return;
	client->hub->n_clients--;
	free(client);
}

/* --- replies --- */

/* False: no memory. The connection must end then, as the client would take the
 * next reply for this one. */
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

/* Moves the replies that are next in turn to `due`. False: the connection was
 * closed. */
static bool
write_replies(struct socketmap_client *client)
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

/* Writes directly, as the socket nearly always has room. The bufferevent would
 * wait until it can be written to: three system calls more for each reply. */
static void
send_replies(struct socketmap_client *client)
{
	struct evbuffer *out = bufferevent_get_output(client->stream);

	if (evbuffer_get_length(client->due) > 0 &&
	    evbuffer_get_length(out) == 0)
		(void)evbuffer_write(client->due,
		    bufferevent_getfd(client->stream));
	/* The bufferevent writes the rest, and handles errors. */
	if (evbuffer_get_length(client->due) > 0)
		(void)bufferevent_write_buffer(client->stream, client->due);
}

/* --- requests --- */

static void take_requests(struct socketmap_client *client);

/* On the server's loop. */
static void
request_settled(struct loop_task *task)
{
	struct socketmap_request *request = (struct socketmap_request *)task;
	struct socketmap_client *client = request->client;

	request->answered = true;
	if (client->stream != NULL) {
		if (write_replies(client))
			take_requests(client);
		return;
	}
	request_free(request);
	if (client->n_requests > 0)
		return;
	client->hub->n_clients--;
	free(client);
}

/* The request that this thread is beginning. With the verdict in memory it is
 * answered before begin_request() returns, which then needs no task. */
static _Thread_local const struct socketmap_request *beginning;

/* On any thread. */
static void
request_answered(struct tls_lookup *lookup, char *answer)
{
	struct socketmap_request *request =
	    (struct socketmap_request *)(void *)((char *)lookup -
		offsetof(struct socketmap_request, lookup));

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

/* Answers, in its turn, a request that is not passed to the engine. */
static void
answer_malformed(struct socketmap_request *request, const char *answer)
{
	struct tls_counters *counters = request->client->hub->parts.counters;

	(void)atomic_fetch_add_explicit(&counters->malformed, 1,
	    memory_order_relaxed);
	request->answer = strdup(answer);
	request->answered = true;
}

/* The MTA has the map's name from its configuration and repeats it with every
 * delivery: logs one line until it names another unknown map. */
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

/* Begins a request, MAP " " KEY. False: no memory. */
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

/* True if one more request may begin. */
static bool
has_room(const struct socketmap_client *client)
{
	const size_t unread =
	    evbuffer_get_length(bufferevent_get_output(client->stream)) +
	    evbuffer_get_length(client->due);

	return client->n_requests < SOCKETMAP_UNDER_WAY &&
	    unread < SOCKETMAP_UNREAD_MAX;
}

/* False: no memory. *more: there may be another one. */
static bool
take_request(struct socketmap_client *client, bool *more)
{
	struct evbuffer *in = bufferevent_get_input(client->stream);
	size_t len = evbuffer_get_length(in);
	struct socketmap_request *request;
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
		/* The beginning of the next request is unknown. */
		client->end_of_input = true;
		request = request_new(client);
		if (request != NULL)
			answer_malformed(request,
			    "PERM no netstring, or too long");
		return request != NULL;
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
			if (!write_replies(client))
				return;
		}
		send_replies(client);
	} while (more && has_room(client));
	/* The rest of the input is no request, and never will be. */
	if (client->end_of_input && !more) {
		struct evbuffer *in = bufferevent_get_input(client->stream);

		client->ending = true;
		(void)bufferevent_disable(client->stream, EV_READ);
		(void)evbuffer_drain(in, evbuffer_get_length(in));
	}
	if (client->ending && client->n_requests == 0 &&
	    evbuffer_get_length(bufferevent_get_output(client->stream)) == 0)
		socketmap_client_close(client);
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
	/* The client has closed its side, but may still read replies. */
	client->end_of_input = true;
	take_requests(client);
}

void
socketmap_client_new(struct socketmap_hub *hub, int fd)
{
	const struct timeval write_time = {.tv_sec = SOCKETMAP_WRITE_S};
	struct socketmap_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		goto failed;
	client->hub = hub;
	TAILQ_INIT(&client->requests);
	client->due = evbuffer_new();
	if (client->due == NULL)
		goto failed;
	client->stream = bufferevent_socket_new(loop_base(hub->loop), fd,
	    BEV_OPT_CLOSE_ON_FREE);
	if (client->stream == NULL)
		goto failed;
	bufferevent_setcb(client->stream, on_readable, on_drained, on_event,
	    client);
	/* Input beyond this stays in the kernel's buffer. */
	bufferevent_setwatermark(client->stream, EV_READ, 0, FRAME_MAX);
	(void)bufferevent_set_timeouts(client->stream, NULL, &write_time);
	TAILQ_INSERT_TAIL(&hub->clients, client, link);
	hub->n_clients++;
	if (bufferevent_enable(client->stream, EV_READ) != 0)
		socketmap_client_close(client);
	return;

failed:
	close(fd);
	if (client != NULL && client->due != NULL)
		evbuffer_free(client->due);
	free(client);
}
