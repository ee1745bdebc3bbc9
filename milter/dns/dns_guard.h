/*
 * The guard between getdns and libunbound.
 *
 * getdns in RECURSING mode does three things that must not happen here:
 *
 *  - it gives no way to configure the libunbound inside: no forwarders, no
 *    unbound.conf, no root hints file;
 *  - when libunbound reports a failure, it takes the packet that is left in
 *    libunbound's buffer, perhaps a stranger's, for an insecure answer;
 *  - it validates again, with a weaker validator, what libunbound found bogus,
 *    and loses the reason.
 *
 * So this module defines two functions of libunbound itself, ub_ctx_set_fwd and
 * ub_resolve_event. The program's definitions win over the library's, as
 * libgetdns calls them through its PLT. This is symbol interposition, which no
 * API of the libraries promises: only dns_guard.c may depend on it, and
 * dns_proof.c finds out if it is not in force.
 *
 * A guard belongs to the thread of its getdns context. Guards in different
 * threads are independent: shared variables are thread-local or atomic.
 */
#ifndef DNS_DNS_GUARD_H
#define DNS_DNS_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "dns/dns.h"

struct ub_ctx;

/* libunbound answers this name from local data, for dns_proof.c. */
#define DNS_GUARD_TOLD_NAME "told.dane-sts-milter.invalid"
#define DNS_GUARD_TOLD_TEXT "in-force"

/* Options that libunbound gets before it starts. */
struct dns_guard_options {
	bool system;    /* forward to the servers of resolv.conf */
	bool localhost; /* servers on loopback addresses may be asked */
	size_t n_forwarders;
	const char *const *forwarders; /* "IP@PORT" */
	const char *unbound_conf;      /* NULL: none */
	const char *root_hints;        /* NULL: built in */
	bool unvalidated;              /* leave libunbound's validator out */
};

struct dns_guard {
	const struct dns_guard_options *options; /* borrowed */
	unsigned set_up;            /* libunbound contexts set up through us */
	unsigned asked;             /* lookups handed on through us */
	bool broken;                /* libunbound lacks what we need */
	bool pretend_bogus;         /* for dns_proof.c: changes the answers */
	bool pretend_failed;        /* inside dns_context_ask */
	char error[DNS_ERROR_SIZE]; /* why libunbound did not start; or "" */
	struct ub_ctx *ctx;
	FILE *log; /* libunbound's words while it starts */
	char *log_text;
	size_t log_len;
};

/* libunbound's own verdict on one lookup. */
struct dns_guard_outcome {
	int rcode;
	bool secure;
	bool bogus;
	char why[DNS_WHY_SIZE]; /* libunbound's reason; or "" */
};

/* Around every call of getdns that may reach libunbound. */
void dns_guard_enter(struct dns_guard *guard);
void dns_guard_leave(struct dns_guard *guard);

/*
 * Inside a callback of getdns: the outcome of the lookup that it reports.
 * NULL: the callback does not come from libunbound (time-out, cancellation).
 */
const struct dns_guard_outcome *dns_guard_outcome(void);

#endif
