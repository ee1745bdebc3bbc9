/*
 * Addresses of policy hosts that were silent of late: a fetch from there ended
 * without an answer in time. Strangers can have any number of such hosts; so
 * that these do not hold up others of their network, fetches from addresses
 * that are not known to be silent come first (F-17).
 *
 * A bounded memory: of two addresses that share a place the later one is kept.
 *
 * One thread.
 */
#ifndef FETCH_FETCH_SILENT_H
#define FETCH_FETCH_SILENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/net.h"

#define FETCH_SILENT_PLACES 1024
#define FETCH_SILENT_US     60000000 /* is remembered for so long */

/* Zeroed memory knows none. */
struct fetch_silent {
	struct {
		struct net_address address;
		uint64_t until_us; /* monotonic */
	} place[FETCH_SILENT_PLACES];
};

void fetch_silent_note(struct fetch_silent *silent,
    const struct net_address *address, bool was_silent, uint64_t now_us);
bool fetch_silent_is(const struct fetch_silent *silent,
    const struct net_address *address, uint64_t now_us);

#endif
