/* The evidence as a tree, and what is advised (D-02, D-05, D-06, D-09). */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/decide.h"
#include "text/advice.h"
#include "text/tree.h"
#include "tool/output.h"
#include "tool/tool.h"

static const char *const patterns[] = {"*.example.net"};

static const struct fact_policy binding = {
    .id = "20260101",
    .age_s = 100,
    .max_age_s = 86400,
    .mode = POLICY_MODE_TESTING,
    .dnssec = true,
    .n_mx = 1,
    .mx = patterns,
};

static const struct fact_policy expired = {
    .id = "old",
    .age_s = 1000,
    .max_age_s = 10,
    .mode = POLICY_MODE_ENFORCE,
    .n_mx = 1,
    .mx = patterns,
};

#define SECURE                                                  \
	{                                                       \
		.status = FACT_SECURE, .answer = ANSWER_RECORDS \
	}
#define ABSENT                                                 \
	{                                                      \
		.status = FACT_SECURE, .answer = ANSWER_NODATA \
	}

static const struct fact_host good_host = {
    .name = "mx1.example.net",
    .preference = 10,
    .a = SECURE,
    .aaaa = ABSENT,
    .tlsa = SECURE,
};

static const struct fact_host forged_host = {
    .name = "mx2.example.net",
    .preference = 20,
    .a = SECURE,
    .aaaa = SECURE,
    .tlsa = {.status = FACT_BOGUS, .why = "signature \033[31mexpired"},
};

static const struct fact_host own_host = {
    .name = "example.org",
    .a = {.status = FACT_INSECURE, .answer = ANSWER_RECORDS},
    .aaaa = ABSENT,
};

#define RECIPIENT                                                \
	{                                                        \
		.class = ADDRESS_DOMAIN, .domain = "example.org" \
	}

/* The text of the tree; free() it. */
static char *
draw(const struct tree_style *style, const struct facts *facts)
{
	struct rules rules = {.mx_patterns = RULE_MX_PATTERNS_ENFORCE};
	struct verdict verdict;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	cr_assert(decide(facts, &rules, DECIDE_FINAL, &verdict));
	tree_print(out, style, "example.org", facts, &verdict);
	fclose(out);
	return text;
}

/* The same without the commands, which have a test of their own. */
static char *
draw_without_recipe(const struct tree_style *style, const struct facts *facts)
{
	char *text = draw(style, facts);
	char *recipe = strstr(text, "\nMistake or attack?\n");

	if (recipe != NULL)
		*recipe = '\0';
	return text;
}

static void
expect_tree(const struct tree_style *style, const struct facts *facts,
    const char *expected)
{
	char *text = draw_without_recipe(style, facts);

	cr_expect_str_eq(text, expected, "%s", text);
	free(text);
}

static const struct tree_style plain = {.colour = false};

Test(tool_tree, forged_host_is_marked_with_the_reason)
{
	const struct fact_host hosts[] = {good_host, forged_host};
	const struct facts facts = {
	    .recipient = RECIPIENT,
	    .txt_state = TXT_VALID,
	    .txt_id = "20260101",
	    .stored = &binding,
	    .mx = SECURE,
	    .n_hosts = 2,
	    .hosts = hosts,
	};

	expect_tree(&plain, &facts,
	    "example.org: defer, tlsa-bogus: "
	    "_25._tcp.mx2.example.net TLSA bogus\n"
	    "|- TXT _mta-sts.example.org: valid, id 20260101\n"
	    "|- policy, stored 100 s ago: dnssec yes, mode testing, "
	    "max_age 86400 s, id\n"
	    "|  20260101\n"
	    "|  mx *.example.net\n"
	    "`- MX: secure, records\n"
	    "   |- 10 mx1.example.net\n"
	    "   |  |- A: secure, records\n"
	    "   |  |- AAAA: secure, nodata\n"
	    "   |  `- TLSA _25._tcp.mx1.example.net: secure, records\n"
	    "   `- 20 mx2.example.net\n"
	    "      |- A: secure, records\n"
	    "      |- AAAA: secure, records\n"
	    "      `- TLSA _25._tcp.mx2.example.net: bogus  <- decided\n"
	    "         signature \\x1b[31mexpired\n"
	    "\nThe operator of the MX host should correct the signatures of the TLSA record or\n"
	    "of the proof that there is none.\n");
}

