/*
 * Scenarios of discovery: which question is asked when, and what an attacker
 * on the DNS path cannot end (T-11 to T-13, F-14).
 */
#include "autoconf.h"

#include <string.h>

#include "base/err.h"
#include "world.h"

#define DOMAIN "example.org"
#define TXT    "_mta-sts.example.org"
#define HOST   "mta-sts.example.org"
#define RTT_MS 100

static const char *forwarder[] = {"192.0.2.53"};

static void
over_a_forwarder(void)
{
	world_config.resolvers.n = 1;
	world_config.resolvers.item = forwarder;
}

/* --- what the DNS says, one round trip late ------------------------------ */

static void
say(enum script_to to, const char *name, enum dns_type type,
    enum fact_status status, const char *records)
{
	script_dns((struct script_dns){.to = to,
	    .name = name,
	    .type = type,
	    .status = status,
	    .answer = status == FACT_FAILED ? ANSWER_EMPTY
		: records != NULL           ? ANSWER_RECORDS
					    : ANSWER_NODATA,
	    .why = status == FACT_BOGUS ? "signature missing"
		: status == FACT_FAILED ? "SERVFAIL"
					: NULL,
	    .records = records,
	    .delay_ms = RTT_MS});
}

static void
never(enum script_to to, const char *name, enum dns_type type)
{
	script_dns((struct script_dns){.to = to,
	    .name = name,
	    .type = type,
	    .delay_ms = SCRIPT_NEVER});
}

static void
signed_zone(const char *zone)
{
	say(SCRIPT_BOTH, zone, DNS_DS, FACT_SECURE, "1 13 2");
	say(SCRIPT_BOTH, zone, DNS_DNSKEY, FACT_SECURE, "257 3 13");
}

static void
unsigned_zone(void)
{
	say(SCRIPT_BOTH, DOMAIN, DNS_DS, FACT_SECURE, NULL);
}

static void
txt_is(enum fact_status status, const char *record)
{
	say(SCRIPT_BOTH, TXT, DNS_TXT, status, record);
}

static void
policy_host(const char *body)
{
	say(SCRIPT_BOTH, HOST, DNS_A, FACT_INSECURE, "192.0.2.80");
	say(SCRIPT_BOTH, HOST, DNS_AAAA, FACT_INSECURE, NULL);
	if (body != NULL)
		script_policy(DOMAIN, body, 0);
}

static void
delivery(const char *host, enum fact_status status)
{
	static char mx[64], tlsa[64];

	(void)snprintf(mx, sizeof(mx), "10 %s", host);
	(void)snprintf(tlsa, sizeof(tlsa), "_25._tcp.%s", host);
	say(SCRIPT_BOTH, DOMAIN, DNS_MX, status, mx);
	say(SCRIPT_BOTH, host, DNS_A, status, "192.0.2.25");
	say(SCRIPT_BOTH, host, DNS_AAAA, status, NULL);
	say(SCRIPT_BOTH, tlsa, DNS_TLSA, status, "3 1 1");
}

#define RECORD "v=STSv1; id=1;"

/* At most so many ms beside the round trips. */
#define SLACK_MS 40

static void
check_cost(const struct asker *a, unsigned round_trips, unsigned questions)
{
	if (a->at_ms <= round_trips * RTT_MS + SLACK_MS &&
	    script_dns_total() == questions)
		return;
	(void)fprintf(stderr, "%u ms, %u questions: %s\n", (unsigned)a->at_ms,
	    script_dns_total(), script_asked());
	exit(1);
}

static void
check_asked(const char *want)
{
	if (strcmp(script_asked(), want) == 0)
		return;
	(void)fprintf(stderr, "want %s\nhave %s\n", want, script_asked());
	exit(1);
}

/* --- the schedule over a forwarder --------------------------------------- */

static void
T_01_unsigned_without_policy_takes_one_round_trip(void)
{
	struct asker a;

	over_a_forwarder();
	unsigned_zone();
	txt_is(FACT_INSECURE, NULL);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_NO_POLICY);
	check_asked("U " TXT " TXT, " DOMAIN " DS");
	check_cost(&a, 1, 2);
	world_stop();
}

/* A denial of DS alone may be that of a name inside a signed zone. */
static void
T_12_signed_without_policy_takes_two_round_trips(void)
{
	struct asker a;

	over_a_forwarder();
	signed_zone(DOMAIN);
	txt_is(FACT_SECURE, NULL);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_NO_POLICY);
	check_asked(
	    "U " TXT " TXT, " DOMAIN " DS, " DOMAIN " DNSKEY, " TXT " TXT");
	check_cost(&a, 2, 4);
	world_stop();
}

