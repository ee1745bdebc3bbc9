/*
 * The answer of the map for next hops of every kind, as Postfix gets it
 * (postmap -q), beside the answer that is right: by RFC 8461 (MTA-STS), RFC
 * 7672 (DANE for SMTP), the draft (dnssec: yes) and the syntax of transport(5).
 * `dane-sts tls` must agree with it.
 */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lab_client.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* A temporary error: postmap says so, and Postfix defers. */
#define TEMP          "TEMP"
#define NONE          ""
#define DANE          "dane-only"
#define SECURE(names) "secure match=" names " servername=hostname"

#define STRASSE        \
	"stra\xc3\x9f" \
	"e.test"
#define LABEL_64 \
	"0123456789012345678901234567890123456789012345678901234567890123"

struct row {
	const char *next_hop;
	const char *answer;
	const char *why;
};

TestSuite(next_hops, .timeout = 300);

static char *
answer_of_postmap(const char *next_hop)
{
	struct lab_output out;

	cr_assert_eq(lab_run((const char *const[]){"lookup", next_hop, NULL},
			 &out),
	    0);
	out.text[strcspn(out.text, "\n")] = '\0';
	if (out.status < 2)
		return out.text;
	free(out.text);
	return strdup(TEMP);
}

/* In its JSON: what must be in there. */
static void
expect_tool(const struct row *row)
{
	char part[LAB_LINE_SIZE];
	struct lab_output out;

	if (strcmp(row->answer, TEMP) == 0)
		snprintf(part, sizeof(part), "\"status\":\"TEMP\"");
	else if (row->answer[0] == '\0')
		snprintf(part, sizeof(part), "\"status\":\"NOTFOUND\"");
	else
		snprintf(part, sizeof(part),
		    "\"status\":\"OK\",\"answer\":\"%s\"", row->answer);
	cr_assert_eq(lab_run((const char *const[]){"tool", "--", "tls",
				 "--json", "--", row->next_hop, NULL},
			 &out),
	    0);
	cr_expect_not_null(strstr(out.text, part), "%s: not %s but %s",
	    row->next_hop, part, out.text);
	free(out.text);
}

static void
check_rows(const struct row *rows, size_t n)
{
	LAB_FRESH(NULL);
	for (size_t i = 0; i < n; i++) {
		char *answer = answer_of_postmap(rows[i].next_hop);

		cr_expect_str_eq(answer, rows[i].answer, "%s: \"%s\" (%s)",
		    rows[i].next_hop, answer, rows[i].why);
		free(answer);
		expect_tool(&rows[i]);
	}
}

/* clang-format off */

static const struct row domains[] = {
    {"secure.test", DANE, "RFC 7672 2.2.1: TLSA for all hosts"},
    {"secure.nsec3.test", DANE, "the same, NSEC3"},
    {"secure.optout.test", DANE, "the same, below opt-out"},
    {"testing.test", DANE, "the draft binds in every mode"},
    {"modenone.test", DANE, "the same"},
    {"implicit.test", DANE, "RFC 5321 5.1: the domain is its own host"},
    {"cnamemx.test", DANE, "RFC 7672 2.2.2: TLSA behind an alias"},
    {"halfaddress.test", DANE, "RFC 5321 5.1: a host without address"},
    {"many20.test", DANE, "20 hosts"},
    {"notlsa.test", SECURE("mx1.notlsa.test"), "RFC 8461 4.1"},
    {"notlsa-testing.test", "encrypt", "the draft: no cleartext"},
    {"nullmx.test", DANE, "RFC 7505; no forged host either"},
    {"noaddress.test", DANE, "the same"},
    {"unsigned.test", TEMP, "the draft: MX not signed"},
    {"implicit-unsigned.test", TEMP, "the draft: absence of MX not signed"},
    {"nullmx-unsigned.test", TEMP, "a null MX that may be forged"},
    {"mxunsigned.test", TEMP, "the draft: address not signed"},
    {"mixed.test", TEMP, "one host of two"},
    {"badmx.test", TEMP, "RFC 4035 5.5: MX bogus"},
    {"badaaaa.test", TEMP, "AAAA bogus"},
    {"badtlsa.test", TEMP, "RFC 7672 2.1.2: TLSA bogus"},
    {"aliastlsa.test", TEMP, "the same behind an alias"},
    {"many60.test", TEMP, "more hosts than are looked at"},
    {"mtasts.test", DANE, "RFC 8461 2: DANE goes first; S-07"},
    {"mtasts-mixed.test", DANE, "S-01: one host with TLSA"},
    {"noflag.test", SECURE("mx1.noflag.test"), "RFC 8461 4.1"},
    {"flagno.test", SECURE("mx1.flagno.test"), "the draft: another value"},
    {"flagcase.test", SECURE("mx1.flagcase.test"), "K6"},
    {"plain.test", NONE, "no policy"},
    {"dane.test", NONE, "Postfix' own level, which may be dane"},
    {"txtnone.test", NONE, "RFC 8461 3.1: no record"},
    {"txtmulti.test", NONE, "RFC 8461 3.1: two records"},
    {"notfound.test", NONE, "RFC 8461 3.3: no policy, none stored"},
    {"wrongname.test", NONE, "RFC 8461 3.3: another's certificate"},
    {"nowhere.secure.test", NONE, "RFC 8461 3.4: not of the parent"},
};