Test(tool_tree, implicit_mx_and_what_was_not_looked_up)
{
	const struct facts facts = {
	    .recipient = RECIPIENT,
	    .txt_state = TXT_FAILED,
	    .txt_why = "timeout",
	    .stored = &binding,
	    .mx = ABSENT,
	    .n_hosts = 1,
	    .hosts = &own_host,
	};

	expect_tree(&plain, &facts,
	    "example.org: defer, address-insecure: "
	    "example.org A insecure\n"
	    "|- TXT _mta-sts.example.org: failed\n"
	    "|  timeout\n"
	    "|- policy, stored 100 s ago: dnssec yes, mode testing, "
	    "max_age 86400 s, id\n"
	    "|  20260101\n"
	    "|  mx *.example.net\n"
	    "`- MX: secure, nodata\n"
	    "   the domain is its own host\n"
	    "   `- 0 example.org\n"
	    "      |- A: insecure, records  <- decided\n"
	    "      |- AAAA: secure, nodata\n"
	    "      `- TLSA _25._tcp.example.org: not looked up\n"
	    "\nThe operator of the MX host should sign the zone of its name, or the owner\n"
	    "should name hosts in signed zones.\n");
}

Test(tool_tree, no_policy_is_one_line_of_evidence)
{
	const struct facts facts = {
	    .recipient = RECIPIENT,
	    .txt_state = TXT_NONE,
	};

	expect_tree(&plain, &facts,
	    "example.org: pass, no-policy\n"
	    "`- TXT _mta-sts.example.org: none\n"
	    "\nNothing to do: the domain asks for nothing; its owner can publish an MTA-STS\n"
	    "policy with \"dnssec: yes\".\n");
}

Test(tool_tree, T_14_a_pin_is_shown)
{
	const struct facts facts = {
	    .recipient = RECIPIENT,
	    .pinned = true,
	    .txt_state = TXT_NONE,
	    .mx = {.status = FACT_INSECURE, .answer = ANSWER_RECORDS},
	};

	expect_tree(&plain, &facts,
	    "example.org: defer, mx-insecure: example.org MX insecure\n"
	    "|- pinned: the configuration requires DNSSEC, whatever the domain "
	    "publishes\n"
	    "|- TXT _mta-sts.example.org: none\n"
	    "`- MX: insecure, records  <- decided\n"
	    "\nThe owner should sign the zone or complete its chain of DS records; if others\n"
	    "see it signed, the answers are stripped on the way to you.\n");
}

Test(tool_tree, C_15_an_own_failure_is_shown)
{
	const struct facts facts = {
	    .recipient = RECIPIENT,
	    .txt_state = TXT_NONE,
	    .internal_error = true,
	    .internal_why = "policy store, read: the server is down",
	};

	expect_tree(&plain, &facts,
	    "example.org: pass, internal-error\n"
	    "|- filter: internal error  <- decided\n"
	    "|  policy store, read: the server is down\n"
	    "`- TXT _mta-sts.example.org: none\n"
	    "\nLook at what dane-sts and the system log say: the policy store, memory, files\n"
	    "or a library failed here.\n");
}

Test(tool_tree, failed_fetch_is_last_without_delivery)
{
	const struct facts facts = {
	    .recipient = RECIPIENT,
	    .txt_state = TXT_VALID,
	    .txt_id = "new",
	    .stored = &expired,
	    .fetch = {.state = FETCH_FAILED, .error = "status 404\n"},
	};

	expect_tree(&plain, &facts,
	    "example.org: pass, discovery-failed: "
	    "mta-sts.example.org policy failed\n"
	    "|- TXT _mta-sts.example.org: valid, id new\n"
	    "|- policy, stored 1000 s ago and now expired: dnssec not "
	    "required, mode\n"
	    "|  enforce, max_age 10 s, id old\n"
	    "|  mx *.example.net\n"
	    "`- policy, fetched: failed  <- decided\n"
	    "   status 404\\x0a\n"
	    "\nSee what dane-sts lint --domain says: if the trouble lasts, the owner should\n"
	    "correct the TXT record or the policy host.\n");
}

Test(tool_tree, forged_mx_is_marked)
{
	const struct facts facts = {
	    .recipient = RECIPIENT,
	    .txt_state = TXT_VALID,
	    .txt_id = "20260101",
	    .fetch = {.state = FETCH_OK,    .policy = binding },
	    .mx = {.status = FACT_BOGUS, .why = "no DNSKEY"},
	};
	char *text = draw(&plain, &facts);

	cr_expect_neq(strstr(text,
			  "`- MX: bogus  <- decided\n"
			  "   no DNSKEY\n"),
	    NULL, "%s", text);
	free(text);
}

