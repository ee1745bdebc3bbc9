/*
 * decide(): one test for each requirement that it carries, on worlds of one
 * line (world.h). What holds for all facts is in test_decide_all.c.
 */
#include "autoconf.h"

#include "core/decide.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "world.h"

/* A stored policy that binds and is the one that the TXT names. */
#define BOUND   "txt=valid/1 stored=1/yes "
#define FETCHED "txt=valid/2 fetch=2/yes "

struct row {
	const char *facts;
	const char *rules;
	const char *verdict;
};

/* "open": nothing is settled yet. */
static void
check_row(const struct row *row, enum decide_when when)
{
	char text[WORLD_VERDICT_SIZE] = "open";
	struct world world;
	struct verdict verdict;

	world_make(&world, row->facts, row->rules);
	if (decide(&world.facts, &world.rules, when, &verdict))
		world_verdict(&verdict, text);
	cr_expect_str_eq(text, row->verdict, "[%s] [%s]: %s, not %s",
	    row->facts, row->rules, text, row->verdict);
}

static void
check_rows(const struct row *rows, size_t n, enum decide_when when)
{
	for (size_t i = 0; i < n; i++)
		check_row(&rows[i], when);
}

#define FINAL(...)                                               \
	do {                                                     \
		static const struct row rows[] = {__VA_ARGS__};  \
		check_rows(rows, sizeof(rows) / sizeof(rows[0]), \
		    DECIDE_FINAL);                               \
	} while (0)
#define PARTIAL(...)                                             \
	do {                                                     \
		static const struct row rows[] = {__VA_ARGS__};  \
		check_rows(rows, sizeof(rows) / sizeof(rows[0]), \
		    DECIDE_PARTIAL);                             \
	} while (0)

/* What decide() says but for its first words. */
static struct verdict
judge(struct world *world, const char *facts, const char *rules)
{
	struct verdict verdict;

	world_make(world, facts, rules);
	cr_assert(decide(&world->facts, &world->rules, DECIDE_FINAL, &verdict));
	return verdict;
}

/* --- recipients --------------------------------------------------------- */

/* clang-format off */

Test(decide, R_05_R_06_R_08_recipients_without_domain_pass)
{
	FINAL({BOUND "class=local mx=b", "", "pass no-domain"},
	    {BOUND "class=literal mx=b", "", "pass literal"},
	    {BOUND "class=invalid mx=b", "", "pass invalid-address"},
	    {BOUND "domain= mx=b", "", "pass invalid-address"});
	PARTIAL({"class=local", "", "pass no-domain"});
}

/* What the MTA routes and nobody can look up is as a failed discovery. */
Test(decide, R_20_a_routed_name_that_cannot_be_converted)
{
	static const struct {
		const char *mailer;
		const char *host;
		const char *rules;
		enum verdict_kind kind;
	} rows[] = {
	    {"smtp", "x", "", VERDICT_PASS},
	    {NULL, NULL, "discovery=tempfail", VERDICT_PASS},
	    {"smtp", NULL, "discovery=tempfail", VERDICT_DEFER},
	    {NULL, "x", "discovery=tempfail", VERDICT_DEFER},
	    {"smtp", "x", "discovery=tempfail action=quarantine",
		VERDICT_DEFER},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world world;
		struct verdict verdict;

		world_make(&world, "class=invalid", rows[i].rules);
		world.facts.recipient.mailer = rows[i].mailer;
		world.facts.recipient.host = rows[i].host;
		cr_assert(decide(&world.facts, &world.rules, DECIDE_FINAL,
		    &verdict));
		cr_expect_eq(verdict.kind, rows[i].kind, "row %zu", i);
		cr_expect_eq(verdict.reason, REASON_INVALID_ADDRESS);
	}
}

Test(decide, R_08_a_domain_that_is_not_there_is_no_domain)
{
	struct world world;
	struct verdict verdict;

	world_make(&world, BOUND "mx=b", "");
	world.facts.recipient.domain = NULL;
	cr_assert(
	    decide(&world.facts, &world.rules, DECIDE_FINAL, &verdict));
	cr_expect_eq(verdict.kind, VERDICT_PASS);
	cr_expect_eq(verdict.reason, REASON_INVALID_ADDRESS);
}

Test(decide, R_03_no_mx_lookup_for_a_bracketed_host)
{
	FINAL({BOUND "no-mx self=s+,s-,s+", "", "pass secure"},
	    {BOUND "no-mx mx=b self=s+,s-,s+", "", "pass secure"},
	    {BOUND "no-mx port=587 self=s+,s-,b", "",
		"defer tlsa-bogus _587._tcp.example.org TLSA bogus"},
	    {BOUND "no-mx", "",
		"defer address-failed example.org A unasked"},
	    {BOUND "no-mx self=s-,s-,?", "",
		"pass no-usable-host example.org MX host unusable"});
}

/* --- which policy ------------------------------------------------------- */

Test(decide, C_01_a_live_policy_applies_when_nothing_newer_can_be_had)
{
	FINAL({"txt=failed stored=1/yes mx=b", "",
		"defer mx-bogus example.org MX bogus"},
	    {"stored=1/yes mx=b", "", "defer mx-bogus example.org MX bogus"});
}

Test(decide, C_02_an_expired_policy_is_never_used)
{
	FINAL({"txt=failed stored=1/yes/enforce/86400/86400 mx=b", "",
		"defer mx-bogus example.org MX bogus"},
	    {"txt=failed stored=1/yes/enforce/86401/86400 mx=b", "",
		"pass discovery-failed _mta-sts.example.org TXT failed"},
	    {"txt=none stored=1/yes/enforce/86401/86400 mx=b", "",
		"pass no-policy"});
}

/* The life counts from the fetch alone. */
Test(decide, K8_an_unchanged_id_does_not_renew_a_policy)
{
	PARTIAL({"txt=valid/1 stored=1/yes/enforce/86401/86400", "", "open"});
	FINAL({"txt=valid/1 stored=1/yes/enforce/86401/86400 mx=b", "",
		"pass discovery-failed mta-sts.example.org policy unasked"});
}

/* Nothing is kept from one recipient to the next. */
Test(decide, A_05_other_recipients_are_untouched)
{
	FINAL({BOUND "mx=b", "", "defer mx-bogus example.org MX bogus"},
	    {BOUND "domain=example.net mx=s0", "",
		"pass null-mx example.net MX secure"},
	    {BOUND "mx=b", "", "defer mx-bogus example.org MX bogus"});
}

Test(decide, C_03_a_changed_id_is_fetched_before_deciding)
{
	PARTIAL({"txt=valid/2 stored=1/yes mx=b", "", "open"},
	    {"txt=valid/1 stored=1/yes mx=b", "",
		"defer mx-bogus example.org MX bogus"},
	    {"txt=valid/2 stored=1/no", "", "open"});
	FINAL({"txt=valid/2 stored=1/no mx=b", "", "pass no-dnssec-flag"});
}

