#include "autoconf.h"

#include "core/facts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

static const char *const patterns[] = {"mx1.example.org", "*.example.net"};

static const struct fact_policy stored = {
    .id = "20260101",
    .age_s = 100,
    .max_age_s = 86400,
    .mode = POLICY_MODE_TESTING,
    .dnssec = true,
    .n_mx = 2,
    .mx = patterns,
};

static const struct fact_host hosts[] = {
    {
     .name = "mx1.example.org",
     .preference = 10,
     .a = {FACT_SECURE, ANSWER_RECORDS, NULL},
     .aaaa = {FACT_INSECURE, ANSWER_NODATA, "no DS"},
     .tlsa = {FACT_BOGUS, ANSWER_EMPTY, "signature expired"},
     },
    {
     .name = "",
     .a = {FACT_SECURE, ANSWER_NODATA, ""},
     },
};

static const struct facts full = {
    .recipient = {ADDRESS_DOMAIN, "example.org", "smtp",          "[example.org]"},
    .no_mx = true,
    .pinned = true,
    .port = 587,
    .resolver_broken = true,
    .txt_state = TXT_VALID,
    .txt_id = "20260102",
    .txt_why = "none",
    .stored = &stored,
    .fetch = {FETCH_FAILED,              "HTTP status 404",
		  {.id = "x", .n_mx = 1, .mx = patterns}},
    .mx = {FACT_SECURE,              ANSWER_RECORDS,                 "why"    },
    .n_hosts = 2,
    .hosts = hosts,
    .hosts_truncated = true,
    .internal_error = true,
    .internal_why = "out of memory",
    .deadline = true,
};

/* Whether a pointer and what it points at lie inside the block. */
static bool
is_inside(const struct facts *copy, size_t size, const void *p, size_t len)
{
	uintptr_t base = (uintptr_t)copy;
	uintptr_t at = (uintptr_t)p;

	return at >= base && at + len <= base + size;
}

static void
expect_string(const struct facts *copy, size_t size, const char *got,
    const char *original)
{
	cr_expect_str_eq(got, original);
	cr_expect_neq(got, original, "%s is shared", original);
	cr_expect(is_inside(copy, size, got, strlen(original) + 1),
	    "%s is outside the block", original);
}

static void
expect_rrset(const struct facts *copy, size_t size,
    const struct fact_rrset *got, const struct fact_rrset *original)
{
	cr_expect_eq(got->status, original->status);
	cr_expect_eq(got->answer, original->answer);
	if (original->why == NULL)
		cr_expect_null(got->why);
	else
		expect_string(copy, size, got->why, original->why);
}

static void
expect_policy(const struct facts *copy, size_t size,
    const struct fact_policy *got, const struct fact_policy *original)
{
	expect_string(copy, size, got->id, original->id);
	cr_expect_eq(got->age_s, original->age_s);
	cr_expect_eq(got->max_age_s, original->max_age_s);
	cr_expect_eq(got->mode, original->mode);
	cr_expect_eq(got->dnssec, original->dnssec);
	cr_assert_eq(got->n_mx, original->n_mx);
	cr_expect(
	    is_inside(copy, size, got->mx, original->n_mx * sizeof(*got->mx)));
	for (size_t i = 0; i < got->n_mx; i++)
		expect_string(copy, size, got->mx[i], original->mx[i]);
}

Test(facts, a_copy_lives_on_its_own)
{
	size_t size;
	struct facts *copy = facts_copy(&full, &size);

	cr_assert_not_null(copy);
	cr_expect_eq(copy->recipient.class, ADDRESS_DOMAIN);
	expect_string(copy, size, copy->recipient.domain, "example.org");
	expect_string(copy, size, copy->recipient.mailer, "smtp");
	expect_string(copy, size, copy->recipient.host, "[example.org]");
	cr_expect(copy->pinned && copy->no_mx && copy->resolver_broken);
	cr_expect_eq(copy->port, 587);
	cr_expect_eq(copy->txt_state, TXT_VALID);
	expect_string(copy, size, copy->txt_id, "20260102");
	expect_string(copy, size, copy->txt_why, "none");
	cr_expect(is_inside(copy, size, copy->stored, sizeof(stored)));
	expect_policy(copy, size, copy->stored, &stored);
	cr_expect_eq(copy->fetch.state, FETCH_FAILED);
	expect_string(copy, size, copy->fetch.error, "HTTP status 404");
	expect_policy(copy, size, &copy->fetch.policy, &full.fetch.policy);
	expect_rrset(copy, size, &copy->mx, &full.mx);
	cr_expect(copy->hosts_truncated && copy->internal_error);
	expect_string(copy, size, copy->internal_why, "out of memory");
	cr_expect(copy->deadline);
	free(copy);
}

/* --- hosts that are skipped ---------------------------------------------- */

#define ABSENT                                                 \
	{                                                      \
		.status = FACT_SECURE, .answer = ANSWER_NODATA \
	}

