/* Scenarios of the refresh of stored policies. */
#include "autoconf.h"

#include <string.h>

#include "base/clock.h"
#include "world.h"

#define SHORT_LIVED                                          \
	"version: STSv1\nmode: enforce\nmx: *.example.org\n" \
	"max_age: 1200\ndnssec: yes\n"

static void
C_11_refresh_restarts_max_age(void)
{
	struct store_entry e;

	script_stored("example.org", "1", BINDING, 5000);
	script_txt("example.org", "1");
	script_policy("example.org", BINDING, 10);
	world_start();
	refresh_domain("example.org");
	CHECK(script_stored_entry("example.org", &e));
	CHECK(clock_wall_s() - e.fetched_s <= 60);
	CHECK(strcmp(e.failure, "") == 0);
	CHECK(script_fetch_count("example.org") == 1);
	/* and it asks for nothing else */
	CHECK(script_dns_count("example.org", DNS_MX) == 0);
	world_stop();
}

static void
C_11_refresh_goes_on_without_txt(void)
{
	struct store_entry e;

	script_stored("example.org", "1", BINDING, 5000);
	script_txt("example.org", "1");
	script_dns((struct script_dns){.name = "_mta-sts.example.org",
	    .type = DNS_TXT,
	    .status = FACT_SECURE,
	    .answer = ANSWER_NXDOMAIN});
	script_policy("example.org", BINDING, 10);
	world_start();
	refresh_domain("example.org");
	CHECK(script_stored_entry("example.org", &e));
	CHECK(clock_wall_s() - e.fetched_s <= 60);
	CHECK(strcmp(e.id, "1") == 0);
	world_stop();
}

static void
C_05_failed_refresh_shortens_nothing(void)
{
	struct store_entry e;
	struct asker a;
	int64_t fetched_s;

	script_stored("example.org", "1", BINDING, 5000);
	script_stored_entry("example.org", &e);
	fetched_s = e.fetched_s;
	script_txt("example.org", "1");
	script_policy_fails("example.org", FETCH_FAILURE_STATUS,
	    "HTTP status 503");
	world_start();
	refresh_domain("example.org");
	CHECK(script_stored_entry("example.org", &e));
	CHECK(e.fetched_s == fetched_s);
	CHECK(strcmp(e.failure, "HTTP status 503") == 0);
	CHECK(e.tried_s > fetched_s);
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	CHECK(a.from == POLICY_FROM_CACHE);
	world_stop();
}

static void
F_17_refresh_that_never_ran_is_no_failure(void)
{
	struct store_entry e;
	int64_t tried_s;

	script_stored("example.org", "1", BINDING, 5000);
	script_stored_entry("example.org", &e);
	tried_s = e.tried_s;
	script_txt("example.org", "1");
	script_policy_fails("example.org", FETCH_FAILURE_QUEUE,
	    "no connection was free");
	world_start();
	refresh_domain("example.org");
	CHECK(script_stored_entry("example.org", &e));
	CHECK(e.tried_s == tried_s);
	CHECK(strcmp(e.failure, "") == 0);
	world_stop();
}

static void
K8_unchanged_id_alone_renews_nothing(void)
{
	struct store_entry e;
	int64_t fetched_s;

	script_stored("example.org", "1", BINDING, 5000);
	script_stored_entry("example.org", &e);
	fetched_s = e.fetched_s;
	script_txt("example.org", "1");
	world_start();
	(void)asked("example.org");
	CHECK(script_stored_entry("example.org", &e));
	CHECK(e.fetched_s == fetched_s);
	/* but that it was used is noted, for the refresher */
	CHECK(e.used_s > fetched_s);
	world_stop();
}

/* What was not used for a whole life is left to expire: the use of one that
 * lives shorter than the notes are apart must still be known. */
