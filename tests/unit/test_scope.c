#include "autoconf.h"

#include "core/scope.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

/* --- next hops ---------------------------------------------------------- */

static const struct {
	const char *text;
	const char *domain; /* NULL: a literal */
	bool no_mx;
	uint16_t port;
} hops[] = {
  /* clang-format off */
    {"far.test", "far.test", false, 25},
    {"FAR.Test.", "far.test", false, 25},
    {"relay.example.test:587", "relay.example.test", false, 587},
    {"relay.example.test:submission", "relay.example.test", false, 587},
    {"relay.example.test:SMTPS", "relay.example.test", false, 465},
    {"relay.example.test:submissions", "relay.example.test", false, 465},
    {"relay.example.test:smtp", "relay.example.test", false, 25},
    {"[relay.example.test]", "relay.example.test", true, 25},
    {"[relay.example.test].", "relay.example.test", true, 25},
    {"[relay.example.test.]", "relay.example.test", true, 25},
    {"[relay.example.test]:587", "relay.example.test", true, 587},
    {"[relay.example.test]:submission", "relay.example.test", true, 587},
    /* an empty port is the default one */
    {"far.test:", "far.test", false, 25},
    {"[far.test]:", "far.test", true, 25},
    {"[192.0.2.1]:", NULL, false, 0},
    {"192.0.2.1:", NULL, false, 0},
    /* a service we do not know, and Sendmail's lists: the host counts */
    {"relay.example.test:msa", "relay.example.test", false, 25},
    {"first.test:second.test", "first.test", false, 25},
    {"[first.test]:[second.test]", "first.test", true, 25},
    {"[192.0.2.1]", NULL, false, 0},
    {"[192.0.2.1]:25", NULL, false, 0},
    {"[IPv6:2001:db8::1]", NULL, false, 0},
    {"[ipv6:2001:db8::1]:25", NULL, false, 0},
    {"[::1]:25", NULL, false, 0},
    {"192.0.2.1", NULL, false, 0},
    {"192.0.2.1:2525", NULL, false, 0},
    {"2001:db8::1", NULL, false, 0},
    {"::1", NULL, false, 0},
    /* lists, of Postfix since 3.5 and of Sendmail: the first entry counts */
    {"a.test, b.test", "a.test", false, 25},
    {"a.test,b.test", "a.test", false, 25},
    {" a.test\tb.test ", "a.test", false, 25},
    {"[192.0.2.1], [b.test]:587", NULL, false, 0},
    {"[192.0.2.1], b.test", NULL, false, 0},
    {"[192.0.2.1]:25, b.test", NULL, false, 0},
    {"192.0.2.1 b.test", NULL, false, 0},
    {"2001:db8::1, b.test", NULL, false, 0},
    {"a.test, [192.0.2.1]", "a.test", false, 25},
    {"[a.test]:587, [192.0.2.1]", "a.test", true, 587},
    {"a.test, [", "a.test", false, 25},
    {"192.0.2.1, 192.0.2.2", NULL, false, 0},
    {",a.test,,", "a.test", false, 25},
    {"[192.0.2.1]:b.test", NULL, false, 0},
    {"[192.0.2.1]:[b.test]", NULL, false, 0},
    {"192.0.2.1:b.test", NULL, false, 0},
    {"[IPv6:2001:db8::1]:b.test", NULL, false, 0},
    {"a.test:[192.0.2.1]", "a.test", false, 25},
    {"a.test:b.test:c.test", "a.test", false, 25},
    {"[a.test]:b.test:c.test", "a.test", true, 25},
    {"a.test.:b.test.", "a.test", false, 25},
    {"localhost", "localhost", false, 25},
    {"far.test:1", "far.test", false, 1},
    {"far.test:65535", "far.test", false, 65535},
    {"far.test:00025", "far.test", false, 25},
  /* clang-format on */
};

Test(scope, R_03_next_hops)
{
	for (size_t i = 0; i < sizeof(hops) / sizeof(hops[0]); i++) {
		struct target hop;
		enum address_class class =
		    scope_next_hop(hops[i].text, NULL, &hop);

		cr_expect_str_eq(address_class_name(class),
		    hops[i].domain != NULL ? "domain" : "literal", "%s",
		    hops[i].text);
		if (hops[i].domain == NULL)
			continue;
		cr_expect_str_eq(hop.domain, hops[i].domain, "%s",
		    hops[i].text);
		cr_expect_eq(hop.no_mx, hops[i].no_mx, "%s", hops[i].text);
		cr_expect_eq(hop.port, hops[i].port, "%s: %u", hops[i].text,
		    (unsigned)hop.port);
	}
}