Test(tool_tree, T_11_T_12_status_of_the_txt_and_why_a_policy_was_fetched)
{
	struct facts facts = {
	    .recipient = RECIPIENT,
	    .txt_state = TXT_VALID,
	    .txt_id = "20260101",
	    .txt_status = FACT_INSECURE,
	};
	char *text = draw(&plain, &facts);

	cr_expect_not_null(strstr(text,
			       "TXT _mta-sts.example.org: valid, id 20260101 "
			       "(insecure)"),
	    "%s", text);
	free(text);
	facts.txt_state = TXT_FAILED;
	facts.txt_status = FACT_FAILED;
	facts.txt_late = true;
	facts.txt_why = "no proof that there is none after 1 s";
	facts.fetch.state = FETCH_FAILED;
	facts.fetch.error = "policy host: A lookup failed: SERVFAIL";
	text = draw(&plain, &facts);
	cr_expect_not_null(
	    strstr(text,
		"|- TXT _mta-sts.example.org: failed, late  <- "
		"decided\n"
		"|  no proof that there is none after 1 s\n"
		"`- policy, fetched: failed\n"
		"   fetched without a TXT record: its absence is "
		"not proven\n"
		"   policy host: A lookup failed: SERVFAIL\n"),
	    "%s", text);
	free(text);
}

Test(tool_tree, broken_resolver_is_not_the_domains_fault)
{
	const struct facts facts = {
	    .recipient = RECIPIENT,
	    .resolver_broken = true,
	    .txt_state = TXT_BOGUS,
	    .txt_why = "no trust anchor",
	};
	char *text = draw(&plain, &facts);

	cr_expect_neq(strstr(text, "pass, discovery-bogus"), NULL, "%s", text);
	for (char *at = text; (at = strchr(at, '\n')) != NULL;)
		*at = ' '; /* the advice is wrapped */
	cr_expect_neq(strstr(text, advice_text(REASON_RESOLVER_BROKEN)), NULL,
	    "%s", text);
	free(text);
}

Test(tool_tree, lines_and_colours_follow_the_style)
{
	static const struct tree_style fancy = {.colour = true, .utf8 = true};
	const struct fact_host hosts[] = {forged_host, good_host};
	const struct facts facts = {
	    .recipient = RECIPIENT,
	    .txt_state = TXT_VALID,
	    .txt_id = "20260101",
	    .stored = &binding,
	    .mx = SECURE,
	    .n_hosts = 2,
	    .hosts = hosts,
	};
	char *text = draw(&fancy, &facts);

	cr_expect_neq(strstr(text,
			  "   \u2502  \u2514\u2500 TLSA "
			  "_25._tcp.mx2.example.net: "
			  "\033[31mbogus\033[0m  "
			  "\033[1m<- decided\033[0m\n"
			  "   \u2502     signature"),
	    NULL, "%s", text);
	free(text);
}

/* Every bogus or insecure record comes with commands that tell a mistake from
 * an attack, within the width of the terminal. */
Test(tool_tree, commands_for_what_is_bogus_or_insecure)
{
	const struct fact_host hosts[] = {good_host, forged_host};
	struct facts facts = {
	    .recipient = RECIPIENT,
	    .txt_state = TXT_VALID,
	    .stored = &binding,
	    .mx = SECURE,
	    .n_hosts = 2,
	    .hosts = hosts,
	};
	static const struct tree_style narrow = {.width = 60};
	char *text = draw(&narrow, &facts);

	cr_expect_not_null(strstr(text,
			       "\n  dig @9.9.9.9 +cd +dnssec "
			       "_25._tcp.mx2.example.net TLSA\n      RRSIG "),
	    "%s", text);
	cr_expect_not_null(
	    strstr(text, "\n  dig @9.9.9.9 +cd +short mx2.example.net DS\n"),
	    "%s", text);
	for (const char *at = strstr(text, "Mistake"); *at != '\0';
	     at += strcspn(at, "\n") + 1)
		cr_expect_leq(strcspn(at, "\n"), 60, "%s", at);
	free(text);
	facts.mx = (struct fact_rrset){.status = FACT_INSECURE,
	    .answer = ANSWER_RECORDS};
	text = draw(&plain, &facts);
	cr_expect_not_null(strstr(text,
			       "\n  delv @9.9.9.9 +vtrace example.org MX\n"),
	    "%s", text);
	cr_expect_null(strstr(text, "+cd"), "%s", text);
	free(text);
	facts.mx = (struct fact_rrset){.status = FACT_FAILED};
	text = draw(&plain, &facts);
	cr_expect_null(strstr(text, "Mistake"), "%s", text);
	free(text);
}

