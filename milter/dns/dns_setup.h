/*
 * What a struct dns_config says, checked and in the form that getdns and
 * libunbound take. Owns copies of all of it.
 *
 * Immutable once made. Any thread.
 */
#ifndef DNS_DNS_SETUP_H
#define DNS_DNS_SETUP_H

#include <getdns/getdns.h>

#include "dns/dns.h"
#include "dns/dns_guard.h"

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

/* NULL with *error filled in. */
struct dns_setup *
dns_setup_new(const struct dns_config *config, char error[DNS_ERROR_SIZE]);
void dns_setup_free(struct dns_setup **setup);

#endif
