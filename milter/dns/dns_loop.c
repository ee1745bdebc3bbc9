/*
 * A getdns event loop over libevent. (Debian's libgetdns_ex_event exports no
 * symbol that could be used instead.)
 *
 * A struct dns_loop belongs to the thread of its event_base and must outlive
 * the getdns context, which uses it until its very end.
 */
#include "autoconf.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <event2/event.h>

#include "dns/dns_internal.h"

/*
 * Write before read: libunbound's connect with TCP fast open must see that
 * the socket is writable first. Events are level-triggered, so the read comes
 * next. One callback at most, as it may free the event.
 */
static void
fire(evutil_socket_t fd, short what, void *arg)
{
	getdns_eventloop_event *event = arg;

	(void)fd;
	if ((what & EV_WRITE) != 0 && event->write_cb != NULL)
		event->write_cb(event->userarg);
	else if ((what & EV_READ) != 0 && event->read_cb != NULL)
		event->read_cb(event->userarg);
	else if ((what & EV_TIMEOUT) != 0 && event->timeout_cb != NULL)
		event->timeout_cb(event->userarg);
}

/*
 * A server that answers several questions over one connection sends each
 * answer by itself, and holds back the next one until the one before is
 * acknowledged. The kernel would delay that for 40 ms, in the hope of something
 * to send with it. It forgets this setting: hence before every read.
 */
static void
fire_tls(evutil_socket_t fd, short what, void *arg)
{
	int on = 1;

	if ((what & EV_READ) != 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on,
		    sizeof(on));
	fire(fd, what, arg);
}

static getdns_return_t
schedule(getdns_eventloop *super, int fd, uint64_t timeout_ms,
    getdns_eventloop_event *event)
{
	struct dns_loop *loop = (struct dns_loop *)super;
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	struct timeval after;
	struct event *ev;
	short what = 0;
	int on = 1;

	if (event->read_cb != NULL)
		what |= EV_READ | EV_PERSIST;
	if (event->write_cb != NULL)
		what |= EV_WRITE | EV_PERSIST;
	/* Or a query over TCP would wait for the acknowledgement of its length
	 * octets. On UDP sockets it fails, which does not matter. */
	if (what != 0)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* A socket that waits to be connected has no peer yet. */
	if (what != 0 && loop->tls &&
	    getpeername(fd, (struct sockaddr *)&peer, &len) == 0)
		loop->reached = true;
	ev = event_new(loop->base, what != 0 ? fd : -1, what,
	    loop->tls ? fire_tls : fire, event);
	if (ev == NULL)
		return GETDNS_RETURN_MEMORY_ERROR;
	after.tv_sec = (time_t)(timeout_ms / 1000);
	after.tv_usec = (suseconds_t)(timeout_ms % 1000 * 1000);
	if (event_add(ev, event->timeout_cb != NULL ? &after : NULL) != 0) {
		event_free(ev);
		return GETDNS_RETURN_GENERIC_ERROR;
	}
	event->ev = ev;
	return GETDNS_RETURN_GOOD;
}

static getdns_return_t
clear(getdns_eventloop *super, getdns_eventloop_event *event)
{
	(void)super;
	if (event->ev != NULL)
		event_free(event->ev);
	event->ev = NULL;
	return GETDNS_RETURN_GOOD;
}

/* The owner frees the loop: getdns clears events after it has called this. */
static void
cleanup(getdns_eventloop *super)
{
	(void)super;
}

static void
run(getdns_eventloop *super)
{
	(void)event_base_dispatch(((struct dns_loop *)super)->base);
}

static void
run_once(getdns_eventloop *super, int blocking)
{
	(void)event_base_loop(((struct dns_loop *)super)->base,
	    EVLOOP_ONCE | (blocking != 0 ? 0 : EVLOOP_NONBLOCK));
}

getdns_return_t
dns_loop_attach(struct dns_loop *loop, getdns_context *context,
    struct event_base *base, bool tls)
{
	/* getdns takes it without const, and does not write to it */
	static getdns_eventloop_vmt vmt = {cleanup, schedule, clear, run,
	    run_once};

	loop->super.vmt = &vmt;
	loop->base = base;
	loop->tls = tls;
	loop->reached = false;
	return getdns_context_set_eventloop(context, &loop->super);
}