static void
T_12_below_an_unsigned_or_missing_name_nothing_is_to_be_proven(void)
{
	static const struct script_dns ways[] = {
	    {.status = FACT_INSECURE, .answer = ANSWER_NODATA  },
	    {.status = FACT_INSECURE, .answer = ANSWER_NXDOMAIN},
	    {.status = FACT_SECURE,   .answer = ANSWER_NXDOMAIN},
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct script_dns ds = ways[i];
		struct asker a;

		world_reset();
		over_a_forwarder();
		ds.name = DOMAIN;
		ds.type = DNS_DS;
		ds.delay_ms = RTT_MS;
		script_dns(ds);
		txt_is(FACT_INSECURE, NULL);
		world_start();
		a = asked(DOMAIN);
		CHECK_VERDICT(a, VERDICT_PASS, REASON_NO_POLICY);
		check_cost(&a, 1, 2);
		world_stop();
	}
}

static void
D_05_unsigned_with_a_policy_takes_two_round_trips(void)
{
	struct asker a;

	over_a_forwarder();
	unsigned_zone();
	txt_is(FACT_INSECURE, RECORD);
	policy_host(BINDING);
	delivery("mx.example.org", FACT_INSECURE);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	check_asked("U " TXT " TXT, " DOMAIN " DS, U " HOST " A, U " HOST
		    " AAAA, " DOMAIN " MX");
	check_cost(&a, 2, 5);
	world_stop();
}

static void
D_02_bound_takes_three_round_trips(void)
{
	struct asker a;

	over_a_forwarder();
	signed_zone(DOMAIN);
	txt_is(FACT_SECURE, RECORD);
	policy_host(BINDING);
	delivery("mx.example.org", FACT_SECURE);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_SECURE);
	check_asked("U " TXT " TXT, " DOMAIN " DS, U " HOST " A, U " HOST
		    " AAAA, " DOMAIN " DNSKEY, " DOMAIN " MX, "
		    "mx.example.org A, mx.example.org AAAA, "
		    "_25._tcp.mx.example.org TLSA");
	check_cost(&a, 3, 9);
	world_stop();
}

static void
D_02_host_in_another_zone_takes_three_round_trips(void)
{
	struct asker a;

	over_a_forwarder();
	signed_zone(DOMAIN);
	signed_zone("example.net");
	txt_is(FACT_SECURE, RECORD);
	policy_host(BINDING);
	delivery("mx.example.net", FACT_SECURE);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_SECURE);
	CHECK(script_dns_count("example.net", DNS_DS) == 1);
	CHECK(script_dns_count("example.net", DNS_DNSKEY) == 1);
	check_cost(&a, 3, 11);
	world_stop();
}

/* The keys of a few zones, and of each once. */
static void
keys_ahead_are_bounded(void)
{
	over_a_forwarder();
	signed_zone(DOMAIN);
	txt_is(FACT_SECURE, RECORD);
	policy_host(BINDING);
	say(SCRIPT_BOTH, DOMAIN, DNS_MX, FACT_SECURE,
	    "1 a.z1.net, 2 b.z1.net, 3 a.z2.net, 4 a.z3.net, 5 a.z4.net, "
	    "6 a.z5.net, 7 single, 8 mx.example.org");
	world_start();
	(void)asked(DOMAIN);
	CHECK(script_dns_count("z1.net", DNS_DS) == 1);
	CHECK(script_dns_count("z5.net", DNS_DS) +
		script_dns_count("single", DNS_DS) ==
	    0);
	CHECK(script_dns_count("example.org", DNS_DS) == 1);
	CHECK(script_dns_count("a.z5.net", DNS_A) == 1);
	CHECK(script_dns_count("single", DNS_A) == 1);
	CHECK(script_dns_count("b.z1.net", DNS_A) == 1);
	world_stop();
}

/* Pins and stored policies do not wait for the TXT. */
static void
stored_policy_begins_with_the_keys_at_once(void)
{
	struct asker a;

	over_a_forwarder();
	script_stored(DOMAIN, "1", BINDING, 100);
	signed_zone(DOMAIN);
	txt_is(FACT_SECURE, RECORD);
	delivery("mx.example.org", FACT_SECURE);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_SECURE);
	check_cost(&a, 2, 7);
	world_stop();
}

/* Under attack the answer to DS may never come. */
static void
T_12_mx_is_not_held_back_for_a_silent_ds(void)
{
	struct asker a;

	over_a_forwarder();
	never(SCRIPT_BOTH, DOMAIN, DNS_DS);
	txt_is(FACT_SECURE, RECORD);
	policy_host(BINDING);
	delivery("mx.example.org", FACT_BOGUS);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_BOGUS);
	CHECK(a.at_ms <= 2 * RTT_MS + SLACK_MS);
	world_stop();
}

/* --- the schedule in recursion ------------------------------------------- */

/* The referral brings the DS: no question for it. Nor is a second resolver to
 * find the way to the domain's servers. */
static void
T_01_recursion_asks_once_for_a_domain_without_policy(void)
{
	static const enum fact_status statuses[] = {FACT_SECURE, FACT_INSECURE};

	for (size_t i = 0; i < 2; i++) {
		struct asker a;

		world_reset();
		txt_is(statuses[i], NULL);
		world_start();
		a = asked(DOMAIN);
		CHECK_VERDICT(a, VERDICT_PASS, REASON_NO_POLICY);
		check_asked(TXT " TXT");
		check_cost(&a, 1, 1);
		world_stop();
	}
}

