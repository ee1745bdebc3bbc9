/* Scenarios of the policy track: discovery, fetch, store. */
#include "autoconf.h"

#include <string.h>

#include "base/err.h"
#include "world.h"

static void
D_01_policy_without_flag_waits_for_no_mx(void)
{
	struct asker a;

	script_txt("example.org", "1");
	script_policy("example.org", NOT_BINDING, 10);
	script_dns((struct script_dns){.name = "example.org",
	    .type = DNS_MX,
	    .delay_ms = SCRIPT_NEVER});
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_PASS, REASON_NO_DNSSEC_FLAG);
	CHECK(a.at_ms < 4000);
	world_stop();
}

static void
secure_waits_for_no_policy(void)
{
	struct asker a;

	script_txt("example.org", "1");
	script_policy("example.org", BINDING, SCRIPT_NEVER);
	script_delivery("example.org", "mx.example.org", true);
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_PASS, REASON_SECURE);
	CHECK(a.at_ms < 4000);
	CHECK(!a.policy_known);
	world_stop();
}

static void
C_01_stored_policy_binds_without_txt(void)
{
	struct asker a;

	script_stored("example.org", "1", BINDING, 100);
	script_dns((struct script_dns){.name = "_mta-sts.example.org",
	    .type = DNS_TXT,
	    .status = FACT_FAILED,
	    .why = "timeout"});
	script_dns((struct script_dns){.name = "example.org",
	    .type = DNS_MX,
	    .status = FACT_INSECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "10 mx.example.org"});
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(a.from == POLICY_FROM_CACHE);
	world_stop();
}

static void
stored_binding_policy_starts_mx_beside_txt(void)
{
	struct asker a;

	script_stored("example.org", "1", BINDING, 100);
	script_txt("example.org", "1");
	script_dns((struct script_dns){.name = "_mta-sts.example.org",
	    .type = DNS_TXT,
	    .delay_ms = SCRIPT_NEVER});
	script_delivery("example.org", "mx.example.org", false);
	world_start();
	ask_domain(&a, "example.org", 4000);
	fake_run(1);
	CHECK(script_dns_count("example.org", DNS_MX) == 1);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_SECURE);
	world_stop();
}

static void
C_02_expired_policy_is_not_used(void)
{
	struct asker a;

	script_stored("example.org", "1", BINDING, 86401);
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_PASS, REASON_NO_POLICY);
	CHECK(script_dns_count("example.org", DNS_MX) == 0);
	world_stop();
}

static void
C_03_changed_id_is_fetched_before_deciding(void)
{
	struct asker a;

	script_stored("example.org", "1", BINDING, 100);
	script_txt("example.org", "2");
	script_policy("example.org", NOT_BINDING, 500);
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_PASS, REASON_NO_DNSSEC_FLAG);
	CHECK(a.from == POLICY_FROM_FETCH);
	CHECK(a.at_ms >= 500);
	CHECK(script_fetch_count("example.org") == 1);
	world_stop();
}

static void
C_03_same_id_is_not_fetched(void)
{
	struct asker a;

	script_stored("example.org", "1", NOT_BINDING, 100);
	script_txt("example.org", "1");
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_PASS, REASON_NO_DNSSEC_FLAG);
	CHECK(script_fetch_count("example.org") == 0);
	world_stop();
}

/* C-04, each way in which a TXT record can fail to be there. */
static void
C_04_broken_txt_removes_nothing(void)
{
	static const struct script_dns ways[] = {
	    {.status = FACT_SECURE, .answer = ANSWER_NXDOMAIN},
	    {.status = FACT_INSECURE, .answer = ANSWER_NODATA},
	    {.status = FACT_BOGUS, .why = "signature missing"},
	    {.status = FACT_FAILED, .why = "SERVFAIL"},
	    {.status = FACT_SECURE,
		.answer = ANSWER_RECORDS,
		.records = "v=STSv1; id=?;"},
	    {.status = FACT_SECURE,
		.answer = ANSWER_RECORDS,
		.records = "v=spf1 -all"},
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct script_dns txt = ways[i];
		struct asker a;

		world_reset();
		txt.name = "_mta-sts.example.org";
		txt.type = DNS_TXT;
		script_dns(txt);
		script_stored("example.org", "1", BINDING, 100);
		world_start();
		a = asked("example.org");
		CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
		CHECK(script_stored_id("example.org") != NULL);
		world_stop();
	}
}