Test(facts, D_18_hosts_that_are_skipped_are_named)
{
	const struct fact_host list[] = {
	    {.name = "mx1.example.org", .a = ABSENT,      .aaaa = ABSENT},
	    {.name = "192.0.2.9",       .unusable = true},
	    {.name = "mx2.example.org",              .a = ABSENT,      .aaaa = {0}              },
	    {.name = "",              .a = ABSENT,   .aaaa = ABSENT},
	    {.name = "a\\032b",         .unusable = true                },
	    {.name = "mx3.example.org",           .a = ABSENT,                           .aaaa = ABSENT              },
	};
	struct facts facts = {.n_hosts = 6, .hosts = list};
	char text[FACTS_SKIPPED_SIZE];

	facts_skipped_text(&facts, text);
	cr_expect_str_eq(text,
	    "no host name: 192.0.2.9, a\\032b; no address: mx1.example.org, "
	    "mx3.example.org");
	cr_expect_not(fact_host_is_skipped(&list[2]));
	facts.n_hosts = 1;
	facts_skipped_text(&facts, text);
	cr_expect_str_eq(text, "no address: mx1.example.org");
	facts.n_hosts = 0;
	facts_skipped_text(&facts, text);
	cr_expect_str_eq(text, "");
}

Test(facts, S_02_too_many_skipped_hosts_are_cut)
{
	struct fact_host list[FACTS_HOSTS_MAX];
	struct facts facts = {.n_hosts = FACTS_HOSTS_MAX, .hosts = list};
	char name[NAME_SIZE];
	char text[FACTS_SKIPPED_SIZE];

	memset(name, 'a', NAME_LEN_MAX);
	name[NAME_LEN_MAX] = '\0';
	for (size_t i = 0; i < FACTS_HOSTS_MAX; i++)
		list[i] = (struct fact_host){.name = name, .unusable = true};
	facts_skipped_text(&facts, text);
	cr_expect_lt(strlen(text), sizeof(text));
	cr_expect_str_eq(text + strlen(text) - 5, ", ...");
}

Test(facts, a_copy_has_its_own_hosts)
{
	size_t size;
	struct facts *copy = facts_copy(&full, &size);

	cr_assert_not_null(copy);
	cr_assert_eq(copy->n_hosts, 2);
	cr_expect(is_inside(copy, size, copy->hosts, sizeof(hosts)));
	for (size_t i = 0; i < 2; i++) {
		const struct fact_host *host = &copy->hosts[i];

		expect_string(copy, size, host->name, hosts[i].name);
		cr_expect_eq(host->preference, hosts[i].preference);
		expect_rrset(copy, size, &host->a, &hosts[i].a);
		expect_rrset(copy, size, &host->aaaa, &hosts[i].aaaa);
		expect_rrset(copy, size, &host->tlsa, &hosts[i].tlsa);
	}
	free(copy);
}

/* The sanitizers see a misaligned or short block at any string length. */
Test(facts, copies_of_all_alignments)
{
	char domain[65];

	memset(domain, 'a', sizeof(domain));
	for (size_t len = 0; len < sizeof(domain); len++) {
		struct facts facts = full;
		struct facts *copy;
		struct facts *again;
		size_t size;
		size_t size_again;

		domain[len] = '\0';
		facts.recipient.domain = domain;
		copy = facts_copy(&facts, &size);
		cr_assert_not_null(copy);
		cr_expect_str_eq(copy->recipient.domain, domain);
		cr_expect_str_eq(copy->hosts[0].tlsa.why, "signature expired");
		again = facts_copy(copy, &size_again);
		cr_assert_not_null(again);
		cr_expect_eq(size, size_again);
		free(copy);
		cr_expect_str_eq(again->stored->mx[1], "*.example.net");
		free(again);
		domain[len] = 'a';
	}
}

Test(facts, nothing_looked_up_is_copied_as_that)
{
	struct facts empty = {.txt_state = TXT_UNASKED};
	struct facts *copy = facts_copy(&empty, NULL);

	cr_assert_not_null(copy);
	cr_expect_null(copy->recipient.domain);
	cr_expect_null(copy->txt_id);
	cr_expect_null(copy->stored);
	cr_expect_eq(copy->fetch.state, FETCH_UNASKED);
	cr_expect_eq(copy->mx.status, FACT_UNASKED);
	cr_expect_eq(copy->n_hosts, 0);
	free(copy);
}

Test(facts, C_02_C_08_life_of_a_policy)
{
	static const struct {
		uint64_t age_s;
		uint32_t max_age_s;
		bool live;
	} rows[] = {
	    {0,          1,          true },
	    {86399,      86400,      true },
	    {86400,      86400,      true },
	    {86401,      86400,      false},
	    {0,          0,          false},
	    {1,          0,          false},
	    {UINT64_MAX, UINT32_MAX, false},
	    {UINT32_MAX, UINT32_MAX, true },
	    {1ULL << 32, 86400,      false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fact_policy policy = {.age_s = rows[i].age_s,
		    .max_age_s = rows[i].max_age_s};

		cr_expect_eq(fact_policy_is_live(&policy), rows[i].live,
		    "row %zu", i);
	}
	cr_expect_not(fact_policy_is_live(NULL));
}

Test(facts, words_and_numbers_agree)
{
	for (int i = FACT_UNASKED; i <= FACT_FAILED; i++)
		cr_expect_eq(fact_status_by_name(
				 fact_status_name((enum fact_status)i)),
		    i);
	for (int i = ANSWER_EMPTY; i <= ANSWER_NULL_MX; i++)
		cr_expect_eq(fact_answer_by_name(
				 fact_answer_name((enum fact_answer)i)),
		    i);
	cr_expect_str_eq(fact_status_name(FACT_INDETERMINATE), "indeterminate");
	cr_expect_str_eq(fact_answer_name(ANSWER_NULL_MX), "null-mx");
	cr_expect_eq(fact_status_by_name("Secure"), -1);
	cr_expect_eq(fact_status_by_name(""), -1);
	cr_expect_eq(fact_answer_by_name("record"), -1);
}
