/* The TXT RRset (T-03 to T-10, K2). */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

#include "core/txt.h"

#define RDATA_MAX 1024
#define A10       "abcdefghij"
#define A32       A10 A10 A10 "ab"

/* One record of one character-string, or several parted by "|". */
static struct txt_rdata
rdata(uint8_t buffer[RDATA_MAX], const char *text, size_t len)
{
	struct txt_rdata record = {buffer, 0};
	size_t length_at = 0;

	buffer[record.len++] = 0;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '|') {
			length_at = record.len;
			buffer[record.len++] = 0;
		} else {
			buffer[record.len++] = (uint8_t)text[i];
			buffer[length_at]++;
		}
	}
	return record;
}

struct txt_row {
	const char *text;
	size_t len;
	const char *id; /* NULL: invalid */
};

/* clang-format off */
#define GOOD(text, id) {text, sizeof(text) - 1, id}
#define BAD(text)      {text, sizeof(text) - 1, NULL}
/* clang-format on */

static const struct txt_row rows[] = {
    /* RFC 8461 3.1, appendix A */
    GOOD("v=STSv1; id=20160831085700Z;", "20160831085700Z"),
    /* T-06: the grammar */
    GOOD("v=STSv1;id=a", "a"),
    GOOD("v=STSv1;id=a;", "a"),
    GOOD("v=STSv1; id=a", "a"),
    GOOD("v=STSv1; id=a; ", "a"),
    GOOD("v=STSv1; id=a ;", "a"),
    GOOD("v=STSv1; id=a \t; \t", "a"),
    GOOD("v=STSv1;\tid=a", "a"),
    GOOD("v=STSv1;  \t  id=a", "a"),
    GOOD("v=STSv1;id=0", "0"),
    GOOD("v=STSv1;id=AZaz09", "AZaz09"),
    GOOD("v=STSv1;id=" A32, A32),
    BAD("v=STSv1;id=" A32 "c"),
    BAD("v=STSv1;id="),
    BAD("v=STSv1;id=;"),
    BAD("v=STSv1;id= a"),
    BAD("v=STSv1;id =a"),
    BAD("v=STSv1;id=a b"),
    BAD("v=STSv1;id=a-b"),
    BAD("v=STSv1;id=a_b"),
    BAD("v=STSv1;id=a=b"),
    BAD("v=STSv1;id=\"a\""),
    BAD("v=STSv1;id=\xc3\xbc"),
    BAD("v=STSv1;id=a\xc3\xbc"),
    BAD("v=STSv1;id=a\0"),
    BAD("v=STSv1;id=a\0;"),
    BAD("v=STSv1;id=a\n"),
    BAD("v=STSv1;id=a\r;"),
    BAD("v=STSv1;id"),
    BAD("v=STSv1;id;"),
    BAD("v=STSv1;i"),
    BAD("v=STSv1; id=a "),
    BAD("v=STSv1; id=a\t"),
    BAD("v=STSv1; id=a;;"),
    BAD("v=STSv1; id=a; ;"),
    BAD("v=STSv1;; id=a"),
    BAD("v=STSv1; id=a,x=y"),
    BAD("v=STSv1; id=a x=y"),
    BAD(" v=STSv1; id=a"),
    BAD("v =STSv1; id=a"),
    BAD("v= STSv1; id=a"),
    BAD(";v=STSv1; id=a"),
    BAD("\"v=STSv1; id=a\""),
    BAD("v=STSv1 id=a"),
    BAD("v=STSv1id=a"),
    BAD("v=STSv1"),
    BAD("v=STSv1 "),
    BAD("v=STSv1;"),
    BAD("v=STSv1; "),
    BAD(""),
    BAD("v"),
    BAD("v=spf1 -all"),
    /* case-sensitive */
    BAD("V=STSv1; id=a"),
    BAD("v=stsv1; id=a"),
    BAD("v=STSV1; id=a"),
    BAD("v=STSv1; ID=a"),
    BAD("v=STSv1; Id=a"),
    /* T-05: other versions */
    BAD("v=STSv12; id=a"),
    BAD("v=STSv2; id=a"),
    BAD("v=STSv; id=a"),
    /* K2: alone, the record is measured by the grammar only */
    GOOD("v=STSv1 ; id=a", "a"),
    GOOD("v=STSv1\t;id=a", "a"),
    /* T-07: extensions, anywhere but in front */
    GOOD("v=STSv1; x-id=b; id=a", "a"),
    GOOD("v=STSv1; id=a; ID=b; dnssec=yes", "a"),
    GOOD("v=STSv1; id=a; v=STSv2", "a"),
    GOOD("v=STSv1; 0.-_=x; id=a", "a"),
    GOOD("v=STSv1; ids=b; i=c; id=a", "a"),
    GOOD("v=STSv1; x=!\"#$%&'()*+,-./:<>?@[\\]^_`{}~; id=a", "a"),
    GOOD("v=STSv1; " A32 "=x; id=a", "a"),
    BAD("v=STSv1; " A32 "c=x; id=a"),
    BAD("v=STSv1; =x; id=a"),
    BAD("v=STSv1; -x=y; id=a"),
    BAD("v=STSv1; _x=y; id=a"),
    BAD("v=STSv1; .x=y; id=a"),
    BAD("v=STSv1; x=; id=a"),
    BAD("v=STSv1; x; id=a"),
    BAD("v=STSv1; x=y=z; id=a"),
    BAD("v=STSv1; x= y; id=a"),
    BAD("v=STSv1; x =y; id=a"),
    BAD("v=STSv1; x=y z; id=a"),
    BAD("v=STSv1; x=\xc3\xbc; id=a"),
    BAD("v=STSv1; x\xc3\xbc=y; id=a"),
    BAD("v=STSv1; x=\x7f; id=a"),
    BAD("v=STSv1; x=\x01; id=a"),
    BAD("v=STSv1; id=a; x"),
    BAD("v=STSv1; id=a; x="),
    /* no id */
    BAD("v=STSv1; x=y"),
    BAD("v=STSv1; x=y;"),
    /* T-08: the first one counts, what follows is any field */
    GOOD("v=STSv1; id=a; id=b", "a"),
    GOOD("v=STSv1; id=a; id=not-an-id", "a"),
    GOOD("v=STSv1; id=a; id=" A32 A32, "a"),
    BAD("v=STSv1; id=not-an-id; id=a"),
    BAD("v=STSv1; id=a; id="),
    BAD("v=STSv1; id=; id=a"),
    /* T-03: strings are joined, without a space */
    GOOD("v=STSv1; id=2016|0831085700Z;", "20160831085700Z"),
    GOOD("v=STS|v1; i|d=a", "a"),
    GOOD("v|=|S|T|S|v|1|;|i|d|=|a", "a"),
    GOOD("|v=STSv1; id=a", "a"),
    GOOD("v=STSv1; id=a||b", "ab"),
    GOOD("v=STSv1; id=a|", "a"),
    GOOD("||||v=STSv1; id=a;||", "a"),
    BAD("v=STSv1;| |id=a b"),
    BAD("v=STSv1|id=a"),
};