Test(decide, C_04_K9_a_bad_txt_does_not_remove_a_stored_policy)
{
	FINAL({"txt=none stored=1/yes mx=i", "",
		"defer mx-insecure example.org MX insecure"},
	    {"txt=multiple stored=1/yes mx=i", "",
		"defer mx-insecure example.org MX insecure"},
	    {"txt=invalid stored=1/yes mx=i", "",
		"defer mx-insecure example.org MX insecure"},
	    {"txt=failed stored=1/yes mx=i", "",
		"defer mx-insecure example.org MX insecure"},
	    {"txt=bogus stored=1/yes mx=i", "",
		"defer mx-insecure example.org MX insecure"},
	    {"txt=none stored=1/no mx=i", "", "pass no-dnssec-flag"});
}

Test(decide, C_05_C_09_a_failed_fetch_does_not_remove_a_stored_policy)
{
	FINAL({"txt=valid/2 stored=1/yes fetch=failed mx=b", "",
		"defer mx-bogus example.org MX bogus"},
	    {"txt=valid/2 stored=1/no fetch=failed mx=b", "",
		"pass no-dnssec-flag"});
}

Test(decide, C_06_nothing_stored_and_a_failed_fetch_passes)
{
	FINAL({"txt=valid/2 fetch=failed mx=b", "",
		"pass discovery-failed mta-sts.example.org policy failed"},
	    {"txt=valid/2 mx=b", "",
		"pass discovery-failed mta-sts.example.org policy unasked"},
	    {"txt=valid/2 fetch=failed mx=b", "discovery=tempfail",
		"defer discovery-failed mta-sts.example.org policy failed"});
	PARTIAL({"txt=valid/2 fetch=failed", "",
		"pass discovery-failed mta-sts.example.org policy failed"},
	    {"txt=valid/2 mx=b", "", "open"});
}

Test(decide, C_07_a_fetched_policy_replaces_the_stored_one_at_once)
{
	FINAL({"txt=valid/2 stored=1/yes fetch=2/no mx=b", "",
		"pass no-dnssec-flag"},
	    {"txt=valid/2 stored=1/yes fetch=2/no/none mx=b", "",
		"pass no-dnssec-flag"},
	    {"txt=valid/2 stored=1/no fetch=2/yes mx=b", "",
		"defer mx-bogus example.org MX bogus"});
}

Test(decide, C_08_P_14_max_age_0_counts_for_its_transaction_only)
{
	FINAL({"txt=valid/2 fetch=2/yes/enforce/0/0 mx=b", "",
		"defer mx-bogus example.org MX bogus"},
	    {"txt=valid/2 stored=2/yes/enforce/0/0 fetch=failed mx=b", "",
		"pass discovery-failed mta-sts.example.org policy failed"});
}

Test(decide, C_10_K9_T_11_discovery_failures_with_nothing_stored)
{
	FINAL({"txt=failed mx=b", "",
		"pass discovery-failed _mta-sts.example.org TXT failed"},
	    {"txt=failed mx=b", "discovery=tempfail",
		"defer discovery-failed _mta-sts.example.org TXT failed"},
	    {"txt=failed mx=b", "bogus=tempfail",
		"pass discovery-failed _mta-sts.example.org TXT failed"},
	    {"txt=bogus mx=b", "",
		"pass discovery-bogus _mta-sts.example.org TXT bogus"},
	    {"txt=bogus mx=b", "bogus=tempfail",
		"defer discovery-bogus _mta-sts.example.org TXT bogus"},
	    {"txt=bogus mx=b", "discovery=tempfail",
		"pass discovery-bogus _mta-sts.example.org TXT bogus"},
	    {"mx=b", "discovery=tempfail",
		"defer discovery-failed _mta-sts.example.org TXT unasked"});
	/* with tempfail an early pass would take the deferral back */
	PARTIAL({"txt=bogus mx=s-", "bogus=tempfail", "open"},
	    {"txt=bogus mx=sx", "bogus=tempfail", "open"},
	    {"txt=bogus mx=sx", "", "pass no-such-domain example.org MX secure"});
}

Test(decide, T_12_an_unproven_denial_waits_for_a_fetch)
{
	PARTIAL({"txt=bogus", "", "open"},
	    {"txt=failed", "", "open"},
	    {"txt=bogus fetch=failed", "",
		"pass discovery-bogus _mta-sts.example.org TXT bogus"},
	    {"txt=failed fetch=failed", "",
		"pass discovery-failed _mta-sts.example.org TXT failed"},
	    {"txt=bogus fetch=failed", "bogus=tempfail",
		"defer discovery-bogus _mta-sts.example.org TXT bogus"},
	    {"txt=bogus fetch=/yes mx=b", "",
		"defer mx-bogus example.org MX bogus"},
	    {"txt=bogus fetch=/yes mx=i", "",
		"defer mx-insecure example.org MX insecure"},
	    {"txt=failed fetch=/no mx=b", "", "pass no-dnssec-flag"},
	    /* a policy is known: the TXT may be what it likes (C-04) */
	    {"txt=bogus stored=1/yes mx=b", "",
		"defer mx-bogus example.org MX bogus"},
	    /* our own path proves nothing: no fetch for that */
	    {"resolver-broken txt=bogus", "",
		"pass discovery-bogus _mta-sts.example.org TXT bogus"});
}

Test(decide, T_12_what_is_late_may_still_come)
{
	PARTIAL({"late txt=failed fetch=failed", "", "open"},
	    {"late txt=failed fetch=/yes mx=b", "",
		"defer mx-bogus example.org MX bogus"},
	    {"late txt=failed stored=1/yes mx=b", "", "open"});
	FINAL({"late deadline txt=failed fetch=failed", "",
		"pass deadline _mta-sts.example.org TXT failed"},
	    {"late deadline txt=failed fetch=failed", "discovery=tempfail",
		"defer deadline _mta-sts.example.org TXT failed"},
	    {"late deadline txt=failed stored=1/yes", "",
		"defer deadline example.org MX unasked"});
}

Test(decide, T_09_no_usable_record_is_no_policy)
{
	FINAL({"txt=none mx=b", "", "pass no-policy"},
	    {"txt=multiple mx=b", "", "pass no-policy"},
	    {"txt=invalid mx=b", "", "pass no-policy"});
	PARTIAL({"txt=none", "", "pass no-policy"});
}

Test(decide, C_14_the_flag_lives_as_long_as_its_policy)
{
	FINAL({"txt=none stored=1/yes/testing/10/10 mx=i", "",
		"defer mx-insecure example.org MX insecure"},
	    {"txt=none stored=1/yes/testing/11/10 mx=i", "",
		"pass no-policy"});
}

/* --- what it binds to --------------------------------------------------- */

Test(decide, D_01_only_the_flag_binds)
{
	FINAL({"txt=valid/1 stored=1/no mx=b mx1=b,b,b", "",
		"pass no-dnssec-flag"},
	    {"txt=valid/1 fetch=1/no mx=b mx1=b,b,b", "",
		"pass no-dnssec-flag"});
	PARTIAL({"txt=valid/1 stored=1/no", "", "pass no-dnssec-flag"});
}

Test(decide, D_03_D_04_K1_the_flag_binds_in_every_mode)
{
	FINAL({"txt=valid/1 stored=1/yes/enforce mx=i", "",
		"defer mx-insecure example.org MX insecure"},
	    {"txt=valid/1 stored=1/yes/testing mx=i", "",
		"defer mx-insecure example.org MX insecure"},
	    {"txt=valid/1 stored=1/yes/none mx=i", "",
		"defer mx-insecure example.org MX insecure"});
}

