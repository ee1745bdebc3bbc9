#include "autoconf.h"

#include <stdbool.h>
#include <stdlib.h>

#include <event2/event.h>

#include "base/err.h"
#include "fetch/fetch_internal.h"

struct fetch_event {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
	fetch_event_done_fn *done;
};

static void
report_done(struct fetch_event *fe)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(fe->multi, &left)) != NULL)
		if (msg->msg == CURLMSG_DONE)
			fe->done(msg->easy_handle, msg->data.result);
}

/* --- from libevent to libcurl --------------------------------------------- */

/* An error here leaves transfers to their owner's time limit. */
static void
drive(struct fetch_event *fe, curl_socket_t fd, int what)
{
	int running;

	(void)curl_multi_socket_action(fe->multi, fd, what, &running);
	report_done(fe);
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	int action = 0;

	if (what & EV_READ)
		action |= CURL_CSELECT_IN;
	if (what & EV_WRITE)
		action |= CURL_CSELECT_OUT;
	drive(arg, fd, action);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* --- from libcurl to libevent --------------------------------------------- */

/* Calls nothing of libcurl but curl_multi_assign: it is in the midst of things.
 * watched: the struct event of this socket; NULL: none yet. */
static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *watched)
{
	struct fetch_event *fe = arg;
	struct event *event = watched;
	short flags = EV_PERSIST;

	(void)easy;
	if (event != NULL)
		event_free(event);
	/* Forget it before anything can fail. */
	(void)curl_multi_assign(fe->multi, fd, NULL);
	if (what == CURL_POLL_REMOVE)
		return 0;
	if (what & CURL_POLL_IN)
		flags |= EV_READ;
	if (what & CURL_POLL_OUT)
		flags |= EV_WRITE;
	event = event_new(fe->base, fd, flags, on_socket, fe);
	if (event == NULL)
		return -1;
	if (event_add(event, NULL) != 0) {
		event_free(event);
		return -1;
	}
	(void)curl_multi_assign(fe->multi, fd, event);
	return 0;
}

/* A timer that is due at once also goes through the event loop. */
static int
watch_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct fetch_event *fe = arg;
	struct timeval tv = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

	(void)multi;
	if (timeout_ms < 0)
		return event_del(fe->timer);
	return event_add(fe->timer, &tv);
}

/* --- public --------------------------------------------------------------- */

static bool
set_options(struct fetch_event *fe, long connections_max)
{
	CURLM *multi = fe->multi;
	bool failed = false;

	failed |= curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, fe);
	failed |=
	    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	failed |= curl_multi_setopt(multi, CURLMOPT_TIMERDATA, fe);
	failed |= curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, watch_timer);
	failed |= curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
	    connections_max);
	failed |= curl_multi_setopt(multi, CURLMOPT_PIPELINING,
	    (long)CURLPIPE_NOTHING);
	return !failed;
}

struct fetch_event *
fetch_event_new(struct event_base *base, long connections_max,
    fetch_event_done_fn *done)
{
	struct fetch_event *fe = calloc(1, sizeof(*fe));

	if (fe == NULL)
		return NULL;
	fe->base = base;
	fe->done = done;
	fe->timer = evtimer_new(base, on_timer, fe);
	fe->multi = curl_multi_init();
	if (fe->timer == NULL || fe->multi == NULL ||
	    !set_options(fe, connections_max))
		fetch_event_free(&fe);
	return fe;
}

void
fetch_event_free(struct fetch_event **event)
{
	struct fetch_event *fe = *event;

	if (fe == NULL)
		return;
	/* Closing connections still calls watch_socket. */
	(void)curl_multi_cleanup(fe->multi);
	if (fe->timer != NULL)
		event_free(fe->timer);
	free(fe);
	*event = NULL;
}

int
fetch_event_add(struct fetch_event *event, CURL *easy)
{
	return curl_multi_add_handle(event->multi, easy) == CURLM_OK
	    ? 0
	    : ERR_LIBRARY;
}

void
fetch_event_remove(struct fetch_event *event, CURL *easy)
{
	(void)curl_multi_remove_handle(event->multi, easy);
}
