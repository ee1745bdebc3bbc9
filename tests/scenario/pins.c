/* Scenarios of pinned domains (T-14): bound without a policy. */
#include "autoconf.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "engine/engine_impl.h"
#include "world.h"

#define DOMAIN   "example.org"
#define HOST     "mx.example.org"
#define TXT      "_mta-sts.example.org"
#define PATIENCE 4000

static struct domain_entry pin = {.domain = DOMAIN};

static void
pin_domain(const char *domain, int64_t until_s)
{
	pin = (struct domain_entry){.domain = domain, .until_s = until_s};
	world_config.pins = (struct domain_list){.n = 1, .item = &pin};
}

static void
answer_never(const char *name, enum dns_type type)
{
	script_dns((struct script_dns){.name = name,
	    .type = type,
	    .delay_ms = SCRIPT_NEVER});
}

static void
mx_is(enum fact_status status)
{
	script_dns((struct script_dns){.name = DOMAIN,
	    .type = DNS_MX,
	    .status = status,
	    .answer = status == FACT_BOGUS ? ANSWER_EMPTY : ANSWER_RECORDS,
	    .records = status == FACT_BOGUS ? NULL : "10 " HOST});
}

/* The TXT record is suppressed, in three ways, or the policy host is. */
static void
T_14_a_pin_binds_at_first_contact(void)
{
	static const struct script_dns suppressed[] = {
	    {.name = TXT,
             .type = DNS_TXT,
             .status = FACT_INSECURE,
             .answer = ANSWER_NXDOMAIN},
	    {.name = TXT,           .type = DNS_TXT,   .status = FACT_BOGUS},
	    {.name = TXT,           .type = DNS_TXT,   .status = FACT_FAILED},
	};

	for (size_t i = 0; i < 4; i++) {
		struct asker a;

		world_reset();
		pin_domain(DOMAIN, 0);
		mx_is(FACT_INSECURE);
		script_txt(DOMAIN, "1");
		script_policy_fails(DOMAIN, FETCH_FAILURE_CONNECT, "refused");
		if (i < 3)
			script_dns(suppressed[i]);
		world_start();
		a = asked(DOMAIN);
		CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
		CHECK(a.pinned);
		world_stop();
	}
}

static void
T_14_mx_is_asked_at_once_beside_txt_and_store(void)
{
	struct asker a;

	pin_domain(DOMAIN, 0);
	mx_is(FACT_INSECURE);
	script_store_delay(50);
	world_start();
	ask_domain(&a, DOMAIN, PATIENCE);
	fake_run(1);
	CHECK(script_dns_count(DOMAIN, DNS_MX) == 1);
	CHECK(script_dns_count(TXT, DNS_TXT) == 1);
	fake_run(PATIENCE);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	world_stop();
}

static void
T_14_a_pin_waits_for_no_discovery(void)
{
	struct asker a;

	pin_domain(DOMAIN, 0);
	answer_never(TXT, DNS_TXT);
	script_delivery(DOMAIN, HOST, true);
	world_start();
	ask_domain(&a, DOMAIN, PATIENCE);
	fake_run(1);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_SECURE);
	CHECK(a.pinned && !a.policy_known);
	world_stop();

	world_reset();
	pin_domain(DOMAIN, 0);
	script_txt(DOMAIN, "1");
	script_policy(DOMAIN, BINDING, SCRIPT_NEVER);
	mx_is(FACT_BOGUS);
	world_start();
	ask_domain(&a, DOMAIN, PATIENCE);
	fake_run(1);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_BOGUS);
	world_stop();
}

/* Without the flag it would let the domain pass; it is kept all the same. */
static void
T_14_a_policy_beside_a_pin_is_discovered(void)
{
	struct asker a;

	pin_domain(DOMAIN, 0);
	script_txt(DOMAIN, "1");
	script_policy(DOMAIN, NOT_BINDING, 10);
	script_dns((struct script_dns){.name = DOMAIN,
	    .type = DNS_MX,
	    .status = FACT_INSECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "10 " HOST,
	    .delay_ms = 100});
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(a.pinned && a.from == POLICY_FROM_FETCH);
	CHECK(strcmp(script_stored_id(DOMAIN), "1") == 0);
	world_stop();
}

static void
T_14_a_pin_covers_what_is_below_until_its_day(void)
{
	pin_domain(".example.org", clock_wall_s() + 3600);
	world_start();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_PASS, REASON_NO_POLICY);
	CHECK_VERDICT(asked("a.b.example.org"), VERDICT_DEFER,
	    REASON_MX_INSECURE);
	fake_wall_jump(3600);
	fake_run(300000);
	CHECK_VERDICT(asked("a.b.example.org"), VERDICT_PASS, REASON_NO_POLICY);
	world_stop();
}