static void
recursion_finds_a_policy_with_one_resolver(void)
{
	struct asker a;

	txt_is(FACT_INSECURE, RECORD);
	policy_host(BINDING);
	delivery("mx.example.org", FACT_INSECURE);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	check_asked(TXT " TXT, " HOST " A, " HOST " AAAA, " DOMAIN " MX");
	check_cost(&a, 2, 4);
	world_stop();
}

/* An attacker can make validation silent. */
static void
T_11_F_14_recursion_asks_beside_a_validator_that_is_silent(void)
{
	struct asker a;

	never(SCRIPT_VALIDATING, TXT, DNS_TXT);
	say(SCRIPT_UNVALIDATED, TXT, DNS_TXT, FACT_INSECURE, RECORD);
	policy_host(BINDING);
	never(SCRIPT_VALIDATING, HOST, DNS_A);
	never(SCRIPT_VALIDATING, HOST, DNS_AAAA);
	delivery("mx.example.org", FACT_BOGUS);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_BOGUS);
	CHECK(a.at_ms <= 2 * (250 + RTT_MS) + SLACK_MS);
	world_stop();
}

/* What is bogus may have been forged for validators alone. */
static void
T_11_recursion_asks_beside_a_bogus_denial(void)
{
	struct asker a;

	say(SCRIPT_VALIDATING, TXT, DNS_TXT, FACT_BOGUS, NULL);
	say(SCRIPT_UNVALIDATED, TXT, DNS_TXT, FACT_INSECURE, RECORD);
	policy_host(NOT_BINDING);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_NO_DNSSEC_FLAG);
	CHECK(a.at_ms <= 3 * RTT_MS + SLACK_MS);
	world_stop();
}

/* --- attacks ------------------------------------------------------------- */

/* Each way to suppress the TXT, with the DNSSEC of the zone broken by each way
 * to break it: the policy is fetched all the same, and binds. */
static void
T_12_no_attack_on_the_dns_ends_discovery(void)
{
	static const struct {
		enum fact_status status; /* UNASKED: never answered */
		const char *record;
	} txts[] = {
	    {FACT_BOGUS,   NULL  },
	    {FACT_BOGUS,   RECORD},
	    {FACT_FAILED,  NULL  },
	    {FACT_UNASKED, NULL  },
	};
	static const enum fact_status chains[] = {FACT_BOGUS, FACT_FAILED,
	    FACT_UNASKED, FACT_SECURE};

	for (unsigned i = 0; i < 4 * 4 * 2; i++) {
		enum fact_status chain = chains[i / 4 % 4];
		struct asker a;

		world_reset();
		if (i < 16)
			over_a_forwarder();
		txt_is(txts[i % 4].status, txts[i % 4].record);
		if (txts[i % 4].status == FACT_UNASKED)
			never(SCRIPT_BOTH, TXT, DNS_TXT);
		signed_zone(DOMAIN);
		say(SCRIPT_BOTH, DOMAIN, DNS_DS, chain,
		    chain == FACT_SECURE ? "1 13 2" : NULL);
		if (chain == FACT_UNASKED)
			never(SCRIPT_BOTH, DOMAIN, DNS_DS);
		policy_host(BINDING);
		delivery("mx.example.org", FACT_BOGUS);
		world_start();
		a = asked(DOMAIN);
		CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_BOGUS);
		CHECK(a.from == POLICY_FROM_FETCH);
		CHECK(a.at_ms <= 1000 + 3 * RTT_MS + SLACK_MS);
		world_stop();
	}
}

/* A forwarder that validates: SERVFAIL for what it finds bogus. */
static void
T_11_F_14_a_validating_forwarder_hides_neither_txt_nor_address(void)
{
	struct asker a;

	over_a_forwarder();
	signed_zone(DOMAIN);
	say(SCRIPT_UNVALIDATED, TXT, DNS_TXT, FACT_FAILED, NULL);
	say(SCRIPT_VALIDATING, TXT, DNS_TXT, FACT_BOGUS, RECORD);
	say(SCRIPT_UNVALIDATED, HOST, DNS_A, FACT_FAILED, NULL);
	say(SCRIPT_VALIDATING, HOST, DNS_A, FACT_BOGUS, "192.0.2.80");
	say(SCRIPT_UNVALIDATED, HOST, DNS_AAAA, FACT_FAILED, NULL);
	say(SCRIPT_VALIDATING, HOST, DNS_AAAA, FACT_BOGUS, NULL);
	script_policy(DOMAIN, BINDING, 0);
	delivery("mx.example.org", FACT_BOGUS);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_BOGUS);
	CHECK(script_fetch_count(DOMAIN) == 1);
	world_stop();
}

