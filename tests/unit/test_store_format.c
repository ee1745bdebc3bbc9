/* Entries as octets: what is damaged is noticed (C-13). */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "store/store_record.h"

static const struct store_entry entry = {
    .domain = "example.org",
    .id = "20260101",
    .fetched_s = 0x0123456789abcdef,
    .tried_s = -2,
    .failure = "late",
    .used_s = 3,
    .body = (const uint8_t *)"version: STSv1\n",
    .len = 15,
};

static const uint8_t octets[] = {
    'D',
    'S',
    'T',
    'S',
    1,
    0,
    8,
    0,
    4,
    0,
    0,
    0,
    15,
    0,
    0,
    0, /* */
    0xef,
    0xcd,
    0xab,
    0x89,
    0x67,
    0x45,
    0x23,
    0x01, /* fetched */
    0xfe,
    0xff,
    0xff,
    0xff,
    0xff,
    0xff,
    0xff,
    0xff, /* tried */
    3,
    0,
    0,
    0,
    0,
    0,
    0,
    0, /* used */
    0x05,
    0xf1,
    0xa4,
    0x1c, /* CRC-32, from zlib */
    '2',
    '0',
    '2',
    '6',
    '0',
    '1',
    '0',
    '1',
    0, /* id */
    'l',
    'a',
    't',
    'e',
    0, /* failure */
    'v',
    'e',
    'r',
    's',
    'i',
    'o',
    'n',
    ':',
    ' ',
    'S',
    'T',
    'S',
    'v',
    '1',
    '\n',
};
#define SIZE sizeof(octets)

static int
read_back(const char *domain, const uint8_t *data, size_t len)
{
	struct store_entry out;

	return format_read(domain, data, len, &out);
}

/* A stored file must be read by every later version: fixed octets. */
Test(store_format, layout_is_fixed)
{
	uint8_t out[SIZE];

	cr_assert_eq(format_size(&entry), SIZE);
	format_write(&entry, out);
	cr_expect_arr_eq(out, octets, SIZE);
}

Test(store_format, every_changed_bit_is_noticed)
{
	uint8_t out[SIZE];

	format_write(&entry, out);
	cr_expect_eq(read_back("example.org", out, SIZE), 0);
	for (size_t bit = 0; bit < SIZE * 8; bit++) {
		uint8_t mask = (uint8_t)(1U << bit % 8);

		out[bit / 8] ^= mask;
		cr_expect_neq(read_back("example.org", out, SIZE), 0, "bit %zu",
		    bit);
		out[bit / 8] ^= mask;
	}
}

/* Each length in a block of its own, for the sanitizer. */
Test(store_format, every_other_length_is_noticed)
{
	uint8_t out[SIZE];

	format_write(&entry, out);
	for (size_t len = 0; len < SIZE; len++) {
		uint8_t *cut = malloc(len + 1);

		cr_assert_not_null(cut);
		memcpy(cut, out, len);
		cr_expect_eq(read_back("example.org", cut, len), ERR_CORRUPT,
		    "%zu octets", len);
		free(cut);
	}
}

Test(store_format, record_of_another_domain_is_noticed)
{
	uint8_t out[SIZE];

	format_write(&entry, out);
	cr_expect_eq(read_back("example.com", out, SIZE), ERR_CORRUPT);
}

Test(store_format, newer_version_is_told_from_damage)
{
	uint8_t out[SIZE];

	format_write(&entry, out);
	out[4] = 2;
	cr_expect_eq(read_back("example.org", out, SIZE), ERR_VERSION);
	/* Also one that has become shorter than ours can be. */
	cr_expect_eq(read_back("example.org", out, 6), ERR_VERSION);
	cr_expect_eq(read_back("example.org", out, 5), ERR_CORRUPT);
}
