/* Scenarios of the moment of delivery: what is looked up then, and when. */
#include "autoconf.h"

#include <string.h>

#include "world.h"

#define DOMAIN "example.org"
#define HOST   "mx.example.org"
#define TLSA   "_25._tcp.mx.example.org"
#define SECURE "OK secure match=.example.org servername=hostname"

static void
publish(const char *body, bool tlsa)
{
	script_txt(DOMAIN, "1");
	script_stored(DOMAIN, "1", body, 100);
	script_delivery(DOMAIN, HOST, tlsa);
}

static void
expect(struct asker a, const char *tls)
{
	if (strcmp(a.tls, tls) != 0)
		(void)fprintf(stderr, "\"%s\", not \"%s\"\n", a.tls, tls);
	CHECK(a.completions == 1);
	CHECK(strcmp(a.tls, tls) == 0);
}

static void
D_01_a_recipient_costs_no_lookup_of_DNSSEC(void)
{
	publish(NOT_BINDING, true);
	world_start();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_PASS, REASON_NO_DNSSEC_FLAG);
	CHECK(script_dns_count(DOMAIN, DNS_MX) == 0);
	/* The same verdict, and more facts. */
	expect(asked_tls(DOMAIN), "OK dane-only");
	CHECK(script_dns_count(DOMAIN, DNS_MX) == 1);
	CHECK(script_dns_count(TLSA, DNS_TLSA) == 1);
	CHECK_VERDICT(asked(DOMAIN), VERDICT_PASS, REASON_NO_DNSSEC_FLAG);
	CHECK(asked(DOMAIN).cached);
	CHECK(asked_tls(DOMAIN).cached);
	CHECK(script_dns_count(DOMAIN, DNS_MX) == 1);
	world_stop();
}

static void
bound_domain_is_looked_up_once_for_both(void)
{
	struct asker a;

	publish(BINDING, true);
	world_start();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_PASS, REASON_SECURE);
	a = asked_tls(DOMAIN);
	CHECK(a.cached);
	expect(a, "OK dane-only");
	CHECK(script_dns_count(DOMAIN, DNS_MX) == 1);
	CHECK(script_dns_count(TLSA, DNS_TLSA) == 1);
	world_stop();
}

static void
unusable_TLSA_is_none(void)
{
	publish(BINDING, true);
	script_secure(TLSA, DNS_TLSA, "1 1 1");
	world_start();
	expect(asked_tls(DOMAIN), SECURE);
	world_stop();
}

static void
domain_without_policy_costs_its_TXT(void)
{
	world_start();
	expect(asked_tls("plain.example"), "NOTFOUND ");
	CHECK(script_dns_total() == 1);
	CHECK(asked_tls("plain.example").cached);
	CHECK(asked("plain.example").cached);
	world_stop();
}

/* A recipient passes as soon as that is certain; how to deliver is not
 * known before the policy is. */
static void
delivery_waits_for_the_policy(void)
{
	struct asker recipient, delivery;

	script_txt(DOMAIN, "1");
	script_delivery(DOMAIN, HOST, false);
	script_policy(DOMAIN, BINDING, 2000);
	world_start();
	ask_domain(&recipient, DOMAIN, 4000);
	ask_tls(&delivery, DOMAIN, 4000);
	fake_run(1000);
	CHECK(recipient.completions == 1);
	CHECK(delivery.completions == 0);
	fake_run(1500);
	expect(delivery, SECURE);
	/* S-04: one fetch for both */
	CHECK(script_fetch_count(DOMAIN) == 1);
	CHECK(script_dns_count(DOMAIN, DNS_MX) == 1);
	world_stop();
}

/* One that began for a recipient learns that more is wanted. */
static void
delivery_joins_a_lookup_that_runs(void)
{
	struct asker recipient, delivery;

	script_txt(DOMAIN, "2");
	script_stored(DOMAIN, "1", NOT_BINDING, 100);
	script_policy(DOMAIN, NOT_BINDING, 1000);
	script_delivery(DOMAIN, HOST, true);
	world_start();
	ask_domain(&recipient, DOMAIN, 4000);
	fake_run(500);
	ask_tls(&delivery, DOMAIN, 4000);
	fake_run(3000);
	expect(delivery, "OK dane-only");
	CHECK(recipient.completions == 1);
	CHECK(script_fetch_count(DOMAIN) == 1);
	world_stop();
}

static void
S_03_what_is_not_known_in_time_defers(void)
{
	publish(NOT_BINDING, true);
	script_dns((struct script_dns){.name = TLSA,
	    .type = DNS_TLSA,
	    .status = FACT_SECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "3 1 1",
	    .delay_ms = 6000});
	world_start();
	expect(asked_tls(DOMAIN),
	    "TEMP example.org: TLS policy, DNS not answered in time");
	fake_run(3000);
	expect(asked_tls(DOMAIN), "OK dane-only");
	CHECK(script_dns_count(TLSA, DNS_TLSA) == 1);
	world_stop();
}

