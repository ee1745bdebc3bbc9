/* Which TLSA records SMTP can use: RFC 7672 3.1. */
#include "autoconf.h"

#include "core/decide.h"

#include <criterion/criterion.h>

static const struct {
	uint8_t usage, selector, matching;
	size_t data_len;
	bool usable;
} rows[] = {
    {3,   1, 1, 32, true },
    {3,   0, 1, 32, true },
    {2,   0, 2, 64, true },
    {2,   1, 1, 32, true },
    {3,   1, 0, 91, true }, /* the key itself */
    {2,   0, 0, 1,  true },
    {0,   0, 1, 32, false}, /* PKIX-TA */
    {1,   1, 1, 32, false}, /* PKIX-EE */
    {4,   1, 1, 32, false},
    {255, 1, 1, 32, false},
    {3,   2, 1, 32, false},
    {3,   1, 3, 48, false},
    {3,   1, 1, 31, false},
    {3,   1, 1, 33, false},
    {3,   1, 1, 64, false},
    {3,   1, 2, 32, false},
    {3,   1, 1, 0,  false},
    {3,   1, 0, 0,  false},
};

Test(tlsa, D_16_usable_by_usage_selector_matching_and_length)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t rdata[128] = {rows[i].usage, rows[i].selector,
		    rows[i].matching};

		cr_expect_eq(tlsa_is_usable(rdata, 3 + rows[i].data_len),
		    rows[i].usable, "%u %u %u with %zu octets", rows[i].usage,
		    rows[i].selector, rows[i].matching, rows[i].data_len);
	}
}

Test(tlsa, S_02_cut_short)
{
	static const uint8_t rdata[] = {3, 1, 1};

	for (size_t len = 0; len <= sizeof(rdata); len++)
		cr_expect_not(tlsa_is_usable(rdata, len), "%zu octets", len);
}
