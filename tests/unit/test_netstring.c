/* Frames of the socketmap protocol: any octets, in any pieces (S-02). */
#include "autoconf.h"

#include "base/text.h"

#include <string.h>

#include <criterion/criterion.h>

#define MAX 20

static enum netstring_state
parse(const char *octets, size_t len, struct netstring *out)
{
	return netstring_parse((const uint8_t *)octets, len, MAX, out);
}

static const struct {
	const char *octets;
	const char *data;
	size_t whole;
} good[] = {
    {"0:,",		      "",		     3 },
    {"5:hello,",		 "hello",                8 },
    {"5:hello,3:abc,",           "hello",                8 },
    {"2:,,,",		    ",,",                   5 },
    {"20:aaaaaaaaaabbbbbbbbbb,", "aaaaaaaaaabbbbbbbbbb", 24},
};

Test(netstring, whole_ones)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct netstring out;

		cr_assert_eq(parse(good[i].octets, strlen(good[i].octets),
				 &out),
		    NETSTRING_WHOLE, "%s", good[i].octets);
		cr_expect_eq(out.whole, good[i].whole, "%s", good[i].octets);
		cr_expect_eq(out.len, strlen(good[i].data));
		cr_expect_eq(memcmp(out.data, good[i].data, out.len), 0);
	}
}

Test(netstring, data_may_hold_any_octet)
{
	struct netstring out;

	cr_assert_eq(parse("4:\0,\xff:,", 7, &out), NETSTRING_WHOLE);
	cr_expect_eq(out.len, 4);
	cr_expect_eq(memcmp(out.data, "\0,\xff:", 4), 0);
}

Test(netstring, every_part_of_a_good_one_wants_more)
{
	const char *whole = "20:aaaaaaaaaabbbbbbbbbb,";
	struct netstring out;

	for (size_t len = 0; len < strlen(whole); len++)
		cr_expect_eq(parse(whole, len, &out), NETSTRING_PART,
		    "%zu octets", len);
}

Test(netstring, S_02_bad_ones)
{
	static const char *const bad[] = {"x", ":", ",", "-1:,", "+1:a,",
	    " 1:a,", "5 :hello,", "5;hello,", "05:hello,", "00:,", "5:hello;",
	    "5:helloo,", "21:", "21", "999999999999999999999999",
	    "18446744073709551617:a,", "GET / HTTP/1.1\r\n", "\n", "5:hello\n"};
	struct netstring out;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(parse(bad[i], strlen(bad[i]), &out), NETSTRING_BAD,
		    "%s", bad[i]);
	cr_expect_eq(parse("\0", 1, &out), NETSTRING_BAD);
	cr_expect_eq(parse("5\0", 2, &out), NETSTRING_BAD);
}

Test(netstring, heads)
{
	char head[NETSTRING_HEAD_MAX];

	cr_expect_eq(netstring_head(0, head), 2);
	cr_expect_str_eq(head, "0:");
	cr_expect_eq(netstring_head(100000, head), 7);
	cr_expect_str_eq(head, "100000:");
	cr_expect_eq(netstring_head(UINT32_MAX, head), 11);
	cr_expect_str_eq(head, "4294967295:");
}