Test(txt, one_record_t03_t06_t07_t08_k2)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint8_t buffer[RDATA_MAX];
		struct txt_rdata record =
		    rdata(buffer, rows[i].text, rows[i].len);
		struct txt_result result;

		txt_parse(&record, 1, &result);
		cr_expect(result.record == 0);
		if (rows[i].id == NULL) {
			cr_expect(result.state == TXT_INVALID,
			    "row %zu <%s>: %s <%s>", i, rows[i].text,
			    txt_state_name(result.state), result.id);
			cr_expect(result.why[0] != '\0', "row %zu", i);
			cr_expect(result.id[0] == '\0', "row %zu", i);
		} else {
			cr_expect(result.state == TXT_VALID, "row %zu <%s>: %s",
			    i, rows[i].text, result.why);
			cr_expect(strcmp(result.id, rows[i].id) == 0,
			    "row %zu: <%s>", i, result.id);
			cr_expect(strcmp(result.why, "") == 0);
		}
	}
}

/* T-06 for every octet there is: in a value, a name and an id. */
static enum txt_state
state_with(const char *text, uint8_t octet)
{
	uint8_t data[64];
	struct txt_rdata record = {data, strlen(text) + 1};
	struct txt_result result;

	data[0] = (uint8_t)strlen(text);
	for (size_t i = 0; text[i] != '\0'; i++)
		data[i + 1] = text[i] == '?' ? octet : (uint8_t)text[i];
	txt_parse(&record, 1, &result);
	return result.state;
}

