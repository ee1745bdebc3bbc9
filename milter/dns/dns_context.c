/*
 * One getdns context with its own cache, set up as a struct dns_setup says, and
 * its event loop. dns_guard.h has the reasons for the set-up.
 */
#include "autoconf.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <event2/event.h>
#include <openssl/x509_vfy.h>

#include "base/clock.h"
#include "base/err.h"
#include "dns/dns_internal.h"
#include "log/metrics.h"

/* --- the event loop: getdns on libevent ------------------------------------
 */

/* Debian's libgetdns_ex_event exports no symbol that could be used instead. */

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
 * A server that answers several questions over one connection sends each answer
 * by itself, and holds back the next one until the one before is acknowledged.
 * The kernel would delay the acknowledgement by 40 ms, to send it together with
 * data. TCP_QUICKACK turns that off, but the kernel resets it: so set it before
 * every read.
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
	/* Without TCP_NODELAY a query would wait until the server has
	 * acknowledged the length octets before it. On UDP sockets the call
	 * fails, which does not matter. */
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
clear_event(getdns_eventloop *super, getdns_eventloop_event *event)
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
	static getdns_eventloop_vmt vmt = {cleanup, schedule, clear_event, run,
	    run_once};

	loop->super.vmt = &vmt;
	loop->base = base;
	loop->tls = tls;
	loop->reached = false;
	return getdns_context_set_eventloop(context, &loop->super);
}

/* --- why DNS over TLS fails ------------------------------------------------
 */

/*
 * getdns reports a failed connection as a generic error; only its log has the
 * reason. The parser knows the lines of getdns 1.6 and 1.7. From other lines it
 * learns only that no connection was made.
 */

/* "192.0.2.1                   : Verify failed : TLS - *Failure* - (62) ..." */
static const char opened[] = " : Conn opened: TLS";
static const char closed[] = " : Conn closed: TLS - *Failure*";
static const char passed[] = " : Verify passed : TLS";
static const char failed[] = " : Verify failed : TLS";

/* rest: `- (62) "hostname mismatch"`, or words. */
static void
note_certificate(struct dns_tls *tls, const char *line, const char *rest)
{
	const char *code = strchr(rest, '(');
	const char *words = strchr(rest, '"');
	long error = code != NULL ? strtol(code + 1, NULL, 10) : 0;
	const int len = (int)strcspn(line, " "); /* of the address */

	tls->judged = true;
	if (error == X509_V_ERR_HOSTNAME_MISMATCH)
		(void)snprintf(tls->why, sizeof(tls->why),
		    "the certificate of %.*s is for another name", len, line);
	else if (error != 0 && words != NULL)
		(void)snprintf(tls->why, sizeof(tls->why),
		    "the certificate of %.*s is not trusted: %.*s", len, line,
		    (int)strcspn(words + 1, "\""), words + 1);
	else
		(void)snprintf(tls->why, sizeof(tls->why),
		    "%.*s has shown no certificate", len, line);
}

/* A line of getdns's log. reached: a TCP connection was there since the latest
 * line with "opened"; *reached is made false by such a line. */
static void
note_line(struct dns_tls *tls, const char *line, bool *reached)
{
	const int len = (int)strcspn(line, " "); /* of the address */
	const char *rest;

	if (strstr(line, opened) != NULL) {
		tls->judged = false;
		*reached = false;
	} else if (strstr(line, passed) != NULL) {
		tls->judged = true;
		tls->why[0] = '\0';
	} else if ((rest = strstr(line, failed)) != NULL) {
		note_certificate(tls, line, rest);
	} else if (strstr(line, closed) != NULL && !tls->judged) {
		(void)snprintf(tls->why, sizeof(tls->why),
		    *reached ? "%.*s breaks off TLS"
			     : "nothing listens on %.*s",
		    len, line);
	}
}

/* --- the context -----------------------------------------------------------
 */

#define UDP_PAYLOAD 1232 /* no fragments; getdns's own default is 65535 */

/*
 * One context is opened or closed at a time, whatever the thread: libunbound
 * makes its log lock on first use without a lock, and every start of it closes
 * the log stream that another start may be writing to.
 */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

/* A callback of getdns. */
static void
take_log(void *arg, uint64_t system, getdns_loglevel_type level,
    const char *fmt, va_list args)
{
	struct dns_context *c = arg;
	char line[DNS_WHY_SIZE];

	(void)system;
	(void)level;
	(void)vsnprintf(line, sizeof(line), fmt, args);
	note_line(&c->tls, line, &c->loop.reached);
}

/*
 * Stub mode trusts answers that an attacker on the path can forge. So it is
 * used only with TLS to an authenticated server.
 */
static getdns_return_t
set_strict_tls(struct dns_context *c)
{
	getdns_transport_list_t tls = GETDNS_TRANSPORT_TLS;
	getdns_return_t r =
	    getdns_context_set_upstream_recursive_servers(c->getdns,
		c->setup->tls_upstreams);

	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_dns_transport_list(c->getdns, 1, &tls);
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_tls_authentication(c->getdns,
		    GETDNS_AUTHENTICATION_REQUIRED);
	if (r == GETDNS_RETURN_GOOD && c->setup->ca_file != NULL)
		r = getdns_context_set_tls_ca_file(c->getdns,
		    c->setup->ca_file);
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_logfunc(c->getdns, c,
		    GETDNS_LOG_UPSTREAM_STATS, GETDNS_LOG_DEBUG, take_log);
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_idle_timeout(c->getdns, 10000);
	return r;
}

