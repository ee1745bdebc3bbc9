/* TXT records as text (T-03). */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tool/lint.h"

struct rdata_row {
	const char *text;
	int err;
	const char *rdata;
	size_t len;
};

#define GOOD(text, rdata)                         \
	{                                         \
		text, 0, rdata, sizeof(rdata) - 1 \
	}
#define BAD(text)                       \
	{                               \
		text, ERR_SYNTAX, "", 0 \
	}

static const struct rdata_row rows[] = {
    GOOD("v=STSv1; id=1;", "\016v=STSv1; id=1;"),
    GOOD("\"v=STSv1; id=1;\"", "\016v=STSv1; id=1;"),
    GOOD("\"v=STSv1; \" \"id=1;\"", "\011v=STSv1; \005id=1;"),
    GOOD("\"a\"\"b\"", "\001a\001b"),
    GOOD("\"a\" \t \"b\" ", "\001a\001b"),
    GOOD("", "\000"),
    GOOD("\"\"", "\000"),
    GOOD("\"\" \"\"", "\000\000"),
    GOOD("\"a\\\"b\"", "\003a\"b"),
    GOOD("\"a\\\\b\"", "\003a\\b"),
    GOOD("\"a\\;b\"", "\003a;b"),
    GOOD("\"\\000\\001\\255\"", "\003\000\001\377"),
    GOOD("\"\\0659\"", "\002A9"),
    /* bare text has no escapes and no quotes */
    GOOD("a\\065", "\005a\\065"),
    GOOD("a\"b\"", "\004a\"b\""),
    GOOD(" \"a\"", "\004 \"a\""),
    GOOD("\xff\xfe", "\002\xff\xfe"),
    BAD("\""),
    BAD("\"a"),
    BAD("\"a\\\""),
    BAD("\"a\\"),
    BAD("\"a\" b"),
    BAD("\"a\"b"),
    BAD("\"a\" \"b"),
    BAD("\"\\256\""),
    BAD("\"\\999\""),
    BAD("\"\\1\""),
    BAD("\"\\12\""),
    BAD("\"\\12x\""),
    BAD("\"\\1"),
};

struct converted {
	uint8_t *rdata;
	size_t len;
	const char *why;
	int err;
};

/* Both blocks have their exact size, so that an overrun is seen. */
static void
convert(const char *text, size_t len, struct converted *out)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	out->rdata = malloc(rdata_text_bound(len));
	cr_assert(copy != NULL && out->rdata != NULL);
	memcpy(copy, text, len);
	out->err = rdata_from_text(copy, len, out->rdata, &out->len, &out->why);
	free(copy);
}

Test(tool_rdata_text, forms)
{
	struct converted got;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		convert(rows[i].text, strlen(rows[i].text), &got);
		cr_expect_eq(got.err, rows[i].err, "row %zu: %d", i, got.err);
		cr_expect_eq(got.err == 0, got.why[0] == '\0', "row %zu", i);
		if (rows[i].err == 0) {
			cr_expect_eq(got.len, rows[i].len, "row %zu", i);
			cr_expect_eq(memcmp(got.rdata, rows[i].rdata,
					 rows[i].len),
			    0, "row %zu", i);
		}
		free(got.rdata);
	}
}

struct cut_row {
	size_t len;
	size_t rdata_len;
	uint8_t last;
};

Test(tool_rdata_text, bare_text_is_cut_at_255)
{
	static const struct cut_row cuts[] = {
	    {254, 255, 254},
	    {255, 256, 255},
	    {256, 258, 1  },
	    {510, 512, 255},
	    {511, 514, 1  },
	};
	static char text[512];
	struct converted got;
	size_t i, at, last;

	memset(text, 'x', sizeof(text));
	for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		convert(text, cuts[i].len, &got);
		cr_assert_eq(got.err, 0);
		cr_expect_eq(got.len, cuts[i].rdata_len, "row %zu", i);
		for (at = last = 0; at < got.len; at += got.rdata[at] + 1U)
			last = at;
		cr_expect_eq(got.rdata[last], cuts[i].last, "row %zu", i);
		free(got.rdata);
	}
}

Test(tool_rdata_text, quoted_string_over_255_is_refused)
{
	static char text[258];
	struct converted got;

	memset(text, 'x', sizeof(text));
	text[0] = text[256] = '"';
	convert(text, 257, &got);
	cr_expect_eq(got.err, 0);
	cr_expect_eq(got.len, 256);
	free(got.rdata);

	text[256] = 'x';
	text[257] = '"';
	convert(text, 258, &got);
	cr_expect_eq(got.err, ERR_TOOLONG);
	free(got.rdata);
}

Test(tool_rdata_text, record_over_65535_is_refused)
{
	static char text[65281];
	struct converted got;

	memset(text, 'x', sizeof(text));
	/* 255 strings of 255 and their length octets are 65280 */
	convert(text, 65025 + 254, &got);
	cr_expect_eq(got.err, 0);
	cr_expect_eq(got.len, 65535);
	free(got.rdata);
	convert(text, 65025 + 255, &got);
	cr_expect_eq(got.err, ERR_TOOLONG);
	free(got.rdata);
}
