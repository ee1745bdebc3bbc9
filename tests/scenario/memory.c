/* Scenarios in which memory runs out, at every allocation in turn. */
#include "autoconf.h"

#include <string.h>

#include "base/err.h"
#include "nomem.h"
#include "world.h"

/* Of two hosts one is not secure. */
static void
script_hosts(void)
{
	script_delivery("example.org", "mx1.example.org", true);
	script_secure("example.org", DNS_MX,
	    "10 mx1.example.org, 20 mx2.example.org");
	script_dns((struct script_dns){.name = "mx2.example.org",
	    .type = DNS_A,
	    .status = FACT_INSECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "192.0.2.26"});
}

static void
script_bound(void)
{
	script_stored("example.org", "1", BINDING, 100);
	script_txt("example.org", "1");
	script_hosts();
}

/* Not even a lookup: no answer is better than one that knows nothing of the
 * store, which ask() then reads by itself. */
static void
D_20_no_memory_for_a_lookup_is_no_answer(void)
{
	struct asker a;

	script_bound();
	world_start();
	nomem_at(1, false); /* after the one who waits */
	ask_domain(&a, "example.org", 4000);
	fake_run(4000);
	CHECK(nomem_end());
	CHECK(a.completions == 1);
	CHECK(a.none);
	world_stop();
}

/* Met for the first time, and with an alias. */
static void
script_unknown(void)
{
	script_txt("example.org", "1");
	script_policy("example.org", BINDING, 10);
	script_delivery("example.org", "mx1.example.org", true);
	script_dns((struct script_dns){.name = "mx1.example.org",
	    .type = DNS_A,
	    .status = FACT_SECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "192.0.2.25",
	    .alias = "real.example.org"});
}

/* Whether what is not known to bind is told why it passes; a refresh as well.
 * False: there was no n-th allocation. */
static bool
unknown_is_told(unsigned n, bool for_good)
{
	struct asker a;
	bool struck;

	world_reset();
	world_config.rules.action = RULE_ACTION_REJECT;
	script_unknown();
	world_start();
	nomem_at(n, for_good);
	ask_domain(&a, "example.org", 4000);
	fake_run(4000);
	struck = nomem_end();
	CHECK(a.completions == 1);
	CHECK(a.none || a.verdict != VERDICT_PASS ||
	    a.reason == REASON_INTERNAL_ERROR ||
	    a.reason == REASON_DISCOVERY_FAILED);
	/* nor is it passed on once there is memory again */
	CHECK_VERDICT(asked("example.org"), VERDICT_REJECT,
	    REASON_TLSA_INSECURE);
	world_stop();
	return struck;
}

/* C-15. False: there was no n-th allocation. */
static bool
unknown_is_deferred(unsigned n, bool for_good)
{
	struct asker a;
	bool struck;

	world_reset();
	world_config.rules.on_discovery_failure = RULE_TEMPFAIL;
	script_unknown();
	world_start();
	nomem_at(n, for_good);
	ask_domain(&a, "example.org", 4000);
	fake_run(4000);
	struck = nomem_end();
	CHECK(a.completions == 1);
	/* without an answer the asker decides: test_recipient */
	CHECK(a.none || a.verdict == VERDICT_DEFER);
	CHECK(a.none || a.reason != REASON_INTERNAL_ERROR ||
	    strcmp(a.why, err_text(ERR_NOMEM)) == 0 ||
	    strncmp(a.why, "policy store, ", 14) == 0);
	world_stop();
	return struck;
}

static void
C_15_no_memory_obeys_the_option(void)
{
	unsigned n = 0;

	while (unknown_is_deferred(n, false))
		n++;
	CHECK(n > 10);
	for (n = 0; unknown_is_deferred(n, true);)
		n++;
}

static void
D_20_no_memory_is_told(void)
{
	unsigned n = 0;

	while (unknown_is_told(n, false))
		n++;
	CHECK(n > 10);
	for (n = 0; unknown_is_told(n, true);)
		n++;
}

/* Bound by a pin alone (T-14). */
static void
script_pinned(void)
{
	static const struct domain_entry pin = {.domain = "example.org"};

	script_hosts();
	script_dns((struct script_dns){.name = "_mta-sts.example.org",
	    .type = DNS_TXT,
	    .status = FACT_BOGUS});
	world_config.pins = (struct domain_list){.n = 1, .item = &pin};
}

/* False: there was no n-th allocation. */
static bool
bound_does_not_pass(unsigned n, bool for_good, void (*script)(void))
{
	struct asker a;
	bool struck;

	world_reset();
	script();
	world_start();
	nomem_at(n, for_good);
	ask_domain(&a, "example.org", 4000);
	fake_run(4000);
	struck = nomem_end();
	CHECK(a.completions == 1);
	CHECK(a.none || a.verdict == VERDICT_DEFER ||
	    a.reason == REASON_INTERNAL_ERROR);
	/* and nothing wrong is left behind */
	CHECK_VERDICT(asked("example.org"), VERDICT_DEFER,
	    REASON_ADDRESS_INSECURE);
	world_stop();
	return struck;
}

static void
D_20_no_memory_is_no_pass(void)
{
	unsigned n = 0;

	while (bound_does_not_pass(n, false, script_bound))
		n++;
	CHECK(n > 10);
}

static void
D_20_no_memory_any_more_is_no_pass(void)
{
	unsigned n = 0;

	while (bound_does_not_pass(n, true, script_bound))
		n++;
	CHECK(n > 10);
}

static void
T_14_D_20_no_memory_lets_no_pinned_domain_pass(void)
{
	unsigned n = 0;

	while (bound_does_not_pass(n, false, script_pinned))
		n++;
	CHECK(n > 10);
	for (n = 0; bound_does_not_pass(n, true, script_pinned);)
		n++;
}

const struct scenario memory_scenarios[] = {
  /* clang-format off */
    SCENARIO(D_20_no_memory_is_no_pass),
    SCENARIO(T_14_D_20_no_memory_lets_no_pinned_domain_pass),
    SCENARIO(D_20_no_memory_is_told),
    SCENARIO(C_15_no_memory_obeys_the_option),
    SCENARIO(D_20_no_memory_for_a_lookup_is_no_answer),
    SCENARIO(D_20_no_memory_any_more_is_no_pass),
    {NULL, NULL},
  /* clang-format on */
};
