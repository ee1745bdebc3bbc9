/* TLSA records. */
#include "autoconf.h"

#include "core/tlsa.h"

#define HEADER_LEN    3
#define SHA256_OCTETS 32
#define SHA512_OCTETS 64

/* RFC 6698 2.1, 7671 */
enum {
	USAGE_DANE_TA = 2,
	USAGE_DANE_EE = 3
};
enum {
	SELECTOR_CERT = 0,
	SELECTOR_SPKI = 1
};
enum {
	MATCHING_FULL = 0,
	MATCHING_SHA256 = 1,
	MATCHING_SHA512 = 2
};

static bool
data_fits(uint8_t matching, size_t len)
{
	switch (matching) {
	case MATCHING_FULL:
		return len > 0;
	case MATCHING_SHA256:
		return len == SHA256_OCTETS;
	case MATCHING_SHA512:
		return len == SHA512_OCTETS;
	default: /* private or not yet known */
		return false;
	}
}

bool
tlsa_is_usable(const uint8_t *rdata, size_t len)
{
	if (len < HEADER_LEN)
		return false;
	/* RFC 7672 3.1.3: the PKIX usages are not for SMTP. */
	if (rdata[0] != USAGE_DANE_TA && rdata[0] != USAGE_DANE_EE)
		return false;
	if (rdata[1] != SELECTOR_CERT && rdata[1] != SELECTOR_SPKI)
		return false;
	return data_fits(rdata[2], len - HEADER_LEN);
}
