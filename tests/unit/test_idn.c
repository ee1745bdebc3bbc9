/* U-labels to A-labels. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/idn.h"
#include "core/address.h"

#define UE "\xc3\xbc" /* u with diaeresis */

struct idn_row {
	const char *in;
	const char *out; /* NULL: refused */
};

static const struct idn_row rows[] = {
    {"m" UE "nchen.example",                         "xn--mnchen-3ya.example"        },
    {"M\xc3\x9cNCHEN.Example",                       "xn--mnchen-3ya.example"        },
 /* not composed */
    {"mu\xcc\x88nchen.example",                      "xn--mnchen-3ya.example"        },
 /* non-transitional: sharp s and final sigma stay */
    {"stra\xc3\x9f"
     "e.example",			       "xn--strae-oqa.example"         },
    {"\xcf\x82.example",			     "xn--3xa.example"               },
 /* ideographic, fullwidth and halfwidth full stops */
    {"m" UE "nchen\xe3\x80\x82"
     "example",				 "xn--mnchen-3ya.example"        },
    {"m" UE "nchen\xef\xbc\x8e"
     "example",				 "xn--mnchen-3ya.example"        },
    {"m" UE "nchen\xef\xbd\xa1"
     "example",				 "xn--mnchen-3ya.example"        },
    {"example\xe3\x80\x82org",                       "example.org"                   },
    {"\xe4\xbe\x8b\xe3\x81\x88\xe3\x80\x82\xe3\x83\x86\xe3\x82\xb9\xe3\x83"
     "\x88",				    "xn--r8jz45g.xn--zckzah"        },
 /* one final dot of any kind, not two */
    {"m" UE "nchen.example.",                        "xn--mnchen-3ya.example"        },
    {"m" UE "nchen.example\xe3\x80\x82",             "xn--mnchen-3ya.example"        },
    {"m" UE "nchen.example..",                       NULL                            },
    {"m" UE "nchen.example\xe3\x80\x82.",            NULL                            },
    {"m" UE "nchen.example\xe3\x80\x82\xe3\x80\x82", NULL                            },
    {"m" UE "nchen..example",                        NULL                            },
    {".m" UE "nchen.example",                        NULL                            },
    {"\xe3\x80\x82m" UE "nchen.example",             NULL                            },
 /* fullwidth letters and soft hyphens are mapped away */
    {"\xef\xbd\x85xample.org",                       "example.org"                   },
    {"exam\xc2\xad"
     "ple.org",				 "example.org"                   },
 /* plain labels beside are not judged as U-labels would be */
    {"_x.m" UE "nchen.example",                      "_x.xn--mnchen-3ya.example"     },
    {"r3---sn.m" UE "nchen.example",                 "r3---sn.xn--mnchen-3ya.example"},
    {"xn--0.m" UE "nchen.example",                   "xn--0.xn--mnchen-3ya.example"  },
    {"-a-.m" UE "nchen.example",                     "-a-.xn--mnchen-3ya.example"    },
 /* symbols, which Postfix converts */
    {"\xe2\x98\x95.example",                         "xn--53h.example"               },
    {"\xf0\x9f\x98\x80.example",                     "xn--e28h.example"              },
    {"u\xe2\x86\x92.example",                        "xn--u-22n.example"             },
    {"\xe2\x99\xa5\xef\xb8\x8f.example",             "xn--g6h.example"               },
    {"example.org",				  "example.org"                   },
    {"EXAMPLE.org",				  "example.org"                   },
    {"",					     NULL			    },
 /* what the mapping must not smuggle in: a/c, at, slash */
    {"a\xe2\x84\x80"
     "b.org",				   NULL			    },
    {"a\xef\xbc\xa0"
     "b.org",				   NULL			    },
    {"a\xef\xbc\x8f"
     "b.org",				   NULL			    },
    {"a\xe3\x80\x80"
     "b.org",				   NULL			    },
 /* no UTF-8: Latin-1, overlong, surrogate, cut off */
    {"m\xfcnchen.example",			   NULL                            },
    {"a\xc0\xae"
     "b.org",				   NULL			    },
    {"\xed\xa0\x80.org",			     NULL                            },
    {"m\xc3",					NULL			    },
    {"m\xc3.example",				NULL			    },
    {"\x80",					 NULL			    },
 /* fullwidth digits make an IPv4 address */
    {"192.0.2.\xef\xbc\x91",                         NULL                            },
 /* a combining mark in front */
    {"\xcc\x81"
     "a.org",				   NULL			    },
};

