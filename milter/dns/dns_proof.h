/*
 * The first lookups of a context, which show that getdns and libunbound, as
 * they were loaded, do what the guard (dns_guard.h) rests on:
 *
 *  - what getdns asks of libunbound goes through the guard;
 *  - the libunbound that answers is the one that the guard has set up;
 *  - libunbound's own word on an answer is at hand when getdns reports it;
 *  - nothing is left of a packet that the guard has dropped.
 *
 * libunbound answers all of them by itself, without the network.
 */
#ifndef DNS_DNS_PROOF_H
#define DNS_DNS_PROOF_H

#include "dns/dns_context.h"
#include "dns/dns_guard.h"

/*
 * In RECURSING mode, before any other lookup. 0; ERR_CONFIG: libunbound did not
 * start with what it was told; ERR_LIBRARY: anything else. *error is filled in.
 */
int dns_proof(struct dns_context *context, struct dns_guard *guard,
    char error[DNS_ERROR_SIZE]);

#endif