Test(scope, R_03_what_is_no_next_hop)
{
	static const char *const texts[] = {
	    "",
	    " ",
	    ",",
	    "[",
	    "]",
	    "[]",
	    "[.]",
	    ":25",
	    "far.test:0",
	    "far.test:70000",
	    "[far.test]:70000",
	    "far.test:65536",
	    "far.test:123456",
	    "far.test:99999999999999999999",
	    "[far.test",
	    "[far.test]x",
	    "[far.test]..",
	    "[far test]",
	    "[far.test:25]",
	    "[IPv6:far.test]",
	    "[IPv6:]",
	    "[2001:db8::1::2]",
	    "far..test",
	    "-/-",
	    "1.2.3.4.5",
	    "5.1.1 User unknown in virtual alias table",
	    "m\xc3\xbcnchen.test",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct target hop;

		cr_expect_eq(scope_next_hop(texts[i], NULL, &hop),
		    ADDRESS_INVALID, "%s", texts[i]);
	}
}

/* Longer than any address or name: nothing is read or written beyond. */
Test(scope, S_02_long_next_hops)
{
	char text[2048];

	for (size_t len = 1; len < sizeof(text); len += 7) {
		struct target hop;

		memset(text, '1', len);
		text[len] = '\0';
		cr_expect_eq(scope_next_hop(text, NULL, &hop), ADDRESS_INVALID,
		    "%zu octets", len);
		memset(text, 'a', len);
		cr_expect_eq(scope_next_hop(text, NULL, &hop),
		    len <= LABEL_LEN_MAX ? ADDRESS_DOMAIN : ADDRESS_INVALID,
		    "%zu octets", len);
	}
}

static int
fake_idn(const uint8_t *utf8, size_t len, char out[NAME_SIZE])
{
	(void)utf8;
	(void)len;
	memcpy(out, "xn--mnchen-3ya.test", sizeof("xn--mnchen-3ya.test"));
	return 0;
}

Test(scope, R_04_a_next_hop_in_another_script)
{
	struct target hop;

	cr_assert_eq(scope_next_hop("[m\xc3\xbcnchen.test]:587", fake_idn,
			 &hop),
	    ADDRESS_DOMAIN);
	cr_expect_str_eq(hop.domain, "xn--mnchen-3ya.test");
	cr_expect(hop.no_mx);
	cr_expect_eq(hop.port, 587);
}

/* --- recipients ----------------------------------------------------------
 */

#define NOW 1000000

static const char *const local_mailers[] = {"local", "Virtual", "*file*"};

/* In the order of domain_list_sort(). */
static const struct domain_entry exemptions[] = {
    {".below.test",   0,       "only below" },
    {".partner.test", 0,       NULL         },
    {"exempt.test",   0,       "for good"   },
    {"later.test",    NOW + 1, "not expired"},
    {"now.test",      NOW,     "expires now"},
    {"old.test",      NOW - 1, "expired"    },
    {"partner.test",  0,       NULL         },
};

static const struct domain_entry local_domains[] = {
    {".boxes.test", 0, NULL},
    {"home.test",   0, NULL},
};

static const struct scope_rules rules = {
    .local_domains = {.n = sizeof(local_domains) / sizeof(local_domains[0]),
		      .item = local_domains},
    .n_local_mailers = sizeof(local_mailers) / sizeof(local_mailers[0]),
    .local_mailers = local_mailers,
    .exemptions = {.n = sizeof(exemptions) / sizeof(exemptions[0]),
		      .item = exemptions   },
};

/* recipient: the argument in brackets, or {rcpt_addr} without. */
static void
resolve(const char *recipient, const char *mailer, const char *host,
    struct scope *out)
{
	struct address address;
	struct scope_input input = {
	    .address = &address,
	    .rewritten = recipient[0] != '<',
	    .mailer = mailer,
	    .host = host,
	    .now_s = NOW,
	};

	if (input.rewritten)
		address_parse_rewritten(recipient, NULL, &address);
	else
		address_parse((const uint8_t *)recipient, strlen(recipient),
		    NULL, &address);
	scope_resolve(&rules, &input, out);
}

/* "domain", "[domain]:port", or the reason to pass. */
static void
describe(const struct scope *scope, char *out, size_t size)
{
	const struct target *target = &scope->target;

	if (scope->kind == SCOPE_PASS)
		snprintf(out, size, "pass %s", reason_name(scope->reason));
	else
		snprintf(out, size, "%s%s%s:%u", target->no_mx ? "[" : "",
		    target->domain, target->no_mx ? "]" : "",
		    (unsigned)target->port);
}

