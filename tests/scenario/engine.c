/* Scenarios of the engine: deadlines, sharing, limits, stop, probe. */
#include "autoconf.h"

#include <string.h>

#include "engine/probe.h"
#include "world.h"

#define OF_NO_LIFE                                           \
	"version: STSv1\nmode: enforce\nmx: *.example.org\n" \
	"max_age: 0\ndnssec: yes\n"

static void
S_03_deadline_in_discovery_passes(void)
{
	struct asker a;

	script_txt("example.org", "1");
	script_policy("example.org", BINDING, 6000);
	world_start();
	ask_domain(&a, "example.org", 4000);
	fake_run(4000);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_DEADLINE);
	CHECK(a.at_ms == 4000);
	/* The fetch goes on; the retry finds what it brought. */
	fake_run(3000);
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(script_fetch_count("example.org") == 1);
	world_stop();
}

static void
S_03_option_defers_at_a_deadline_in_discovery(void)
{
	struct asker a;

	world_config.rules.on_discovery_failure = RULE_TEMPFAIL;
	script_dns((struct script_dns){.name = "_mta-sts.example.org",
	    .type = DNS_TXT,
	    .delay_ms = SCRIPT_NEVER});
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_DEADLINE);
	world_stop();
}

static void
S_03_deadline_of_a_bound_domain_defers(void)
{
	struct asker a;

	script_txt("example.org", "1");
	script_stored("example.org", "1", BINDING, 100);
	script_delivery("example.org", "mx.example.org", true);
	script_dns((struct script_dns){.name = "mx.example.org",
	    .type = DNS_A,
	    .status = FACT_SECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "192.0.2.25",
	    .delay_ms = 7000});
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_DEADLINE);
	CHECK(strstr(a.decided_by, "mx.example.org A") != NULL);
	fake_run(4000);
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_PASS, REASON_SECURE);
	CHECK(a.cached);
	world_stop();
}

static void
deadline_is_each_askers_own(void)
{
	struct asker hurried, patient;

	script_txt("example.org", "1");
	script_policy("example.org", NOT_BINDING, 3000);
	world_start();
	ask_domain(&hurried, "example.org", 1000);
	ask_domain(&patient, "example.org", 4000);
	fake_run(1000);
	CHECK_VERDICT(hurried, VERDICT_PASS, REASON_DEADLINE);
	CHECK(patient.completions == 0);
	fake_run(3000);
	CHECK_VERDICT(patient, VERDICT_PASS, REASON_NO_DNSSEC_FLAG);
	CHECK(hurried.completions == 1);
	world_stop();
}

/* A verdict that was certain early is not handed out for longer than its
 * records live, even while the lookup it came from still runs. */
static void
early_verdict_expires_under_a_running_lookup(void)
{
	struct asker a;

	script_txt("example.org", "1");
	script_policy("example.org", BINDING, SCRIPT_NEVER);
	script_delivery("example.org", "mx.example.org", true);
	script_dns((struct script_dns){.name = "mx.example.org",
	    .type = DNS_A,
	    .status = FACT_SECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "192.0.2.25",
	    .ttl_s = 6});
	world_start();
	CHECK_VERDICT(asked("example.org"), VERDICT_PASS, REASON_SECURE);
	CHECK(asked("example.org").cached);
	CHECK(script_dns_count("example.org", DNS_MX) == 1);
	script_dns((struct script_dns){.name = "mx.example.org",
	    .type = DNS_A,
	    .status = FACT_BOGUS,
	    .why = "forged"});
	a = asked("example.org");
	CHECK(script_dns_count("example.org", DNS_MX) == 2);
	/* the policy is still not known, so the deadline lets it pass */
	CHECK_VERDICT(a, VERDICT_PASS, REASON_DEADLINE);
	world_stop();
}

static void
A_02_rejection_asks_the_txt_afresh(void)
{
	struct asker a;

	world_config.rules.action = RULE_ACTION_REJECT;
	script_txt("example.org", "1");
	script_stored("example.org", "1", BINDING, 100);
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_REJECT, REASON_MX_INSECURE);
	CHECK(script_fresh_count("_mta-sts.example.org", DNS_TXT) == 1);
	/* and again for the next one */
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_REJECT, REASON_MX_INSECURE);
	CHECK(!a.cached);
	CHECK(script_fresh_count("_mta-sts.example.org", DNS_TXT) == 2);
	world_stop();
}