/* One family is enough, after a moment. */
static void
F_14_a_suppressed_family_does_not_hold_the_fetch(void)
{
	struct asker a;

	over_a_forwarder();
	unsigned_zone();
	txt_is(FACT_INSECURE, RECORD);
	policy_host(BINDING);
	never(SCRIPT_BOTH, HOST, DNS_AAAA);
	delivery("mx.example.org", FACT_INSECURE);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(a.at_ms <= 3 * RTT_MS + SLACK_MS);
	world_stop();
}

static void
K9_C_10_a_bogus_zone_without_policy_host_passes(void)
{
	struct asker a;

	over_a_forwarder();
	signed_zone(DOMAIN);
	txt_is(FACT_BOGUS, NULL);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_DISCOVERY_BOGUS);
	CHECK(a.at_ms < 1000);
	CHECK(script_dns_count(HOST, DNS_A) == 1);
	CHECK(script_dns_count(DOMAIN, DNS_MX) == 0);
	/* and is not asked for it again during the back-off */
	fake_run(10000);
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_DISCOVERY_BOGUS);
	CHECK(!a.cached);
	CHECK(script_dns_count(HOST, DNS_A) == 1);
	world_stop();
}

/* The proof is waited for only where it makes a difference. */
static void
K9_C_10_a_zone_whose_keys_never_come_passes_after_the_fetch(void)
{
	struct asker a;

	over_a_forwarder();
	signed_zone(DOMAIN);
	never(SCRIPT_BOTH, DOMAIN, DNS_DNSKEY);
	txt_is(FACT_INSECURE, NULL);
	never(SCRIPT_VALIDATING, TXT, DNS_TXT);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_DISCOVERY_FAILED);
	CHECK(a.at_ms <= 1000 + RTT_MS + SLACK_MS);
	CHECK(script_dns_count(HOST, DNS_A) == 1);
	/* nor after the next second, when no fetch is tried */
	fake_run(10000);
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_DISCOVERY_FAILED);
	CHECK(a.at_ms <= 1000 + SLACK_MS);
	CHECK(script_dns_count(HOST, DNS_A) == 1);
	world_stop();

	world_reset();
	over_a_forwarder();
	world_config.rules.on_discovery_failure = RULE_TEMPFAIL;
	signed_zone(DOMAIN);
	never(SCRIPT_BOTH, DOMAIN, DNS_DNSKEY);
	txt_is(FACT_INSECURE, NULL);
	never(SCRIPT_VALIDATING, TXT, DNS_TXT);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_DEADLINE);
	world_stop();
}

static void
K9_C_10_options_defer_what_is_not_proven(void)
{
	struct asker a;

	over_a_forwarder();
	world_config.rules.on_bogus_discovery = RULE_TEMPFAIL;
	signed_zone(DOMAIN);
	txt_is(FACT_BOGUS, NULL);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_DISCOVERY_BOGUS);
	world_stop();

	world_reset();
	over_a_forwarder();
	world_config.rules.on_discovery_failure = RULE_TEMPFAIL;
	signed_zone(DOMAIN);
	never(SCRIPT_BOTH, TXT, DNS_TXT);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_DEADLINE);
	world_stop();
}

/* What comes after the second still counts. */
static void
T_12_a_late_txt_names_a_policy_yet(void)
{
	struct asker a;

	over_a_forwarder();
	unsigned_zone();
	txt_is(FACT_INSECURE, RECORD);
	script_dns((struct script_dns){.name = TXT,
	    .type = DNS_TXT,
	    .status = FACT_INSECURE,
	    .answer = ANSWER_RECORDS,
	    .records = RECORD,
	    .delay_ms = 2000});
	script_policy_fails(DOMAIN, FETCH_FAILURE_CONNECT, "refused");
	world_start();
	ask_domain(&a, DOMAIN, 4000);
	fake_run(1500); /* the policy host had no address then */
	CHECK(a.completions == 0);
	CHECK(script_fetch_count(DOMAIN) == 0);
	policy_host(BINDING);
	delivery("mx.example.org", FACT_INSECURE);
	fake_run(2500);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(script_fetch_count(DOMAIN) == 1);
	world_stop();
}

static void
T_12_a_late_proof_ends_discovery(void)
{
	struct asker a;

	over_a_forwarder();
	world_config.rules.on_discovery_failure = RULE_TEMPFAIL;
	signed_zone(DOMAIN);
	txt_is(FACT_SECURE, NULL);
	script_dns((struct script_dns){.to = SCRIPT_VALIDATING,
	    .name = TXT,
	    .type = DNS_TXT,
	    .status = FACT_SECURE,
	    .answer = ANSWER_NODATA,
	    .delay_ms = 2000});
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_NO_POLICY);
	CHECK(a.at_ms >= 2000);
	world_stop();
}

