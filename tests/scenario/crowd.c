/*
 * Scenarios of a crowd: strangers with more domains than can be looked up at a
 * time. Who is known to bind is looked up or deferred; the rest passes, and the
 * log says why.
 */
#include "autoconf.h"

#include <string.h>

#include "engine/engine_impl.h"
#include "world.h"

#define CROWD    WORKER_LOOKUPS_MAX
#define HOSTS    FACTS_HOSTS_MAX
#define MX_SIZE  2048
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

/* How many lines of the event limit have this text. */
static size_t
limit_lines(const char *text)
{
	return world_log_lines(" limit ", text);
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
	world_start_logging();
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
	CHECK(limit_lines("4096 lookups under way") == 1);
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
	world_start_logging();
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
	CHECK(limit_lines("32 policies are checked afresh") == 1);
	world_stop();
}

/* Policies that bind are no way to use up all either: what is beyond the
 * reserve waits until its deadline. */
static void
S_08_the_reserve_is_bounded(void)
{
	static struct asker askers[WORKER_RESERVED_MAX + 2];
	static char names[WORKER_RESERVED_MAX + 2][32];
	const size_t n = WORKER_RESERVED_MAX;

	script_silence(".crowd.test");
	world_start_logging();
	crowd_asks(CROWD);
	fake_run(0);
	for (size_t i = 0; i < n + 2; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "b%zu.crowd.test",
		    i);
		script_stored(names[i], "1", BINDING, 100);
		ask_domain(&askers[i], names[i], PATIENCE);
	}
	fake_run(PATIENCE - 100);
	for (size_t i = 0; i < n + 2; i++)
		CHECK(askers[i].completions == 0);
	CHECK(limit_lines("1024 more lookups under way") == 1);
	fake_run(100);
	for (size_t i = n; i < n + 2; i++) {
		CHECK_VERDICT(askers[i], VERDICT_DEFER, REASON_INTERNAL_ERROR);
		CHECK(strstr(askers[i].why, "too many domains") != NULL);
		CHECK(script_dns_count(names[i], DNS_MX) == 0);
	}
	for (size_t i = 0; i < n; i++)
		CHECK_VERDICT(askers[i], VERDICT_DEFER, REASON_DEADLINE);
	world_stop();
}

/* The reserve is full of the domains that stand first. All are silent but those
 * that a scenario scripts. */
static void
reserve_is_full(void)
{
	static struct asker askers[WORKER_RESERVED_MAX];
	static char names[WORKER_RESERVED_MAX][32];

	crowd_asks(CROWD);
	fake_run(0);
	for (size_t i = 0; i < WORKER_RESERVED_MAX; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "b%zu.bound.test",
		    i);
		script_stored(names[i], "1", BINDING, 100);
		ask_domain(&askers[i], names[i], PATIENCE);
	}
	fake_run(0);
}

/* b0.bound.test is looked up in so many milliseconds. */
static void
first_of_the_reserve_ends_after(uint64_t ms)
{
	script_txt("b0.bound.test", "1");
	script_dns((struct script_dns){.name = "b0.bound.test",
	    .type = DNS_MX,
	    .status = FACT_INSECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "10 mx.crowd.test",
	    .delay_ms = ms});
}

static void
S_08_who_waits_for_the_reserve_is_looked_up(void)
{
	struct asker bound;

	script_silence(".crowd.test");
	script_silence_for(".bound.test", 200);
	stored_with_answers("bound.example.org", "mx.example.org");
	world_start();
	reserve_is_full();
	ask_domain(&bound, "bound.example.org", PATIENCE);
	fake_run(0);
	CHECK(bound.completions == 0);
	fake_run(PATIENCE);
	CHECK_VERDICT(bound, VERDICT_PASS, REASON_SECURE);
	world_stop();
}

/* One place becomes free: the domain that has waited longest takes it. One for
 * which nobody waits any more does not. */
static void
S_08_the_reserve_is_given_out_in_order(void)
{
	struct asker gone, first, shares, second;

	script_silence(".test");
	first_of_the_reserve_ends_after(1000);
	stored_with_answers("gone.example.org", "mx.example.org");
	script_stored("first.bound.test", "1", BINDING, 100);
	stored_with_answers("second.example.org", "mx.example.org");
	world_start();
	reserve_is_full();
	ask_domain(&gone, "gone.example.org", 500);
	ask_domain(&first, "first.bound.test", 500);
	fake_run(100);
	ask_domain(&second, "second.example.org", 2000);
	ask_domain(&shares, "first.bound.test", PATIENCE);
	fake_run(1500);
	CHECK_VERDICT(gone, VERDICT_DEFER, REASON_INTERNAL_ERROR);
	CHECK_VERDICT(first, VERDICT_DEFER, REASON_INTERNAL_ERROR);
	fake_run(PATIENCE);
	/* was looked up */
	CHECK_VERDICT(shares, VERDICT_DEFER, REASON_DEADLINE);
	/* was not */
	CHECK_VERDICT(second, VERDICT_DEFER, REASON_INTERNAL_ERROR);
	world_stop();
}

