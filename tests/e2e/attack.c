/*
 * After an answer of the map, an attacker changes the records that Postfix
 * looks up itself: he forges them behind the resolver that validates them, so
 * that Postfix takes them for validated. MX hosts offer no STARTTLS any more.
 * No mail to a domain with mode enforce or `dnssec: yes` may leave in cleartext
 * (S-07, A-03).
 *
 * Then the settings that open a hole, as the tables of README and
 * dane-sts-milter(8) name them: each makes cleartext of one such attack.
 */
#include "autoconf.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lab_client.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* Postfix' own path: the daemon sees what it saw before. */
#define FORGE(...) LAB("tamper", "rule", "mta", __VA_ARGS__)

#define NOWHERE "\"10 mx1.plain.test.\"" /* not the domain's host */

static void
set_up(void)
{
	LAB_FRESH(NULL);
	LAB("tls", "on");
}

static void
tear_down(void)
{
	LAB("tamper", "clear");
	LAB("discard");
	LAB("sink", "ok");
	LAB("tls", "off");
	LAB("postfix", "defer_transports=", "milter_default_action=tempfail",
	    "smtp_fallback_relay=", "relayhost=");
}

TestSuite(attack, .init = set_up, .fini = tear_down, .timeout = 300);
TestSuite(hole, .init = set_up, .fini = tear_down, .timeout = 300);

/* Every kind of domain for which the map has an answer. */
static const struct {
	const char *name;
	const char *answer;
	bool has_host;
} domains[] = {
    {"secure.test",         "dane-only", true },
    {"testing.test",        "dane-only", true },
    {"modenone.test",       "dane-only", true },
    {"implicit.test",       "dane-only", true },
    {"notlsa.test",         "secure",    true },
    {"notlsa-testing.test", "encrypt",   true },
    {"mtasts.test",         "dane-only", true },
    {"mtasts-mixed.test",   "dane-only", true },
    {"noflag.test",         "secure",    true },
    {"nullmx.test",         "dane-only", false},
    {"noaddress.test",      "dane-only", false},
};

static void
address_of(size_t i, const char *user, char out[LAB_LINE_SIZE])
{
	snprintf(out, LAB_LINE_SIZE, "%s@%s", user, domains[i].name);
}

/* The answers are in the daemon's memory from here on. */
static void
ask_for_all(void)
{
	for (size_t i = 0; i < N(domains); i++) {
		LAB("lookup", domains[i].name);
		lab_expect_answer(domains[i].name, domains[i].answer);
	}
}

/* Those without a host bounce unless the attacker makes one up. */
static void
expect_all_wait(const char *user, bool forged_hosts)
{
	char recipient[LAB_LINE_SIZE];

	for (size_t i = 0; i < N(domains); i++) {
		if (!domains[i].has_host && !forged_hosts)
			continue;
		address_of(i, user, recipient);
		lab_send(recipient);
	}
	for (size_t i = 0; i < N(domains); i++) {
		if (!domains[i].has_host && !forged_hosts)
			continue;
		address_of(i, user, recipient);
		lab_expect_deferred(recipient, "");
	}
}

/* The attack is one: a domain that asks for nothing is delivered to so. */
static void
expect_cleartext(const char *recipient)
{
	lab_send(recipient);
	lab_expect_delivered(recipient, "X-TLS: none");
}

static void
deny_tlsa_of(const char *domain)
{
	char below[LAB_LINE_SIZE];

	snprintf(below, sizeof(below), ".%s", domain);
	FORGE(below, "TLSA", "nxdomain");
}

Test(attack, S_07_TLSA_is_denied_and_STARTTLS_stripped)
{
	ask_for_all();
	FORGE("*", "TLSA", "nxdomain");
	LAB("sink", "plain");
	expect_all_wait("t1", false);
	/* DANE by Postfix alone: its level "dane" falls to cleartext. */
	expect_cleartext("t1@dane.test");
}

Test(attack, S_07_MX_is_forged_and_STARTTLS_stripped)
{
	ask_for_all();
	for (size_t i = 0; i < N(domains); i++)
		FORGE(domains[i].name, "MX", "forge", "60", NOWHERE);
	FORGE("dane.test", "MX", "forge", "60", NOWHERE);
	LAB("sink", "plain");
	expect_all_wait("t2", true);
	expect_cleartext("t2@dane.test");
}