/* The id is not known: the next TXT makes a refetch. */
static void
T_12_a_policy_without_txt_is_stored_and_fetched_again(void)
{
	struct asker a;

	over_a_forwarder();
	signed_zone(DOMAIN);
	txt_is(FACT_BOGUS, NULL);
	policy_host(BINDING);
	delivery("mx.example.org", FACT_BOGUS);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_BOGUS);
	CHECK(strcmp(script_stored_id(DOMAIN), "") == 0);
	txt_is(FACT_SECURE, RECORD);
	fake_run(300000);
	(void)asked(DOMAIN);
	CHECK(script_fetch_count(DOMAIN) == 2);
	CHECK(strcmp(script_stored_id(DOMAIN), "1") == 0);
	world_stop();
}

/* No denial is ever proven then; but a TXT that is there counts. */
static void
T_12_no_fetch_without_txt_while_our_own_path_is_broken(void)
{
	struct asker a;

	over_a_forwarder();
	say(SCRIPT_BOTH, ".", DNS_DNSKEY, FACT_BOGUS, NULL);
	say(SCRIPT_BOTH, DOMAIN, DNS_DS, FACT_BOGUS, NULL);
	txt_is(FACT_BOGUS, NULL);
	policy_host(BINDING);
	delivery("mx.example.org", FACT_BOGUS);
	world_start();
	fake_run(RTT_MS);
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_DISCOVERY_BOGUS);
	CHECK(script_dns_count(HOST, DNS_A) == 0);
	txt_is(FACT_BOGUS, RECORD);
	fake_run(10000);
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_RESOLVER_BROKEN);
	CHECK(script_fetch_count(DOMAIN) == 1);
	world_stop();
}

/* --- T-13 ---------------------------------------------------------------- */

/* In recursion the validating resolver keeps what is unsigned for as long as it
 * claims to live: its cache counts for nothing there. */
static void
T_13_an_unsigned_answer_counts_for_the_limit_at_most(void)
{
	static const char *const records[] = {NULL, "v=STSv1; id=old;"};
	struct asker a;

	for (size_t i = 0; i < 2; i++) {
		world_reset();
		script_stored(DOMAIN, "old", NOT_BINDING, 100);
		script_dns((struct script_dns){.to = SCRIPT_VALIDATING,
		    .name = TXT,
		    .type = DNS_TXT,
		    .status = FACT_INSECURE,
		    .answer =
			records[i] != NULL ? ANSWER_RECORDS : ANSWER_NODATA,
		    .records = records[i],
		    .cached = true,
		    .ttl_s = 604800});
		say(SCRIPT_UNVALIDATED, TXT, DNS_TXT, FACT_INSECURE, RECORD);
		script_dns((struct script_dns){.to = SCRIPT_VALIDATING,
		    .name = HOST,
		    .type = DNS_A,
		    .status = FACT_INSECURE,
		    .answer = ANSWER_NXDOMAIN,
		    .cached = true,
		    .ttl_s = 604800});
		say(SCRIPT_UNVALIDATED, HOST, DNS_A, FACT_INSECURE,
		    "192.0.2.80");
		script_policy(DOMAIN, BINDING, 0);
		delivery("mx.example.org", FACT_INSECURE);
		world_start();
		a = asked(DOMAIN);
		CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
		world_stop();
	}

	world_reset();
	world_config.verdict_ttl_max_ms = 86400000;
	world_config.discovery_ttl_max_ms = 60000;
	script_dns((struct script_dns){.name = TXT,
	    .type = DNS_TXT,
	    .status = FACT_INSECURE,
	    .answer = ANSWER_NODATA,
	    .ttl_s = 604800});
	world_start();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_PASS, REASON_NO_POLICY);
	fake_run(20000);
	CHECK(asked(DOMAIN).cached);
	fake_run(41000);
	CHECK(!asked(DOMAIN).cached);
	world_stop();
}

/* Both in the resolver without a cache. */
static void
T_13_refreshes_and_second_tries_go_past_every_cache(void)
{
	world_config.verdict_ttl_max_ms = 60000;
	script_stored(DOMAIN, "1", BINDING, 100);
	txt_is(FACT_INSECURE, RECORD);
	policy_host(BINDING);
	delivery("mx.example.org", FACT_INSECURE);
	world_start();
	refresh_domain(DOMAIN);
	CHECK(script_fetch_count(DOMAIN) == 1);
	CHECK(script_fresh_count(TXT, DNS_TXT) == 1);
	CHECK(script_fresh_count(HOST, DNS_A) == 1);
	CHECK(script_fresh_count(HOST, DNS_AAAA) == 1);
	world_stop();

	world_reset();
	txt_is(FACT_INSECURE, RECORD);
	policy_host(NULL);
	world_start();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_PASS, REASON_DISCOVERY_FAILED);
	CHECK(script_fresh_count(HOST, DNS_A) == 0);
	fake_run(300000);
	CHECK_VERDICT(asked(DOMAIN), VERDICT_PASS, REASON_DISCOVERY_FAILED);
	CHECK(script_fetch_count(DOMAIN) == 2);
	CHECK(script_fresh_count(HOST, DNS_A) == 1);
	world_stop();
}