Test(decide, D_02_all_secure_passes)
{
	FINAL({BOUND "mx=s+ mx1=s+,s+,s+", "", "pass secure"},
	    {FETCHED "mx=s+ mx1=s+,s-,s- mx2=s-,s+,sx", "", "pass secure"});
}

Test(decide, D_05_D_06_D_07_only_secure_mx_is_good)
{
	FINAL({BOUND "mx=i+ mx1=s+,s-,s-", "",
		"defer mx-insecure example.org MX insecure"},
	    {BOUND "mx=n mx1=s+,s-,s-", "",
		"defer mx-insecure example.org MX indeterminate"},
	    {BOUND "mx=b mx1=s+,s-,s-", "",
		"defer mx-bogus example.org MX bogus"});
}

Test(decide, D_08_missing_data_defers)
{
	FINAL({BOUND "mx=f", "", "defer mx-failed example.org MX failed"},
	    {BOUND, "", "defer mx-failed example.org MX unasked"},
	    {BOUND "mx=s", "", "defer mx-failed example.org MX failed"},
	    {BOUND "mx=s+", "", "defer address-failed example.org A unasked"},
	    {BOUND "mx=s-", "", "defer address-failed example.org A unasked"},
	    {BOUND "mx=s+ mx1=f,s+,s-", "",
		"defer address-failed mx1.example.org A failed"},
	    {BOUND "mx=s+ mx1=s,s+,s-", "",
		"defer address-failed mx1.example.org A failed"},
	    {BOUND "mx=s+ mx1=s0,s-,s-", "",
		"defer address-failed mx1.example.org A failed"},
	    {BOUND "mx=s+ mx1=s+,?,s-", "",
		"defer address-failed mx1.example.org AAAA unasked"},
	    {BOUND "mx=s+ mx1=s+,s-,f", "",
		"defer tlsa-failed _25._tcp.mx1.example.org TLSA failed"},
	    {BOUND "mx=s+ mx1=s+,s-,s", "",
		"defer tlsa-failed _25._tcp.mx1.example.org TLSA failed"},
	    {BOUND "mx=s+ mx1=s+,s-,?", "",
		"defer tlsa-failed _25._tcp.mx1.example.org TLSA unasked"});
}

Test(decide, D_09_an_implicit_mx_is_the_domain_itself)
{
	FINAL({BOUND "mx=s- self=s+,s-,s-", "", "pass secure"},
	    {BOUND "mx=s- self=i+,s-,s-", "",
		"defer address-insecure example.org A insecure"},
	    {BOUND "mx=i- self=s+,s-,s-", "",
		"defer mx-insecure example.org MX insecure"});
}

Test(decide, D_10_a_null_mx_passes_if_it_is_secure)
{
	FINAL({BOUND "mx=s0", "", "pass null-mx example.org MX secure"},
	    {BOUND "mx=i0", "",
		"defer mx-insecure example.org MX insecure"},
	    {BOUND "mx=s+ null=?,?,? mx1=s+,s-,s-", "", "pass secure"},
	    {BOUND "mx=s+ null=b,b,b", "", "pass no-usable-host"});
}

Test(decide, D_11_D_12_absence_must_be_proven)
{
	FINAL({BOUND "mx=sx", "",
		"pass no-such-domain example.org MX secure"},
	    {BOUND "mx=ix", "", "defer mx-insecure example.org MX insecure"},
	    {BOUND "mx=bx", "", "defer mx-bogus example.org MX bogus"},
	    {BOUND "mx=s+ mx1=s+,i-,s-", "",
		"defer address-insecure mx1.example.org AAAA insecure"},
	    {BOUND "mx=s+ mx1=s+,s-,ix", "",
		"defer tlsa-insecure _25._tcp.mx1.example.org TLSA insecure"},
	    {BOUND "mx=s+ mx1=sx,sx,ix", "",
		"pass no-usable-host mx1.example.org MX host unusable"});
}

Test(decide, D_13_K12_every_host_must_be_good)
{
	FINAL({BOUND "mx=s+ mx1=s+,s-,s- mx2=i+,s-,s-", "",
		"defer address-insecure mx2.example.org A insecure"},
	    {BOUND "mx=s+ mx1=b,s-,s- mx2=s+,s-,s-", "",
		"defer address-bogus mx1.example.org A bogus"},
	    {BOUND "mx=s+ mx1=s+,s-,s- mx2=i+,s-,s-", "hosts=any",
		"pass secure"},
	    {BOUND "mx=s+ mx1=f,s-,s- mx2=i+,s-,s-", "hosts=any",
		"defer address-insecure mx2.example.org A insecure"});
}

Test(decide, D_14_both_address_families_must_be_good)
{
	FINAL({BOUND "mx=s+ mx1=s+,b,s-", "",
		"defer address-bogus mx1.example.org AAAA bogus"},
	    {BOUND "mx=s+ mx1=n,s+,s-", "",
		"defer address-insecure mx1.example.org A indeterminate"},
	    {BOUND "mx=s+ mx1=i+,i+,s-", "",
		"defer address-insecure mx1.example.org A insecure"});
}

Test(decide, D_15_S_01_tlsa_of_a_host_with_an_address)
{
	FINAL({BOUND "mx=s+ mx1=s+,s-,b", "",
		"defer tlsa-bogus _25._tcp.mx1.example.org TLSA bogus"},
	    {BOUND "mx=s+ mx1=s-,s+,i+", "",
		"defer tlsa-insecure _25._tcp.mx1.example.org TLSA insecure"},
	    {BOUND "mx=s+ mx1=s+,s-,n", "",
		"defer tlsa-insecure _25._tcp.mx1.example.org TLSA "
		"indeterminate"},
	    {BOUND "mx=s+ mx1=s+,s-,b", "patterns=enforce",
		"defer tlsa-bogus _25._tcp.mx1.example.org TLSA bogus"},
	    {BOUND "mx=s+ mx1=s+,s-,b", "tlsa=ignored", "pass secure"},
	    {BOUND "mx=s+ mx1=s+,s-,?", "tlsa=ignored", "pass secure"},
	    {BOUND "mx=s+ mx1=s-,s-,b", "",
		"pass no-usable-host mx1.example.org MX host unusable"});
}

Test(decide, D_16_absence_of_tlsa_is_fine_unless_required)
{
	FINAL({BOUND "mx=s+ mx1=s+,s-,s-", "", "pass secure"},
	    {BOUND "mx=s+ mx1=s+,s-,sx", "", "pass secure"},
	    {BOUND "mx=s+ mx1=s+,s-,s-", "tlsa=required",
		"defer tlsa-missing _25._tcp.mx1.example.org TLSA missing"},
	    {BOUND "mx=s+ mx1=s+,s-,sx", "tlsa=required",
		"defer tlsa-missing _25._tcp.mx1.example.org TLSA missing"},
	    {BOUND "mx=s+ mx1=s+,s-,s+", "tlsa=required", "pass secure"},
	    {BOUND "mx=s+ mx1=s+,s-,i+", "tlsa=required",
		"defer tlsa-insecure _25._tcp.mx1.example.org TLSA insecure"});
}