Test(txt, every_octet_t06)
{
	static const char alnum[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	for (unsigned octet = 0; octet < 256; octet++) {
		bool is_alnum = octet != 0 && strchr(alnum, (int)octet) != NULL;
		bool in_name =
		    is_alnum || octet == '_' || octet == '-' || octet == '.';
		bool in_value = octet >= 0x21 && octet <= 0x7e &&
		    octet != ';' && octet != '=';

		cr_expect((state_with("v=STSv1;id=a?b", (uint8_t)octet) ==
			      TXT_VALID) == is_alnum,
		    "id: %u", octet);
		cr_expect((state_with("v=STSv1;id=a;?a=b", (uint8_t)octet) ==
			      TXT_VALID) ==
			(is_alnum || octet == ' ' || octet == '\t'),
		    "first of name: %u", octet);
		/* "a=a=b" is none, and neither is "a;a=b" */
		cr_expect((state_with("v=STSv1;id=a;a?a=b", (uint8_t)octet) ==
			      TXT_VALID) == in_name,
		    "name: %u", octet);
		cr_expect((state_with("v=STSv1;id=a;a=b?b", (uint8_t)octet) ==
			      TXT_VALID) == in_value,
		    "value: %u", octet);
	}
}

#define SET_MAX 4

struct set_row {
	const char *text[SET_MAX];
	enum txt_state state;
	const char *id;
	size_t record;
};

static const struct set_row sets[] = {
    {{NULL},			       TXT_NONE,     "",  0},
 /* T-04: others beside it do not matter */
    {{"v=STSv1; id=a", "v=spf1 -all"},     TXT_VALID,    "a", 0},
    {{"v=spf1 -all", "v=STSv1; id=a"},     TXT_VALID,    "a", 1},
    {{"", "x", "v=STSv1;id=a", "v=STSv1"}, TXT_VALID,    "a", 2},
    {{"v=STSv2; id=b", "v=STSv1; id=a"},   TXT_VALID,    "a", 1},
    {{"v=STSv12; id=b", "v=STSv1; id=a"},  TXT_VALID,    "a", 1},
    {{"V=STSv1; id=b", "v=STSv1; id=a"},   TXT_VALID,    "a", 1},
    {{" v=STSv1; id=b", "v=STSv1; id=a"},  TXT_VALID,    "a", 1},
    {{"x", "v=ST|Sv1|; id=a"},             TXT_VALID,    "a", 1},
 /* K2: among several, "v=STSv1 ;" is discarded */
    {{"v=STSv1 ; id=b", "v=STSv1; id=a"},  TXT_VALID,    "a", 1},
    {{"v=STSv1 ; id=b", "v=spf1 -all"},    TXT_NONE,     "",  0},
    {{"v=STSv1 ; id=b", "v=STSv1 ; id=b"}, TXT_NONE,     "",  0},
    {{"x", "y"},			   TXT_NONE,     "",  0},
    {{"x", "v=STSv1"},                     TXT_NONE,     "",  0},
 /* T-05: counted before the syntax is looked at */
    {{"v=STSv1; id=a", "v=STSv1; id=a"},   TXT_MULTIPLE, "",  1},
    {{"v=STSv1; id=a", "v=STSv1; broken"}, TXT_MULTIPLE, "",  1},
    {{"v=STSv1;", "x", "v=STSv1;id=a"},    TXT_MULTIPLE, "",  2},
    {{"v=STSv1;", "v=STSv1;", "v=STSv1;"}, TXT_MULTIPLE, "",  1},
 /* T-09: the one that is left is broken */
    {{"x", "v=STSv1; id=a-b"},             TXT_INVALID,  "",  1},
    {{"v=STSv1;", "x"},                    TXT_INVALID,  "",  0},
};

Test(txt, several_records_t04_t05_t09_k2)
{
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
		uint8_t buffer[SET_MAX][RDATA_MAX];
		struct txt_rdata records[SET_MAX];
		struct txt_result result;
		size_t n = 0;

		for (; n < SET_MAX && sets[i].text[n] != NULL; n++)
			records[n] = rdata(buffer[n], sets[i].text[n],
			    strlen(sets[i].text[n]));
		txt_parse(records, n, &result);
		cr_expect(result.state == sets[i].state, "set %zu: %s", i,
		    txt_state_name(result.state));
		cr_expect(strcmp(result.id, sets[i].id) == 0, "set %zu: %s", i,
		    result.id);
		cr_expect(result.record == sets[i].record, "set %zu: %zu", i,
		    result.record);
		cr_expect((result.why[0] == '\0') ==
			(result.state == TXT_VALID),
		    "set %zu: %s", i, result.why);
	}
}