Test(idn, to_ascii_r04)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char out[NAME_SIZE] = "not touched";
		int err = idn_to_ascii((const uint8_t *)rows[i].in,
		    strlen(rows[i].in), out);

		if (rows[i].out == NULL) {
			cr_expect(err == ERR_SYNTAX, "row %zu <%s>: %d <%s>", i,
			    rows[i].in, err, out);
			cr_expect(strcmp(out, "") == 0, "row %zu", i);
		} else {
			cr_expect(err == 0, "row %zu <%s>", i, rows[i].in);
			cr_expect(strcmp(out, rows[i].out) == 0,
			    "row %zu: <%s>", i, out);
		}
	}
}

Test(idn, nul_is_refused_r14)
{
	static const uint8_t inner[] = "m" UE "\0nchen.example";
	static const uint8_t last[] = "m" UE "nchen.example\0";
	char out[NAME_SIZE];

	cr_expect(idn_to_ascii(inner, sizeof(inner) - 1, out) == ERR_SYNTAX);
	cr_expect(idn_to_ascii(last, sizeof(last) - 1, out) == ERR_SYNTAX);
}

/* `n` times `unit`, then `tail`. */
static int
convert_repeated(const char *unit, size_t n, const char *tail,
    char out[NAME_SIZE])
{
	uint8_t in[8192];
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		memcpy(in + len, unit, strlen(unit));
		len += strlen(unit);
	}
	memcpy(in + len, tail, strlen(tail));
	return idn_to_ascii(in, len + strlen(tail), out);
}

Test(idn, lengths_after_conversion_r12)
{
	char out[NAME_SIZE];

	/* a label of no more than 63 characters that grows */
	cr_expect(convert_repeated(UE, 56, ".org", out) == 0);
	cr_expect(convert_repeated(UE, 60, ".org", out) == ERR_SYNTAX);
	/* a name that only fits without its final dot: 31 * 8 + 5 = 253 */
	cr_expect(convert_repeated(UE ".", 31, "abcde", out) == 0);
	cr_expect(strlen(out) == NAME_LEN_MAX);
	cr_expect(convert_repeated(UE ".", 31, "abcde.", out) == 0);
	cr_expect(strlen(out) == NAME_LEN_MAX);
	cr_expect(convert_repeated(UE ".", 31, "abcdef", out) == ERR_SYNTAX);
	cr_expect(convert_repeated(UE ".", 31, "abcde..", out) == ERR_SYNTAX);
	cr_expect(convert_repeated(UE ".", 32, "a", out) == ERR_SYNTAX);
	cr_expect(convert_repeated("a", 254, UE, out) == ERR_SYNTAX);
	cr_expect(convert_repeated("a.", 200, UE, out) == ERR_SYNTAX);
	/* a long input that maps to a short name: soft hyphens */
	cr_expect(convert_repeated("\xc2\xad", 600, "a.org", out) == 0);
	cr_expect(strcmp(out, "a.org") == 0);
	cr_expect(
	    convert_repeated("\xc2\xad", 2000, "a.org", out) == ERR_SYNTAX);
}

/* --- Postfix -------------------------------------------------------------- */

/* Where Debian keeps it. */
#define POSTFIX_LIBRARY "/usr/lib/postfix/libpostfix-util.so"