Test(attack, S_07_signatures_and_STARTTLS_are_stripped)
{
	ask_for_all();
	FORGE("*", "*", "strip");
	LAB("sink", "plain");
	expect_all_wait("t3", false);
	expect_cleartext("t3@dane.test");
}

/* A forged host that does TLS, with a certificate that nobody vouches for. Only
 * no_tlsa_level = "encrypt" does not ask for more. */
Test(attack, S_07_MX_is_forged_to_a_host_with_TLS)
{
	ask_for_all();
	for (size_t i = 0; i < N(domains); i++)
		if (strcmp(domains[i].answer, "encrypt") != 0)
			FORGE(domains[i].name, "MX", "forge", "60", NOWHERE);
	LAB("sink", "untrusted");
	for (size_t i = 0; i < N(domains); i++) {
		char recipient[LAB_LINE_SIZE];

		if (strcmp(domains[i].answer, "encrypt") == 0)
			continue;
		address_of(i, "t4", recipient);
		lab_send(recipient);
		lab_expect_deferred(recipient, "");
	}
}

/* Without MTA-STS DANE is all there is; then it holds, too. */
Test(attack, dane_for_all)
{
	LAB_FRESH("dane_for_all=true");
	LAB("lookup", "dane.test");
	lab_expect_answer("dane.test", "dane-only");
	LAB("sink", "ok");
	lab_send("t5@dane.test");
	lab_expect_delivered("t5@dane.test", "X-TLS: TLSv1");
	FORGE("*", "TLSA", "nxdomain");
	LAB("sink", "plain");
	lab_send("t6@dane.test");
	lab_expect_deferred("t6@dane.test", "");
	expect_cleartext("t6@plain.test");
}

/* --- settings that open a hole --- */

Test(hole, milter_default_action_accept)
{
	char *transcript;
	char reply[LAB_LINE_SIZE];

	LAB("daemon", "stop");
	/* MAIL is refused already: RCPT has no reply. */
	transcript = LAB_ASK("h1@unsigned.test");
	lab_reply(transcript, "h1@unsigned.test", reply);
	cr_expect_neq(reply[0], '2', "%s", reply);
	free(transcript);
	LAB("postfix", "milter_default_action=accept");
	transcript = LAB_ASK("h1@unsigned.test");
	lab_reply(transcript, "h1@unsigned.test", reply);
	cr_expect_eq(reply[0], '2', "%s", reply);
	free(transcript);
	LAB("daemon", "start");
}

Test(hole, without_smtp_tls_policy_maps)
{
	LAB("postfix", "smtp_tls_policy_maps=");
	deny_tlsa_of("secure.test");
	LAB("sink", "plain");
	expect_cleartext("h2@secure.test");
}

Test(hole, another_table_before_the_map)
{
	char *map = LAB_TEXT("info", "policy_map");
	char setting[LAB_LINE_SIZE];

	map[strcspn(map, "\n")] = '\0';
	snprintf(setting, sizeof(setting),
	    "smtp_tls_policy_maps=inline:{notlsa.test=may} %s", map);
	free(map);
	LAB("postfix", setting);
	LAB("sink", "plain");
	expect_cleartext("h3@notlsa.test");
	lab_send("h3@noflag.test");
	lab_expect_deferred("h3@noflag.test", "");
}

/* Then Postfix' own level counts, which falls to cleartext. */
Test(hole, S_07_default_level_none)
{
	LAB_FRESH("default_level=none");
	deny_tlsa_of("mtasts.test");
	LAB("sink", "plain");
	expect_cleartext("h4@mtasts.test");
	lab_expect_answer("mtasts.test", "none");
	lab_send("h4@mtasts-mixed.test");
	lab_expect_deferred("h4@mtasts-mixed.test", "");
}

Test(hole, A_06_mode_monitor)
{
	LAB_FRESH("mode=monitor");
	deny_tlsa_of("secure.test");
	LAB("sink", "plain");
	expect_cleartext("h5@secure.test");
}