/* RDATA whose length octets lie; nothing is read beyond its end. */
Test(txt, damaged_rdata)
{
	static const struct {
		const char *data;
		size_t len;
	} damaged[] = {
	    {"",		       0 },
	    {"\x01",                   1 },
	    {"\x0fv=STSv1;id=abc",     15},
	    {"\x0dv=STSv1;id=abc",     15},
	    {"\x0ev=STSv1;id=abc\x05", 16},
	    {"\xffv=STSv1;id=abc",     15},
	};
	static const uint8_t sound[] = "\x0bv=STSv1;id=";

	for (size_t i = 0; i < sizeof(damaged) / sizeof(*damaged); i++) {
		const struct txt_rdata pair[] = {
		    {(const uint8_t *)damaged[i].data, damaged[i].len   },
		    {sound,			    sizeof(sound) - 1},
		};
		struct txt_result result;

		txt_parse(pair, 1, &result);
		cr_expect(result.state == TXT_INVALID, "row %zu: %s", i,
		    txt_state_name(result.state));
		txt_parse(pair, 2, &result);
		cr_expect(result.state == TXT_INVALID && result.record == 1,
		    "row %zu", i);
	}
}

Test(txt, no_data_at_all)
{
	const struct txt_rdata records[] = {
	    {NULL, 0},
            {NULL, 0}
        };
	struct txt_result result;

	txt_parse(NULL, 0, &result);
	cr_expect(result.state == TXT_NONE);
	txt_parse(records, 1, &result);
	cr_expect(result.state == TXT_INVALID);
	txt_parse(records, 2, &result);
	cr_expect(result.state == TXT_NONE);
}

/* An id that runs over many strings of 255 octets each. */
Test(txt, long_record_t03)
{
	static uint8_t data[8 * 256];
	struct txt_rdata record = {data, sizeof(data)};
	struct txt_result result;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = i % 256 == 0 ? 255 : 'x';
	memcpy(data + 1, "v=STSv1;id=a;e=", 15);
	txt_parse(&record, 1, &result);
	cr_expect(result.state == TXT_VALID, "%s", result.why);
	cr_expect(strcmp(result.id, "a") == 0);
	data[sizeof(data) - 1] = ' ';
	txt_parse(&record, 1, &result);
	cr_expect(result.state == TXT_INVALID);
}

Test(txt, state_names)
{
	static const char *const names[] = {"unasked", "valid", "none",
	    "multiple", "invalid", "failed", "bogus"};

	for (int i = 0; i < 7; i++) {
		cr_expect(
		    strcmp(txt_state_name((enum txt_state)i), names[i]) == 0);
		cr_expect(txt_state_by_name(names[i]) == i);
	}
	cr_expect(txt_state_by_name("Valid") == -1);
	cr_expect(txt_state_by_name("") == -1);
}
