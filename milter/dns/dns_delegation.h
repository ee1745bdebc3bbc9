/*
 * Whether a validated denial of DS shows an unsigned delegation.
 *
 * A secure NODATA for DS alone does not: the name may lie inside a signed zone.
 * The NSEC or NSEC3 record of the name itself tells: its types include NS, but
 * neither SOA nor DS (RFC 6840 4.4, RFC 5155 8.9). An NSEC3 record counts only
 * if its owner is the hash of the name; another delegation's genuine one could
 * be appended by anyone on the path.
 *
 * Any thread.
 */
#ifndef DNS_DNS_DELEGATION_H
#define DNS_DNS_DELEGATION_H

#include <stdbool.h>

#include <getdns/getdns.h>

#include "dns/dns_wire.h"

/* reply: a SECURE answer to DS of name, an element of getdns's replies_tree. */
bool dns_delegation_is_unsigned(const getdns_dict *reply,
    const struct dns_wire *name);

#endif