/* The names of hosts that were not asked about have no records below. */
Test(tool_tree, names_alone_of_hosts_behind_an_insecure_MX)
{
	const struct fact_host host = {.name = "mx.example.net",
	    .preference = 10};
	const struct facts facts = {
	    .recipient = RECIPIENT,
	    .txt_state = TXT_VALID,
	    .stored = &binding,
	    .mx = {.status = FACT_INSECURE, .answer = ANSWER_RECORDS},
	    .n_hosts = 1,
	    .hosts = &host,
	};
	char *text = draw(&plain, &facts);

	cr_expect_not_null(strstr(text,
			       "`- MX: insecure, records  <- decided\n"
			       "   `- 10 mx.example.net\n\n"),
	    "%s", text);
	free(text);
}

/* The policy of a domain that wants nine hosts. */
static const char *const many_patterns[] = {"a.example", "b.example",
    "c.example", "d.example", "e.example", "f.example", "g.example",
    "h.example", "i.example"};

Test(tool_tree, more_patterns_than_a_line_is_for_are_counted)
{
	struct fact_policy policy = binding;
	const struct facts facts = {
	    .recipient = RECIPIENT,
	    .txt_state = TXT_VALID,
	    .stored = &policy,
	};
	char *text;

	policy.id = NULL;
	policy.n_mx = 9;
	policy.mx = many_patterns;
	text = draw(&plain, &facts);
	cr_expect_neq(strstr(text,
			  "|- TXT _mta-sts.example.org: valid\n"
			  "`- policy, stored 100 s ago: dnssec yes, "
			  "mode testing, max_age 86400 s\n"
			  "   mx a.example b.example c.example d.example "
			  "e.example f.example g.example\n"
			  "   h.example and 1 more\n"),
	    NULL, "%s", text);
	free(text);
}

Test(tool_tree, fetched_policy_without_hosts)
{
	const struct facts facts = {
	    .recipient = RECIPIENT,
	    .txt_state = TXT_VALID,
	    .txt_id = "n",
	    .fetch = {.state = FETCH_OK,
		      .policy = {.mode = POLICY_MODE_NONE,
		    .max_age_s = 86400,
		    .id = "n"}},
	};

	expect_tree(&plain, &facts,
	    "example.org: pass, no-dnssec-flag\n"
	    "|- TXT _mta-sts.example.org: valid, id n\n"
	    "`- policy, fetched: dnssec not required, mode none, "
	    "max_age 86400 s, id n\n"
	    "\nNothing to do: the policy does not ask for DNSSEC; its owner can add "
	    "\"dnssec:\nyes\".\n");
}

Test(tool_tree, hosts_beyond_those_looked_at_are_told)
{
	const struct facts facts = {
	    .recipient = RECIPIENT,
	    .txt_state = TXT_VALID,
	    .txt_id = "20260101",
	    .stored = &binding,
	    .mx = SECURE,
	    .n_hosts = 1,
	    .hosts = &good_host,
	    .hosts_truncated = true,
	};
	char *text = draw(&plain, &facts);

	cr_expect_neq(strstr(text,
			  "`- MX: secure, records  <- decided\n"
			  "   there are more hosts, which were not looked "
			  "at\n"
			  "   `- 10 mx1.example.net\n"),
	    NULL, "%s", text);
	free(text);
}

/* RFC 7505: a null MX beside others is no host (D-10). */
Test(tool_tree, null_mx_beside_others_is_a_dot)
{
	const struct fact_host hosts[] = {{.name = ""}, good_host};
	const struct facts facts = {
	    .recipient = RECIPIENT,
	    .txt_state = TXT_VALID,
	    .txt_id = "20260101",
	    .stored = &binding,
	    .mx = SECURE,
	    .n_hosts = 2,
	    .hosts = hosts,
	};
	char *text = draw(&plain, &facts);

	cr_expect_neq(strstr(text, "|- 0 .\n"), NULL, "%s", text);
	free(text);
}