/* *what: the step that failed. */
static getdns_return_t
set_up(struct dns_context *c, struct event_base *base, const char **what)
{
	getdns_namespace_t dns = GETDNS_NAMESPACE_DNS;
	getdns_context *g;
	getdns_return_t r;

	*what = "context";
	/* 0: nothing from resolv.conf and the like */
	r = getdns_context_create(&c->getdns, 0);
	g = c->getdns;
	if (r == GETDNS_RETURN_GOOD) {
		*what = "resolution type";
		r = getdns_context_set_resolution_type(g,
		    c->guarded ? GETDNS_RESOLUTION_RECURSING
			       : GETDNS_RESOLUTION_STUB);
	}
	if (r == GETDNS_RETURN_GOOD) {
		/* Nothing but the DNS: no /etc/hosts, no search list. */
		*what = "namespaces";
		r = getdns_context_set_namespaces(g, 1, &dns);
	}
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_append_name(g, GETDNS_APPEND_NAME_NEVER);
	if (r == GETDNS_RETURN_GOOD) {
		/* getdns would fetch anchors over the network by itself. */
		*what = "trust anchor fetch";
		r = getdns_context_set_trust_anchors_verify_CA(g, "");
	}
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_trust_anchors_verify_email(g, "");
	if (r == GETDNS_RETURN_GOOD)
		r = getdns_context_set_appdata_dir(g, "/nonexistent/");
	if (r == GETDNS_RETURN_GOOD) {
		*what = "trust anchors";
		r = getdns_context_set_dnssec_trust_anchors(g,
		    c->setup->trust_anchors);
	}
	if (r == GETDNS_RETURN_GOOD) {
		*what = "timeout";
		r = getdns_context_set_timeout(g, c->setup->timeout_ms);
	}
	if (r == GETDNS_RETURN_GOOD) {
		*what = "UDP payload size";
		r = getdns_context_set_edns_maximum_udp_payload_size(g,
		    UDP_PAYLOAD);
	}
	if (r == GETDNS_RETURN_GOOD && !c->guarded) {
		*what = "DNS over TLS";
		r = set_strict_tls(c);
	}
	if (r == GETDNS_RETURN_GOOD) {
		*what = "event loop";
		r = dns_loop_attach(&c->loop, g, base, !c->guarded);
	}
	if (r == GETDNS_RETURN_GOOD) {
		*what = "dictionary";
		c->extensions = getdns_dict_create();
		r = c->extensions == NULL
		    ? GETDNS_RETURN_MEMORY_ERROR
		    : getdns_dict_set_int(c->extensions,
			  "dnssec_return_all_statuses",
			  c->setup->unvalidated ? GETDNS_EXTENSION_FALSE
						: GETDNS_EXTENSION_TRUE);
	}
	return r;
}

int
dns_context_open(struct dns_context **context, const struct dns_setup *setup,
    struct event_base *base, char error[DNS_ERROR_SIZE])
{
	struct dns_context *c = calloc(1, sizeof(*c));
	const char *what;
	getdns_return_t r;
	int err = 0;

	*context = NULL;
	if (c == NULL)
		return dns_no_memory(error);
	c->setup = setup;
	c->guarded = setup->tls_upstreams == NULL;
	c->refs = 1;
	c->born_us = clock_mono_us();
	c->guard.options = &setup->guard;
	(void)pthread_mutex_lock(&one_at_a_time);
	r = set_up(c, base, &what);
	if (r != GETDNS_RETURN_GOOD) {
		(void)snprintf(error, DNS_ERROR_SIZE, "getdns: %s: %s", what,
		    getdns_get_errorstr_by_id((uint16_t)r));
		err = ERR_LIBRARY;
	} else if (c->guarded) {
		err = dns_proof(c, &c->guard, error);
	}
	(void)pthread_mutex_unlock(&one_at_a_time);
	if (err != 0)
		dns_context_unref(&c);
	*context = c;
	return err;
}

void
dns_context_unref(struct dns_context **context)
{
	struct dns_context *c = *context;

	*context = NULL;
	if (c == NULL || --c->refs > 0)
		return;
	(void)pthread_mutex_lock(&one_at_a_time);
	getdns_context_destroy(c->getdns);
	getdns_dict_destroy(c->extensions);
	free(c);
	(void)pthread_mutex_unlock(&one_at_a_time);
}

getdns_return_t
dns_context_ask(struct dns_context *c, const char *name, enum dns_type type,
    getdns_callback_t callback, void *arg, getdns_transaction_t *id)
{
	getdns_return_t r;

	dns_guard_enter(&c->guard);
	r = getdns_general(c->getdns, name, (uint16_t)type, c->extensions, arg,
	    id, callback);
	dns_guard_leave(&c->guard);
	return r;
}
