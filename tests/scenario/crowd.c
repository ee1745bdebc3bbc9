/*
 * Scenarios of a crowd: strangers with more domains than can be looked up at a
 * time. Who is known to bind is looked up or deferred; the rest passes, and the
 * log says why.
 */
#include "autoconf.h"

#include <string.h>

#include "engine/worker.h"
#include "world.h"

#define CROWD    WORKER_LOOKUPS_MAX
#define HOSTS    FACTS_HOSTS_MAX
#define MX_SIZE  2048
#define BUSY     "too many requests"
#define PATIENCE 4000

static struct asker crowd[CROWD];
static char crowd_names[CROWD][32];

/* Domains without a policy. */
static void
crowd_asks(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(crowd_names[i], sizeof(crowd_names[i]),
		    "d%zu.crowd.test", i);
		ask_domain(&crowd[i], crowd_names[i], PATIENCE);
	}
}

static void
stored_with_answers(const char *domain, const char *host)
{
	script_stored(domain, "1", BINDING, 100);
	script_txt(domain, "1");
	script_delivery(domain, host, true);
}

/* Its asker's deadline must not make a lookup that was shed look like one that
 * went well. */
static void
what_is_shed_stays_shed_after_a_deadline(void)
{
	struct asker first, second;

	script_store_delay(200);
	world_start();
	crowd_asks(CROWD);
	fake_run(1);
	ask_domain(&first, "unknown.example.org", 100);
	ask_domain(&second, "unknown.example.org", PATIENCE);
	fake_run(PATIENCE);
	CHECK_VERDICT(first, VERDICT_PASS, REASON_INTERNAL_ERROR);
	CHECK_VERDICT(second, VERDICT_PASS, REASON_INTERNAL_ERROR);
	/* and it is looked up when there is room */
	script_txt("unknown.example.org", "1");
	script_policy("unknown.example.org", BINDING, 10);
	CHECK_VERDICT(asked("unknown.example.org"), VERDICT_DEFER,
	    REASON_MX_INSECURE);
	world_stop();
}

static void
lookups_under_way_are_bounded(void)
{
	struct asker bound, unknown;

	script_stored("bound.example.org", "1", BINDING, 100);
	script_store_delay(0);
	world_start();
	crowd_asks(CROWD);
	ask_domain(&bound, "bound.example.org", PATIENCE);
	ask_domain(&unknown, "unknown.example.org", PATIENCE);
	fake_run(0);
	CHECK_VERDICT(unknown, VERDICT_PASS, REASON_INTERNAL_ERROR);
	CHECK(script_dns_count("_mta-sts.unknown.example.org", DNS_TXT) == 0);
	fake_run(PATIENCE);
	CHECK_VERDICT(bound, VERDICT_DEFER, REASON_MX_INSECURE);
	for (size_t i = 0; i < CROWD; i++)
		CHECK_VERDICT(crowd[i], VERDICT_PASS, REASON_NO_POLICY);
	world_stop();
}

/* Who is known to bind is not starved, but looked up as ever. */
static void
a_crowd_does_not_starve_those_that_are_bound(void)
{
	struct asker bound, insecure;

	stored_with_answers("bound.example.org", "mx.example.org");
	script_stored("insecure.example.org", "1", BINDING, 100);
	script_silence(".crowd.test");
	world_start();
	crowd_asks(CROWD);
	fake_run(0);
	ask_domain(&bound, "bound.example.org", PATIENCE);
	ask_domain(&insecure, "insecure.example.org", PATIENCE);
	fake_run(0);
	CHECK_VERDICT(bound, VERDICT_PASS, REASON_SECURE);
	CHECK_VERDICT(insecure, VERDICT_DEFER, REASON_MX_INSECURE);
	fake_run(PATIENCE);
	for (size_t i = 0; i < CROWD; i++)
		CHECK_VERDICT(crowd[i], VERDICT_PASS, REASON_DEADLINE);
	world_stop();
}

/* A resolver for each: strangers must not have them by the thousand. */
static void
A_02_fresh_questions_are_bounded(void)
{
	const size_t n = WORKER_FRESH_MAX + 1;
	static struct asker askers[WORKER_FRESH_MAX + 1];
	static char txt[WORKER_FRESH_MAX + 1][48];
	unsigned fresh = 0;

	world_config.rules.action = RULE_ACTION_REJECT;
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(txt[i], sizeof(txt[i]),
		    "_mta-sts.d%zu.crowd.test", i);
		(void)snprintf(crowd_names[i], sizeof(crowd_names[i]), "%s",
		    txt[i] + strlen("_mta-sts."));
		script_stored(crowd_names[i], "1", BINDING, 100);
		script_txt(crowd_names[i], "1");
		script_dns((struct script_dns){.name = crowd_names[i],
		    .type = DNS_MX,
		    .status = FACT_INSECURE,
		    .answer = ANSWER_RECORDS,
		    .records = "10 mx.crowd.test",
		    .delay_ms = 100});
	}
	world_start();
	for (size_t i = 0; i < n; i++)
		ask_domain(&askers[i], crowd_names[i], PATIENCE);
	fake_run(50);
	for (size_t i = 0; i < n; i++)
		script_dns((struct script_dns){.name = txt[i],
		    .type = DNS_TXT,
		    .delay_ms = SCRIPT_NEVER});
	fake_run(PATIENCE);
	for (size_t i = 0; i < n; i++) {
		fresh += script_fresh_count(txt[i], DNS_TXT);
		CHECK_VERDICT(askers[i], VERDICT_DEFER, REASON_MX_INSECURE);
	}
	CHECK(fresh == WORKER_FRESH_MAX);
	world_stop();
}

