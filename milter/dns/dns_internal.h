/*
 * Declarations that the files of dns/ share; only tests include it as well.
 *
 * dns.c             lookups under way
 * dns_second.c      a second look at what getdns calls bogus over TLS
 * dns_context.c     one getdns context on one event loop
 * dns_guard.c       libunbound's verdict, see dns_guard.h
 * dns_proof.c       whether the loaded libraries do what the guard relies on
 * dns_setup.c       the options, checked; resolvers and resolv.conf
 * dns_anchor.c      the trust anchor file
 * dns_reply.c       a reply of getdns as a struct dns_answer
 * dns_wire.c        names in wire form
 *
 * A context and a loop belong to the thread of their event_base; the rest: any
 * thread.
 */
#ifndef DNS_DNS_INTERNAL_H
#define DNS_DNS_INTERNAL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <getdns/getdns.h>
#include <getdns/getdns_extra.h>

#include "base/name.h"
#include "dns/dns.h"
#include "dns/dns_guard.h"

struct event_base;

/* --- dns_wire.c ------------------------------------------------------------
 */

/* Domain names in wire form (RFC 1035 3.1, uncompressed), in lower case. Names
 * of the DNS may hold any octet, so they are compared in this form. */
#define DNS_WIRE_MAX 255

struct dns_wire {
	size_t len;
	uint8_t octet[DNS_WIRE_MAX];
};

/* Exactly one name that fills all len octets; else false. */
bool
dns_wire_from_octets(const uint8_t *octets, size_t len, struct dns_wire *out);
/* name: canonical, or "." for the root. */
bool dns_wire_from_name(const char *name, struct dns_wire *out);
bool dns_wire_equal(const struct dns_wire *a, const struct dns_wire *b);
/* Canonical text, "" for the root. false: no host name can look like this. */
bool dns_wire_to_name(const struct dns_wire *wire, char out[NAME_SIZE]);
/* Any name for people, as RFC 1035 5.1 writes it: "a\032b.test" for a blank.
 * Cut with "..." at the end if it is too long. */
void dns_wire_to_text(const struct dns_wire *wire, char out[NAME_SIZE]);

/* --- dns_reply.c -----------------------------------------------------------
 */

/* Strangers choose what a reply holds; the order in which it is read matters.
 * The answers are one block of memory: free with free(). */

/*
 * reply: one element of the replies_tree. name and type: what was asked.
 * NULL: no memory.
 */
struct dns_answer *
dns_reply_read(const getdns_dict *reply, const char *name, enum dns_type type);

/* An answer without records. why may be NULL. NULL: no memory. */
struct dns_answer *dns_reply_none(enum fact_status status, const char *why);

/* "SERVFAIL"; NULL for codes without a name here. */
const char *dns_rcode_name(unsigned rcode);

/* --- dns_anchor.c ----------------------------------------------------------
 */

/* *list: for getdns_context_set_dnssec_trust_anchors; the caller's. 0,
 * ERR_NOMEM or ERR_CONFIG with *error (`trust_anchor FILE:LINE: ...`). */
int dns_anchor_read(const char *path, getdns_list **list,
    char error[DNS_ERROR_SIZE]);

/* See dns_root_key_missing(). */
int
dns_anchor_missing(const getdns_list *anchors, const struct dns_answer *keys);

/* --- dns_setup.c -----------------------------------------------------------
 */

#define DNS_RESOLVER_SIZE (INET6_ADDRSTRLEN + sizeof("@65535"))

enum dns_resolver_kind {
	DNS_RESOLVER_SYSTEM,
	DNS_RESOLVER_FORWARDER,
	DNS_RESOLVER_TLS
};

struct dns_resolver {
	enum dns_resolver_kind kind;
	char ip[INET6_ADDRSTRLEN];
	uint8_t address[16];
	size_t address_len; /* 4 or 16 */
	bool loopback;
	uint16_t port;
	char tls_name[NAME_SIZE]; /* DNS_RESOLVER_TLS */
};

/* 0 or ERR_CONFIG with *error filled in. */
int dns_resolver_parse(const char *text, struct dns_resolver *out,
    char error[DNS_ERROR_SIZE]);

/* The options of a struct dns_config, checked and in the form that getdns and
 * libunbound take. Owns copies; immutable once made. */