/* clang-format on */

Test(next_hops, RFC_8461_RFC_7672_domains)
{
	check_rows(domains, N(domains));
}

/* clang-format off */

static const struct row forms[] = {
    {"SECURE.Test", DANE, "RFC 4343"},
    {"secure.test.", DANE, "R-11"},
    {"secure.test:25", DANE, "host:port"},
    {"secure.test:smtp", DANE, "host:service"},
    {"secure.test:", DANE, "R-03: an empty port"},
    {"secure.test:587", SECURE("mx1.secure.test:mx2.secure.test"),
	"RFC 7672 2.2.3: TLSA of another port"},
    {"[implicit.test]", DANE, "R-03: no MX lookup"},
    {"[implicit.test]:25", DANE, "the same"},
    {"[implicit.test]:", DANE, "the same"},
    {"[implicit.test]:465", SECURE("implicit.test"), "RFC 7672 2.2.3"},
    {"[mx1.secure.test]", NONE, "RFC 8461 3.4: the relay's own policy"},
    {"[mx1.secure.test]:587", NONE, "the same"},
    {"noflag.test:465", SECURE("mx1.noflag.test"), "RFC 8461 knows no port"},
    {STRASSE, DANE, "R-04: as Postfix converts it"},
    {"xn--strae-oqa.test", DANE, "the same"},
    {"[" STRASSE "]:25", DANE, "no address: no host for a forged MX set"},
    {"a_b.test", NONE, "P-07: an mx with an underscore, hence no policy"},
    {".secure.test", NONE, "R-02: Postfix looks for the parent"},
    {".test", NONE, "R-02"},
    {"[127.0.0.1]", NONE, "R-17"},
    {"[127.0.0.1]:25", NONE, "R-17"},
    {"127.0.0.1", NONE, "R-17"},
    {"[IPv6:::1]", NONE, "R-17"},
    {"[::1]:25", NONE, "R-17"},
    {"unix:private/dovecot-lmtp", NONE, "R-07"},
    {"inet:127.0.0.1:24", NONE, "R-07"},
    /* what cannot be read may still be a way out for the MTA. */
    {"secure..test", TEMP, "an empty label"},
    {"secure.test..", TEMP, "the same"},
    {"secure.test:0", TEMP, "port 0"},
    {"secure.test:70000", TEMP, "no port"},
    {"[secure.test", TEMP, "no end of the brackets"},
    {"secure.test]", TEMP, "no beginning"},
    {"[]", TEMP, "nothing inside"},
    {"secure.test, plain.test", TEMP, "Postfix asks about one"},
    {"secure test", TEMP, "a blank"},
    {"user@secure.test", TEMP, "an address"},
    {"../../etc/passwd", TEMP, "R-14"},
    {LABEL_64 ".test", TEMP, "R-12"},
    {"*", TEMP, "no name"},
};

/* clang-format on */

Test(next_hops, R_02_R_03_R_18_forms)
{
	check_rows(forms, N(forms));
}