/* A place that a stranger's lookup leaves serves as well. */
static void
S_08_who_waits_for_the_reserve_takes_any_place(void)
{
	struct asker first, second;

	script_silence(".test");
	script_dns((struct script_dns){.name = "_mta-sts.d0.crowd.test",
	    .type = DNS_TXT,
	    .status = FACT_SECURE,
	    .answer = ANSWER_NXDOMAIN,
	    .delay_ms = 1000});
	world_start();
	reserve_is_full();
	script_stored("first.bound.test", "1", BINDING, 100);
	script_stored("second.bound.test", "1", BINDING, 100);
	ask_domain(&first, "first.bound.test", PATIENCE);
	ask_domain(&second, "second.bound.test", PATIENCE);
	fake_run(PATIENCE);
	CHECK_VERDICT(first, VERDICT_DEFER, REASON_DEADLINE);
	CHECK_VERDICT(second, VERDICT_DEFER, REASON_INTERNAL_ERROR);
	world_stop();
}

/* A reload and a stop while a lookup waits for the reserve. */
static void
S_08_who_waits_for_the_reserve_is_answered_at_the_stop(void)
{
	struct asker before, after;

	script_silence(".test");
	stored_with_answers("before.example.org", "mx.example.org");
	stored_with_answers("after.example.org", "mx.example.org");
	world_start();
	reserve_is_full();
	ask_domain(&before, "before.example.org", PATIENCE);
	fake_run(10);
	world_reload();
	ask_domain(&after, "after.example.org", PATIENCE);
	fake_run(10);
	CHECK(before.completions == 0 && after.completions == 0);
	world_stop();
	CHECK_VERDICT(before, VERDICT_DEFER, REASON_INTERNAL_ERROR);
	CHECK_VERDICT(after, VERDICT_DEFER, REASON_INTERNAL_ERROR);
}

/* MX records of HOSTS hosts, h0.suffix and so on. */
static const char *
many_hosts(const char *suffix)
{
	static char mx[MX_SIZE];
	size_t len = 0;

	for (size_t i = 0; i < HOSTS; i++)
		len += (size_t)snprintf(mx + len, sizeof(mx) - len,
		    "%s%zu h%zu%s", i > 0 ? ", " : "", i, i, suffix);
	return mx;
}

/* The i-th of the crowd has many hosts, and all are silent. */
static const char *
silent_hosts(size_t i)
{
	(void)snprintf(crowd_names[i], sizeof(crowd_names[i]),
	    "d%zu.crowd.test", i);
	script_secure(crowd_names[i], DNS_MX, many_hosts(".crowd.test"));
	return crowd_names[i];
}

/* A few dozen domains are enough for more questions than can be asked. */
static void
S_08_questions_of_strangers_leave_room(void)
{
	struct asker bound, unknown;
	size_t n = WORKER_QUESTIONS_MAX / (3 * HOSTS) + 1;

	script_silence(".crowd.test");
	stored_with_answers("bound.example.org", "mx.example.org");
	script_txt("unknown.example.org", "1");
	script_policy("unknown.example.org", BINDING, 0);
	world_start();
	for (size_t i = 0; i < n; i++) {
		script_txt(silent_hosts(i), "1");
		script_policy(crowd_names[i], BINDING, 0);
		ask_domain(&crowd[i], crowd_names[i], PATIENCE);
		fake_run(0);
	}
	ask_domain(&bound, "bound.example.org", PATIENCE);
	ask_domain(&unknown, "unknown.example.org", PATIENCE);
	fake_run(0);
	CHECK_VERDICT(bound, VERDICT_PASS, REASON_SECURE);
	CHECK_VERDICT(unknown, VERDICT_DEFER, REASON_MX_INSECURE);
	fake_run(PATIENCE);
	for (size_t i = 0; i < n; i++)
		CHECK_VERDICT(crowd[i], VERDICT_DEFER, REASON_DEADLINE);
	world_stop();
}

/* Strangers whose domains bind, too: a policy of one's own is no way to keep
 * others from being looked up. */