/* Policies that bind are no way to use up all either. */
static void
the_reserve_is_bounded(void)
{
	static struct asker askers[WORKER_RESERVED_MAX + 1];
	static char names[WORKER_RESERVED_MAX + 1][32];
	const size_t n = WORKER_RESERVED_MAX;

	script_silence(".crowd.test");
	world_start();
	crowd_asks(CROWD);
	fake_run(0);
	for (size_t i = 0; i <= n; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "b%zu.crowd.test",
		    i);
		script_stored(names[i], "1", BINDING, 100);
		ask_domain(&askers[i], names[i], PATIENCE);
	}
	fake_run(0);
	for (size_t i = 0; i < n; i++)
		CHECK(askers[i].completions == 0);
	CHECK_VERDICT(askers[n], VERDICT_DEFER, REASON_INTERNAL_ERROR);
	fake_run(PATIENCE);
	for (size_t i = 0; i < n; i++)
		CHECK_VERDICT(askers[i], VERDICT_DEFER, REASON_DEADLINE);
	world_stop();
}

/* A few dozen domains are enough for more questions than can be asked. */
static void
questions_of_strangers_leave_room(void)
{
	static char mx[MX_SIZE];
	struct asker bound, unknown;
	size_t len = 0, n = WORKER_QUESTIONS_MAX / (3 * HOSTS) + 1;

	for (size_t i = 0; i < HOSTS; i++)
		len += (size_t)snprintf(mx + len, sizeof(mx) - len,
		    "%s%zu h%zu.crowd.test", i > 0 ? ", " : "", i, i);
	script_silence(".crowd.test");
	stored_with_answers("bound.example.org", "mx.example.org");
	script_txt("unknown.example.org", "1");
	script_policy("unknown.example.org", BINDING, 0);
	world_start();
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(crowd_names[i], sizeof(crowd_names[i]),
		    "d%zu.crowd.test", i);
		script_txt(crowd_names[i], "1");
		script_policy(crowd_names[i], BINDING, 0);
		script_secure(crowd_names[i], DNS_MX, mx);
		ask_domain(&crowd[i], crowd_names[i], PATIENCE);
		fake_run(0);
	}
	ask_domain(&bound, "bound.example.org", PATIENCE);
	ask_domain(&unknown, "unknown.example.org", PATIENCE);
	fake_run(0);
	CHECK_VERDICT(bound, VERDICT_PASS, REASON_SECURE);
	/* discovery has a resolver of its own */
	CHECK_VERDICT(unknown, VERDICT_DEFER, REASON_MX_FAILED);
	CHECK(strcmp(unknown.why, BUSY) == 0);
	fake_run(PATIENCE);
	/* all but the last, which came too late for a question */
	for (size_t i = 0; i < n - 1; i++)
		CHECK_VERDICT(crowd[i], VERDICT_DEFER, REASON_DEADLINE);
	world_stop();
}

/* What a crowd keeps from being asked is asked when there is room: no fetch
 * ran, so none failed. */
static void
F_17_a_crowd_puts_no_policy_host_into_back_off(void)
{
	static const char *const forwarder[] = {"192.0.2.53"};
	struct asker unknown;

	world_config.resolvers.n = 1;
	world_config.resolvers.item = forwarder;
	script_txt("unknown.example.org", "1");
	script_policy("unknown.example.org", BINDING, 0);
	script_secure("unknown.example.org", DNS_DS, "1 13 2");
	script_silence(".crowd.test");
	world_start();
	crowd_asks(CROWD - 1);
	fake_run(1500); /* without a TXT, addresses are asked as well */
	unknown = asked("unknown.example.org");
	CHECK_VERDICT(unknown, VERDICT_PASS, REASON_DISCOVERY_FAILED);
	CHECK(script_fetch_count("unknown.example.org") == 0);
	/* under resolvers of its own */
	world_reload();
	script_dns((struct script_dns){.name = "_mta-sts.unknown.example.org",
	    .type = DNS_TXT,
	    .status = FACT_BOGUS});
	CHECK_VERDICT(asked("unknown.example.org"), VERDICT_DEFER,
	    REASON_MX_INSECURE);
	world_stop();
}

const struct scenario crowd_scenarios[] = {
  /* clang-format off */
    SCENARIO(lookups_under_way_are_bounded),
    SCENARIO(what_is_shed_stays_shed_after_a_deadline),
    SCENARIO(a_crowd_does_not_starve_those_that_are_bound),
    SCENARIO(A_02_fresh_questions_are_bounded),
    SCENARIO(the_reserve_is_bounded),
    SCENARIO(questions_of_strangers_leave_room),
    SCENARIO(F_17_a_crowd_puts_no_policy_host_into_back_off),
    {NULL, NULL},
  /* clang-format on */
};