/* The status is that of the whole answer, aliases and wildcards included. */
Test(decide, D_17_D_23_an_answer_is_as_good_as_its_status)
{
	FINAL({BOUND "mx=s+ mx1=i+,s-,s+", "",
		"defer address-insecure mx1.example.org A insecure"},
	    {BOUND "mx=s+ mx1=s+,s-,s+", "", "pass secure"});
}

Test(decide, D_18_hosts_without_address_are_skipped)
{
	FINAL({BOUND "mx=s+ mx1=s-,s-,b mx2=s+,s-,s-", "", "pass secure"},
	    {BOUND "mx=s+ mx1=sx,sx,? mx2=s-,s-,?", "",
		"pass no-usable-host mx1.example.org MX host unusable"},
	    {BOUND "mx=s+ mx1=s-,i-,s-", "",
		"defer address-insecure mx1.example.org AAAA insecure"});
}

/* An address, a URL, a blank: no destination, and no failed lookup. */
Test(decide, D_18_records_that_name_no_host_are_skipped)
{
	FINAL({BOUND "mx=s+ address=?,?,?", "",
		"pass no-usable-host 192.0.2.9 MX host unusable"},
	    {BOUND "mx=s+ mx1=s-,s-,? address=?,?,?", "",
		"pass no-usable-host 192.0.2.9 MX host unusable"},
	    {BOUND "mx=s+ null=?,?,? address=?,?,?", "",
		"pass no-usable-host 192.0.2.9 MX host unusable"},
	    {BOUND "mx=i+ address=?,?,?", "",
		"defer mx-insecure example.org MX insecure"},
	    {BOUND "mx=b address=?,?,?", "",
		"defer mx-bogus example.org MX bogus"},
	    {BOUND "mx=s+ address=?,?,? truncated", "",
		"defer hosts-truncated example.org hosts truncated"},
	    {BOUND "mx=s+ address=?,?,? mx1=s+,s-,s+", "", "pass secure"},
	    {BOUND "mx=s+ address=?,?,? mx1=s+,s-,s+", "hosts=any tlsa=required",
		"pass secure"},
	    {BOUND "mx=s+ address=?,?,? mx1=s+,s-,b", "",
		"defer tlsa-bogus _25._tcp.mx1.example.org TLSA bogus"},
	    {BOUND "mx=s+ address=?,?,? mx1=s+,s-,s+", "patterns=enforce",
		"pass secure"});
	PARTIAL({BOUND "mx=s+ address=?,?,?", "",
		"pass no-usable-host 192.0.2.9 MX host unusable"},
	    {BOUND "mx=s+ address=?,?,? mx1=?,?,?", "", "open"});
}

Test(decide, D_19_hosts_that_are_not_known_defer)
{
	FINAL({BOUND "truncated mx=s+ mx1=s+,s-,s-", "",
		"defer hosts-truncated example.org hosts truncated"},
	    {BOUND "truncated mx=s+ mx1=s-,s-,s-", "",
		"defer hosts-truncated example.org hosts truncated"},
	    {BOUND "truncated mx=s+ mx1=s+,s-,b", "",
		"defer tlsa-bogus _25._tcp.mx1.example.org TLSA bogus"},
	    {BOUND "truncated mx=s+ mx1=s+,s-,?", "",
		"defer hosts-truncated example.org hosts truncated"},
	    {BOUND "truncated mx=s+ mx1=s+,s-,s-", "hosts=any",
		"pass secure"},
	    {BOUND "truncated mx=s+ mx1=s+,f,s-", "hosts=any",
		"defer address-failed mx1.example.org AAAA failed"});
}

Test(decide, D_20_own_faults)
{
	FINAL({BOUND "internal-error mx=s+ mx1=s+,s-,s-", "",
		"defer internal-error"},
	    {BOUND "internal-error", "action=reject", "defer internal-error"},
	    {"internal-error txt=valid/1 stored=1/no", "",
		"pass no-dnssec-flag"},
	    {"internal-error txt=none", "", "pass internal-error"});
	PARTIAL({BOUND "internal-error", "", "defer internal-error"},
	    {"internal-error mx=s+ mx1=s+,s-,s-", "", "open"});
}

/* Who chose fail-closed gets it in every case. */
Test(decide, C_15_own_faults_obey_the_option_when_nothing_is_known)
{
	FINAL({"internal-error txt=none", "discovery=tempfail",
		  "defer internal-error"},
	    {"internal-error txt=failed", "discovery=tempfail",
		"defer internal-error"},
	    {"internal-error txt=bogus", "discovery=tempfail",
		"defer internal-error"},
	    {"internal-error txt=bogus", "bogus=tempfail",
		"defer internal-error"},
	    {"internal-error txt=bogus", "", "pass internal-error"},
	    {"internal-error txt=none", "bogus=tempfail",
		"pass internal-error"},
	    {"internal-error deadline", "discovery=tempfail",
		"defer internal-error"},
	    {"internal-error deadline", "", "pass internal-error"},
	    {"internal-error", "discovery=tempfail action=quarantine",
		"defer internal-error"},
	    {"internal-error txt=valid/1 fetch=failed", "discovery=tempfail",
		"defer internal-error"},
	    {"internal-error txt=valid/1 stored=1/no", "discovery=tempfail",
		"pass no-dnssec-flag"});
}

Test(decide, C_15_the_verdict_says_why)
{
	static const struct {
		const char *facts;
		const char *internal_why;
		const char *why;
	} rows[] = {
	    {"internal-error txt=none",       "out of memory", "out of memory"},
	    {BOUND "internal-error",          "out of memory", "out of memory"},
	    {"pinned internal-error",         "out of memory", "out of memory"},
	    {"deadline",		      NULL,
	     "the TXT record was not answered in time"			      },
	    {"deadline txt=valid/1",	      NULL,
	     "the policy was not fetched in time"			      },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world world;
		struct verdict verdict;

		world_make(&world, rows[i].facts, "");
		world.facts.internal_why = rows[i].internal_why;
		cr_assert(decide(&world.facts, &world.rules, DECIDE_FINAL,
		    &verdict));
		cr_assert_not_null(verdict.decided_by.why, "%s", rows[i].facts);
		cr_expect_str_eq(verdict.decided_by.why, rows[i].why, "%s",
		    rows[i].facts);
	}
}

Test(decide, C_15_D_20_without_facts)
{
	static const struct {
		bool pinned;
		enum rule_failure rule;
		enum verdict_kind kind;
	} rows[] = {
	    {false, RULE_PASS,     VERDICT_PASS },
	    {false, RULE_TEMPFAIL, VERDICT_DEFER},
	    {true,  RULE_PASS,     VERDICT_DEFER},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct rules rules = {
		    .on_discovery_failure = rows[i].rule};
		struct verdict verdict;
		struct facts facts;

		decide_without_facts("example.org", rows[i].pinned,
		    "out of memory", &rules, &facts, &verdict);
		cr_expect_eq(verdict.kind, rows[i].kind, "row %zu", i);
		cr_expect_eq(verdict.reason, REASON_INTERNAL_ERROR);
		cr_expect_eq(verdict.pinned, rows[i].pinned);
		cr_expect_not(verdict.policy_known);
		cr_expect_str_eq(verdict.decided_by.why, "out of memory");
		cr_expect_str_eq(facts.recipient.domain, "example.org");
	}
}

