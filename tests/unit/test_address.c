/* What RCPT TO is made of (R-01, R-04 to R-16). */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/err.h"
#include "core/address.h"
#include "fake_idn.h"

struct address_row {
	const char *arg;
	size_t len;
	enum address_class class;
	const char *domain;
};

/* clang-format off */
#define DOMAIN(arg, domain) {arg, sizeof(arg) - 1, ADDRESS_DOMAIN, domain}
#define LOCAL(arg)          {arg, sizeof(arg) - 1, ADDRESS_LOCAL, ""}
#define LITERAL(arg)        {arg, sizeof(arg) - 1, ADDRESS_LITERAL, ""}
#define INVALID(arg)        {arg, sizeof(arg) - 1, ADDRESS_INVALID, ""}
/* clang-format on */

static const struct address_row plain[] = {
    /* R-01 */
    DOMAIN("<user@example.org>", "example.org"),
    DOMAIN("<User@EXAMPLE.Org>", "example.org"),
    DOMAIN("<user@org>", "org"),
    DOMAIN("<user@a.b.c.d.example.org>", "a.b.c.d.example.org"),
    DOMAIN("<@example.org>", "example.org"),
    /* R-06 */
    LOCAL(""),
    LOCAL("<>"),
    LOCAL("< >"),
    LOCAL("<<>>"),
    LOCAL("<"),
    LOCAL(">"),
    LOCAL("postmaster"),
    LOCAL("<postmaster>"),
    LOCAL("<Postmaster>"),
    LOCAL("user"),
    LOCAL("<user>"),
    LOCAL("<\"user\">"),
    LOCAL("<\"\">"),
    LOCAL("<user.name>"),
    LOCAL("<example.org>"),
    LOCAL("(comment)"),
    LOCAL("<user%example.org>"),
    LOCAL("<example.org!user>"),
    /* R-15: brackets both or none, or only one */
    DOMAIN("user@example.org", "example.org"),
    DOMAIN("<user@example.org", "example.org"),
    DOMAIN("user@example.org>", "example.org"),
    DOMAIN("<<user@example.org>>", "example.org"),
    DOMAIN("<user@example.org>>", "example.org"),
    DOMAIN("<<user@example.org>", "example.org"),
    DOMAIN("User Name <user@example.org>", "example.org"),
    DOMAIN("\"x@a.test\" <user@example.org>", "example.org"),
    DOMAIN("x@a.test <user@example.org>", "example.org"),
    DOMAIN("<x@a.test <user@example.org>>", "example.org"),
    DOMAIN("<user@example.org><>", "example.org"),
    DOMAIN("user@example.org,<>", "example.org"),
    DOMAIN("user@example.org;x<>", "example.org"),
    DOMAIN("<user@example.org\\>", "example.org"),
    INVALID("<user@example.org>x"),
    /* lists and groups */
    DOMAIN("user@example.org,", "example.org"),
    DOMAIN("user@example.org;", "example.org"),
    DOMAIN("group:user@example.org;", "example.org"),
    DOMAIN("<user@example.org>,", "example.org"),
    DOMAIN("<u@a.test>x:user@example.org;", "example.org"),
    DOMAIN("user@example.org,:;", "example.org"),
    /* blanks inside */
    DOMAIN("< user@example.org >", "example.org"),
    DOMAIN("<user @ example.org>", "example.org"),
    DOMAIN("<user@example . org>", "example.org"),
    DOMAIN("<user@example.org\t>", "example.org"),
    DOMAIN("<user@\r\nexample.org>", "example.org"),
    DOMAIN("<user@example.\v\forg>", "example.org"),
    DOMAIN(" user@example.org ", "example.org"),
    DOMAIN("<<user@exam ple.org>>", "example.org"),
    /* R-08: no name can be made of these */
    INVALID("<user@exam ple.org>"),
    INVALID("user@exam ple.org"),
    INVALID("<user@>"),
    INVALID("<@>"),
    INVALID("@"),
    INVALID("<user@ >"),
    INVALID("<user@.>"),
    INVALID("<user@..>"),
    INVALID("<user@a/b>"),
    INVALID("<user@a:25>"),
    INVALID("<user@example.org,a>"),
    INVALID("<user@a%b>"),
    INVALID("<user@a*b>"),
    INVALID("<user@a\x7f.org>"),
    INVALID("<user@a\x01.org>"),
    INVALID("<user@a)b>"),
    INVALID("<user@192.0.2.1>"),
    INVALID("<user@123>"),
    INVALID("<user@example.org@>"),
    /* R-11 */
    DOMAIN("<user@example.org.>", "example.org"),
    DOMAIN("<user@example.org. >", "example.org"),
    INVALID("<user@example.org..>"),
    INVALID("<user@.example.org>"),
    INVALID("<user@example..org>"),
    /* R-16 */
    DOMAIN("<user@a_b.example.org>", "a_b.example.org"),
    DOMAIN("<user@_dmarc.example.org>", "_dmarc.example.org"),
    DOMAIN("<user@-a-.example.org>", "-a-.example.org"),
};