static void
C_11_use_of_a_short_lived_policy_is_noted_in_time(void)
{
	struct store_entry e;
	int64_t used_s;

	script_stored("example.org", "1", SHORT_LIVED, 100);
	script_txt("example.org", "1");
	world_start();
	(void)asked("example.org");
	CHECK(script_stored_entry("example.org", &e));
	used_s = e.used_s;
	CHECK(clock_wall_s() - used_s <= 60);
	fake_run(400000);
	(void)asked("example.org");
	CHECK(script_stored_entry("example.org", &e));
	CHECK(e.used_s >= used_s + 300);
	world_stop();
}

static void
C_07_refreshed_policy_counts_at_once(void)
{
	struct asker a;

	script_stored("example.org", "1", BINDING, 5000);
	script_txt("example.org", "1");
	script_policy("example.org", NOT_BINDING, 10);
	world_start();
	CHECK_VERDICT(asked("example.org"), VERDICT_DEFER, REASON_MX_INSECURE);
	refresh_domain("example.org");
	a = asked("example.org");
	CHECK(!a.cached);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_NO_DNSSEC_FLAG);
	world_stop();
}

/* A lookup that is over must not bring its verdict back when the last of what
 * it asked for comes in. */
static void
C_07_refreshed_policy_outlives_a_late_answer(void)
{
	struct asker a;

	script_txt("example.org", "1");
	script_policy("example.org", NOT_BINDING, 10);
	script_dns((struct script_dns){.name = "example.org",
	    .type = DNS_MX,
	    .status = FACT_INSECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "10 mx.example.org",
	    .delay_ms = 9000});
	world_start();
	a = asked("example.org");
	CHECK_VERDICT(a, VERDICT_PASS, REASON_NO_DNSSEC_FLAG);
	script_policy("example.org", BINDING, 10);
	refresh_domain("example.org"); /* takes longer than MX does */
	script_dns((struct script_dns){.name = "example.org",
	    .type = DNS_MX,
	    .status = FACT_INSECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "10 mx.example.org"});
	a = asked("example.org");
	CHECK(!a.cached);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	world_stop();
}

/* Strangers' policy hosts must not keep those of bound domains from being
 * fetched. */
static void
C_11_fetch_for_a_bound_domain_is_urgent(void)
{
	script_stored("bound.example.org", "1", BINDING, 5000);
	script_stored("free.example.org", "1", NOT_BINDING, 5000);
	script_policy("bound.example.org", BINDING, 10);
	script_policy("free.example.org", NOT_BINDING, 10);
	script_policy("new.example.org", BINDING, 10);
	script_txt("bound.example.org", "1");
	script_txt("free.example.org", "1");
	script_txt("new.example.org", "1");
	world_start();
	refresh_domain("bound.example.org");
	refresh_domain("free.example.org");
	(void)asked("new.example.org");
	CHECK(script_fetch_count("bound.example.org") == 1);
	CHECK(script_urgent_count("bound.example.org") == 1);
	CHECK(script_fetch_count("free.example.org") == 1);
	CHECK(script_urgent_count("free.example.org") == 0);
	CHECK(script_fetch_count("new.example.org") == 1);
	CHECK(script_urgent_count("new.example.org") == 0);
	world_stop();
}

static void
refresh_of_nothing_ends(void)
{
	world_start();
	refresh_domain("example.org");
	CHECK(script_fetch_count("example.org") == 0);
	world_stop();
}

const struct scenario refresh_scenarios[] = {
  /* clang-format off */
    SCENARIO(C_11_refresh_restarts_max_age),
    SCENARIO(C_11_refresh_goes_on_without_txt),
    SCENARIO(C_05_failed_refresh_shortens_nothing),
    SCENARIO(F_17_refresh_that_never_ran_is_no_failure),
    SCENARIO(K8_unchanged_id_alone_renews_nothing),
    SCENARIO(C_11_use_of_a_short_lived_policy_is_noted_in_time),
    SCENARIO(C_07_refreshed_policy_counts_at_once),
    SCENARIO(C_07_refreshed_policy_outlives_a_late_answer),
    SCENARIO(C_11_fetch_for_a_bound_domain_is_urgent),
    SCENARIO(refresh_of_nothing_ends),
    {NULL, NULL},
  /* clang-format on */
};