struct row {
	const char *recipient;
	const char *mailer;
	const char *host;
	const char *scope;
};

static void
check(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char text[NAME_SIZE + 32];
		struct scope scope;

		resolve(rows[i].recipient, rows[i].mailer, rows[i].host,
		    &scope);
		describe(&scope, text, sizeof(text));
		cr_expect_str_eq(text, rows[i].scope, "%s via %s %s: %s",
		    rows[i].recipient,
		    rows[i].mailer != NULL ? rows[i].mailer : "-",
		    rows[i].host != NULL ? rows[i].host : "-", text);
	}
}

#define CHECK(...)                                              \
	do {                                                    \
		static const struct row rows[] = {__VA_ARGS__}; \
		check(rows, sizeof(rows) / sizeof(rows[0]));    \
	} while (0)

/* clang-format off */

Test(scope, R_01_the_address_without_word_of_the_mta)
{
	CHECK({"<u@Far.Test>", NULL, NULL, "far.test:25"},
	    {"<u@far.test>", "smtp", NULL, "far.test:25"},
	    {"<u@far.test>", "smtp", "", "far.test:25"});
}

Test(scope, R_02_never_a_parent_or_child)
{
	CHECK({"<u@a.b.far.test>", NULL, NULL, "a.b.far.test:25"},
	    {"<u@far.test>", "smtp", "mx.far.test", "mx.far.test:25"});
}

Test(scope, R_03_K11_the_next_hop_goes_before_the_address)
{
	CHECK({"<u@far.test>", "smtp", "far.test", "far.test:25"},
	    {"<u@far.test>", "smtp", "[relay.test]:587", "[relay.test]:587"},
	    {"<u@far.test>", "relay", "relay.test", "relay.test:25"},
	    {"<u@far.test>", NULL, "relay.test.", "relay.test:25"},
	    {"<u@far.test>", "smtp", "no/such/host", "far.test:25"});
}

Test(scope, R_17_a_smart_host_that_is_an_address)
{
	CHECK({"<u@far.test>", "smtp", "[127.3.0.9]:2590",
		  "pass smart-host-address"},
	    {"u@far.test", "smtp", "192.0.2.1", "pass smart-host-address"},
	    {"u@far.test", "smtp", "[IPv6:2001:db8::1]",
		"pass smart-host-address"},
	    {"u@far.test", "smtp", "[192.0.2.1], relay.test",
		"pass smart-host-address"},
	    {"u@far.test", "esmtp", "[192.0.2.1]:relay.test",
		"pass smart-host-address"},
	    {"user", "esmtp", "[192.0.2.1]", "pass smart-host-address"},
	    {"u@[192.0.2.1]", "smtp", "[192.0.2.1]", "pass literal"},
	    {"u@[192.0.2.1]", NULL, NULL, "pass literal"});
}

/* R-18: judged by the address, and the caller is told. */
Test(scope, R_18_a_next_hop_that_cannot_be_read_is_told_of)
{
	static const char *const hosts[] = {"[relay.test", "relay..test",
	    "relay.test:70000", "no/such/host", " "};
	struct scope scope;

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		resolve("u@far.test", "smtp", hosts[i], &scope);
		cr_expect(scope.unreadable, "%s", hosts[i]);
		cr_expect_eq(scope.kind, SCOPE_ASK);
		cr_expect_str_eq(scope.target.domain, "far.test");
	}
	resolve("u@far.test", "smtp", "", &scope);
	cr_expect_not(scope.unreadable);
	resolve("u@far.test", "smtp", "relay.test:", &scope);
	cr_expect_not(scope.unreadable);
	/* What is not routed is not looked at. */
	resolve("u@far.test", "local", "[relay.test", &scope);
	cr_expect_not(scope.unreadable);
}

/* An alias leads out although the address has no domain. */
Test(scope, R_03_a_next_hop_for_an_address_without_domain)
{
	CHECK({"<user>", "esmtp", "far.test.", "far.test:25"},
	    {"<u@far..test>", "esmtp", "far.test", "far.test:25"},
	    {"<u@[192.0.2.1]>", "smtp", "relay.test", "relay.test:25"},
	    {"<u@[192.0.2.1]>", "smtp", "[192.0.2.1]", "pass literal"});
}