/* --- what the answers do not prove --------------------------------------- */

/* The names below an alias are in the zone of the alias, not where it leads
 * to: its DS says nothing about them. */
static void
T_12_an_alias_into_an_unsigned_zone_proves_nothing(void)
{
	static const struct script_dns ways[] = {
	    {.status = FACT_INSECURE, .answer = ANSWER_NODATA  },
	    {.status = FACT_SECURE,   .answer = ANSWER_NODATA  },
	    {.status = FACT_SECURE,   .answer = ANSWER_NXDOMAIN},
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct script_dns ds = ways[i];
		struct asker a;

		world_reset();
		over_a_forwarder();
		ds.name = DOMAIN;
		ds.type = DNS_DS;
		ds.alias = "host.example.net";
		ds.delay_ms = RTT_MS;
		script_dns(ds);
		txt_is(FACT_BOGUS, NULL);
		policy_host(BINDING);
		delivery("mx.example.org", FACT_BOGUS);
		world_start();
		a = asked(DOMAIN);
		CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_BOGUS);
		world_stop();
	}
}

/* D-07: neither secure nor insecure. */
static void
T_12_an_indeterminate_denial_proves_nothing(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct asker a;

		world_reset();
		if (i == 1)
			over_a_forwarder();
		say(SCRIPT_BOTH, DOMAIN, DNS_DS, FACT_INDETERMINATE, NULL);
		txt_is(FACT_INDETERMINATE, NULL);
		policy_host(BINDING);
		delivery("mx.example.org", FACT_INSECURE);
		world_start();
		a = asked(DOMAIN);
		CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
		world_stop();
	}
}

/* As in a resolver over TLS, whose bogus answers have no records. */
static void
F_14_recursion_asks_beside_a_bogus_address_without_records(void)
{
	struct asker a;

	txt_is(FACT_INSECURE, RECORD);
	say(SCRIPT_VALIDATING, HOST, DNS_A, FACT_BOGUS, NULL);
	say(SCRIPT_UNVALIDATED, HOST, DNS_A, FACT_BOGUS, "192.0.2.80");
	say(SCRIPT_BOTH, HOST, DNS_AAAA, FACT_BOGUS, NULL);
	script_policy(DOMAIN, BINDING, 0);
	delivery("mx.example.org", FACT_INSECURE);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(a.from == POLICY_FROM_FETCH);
	world_stop();
}

/* The evidence must not say that a forged record is secure. */
static void
T_11_a_secure_denial_does_not_vouch_for_a_forged_record(void)
{
	struct asker a;

	say(SCRIPT_UNVALIDATED, TXT, DNS_TXT, FACT_INSECURE, RECORD);
	script_dns((struct script_dns){.to = SCRIPT_VALIDATING,
	    .name = TXT,
	    .type = DNS_TXT,
	    .status = FACT_SECURE,
	    .answer = ANSWER_NODATA,
	    .delay_ms = 1000});
	policy_host(BINDING);
	script_policy(DOMAIN, BINDING, 1500);
	delivery("mx.example.org", FACT_INSECURE);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(a.txt == FACT_INDETERMINATE);
	world_stop();
}

/* --- who waits ----------------------------------------------------------- */

/* Neither a stored policy nor a broken path of our own makes a fetch without
 * TXT: nothing can come of waiting for the proof. */
static void
K9_S_03_a_proof_that_changes_nothing_is_not_waited_for(void)
{
	for (unsigned i = 0; i < 2; i++) {
		struct asker a;

		world_reset();
		over_a_forwarder();
		if (i == 0)
			say(SCRIPT_BOTH, ".", DNS_DNSKEY, FACT_BOGUS, NULL);
		else
			script_stored(DOMAIN, "1", NOT_BINDING, 100);
		never(SCRIPT_BOTH, DOMAIN, DNS_DS);
		txt_is(FACT_INSECURE, NULL);
		never(SCRIPT_VALIDATING, TXT, DNS_TXT);
		world_start();
		fake_run(RTT_MS);
		a = asked(DOMAIN);
		CHECK_VERDICT(a, VERDICT_PASS,
		    i == 0 ? REASON_DISCOVERY_FAILED : REASON_NO_DNSSEC_FLAG);
		if (a.at_ms > 1000 + SLACK_MS)
			(void)fprintf(stderr, "%u: %u ms\n", i,
			    (unsigned)a.at_ms);
		CHECK(a.at_ms <= 1000 + SLACK_MS);
		world_stop();
	}
}

/* --- what costs a fetch --------------------------------------------------- */

