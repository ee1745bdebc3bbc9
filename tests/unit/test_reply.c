#include "autoconf.h"

#include "core/verdict.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "world.h"

static const struct {
	const char *facts;
	const char *rules;
	const char *reply;
} rows[] = {
  /* clang-format off */
    {"mx=i", "",
        "450 4.7.5 example.org: DNSSEC required by policy, "
        "MX of example.org: insecure"},
    {"mx=i", "action=reject",
        "550 5.7.5 example.org: DNSSEC required by policy, "
        "MX of example.org: insecure"},
    {"mx=i", "action=quarantine",
        "450 4.7.5 example.org: DNSSEC required by policy, "
        "MX of example.org: insecure"},
    {"mx=s+ mx2=b,s-,s-", "",
        "450 4.7.5 example.org: DNSSEC required by policy, "
        "A of mx2.example.org: bogus"},
    {"mx=s+ mx2=s+,n,s-", "",
        "450 4.7.5 example.org: DNSSEC required by policy, "
        "AAAA of mx2.example.org: indeterminate"},
    {"mx=s+ mx1=s+,s-,f", "",
        "450 4.7.5 example.org: DNSSEC required by policy, "
        "TLSA of mx1.example.org: failed"},
    {"mx=s+ mx1=s+,s-,s-", "tlsa=required",
        "450 4.7.5 example.org: DNSSEC required by policy, "
        "TLSA of mx1.example.org: missing"},
    {"pattern=nowhere mx=s+ mx1=s+,s-,s-", "patterns=enforce",
        "450 4.7.5 example.org: DNSSEC required by policy, "
        "MX host mx1.example.org: not in the policy"},
    {"truncated mx=s+ mx1=s+,s-,s-", "",
        "450 4.7.5 example.org: DNSSEC required by policy, "
        "MX of example.org: too many hosts"},
    {"deadline mx=s+ mx1=?,s-,s-", "",
        "450 4.7.5 example.org: DNSSEC required by policy, "
        "A of mx1.example.org: not answered in time"},
    {"resolver-broken mx=b", "",
        "450 4.7.5 example.org: DNSSEC required by policy, "
        "resolver: does not validate"},
    {"internal-error", "",
        "450 4.7.5 example.org: DNSSEC not checked, "
        "filter: internal error"},
  /* clang-format on */
};

static void
make(const char *facts, const char *rules, struct world *world,
    struct reply *reply)
{
	char bound[256] = "txt=valid/1 stored=1/yes ";
	struct verdict verdict;

	strncat(bound, facts, sizeof(bound) - strlen(bound) - 1);
	world_make(world, bound, rules);
	cr_assert(decide(&world->facts, &world->rules, DECIDE_FINAL, &verdict));
	reply_format(&world->facts, &verdict, reply);
}

Test(reply, A_01_A_04_one_line_that_names_record_and_status)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[REPLY_TEXT_MAX + 16];
		struct world world;
		struct reply reply;

		make(rows[i].facts, rows[i].rules, &world, &reply);
		snprintf(line, sizeof(line), "%s %s %s", reply.code,
		    reply.xcode, reply.text);
		cr_expect_str_eq(line, rows[i].reply);
	}
}

static void
format(const char *domain, const char *name, struct reply *reply)
{
	struct facts facts = {.recipient.domain = domain};
	struct verdict verdict = {
	    .kind = VERDICT_DEFER,
	    .reason = REASON_MX_BOGUS,
	    .pinned = true,
	    .decided_by = {EVIDENCE_MX, .name = name, .status = FACT_BOGUS},
	};

	reply_format(&facts, &verdict, reply);
}

Test(reply, discovery_failures_name_the_record)
{
	struct facts facts = {.recipient.domain = "example.org"};
	struct verdict verdict = {
	    .kind = VERDICT_DEFER,
	    .reason = REASON_DISCOVERY_FAILED,
	    .decided_by = {EVIDENCE_FETCH, .name = "example.org",
			   .status = FACT_FAILED},
	};
	struct reply reply;

	reply_format(&facts, &verdict, &reply);
	cr_expect_str_eq(reply.text,
	    "example.org: policy discovery, policy of example.org: failed");
	verdict.reason = REASON_DISCOVERY_BOGUS;
	verdict.decided_by.kind = EVIDENCE_TXT;
	verdict.decided_by.status = FACT_BOGUS;
	reply_format(&facts, &verdict, &reply);
	cr_expect_str_eq(reply.text,
	    "example.org: policy discovery, TXT of example.org: bogus");
}

/* A bare % makes Sendmail turn 450 into 550; CR and LF forge lines. */
Test(reply, A_04_no_octet_can_harm)
{
	struct reply reply;

	format("a%b", "x\r\ny\t\x7f\xc3\xbc%s", &reply);
	cr_expect_str_eq(reply.text,
	    "a%%b: DNSSEC required by policy, MX of x??y????%%s: bogus");
	format(NULL, "x", &reply);
	cr_expect_str_eq(reply.text,
	    ": DNSSEC required by policy, MX of x: bogus");
}

Test(reply, without_evidence_there_is_no_record_to_name)
{
	struct facts facts = {.recipient.domain = "example.org"};
	struct verdict verdict = {
	    .kind = VERDICT_DEFER,
	    .reason = REASON_DEADLINE,
	    .pinned = true,
	};
	struct reply reply;

	reply_format(&facts, &verdict, &reply);
	cr_expect_str_eq(reply.text,
	    "example.org: DNSSEC required by policy, : not answered in time");
}

/* C-15: nothing is known, so nothing has been demanded. */
Test(reply, C_15_a_domain_that_is_not_known_to_bind)
{
	static const struct {
		const char *facts;
		const char *text;
	} unknown[] = {
	    {"internal-error",
             "example.org: DNSSEC not checked, filter: internal error"},
	    {"deadline",
             "example.org: policy discovery, TXT of example.org: not "
		"answered in time"				    },
	    {"deadline txt=valid/1",
             "example.org: policy discovery, policy of example.org: not "
		"answered in time"				    },
	};

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		struct world world;
		struct verdict verdict;
		struct reply reply;

		world_make(&world, unknown[i].facts, "discovery=tempfail");
		cr_assert(
		    decide(&world.facts, &world.rules, DECIDE_FINAL, &verdict));
		cr_expect_eq(verdict.kind, VERDICT_DEFER);
		reply_format(&world.facts, &verdict, &reply);
		cr_expect_str_eq(reply.code, "450");
		cr_expect_str_eq(reply.text, unknown[i].text);
	}
}

Test(reply, A_04_long_text_is_cut_and_never_inside_a_doubled_percent)
{
	char name[REPLY_TEXT_MAX + 2];

	for (size_t len = REPLY_TEXT_MAX - 40; len <= REPLY_TEXT_MAX; len++) {
		struct reply reply;
		size_t got;

		memset(name, 'x', len);
		name[len] = '%';
		name[len + 1] = '\0';
		format("d", name, &reply);
		got = strlen(reply.text);
		cr_expect_leq(got, REPLY_TEXT_MAX);
		cr_expect_geq(got, REPLY_TEXT_MAX - 1);
		cr_expect(strchr(reply.text, '%') == NULL ||
			strstr(reply.text, "%%") != NULL,
		    "%zu: %s", len, reply.text);
	}
}