/* Nothing shows that a policy was kept from us: no-policy it is. */
Test(decide, D_21_suppression_at_first_contact_cannot_be_seen)
{
	FINAL({"txt=none mx=i+ mx1=i+,i+,i+", "", "pass no-policy"});
}

Test(decide, M_05_K10_mx_patterns_are_enforced_on_request)
{
	FINAL({BOUND "pattern=mx9.example.org mx=s+ mx1=s+,s-,s-", "",
		"pass secure"},
	    {BOUND "pattern=mx9.example.org mx=s+ mx1=s+,s-,s-",
		"patterns=enforce",
		"defer mx-mismatch mx1.example.org mx pattern mismatch"},
	    {BOUND "pattern=mx1.example.org mx=s+ mx1=s+,s-,s-",
		"patterns=enforce", "pass secure"},
	    {"txt=valid/1 stored=1/yes/testing pattern=mx9.example.org mx=s+ "
	     "mx1=s+,s-,s-",
		"patterns=enforce", "pass secure"},
	    {BOUND "pattern=mx9.example.org mx=s+ mx1=s-,s-,s-",
		"patterns=enforce",
		"pass no-usable-host mx1.example.org MX host unusable"},
	    {BOUND "mx=s- self=s+,s-,s-", "patterns=enforce",
		"defer mx-mismatch example.org mx pattern mismatch"},
	    {BOUND "pattern=example.org mx=s- self=s+,s-,s-",
		"patterns=enforce", "pass secure"});
}

Test(decide, the_worst_evidence_is_named)
{
	FINAL({BOUND "mx=s+ mx1=i+,s-,s- mx2=f,s-,s- mx3=s+,s-,b", "",
		"defer tlsa-bogus _25._tcp.mx3.example.org TLSA bogus"},
	    {BOUND "mx=s+ mx1=f,s-,s- mx2=n,s-,s- mx3=i+,s-,s-", "",
		"defer address-insecure mx2.example.org A indeterminate"},
	    {BOUND "mx=s+ mx1=s+,s-,s- mx2=s+,f,s-", "tlsa=required",
		"defer address-failed mx2.example.org AAAA failed"},
	    {BOUND "mx=s+ mx1=?,?,? mx2=s+,s-,s-", "tlsa=required",
		"defer tlsa-missing _25._tcp.mx2.example.org TLSA missing"},
	    {BOUND "mx=s+ mx1=s+,s-,s- pattern=nowhere", 
		"tlsa=required patterns=enforce",
		"defer tlsa-missing _25._tcp.mx1.example.org TLSA missing"},
	    {BOUND "mx=s+ mx1=i+,b,s- mx2=b,s-,s-", "",
		"defer address-bogus mx1.example.org AAAA bogus"});
}

/* --- time and the resolver ---------------------------------------------- */

Test(decide, S_03_the_deadline_passes_while_discovering)
{
	FINAL({"deadline mx=b", "",
		"pass deadline _mta-sts.example.org TXT unasked"},
	    {"deadline txt=valid/1 mx=b", "",
		"pass deadline mta-sts.example.org policy unasked"},
	    {"deadline mx=b", "discovery=tempfail",
		"defer deadline _mta-sts.example.org TXT unasked"},
	    {"deadline txt=valid/1 mx=b", "discovery=tempfail",
		"defer deadline mta-sts.example.org policy unasked"},
	    {"deadline txt=failed mx=b", "",
		"pass discovery-failed _mta-sts.example.org TXT failed"},
	    {"deadline txt=valid/1 fetch=failed mx=b", "",
		"pass discovery-failed mta-sts.example.org policy failed"});
}

Test(decide, S_03_the_deadline_defers_a_bound_domain)
{
	FINAL({BOUND "deadline", "", "defer deadline example.org MX unasked"},
	    {"deadline stored=1/yes", "",
		"defer deadline example.org MX unasked"},
	    {BOUND "deadline mx=s+", "",
		"defer deadline example.org A unasked"},
	    {BOUND "deadline mx=s+ mx1=s+,s-,?", "",
		"defer deadline _25._tcp.mx1.example.org TLSA unasked"},
	    {BOUND "deadline mx=s+ mx1=?,s-,? mx2=f,s-,s-", "",
		"defer address-failed mx2.example.org A failed"},
	    {BOUND "deadline mx=s+ mx1=s+,s-,s-", "", "pass secure"},
	    {BOUND "deadline mx=s+ mx1=?,?,? mx2=s+,s-,s-", "hosts=any",
		"pass secure"});
}

Test(decide, a_broken_resolver_is_not_the_domains_fault)
{
	FINAL({BOUND "resolver-broken mx=i+", "",
		"defer resolver-broken example.org MX insecure"},
	    {BOUND "resolver-broken mx=i+", "resolver=pass",
		"pass resolver-broken example.org MX insecure"},
	    {BOUND "resolver-broken mx=s+ mx1=s+,f,s-", "",
		"defer resolver-broken mx1.example.org AAAA failed"},
	    {BOUND "resolver-broken deadline", "",
		"defer resolver-broken example.org MX unasked"},
	    {BOUND "resolver-broken mx=s+ mx1=s+,s-,s-", "tlsa=required",
		"defer tlsa-missing _25._tcp.mx1.example.org TLSA missing"},
	    {BOUND "resolver-broken mx=s+ mx1=s+,s-,s-",
		"tlsa=required resolver=pass",
		"defer tlsa-missing _25._tcp.mx1.example.org TLSA missing"},
	    {BOUND "resolver-broken truncated mx=s+ mx1=s+,s-,s-", "",
		"defer hosts-truncated example.org hosts truncated"},
	    {BOUND "resolver-broken mx=s+ mx1=s+,s-,s-", "", "pass secure"},
	    {"resolver-broken txt=none mx=i", "", "pass no-policy"});
}

/* --- what is done ------------------------------------------------------- */

Test(decide, A_01_A_03_missing_dnssec_defers)
{
	FINAL({BOUND "mx=i", "", "defer mx-insecure example.org MX insecure"});
}

Test(decide, A_02_rejects_only_after_the_policy_was_checked)
{
	FINAL({BOUND "mx=i", "action=reject",
		"reject mx-insecure example.org MX insecure"},
	    {FETCHED "mx=b", "action=reject",
		"reject mx-bogus example.org MX bogus"},
	    {"txt=valid/2 stored=1/yes fetch=2/yes mx=b", "action=reject",
		"reject mx-bogus example.org MX bogus"},
	    {"stored=1/yes mx=b", "action=reject",
		"defer mx-bogus example.org MX bogus"},
	    {"txt=none stored=1/yes mx=b", "action=reject",
		"defer mx-bogus example.org MX bogus"},
	    {"txt=failed stored=1/yes mx=b", "action=reject",
		"defer mx-bogus example.org MX bogus"},
	    {"fetch=2/yes mx=b", "action=reject",
		"defer mx-bogus example.org MX bogus"},
	    {BOUND "deadline mx=b", "action=reject",
		"defer mx-bogus example.org MX bogus"},
	    {"txt=valid/2 stored=1/yes fetch=failed mx=b", "action=reject",
		"defer mx-bogus example.org MX bogus"});
}