static void
S_08_strangers_that_bind_leave_room(void)
{
	const size_t n = 80; /* more questions than two resolvers take */
	struct asker bound;

	script_silence(".crowd.test");
	stored_with_answers("bound.example.org", "mx.example.org");
	world_start();
	for (size_t i = 0; i < n; i++) {
		script_stored(silent_hosts(i), "1", BINDING, 100);
		ask_domain(&crowd[i], crowd_names[i], PATIENCE);
		fake_run(0);
	}
	ask_domain(&bound, "bound.example.org", PATIENCE);
	fake_run(0);
	CHECK_VERDICT(bound, VERDICT_PASS, REASON_SECURE);
	fake_run(PATIENCE);
	for (size_t i = 0; i < n; i++)
		CHECK_VERDICT(crowd[i], VERDICT_DEFER, REASON_DEADLINE);
	world_stop();
}

/* More of them than can be asked about. Each waits for its turn, and so does
 * the one whose servers answer. */
static void
S_08_what_is_too_much_waits_for_its_turn(void)
{
	const size_t n = WORKER_BOUND_MAX / LOOKUP_QUESTIONS_BUSY;
	struct asker bound;

	script_silence_for(".crowd.test", 2000);
	stored_with_answers("bound.example.org", "mx.example.org");
	world_start_logging();
	for (size_t i = 0; i < n; i++) {
		script_stored(silent_hosts(i), "1", BINDING, 100);
		ask_domain(&crowd[i], crowd_names[i], PATIENCE);
		fake_run(1900 / n);
	}
	ask_domain(&bound, "bound.example.org", PATIENCE);
	fake_run(0);
	CHECK(bound.completions == 0);
	fake_run(PATIENCE);
	CHECK_VERDICT(bound, VERDICT_PASS, REASON_SECURE);
	for (size_t i = 0; i < n; i++)
		CHECK(crowd[i].verdict == VERDICT_DEFER);
	/* one line for each limit, and again after a minute */
	CHECK(limit_lines("480 DNS questions about domains") == 1);
	CHECK(limit_lines("3 DNS questions at a time") == 1);
	fake_run(60000);
	CHECK(limit_lines("480 DNS questions about domains") == 2);
	world_stop();
}

/* The same for the questions of discovery. */
static void
S_08_discovery_of_domains_that_bind_is_bounded(void)
{
	const size_t n = DNS_PENDING_MAX - WORKER_QUESTIONS_MAX;

	script_silence(".crowd.test");
	world_start_logging();
	for (size_t i = 0; i < n + 2; i++) {
		(void)snprintf(crowd_names[i], sizeof(crowd_names[i]),
		    "d%zu.crowd.test", i);
		script_stored(crowd_names[i], "1", BINDING, 100);
		ask_domain(&crowd[i], crowd_names[i], PATIENCE);
	}
	fake_run(1000);
	CHECK(limit_lines("1536 DNS questions of policy discovery") == 1);
	fake_run(PATIENCE);
	for (size_t i = 0; i < n + 2; i++)
		CHECK_VERDICT(crowd[i], VERDICT_DEFER, REASON_DEADLINE);
	world_stop();
}

/* A domain with more MX hosts than are looked at is logged as other limits are:
 * at most once a minute. */
static void
S_08_truncated_hosts_are_logged_once_a_minute(void)
{
	static char names[4][32];
	char mx[MX_SIZE + 32];

	(void)snprintf(mx, sizeof(mx), "%s, 99 one.more.test",
	    many_hosts(".crowd.test"));
	world_start_logging();
	for (size_t i = 0; i < 4; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "d%zu.test", i);
		script_stored(names[i], "1", BINDING, 100);
		script_secure(names[i], DNS_MX, mx);
	}
	(void)asked(names[0]);
	(void)asked(names[1]);
	(void)asked(names[2]);
	CHECK(limit_lines("has more than 32 MX hosts") == 1);
	CHECK(limit_lines("d0.test has more") == 1);
	fake_run(60000);
	(void)asked(names[3]);
	CHECK(limit_lines("has more than 32 MX hosts") == 2);
	CHECK(limit_lines("d3.test has more") == 1);
	world_stop();
}

