/*
 * What a domain publishes now: its TXT records and its policy body, asked for
 * with the engine's own resolver and fetcher, past all that is stored.
 *
 * Blocks the calling thread.
 */
#ifndef TOOL_PUBLICATION_H
#define TOOL_PUBLICATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/name.h"
#include "core/txt.h"
#include "dns/dns.h"
#include "fetch/fetch.h"

struct config;

struct publication {
	struct txt_result txt; /* FAILED, BOGUS: of the lookup */
	char txt_why[DNS_WHY_SIZE];
	uint8_t *body; /* NULL: not fetched */
	size_t len;
	char fetch_why[FETCH_WHY_SIZE];
	char host[NAME_SIZE]; /* the policy host */
};

/*
 * TOOL_OK, or the exit status if nothing could be asked, said on stderr.
 * domain: canonical. Clear either way.
 */
int publication_get(const struct config *config, const char *domain,
    struct publication *out);
void publication_clear(struct publication *publication);

#endif
