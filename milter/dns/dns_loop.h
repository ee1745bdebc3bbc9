/*
 * A getdns event loop over libevent. (Debian's libgetdns_ex_event exports no
 * symbol that could be used instead.)
 *
 * A struct dns_loop belongs to the thread of its event_base and must outlive
 * the getdns context, which uses it until its very end.
 */
#ifndef DNS_DNS_LOOP_H
#define DNS_DNS_LOOP_H

#include <stdbool.h>

#include <getdns/getdns_extra.h>

struct event_base;

struct dns_loop {
	getdns_eventloop super; /* first: getdns knows nothing else */
	struct event_base *base;
	bool tls;
	bool reached; /* tls: a socket was connected; the user resets it */
};

/* tls: all sockets are those of DNS over TLS. */
getdns_return_t dns_loop_attach(struct dns_loop *loop, getdns_context *context,
    struct event_base *base, bool tls);

#endif
