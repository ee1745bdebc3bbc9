/* Long and short arguments, bare domains (R-01, R-04, R-06, R-12, R-13). */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "core/address.h"
#include "fake_idn.h"

/* `n` times `unit`, then `tail`. */
static struct address
parse_repeated(const char *unit, size_t n, const char *tail)
{
	size_t unit_len = strlen(unit);
	size_t len = n * unit_len + strlen(tail);
	uint8_t *arg = malloc(len);
	struct address address;

	cr_assert(arg != NULL);
	for (size_t i = 0; i < n; i++)
		memcpy(arg + i * unit_len, unit, unit_len);
	memcpy(arg + n * unit_len, tail, strlen(tail));
	address_parse(arg, len, fake_idn, &address);
	free(arg);
	return address;
}

static void
expect_domain(struct address address, const char *domain)
{
	cr_expect(address.class == ADDRESS_DOMAIN, "%s",
	    address_class_name(address.class));
	cr_expect(strcmp(address.domain, domain) == 0, "%s", address.domain);
}

Test(address_bounds, long_local_parts_r13)
{
	expect_domain(parse_repeated("a", 100, "@example.org"), "example.org");
	expect_domain(parse_repeated("a", 100000, "@example.org"),
	    "example.org");
	expect_domain(parse_repeated("@a.test:", 10000, "u@example.org"),
	    "example.org");
	expect_domain(parse_repeated("\"@\"", 10000, "@example.org"),
	    "example.org");
	expect_domain(parse_repeated("[", 100000, "@example.org"),
	    "example.org");
	expect_domain(parse_repeated("<", 10000, "u@example.org>"),
	    "example.org");
	cr_expect(
	    parse_repeated("(", 100000, "@example.org").class == ADDRESS_LOCAL);
}

Test(address_bounds, long_domains_r12)
{
	cr_expect(parse_repeated("@a", 1, "").class == ADDRESS_DOMAIN);
	cr_expect(parse_repeated("u@", 1, L63 L63 L63 L63 L63).class ==
	    ADDRESS_INVALID);
	/* 2048 octets of text are looked at, be it blanks */
	expect_domain(parse_repeated("u@a.org(", 1,
			  L63 L63 L63 L63 L63 L63 L63 L63 ")"),
	    "a.org");
	cr_expect(parse_repeated("u@", 1, "a.org").class == ADDRESS_DOMAIN);
	cr_expect(parse_repeated("a", 3, "@").class == ADDRESS_INVALID);
	cr_expect(parse_repeated("@(c)", 1, "").class == ADDRESS_INVALID);
}

/* The bound on a domain's text is an octet more or less. */
Test(address_bounds, domain_text_bound)
{
	uint8_t arg[2 + 2049];
	struct address address;

	memset(arg, ' ', sizeof(arg));
	memcpy(arg, "u@", 2);
	/* blanks at the end are none of a bare address: end in a dot */
	memcpy(arg + 2, "a.org", 5);
	arg[2 + 2047] = '.';
	address_parse(arg, 2 + 2048, NULL, &address);
	cr_expect(address.class == ADDRESS_DOMAIN);
	arg[2 + 2047] = ' ';
	arg[2 + 2048] = '.';
	address_parse(arg, 2 + 2049, NULL, &address);
	cr_expect(address.class == ADDRESS_INVALID);
}

/* Every argument of up to five octets of those that mean something. */
Test(address_bounds, short_arguments_keep_the_promises)
{
	static const char alphabet[] = "a@.<>\"\\([):;,] ";
	size_t base = sizeof(alphabet) - 1;
	size_t total = 1;

	for (size_t len = 1; len <= 5; len++) {
		total *= base;
		for (size_t k = 0; k < total; k++) {
			uint8_t arg[5];
			struct address address;
			size_t rest = k;

			for (size_t i = 0; i < len; i++, rest /= base)
				arg[i] = (uint8_t)alphabet[rest % base];
			address_parse(arg, len, NULL, &address);
			cr_assert((address.class == ADDRESS_DOMAIN) ==
				(strcmp(address.domain, "") != 0),
			    "%.*s", (int)len, (const char *)arg);
			if (memchr(arg, '@', len) == NULL)
				cr_assert(address.class == ADDRESS_LOCAL,
				    "%.*s", (int)len, (const char *)arg);
		}
	}
}

Test(address_bounds, without_idn_r04)
{
	static const uint8_t arg[] = "<u@m" UE "nchen.example>";
	struct address address;

	address_parse(arg, sizeof(arg) - 1, NULL, &address);
	cr_expect(address.class == ADDRESS_INVALID);
	cr_expect(strcmp(address.domain, "") == 0);
}

Test(address_bounds, nothing_at_all_r06)
{
	struct address address;

	address_parse(NULL, 0, NULL, &address);
	cr_expect(address.class == ADDRESS_LOCAL);
}

struct domain_row {
	const char *text;
	size_t len;
	const char *domain; /* NULL: ERR_SYNTAX */
};

/* clang-format off */
#define GOOD(text, domain) {text, sizeof(text) - 1, domain}
#define BAD(text)          {text, sizeof(text) - 1, NULL}
/* clang-format on */

static const struct domain_row domains[] = {
    GOOD("example.org", "example.org"),
    GOOD("Example.ORG.", "example.org"),
    GOOD("m" UE "nchen.example", "xn--mnchen-3ya.example"),
    BAD(""),
    BAD("."),
    BAD("example.org.."),
    BAD(" example.org"),
    BAD("\"example.org\""),
    BAD("user@example.org"),
    BAD("[192.0.2.1]"),
    BAD("192.0.2.1"),
    BAD(L63 "d.org"),
    BAD(UE ".example"),
    BAD(UE "slash"),
    BAD(UE "growing"),
    BAD("exa\0mple.org"),
};

Test(address_bounds, bare_domain_r01_r04_r11_r12)
{
	for (size_t i = 0; i < sizeof(domains) / sizeof(*domains); i++) {
		char out[NAME_SIZE] = "not touched";
		int err = address_domain((const uint8_t *)domains[i].text,
		    domains[i].len, fake_idn, out);
		const char *want =
		    domains[i].domain != NULL ? domains[i].domain : "";

		cr_expect(err == (domains[i].domain != NULL ? 0 : ERR_SYNTAX),
		    "row %zu: %d", i, err);
		cr_expect(strcmp(out, want) == 0, "row %zu: <%s>", i, out);
	}
}

Test(address_bounds, bare_domain_without_idn)
{
	char out[NAME_SIZE];

	cr_expect(address_domain((const uint8_t *)UE ".example", 10, NULL,
		      out) == ERR_SYNTAX);
	cr_expect(
	    address_domain((const uint8_t *)"a.example", 9, NULL, out) == 0);
}