static void
A_02_no_rejection_without_a_fresh_txt(void)
{
	struct asker a;

	world_config.rules.action = RULE_ACTION_REJECT;
	script_stored("example.org", "1", BINDING, 100);
	script_dns((struct script_dns){.name = "_mta-sts.example.org",
	    .type = DNS_TXT,
	    .status = FACT_FAILED,
	    .why = "SERVFAIL"});
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	world_stop();
}

/* What a deadline cuts short was not checked afresh. */
static void
A_02_no_rejection_at_a_deadline(void)
{
	struct asker a;

	world_config.rules.action = RULE_ACTION_REJECT;
	world_config.rules.tlsa = RULE_TLSA_REQUIRED;
	script_txt("example.org", "1");
	script_stored("example.org", "1", BINDING, 100);
	script_delivery("example.org", "mx1.example.org", false);
	script_delivery("example.org", "mx2.example.org", true);
	script_secure("example.org", DNS_MX,
	    "10 mx1.example.org, 20 mx2.example.org");
	script_dns((struct script_dns){.name = "mx2.example.org",
	    .type = DNS_A,
	    .delay_ms = SCRIPT_NEVER});
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_TLSA_MISSING);
	CHECK(script_fresh_count("_mta-sts.example.org", DNS_TXT) == 0);
	world_stop();
}

static void
A_02_policy_fetched_just_now_is_checked_too(void)
{
	struct asker a;

	world_config.rules.action = RULE_ACTION_REJECT;
	script_txt("example.org", "1");
	script_policy("example.org", BINDING, 100);
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_REJECT, REASON_MX_INSECURE);
	CHECK(script_fetch_count("example.org") == 1);
	world_stop();
}

/* What was fetched before the TXT changed stays in force, patterns included,
 * when what comes next is no policy. For AddressSanitizer, too. */
static void
A_02_policy_outlives_a_bad_one_behind_the_fresh_txt(void)
{
	struct asker a;

	world_config.rules.action = RULE_ACTION_REJECT;
	script_txt("example.org", "1");
	script_policy("example.org", BINDING, 100);
	world_start();
	ask_domain(&a, "example.org", 4000);
	fake_run(50);
	script_txt("example.org", "2");
	fake_run(100);
	CHECK(script_fetch_count("example.org") == 2);
	script_policy("example.org", "version: STSv1\n", 100);
	fake_run(1000);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(a.from == POLICY_FROM_CACHE);
	world_stop();
}

/* It still counts for this transaction when it cannot be fetched once more. */
static void
C_08_policy_of_no_life_outlives_the_fresh_txt(void)
{
	struct asker a;

	world_config.rules.action = RULE_ACTION_REJECT;
	script_txt("example.org", "1");
	script_policy("example.org", OF_NO_LIFE, 100);
	world_start();
	ask_domain(&a, "example.org", 4000);
	fake_run(50);
	script_txt("example.org", "2");
	fake_run(100);
	CHECK(script_fetch_count("example.org") == 2);
	script_policy_fails("example.org", FETCH_FAILURE_STATUS, "503");
	fake_run(1000);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	/* and is gone afterwards */
	fake_run(1000);
	CHECK_VERDICT(asked("example.org"), VERDICT_PASS,
	    REASON_DISCOVERY_FAILED);
	world_stop();
}

static void
C_08_policy_of_no_life_is_fetched_once_to_reject(void)
{
	struct asker a;

	world_config.rules.action = RULE_ACTION_REJECT;
	script_txt("example.org", "1");
	script_policy("example.org", OF_NO_LIFE, 100);
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_REJECT, REASON_MX_INSECURE);
	CHECK(script_fetch_count("example.org") == 1);
	world_stop();
}

