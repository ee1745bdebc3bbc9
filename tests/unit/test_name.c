/* Names in canonical form, error texts. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/err.h"
#include "base/name.h"

#define L10  "abcdefghij"
#define L60  L10 L10 L10 L10 L10 L10
#define L63  L60 "abc"
#define N252 L63 "." L63 "." L63 "." L60

struct name_row {
	const char *in;
	size_t len;
	int err;
	const char *out;
};

/* clang-format off */
#define GOOD(in, out) {in, sizeof(in) - 1, 0, out}
#define BAD(in, err)  {in, sizeof(in) - 1, err, ""}
/* clang-format on */

static const struct name_row rows[] = {
    /* lower case */
    GOOD("example.org", "example.org"),
    GOOD("EXAMPLE.Org", "example.org"),
    GOOD("AZ.az", "az.az"),
    GOOD("org", "org"),
    GOOD("a", "a"),
    GOOD("xn--mnchen-3ya.example", "xn--mnchen-3ya.example"),
    /* one final dot */
    GOOD("example.org.", "example.org"),
    BAD("example.org..", ERR_SYNTAX),
    BAD("", ERR_SYNTAX),
    BAD(".", ERR_SYNTAX),
    BAD("..", ERR_SYNTAX),
    BAD(".example.org", ERR_SYNTAX),
    BAD("example..org", ERR_SYNTAX),
    /* underscores; hyphens anywhere */
    GOOD("_mta-sts.example.org", "_mta-sts.example.org"),
    GOOD("a_b._", "a_b._"),
    GOOD("-a-.-", "-a-.-"),
    GOOD("r3---sn.example", "r3---sn.example"),
    /* nothing else gets through */
    BAD("a/b.org", ERR_SYNTAX),
    BAD("../etc", ERR_SYNTAX),
    BAD("a b.org", ERR_SYNTAX),
    BAD(" example.org", ERR_SYNTAX),
    BAD("example.org ", ERR_SYNTAX),
    BAD("example.org\n", ERR_SYNTAX),
    BAD("exa\0mple.org", ERR_SYNTAX),
    BAD("example.org\0", ERR_SYNTAX),
    BAD("\0", ERR_SYNTAX),
    BAD("*.example.org", ERR_SYNTAX),
    BAD("a@b.org", ERR_SYNTAX),
    BAD("a:25", ERR_SYNTAX),
    BAD("[192.0.2.1]", ERR_SYNTAX),
    BAD("a\\b", ERR_SYNTAX),
    BAD("a%b", ERR_SYNTAX),
    BAD("m\xc3\xbcnchen.example", ERR_SYNTAX),
    BAD("a\x7f", ERR_SYNTAX),
    BAD("`a", ERR_SYNTAX),
    BAD("a{", ERR_SYNTAX),
    BAD("a,b", ERR_SYNTAX),
    /* the last label is not a number */
    BAD("192.0.2.1", ERR_SYNTAX),
    BAD("192.0.2.1.", ERR_SYNTAX),
    BAD("1", ERR_SYNTAX),
    BAD("example.123", ERR_SYNTAX),
    GOOD("1.example", "1.example"),
    GOOD("example.1a", "example.1a"),
    GOOD("0x7f", "0x7f"),
    /* */
    GOOD(L63 ".org", L63 ".org"),
    BAD(L63 "d.org", ERR_TOOLONG),
    BAD("org." L63 "d", ERR_TOOLONG),
    GOOD(N252 "a", N252 "a"),
    GOOD(N252 "a.", N252 "a"),
    BAD(N252 "ab", ERR_TOOLONG),
    BAD(N252 "a..", ERR_TOOLONG),
};

Test(name, canon_r01_r11_r12_r14_r16)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char out[NAME_SIZE] = "not touched";
		int err =
		    name_canon((const uint8_t *)rows[i].in, rows[i].len, out);

		cr_expect(err == rows[i].err, "row %zu <%s>: %d", i, rows[i].in,
		    err);
		cr_expect(strcmp(out, rows[i].out) == 0, "row %zu <%s>: <%s>",
		    i, rows[i].in, out);
	}
}

/* R-14 for every octet there is, inside a label. */
Test(name, only_ldh_and_underscore_r14)
{
	for (unsigned octet = 0; octet < 256; octet++) {
		uint8_t in[] = {'a', (uint8_t)octet, 'b'};
		char out[NAME_SIZE];
		const char *good = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
		bool expected = octet != 0 && strchr(good, (int)octet) != NULL;

		cr_expect((name_canon(in, sizeof(in), out) == 0) == expected,
		    "octet %u", octet);
	}
}

Test(name, canon_of_canon_is_the_same)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char out[NAME_SIZE];

		if (rows[i].err != 0)
			continue;
		cr_expect(name_canon((const uint8_t *)rows[i].out,
			      strlen(rows[i].out), out) == 0);
		cr_expect(strcmp(out, rows[i].out) == 0);
	}
}

Test(name, is_below)
{
	cr_expect(name_is_below("a.example.net", "example.net"));
	cr_expect(name_is_below("a.b.example.net", "example.net"));
	cr_expect(name_is_below("example.net", "net"));
	cr_expect(!name_is_below("example.net", "example.net"));
	cr_expect(!name_is_below("notexample.net", "example.net"));
	cr_expect(!name_is_below("example.net", "a.example.net"));
	cr_expect(!name_is_below("a.example.com", "example.net"));
	cr_expect(!name_is_below(".example.net", "example.net"));
	cr_expect(!name_is_below("example.net", ""));
	cr_expect(!name_is_below("", "example.net"));
	cr_expect(!name_is_below("", ""));
}

struct err_row {
	int err;
	const char *text;
};

/* clang-format off */
#define X(member, value, text) {member, text},
static const struct err_row err_rows[] = {ERR_TABLE(X)};
#undef X
/* clang-format on */

Test(err, every_number_has_a_text)
{
	for (size_t i = 0; i < sizeof(err_rows) / sizeof(*err_rows); i++)
		cr_expect(strcmp(err_text(err_rows[i].err), err_rows[i].text) ==
			0,
		    "%d", err_rows[i].err);
	cr_expect(strcmp(err_text(ERR_NOMEM), "out of memory") == 0);
	cr_expect(strcmp(err_text(-14), "library failure") == 0);
	cr_expect(strcmp(err_text(ERR_OK), "no error") == 0);
	cr_expect(strcmp(err_text(1), "unknown error") == 0);
	cr_expect(strcmp(err_text(-1000), "unknown error") == 0);
}
