/* Which domains belong to a share of all. See share.h. */
#include "autoconf.h"

#include "core/share.h"

#include <stdint.h>

#define FNV_OFFSET 0xcbf29ce484222325U
#define FNV_PRIME  0x100000001b3U

/* The upper bits of FNV hardly know the last octets: all are mixed. */
static uint64_t
mix(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdU;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53U;
	return h ^ h >> 33;
}

unsigned
share_place(const char *domain)
{
	uint64_t h = FNV_OFFSET;

	for (const char *at = domain; *at != '\0'; at++)
		h = (h ^ (uint8_t)*at) * FNV_PRIME;
	return (unsigned)((mix(h) >> 32) * 100 >> 32);
}

bool
share_has(unsigned percent, const char *domain)
{
	return share_place(domain) < percent;
}