static void
C_05_failed_refetch_keeps_the_old_policy(void)
{
	struct asker a;

	script_stored("example.org", "1", BINDING, 100);
	script_txt("example.org", "2");
	script_policy_fails(
	    "example.org", FETCH_FAILURE_STATUS, "HTTP status 404");
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(a.from == POLICY_FROM_CACHE);
	CHECK(script_stored_id("example.org")[0] == '1');
	world_stop();
}

static void
C_05_invalid_body_keeps_the_old_policy(void)
{
	struct asker a;

	script_stored("example.org", "1", BINDING, 100);
	script_txt("example.org", "2");
	script_policy("example.org", "version: STSv2\n", 0);
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(script_stored_id("example.org")[0] == '1');
	world_stop();
}

static void
C_06_failed_first_fetch_passes(void)
{
	struct asker a;

	script_txt("example.org", "1");
	script_policy_fails(
	    "example.org", FETCH_FAILURE_CERTIFICATE, "name mismatch");
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_PASS, REASON_DISCOVERY_FAILED);
	CHECK(script_stored_id("example.org") == NULL);
	world_stop();
}

static void
C_06_option_defers_a_failed_first_fetch(void)
{
	struct asker a;

	world_config.rules.on_discovery_failure = RULE_TEMPFAIL;
	script_txt("example.org", "1");
	script_policy_fails(
	    "example.org", FETCH_FAILURE_CERTIFICATE, "name mismatch");
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_DISCOVERY_FAILED);
	world_stop();
}

static void
C_07_weaker_policy_replaces_at_once(void)
{
	struct asker a;

	script_stored("example.org", "1", BINDING, 100);
	script_txt("example.org", "2");
	script_policy("example.org",
	    "version: STSv1\nmode: none\nmax_age: 60\n", 0);
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_PASS, REASON_NO_DNSSEC_FLAG);
	CHECK(script_stored_id("example.org")[0] == '2');
	world_stop();
}

/* One domain is judged under several names. */
static void
check_all_names(enum verdict_kind verdict, enum reason reason, bool cached)
{
	struct asker a[4];

	ask_domain(&a[0], "example.org", 4000);
	ask_host(&a[1], "example.org", 25);
	ask_host(&a[2], "example.org", 587);
	ask_port(&a[3], "example.org", 2525);
	fake_run(4000);
	for (size_t i = 0; i < 4; i++) {
		CHECK(a[i].completions == 1 && a[i].verdict == verdict);
		CHECK(i > 0 || a[i].reason == reason);
		CHECK(a[i].cached == cached);
	}
}

static void
C_07_new_policy_clears_verdicts_of_every_next_hop(void)
{
	script_stored("example.org", "1", NOT_BINDING, 100);
	script_txt("example.org", "1");
	world_start();
	check_all_names(VERDICT_PASS, REASON_NO_DNSSEC_FLAG, false);
	check_all_names(VERDICT_PASS, REASON_NO_DNSSEC_FLAG, true);
	script_policy("example.org", BINDING, 0);
	refresh_domain("example.org");
	check_all_names(VERDICT_DEFER, REASON_MX_INSECURE, false);
	check_all_names(VERDICT_DEFER, REASON_MX_INSECURE, true);
	world_stop();
}

static void
C_07_import_clears_verdicts_of_every_next_hop(void)
{
	world_start();
	check_all_names(VERDICT_PASS, REASON_NO_POLICY, false);
	script_stored("example.org", "1", BINDING, 0);
	world_forget("example.org");
	check_all_names(VERDICT_DEFER, REASON_MX_INSECURE, false);
	world_stop();
}

static void
forget_example(void)
{
	world_forget("example.org");
}

/* The verdict of a lookup under way is one on what was stored before. */
static void
forget_during_lookup(void (*forget)(void))
{
	struct asker before, after, later;

	script_dns((struct script_dns){.name = "_mta-sts.example.org",
	    .type = DNS_TXT,
	    .status = FACT_INSECURE,
	    .answer = ANSWER_NXDOMAIN,
	    .delay_ms = 1000});
	world_start();
	ask_domain(&before, "example.org", 4000);
	fake_run(500);
	script_stored("example.org", "1", BINDING, 0);
	forget();
	/* Who asks now does not join it either. */
	ask_domain(&after, "example.org", 4000);
	fake_run(3000);
	CHECK_VERDICT(before, VERDICT_PASS, REASON_NO_POLICY);
	CHECK_VERDICT(after, VERDICT_DEFER, REASON_MX_INSECURE);
	later = asked("example.org");
	CHECK_VERDICT(later, VERDICT_DEFER, REASON_MX_INSECURE);
	world_stop();
}

