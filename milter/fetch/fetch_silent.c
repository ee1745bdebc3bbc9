#include "autoconf.h"

#include "fetch/fetch_silent.h"

#include <stddef.h>
#include <string.h>

/* FNV-1a. Who can choose addresses to collide gains a place before himself. */
static size_t
place_of(const struct net_address *address)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < sizeof(address->octet); i++)
		hash = (hash ^ address->octet[i]) * 16777619U;
	return hash % FETCH_SILENT_PLACES;
}

static bool
is_same(const struct net_address *a, const struct net_address *b)
{
	return memcmp(a->octet, b->octet, sizeof(a->octet)) == 0;
}

void
fetch_silent_note(struct fetch_silent *silent,
    const struct net_address *address, bool was_silent, uint64_t now_us)
{
	size_t i = place_of(address);

	if (was_silent) {
		silent->place[i].address = *address;
		silent->place[i].until_us = now_us + FETCH_SILENT_US;
	} else if (is_same(&silent->place[i].address, address)) {
		silent->place[i].until_us = 0;
	}
}

bool
fetch_silent_is(const struct fetch_silent *silent,
    const struct net_address *address, uint64_t now_us)
{
	size_t i = place_of(address);

	return silent->place[i].until_us > now_us &&
	    is_same(&silent->place[i].address, address);
}