static void
stop_completes_every_asker_once(void)
{
	struct asker bound, unknown;

	script_stored("bound.example.org", "1", BINDING, 100);
	script_dns((struct script_dns){.name = "bound.example.org",
	    .type = DNS_MX,
	    .delay_ms = SCRIPT_NEVER});
	script_txt("unknown.example.org", "1");
	script_policy("unknown.example.org", BINDING, SCRIPT_NEVER);
	world_start();
	ask_domain(&bound, "bound.example.org", 4000);
	ask_domain(&unknown, "unknown.example.org", 4000);
	fake_run(1000);
	world_stop();
	CHECK_VERDICT(bound, VERDICT_DEFER, REASON_INTERNAL_ERROR);
	CHECK_VERDICT(unknown, VERDICT_PASS, REASON_INTERNAL_ERROR);
}

static void
broken_resolver_is_told_from_tampering(void)
{
	struct asker a;

	script_dns((struct script_dns){.name = ".",
	    .type = DNS_DNSKEY,
	    .status = FACT_BOGUS,
	    .why = "no signatures"});
	script_stored("example.org", "1", BINDING, 100);
	script_stored("example.net", "1", BINDING, 100);
	world_start();
	fake_run(10);
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_RESOLVER_BROKEN);
	/* it is probed past every cache, and heals */
	CHECK(script_fresh_count(".", DNS_DNSKEY) >= 1);
	script_secure(".", DNS_DNSKEY, "257 3 13");
	fake_run(PROBE_RETRY_MS);
	a = asked("example.net");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	world_stop();
}

static void
broken_resolver_passes_by_option(void)
{
	struct asker a;

	world_config.rules.on_resolver_failure = RULE_PASS;
	script_dns((struct script_dns){.name = ".",
	    .type = DNS_DNSKEY,
	    .status = FACT_FAILED,
	    .why = "timeout"});
	script_stored("example.org", "1", BINDING, 100);
	world_start();
	fake_run(10);
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_PASS, REASON_RESOLVER_BROKEN);
	world_stop();
}

static void
S_05_a_clock_that_is_set_back_is_told(void)
{
	unsigned told = 0;

	world_start();
	world_count_set_back(&told);
	(void)asked("example.org");
	fake_wall_jump(86400);
	(void)asked("example.net");
	CHECK(told == 0);
	fake_wall_jump(-86400);
	(void)asked("example.com");
	CHECK(told == 1);
	(void)asked("other.example.com");
	CHECK(told == 1);
	world_stop();
}

static void
slow_store_does_not_hold_up_the_txt(void)
{
	struct asker a;

	script_store_delay(1000);
	script_dns((struct script_dns){.name = "_mta-sts.example.org",
	    .type = DNS_TXT,
	    .status = FACT_INSECURE,
	    .answer = ANSWER_NXDOMAIN,
	    .delay_ms = 1000});
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_PASS, REASON_NO_POLICY);
	CHECK(a.at_ms == 1000);
	world_stop();
}

static void
store_that_never_answers_ends_at_the_deadline(void)
{
	struct asker a;

	script_store_delay(60000);
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_PASS, REASON_INTERNAL_ERROR);
	fake_run(60000);
	world_stop();
}

static void
reload_judges_by_the_new_rules(void)
{
	struct asker a;

	script_txt("example.org", "1");
	script_stored("example.org", "1", BINDING, 100);
	script_delivery("example.org", "mx.example.org", false);
	world_start();
	CHECK_VERDICT(asked("example.org"), VERDICT_PASS, REASON_SECURE);
	world_config.rules.tlsa = RULE_TLSA_REQUIRED;
	world_reload();
	a = asked("example.org");
	CHECK(!a.cached);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_TLSA_MISSING);
	world_stop();
}

/* Whoever waits under the old configuration is answered under it. */
static void
reload_drops_no_asker(void)
{
	struct asker before, after;

	script_txt("example.org", "1");
	script_stored("example.org", "1", BINDING, 100);
	script_delivery("example.org", "mx.example.org", false);
	script_dns((struct script_dns){.name = "example.org",
	    .type = DNS_MX,
	    .status = FACT_SECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "10 mx.example.org",
	    .delay_ms = 1000});
	world_start();
	ask_domain(&before, "example.org", 4000);
	fake_run(10);
	world_config.rules.tlsa = RULE_TLSA_REQUIRED;
	world_reload();
	ask_domain(&after, "example.org", 4000);
	fake_run(4000);
	CHECK_VERDICT(before, VERDICT_PASS, REASON_SECURE);
	CHECK_VERDICT(after, VERDICT_DEFER, REASON_TLSA_MISSING);
	CHECK(!asked("example.org").cached ||
	    asked("example.org").reason == REASON_TLSA_MISSING);
	world_stop();
}