static void
C_07_lookup_under_way_during_an_import_is_not_cached(void)
{
	forget_during_lookup(forget_example);
}

/* Another host may have learned the policy. */
static void
C_01_lookup_under_way_is_not_cached_if_news_were_missed(void)
{
	forget_during_lookup(world_forget_unbound);
}

/* The lookup that brought the new policy is cached all the same. */
static void
C_07_verdict_on_the_new_policy_is_cached(void)
{
	script_txt("example.org", "1");
	script_policy("example.org", BINDING, 0);
	world_start();
	CHECK_VERDICT(asked("example.org"), VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(asked("example.org").cached);
	world_stop();
}

static void
C_08_max_age_0_counts_once(void)
{
	static const char body[] = "version: STSv1\nmode: testing\n"
				   "mx: mx.example.org\nmax_age: 0\n"
				   "dnssec: yes\n";
	struct asker a;

	script_txt("example.org", "1");
	script_policy("example.org", body, 0);
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	/* neither from the verdict cache nor from the store */
	a = asked("example.org");
	CHECK(!a.cached);
	CHECK(a.from == POLICY_FROM_FETCH);
	CHECK(script_fetch_count("example.org") == 2);
	world_stop();
}

static void
C_08_max_age_0_replaces_what_bound(void)
{
	struct asker a;

	script_stored("example.org", "1", BINDING, 100);
	script_txt("example.org", "2");
	script_policy("example.org",
	    "version: STSv1\nmode: none\nmax_age: 0\n", 0);
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_PASS, REASON_NO_DNSSEC_FLAG);
	script_dns((struct script_dns){.name = "_mta-sts.example.org",
	    .type = DNS_TXT,
	    .status = FACT_SECURE,
	    .answer = ANSWER_NXDOMAIN});
	fake_run(300000);
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_PASS, REASON_NO_POLICY);
	world_stop();
}

static void
C_09_backoff_hides_no_stored_policy(void)
{
	struct asker a;

	script_stored("example.org", "1", BINDING, 100);
	script_txt("example.org", "2");
	script_policy_fails(
	    "example.org", FETCH_FAILURE_TIMEOUT, "timeout");
	script_dns((struct script_dns){.name = "example.org",
	    .type = DNS_MX,
	    .status = FACT_FAILED,
	    .why = "SERVFAIL"});
	world_start();
	a = asked("example.org");
	fake_run(10000);
	a = asked("example.org");
	CHECK(!a.cached);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_FAILED);
	CHECK(script_fetch_count("example.org") == 1);
	world_stop();
}

static void
C_10_failed_txt_passes(void)
{
	struct asker a;

	script_dns((struct script_dns){.name = "_mta-sts.example.org",
	    .type = DNS_TXT,
	    .status = FACT_FAILED,
	    .why = "SERVFAIL"});
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_PASS, REASON_DISCOVERY_FAILED);
	/* and it is asked again soon */
	fake_run(5000);
	a = asked("example.org");
	CHECK(!a.cached);
	world_stop();
}

static void
C_13_stored_body_is_parsed_anew(void)
{
	struct asker a;

	/* Whoever stored it did not know the field. */
	script_stored("example.org", "1",
	    "version: STSv1\nmode: none\nmax_age: 86400\ndnssec: yes\n", 5);
	script_txt("example.org", "1");
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	world_stop();
}

static void
F_12_failed_fetch_waits_five_minutes(void)
{
	script_txt("example.org", "1");
	script_policy_fails(
	    "example.org", FETCH_FAILURE_STATUS, "HTTP status 500");
	world_start();
	(void)asked("example.org");
	fake_run(200000);
	CHECK_VERDICT(
	    asked("example.org"), VERDICT_PASS, REASON_DISCOVERY_FAILED);
	CHECK(script_fetch_count("example.org") == 1);
	fake_run(300000);
	(void)asked("example.org");
	CHECK(script_fetch_count("example.org") == 2);
	world_stop();
}