typedef const char *postfix_idn_fn(const char *name);

/* It warns of every name that it does not convert. */
static postfix_idn_fn *
load_postfix(void)
{
	void *library = dlopen(POSTFIX_LIBRARY, RTLD_NOW | RTLD_LOCAL);
	postfix_idn_fn *convert = NULL;
	void *symbol;

	if (library == NULL)
		return NULL;
	symbol = dlsym(library, "midna_domain_to_ascii");
	memcpy(&convert, &symbol, sizeof(convert));
	cr_assert_not_null(freopen("/dev/null", "w", stderr));
	return convert;
}

static size_t
put_code_point(uint32_t c, char *out)
{
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3f));
	out[0] = (char)(lead[n] | c);
	return n;
}

static void
compare_with_postfix(postfix_idn_fn *convert, const char *name)
{
	const char *said = convert(name);
	char want[NAME_SIZE] = "";
	char got[NAME_SIZE];

	/* It checks what is a host name elsewhere. */
	if (said != NULL)
		(void)name_canon((const uint8_t *)said, strlen(said), want);
	(void)idn_to_ascii((const uint8_t *)name, strlen(name), got);
	cr_assert_str_eq(got, want, "%s: <%s>, Postfix <%s>", name, got, want);
}

/* The name, or none: first in its label, and behind a letter. */
static void
compare_code_points(postfix_idn_fn *convert, uint32_t first, uint32_t last)
{
	for (uint32_t c = first; c <= last; c++) {
		char name[16];
		size_t len = put_code_point(c, name);

		memcpy(name + len, ".test", sizeof(".test"));
		compare_with_postfix(convert, name);
		memmove(name + 1, name, len + sizeof(".test"));
		name[0] = 'a';
		compare_with_postfix(convert, name);
	}
}

/* All code points take some seconds, and are compared if
 * DANE_STS_ALL_CODE_POINTS is set; else alphabets, full-width forms, symbols.
 */
Test(idn, R_20_code_points_are_converted_as_postfix_does_it)
{
	postfix_idn_fn *convert = load_postfix();

	if (convert == NULL)
		cr_skip_test("no shared library of Postfix here");
	if (getenv("DANE_STS_ALL_CODE_POINTS") != NULL) {
		compare_code_points(convert, 0x80, 0x10ffff);
		return;
	}
	compare_code_points(convert, 0x80, 0x30ff);
	compare_code_points(convert, 0xd7a0, 0xe0ff);
	compare_code_points(convert, 0xfb00, 0xffff);
	compare_code_points(convert, 0x1f000, 0x1faff);
}

/* Through the parser of addresses, as the filter does it. */
Test(idn, in_an_address_r04)
{
	static const struct {
		const char *arg;
		enum address_class class;
		const char *domain;
	} args[] = {
	    {"<u@M\xc3\x9cnchen.example>",        ADDRESS_DOMAIN,
             "xn--mnchen-3ya.example"					   },
	    {"<\xc3\xbc@example\xe3\x80\x82org>", ADDRESS_DOMAIN,
             "example.org"						      },
	    {"<u@m\xfcnchen.example>",            ADDRESS_INVALID, ""           },
	    {"<m\xfcller@example.org>",           ADDRESS_DOMAIN,  "example.org"},
	    {"<u@xn--mnchen-3ya.example>",        ADDRESS_DOMAIN,
             "xn--mnchen-3ya.example"					   },
	};

	for (size_t i = 0; i < sizeof(args) / sizeof(*args); i++) {
		struct address address;

		address_parse((const uint8_t *)args[i].arg, strlen(args[i].arg),
		    idn_to_ascii, &address);
		cr_expect(address.class == args[i].class, "row %zu: %s", i,
		    address_class_name(address.class));
		cr_expect(strcmp(address.domain, args[i].domain) == 0,
		    "row %zu: %s", i, address.domain);
	}
}