Test(scope, R_05_R_06_R_08_addresses_without_policy)
{
	CHECK({"<u@[192.0.2.1]>", NULL, NULL, "pass literal"},
	    {"<postmaster>", NULL, NULL, "pass no-domain"},
	    {"<u@far..test>", NULL, NULL, "pass invalid-address"},
	    {"<postmaster>", "smtp", "", "pass no-domain"});
}

Test(scope, R_07_local_mailers)
{
	CHECK({"<u@far.test>", "local", "far.test", "pass local"},
	    {"<u@far.test>", "LOCAL", NULL, "pass local"},
	    {"<u@far.test>", "virtual", "far.test", "pass local"},
	    {"<user>", "*file*", "", "pass local"},
	    {"<u@far.test>", "locale", "far.test", "far.test:25"},
	    {"<u@far.test>", "", "far.test", "far.test:25"});
}

/* Mail from sendmail(1) under Postfix; beside macros these do not count. */
Test(scope, R_07_local_domains_count_without_macros)
{
	CHECK({"<u@home.test>", NULL, NULL, "pass local"},
	    {"<u@HOME.test.>", NULL, NULL, "pass local"},
	    {"u@home.test", NULL, NULL, "pass local"},
	    {"u@a.boxes.test", NULL, NULL, "pass local"},
	    {"u@boxes.test", NULL, NULL, "boxes.test:25"},
	    {"u@a.home.test", NULL, NULL, "a.home.test:25"},
	    {"u@home.test", "smtp", "home.test", "home.test:25"},
	    {"u@home.test", "smtp", NULL, "home.test:25"},
	    {"u@home.test", NULL, "relay.test", "relay.test:25"});
}

/* Postfix's way to name a socket, whatever the transport is called. */
Test(scope, R_07_next_hops_that_are_sockets_are_local)
{
	CHECK({"<u@far.test>", "boxes", "unix:private/dovecot-lmtp",
		  "pass local"},
	    {"<u@far.test>", "boxes", "unix:/run/with a blank", "pass local"},
	    {"<u@far.test>", "boxes", "inet:127.0.0.1:24", "pass local"},
	    {"<u@far.test>", "boxes", "inet:lmtp.test:lmtp", "pass local"},
	    {"<u@far.test>", NULL, "unix:private/dovecot-lmtp", "pass local"},
	    {"<u@far.test>", "smtp", "unix.test", "unix.test:25"},
	    {"<u@far.test>", "smtp", "inet:", "inet:25"},
	    {"<u@far.test>", "smtp", "inet", "inet:25"});
}

Test(scope, exemptions_by_domain_and_below)
{
	CHECK({"<u@exempt.test>", NULL, NULL, "pass exempt"},
	    {"<u@a.exempt.test>", NULL, NULL, "a.exempt.test:25"},
	    {"<u@notexempt.test>", NULL, NULL, "notexempt.test:25"},
	    {"<u@a.below.test>", NULL, NULL, "pass exempt"},
	    {"<u@a.b.below.test>", NULL, NULL, "pass exempt"},
	    {"<u@below.test>", NULL, NULL, "below.test:25"},
	    {"<u@abelow.test>", NULL, NULL, "abelow.test:25"},
	    {"<u@partner.test>", NULL, NULL, "pass exempt"},
	    {"<u@mx.partner.test>", NULL, NULL, "pass exempt"});
}

Test(scope, exemptions_end)
{
	CHECK({"<u@old.test>", NULL, NULL, "old.test:25"},
	    {"<u@now.test>", NULL, NULL, "now.test:25"},
	    {"<u@later.test>", NULL, NULL, "pass exempt"});
}

Test(scope, R_19_exemptions_match_the_next_hop_and_the_rewritten_address)
{
	CHECK({"<u@far.test>", "smtp", "[exempt.test]:587", "pass exempt"},
	    {"u@far.test", "smtp", "[exempt.test]:587", "pass exempt"},
	    {"u@exempt.test", "smtp", "[relay.test]", "pass exempt"},
	    {"\"a@b\"@exempt.test", "smtp", "[relay.test]", "pass exempt"},
	    {"exempt.test", "smtp", "relay.test", "relay.test:25"},
	    {"u@exempt.test", "smtp", "exempt.test", "pass exempt"},
	    {"u@exempt.test", "smtp", NULL, "pass exempt"});
}

/* A sender writes "u%relay.test@exempt.test", and the MTA rewrites it. */
Test(scope, R_19_exemptions_never_match_the_argument_beside_a_next_hop)
{
	CHECK({"<u@exempt.test>", "smtp", "relay.test", "relay.test:25"},
	    {"<u@exempt.test>", NULL, "relay.test", "relay.test:25"},
	    {"<u%relay.test@exempt.test>", "smtp", "relay.test",
		"relay.test:25"},
	    {"u@relay.test", "smtp", "relay.test", "relay.test:25"});
}

