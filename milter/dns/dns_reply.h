/*
 * From a reply of getdns to a struct dns_answer. What a reply holds is chosen
 * by strangers; the order in which it is read is the point (GETDNS.md).
 *
 * Any thread. The answers are one block of memory: free with free().
 */
#ifndef DNS_DNS_REPLY_H
#define DNS_DNS_REPLY_H

#include <getdns/getdns.h>

#include "dns/dns.h"

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

#endif