Test(decide, T_14_a_pin_binds_without_a_policy)
{
	FINAL({"pinned txt=none mx=s+ mx1=s+,s-,s+", "", "pass secure"},
	    {"pinned txt=none mx=i+", "",
		"defer mx-insecure example.org MX insecure"},
	    {"pinned txt=bogus mx=b", "",
		"defer mx-bogus example.org MX bogus"},
	    {"pinned txt=failed mx=f", "",
		"defer mx-failed example.org MX failed"},
	    {"pinned txt=valid/1 fetch=failed mx=s+ mx1=s+,s-,b", "",
		"defer tlsa-bogus _25._tcp.mx1.example.org TLSA bogus"},
	    {"pinned txt=valid/1 stored=1/no mx=i+", "",
		"defer mx-insecure example.org MX insecure"},
	    {"pinned txt=valid/1 fetch=1/no/none mx=i+", "",
		"defer mx-insecure example.org MX insecure"},
	    {"pinned txt=none stored=1/yes/enforce/9/8 mx=i+", "",
		"defer mx-insecure example.org MX insecure"},
	    {"pinned txt=none no-mx self=i+,s-,s-", "",
		"defer address-insecure example.org A insecure"},
	    {"pinned txt=none mx=s0", "", "pass null-mx example.org MX secure"},
	    {"pinned txt=none resolver-broken mx=i", "",
		"defer resolver-broken example.org MX insecure"},
	    {"pinned class=local", "", "pass no-domain"});
}

Test(decide, T_14_a_pin_does_not_wait_for_discovery)
{
	PARTIAL({"pinned mx=s+ mx1=s+,s-,s+", "", "pass secure"},
	    {"pinned mx=s+ mx1=s+,s-,s+", "discovery=tempfail bogus=tempfail",
		"pass secure"},
	    {"pinned mx=i+", "", "defer mx-insecure example.org MX insecure"},
	    {"pinned mx=i+", "action=quarantine",
		"quarantine mx-insecure example.org MX insecure"},
	    {"pinned txt=valid/2 stored=1/no mx=b", "",
		"defer mx-bogus example.org MX bogus"},
	    {"pinned mx=s+ mx1=s+,s-,?", "", "open"},
	    {"pinned", "", "open"},
	    {"mx=i+", "", "open"});
}

/* A policy that is there or may come has patterns of its own. */
Test(decide, T_14_the_patterns_of_a_policy_count_beside_a_pin)
{
	FINAL({"pinned txt=valid/1 stored=1/no pattern=mx9.example.org mx=s+ "
	       "mx1=s+,s-,s-",
		  "patterns=enforce",
		  "defer mx-mismatch mx1.example.org mx pattern mismatch"},
	    {"pinned txt=valid/1 stored=1/no/testing pattern=mx9.example.org "
	     "mx=s+ mx1=s+,s-,s-",
		"patterns=enforce", "pass secure"});
	PARTIAL({"pinned mx=s+ mx1=s+,s-,s-", "patterns=enforce", "open"},
	    {"pinned txt=valid/2 stored=1/no pattern=mx9.example.org mx=s+ "
	     "mx1=s+,s-,s-",
		"patterns=enforce", "open"},
	    {"pinned mx=s0", "patterns=enforce",
		"pass null-mx example.org MX secure"});
}

Test(decide, T_14_D_20_own_faults_defer_a_pinned_domain)
{
	FINAL({"pinned internal-error txt=none mx=s+ mx1=s+,s-,s+", "",
		"defer internal-error"},
	    {"pinned deadline", "", "defer deadline example.org MX unasked"},
	    {"pinned deadline txt=none mx=s+ mx1=s+,s-,?", "",
		"defer deadline _25._tcp.mx1.example.org TLSA unasked"});
	/* A policy that is fetched makes good for a store that failed. */
	PARTIAL({"pinned internal-error mx=s+ mx1=s+,s-,s+", "", "open"},
	    {"pinned internal-error txt=none", "", "defer internal-error"});
}

/* The pin needs no update; a policy that may be there does. */
Test(decide, T_14_A_02_a_pin_rejects_once_discovery_has_ended)
{
	FINAL({"pinned txt=none mx=b", "action=reject",
		"reject mx-bogus example.org MX bogus"},
	    {"pinned txt=valid/1 stored=1/no mx=b", "action=reject",
		"reject mx-bogus example.org MX bogus"},
	    {"pinned txt=none stored=1/yes mx=b", "action=reject",
		"defer mx-bogus example.org MX bogus"},
	    {"pinned txt=failed mx=b", "action=reject",
		"defer mx-bogus example.org MX bogus"},
	    {"pinned txt=bogus mx=b", "action=reject",
		"defer mx-bogus example.org MX bogus"},
	    {"pinned txt=valid/1 fetch=failed mx=b", "action=reject",
		"defer mx-bogus example.org MX bogus"},
	    {"pinned txt=none deadline mx=b", "action=reject",
		"defer mx-bogus example.org MX bogus"});
	PARTIAL({"pinned mx=b", "action=reject", "open"},
	    {"pinned mx=s+ mx1=s+,s-,s+", "action=reject", "pass secure"});
}

Test(decide, A_02_rejects_only_for_what_does_not_pass_by_itself)
{
	FINAL({BOUND "mx=s+ mx1=i+,s-,s-", "action=reject",
		"reject address-insecure mx1.example.org A insecure"},
	    {BOUND "mx=s+ mx1=b,s-,s-", "action=reject",
		"reject address-bogus mx1.example.org A bogus"},
	    {BOUND "mx=s+ mx1=s+,s-,i+", "action=reject",
		"reject tlsa-insecure _25._tcp.mx1.example.org TLSA insecure"},
	    {BOUND "mx=s+ mx1=s+,s-,b", "action=reject",
		"reject tlsa-bogus _25._tcp.mx1.example.org TLSA bogus"},
	    {BOUND "mx=s+ mx1=s+,s-,s-", "action=reject tlsa=required",
		"reject tlsa-missing _25._tcp.mx1.example.org TLSA missing"},
	    {BOUND "pattern=mx9.example.org mx=s+ mx1=s+,s-,s-",
		"action=reject patterns=enforce",
		"reject mx-mismatch mx1.example.org mx pattern mismatch"},
	    {BOUND "mx=f", "action=reject",
		"defer mx-failed example.org MX failed"},
	    {BOUND "mx=s+ mx1=f,s-,s-", "action=reject",
		"defer address-failed mx1.example.org A failed"},
	    {BOUND "mx=s+ mx1=s+,s-,f", "action=reject",
		"defer tlsa-failed _25._tcp.mx1.example.org TLSA failed"},
	    {BOUND "deadline", "action=reject",
		"defer deadline example.org MX unasked"},
	    {BOUND "truncated mx=s+ mx1=s+,s-,s-", "action=reject",
		"defer hosts-truncated example.org hosts truncated"},
	    {BOUND "resolver-broken mx=i", "action=reject",
		"defer resolver-broken example.org MX insecure"},
	    {"txt=failed", "action=reject discovery=tempfail",
		"defer discovery-failed _mta-sts.example.org TXT failed"},
	    {BOUND "mx=s+ mx1=s+,s-,s-", "action=reject", "pass secure"});
}

