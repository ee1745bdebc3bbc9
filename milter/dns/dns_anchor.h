/*
 * The trust anchor file: DNSKEY or DS records of the root as a zone file,
 * such as /usr/share/dns/root.key, or with RFC 5011 state as unbound-anchor(8)
 * writes it. Every record must be understood, as half a set of anchors fails on
 * the day of a key roll-over. Keys that are revoked, or that RFC 5011 does not
 * trust yet, are left out.
 *
 * Any thread.
 */
#ifndef DNS_DNS_ANCHOR_H
#define DNS_DNS_ANCHOR_H

#include <getdns/getdns.h>

#include "dns/dns.h"

/* *list: for getdns_context_set_dnssec_trust_anchors; the caller's. 0,
 * ERR_NOMEM or ERR_CONFIG with *error (`trust_anchor FILE:LINE: ...`). */
int dns_anchor_read(const char *path, getdns_list **list,
    char error[DNS_ERROR_SIZE]);

#endif