static const struct address_row routed[] = {
    /* R-09 */
    DOMAIN("<@a.test:user@example.org>", "example.org"),
    DOMAIN("<@a.test,@b.test:user@example.org>", "example.org"),
    DOMAIN("@a.test,@b.test:user@example.org", "example.org"),
    DOMAIN("<@a.test:@b.test:user@example.org>", "example.org"),
    DOMAIN("<@a.test,@b.test:@c.test,@d.test:user@example.org>", "example.org"),
    DOMAIN("<@[192.0.2.1]:user@example.org>", "example.org"),
    DOMAIN("<@[IPv6:2001:db8::1]:user@example.org>", "example.org"),
    DOMAIN("< @a.test:user@example.org>", "example.org"),
    DOMAIN("x <@a.test:user@example.org>", "example.org"),
    DOMAIN("<@a.test:<user@example.org>>", "example.org"),
    DOMAIN("<@a.test,user@example.org>", "example.org"),
    LOCAL("<@a.test:user>"),
    LOCAL("<@a.test:@b.test:user>"),
    LOCAL("< @a.test:user>"),
    LITERAL("<@a.test:user@[192.0.2.1]>"),
    LOCAL("<@a.test:>"),
    INVALID("<@a.test:user@>"),
    LOCAL("<@:>"),
};

static const struct address_row quoted[] = {
    /* R-10: text inside quotes is text */
    DOMAIN("<\"a@b.test\"@example.org>", "example.org"),
    DOMAIN("<\"a>b\"@example.org>", "example.org"),
    DOMAIN("<\"a<b\"@example.org>", "example.org"),
    DOMAIN("<\"@a.test:u\"@example.org>", "example.org"),
    DOMAIN("<\"a b\"@example.org>", "example.org"),
    DOMAIN("<\"a\\\"@b.test\"@example.org>", "example.org"),
    DOMAIN("<\"a\\\\\"@example.org>", "example.org"),
    DOMAIN("<\"(\"@example.org>", "example.org"),
    DOMAIN("<\"[\"@example.org>", "example.org"),
    DOMAIN("<\"\"@example.org>", "example.org"),
    DOMAIN("<a\\@b.test@example.org>", "example.org"),
    DOMAIN("<a\\>@example.org>", "example.org"),
    DOMAIN("<a\\\"@example.org>", "example.org"),
    DOMAIN("<a\\(@example.org>", "example.org"),
    DOMAIN("<a\\[@example.org>", "example.org"),
    DOMAIN("\"a b\"@example.org", "example.org"),
    LOCAL("<\"user@example.org\">"),
    LOCAL("<user\\@example.org>"),
    LOCAL("<\"a\"\\@\"b\">"),
    /* the last one outside of quotes */
    DOMAIN("<a@b.test@example.org>", "example.org"),
    DOMAIN("<a@b.test@c.test@example.org>", "example.org"),
    DOMAIN("<a@\"b@c.test\"@example.org>", "example.org"),
    DOMAIN("<@@example.org>", "example.org"),
    /* quoting in the domain hides nothing from the MTA */
    DOMAIN("<user@\"example.org\">", "example.org"),
    DOMAIN("<user@exam\\ple.org>", "example.org"),
    DOMAIN("<user@exam\"ple\".org>", "example.org"),
    DOMAIN("<user@\"example.org.\">", "example.org"),
    DOMAIN("<user@\"exam ple.org\">", "example.org"),
    DOMAIN("<user@\"example.org(c)\">", "example.org"),
    DOMAIN("<user@a.test\\@example.org>", "example.org"),
    DOMAIN("<user@\"a.test@example.org\">", "example.org"),
    DOMAIN("<user@a \"b@example.org\">", "example.org"),
    DOMAIN("user@example.org\\", "example.org"),
    DOMAIN("<user@\"exam\\\"ple.org\">", "example.org"),
    INVALID("<user@\"\">"),
    LITERAL("<user@\"[192.0.2.1]\">"),
    /* left open */
    DOMAIN("<\"user@example.org>", "example.org"),
    DOMAIN("<user@example.org\">", "example.org"),
    DOMAIN("<user@a.test\"@example.org>", "example.org"),
    DOMAIN("<a[\"@b]\"@example.org>", "example.org"),
    /* comments, nested, quoted, left open */
    DOMAIN("<(c)user@example.org>", "example.org"),
    DOMAIN("<user(c)@example.org>", "example.org"),
    DOMAIN("<user@(c)example.org>", "example.org"),
    DOMAIN("<user@example.org(c)>", "example.org"),
    DOMAIN("<user@example(c).(c)org>", "example.org"),
    DOMAIN("<user@example.org(@b.test)>", "example.org"),
    DOMAIN("<user@example.org(a(b)@c.test)>", "example.org"),
    DOMAIN("<user@example.org(\\)@b.test)>", "example.org"),
    DOMAIN("<user@example.org(\">", "example.org"),
    DOMAIN("user@example.org(c)", "example.org"),
    DOMAIN("<user@example.org(c", "example.org"),
    DOMAIN("<user@example.org(c>", "example.org"),
    DOMAIN("<user@example.org(\\", "example.org"),
    LOCAL("<user(@example.org)>"),
    INVALID("<user@exam(c)ple.org>"),
    INVALID("<user@(c)>"),
};