Test(decide, A_01_quarantine_is_for_bound_domains)
{
	FINAL({BOUND "mx=i", "action=quarantine",
		"quarantine mx-insecure example.org MX insecure"},
	    {"txt=failed stored=1/yes mx=f", "action=quarantine",
		"quarantine mx-failed example.org MX failed"},
	    {BOUND "deadline", "action=quarantine",
		"quarantine deadline example.org MX unasked"},
	    {BOUND "internal-error", "action=quarantine",
		"quarantine internal-error"},
	    {BOUND "resolver-broken mx=i", "action=quarantine resolver=pass",
		"pass resolver-broken example.org MX insecure"},
	    {"txt=bogus", "action=quarantine bogus=tempfail",
		"defer discovery-bogus _mta-sts.example.org TXT bogus"});
}

/* --- early answers ------------------------------------------------------ */

Test(decide, early_pass_does_not_wait_for_the_policy)
{
	PARTIAL({"mx=s+ mx1=s+,s-,s-", "", "pass secure"},
	    {"txt=valid/1 mx=s+ mx1=s+,s-,s-", "", "pass secure"},
	    {"txt=valid/2 stored=1/yes mx=s+ mx1=s+,s-,s-", "",
		"pass secure"},
	    {"mx=s0", "", "pass null-mx example.org MX secure"},
	    {"mx=sx", "", "pass no-such-domain example.org MX secure"},
	    {"mx=s+ mx1=s-,s-,?", "",
		"pass no-usable-host mx1.example.org MX host unusable"},
	    {"", "", "open"},
	    {"mx=b", "", "open"},
	    {"mx=s+", "", "open"},
	    {"mx=s+ mx1=s+,s-,?", "", "open"});
}

Test(decide, early_pass_waits_for_what_could_still_refuse)
{
	PARTIAL({"mx=s+ mx1=s+,s-,s-", "patterns=enforce", "open"},
	    {"mx=s+ mx1=s-,s-,s-", "patterns=enforce",
		"pass no-usable-host mx1.example.org MX host unusable"},
	    {"mx=s0", "patterns=enforce",
		"pass null-mx example.org MX secure"},
	    {"mx=s0", "discovery=tempfail", "open"},
	    {"mx=s0", "bogus=tempfail", "open"},
	    {"txt=valid/1 mx=s0", "bogus=tempfail",
		"pass null-mx example.org MX secure"},
	    {"stored=1/yes mx=s0", "discovery=tempfail bogus=tempfail",
		"pass null-mx example.org MX secure"});
}

Test(decide, early_refusal_needs_a_policy_that_stays)
{
	PARTIAL({BOUND "mx=b", "", "defer mx-bogus example.org MX bogus"},
	    {"stored=1/yes mx=b", "", "open"},
	    {"txt=none stored=1/yes mx=b", "",
		"defer mx-bogus example.org MX bogus"},
	    {FETCHED "mx=b", "", "defer mx-bogus example.org MX bogus"},
	    {BOUND, "", "open"},
	    {BOUND "deadline", "", "open"});
}

Test(decide, early_refusal_by_one_host)
{
	PARTIAL({BOUND "mx=s+ mx1=?,?,? mx2=s+,b,?", "",
		"defer address-bogus mx2.example.org AAAA bogus"},
	    {BOUND "mx=s+ mx1=?,s-,b", "", "open"},
	    {BOUND "mx=s+ mx1=s+,?,b", "",
		"defer tlsa-bogus _25._tcp.mx1.example.org TLSA bogus"},
	    {BOUND "mx=s+ mx1=?,?,? mx2=b,s-,?", "hosts=any", "open"},
	    {BOUND "mx=s+ mx1=?,?,? mx2=s+,s-,s-", "hosts=any",
		"pass secure"},
	    {BOUND "mx=s+ mx1=f,?,? mx2=b,s-,?", "hosts=any",
		"defer address-bogus mx2.example.org A bogus"},
	    {BOUND "truncated mx=s+ mx1=?,?,?", "",
		"defer hosts-truncated example.org hosts truncated"},
	    {BOUND "truncated mx=s+ mx1=?,?,?", "hosts=any", "open"});
}

/* What is worse and still to come must not lead to another verdict. */
Test(decide, early_refusal_waits_where_the_kind_may_change)
{
	PARTIAL({BOUND "mx=s+ mx1=f,?,?", "action=reject", "open"},
	    {BOUND "mx=s+ mx1=f,s-,?", "action=reject",
		"defer address-failed mx1.example.org A failed"},
	    {BOUND "mx=s+ mx1=f,s-,? mx2=?,?,?", "action=reject", "open"},
	    {BOUND "mx=s+ mx1=i+,s-,? mx2=?,?,?", "action=reject",
		"reject address-insecure mx1.example.org A insecure"},
	    {BOUND "mx=s+ mx1=s+,s-,s- mx2=?,?,?",
		"action=reject tlsa=required", "open"},
	    {BOUND "resolver-broken mx=s+ mx1=s+,s-,s- mx2=?,?,?",
		"tlsa=required resolver=pass", "open"},
	    {BOUND "resolver-broken mx=s+ mx1=s+,s-,s- mx2=?,?,?",
		"tlsa=required",
		"defer tlsa-missing _25._tcp.mx1.example.org TLSA missing"},
	    {BOUND "resolver-broken mx=s+ mx1=s+,s-,s- mx2=?,?,?",
		"tlsa=required action=reject", "open"},
	    {BOUND "resolver-broken mx=s+ mx1=f,s-,s- mx2=?,?,?",
		"resolver=pass",
		"pass resolver-broken mx1.example.org A failed"});
}

/* clang-format on */

/* --- the rest of a verdict ---------------------------------------------- */

Test(decide, counts_hosts_and_names_the_worst)
{
	struct world world;
	struct verdict verdict = judge(&world,
	    BOUND "mx=s+ mx1=s+,s-,s- mx2=i+,s-,s- mx3=s-,s-,?", "hosts=any");

	cr_expect_eq(verdict.kind, VERDICT_PASS);
	cr_expect_eq(verdict.hosts_good, 1);
	cr_expect_eq(verdict.hosts_total, 2);
	cr_expect_eq(verdict.worst.kind, EVIDENCE_A);
	cr_expect_str_eq(verdict.worst.name, "mx2.example.org");
	cr_expect_eq(verdict.worst.status, FACT_INSECURE);

	verdict = judge(&world, BOUND "mx=s+ mx1=s+,s-,s- mx2=s+,s-,s-", "");
	cr_expect_eq(verdict.hosts_good, 2);
	cr_expect_eq(verdict.hosts_total, 2);
	cr_expect_eq(verdict.worst.kind, EVIDENCE_NONE);
	cr_expect_eq(verdict.decided_by.kind, EVIDENCE_NONE);
}

Test(decide, evidence_says_why)
{
	struct world world;
	struct verdict verdict;

	world_make(&world, BOUND "mx=s+ mx1=s+,s-,b", "");
	world.hosts[0].tlsa.why = "signature expired";
	cr_assert(decide(&world.facts, &world.rules, DECIDE_FINAL, &verdict));
	cr_expect_str_eq(verdict.decided_by.why, "signature expired");
	cr_expect_str_eq(verdict.worst.why, "signature expired");

	world_make(&world, "txt=valid/1 fetch=failed", "");
	world.facts.fetch.error = "HTTP status 404";
	cr_assert(decide(&world.facts, &world.rules, DECIDE_FINAL, &verdict));
	cr_expect_str_eq(verdict.decided_by.why, "HTTP status 404");

	world_make(&world, "txt=failed", "");
	world.facts.txt_why = "no answer";
	cr_assert(decide(&world.facts, &world.rules, DECIDE_FINAL, &verdict));
	cr_expect_str_eq(verdict.decided_by.why, "no answer");
}