/* All connections were taken: that says nothing about the policy host. */
static void
F_17_fetch_that_never_ran_sets_no_backoff(void)
{
	struct asker a;

	script_txt("example.org", "1");
	script_policy_fails("example.org", FETCH_FAILURE_QUEUE,
	    "no connection was free");
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_PASS, REASON_DISCOVERY_FAILED);
	script_policy("example.org", BINDING, 0);
	fake_run(5000); /* verdict_ttl_min */
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(script_fetch_count("example.org") == 2);
	world_stop();
}

static void
F_12_new_id_is_tried_at_once(void)
{
	world_config.verdict_ttl_max_ms = 60000;
	script_txt("example.org", "1");
	script_policy_fails(
	    "example.org", FETCH_FAILURE_STATUS, "HTTP status 500");
	world_start();
	(void)asked("example.org");
	script_txt("example.org", "2");
	script_policy("example.org", BINDING, 0);
	fake_run(60000);
	CHECK_VERDICT(
	    asked("example.org"), VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(script_fetch_count("example.org") == 2);
	world_stop();
}

static void
S_04_askers_share_one_fetch(void)
{
	struct asker a[50];

	script_txt("example.org", "1");
	script_policy("example.org", BINDING, 1000);
	world_start();
	for (size_t i = 0; i < 50; i++) {
		ask_domain(&a[i], "example.org", 4000);
		fake_run(10);
	}
	fake_run(4000);
	for (size_t i = 0; i < 50; i++)
		CHECK_VERDICT(a[i], VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(script_fetch_count("example.org") == 1);
	CHECK(script_dns_count("_mta-sts.example.org", DNS_TXT) == 1);
	world_stop();
}

/* "Durable before it is relied upon." */
static void
policy_is_saved_before_it_is_used(void)
{
	struct asker a;

	script_txt("example.org", "1");
	script_policy("example.org", BINDING, 0);
	script_store_delay(700);
	world_start();
	ask_domain(&a, "example.org", 4000);
	fake_run(1300);
	CHECK(a.completions == 0);
	CHECK(script_stored_id("example.org") == NULL);
	fake_run(200);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(script_stored_id("example.org") != NULL);
	world_stop();
}

/* The deadline comes while the store is still writing. */
static void
S_03_policy_that_is_being_saved_binds(void)
{
	struct asker a;

	script_txt("example.org", "1");
	script_policy("example.org", BINDING, 0);
	script_store_delay(3000);
	world_start();
	ask_domain(&a, "example.org", 4000);
	fake_run(4100);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(script_stored_id("example.org") == NULL);
	fake_run(3000);
	CHECK(script_stored_id("example.org") != NULL);
	CHECK_VERDICT(asked("example.org"), VERDICT_DEFER, REASON_MX_INSECURE);
	world_stop();
}

/* With the policy of the fetch, an error in reading the store does not matter.
 */
static void
S_03_policy_that_is_being_saved_makes_good_an_unreadable_store(void)
{
	struct asker a;

	script_secure("example.org", DNS_MX, "10 mx.example.org");
	script_secure("mx.example.org", DNS_A, "192.0.2.1");
	script_secure("mx.example.org", DNS_AAAA, NULL);
	script_secure("_25._tcp.mx.example.org", DNS_TLSA, NULL);
	script_txt("example.org", "1");
	script_policy("example.org", BINDING, 0);
	script_store_delay(1900);
	script_store_get_fails(ERR_CORRUPT);
	world_start();
	ask_domain(&a, "example.org", 3500);
	fake_run(3600);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_SECURE);
	CHECK(script_stored_id("example.org") == NULL);
	fake_run(3000); /* the store ends its work before the engine does */
	world_stop();
}

static void
policy_that_cannot_be_saved_still_binds(void)
{
	struct asker a;

	script_txt("example.org", "1");
	script_policy("example.org", BINDING, 0);
	script_store_put_fails(ERR_FULL);
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	world_stop();
}

static void
D_20_unreadable_store(void)
{
	struct asker a;

	script_store_get_fails(ERR_CORRUPT);
	script_txt("bound.example.org", "1");
	script_policy("bound.example.org", BINDING, 0);
	world_start();
	/* found to bind by a fetch: judged as ever */
	a = asked("bound.example.org");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	/* nothing known: our own fault, and said so */
	a = asked("example.net");
	CHECK_VERDICT(a, VERDICT_PASS, REASON_INTERNAL_ERROR);
	world_stop();
}

/* Of a newer program: neither taken for none, nor lost but to a good fetch. */
static void
D_20_newer_record_in_the_store(void)
{
	script_stored("example.org", "2", BINDING, 5);
	script_store_get_fails(ERR_VERSION);
	script_txt("example.org", "3");
	script_policy_fails(
	    "example.org", FETCH_FAILURE_STATUS, "HTTP status 500");
	world_start();
	CHECK_VERDICT(
	    asked("example.org"), VERDICT_PASS, REASON_INTERNAL_ERROR);
	CHECK(script_fetch_count("example.org") == 1);
	CHECK(strcmp(script_stored_id("example.org"), "2") == 0);
	script_policy("example.org", BINDING, 0);
	fake_run(400000);
	CHECK_VERDICT(asked("example.org"), VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(strcmp(script_stored_id("example.org"), "3") == 0);
	world_stop();
}

static void
D_20_stored_body_that_cannot_be_read(void)
{
	struct asker a;

	script_stored("example.org", "1", "version: STSv1\nmode: enf", 5);
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_PASS, REASON_INTERNAL_ERROR);
	/* what is fetched anew counts as ever */
	script_txt("example.org", "1");
	script_policy("example.org", BINDING, 0);
	fake_run(10000);
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	world_stop();
}

static void
S_06_fetch_in_the_future_is_of_now(void)
{
	struct asker a;

	script_stored("example.org", "1", BINDING, -1000000);
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	fake_wall_jump(1000000 + 86401);
	fake_run(300000);
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_PASS, REASON_NO_POLICY);
	world_stop();
}

