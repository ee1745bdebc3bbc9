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

/* --- from libevent to libcurl --------------------------------------------- */

/* After an error here the owner's time limit ends the transfers. */
static void
drive(struct fetch_event *fe, curl_socket_t fd, int what)
{
	CURLMsg *msg;
	int n;

	(void)curl_multi_socket_action(fe->multi, fd, what, &n);
	while ((msg = curl_multi_info_read(fe->multi, &n)) != NULL)
		if (msg->msg == CURLMSG_DONE)
			fe->done(msg->easy_handle, msg->data.result);
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

/* libcurl calls this from inside its functions: curl_multi_assign is the only
 * one that may be called here. watched: the struct event of this socket; NULL:
 * none yet. */
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

struct fetch_event *
fetch_event_new(struct event_base *base, long connections_max,
    fetch_event_done_fn *done, CURLM **multi)
{
	struct fetch_event *fe = calloc(1, sizeof(*fe));
	bool failed = false; /* libcurl refuses a multi handle of NULL */

	if (fe == NULL)
		return NULL;
	fe->base = base;
	fe->done = done;
	fe->timer = evtimer_new(base, on_timer, fe);
	fe->multi = curl_multi_init();
	*multi = fe->multi;
	failed |= fe->timer == NULL;
	failed |= curl_multi_setopt(*multi, CURLMOPT_SOCKETDATA, fe);
	failed |=
	    curl_multi_setopt(*multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	failed |= curl_multi_setopt(*multi, CURLMOPT_TIMERDATA, fe);
	failed |=
	    curl_multi_setopt(*multi, CURLMOPT_TIMERFUNCTION, watch_timer);
	failed |= curl_multi_setopt(*multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
	    connections_max);
	failed |= curl_multi_setopt(*multi, CURLMOPT_PIPELINING,
	    (long)CURLPIPE_NOTHING);
	if (failed)
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
