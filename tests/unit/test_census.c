/* What is summed up of the store. */
#include "autoconf.h"

#include <string.h>

#include <criterion/criterion.h>

#include "front/stats_sampler.h"
#include "store/store.h"

#define NOW_S 1700000000
#define DAY_S 86400

static const char bound[] = "version: STSv1\nmode: enforce\n"
			    "mx: mx.example.org\nmax_age: 864000\n"
			    "dnssec: yes\n";
static const char plain[] = "version: STSv1\nmode: enforce\n"
			    "mx: mx.example.org\nmax_age: 864000\n";

static struct census census;

static void
add(const char *domain, const char *body, int64_t age_s, const char *failure)
{
	const struct store_entry entry = {.domain = domain,
	    .id = "1",
	    .fetched_s = NOW_S - age_s,
	    .failure = failure,
	    .body = (const uint8_t *)body,
	    .len = strlen(body)};

	census_add(&census, &entry);
}

static void
set_up(void)
{
	census = (struct census){.now_s = NOW_S};
}

TestSuite(census, .init = set_up);

Test(census, live_and_bound_are_told_apart)
{
	add("a.example", bound, 0, "");
	add("b.example", plain, 0, "");
	/* C-02: it lives while its age is max_age. */
	add("c.example", bound, 10 * DAY_S, "");
	add("d.example", bound, 10 * DAY_S + 1, "");
	add("e.example", "no policy", 0, "");
	cr_expect_eq(census.live, 3U);
	cr_expect_eq(census.binding, 2U);
	cr_expect_eq(census.failing, 0U);
	cr_expect_eq(census.failing_expires_s, 0);
}

Test(census, those_that_expire_next_come_first)
{
	add("a.example", bound, 1 * DAY_S, "");
	add("b.example", bound, 3 * DAY_S, "");
	add("c.example", bound, 2 * DAY_S, "");
	cr_assert_eq(census.n, 3U);
	cr_expect_str_eq(census.listed[0].domain, "b.example");
	cr_expect_str_eq(census.listed[1].domain, "c.example");
	cr_expect_str_eq(census.listed[2].domain, "a.example");
}

/* As `dane-sts status` counts them. */
Test(census, plain_policies_fail_and_expire_as_well)
{
	add("bound.example", bound, 1 * DAY_S, "");
	cr_expect_str_eq(census.next_domain, "bound.example");
	add("plain.example", plain, 8 * DAY_S, "no route");
	add("expired.example", plain, 10 * DAY_S + 1, "no route");
	add("failing.example", bound, 2 * DAY_S, "no route");
	cr_expect_eq(census.live_failing, 2U);
	cr_expect_str_eq(census.next_domain, "plain.example");
	cr_expect_eq(census.next_expires_s, NOW_S + 2 * DAY_S);
}

/* Whether or not it is listed, and whether it binds: others do not matter. */
Test(census, the_next_expiry_of_those_that_fail)
{
	add("soon.example", bound, 9 * DAY_S, "");
	add("later.example", bound, 2 * DAY_S, "no route");
	add("sooner.example", bound, 4 * DAY_S, "no route");
	add("latest.example", bound, 1 * DAY_S, "no route");
	add("unbound.example", plain, 8 * DAY_S, "no route");
	cr_expect_eq(census.failing, 3U);
	cr_expect_eq(census.failing_expires_s, NOW_S + 6 * DAY_S);
	cr_expect_eq(census.listed[0].expires_s, NOW_S + DAY_S);
}