/* clang-format on */

/* What the log shows of it: nothing beside the domain of the address. */
Test(scope, R_17_the_next_hop_is_told_when_it_says_more)
{
	static const struct {
		const char *recipient;
		const char *host;
		bool told;
	} rows[] = {
	    {"u@far.test",    "far.test",       false},
	    {"u@far.test",    "FAR.test.",      false},
	    {"u@far.test",    "far.test:25",    false},
	    {"u@far.test",    "",               false},
	    {"u@far.test",    NULL,             false},
	    {"u@[192.0.2.1]", "[192.0.2.1]",    false},
	    {"u@far.test",    "[far.test]",     true },
	    {"u@far.test",    "far.test:587",   true },
	    {"u@far.test",    "relay.test",     true },
	    {"u@far.test",    "[192.0.2.1]",    true },
	    {"u@far.test",    "unix:private/x", true },
	    {"u@far.test",    "[relay.test",    true },
	    {"user",          "far.test",       true },
	};
	struct scope scope;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		resolve(rows[i].recipient, "smtp", rows[i].host, &scope);
		cr_expect_eq(scope.next_hop, rows[i].told ? rows[i].host : NULL,
		    "%s via %s", rows[i].recipient, rows[i].host);
	}
	resolve("u@far.test", "local", "relay.test", &scope);
	cr_expect_null(scope.next_hop);
}

/* --- senders -------------------------------------------------------------- */

static const struct exempt_sender exempt_senders[] = {
    {"tlsrpt@us.test",       "tlsrpt", "us.test"            },
    {"@reports.test",        "",       "reports.test"       },
    {"@M\xc3\xbcnchen.test", "",       "xn--mnchen-3ya.test"},
};

static const struct scope_rules sender_rules = {
    .n_exempt_senders = sizeof(exempt_senders) / sizeof(exempt_senders[0]),
    .exempt_senders = exempt_senders,
};

static const struct {
	const char *sender;
	int row; /* -1: none */
} senders[] = {
  /* clang-format off */
    {"<tlsrpt@us.test>", 0},
    {"tlsrpt@us.test", 0},
    {"<tlsrpt@US.Test.>", 0},
    {"<TLSRPT@us.test>", -1},
    {"<tlsrp@us.test>", -1},
    {"<tlsrpt2@us.test>", -1},
    {"<tlsrpt@a.us.test>", -1},
    {"<x@reports.test>", 1},
    {"<@reports.test>", 1},
    {"<a@b@reports.test>", 1},
    {"<x@a.reports.test>", -1},
    {"<tlsrpt@us.test@evil.test>", -1},
    {"<x@m\xc3\xbcnchen.test>", 2},
    {"<>", -1},
    {"", -1},
    {"<", -1},
    {"@", -1},
    {"<tlsrpt>", -1},
    {"<tlsrpt@us.test", -1},
    {"<tlsrpt@>", -1},
    {"<tlsrpt@us..test>", -1},
    {" <tlsrpt@us.test>", -1},
  /* clang-format on */
};

Test(scope, S_09_exempt_senders)
{
	for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
		const struct exempt_sender *found =
		    scope_exempt_sender(&sender_rules, senders[i].sender,
			fake_idn);

		cr_expect_eq(found,
		    senders[i].row < 0 ? NULL : &exempt_senders[senders[i].row],
		    "%s", senders[i].sender);
	}
	cr_expect_null(scope_exempt_sender(&rules, "<tlsrpt@us.test>", NULL));
}

Test(scope, says_class_and_exemption)
{
	struct scope scope;

	resolve("<u@exempt.test>", NULL, NULL, &scope);
	cr_expect_eq(scope.class, ADDRESS_DOMAIN);
	cr_assert_not_null(scope.exemption);
	cr_expect_str_eq(scope.exemption->comment, "for good");
	resolve("<u@far.test>", NULL, NULL, &scope);
	cr_expect_null(scope.exemption);
	resolve("<user>", "esmtp", "far.test", &scope);
	cr_expect_eq(scope.class, ADDRESS_DOMAIN);
	resolve("<u@far.test>", "smtp", "[192.0.2.1]", &scope);
	cr_expect_eq(scope.class, ADDRESS_LITERAL);
	resolve("<user>", NULL, NULL, &scope);
	cr_expect_eq(scope.class, ADDRESS_LOCAL);
}