Test(decide, says_where_the_policy_came_from)
{
	static const struct {
		const char *facts;
		enum decide_when when;
		enum policy_from from;
		bool known;
	} rows[] = {
  /* clang-format off */
	    {BOUND "mx=b", DECIDE_FINAL, POLICY_FROM_CACHE, true},
	    {FETCHED "mx=b", DECIDE_FINAL, POLICY_FROM_FETCH, true},
	    {"txt=valid/2 stored=1/no fetch=2/no", DECIDE_FINAL,
		POLICY_FROM_FETCH, true},
	    {"txt=none", DECIDE_FINAL, POLICY_FROM_NONE, true},
	    {"class=local", DECIDE_FINAL, POLICY_FROM_NONE, true},
	    {"txt=failed", DECIDE_FINAL, POLICY_FROM_NONE, false},
	    {"txt=valid/1 fetch=failed", DECIDE_FINAL, POLICY_FROM_NONE,
		false},
	    {"stored=1/yes mx=s0", DECIDE_PARTIAL, POLICY_FROM_NONE, false},
  /* clang-format on */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world world;
		struct verdict verdict;

		world_make(&world, rows[i].facts, "");
		cr_assert(
		    decide(&world.facts, &world.rules, rows[i].when, &verdict));
		cr_expect_eq(verdict.policy_from, rows[i].from, "%s",
		    rows[i].facts);
		cr_expect_eq(verdict.policy_known, rows[i].known, "%s",
		    rows[i].facts);
		cr_expect_eq(verdict.policy != NULL,
		    rows[i].from != POLICY_FROM_NONE, "%s", rows[i].facts);
	}
}

/* --- what to look up next ----------------------------------------------- */

Test(decide_wants, C_03_fetch_and_delivery)
{
	static const struct {
		const char *facts;
		bool fetch;
		bool delivery;
	} rows[] = {
	    {"",				      false, false},
	    {"class=local txt=valid/1",               false, false},
	    {"domain= txt=valid/1",                   false, false},
	    {"stored=1/yes",                          false, true },
	    {"stored=1/no",                           false, false},
	    {"stored=1/yes/enforce/9/8",              false, false},
	    {"txt=none",			      false, false},
	    {"txt=none stored=1/yes",                 false, true },
	    {"txt=valid/1",                           true,  true },
	    {"txt=valid/1 stored=1/yes",              false, true },
	    {"txt=valid/1 stored=1/no",               false, false},
	    {"txt=valid/1 stored=1/no/none/9/8",      true,  true },
	    {"txt=valid/2 stored=1/yes",              true,  true },
	    {"txt=valid/2 stored=1/no",               true,  true },
	    {"txt=valid/2 fetch=failed",              false, false},
	    {"txt=valid/2 stored=1/yes fetch=failed", false, true },
	    {"txt=valid/2 stored=1/yes fetch=2/no",   false, false},
	    {"txt=valid/2 stored=1/no fetch=2/yes",   false, true },
	    {"txt=valid/2 fetch=2/yes/none/0/0",      false, true },
	    {"pinned",				false, true }, /* T-14 */
	    {"pinned txt=none",                       false, true },
	    {"pinned txt=valid/1",                    true,  true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world world;
		struct wants wants;

		world_make(&world, rows[i].facts, "");
		decide_wants(&world.facts, &wants);
		cr_expect_eq(wants.fetch, rows[i].fetch, "fetch: %s",
		    rows[i].facts);
		cr_expect_eq(wants.delivery, rows[i].delivery, "delivery: %s",
		    rows[i].facts);
	}
}

/* An id that is not known cannot be the one that is stored. */
Test(decide_wants, T_10_ids_are_compared_octet_by_octet)
{
	struct world world;
	struct wants wants;

	world_make(&world, "txt=valid/a stored=A/yes", "");
	decide_wants(&world.facts, &wants);
	cr_expect(wants.fetch);

	world_make(&world, "txt=valid/a stored=a/yes", "");
	decide_wants(&world.facts, &wants);
	cr_expect_not(wants.fetch);
	world.facts.txt_id = NULL;
	decide_wants(&world.facts, &wants);
	cr_expect(wants.fetch);

	world_make(&world, "txt=valid/a stored=a/yes", "");
	world.stored.id = NULL;
	decide_wants(&world.facts, &wants);
	cr_expect(wants.fetch);
}

/* --- what the verdict tells of a pin ------------------------------------- */

Test(decide, T_14_the_verdict_names_pin_and_policy)
{
	static const struct {
		const char *facts;
		bool known;
		enum policy_from from;
	} rows[] = {
	    {"pinned txt=none mx=i",                true,  POLICY_FROM_NONE },
	    {"pinned txt=failed mx=i",              false, POLICY_FROM_NONE },
	    {"pinned mx=i",                         false, POLICY_FROM_NONE },
	    {"pinned txt=failed stored=1/no mx=i",  true,  POLICY_FROM_CACHE},
	    {"pinned txt=valid/1 fetch=1/yes mx=i", true,  POLICY_FROM_FETCH},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world world;
		struct verdict verdict = judge(&world, rows[i].facts, "");

		cr_expect(verdict.pinned && verdict_is_bound(&verdict));
		cr_expect_eq(verdict.policy_known, rows[i].known, "%s",
		    rows[i].facts);
		cr_expect_eq(verdict.policy_from, rows[i].from, "%s",
		    rows[i].facts);
	}
}

/* --- hosts that cannot be used ------------------------------------------- */

Test(decide, D_18_what_is_unusable_is_the_worst_when_all_else_is_good)
{
	static const struct {
		const char *facts;
		const char *rules;
		const char *worst;
		unsigned good, total;
	} rows[] = {
	    {"address=?,?,? mx1=s+,s-,s+",             "",          "192.0.2.9 MX host unusable",       1,
             1											      },
	    {"mx1=s+,s-,s+ mx2=s-,s-,?",               "",          "",                                 1, 1},
	    {"mx2=s-,s-,?",			    "",          "mx2.example.org MX host unusable", 0, 0},
	    {"address=?,?,? mx1=b,s-,s+",              "",          "mx1.example.org A bogus",          0, 1},
	    {"address=?,?,? mx1=b,s-,s+ mx2=s+,s-,s+", "hosts=any",
             "mx1.example.org A bogus",								 1, 2},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char facts[WORLD_TEXT * 2];
		char worst[EVIDENCE_TEXT_SIZE];
		struct world world;
		struct verdict verdict;

		snprintf(facts, sizeof(facts), BOUND "mx=s+ %s", rows[i].facts);
		verdict = judge(&world, facts, rows[i].rules);

		evidence_text(&verdict.worst, worst);
		cr_expect_str_eq(worst, rows[i].worst, "%s: %s", rows[i].facts,
		    worst);
		cr_expect_eq(verdict.hosts_good, rows[i].good, "%s",
		    rows[i].facts);
		cr_expect_eq(verdict.hosts_total, rows[i].total, "%s",
		    rows[i].facts);
	}
}
