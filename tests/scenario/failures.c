/*
 * Scenarios in which a part of our own fails and nothing is known to bind: the
 * verdict follows on_discovery_failure, and the answer says why (C-15).
 */
#include "autoconf.h"

#include <string.h>

#include "base/err.h"
#include "engine/engine_impl.h"
#include "world.h"

#define DOMAIN   "example.org"
#define TXT      "_mta-sts.example.org"
#define PATIENCE 4000

struct failure {
	void (*script)(void);
	enum reason reason;
	const char *why; /* a part of it */
};

/* Under both values of the option; a pinned domain is always deferred. */
static void
check_failure(const struct failure *failure)
{
	static const struct domain_entry pin = {.domain = DOMAIN};
	static const struct {
		enum rule_failure rule;
		bool pinned;
		enum verdict_kind verdict;
	} rows[] = {
	    {RULE_PASS,     false, VERDICT_PASS },
	    {RULE_TEMPFAIL, false, VERDICT_DEFER},
	    {RULE_PASS,     true,  VERDICT_DEFER},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct asker a;

		world_reset();
		world_config.rules.on_discovery_failure = rows[i].rule;
		if (rows[i].pinned)
			world_config.pins =
			    (struct domain_list){.n = 1, .item = &pin};
		failure->script();
		world_start();
		a = asked(DOMAIN);
		CHECK_VERDICT(a, rows[i].verdict, failure->reason);
		CHECK(a.pinned == rows[i].pinned);
		CHECK(strstr(a.why, failure->why) != NULL);
		/* What our own failure brought about is not kept. */
		CHECK(!asked(DOMAIN).cached);
		fake_run(3 * PATIENCE);
		world_stop();
	}
}

static void
store_is_down(void)
{
	script_store_get_fails(ERR_DOWN);
}

static void
C_15_D_20_store_that_is_down(void)
{
	const struct failure failure = {store_is_down, REASON_INTERNAL_ERROR,
	    err_text(ERR_DOWN)};

	check_failure(&failure);
}

static void
stored_body_is_broken(void)
{
	script_stored(DOMAIN, "1", "version: STSv1\nmode: enf", 5);
}

static void
C_15_D_20_stored_policy_that_cannot_be_read(void)
{
	const struct failure failure = {stored_body_is_broken,
	    REASON_INTERNAL_ERROR, "policy store, parse: "};

	check_failure(&failure);
}

static void
store_is_slow(void)
{
	script_store_delay(2 * PATIENCE);
}

static void
C_15_D_20_store_that_does_not_answer_in_time(void)
{
	const struct failure failure = {store_is_slow, REASON_INTERNAL_ERROR,
	    "store did not answer in time"};

	check_failure(&failure);
}

/* Not of our own making, but nothing is known all the same. */
static void
txt_never_comes(void)
{
	script_dns((struct script_dns){.name = TXT,
	    .type = DNS_TXT,
	    .delay_ms = SCRIPT_NEVER});
	script_dns((struct script_dns){.name = "mta-sts.example.org",
	    .type = DNS_A,
	    .delay_ms = SCRIPT_NEVER});
	script_dns((struct script_dns){.name = DOMAIN,
	    .type = DNS_MX,
	    .delay_ms = SCRIPT_NEVER});
}

static void
C_15_deadline_in_discovery(void)
{
	static const enum rule_failure rules[] = {RULE_PASS, RULE_TEMPFAIL};

	for (size_t i = 0; i < 2; i++) {
		struct asker a;

		world_reset();
		world_config.rules.on_discovery_failure = rules[i];
		txt_never_comes();
		world_start();
		a = asked(DOMAIN);
		CHECK_VERDICT(a,
		    rules[i] == RULE_TEMPFAIL ? VERDICT_DEFER : VERDICT_PASS,
		    REASON_DEADLINE);
		CHECK(a.why[0] != '\0');
		world_stop();
	}
}

/* Each bogus TXT record counts by its own option, too. */
static void
C_15_bogus_option_counts_beside_a_failure(void)
{
	world_config.rules.on_bogus_discovery = RULE_TEMPFAIL;
	script_store_get_fails(ERR_DOWN);
	script_dns((struct script_dns){.name = TXT,
	    .type = DNS_TXT,
	    .status = FACT_BOGUS});
	world_start();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_DEFER, REASON_INTERNAL_ERROR);
	world_stop();
}

/* A policy that is fetched is known: the store does not matter any more. */
static void
C_15_what_is_known_is_judged_as_ever(void)
{
	world_config.rules.on_discovery_failure = RULE_TEMPFAIL;
	script_store_get_fails(ERR_DOWN);
	script_txt(DOMAIN, "1");
	script_policy(DOMAIN, NOT_BINDING, 10);
	world_start();
	CHECK_VERDICT(asked(DOMAIN), VERDICT_PASS, REASON_NO_DNSSEC_FLAG);
	world_stop();
}

static void
shed(enum rule_failure rule, enum verdict_kind verdict)
{
	static struct asker crowd[WORKER_LOOKUPS_MAX];
	static char names[WORKER_LOOKUPS_MAX][32];
	struct asker a;

	world_reset();
	world_config.rules.on_discovery_failure = rule;
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
	CHECK_VERDICT(a, verdict, REASON_INTERNAL_ERROR);
	CHECK(strstr(a.why, "too many domains") != NULL);
	world_stop();
	for (size_t i = 0; i < WORKER_LOOKUPS_MAX; i++)
		CHECK(crowd[i].verdict == verdict);
}

static void
C_15_shed_under_load(void)
{
	shed(RULE_PASS, VERDICT_PASS);
	shed(RULE_TEMPFAIL, VERDICT_DEFER);
}

static void
stop_under_way(enum rule_failure rule, enum verdict_kind verdict)
{
	struct asker a;

	world_reset();
	world_config.rules.on_discovery_failure = rule;
	txt_never_comes();
	world_start();
	ask_domain(&a, DOMAIN, PATIENCE);
	fake_run(10);
	CHECK(a.completions == 0);
	world_stop();
	CHECK_VERDICT(a, verdict, REASON_INTERNAL_ERROR);
	CHECK(strstr(a.why, "being stopped") != NULL);
}

static void
C_15_a_stop_in_the_middle(void)
{
	stop_under_way(RULE_PASS, VERDICT_PASS);
	stop_under_way(RULE_TEMPFAIL, VERDICT_DEFER);
}

const struct scenario failure_scenarios[] = {
  /* clang-format off */
    SCENARIO(C_15_D_20_store_that_is_down),
    SCENARIO(C_15_D_20_stored_policy_that_cannot_be_read),
    SCENARIO(C_15_D_20_store_that_does_not_answer_in_time),
    SCENARIO(C_15_deadline_in_discovery),
    SCENARIO(C_15_bogus_option_counts_beside_a_failure),
    SCENARIO(C_15_what_is_known_is_judged_as_ever),
    SCENARIO(C_15_shed_under_load),
    SCENARIO(C_15_a_stop_in_the_middle),
    {NULL, NULL},
  /* clang-format on */
};
