/* Octets from strangers as text (S-02). */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define U_FFFD "\xef\xbf\xbd"

struct text_row {
	const char *in;
	size_t len;
	const char *utf8;    /* text_utf8 */
	const char *printed; /* text_print */
};

#define ROW(in, utf8, printed)                    \
	{                                         \
		in, sizeof(in) - 1, utf8, printed \
	}

static const struct text_row rows[] = {
    ROW("", "", ""),
    ROW("u@example.org", "u@example.org", "u@example.org"),
    ROW("a\tb\r\nc", "a\tb\r\nc", "a\\x09b\\x0d\\x0ac"),
    ROW("\x1b[31m", "\x1b[31m", "\\x1b[31m"),
    ROW("\x7f", "\x7f", "\\x7f"),
    ROW("m\xc3\xbcnchen", "m\xc3\xbcnchen", "m\xc3\xbcnchen"),
    ROW("\xc2\x80", "\xc2\x80", "\\xc2\\x80"),
    ROW("\xc2\x9b", "\xc2\x9b", "\\xc2\\x9b"),
    ROW("\xc2\xa0", "\xc2\xa0", "\xc2\xa0"),
    ROW("\xdf\xbf", "\xdf\xbf", "\xdf\xbf"),
    ROW("\xe0\xa0\x80", "\xe0\xa0\x80", "\xe0\xa0\x80"),
    ROW("\xed\x9f\xbf", "\xed\x9f\xbf", "\xed\x9f\xbf"),
    ROW("\xee\x80\x80", "\xee\x80\x80", "\xee\x80\x80"),
    ROW("\xef\xbf\xbf", "\xef\xbf\xbf", "\xef\xbf\xbf"),
    ROW("\xf0\x90\x80\x80", "\xf0\x90\x80\x80", "\xf0\x90\x80\x80"),
    ROW("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"),
    /* line separators and what turns the line round */
    ROW("\xe2\x80\xa8", "\xe2\x80\xa8", "\\xe2\\x80\\xa8"),
    ROW("\xe2\x80\xa9", "\xe2\x80\xa9", "\\xe2\\x80\\xa9"),
    ROW("\xe2\x80\xae", "\xe2\x80\xae", "\\xe2\\x80\\xae"),
    ROW("\xe2\x81\xa6", "\xe2\x81\xa6", "\\xe2\\x81\\xa6"),
    /* not UTF-8: one U+FFFD for each longest beginning */
    ROW("\x80", U_FFFD, "\\x80"),
    ROW("a\xff"
	"b",
	"a" U_FFFD "b", "a\\xffb"),
    ROW("\xc0\xaf", U_FFFD U_FFFD, "\\xc0\\xaf"),
    ROW("\xc1\xbf", U_FFFD U_FFFD, "\\xc1\\xbf"),
    ROW("\xc3", U_FFFD, "\\xc3"),
    ROW("\xc3"
	"a",
	U_FFFD "a", "\\xc3a"),
    ROW("\xe0\x9f\x80", U_FFFD U_FFFD U_FFFD, "\\xe0\\x9f\\x80"),
    ROW("\xed\xa0\x80", U_FFFD U_FFFD U_FFFD, "\\xed\\xa0\\x80"),
    ROW("\xe2\x82", U_FFFD, "\\xe2\\x82"),
    ROW("\xe2\x82"
	"a",
	U_FFFD "a", "\\xe2\\x82a"),
    ROW("\xf0\x8f\xbf\xbf", U_FFFD U_FFFD U_FFFD U_FFFD,
	"\\xf0\\x8f\\xbf\\xbf"),
    ROW("\xf0\x9f\x98", U_FFFD, "\\xf0\\x9f\\x98"),
    ROW("\xf4\x90\x80\x80", U_FFFD U_FFFD U_FFFD U_FFFD,
	"\\xf4\\x90\\x80\\x80"),
    ROW("\xf5\x80", U_FFFD U_FFFD, "\\xf5\\x80"),
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

/* A copy of the exact size, so that a read past the end is seen. */
static uint8_t *
exact_copy(const struct text_row *row)
{
	uint8_t *copy = malloc(row->len > 0 ? row->len : 1);

	cr_assert(copy != NULL);
	memcpy(copy, row->in, row->len);
	return copy;
}

Test(tool_text, utf8_replaces_what_is_none)
{
	size_t i;

	for (i = 0; i < N_ROWS; i++) {
		uint8_t *in = exact_copy(&rows[i]);
		char *out = text_utf8(in, rows[i].len);

		cr_expect_str_eq(out, rows[i].utf8, "row %zu: \"%s\"", i, out);
		free(out);
		free(in);
	}
}

Test(tool_text, print_shows_controls_as_numbers)
{
	size_t i, size;

	for (i = 0; i < N_ROWS; i++) {
		uint8_t *in = exact_copy(&rows[i]);
		char *printed = NULL;
		FILE *out = open_memstream(&printed, &size);

		text_print(out, in, rows[i].len);
		fclose(out);
		cr_expect_str_eq(printed, rows[i].printed, "row %zu: \"%s\"", i,
		    printed);
		free(printed);
		free(in);
	}
}

Test(tool_text, utf8_keeps_going_after_nul)
{
	char *out = text_utf8("a\0\xff", 3);

	cr_expect_eq(memcmp(out, "a\0" U_FFFD, 6), 0);
	free(out);
}

Test(tool_text, utf8_of_what_no_memory_could_hold)
{
	cr_expect_null(text_utf8("", SIZE_MAX));
	cr_expect_null(text_utf8("", SIZE_MAX / 3));
}

static void
expect_wrapped(const char *text, const char *expected)
{
	char *wrapped = NULL;
	size_t size;
	FILE *out = open_memstream(&wrapped, &size);

	text_wrap(out, "> ", 2, 12, text);
	fclose(out);
	cr_expect_str_eq(wrapped, expected, "\"%s\"", wrapped);
	free(wrapped);
}

/* The width is 12, the margin's 2 included. */
Test(tool_text, wrap_counts_what_is_seen)
{
	expect_wrapped("", "");
	expect_wrapped("  ", "");
	expect_wrapped("one", "> one\n");
	expect_wrapped(" one  two  ", "> one two\n");
	expect_wrapped("one two 34", "> one two 34\n");
	expect_wrapped("one two 345", "> one two\n> 345\n");
	expect_wrapped("longer-than-a-line on", "> longer-than-a-line\n> on\n");
	expect_wrapped("m\xc3\xbcm m\xc3\xbcm \xc3\xbc\xc3\xbc",
	    "> m\xc3\xbcm m\xc3\xbcm \xc3\xbc\xc3\xbc\n");
	expect_wrapped("one two 3\x1b", "> one two\n> 3\\x1b\n");
}

Test(text, ascii_is_bounded_and_printable)
{
	static const struct {
		const char *octets;
		size_t len;
		const char *text;
	} cases[] = {
	    {"",           0, ""       },
	    {"abcdefg",    7, "abcdefg"},
	    {"abcdefgh",   8, "abcd..."},
	    {"\0\r\n\x7f", 4, "????"   },
	    {" ~\xff",     3, " ~?"    },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[8];

		memset(out, '#', sizeof(out));
		text_ascii(out, sizeof(out), cases[i].octets, cases[i].len);
		cr_expect_str_eq(out, cases[i].text);
	}
}