/* One without TXT during the back-off, whatever failed before. */
static void
T_12_F_12_a_txt_that_comes_and_goes_makes_no_fetch_each_time(void)
{
	over_a_forwarder();
	signed_zone(DOMAIN);
	policy_host(NULL);
	world_config.verdict_ttl_max_ms = 5000;
	txt_is(FACT_BOGUS, RECORD);
	world_start();
	for (unsigned i = 0; i < 10; i++) {
		txt_is(FACT_BOGUS, i % 2 == 0 ? RECORD : NULL);
		(void)asked(DOMAIN);
		fake_run(10000);
	}
	if (script_fetch_count(DOMAIN) > 2)
		(void)fprintf(stderr, "%u\n", script_fetch_count(DOMAIN));
	CHECK(script_fetch_count(DOMAIN) <= 2);
	world_stop();
}

/* --- a rejection while the policy is fetched ------------------------------ */

/* The TXT that made the fetch was an old one. */
static void
A_02_a_fetch_under_way_ends_before_the_recheck(void)
{
	struct asker a, tls;

	world_config.rules.action = RULE_ACTION_REJECT;
	script_stored(DOMAIN, "1", BINDING, 100);
	say(SCRIPT_UNVALIDATED, TXT, DNS_TXT, FACT_INSECURE, "v=STSv1; id=2;");
	script_dns((struct script_dns){.to = SCRIPT_VALIDATING,
	    .name = TXT,
	    .type = DNS_TXT,
	    .status = FACT_SECURE,
	    .answer = ANSWER_RECORDS,
	    .records = RECORD,
	    .delay_ms = 1000});
	policy_host(BINDING);
	script_policy(DOMAIN, BINDING, 1500);
	delivery("mx.example.org", FACT_INSECURE);
	world_start();
	ask_domain(&a, DOMAIN, 6000);
	ask_tls(&tls, DOMAIN, 6000);
	fake_run(1900);
	CHECK(script_fetch_count(DOMAIN) == 1);
	fake_run(10000);
	CHECK_VERDICT(a, VERDICT_REJECT, REASON_MX_INSECURE);
	CHECK(tls.completions == 1);
	world_stop();
}

/* A host without IPv6, and one lost packet: nothing is reached before the other
 * family comes. */
static void
F_14_a_late_family_is_tried_when_the_first_was_in_vain(void)
{
	static const enum fact_status second[] = {FACT_INSECURE, FACT_FAILED};

	for (size_t i = 0; i < 2; i++) {
		struct asker a;

		world_reset();
		over_a_forwarder();
		unsigned_zone();
		txt_is(FACT_INSECURE, RECORD);
		say(SCRIPT_BOTH, HOST, DNS_AAAA, FACT_INSECURE, "2001:db8::80");
		script_dns((struct script_dns){.name = HOST,
		    .type = DNS_A,
		    .status = second[i],
		    .answer = i == 0 ? ANSWER_RECORDS : ANSWER_EMPTY,
		    .records = i == 0 ? "192.0.2.80" : NULL,
		    .delay_ms = 6 * RTT_MS});
		script_policy_fails(DOMAIN, FETCH_FAILURE_CONNECT,
		    "unreachable");
		delivery("mx.example.org", FACT_INSECURE);
		world_start();
		ask_domain(&a, DOMAIN, 4000);
		fake_run(4 * RTT_MS);
		CHECK(script_fetch_count(DOMAIN) == 1);
		CHECK(a.completions == 0);
		script_policy(DOMAIN, BINDING, 0);
		fake_run(4000);
		if (i == 0)
			CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
		else
			CHECK_VERDICT(a, VERDICT_PASS, REASON_DISCOVERY_FAILED);
		CHECK(script_fetch_count(DOMAIN) == 2 - i);
		CHECK(i == 0 || strcmp(a.why, "unreachable") == 0);
		world_stop();
	}
}

/* It comes while the first is tried. */
static void
F_14_a_family_that_comes_during_the_fetch_is_tried_next(void)
{
	struct asker a;

	over_a_forwarder();
	unsigned_zone();
	txt_is(FACT_INSECURE, RECORD);
	policy_host(BINDING);
	script_dns((struct script_dns){.name = HOST,
	    .type = DNS_AAAA,
	    .status = FACT_INSECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "2001:db8::80",
	    .delay_ms = 4 * RTT_MS});
	script_policy(DOMAIN, "", 10 * RTT_MS);
	script_policy_fails(DOMAIN, FETCH_FAILURE_CERTIFICATE, "expired");
	delivery("mx.example.org", FACT_INSECURE);
	world_start();
	ask_domain(&a, DOMAIN, 4000);
	fake_run(14 * RTT_MS);
	CHECK(script_fetch_count(DOMAIN) == 2);
	script_policy(DOMAIN, BINDING, 0);
	fake_run(4000);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	world_stop();
}