Test(hole, R_19_exempt_domains)
{
	LAB_FRESH("exempt_domains={secure.test}");
	deny_tlsa_of("secure.test");
	LAB("sink", "plain");
	expect_cleartext("h6@secure.test");
}

/* the relay's name is asked about, and this one has no policy. */
Test(hole, smtp_fallback_relay)
{
	LAB("sink", "plain");
	LAB("postfix", "smtp_fallback_relay=[mx1.plain.test]");
	expect_cleartext("h7@noflag.test");
}

/* */
Test(hole, relayhost_that_is_an_address)
{
	char *address = LAB_TEXT("info", "mx");
	char setting[LAB_LINE_SIZE];

	address[strcspn(address, "\n")] = '\0';
	snprintf(setting, sizeof(setting), "relayhost=[%s]", address);
	free(address);
	LAB("postfix", setting);
	LAB("sink", "plain");
	expect_cleartext("h8@secure.test");
}

/* Not in cleartext, but to anybody. */
Test(hole, no_tlsa_level_encrypt)
{
	FORGE("notlsa-testing.test", "MX", "forge", "60", NOWHERE);
	LAB("sink", "untrusted");
	lab_send("h10@notlsa-testing.test");
	lab_expect_delivered("h10@notlsa-testing.test", "X-TLS: TLSv1");
	LAB_FRESH("no_tlsa_level=verify");
	FORGE("notlsa-testing.test", "MX", "forge", "60", NOWHERE);
	lab_send("h11@notlsa-testing.test");
	lab_expect_deferred("h11@notlsa-testing.test", "");
}

static bool
postfix_has(const char *parameter)
{
	char *text = LAB_TEXT("postconf", parameter);
	bool found = text[0] != '\0' && text[0] != '\n';

	free(text);
	return found;
}

static void
use_map(const char *name)
{
	char *map = LAB_TEXT("info", "policy_map");
	char setting[LAB_LINE_SIZE];
	int len = (int)(strrchr(map, ':') - map);

	snprintf(setting, sizeof(setting), "smtp_tls_policy_maps=%.*s:%s", len,
	    map, name);
	free(map);
	LAB("postfix", setting);
}

/* The lab's MX hosts share a certificate, so a forged host has one that names
 * what the policy names. Only Postfix that knows the policy's patterns compares
 * them with the name of the host. */
Test(hole, M_01_smtp_tls_enforce_sts_mx_patterns)
{
	FORGE("noflag.test", "MX", "forge", "60", NOWHERE);
	lab_send("h12@noflag.test");
	lab_expect_delivered("h12@noflag.test", "X-TLS: TLSv1");
	if (!postfix_has("smtp_tls_enforce_sts_mx_patterns"))
		cr_skip_test("Postfix before 3.10.5 does not enforce patterns");
	use_map("postfix-tlsrpt");
	lab_send("h13@noflag.test");
	lab_expect_deferred("h13@noflag.test", "");
	LAB("tamper", "clear");
	LAB("flush");
	lab_expect_delivered("h13@noflag.test", "X-TLS: TLSv1");
}

#define RELAXED "TLS-Required: No\nSubject: lab\n\nhello\n"

/* One header line of the sender makes Postfix skip the map. */
Test(hole, S_09_tls_required_enable)
{
	if (!postfix_has("tls_required_enable"))
		cr_skip_test("Postfix before 3.10 knows no TLS-Required: No");
	LAB("sink", "plain");
	LAB("smtp", "--message", RELAXED, "--to", "h14@secure.test");
	lab_expect_delivered("h14@secure.test", "X-TLS: none");
	LAB("postfix", "tls_required_enable=no");
	LAB("smtp", "--message", RELAXED, "--to", "h15@secure.test");
	lab_expect_deferred("h15@secure.test", "");
}

/* No hole, but no mail either: "dane-only" needs it. */
Test(hole, without_smtp_dns_support_level_mail_waits)
{
	LAB("postfix", "smtp_dns_support_level=enabled");
	lab_send("h9@secure.test");
	lab_expect_deferred("h9@secure.test", "");
	lab_send("h9@notlsa.test");
	lab_expect_delivered("h9@notlsa.test", "X-TLS: TLSv1");
}
