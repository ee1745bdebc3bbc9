/*
 * A second look at what getdns calls bogus over TLS. Its validator says so of
 * every zone whose DS records have unknown algorithms or digests, while RFC
 * 4035 5.2 makes such a zone insecure: as good as unsigned, and no attack.
 *
 *	bogus -> DS of the name, of its parent, ... -> secure DS records:
 *	    all of them unknown: the question once more, and it is insecure
 *	    else, or none found: bogus
 *
 * The DS records are those of a validated parent zone, so that nobody but its
 * owner can make a zone insecure. Behind an alias into another zone bogus stays
 * bogus.
 */
#ifndef DNS_DNS_SECOND_H
#define DNS_DNS_SECOND_H

#include "dns/dns.h"

/* How the answer is read. */
enum dns_reading {
	DNS_READ_STRICT,    /* a bogus answer has no records */
	DNS_READ_DISCOVERY, /* it has */
	DNS_READ_INSECURE   /* over TLS: whatever getdns says of it */
};

/* dns_ask() and dns_ask_discovery() with such a look. */
int dns_second_ask(struct dns *dns, const char *name, enum dns_type type,
    enum dns_reading reading, dns_done_fn *done, void *arg);

/* In dns.c: the same without. */
int dns_ask_once(struct dns *dns, const char *name, enum dns_type type,
    enum dns_reading reading, dns_done_fn *done, void *arg);

#endif