static void
stop_after_reload_completes_every_asker(void)
{
	struct asker a;

	script_stored("example.org", "1", BINDING, 100);
	script_dns((struct script_dns){.name = "example.org",
	    .type = DNS_MX,
	    .delay_ms = SCRIPT_NEVER});
	world_start();
	ask_domain(&a, "example.org", 60000);
	fake_run(10);
	world_reload();
	fake_run(10);
	CHECK(a.completions == 0);
	world_stop();
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_INTERNAL_ERROR);
}

/* A key of the root without trust anchor is warned of once after each start and
 * reload, also if it comes while the daemon runs. */
static void
a_new_key_of_the_root_is_warned_of(void)
{
	static const char key[] = "the root's key 38696";

	script_secure(".", DNS_DNSKEY, "257 3 8");
	world_start_logging();
	fake_run(PROBE_INTERVAL_MS);
	CHECK(world_log_lines("resolver", "") == 0);
	script_root_key_missing(38696);
	fake_run(3 * PROBE_INTERVAL_MS);
	CHECK(world_log_lines("warning resolver", key) == 1);
	CHECK(world_root_key_missing() == 38696);
	world_reload();
	fake_run(2 * PROBE_INTERVAL_MS);
	CHECK(world_log_lines("warning resolver", key) == 2);
	/* The anchor file has it by now. */
	script_root_key_missing(-1);
	world_reload();
	fake_run(2 * PROBE_INTERVAL_MS);
	CHECK(world_log_lines("resolver", "") == 2);
	CHECK(world_root_key_missing() == -1);
	/* What does not validate is no reason to warn of a key. */
	script_root_key_missing(38696);
	script_dns((struct script_dns){.name = ".",
	    .type = DNS_DNSKEY,
	    .status = FACT_BOGUS,
	    .answer = ANSWER_RECORDS});
	fake_run(2 * PROBE_INTERVAL_MS);
	CHECK(world_log_lines("warning resolver", "") == 2);
	world_stop();
}

const struct scenario engine_scenarios[] = {
  /* clang-format off */
    SCENARIO(S_03_deadline_in_discovery_passes),
    SCENARIO(S_03_option_defers_at_a_deadline_in_discovery),
    SCENARIO(S_03_deadline_of_a_bound_domain_defers),
    SCENARIO(deadline_is_each_askers_own),
    SCENARIO(early_verdict_expires_under_a_running_lookup),
    SCENARIO(A_02_rejection_asks_the_txt_afresh),
    SCENARIO(A_02_no_rejection_without_a_fresh_txt),
    SCENARIO(A_02_no_rejection_at_a_deadline),
    SCENARIO(A_02_policy_fetched_just_now_is_checked_too),
    SCENARIO(A_02_policy_outlives_a_bad_one_behind_the_fresh_txt),
    SCENARIO(C_08_policy_of_no_life_outlives_the_fresh_txt),
    SCENARIO(C_08_policy_of_no_life_is_fetched_once_to_reject),
    SCENARIO(stop_completes_every_asker_once),
    SCENARIO(broken_resolver_is_told_from_tampering),
    SCENARIO(broken_resolver_passes_by_option),
    SCENARIO(a_new_key_of_the_root_is_warned_of),
    SCENARIO(S_05_a_clock_that_is_set_back_is_told),
    SCENARIO(slow_store_does_not_hold_up_the_txt),
    SCENARIO(store_that_never_answers_ends_at_the_deadline),
    SCENARIO(reload_judges_by_the_new_rules),
    SCENARIO(reload_drops_no_asker),
    SCENARIO(stop_after_reload_completes_every_asker),
    {NULL, NULL},
  /* clang-format on */
};