/* "[host]:587". */
Test(tool_tree, D_18_a_record_that_names_no_host_is_shown)
{
	const struct fact_host unusable = {
	    .name = "192.0.2.9",
	    .preference = 10,
	    .unusable = true,
	};
	const struct facts facts = {
	    .recipient = RECIPIENT,
	    .txt_state = TXT_NONE,
	    .stored = &binding,
	    .mx = SECURE,
	    .n_hosts = 1,
	    .hosts = &unusable,
	};

	expect_tree(&plain, &facts,
	    "example.org: pass, no-usable-host: 192.0.2.9 MX host unusable\n"
	    "|- TXT _mta-sts.example.org: none\n"
	    "|- policy, stored 100 s ago: dnssec yes, mode testing, max_age "
	    "86400 s, id\n|  20260101\n"
	    "|  mx *.example.net\n"
	    "`- MX: secure, records\n"
	    "   `- 10 192.0.2.9: no host name  <- decided\n"
	    "\nNothing on this side: no MX record names a host that has an address; the owner\n"
	    "should correct the MX records.\n");
}

Test(tool_tree, next_hop_without_mx_and_its_port)
{
	const struct facts facts = {
	    .recipient = RECIPIENT,
	    .no_mx = true,
	    .port = 587,
	    .txt_state = TXT_VALID,
	    .txt_id = "20260101",
	    .stored = &binding,
	    .n_hosts = 1,
	    .hosts = &good_host,
	};
	char *text = draw(&plain, &facts);

	cr_expect_neq(strstr(text,
			  "`- next hop without MX\n"
			  "   `- mx1.example.net\n"),
	    NULL, "%s", text);
	cr_expect_neq(strstr(text, "`- TLSA _587._tcp.mx1.example.net: secure"),
	    NULL, "%s", text);
	free(text);
}

Test(tool_tree, host_outside_the_policy_is_marked)
{
	static const struct fact_host stranger = {
	    .name = "mx.example.com",
	    .a = SECURE,
	    .aaaa = ABSENT,
	    .tlsa = SECURE,
	};
	struct fact_policy policy = binding;
	const struct facts facts = {
	    .recipient = RECIPIENT,
	    .txt_state = TXT_VALID,
	    .txt_id = "20260101",
	    .stored = &policy,
	    .mx = SECURE,
	    .n_hosts = 1,
	    .hosts = &stranger,
	};
	char *text;

	policy.mode = POLICY_MODE_ENFORCE;
	text = draw(&plain, &facts);
	cr_expect_neq(strstr(text, "0 mx.example.com  <- decided\n"), NULL,
	    "%s", text);
	free(text);
}

/* a local recipient has no domain, and nothing was looked up. */
Test(tool_tree, recipient_without_a_domain_is_a_headline)
{
	const struct facts facts = {.recipient = {.class = ADDRESS_LOCAL}};
	char *text = draw(&plain, &facts);

	cr_expect_neq(strstr(text, "example.org: pass, no-domain\n"), NULL,
	    "%s", text);
	cr_expect_null(strstr(text, "- "), "%s", text);
	cr_expect_null(strstr(text, "domain \n"), "%s", text);
	free(text);
}

Test(tool_tree, domain_is_named_where_the_title_is_another)
{
	const struct facts facts = {
	    .recipient = {.class = ADDRESS_DOMAIN,
			  .domain = "xn--mnchen-3ya.test"},
	    .txt_state = TXT_NONE,
	};
	char *text = draw(&plain, &facts);

	cr_expect_neq(strstr(text,
			  "example.org: pass, no-policy\n"
			  "domain xn--mnchen-3ya.test\n"),
	    NULL, "%s", text);
	free(text);
}

Test(tool_tree, secure_in_spite_of_a_broken_probe_asks_for_nothing)
{
	const struct facts facts = {
	    .recipient = RECIPIENT,
	    .resolver_broken = true,
	    .txt_state = TXT_VALID,
	    .txt_id = "20260101",
	    .stored = &binding,
	    .mx = SECURE,
	    .n_hosts = 1,
	    .hosts = &good_host,
	};
	static const struct tree_style colour = {.colour = true};
	char *text = draw(&colour, &facts);

	cr_expect_neq(strstr(text, "example.org: \033[32mpass\033[0m, secure"),
	    NULL, "%s", text);
	cr_expect_neq(strstr(text, "MX: \033[32msecure\033[0m, records\n"),
	    NULL, "%s", text);
	cr_expect_neq(strstr(text, advice_text(REASON_SECURE)), NULL, "%s",
	    text);
	free(text);
}