/* When nobody waits for the strangers any more, they do not wait either. */
static void
S_08_nothing_waits_for_nobody(void)
{
	const size_t n = 2 * WORKER_BOUND_MAX;
	struct asker bound;

	script_silence_for(".crowd.test", 10000);
	stored_with_answers("bound.example.org", "mx.example.org");
	world_start();
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(crowd_names[i], sizeof(crowd_names[i]),
		    "d%zu.crowd.test", i);
		script_stored(crowd_names[i], "1", BINDING, 100);
		ask_domain(&crowd[i], crowd_names[i], PATIENCE);
		fake_run(5);
	}
	/* The questions of the second half wait for those of the first one,
	 * which are under way for 10 s. */
	fake_run(PATIENCE);
	ask_domain(&bound, "bound.example.org", PATIENCE);
	fake_run(0);
	CHECK(bound.completions == 0);
	/* what they did not ask is no verdict that the cache keeps */
	script_delivery(crowd_names[n - 1], "mx.example.org", true);
	ask_domain(&crowd[n - 1], crowd_names[n - 1], PATIENCE);
	fake_run(PATIENCE);
	CHECK_VERDICT(bound, VERDICT_PASS, REASON_SECURE);
	CHECK_VERDICT(crowd[n - 1], VERDICT_PASS, REASON_SECURE);
	world_stop();
}

/* A domain with many hosts, all well: some of them wait within its lookup. */
static void
S_08_a_lookup_asks_about_a_few_hosts_at_a_time(void)
{
	static char names[HOSTS][2][48];
	struct asker bound;

	script_stored("example.org", "1", BINDING, 100);
	script_secure("example.org", DNS_MX, many_hosts(".example.org"));
	for (size_t i = 0; i < HOSTS; i++) {
		(void)snprintf(names[i][0], sizeof(names[i][0]),
		    "h%zu.example.org", i);
		(void)snprintf(names[i][1], sizeof(names[i][1]),
		    "_25._tcp.h%zu.example.org", i);
		script_delivery("other.example.org", names[i][0], true);
		script_dns((struct script_dns){.name = names[i][0],
		    .type = DNS_A,
		    .status = FACT_SECURE,
		    .answer = ANSWER_RECORDS,
		    .records = "192.0.2.25",
		    .delay_ms = 100});
	}
	world_start();
	ask_domain(&bound, "example.org", PATIENCE);
	fake_run(50);
	CHECK(script_dns_count(names[0][0], DNS_A) == 1);
	CHECK(script_dns_count(names[HOSTS - 1][0], DNS_A) == 0);
	fake_run(PATIENCE);
	CHECK_VERDICT(bound, VERDICT_PASS, REASON_SECURE);
	for (size_t i = 0; i < HOSTS; i++) {
		CHECK(script_dns_count(names[i][0], DNS_A) == 1);
		CHECK(script_dns_count(names[i][0], DNS_AAAA) == 1);
		CHECK(script_dns_count(names[i][1], DNS_TLSA) == 1);
	}
	world_stop();
}

/* What a crowd keeps from being asked is asked when there is room: no fetch
 * ran, so none failed. */
static void
F_17_a_crowd_puts_no_policy_host_into_back_off(void)
{
	static const char *forwarder[] = {"192.0.2.53"};
	struct asker unknown;

	world_config.resolvers.n = 1;
	world_config.resolvers.item = forwarder;
	script_txt("unknown.example.org", "1");
	script_policy("unknown.example.org", BINDING, 0);
	script_secure("unknown.example.org", DNS_DS, "1 13 2");
	script_silence(".crowd.test");
	world_start_logging();
	crowd_asks(CROWD - 1);
	fake_run(1500); /* without a TXT, addresses are asked as well */
	unknown = asked("unknown.example.org");
	CHECK_VERDICT(unknown, VERDICT_PASS, REASON_DEADLINE);
	CHECK(script_fetch_count("unknown.example.org") == 0);
	CHECK(limit_lines("4608 DNS questions of policy discovery") == 1);
	CHECK(limit_lines("4608 DNS questions under way") == 1);
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
    SCENARIO(S_08_the_reserve_is_bounded),
    SCENARIO(S_08_who_waits_for_the_reserve_is_looked_up),
    SCENARIO(S_08_the_reserve_is_given_out_in_order),
    SCENARIO(S_08_who_waits_for_the_reserve_takes_any_place),
    SCENARIO(S_08_who_waits_for_the_reserve_is_answered_at_the_stop),
    SCENARIO(S_08_questions_of_strangers_leave_room),
    SCENARIO(S_08_strangers_that_bind_leave_room),
    SCENARIO(S_08_what_is_too_much_waits_for_its_turn),
    SCENARIO(S_08_discovery_of_domains_that_bind_is_bounded),
    SCENARIO(S_08_truncated_hosts_are_logged_once_a_minute),
    SCENARIO(S_08_nothing_waits_for_nobody),
    SCENARIO(S_08_a_lookup_asks_about_a_few_hosts_at_a_time),
    SCENARIO(F_17_a_crowd_puts_no_policy_host_into_back_off),
    {NULL, NULL},
  /* clang-format on */
};
