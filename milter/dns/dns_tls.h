/*
 * Why DNS over TLS fails. getdns reports a failed connection as a generic
 * error; only its log has the reason. The lines are those of getdns 1.6 and
 * 1.7; of others nothing is learned but that no connection was made.
 *
 * Belongs to the thread of its context.
 */
#ifndef DNS_DNS_TLS_H
#define DNS_DNS_TLS_H

#include <stdbool.h>

#include "dns/dns.h"

/* Zeroed memory has seen nothing. */
struct dns_tls {
	bool judged;            /* the certificate, of the latest connection */
	char why[DNS_WHY_SIZE]; /* "": the latest one is good */
};

/* A line of the log. reached: a TCP connection was there since the latest line
 * with "opened"; *reached is made false by such a line. */
void dns_tls_note(struct dns_tls *tls, const char *line, bool *reached);

#endif