static void
tampering_after_the_recipient_defers(void)
{
	publish(BINDING, true);
	world_start();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_PASS, REASON_SECURE);
	script_dns((struct script_dns){.name = DOMAIN,
	    .type = DNS_MX,
	    .status = FACT_BOGUS,
	    .answer = ANSWER_EMPTY});
	fake_run(300000); /* the verdict cache is over */
	expect(asked_tls(DOMAIN),
	    "TEMP example.org: DNSSEC required by policy, MX of example.org: "
	    "bogus");
	world_stop();
}

static void
S_01_TLSA_ignored_by_the_verdict_is_asked_for_a_delivery(void)
{
	struct asker recipient, delivery;

	publish(BINDING, true);
	script_dns((struct script_dns){.name = HOST,
	    .type = DNS_A,
	    .status = FACT_SECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "192.0.2.25",
	    .delay_ms = 500});
	world_config.rules.tlsa = RULE_TLSA_IGNORED;
	world_start();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_PASS, REASON_SECURE);
	CHECK(script_dns_count(TLSA, DNS_TLSA) == 0);
	expect(asked_tls(DOMAIN), "OK dane-only");
	CHECK(script_dns_count(TLSA, DNS_TLSA) == 1);
	CHECK(asked_tls(DOMAIN).cached);
	world_stop();
	/* also beside a lookup that left it out */
	world_start();
	ask_domain(&recipient, DOMAIN, 4000);
	fake_run(100);
	ask_tls(&delivery, DOMAIN, 4000);
	fake_run(1000);
	CHECK(recipient.completions == 1);
	expect(delivery, "OK dane-only");
	world_stop();
}

/* S-01: "secure" would let a certificate stand in for the TLSA records that the
 * MTA finds behind the alias. */
static void
S_01_TLSA_behind_an_alias_makes_it_dane_only(void)
{
	script_txt("example.org", "1");
	script_stored("example.org", "1", BINDING, 100);
	script_delivery("example.org", "mx.example.org", false);
	script_dns((struct script_dns){.name = "mx.example.org",
	    .type = DNS_A,
	    .status = FACT_SECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "192.0.2.25",
	    .alias = "real.example.org"});
	script_secure("_25._tcp.real.example.org", DNS_TLSA, "3 1 1");
	world_start();
	CHECK(strncmp(asked_tls("example.org").tls, "OK dane-only",
		  strlen("OK dane-only")) == 0);
	world_stop();
}

/* The option costs lookups at delivery, and none at RCPT. */
static void
dane_for_all_looks_at_domains_without_policy(void)
{
	script_delivery(DOMAIN, HOST, true);
	world_config.dane_for_all = true;
	world_start();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_PASS, REASON_NO_POLICY);
	CHECK(script_dns_count(DOMAIN, DNS_MX) == 0);
	expect(asked_tls(DOMAIN), "OK dane-only");
	CHECK(script_dns_count(TLSA, DNS_TLSA) == 1);
	CHECK(asked_tls(DOMAIN).cached);
	CHECK_VERDICT(asked(DOMAIN), VERDICT_PASS, REASON_NO_POLICY);
	expect(asked_tls("plain.example"), "NOTFOUND ");
	world_stop();
}

/* dane-sts check tells the answer at delivery, and looks up what it takes. */
static void
evidence_includes_what_a_delivery_needs(void)
{
	struct asker a;

	publish(NOT_BINDING, true);
	world_start();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_PASS, REASON_NO_DNSSEC_FLAG);
	a = asked_evidence(DOMAIN);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_NO_DNSSEC_FLAG);
	expect(a, "OK dane-only");
	CHECK(script_dns_count(TLSA, DNS_TLSA) == 1);
	world_stop();
}

static void
renewal_keeps_what_a_delivery_needs(void)
{
	publish(NOT_BINDING, true);
	world_start();
	expect(asked_tls(DOMAIN), "OK dane-only");
	fake_run(280000);
	CHECK(asked(DOMAIN).cached); /* begins the renewal */
	fake_run(20000);
	CHECK(asked_tls(DOMAIN).cached);
	CHECK(script_dns_count(TLSA, DNS_TLSA) == 2);
	world_stop();
}

const struct scenario tls_scenarios[] = {
  /* clang-format off */
    SCENARIO(D_01_a_recipient_costs_no_lookup_of_DNSSEC),
    SCENARIO(bound_domain_is_looked_up_once_for_both),
    SCENARIO(unusable_TLSA_is_none),
    SCENARIO(domain_without_policy_costs_its_TXT),
    SCENARIO(delivery_waits_for_the_policy),
    SCENARIO(delivery_joins_a_lookup_that_runs),
    SCENARIO(S_03_what_is_not_known_in_time_defers),
    SCENARIO(tampering_after_the_recipient_defers),
    SCENARIO(S_01_TLSA_ignored_by_the_verdict_is_asked_for_a_delivery),
    SCENARIO(S_01_TLSA_behind_an_alias_makes_it_dane_only),
    SCENARIO(dane_for_all_looks_at_domains_without_policy),
    SCENARIO(evidence_includes_what_a_delivery_needs),
    SCENARIO(renewal_keeps_what_a_delivery_needs),
    {NULL, NULL},
  /* clang-format on */
};