static const struct address_row literal[] = {
    /* R-05 */
    LITERAL("<user@[192.0.2.1]>"),
    LITERAL("user@[192.0.2.1]"),
    LITERAL("<user@[IPv6:2001:db8::1]>"),
    LITERAL("<user@[]>"),
    LITERAL("<user@[example.org]>"),
    LITERAL("<user@[whatever (\"it is>]>"),
    LITERAL("<user@[a@b.test]>"),
    LITERAL("<user@[a\\]b]>"),
    LITERAL("<user@ [192.0.2.1] >"),
    LITERAL("<user@(c)[192.0.2.1](c)>"),
    /* a missing bracket is repaired by the MTA */
    LITERAL("<user@[192.0.2.1>"),
    LITERAL("user@[192.0.2.1"),
    LITERAL("<user@[>"),
    LITERAL("user@[anything"),
    /* what only looks like one */
    DOMAIN("<user@[192.0.2.1]@example.org>", "example.org"),
    DOMAIN("<[a@b.test]@example.org>", "example.org"),
    DOMAIN("<a[@b.test]@example.org>", "example.org"),
    DOMAIN("<a[\"]@example.org>", "example.org"),
    DOMAIN("<a[@example.org>", "example.org"),
    INVALID("<user@192.0.2.1]>"),
    INVALID("<user@example.org[1]>"),
    INVALID("<user@a[b>"),
};

static const struct address_row octets[] = {
    /* R-04 */
    DOMAIN("<user@m" UE "nchen.example>", "xn--mnchen-3ya.example"),
    DOMAIN("<user@ \"m" UE "nchen.example\">", "xn--mnchen-3ya.example"),
    DOMAIN("<user@xn--mnchen-3ya.example>", "xn--mnchen-3ya.example"),
    INVALID("<user@" UE ".example>"),
    INVALID("<user@m\xfcnchen.example>"),
    /* R-12, R-14: what comes back is checked again */
    INVALID("<user@" UE "slash>"),
    INVALID("<user@" UE "growing>"),
    /* R-13: 8-bit and control octets before the "@" */
    DOMAIN("<\xff\xfe\x80@example.org>", "example.org"),
    DOMAIN("<m\xfcller@example.org>", "example.org"),
    DOMAIN("<m" UE "ller@example.org>", "example.org"),
    DOMAIN("<a\0b@example.org>", "example.org"),
    DOMAIN("\0@example.org", "example.org"),
    DOMAIN("<\x01\x7f@example.org>", "example.org"),
    LOCAL("\0"),
    LOCAL("<m" UE "ller>"),
    /* R-14 */
    INVALID("<user@example.org\0>"),
    INVALID("<user@example.org\0.test>"),
    INVALID("<user@\0>"),
    INVALID("<user@..\\/..\\/etc>"),
    /* R-12 */
    DOMAIN("<user@" L63 ".org>", L63 ".org"),
    INVALID("<user@" L63 "d.org>"),
    INVALID("<user@" L63 "." L63 "." L63 "." L63 ">"),
};

