/*
 * DNS lookups of the tool's own, and a policy fetch, with the resolver and the
 * certificates of the configuration, past all that is stored.
 *
 * Blocks the calling thread. Single-threaded.
 */
#ifndef TOOL_RESOLVE_H
#define TOOL_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/net.h"
#include "dns/dns.h"
#include "fetch/fetch.h"

struct config;
struct resolve;

/* A copy of a struct dns_answer, which lives until resolve_clear. */
struct resolved {
	enum fact_status status; /* UNASKED: not answered yet */
	enum fact_answer answer;
	char why[DNS_WHY_SIZE];
	size_t n;
	struct resolved_record {
		uint16_t preference;
		char name[NAME_SIZE];
		bool unusable;
		size_t len;
		uint8_t *data;
	} * records;
};

/* NULL: the reason is on stderr. */
struct resolve *resolve_new(const struct config *config);
void resolve_free(struct resolve **resolve);

/* Starts a lookup; one that cannot be started is FACT_FAILED. out must stay
 * where it is until resolve_wait returns. */
void resolve_ask(struct resolve *resolve, const char *name, enum dns_type type,
    struct resolved *out);
/* Until every lookup is answered; each ends after dns_timeout. */
void resolve_wait(struct resolve *resolve);
void resolve_clear(struct resolved *answer);

/* Appends the addresses of an answer to A or AAAA; returns their number. */
size_t resolve_addresses(const struct resolved *answer,
    struct net_address *addresses, size_t n, size_t max);

/* "failed: no answer in time", of the lookup of an address; or "" */
#define RESOLVE_WHY_SIZE 192
/* The addresses of a host, IPv4 first; returns their number. F-14: a bogus
 * answer has none. */
size_t resolve_host(struct resolve *resolve, const char *host,
    struct net_address *addresses, size_t max, char why[RESOLVE_WHY_SIZE]);

/* Fetches the policy of host. *body is NULL on failure, with why filled in;
 * free it with free(). */
void resolve_fetch(struct resolve *resolve, const char *host,
    const struct net_address *addresses, size_t n, uint8_t **body, size_t *len,
    char why[FETCH_WHY_SIZE]);

#endif