struct dns_setup {
	/* set: stub mode, strict DNS over TLS to these; else RECURSING mode
	 * with the guard */
	getdns_list *tls_upstreams;
	getdns_list *trust_anchors;
	struct dns_guard_options guard;
	unsigned timeout_ms;
	bool uncached;
	bool unvalidated;
	bool forwarding; /* to servers that are named here */
	/* unvalidated: how long a context is used, and the most that a TTL
	 * counts; 0: no limit */
	unsigned context_life_ms;
	unsigned ttl_max_ms;
	char **forwarders; /* what guard.forwarders points to */
	char *unbound_conf;
	char *root_hints;
	char *ca_file; /* for DNS over TLS; NULL: the system's */
};

/* Checks the servers that "system" means. 0 or ERR_CONFIG with *error
 * (`resolvers: "system": FILE:LINE: ...`). */
int dns_resolv_conf_check(const char *path, char error[DNS_ERROR_SIZE]);

/* ERR_NOMEM, with *error filled in. */
int dns_no_memory(char error[DNS_ERROR_SIZE]);

/* NULL with *error filled in. */
struct dns_setup *
dns_setup_new(const struct dns_config *config, char error[DNS_ERROR_SIZE]);
void dns_setup_free(struct dns_setup **setup);

/* --- dns_context.c ---------------------------------------------------------
 */

/* A getdns event loop over libevent. Must outlive the getdns context, which
 * uses it until its very end. */
struct dns_loop {
	getdns_eventloop super; /* first: getdns knows nothing else */
	struct event_base *base;
	bool tls;
	bool reached; /* tls: a socket was connected; the user resets it */
};

/* tls: all sockets are those of DNS over TLS. */
getdns_return_t dns_loop_attach(struct dns_loop *loop, getdns_context *context,
    struct event_base *base, bool tls);

/* DNS over TLS. Zeroed memory has seen nothing. */
struct dns_tls {
	bool judged;            /* the certificate, of the latest connection */
	char why[DNS_WHY_SIZE]; /* "": the latest one is good */
};

struct dns_context {
	const struct dns_setup *setup; /* borrowed */
	bool guarded; /* answers count only with libunbound's verdict */
	size_t refs;
	uint64_t born_us;
	getdns_context *getdns;
	getdns_dict *extensions;
	struct dns_loop loop;
	struct dns_tls tls;
	struct dns_guard guard;
};

/*
 * Opens a getdns context with a cache of its own and one reference; setup must
 * outlive it. In RECURSING mode libunbound has started and the guard is in
 * force when this returns 0: all files are read by then. Else an error with
 * *error filled in; ERR_LIBRARY: the configuration is not to blame.
 */
int
dns_context_open(struct dns_context **context, const struct dns_setup *setup,
    struct event_base *base, char error[DNS_ERROR_SIZE]);

/* Drops a reference. The last one closes the context: no lookup may be under
 * way then; not from inside a callback of getdns. */
void dns_context_unref(struct dns_context **context);

/* callback may run inside this call. */
getdns_return_t dns_context_ask(struct dns_context *context, const char *name,
    enum dns_type type, getdns_callback_t callback, void *arg,
    getdns_transaction_t *id);

/* --- dns_proof.c -----------------------------------------------------------
 */

/*
 * In RECURSING mode, before any other lookup. 0; ERR_CONFIG: libunbound did not
 * start with what it was told; ERR_LIBRARY: anything else. *error is filled in.
 */
int dns_proof(struct dns_context *context, struct dns_guard *guard,
    char error[DNS_ERROR_SIZE]);

/*
 * 0; or ERR_LIBRARY with *error: another major version than that of the build,
 * or two copies in one process, where calls of one would reach the other.
 */
int dns_libraries_check(char error[DNS_ERROR_SIZE]);

/* --- dns_second.c ----------------------------------------------------------
 */

/* How the answer is read. */
enum dns_reading {
	DNS_READ_STRICT,    /* a bogus answer has no records */
	DNS_READ_DISCOVERY, /* it has */
	DNS_READ_INSECURE   /* over TLS: INSECURE, whatever getdns says */
};

typedef int dns_ask_fn(struct dns *dns, const char *name, enum dns_type type,
    enum dns_reading reading, dns_done_fn *done, void *arg);

/* As dns_ask(); checks bogus answers a second time. */
dns_ask_fn dns_second_ask;
/* In dns.c: the same without the second check. */
dns_ask_fn dns_ask_once;

#endif