static void
check_rows(const struct address_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct address address;

		address_parse((const uint8_t *)rows[i].arg, rows[i].len,
		    fake_idn, &address);
		cr_expect(address.class == rows[i].class &&
			strcmp(address.domain, rows[i].domain) == 0,
		    "row %zu, %s: %s <%s>", i, rows[i].arg,
		    address_class_name(address.class), address.domain);
	}
}

#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof(*rows))

Test(address, plain_r01_r06_r08_r11_r15_r16)
{
	CHECK(plain);
}

Test(address, source_routes_r09)
{
	CHECK(routed);
}

Test(address, quoting_and_comments_r10)
{
	CHECK(quoted);
}

Test(address, literals_r05)
{
	CHECK(literal);
}

Test(address, octets_r04_r12_r13_r14)
{
	CHECK(octets);
}

/* What is put around an argument makes no difference to it. */
Test(address, comment_in_front_changes_nothing)
{
	for (size_t i = 0; i < sizeof(quoted) / sizeof(*quoted); i++) {
		static const char front[] = "(c\\)(@x)) ";
		char arg[256];
		size_t front_len = sizeof(front) - 1;
		struct address address;

		if (quoted[i].arg[0] != '<' ||
		    quoted[i].arg[quoted[i].len - 1] != '>')
			continue;
		arg[0] = '<';
		memcpy(arg + 1, front, front_len);
		memcpy(arg + 1 + front_len, quoted[i].arg + 1,
		    quoted[i].len - 1);
		address_parse((const uint8_t *)arg, front_len + quoted[i].len,
		    fake_idn, &address);
		cr_expect(address.class == quoted[i].class &&
			strcmp(address.domain, quoted[i].domain) == 0,
		    "row %zu: %.*s: %s <%s>", i,
		    (int)(front_len + quoted[i].len), arg,
		    address_class_name(address.class), address.domain);
	}
}

/* {rcpt_addr}: what precedes the last "@" hides nothing, quoted or not. */
static const struct {
	const char *text;
	enum address_class class;
	const char *domain;
} rewritten[] = {
  /* clang-format off */
    {"u@Example.org", ADDRESS_DOMAIN, "example.org"},
    {"u@example.org.", ADDRESS_DOMAIN, "example.org"},
    {"\"a b\"@example.org", ADDRESS_DOMAIN, "example.org"},
    {"\"a@b\"@example.org", ADDRESS_DOMAIN, "example.org"},
    {"a@b@example.org", ADDRESS_DOMAIN, "example.org"},
    {"\"x(y\"@example.org", ADDRESS_DOMAIN, "example.org"},
    {"x(y@example.org", ADDRESS_DOMAIN, "example.org"},
    {"x\"y@example.org", ADDRESS_DOMAIN, "example.org"},
    {"u@m\xc3\xbcnchen.example", ADDRESS_DOMAIN, "xn--mnchen-3ya.example"},
    {"user", ADDRESS_LOCAL, ""},
    {"", ADDRESS_LOCAL, ""},
    {"u@[192.0.2.1]", ADDRESS_LITERAL, ""},
    {"u@[", ADDRESS_LITERAL, ""},
    {"u@", ADDRESS_INVALID, ""},
    {"u@example..org", ADDRESS_INVALID, ""},
    {"u@example.org>", ADDRESS_INVALID, ""},
    {"u@\xff", ADDRESS_INVALID, ""},
  /* clang-format on */
};

Test(address, as_the_mta_has_rewritten_it_R18_R19)
{
	for (size_t i = 0; i < sizeof(rewritten) / sizeof(*rewritten); i++) {
		struct address address;

		address_parse_rewritten(rewritten[i].text, fake_idn, &address);
		cr_expect(address.class == rewritten[i].class &&
			strcmp(address.domain, rewritten[i].domain) == 0,
		    "%s: %s <%s>", rewritten[i].text,
		    address_class_name(address.class), address.domain);
	}
}

Test(address, class_names)
{
	static const char *const names[] = {"domain", "local", "literal",
	    "invalid"};

	for (int i = 0; i < 4; i++) {
		cr_expect(strcmp(address_class_name((enum address_class)i),
			      names[i]) == 0);
		cr_expect(address_class_by_name(names[i]) == i);
	}
	cr_expect(address_class_by_name("Domain") == -1);
	cr_expect(address_class_by_name("") == -1);
}