const struct scenario policy_scenarios[] = {
    /* clang-format off */
    SCENARIO(D_01_policy_without_flag_waits_for_no_mx),
    SCENARIO(secure_waits_for_no_policy),
    SCENARIO(C_01_stored_policy_binds_without_txt),
    SCENARIO(stored_binding_policy_starts_mx_beside_txt),
    SCENARIO(C_02_expired_policy_is_not_used),
    SCENARIO(C_03_changed_id_is_fetched_before_deciding),
    SCENARIO(C_03_same_id_is_not_fetched),
    SCENARIO(C_04_broken_txt_removes_nothing),
    SCENARIO(C_05_failed_refetch_keeps_the_old_policy),
    SCENARIO(C_05_invalid_body_keeps_the_old_policy),
    SCENARIO(C_06_failed_first_fetch_passes),
    SCENARIO(C_06_option_defers_a_failed_first_fetch),
    SCENARIO(C_07_weaker_policy_replaces_at_once),
    SCENARIO(C_07_new_policy_clears_verdicts_of_every_next_hop),
    SCENARIO(C_07_import_clears_verdicts_of_every_next_hop),
    SCENARIO(C_07_lookup_under_way_during_an_import_is_not_cached),
    SCENARIO(C_01_lookup_under_way_is_not_cached_if_news_were_missed),
    SCENARIO(C_07_verdict_on_the_new_policy_is_cached),
    SCENARIO(C_08_max_age_0_counts_once),
    SCENARIO(C_08_max_age_0_replaces_what_bound),
    SCENARIO(C_09_backoff_hides_no_stored_policy),
    SCENARIO(C_10_failed_txt_passes),
    SCENARIO(C_13_stored_body_is_parsed_anew),
    SCENARIO(F_12_failed_fetch_waits_five_minutes),
    SCENARIO(F_17_fetch_that_never_ran_sets_no_backoff),
    SCENARIO(F_12_new_id_is_tried_at_once),
    SCENARIO(S_04_askers_share_one_fetch),
    SCENARIO(policy_is_saved_before_it_is_used),
    SCENARIO(S_03_policy_that_is_being_saved_binds),
    SCENARIO(S_03_policy_that_is_being_saved_makes_good_an_unreadable_store),
    SCENARIO(policy_that_cannot_be_saved_still_binds),
    SCENARIO(D_20_unreadable_store),
    SCENARIO(D_20_newer_record_in_the_store),
    SCENARIO(D_20_stored_body_that_cannot_be_read),
    SCENARIO(S_06_fetch_in_the_future_is_of_now),
    {NULL, NULL},
    /* clang-format on */
};