/* --- style ---------------------------------------------------------------- */

static FILE *
open_terminal(int *master)
{
	int slave;

	*master = posix_openpt(O_RDWR | O_NOCTTY);
	cr_assert_geq(*master, 0);
	cr_assert_eq(grantpt(*master), 0);
	cr_assert_eq(unlockpt(*master), 0);
	slave = open(ptsname(*master), O_RDWR | O_NOCTTY);
	cr_assert_geq(slave, 0);
	return fdopen(slave, "w");
}

struct style_row {
	const char *term;
	const char *no_color;
	bool colour;
};

Test(tool_tree, colour_only_on_a_terminal_that_may)
{
	static const struct style_row rows[] = {
	    {"xterm", NULL, true },
	    {"xterm", "",   true },
	    {"xterm", "1",  false},
	    {"dumb",  NULL, false},
	    {NULL,    NULL, false},
	};
	struct tree_style style;
	int master;
	FILE *terminal = open_terminal(&master);
	FILE *file = tmpfile();
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsetenv("TERM");
		unsetenv("NO_COLOR");
		if (rows[i].term != NULL)
			setenv("TERM", rows[i].term, 1);
		if (rows[i].no_color != NULL)
			setenv("NO_COLOR", rows[i].no_color, 1);
		style_detect(terminal, &style);
		cr_expect_eq(style.colour, rows[i].colour, "row %zu", i);
		style_detect(file, &style);
		cr_expect_not(style.colour, "row %zu", i);
	}
	fclose(file);
	fclose(terminal);
	close(master);
}

/* --- exit status ---------------------------------------------------------- */

struct status_row {
	enum verdict_kind kind;
	enum reason reason;
	bool resolver_broken;
	int status;
};

Test(tool_status, own_faults_are_told_from_the_domains)
{
	static const struct status_row rows[] = {
	    {VERDICT_PASS,       REASON_SECURE,           false, TOOL_OK     },
	    {VERDICT_PASS,       REASON_NO_POLICY,        false, TOOL_OK     },
	    {VERDICT_PASS,       REASON_DISCOVERY_FAILED, false, TOOL_OK     },
	    {VERDICT_DEFER,      REASON_MX_INSECURE,      false, TOOL_NO     },
	    {VERDICT_REJECT,     REASON_MX_BOGUS,         false, TOOL_NO     },
	    {VERDICT_QUARANTINE, REASON_MX_BOGUS,         false, TOOL_NO     },
	    {VERDICT_DEFER,      REASON_DEADLINE,         false, TOOL_NO     },
	    {VERDICT_PASS,       REASON_DEADLINE,         false, TOOL_UNKNOWN},
	    {VERDICT_PASS,       REASON_INTERNAL_ERROR,   false, TOOL_UNKNOWN},
	    {VERDICT_DEFER,      REASON_INTERNAL_ERROR,   false, TOOL_UNKNOWN},
	    {VERDICT_DEFER,      REASON_RESOLVER_BROKEN,  true,  TOOL_UNKNOWN},
	    {VERDICT_PASS,       REASON_DISCOVERY_BOGUS,  true,  TOOL_UNKNOWN},
	    {VERDICT_PASS,       REASON_SECURE,           true,  TOOL_OK     },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct facts facts = {
		    .resolver_broken = rows[i].resolver_broken,
		};
		const struct verdict verdict = {
		    .kind = rows[i].kind,
		    .reason = rows[i].reason,
		};

		cr_expect_eq(tool_verdict_status(&facts, &verdict),
		    rows[i].status, "row %zu", i);
	}
}

/* --- advice --------------------------------------------------------------- */

Test(tool_advice, every_reason_has_a_sentence_of_its_own)
{
	int i, j;

	for (i = 0; i < REASON_COUNT; i++) {
		const char *text = advice_text((enum reason)i);
		size_t len = strlen(text);

		cr_assert_gt(len, 1, "%s", reason_name((enum reason)i));
		cr_expect_eq(text[len - 1], '.', "%s",
		    reason_name((enum reason)i));
		for (j = 0; j < i; j++)
			cr_expect_str_neq(text, advice_text((enum reason)j),
			    "%s", reason_name((enum reason)i));
	}
}