/* In recursion the other resolver is asked for it then. */
static void
F_14_recursion_asks_beside_for_a_late_family(void)
{
	struct asker a;

	txt_is(FACT_INSECURE, RECORD);
	say(SCRIPT_BOTH, HOST, DNS_AAAA, FACT_INSECURE, "2001:db8::80");
	never(SCRIPT_VALIDATING, HOST, DNS_A);
	say(SCRIPT_UNVALIDATED, HOST, DNS_A, FACT_INSECURE, "192.0.2.80");
	script_policy_fails(DOMAIN, FETCH_FAILURE_CONNECT, "unreachable");
	delivery("mx.example.org", FACT_INSECURE);
	world_start();
	ask_domain(&a, DOMAIN, 4000);
	fake_run(3 * RTT_MS + SLACK_MS);
	CHECK(script_fetch_count(DOMAIN) == 1);
	script_policy(DOMAIN, BINDING, 0);
	fake_run(4000);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	world_stop();
}

/* In recursion libunbound follows a forged alias out of its cache for as long
 * as it claims to live, while what it leads to comes from the network. */
static void
T_13_an_unsigned_alias_counts_only_beside_the_other_resolver(void)
{
	static const char *const records[] = {NULL, "v=STSv1; id=old;"};

	for (size_t i = 0; i < 2; i++) {
		struct asker a;

		world_reset();
		script_stored(DOMAIN, "old", NOT_BINDING, 100);
		script_dns((struct script_dns){.to = SCRIPT_VALIDATING,
		    .name = TXT,
		    .type = DNS_TXT,
		    .status = FACT_INSECURE,
		    .answer =
			records[i] != NULL ? ANSWER_RECORDS : ANSWER_NXDOMAIN,
		    .records = records[i],
		    .alias = "gone.example.org",
		    .delay_ms = RTT_MS});
		say(SCRIPT_UNVALIDATED, TXT, DNS_TXT, FACT_INSECURE, RECORD);
		policy_host(BINDING);
		delivery("mx.example.org", FACT_INSECURE);
		world_start();
		a = asked(DOMAIN);
		CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
		world_stop();
	}
}

const struct scenario discovery_scenarios[] = {
  /* clang-format off */
    SCENARIO(T_01_unsigned_without_policy_takes_one_round_trip),
    SCENARIO(T_12_signed_without_policy_takes_two_round_trips),
    SCENARIO(T_12_below_an_unsigned_or_missing_name_nothing_is_to_be_proven),
    SCENARIO(D_05_unsigned_with_a_policy_takes_two_round_trips),
    SCENARIO(D_02_bound_takes_three_round_trips),
    SCENARIO(D_02_host_in_another_zone_takes_three_round_trips),
    SCENARIO(keys_ahead_are_bounded),
    SCENARIO(stored_policy_begins_with_the_keys_at_once),
    SCENARIO(T_12_mx_is_not_held_back_for_a_silent_ds),
    SCENARIO(T_01_recursion_asks_once_for_a_domain_without_policy),
    SCENARIO(recursion_finds_a_policy_with_one_resolver),
    SCENARIO(T_11_F_14_recursion_asks_beside_a_validator_that_is_silent),
    SCENARIO(T_11_recursion_asks_beside_a_bogus_denial),
    SCENARIO(T_12_no_attack_on_the_dns_ends_discovery),
    SCENARIO(T_11_F_14_a_validating_forwarder_hides_neither_txt_nor_address),
    SCENARIO(F_14_a_suppressed_family_does_not_hold_the_fetch),
    SCENARIO(K9_C_10_a_bogus_zone_without_policy_host_passes),
    SCENARIO(K9_C_10_options_defer_what_is_not_proven),
    SCENARIO(K9_C_10_a_zone_whose_keys_never_come_passes_after_the_fetch),
    SCENARIO(T_12_a_late_txt_names_a_policy_yet),
    SCENARIO(T_12_a_late_proof_ends_discovery),
    SCENARIO(T_12_a_policy_without_txt_is_stored_and_fetched_again),
    SCENARIO(T_12_no_fetch_without_txt_while_our_own_path_is_broken),
    SCENARIO(T_13_an_unsigned_answer_counts_for_the_limit_at_most),
    SCENARIO(T_13_refreshes_and_second_tries_go_past_every_cache),
    SCENARIO(T_12_an_alias_into_an_unsigned_zone_proves_nothing),
    SCENARIO(T_12_an_indeterminate_denial_proves_nothing),
    SCENARIO(F_14_recursion_asks_beside_a_bogus_address_without_records),
    SCENARIO(T_11_a_secure_denial_does_not_vouch_for_a_forged_record),
    SCENARIO(K9_S_03_a_proof_that_changes_nothing_is_not_waited_for),
    SCENARIO(T_12_F_12_a_txt_that_comes_and_goes_makes_no_fetch_each_time),
    SCENARIO(A_02_a_fetch_under_way_ends_before_the_recheck),
    SCENARIO(F_14_a_late_family_is_tried_when_the_first_was_in_vain),
    SCENARIO(F_14_a_family_that_comes_during_the_fetch_is_tried_next),
    SCENARIO(F_14_recursion_asks_beside_for_a_late_family),
    SCENARIO(T_13_an_unsigned_alias_counts_only_beside_the_other_resolver),
    {NULL, NULL},
  /* clang-format on */
};