/* A verdict from before is not taken from the cache. */
static void
T_14_a_reload_takes_pins_at_once(void)
{
	world_start();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_PASS, REASON_NO_POLICY);
	pin_domain(DOMAIN, 0);
	world_reload();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_DEFER, REASON_MX_INSECURE);
	world_config.pins.n = 0;
	world_reload();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_PASS, REASON_NO_POLICY);
	world_stop();
}

static void
T_14_D_20_own_faults_defer_a_pinned_domain(void)
{
	struct asker a;

	pin_domain(DOMAIN, 0);
	answer_never(DOMAIN, DNS_MX);
	world_start();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_DEFER, REASON_DEADLINE);
	world_stop();

	world_reset();
	pin_domain(DOMAIN, 0);
	script_delivery(DOMAIN, HOST, true);
	script_store_get_fails(ERR_DOWN);
	world_start();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_DEFER, REASON_INTERNAL_ERROR);
	world_stop();

	world_reset();
	pin_domain(DOMAIN, 0);
	script_store_delay(2 * PATIENCE);
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_INTERNAL_ERROR);
	CHECK(a.at_ms == PATIENCE);
	fake_run(2 * PATIENCE); /* the store's answer must have come */
	world_stop();
}

/* What is pinned is known to bind: it is looked up out of the reserve. */
static void
T_14_a_crowd_does_not_starve_a_pinned_domain(void)
{
	static struct asker crowd[WORKER_LOOKUPS_MAX];
	static char names[WORKER_LOOKUPS_MAX][32];
	struct asker a;

	pin_domain(DOMAIN, 0);
	script_delivery(DOMAIN, HOST, true);
	script_silence(".crowd.test");
	world_start();
	for (size_t i = 0; i < WORKER_LOOKUPS_MAX; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "d%zu.crowd.test",
		    i);
		ask_domain(&crowd[i], names[i], PATIENCE);
	}
	fake_run(0);
	ask_domain(&a, DOMAIN, PATIENCE);
	fake_run(1);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_SECURE);
	world_stop();
}

static void
T_14_a_delivery_gets_no_less_than_the_pin_demands(void)
{
	pin_domain(DOMAIN, 0);
	script_delivery(DOMAIN, HOST, true);
	world_start();
	CHECK(strcmp(asked_tls(DOMAIN).tls, "OK dane-only") == 0);
	world_stop();

	world_reset();
	pin_domain(DOMAIN, 0);
	script_txt(DOMAIN, "1");
	script_policy(DOMAIN, NOT_BINDING, 10);
	script_delivery(DOMAIN, HOST, false);
	world_start();
	CHECK(strcmp(asked_tls(DOMAIN).tls,
		  "OK secure match=.example.org servername=hostname") == 0);
	world_stop();

	world_reset();
	pin_domain(DOMAIN, 0);
	mx_is(FACT_BOGUS);
	world_start();
	CHECK(strncmp(asked_tls(DOMAIN).tls, "TEMP ", 5) == 0);
	world_stop();
}

/* The TXT record is asked for past every cache, as for a policy. */
static void
T_14_A_02_a_pin_rejects_after_a_fresh_txt(void)
{
	struct asker a;

	world_config.rules.action = RULE_ACTION_REJECT;
	pin_domain(DOMAIN, 0);
	mx_is(FACT_BOGUS);
	script_dns((struct script_dns){.name = TXT,
	    .type = DNS_TXT,
	    .status = FACT_INSECURE,
	    .answer = ANSWER_NXDOMAIN,
	    .delay_ms = 100});
	world_start();
	a = asked(DOMAIN);
	CHECK_VERDICT(a, VERDICT_REJECT, REASON_MX_BOGUS);
	CHECK(script_fresh_count(TXT, DNS_TXT) == 1);
	world_stop();

	world_reset();
	world_config.rules.action = RULE_ACTION_REJECT;
	pin_domain(DOMAIN, 0);
	mx_is(FACT_BOGUS);
	answer_never(TXT, DNS_TXT);
	world_start();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_DEFER, REASON_MX_BOGUS);
	world_stop();
}

const struct scenario pins_scenarios[] = {
  /* clang-format off */
    SCENARIO(T_14_a_pin_binds_at_first_contact),
    SCENARIO(T_14_mx_is_asked_at_once_beside_txt_and_store),
    SCENARIO(T_14_a_pin_waits_for_no_discovery),
    SCENARIO(T_14_a_policy_beside_a_pin_is_discovered),
    SCENARIO(T_14_a_pin_covers_what_is_below_until_its_day),
    SCENARIO(T_14_a_reload_takes_pins_at_once),
    SCENARIO(T_14_D_20_own_faults_defer_a_pinned_domain),
    SCENARIO(T_14_a_crowd_does_not_starve_a_pinned_domain),
    SCENARIO(T_14_a_delivery_gets_no_less_than_the_pin_demands),
    SCENARIO(T_14_A_02_a_pin_rejects_after_a_fresh_txt),
    {NULL, NULL},
  /* clang-format on */
};
