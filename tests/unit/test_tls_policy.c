/*
 * From facts to what the MTA is told at delivery, on worlds of one line
 * (world.h).
 */
#include "autoconf.h"

#include "core/tls_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/err.h"
#include "core/decide.h"
#include "world.h"

#define BOUND      "txt=valid/1 stored=1/yes "
#define TESTING    "txt=valid/1 stored=1/yes/testing "
#define NONE       "txt=valid/1 stored=1/yes/none "
#define MTA_STS    "txt=valid/1 stored=1/no "
#define SIZE       1024
#define N(array)   (sizeof(array) / sizeof((array)[0]))
#define SECURE     "OK secure match=.example.org servername=hostname"
#define NOTFOUND   "NOTFOUND "
#define NEEDED     "TEMP example.org: DNSSEC required by policy, "
#define UNANSWERED "TEMP example.org: TLS policy, DNS not answered in time"
#define INTERNAL   "TEMP example.org: TLS policy, filter: internal error"
#define UNKNOWN    "TEMP example.org: TLS policy, "

struct row {
	const char *facts;
	const char *rules;
	const char *answer;
};

struct judged {
	struct world world;
	struct verdict verdict;
	struct tls_policy policy;
};

static void
judge(struct judged *j, const char *facts, const char *rules,
    const struct tls_rules *tls)
{
	world_make(&j->world, facts, rules);
	cr_assert(decide(&j->world.facts, &j->world.rules, DECIDE_FINAL,
	    &j->verdict));
	tls_policy_judge(&j->world.facts, &j->verdict, tls, &j->policy);
}

static void
check_rows(const struct row *rows, size_t n, const struct tls_rules *tls,
    enum tls_dialect dialect)
{
	for (size_t i = 0; i < n; i++) {
		struct judged j;
		char text[SIZE];

		judge(&j, rows[i].facts, rows[i].rules, tls);
		cr_expect_eq(tls_policy_format(&j.policy, tls, dialect, text,
				 sizeof(text)),
		    0);
		cr_expect_str_eq(text, rows[i].answer, "[%s] [%s]: %s, not %s",
		    rows[i].facts, rows[i].rules, text, rows[i].answer);
	}
}

static const struct tls_rules defaults;

#define POSTFIX(...)                                                       \
	do {                                                               \
		static const struct row rows[] = {__VA_ARGS__};            \
		check_rows(rows, N(rows), &defaults, TLS_DIALECT_POSTFIX); \
	} while (0)

/* clang-format off */

Test(tls_policy, bound_with_usable_TLSA)
{
	POSTFIX({BOUND "mx=s+ mx1=s+,s+,s+u", "", "OK dane-only"},
	    {BOUND "mx=s+ mx1=s+,s-,s+u mx2=s-,s+,s+u", "", "OK dane-only"},
	    {TESTING "mx=s+ mx1=s+,s+,s+u", "", "OK dane-only"},
	    {NONE "mx=s+ mx1=s+,s+,s+u", "", "OK dane-only"},
	    {BOUND "mx=s- self=s+,s+,s+u", "", "OK dane-only"},
	    {BOUND "no-mx self=s+,s+,s+u", "", "OK dane-only"});
}

Test(tls_policy, S_01_one_host_with_TLSA_is_enough_for_dane_only)
{
	POSTFIX({BOUND "mx=s+ mx1=s+,s+,s+u mx2=s+,s+,sx", "", "OK dane-only"},
	    {BOUND "mx=s+ mx1=s+,s+,s- mx2=s+,s+,s+u", "", "OK dane-only"},
	    {BOUND "mx=s+ mx1=s+,s+,s+ mx2=s+,s+,s+u", "", "OK dane-only"},
	    {MTA_STS "mx=s+ mx1=s+,s+,s+u mx2=s+,s+,sx", "", "OK dane-only"},
	    {MTA_STS "mx=s+ mx1=s+,s+,s+u mx2=i+,i-,?", "", "OK dane-only"});
}

Test(tls_policy, A_03_bound_without_TLSA_is_never_opportunistic)
{
	POSTFIX({BOUND "mx=s+ mx1=s+,s+,sx", "", SECURE},
	    {BOUND "mx=s+ mx1=s+,s+,s-", "", SECURE},
	    {BOUND "mx=s+ mx1=s+,s+,s+", "", SECURE}, /* none usable */
	    {TESTING "mx=s+ mx1=s+,s+,sx", "", "OK encrypt"},
	    {NONE "mx=s+ mx1=s+,s+,s-", "", "OK encrypt"},
	    {NONE "mx=s+ mx1=s+,s+,s+", "", "OK encrypt"});
}

Test(tls_policy, D_05_to_D_15_bound_and_not_secure_defers)
{
	POSTFIX({BOUND "mx=i+", "", NEEDED "MX of example.org: insecure"},
	    {BOUND "mx=b", "", NEEDED "MX of example.org: bogus"},
	    {BOUND "mx=f", "", NEEDED "MX of example.org: failed"},
	    {TESTING "mx=i+", "", NEEDED "MX of example.org: insecure"},
	    {NONE "mx=ix", "", NEEDED "MX of example.org: insecure"},
	    {BOUND "mx=s+ mx1=b,s+,s+u", "",
		NEEDED "A of mx1.example.org: bogus"},
	    {BOUND "mx=s+ mx1=s+,s+,b", "",
		NEEDED "TLSA of mx1.example.org: bogus"},
	    {BOUND "mx=s+ mx1=s+,s+,i+u", "",
		NEEDED "TLSA of mx1.example.org: insecure"},
	    {BOUND "mx=s+ mx1=s+,s+,s+u mx2=i+,i+,?", "",
		NEEDED "A of mx2.example.org: insecure"},
	    {BOUND "mx=s+ mx1=s+,s+,s+u truncated", "",
		NEEDED "MX of example.org: too many hosts"},
	    {BOUND "mx=i+", "action=reject",
		NEEDED "MX of example.org: insecure"},
	    {BOUND "mx=i+", "action=quarantine",
		NEEDED "MX of example.org: insecure"});
}

/* Never less than with "dnssec: yes", nor than what a policy asks for. */
Test(tls_policy, T_14_a_pin_is_answered_like_the_flag)
{
	POSTFIX({"pinned txt=none mx=s+ mx1=s+,s+,s+u", "", "OK dane-only"},
	    {"pinned txt=none mx=s+ mx1=s+,s+,s+u mx2=s+,s+,s-", "",
		"OK dane-only"},
	    {"pinned txt=none mx=s+ mx1=s+,s+,s-", "", "OK encrypt"},
	    {"pinned txt=bogus mx=i+", "",
		NEEDED "MX of example.org: insecure"},
	    {"pinned txt=valid/1 stored=1/no mx=s+ mx1=s+,s+,s-", "", SECURE},
	    {"pinned txt=valid/1 stored=1/no mx=s+ mx1=s+,s+,s+u", "",
		"OK dane-only"},
	    {"pinned txt=valid/1 stored=1/no mx=i+", "",
		NEEDED "MX of example.org: insecure"},
	    {"pinned txt=valid/1 stored=1/no/testing mx=s+ mx1=s+,s+,s-", "",
		"OK encrypt"},
	    {"pinned txt=none mx=s0", "", "OK dane-only"},
	    {"pinned deadline", "",
		NEEDED "MX of example.org: not answered in time"},
	    {"pinned internal-error", "",
		"TEMP example.org: DNSSEC not checked, filter: internal error"});
}

/* Without a policy there is no name but the host's. */
Test(tls_policy, T_14_a_pin_without_policy_or_DANE)
{
	static const struct tls_rules verify = {
	    .no_tlsa = TLS_NO_TLSA_VERIFY,
	    .no_dane = true,
	    .tlsrpt = true,
	};
	static const struct row rows[] = {
	    {"pinned txt=none mx=s+ mx1=s+,s+,s-", "",
		"OK secure match=mx1.example.org servername=hostname"},
	    {"pinned txt=none mx=s+ mx1=s+,s+,s+u", "",
		"OK secure match=mx1.example.org servername=hostname"},
	    /* D-18 */
	    {"pinned txt=none mx=s+ address=?,?,? mx1=s+,s+,s-", "",
		"OK secure match=mx1.example.org servername=hostname"},
	};

	check_rows(rows, N(rows), &verify, TLS_DIALECT_SENDMAIL);
}

Test(tls_policy, S_03_what_is_not_answered_in_time_is_asked_again)
{
	POSTFIX({BOUND "mx=? deadline", "",
		    NEEDED "MX of example.org: not answered in time"},
	    {BOUND "mx=s+ mx1=s+,s+,? deadline", "",
		NEEDED "TLSA of mx1.example.org: not answered in time"},
	    {MTA_STS "mx=? deadline", "", UNANSWERED},
	    {MTA_STS "mx=s+ mx1=?,?,? deadline", "", UNANSWERED},
	    {MTA_STS "mx=s+ mx1=s+,s+,? deadline", "", UNANSWERED},
	    {MTA_STS "no-mx deadline", "", UNANSWERED});
}

/* The MTA bounces by itself. Should it find a host all the same, somebody forged
 * MX records, and the policy must hold. */
Test(tls_policy, S_07_D_10_D_11_D_18_without_destination)
{
	POSTFIX({BOUND "mx=s0", "", "OK dane-only"},
	    {TESTING "mx=s0", "", "OK dane-only"},
	    {BOUND "mx=sx", "", "OK dane-only"},
	    {BOUND "mx=s+ mx1=s-,s-,?", "", "OK dane-only"},
	    {BOUND "mx=s+ address=?,?,?", "", "OK dane-only"},
	    {BOUND "mx=s+ address=?,?,? mx1=s+,s+,s-", "", SECURE},
	    {MTA_STS "mx=s0", "", SECURE},
	    {MTA_STS "mx=ix", "", SECURE},
	    {MTA_STS "mx=s+ mx1=s-,s-,?", "", SECURE},
	    {MTA_STS "mx=s+ address=?,?,? mx1=s+,s+,s+u", "", "OK dane-only"},
	    {"txt=none mx=s0", "", NOTFOUND});
}

/* Whether there is a policy is not known, and that is our own fault (D-20). */
Test(tls_policy, S_07_D_20_an_error_of_our_own_defers)
{
	POSTFIX({"txt=none internal-error", "", INTERNAL},
	    {"txt=none internal-error", "discovery=tempfail",
		"TEMP example.org: DNSSEC not checked, filter: internal error"},
	    {BOUND "mx=s+ mx1=s+,s+,s+u internal-error", "",
		"TEMP example.org: DNSSEC not checked, filter: internal error"},
	    {MTA_STS "internal-error", "", INTERNAL},
	    {"txt=valid/1 stored=1/no/testing internal-error", "", NOTFOUND});
}

Test(tls_policy, D_13_any_host_suffices_by_option)
{
	POSTFIX({BOUND "mx=s+ mx1=s+,s+,s+u mx2=b,b,?", "hosts=any",
		    "OK dane-only"},
	    {BOUND "mx=s+ mx1=s+,s+,sx mx2=b,b,?", "hosts=any", SECURE},
	    {BOUND "mx=s+ mx1=s+,s+,sx mx2=s+,s+,b", "hosts=any",
		"OK dane-only"},
	    {BOUND "mx=s+ mx1=s+,s+,sx mx2=?,?,? deadline", "hosts=any",
		UNANSWERED});
}

/* The verdict ignores them; RFC 7672 2.1.2 does not. */
Test(tls_policy, S_01_TLSA_that_the_verdict_ignores_counts)
{
	POSTFIX({BOUND "mx=s+ mx1=s+,s+,s+u", "tlsa=ignored", "OK dane-only"},
	    {BOUND "mx=s+ mx1=s+,s+,b", "tlsa=ignored", "OK dane-only"},
	    {BOUND "mx=s+ mx1=s+,s+,f", "tlsa=ignored", "OK dane-only"},
	    {BOUND "mx=s+ mx1=s+,s+,?", "tlsa=ignored", UNANSWERED},
	    {BOUND "mx=s+ mx1=s+,s+,sx", "tlsa=ignored", SECURE});
}

Test(tls_policy, a_resolver_that_does_not_validate)
{
	POSTFIX({BOUND "mx=b resolver-broken", "",
		    NEEDED "resolver: does not validate"},
	    {BOUND "mx=b resolver-broken", "resolver=pass", SECURE},
	    {TESTING "mx=b resolver-broken", "resolver=pass", "OK encrypt"},
	    {MTA_STS "mx=b resolver-broken", "", SECURE});
}

/* Postfix falls from "dane" to "may" when it finds no TLSA records itself. */
Test(tls_policy, S_01_S_07_mode_enforce_with_TLSA_is_dane_only)
{
	POSTFIX({MTA_STS "mx=s+ mx1=s+,s+,s+u", "", "OK dane-only"},
	    {MTA_STS "mx=s+ mx1=s+,s+,s+u mx2=s-,s+,s+u", "", "OK dane-only"},
	    {MTA_STS "mx=s+ mx1=s+,s+,s+u gone=s-,s-,?", "", "OK dane-only"},
	    {MTA_STS "mx=s+ mx1=s+,s+,s+u truncated", "", "OK dane-only"},
	    {MTA_STS "no-mx self=s+,s+,s+u", "", "OK dane-only"},
	    /* no TLSA can be had, and none can be ruled out */
	    {MTA_STS "mx=s+ mx1=s+,s+,b", "", "OK dane-only"},
	    {MTA_STS "mx=s+ mx1=s+,s+,f", "", "OK dane-only"});
}

Test(tls_policy, MTA_STS_where_there_is_no_DANE)
{
	POSTFIX({MTA_STS "mx=i+", "", SECURE},
	    {MTA_STS "mx=b", "", SECURE},
	    {MTA_STS "mx=f", "", SECURE},
	    {MTA_STS "mx=s+ mx1=i+,i+,?", "", SECURE},
	    {MTA_STS "mx=s+ mx1=s+,s+,sx", "", SECURE},
	    {MTA_STS "mx=s+ mx1=s+,s+,ix", "", SECURE},
	    {MTA_STS "mx=s+ mx1=s+,s+,s+", "", SECURE});
}

Test(tls_policy, nothing_is_said_of_what_no_policy_enforces)
{
	POSTFIX({"txt=none", "", NOTFOUND},
	    {"txt=none mx=s+ mx1=s+,s+,s+u", "", NOTFOUND},
	    {"txt=valid/1 stored=1/no/testing", "", NOTFOUND},
	    {"txt=valid/1 stored=1/no/none", "", NOTFOUND},
	    {"txt=failed", "", NOTFOUND},
	    {"txt=bogus", "", NOTFOUND},
	    {"txt=valid/1 fetch=failed", "", NOTFOUND},
	    /* its life is over */
	    {"txt=none stored=1/yes/enforce/86401/86400 mx=i+", "", NOTFOUND});
}

Test(tls_policy, K9_discovery_that_fails_defers_by_option)
{
	POSTFIX({"txt=failed", "discovery=tempfail",
		    "TEMP example.org: policy discovery, TXT of example.org: "
		    "failed"},
	    {"txt=bogus", "bogus=tempfail",
		"TEMP example.org: policy discovery, TXT of example.org: "
		"bogus"});
}

Test(tls_policy, C_04_C_07_stored_and_fetched_policies)
{
	POSTFIX({"txt=none stored=1/yes mx=i+", "",
		    NEEDED "MX of example.org: insecure"},
	    {"txt=none stored=1/no mx=i+", "", SECURE},
	    {"txt=valid/2 stored=1/no fetch=2/yes mx=s+ mx1=s+,s+,s+u", "",
		"OK dane-only"},
	    {"txt=valid/2 stored=1/yes fetch=2/no/none mx=i+", "", NOTFOUND});
}

/* clang-format on */

/* clang-format off */

/* RFC 7672 without any policy. */
Test(tls_policy, dane_for_all)
{
	static const struct tls_rules all = {.dane_for_all = true};
	static const struct row rows[] = {
	    {"txt=none mx=s+ mx1=s+,s+,s+u", "", "OK dane-only"},
	    {"txt=none mx=s+ mx1=s+,s+,s+u mx2=s-,s+,s+u", "", "OK dane-only"},
	    {"txt=none mx=s+ mx1=s+,s+,s+u null=s-,s-,?", "", "OK dane-only"},
	    {"txt=none mx=s- self=s+,s-,s+u", "", "OK dane-only"},
	    {"txt=none no-mx self=s+,s+,s+u", "", "OK dane-only"},
	    {"txt=failed mx=s+ mx1=s+,s+,s+u", "", "OK dane-only"},
	    {"txt=valid/1 stored=1/no/testing mx=s+ mx1=s+,s+,s+u", "",
		"OK dane-only"},
	    {"txt=valid/1 stored=1/no/none mx=s+ mx1=s+,s+,s+u", "",
		"OK dane-only"},
	    /* a host that cannot be looked up is passed over */
	    {"txt=none mx=s+ mx1=s+,s+,s+u mx2=s+,s+,b", "", "OK dane-only"},
	    {"txt=none mx=s+ mx1=s+,s+,s+u mx2=f,f,?", "", "OK dane-only"},
	    /* not all hosts, no DANE, nobody there */
	    {"txt=none mx=s+ mx1=s+,s+,s+u mx2=s+,s+,sx", "", NOTFOUND},
	    {"txt=none mx=s+ mx1=s+,s+,s+u mx2=s+,s+,s+", "", NOTFOUND},
	    {"txt=none mx=s+ mx1=s+,s+,s+u mx2=i+,i-,?", "", NOTFOUND},
	    {"txt=none mx=s+ mx1=s+,s+,s+u truncated", "", NOTFOUND},
	    {"txt=none mx=s+ mx1=s+,s+,sx", "", NOTFOUND},
	    {"txt=none mx=i+", "", NOTFOUND},
	    {"txt=none mx=s0", "", NOTFOUND},
	    {"txt=none mx=sx", "", NOTFOUND},
	    /* RFC 7672 2.1.2 */
	    {"txt=none mx=b", "", UNKNOWN "MX of example.org: bogus"},
	    {"txt=none mx=f", "", UNKNOWN "MX of example.org: failed"},
	    {"txt=none mx=n", "", UNKNOWN "MX of example.org: indeterminate"},
	    {"txt=none mx=s+ mx1=s+,s+,b", "",
		UNKNOWN "TLSA of mx1.example.org: bogus"},
	    {"txt=none mx=s+ mx1=f,s-,? mx2=s+,s+,f", "",
		UNKNOWN "A of mx1.example.org: failed"},
	    {"txt=none mx=s+ mx1=s-,b,?", "",
		UNKNOWN "AAAA of mx1.example.org: bogus"},
	    {"txt=none mx=? deadline", "", UNANSWERED},
	    {"txt=none mx=s+ mx1=s+,s+,? deadline", "", UNANSWERED},
	    /* our own path */
	    {"txt=none mx=b resolver-broken", "",
		UNKNOWN "MX of example.org: bogus"},
	    /* the others as without it */
	    {BOUND "mx=i+", "", NEEDED "MX of example.org: insecure"},
	    {BOUND "mx=s+ mx1=s+,s+,sx", "", SECURE},
	    {MTA_STS "mx=s+ mx1=s+,s+,sx", "", SECURE},
	    {"txt=none internal-error", "", INTERNAL},
	};
	static const struct tls_rules lenient = {.dane_for_all = true,
	    .resolver_may_fail = true};
	static const struct row passed[] = {
	    {"txt=none mx=b resolver-broken", "", NOTFOUND},
	    {"txt=none mx=b", "", UNKNOWN "MX of example.org: bogus"},
	};
	static const struct tls_rules none = {.dane_for_all = true,
	    .no_dane = true};
	static const struct row sendmail[] = {
	    {"txt=none mx=s+ mx1=s+,s+,s+u", "", NOTFOUND},
	    {"txt=none mx=b", "", NOTFOUND},
	};

	check_rows(rows, N(rows), &all, TLS_DIALECT_POSTFIX);
	check_rows(passed, N(passed), &lenient, TLS_DIALECT_POSTFIX);
	check_rows(sendmail, N(sendmail), &none, TLS_DIALECT_SENDMAIL);
}

/* clang-format on */

Test(tls_policy, options)
{
	static const struct tls_rules verify = {.no_tlsa = TLS_NO_TLSA_VERIFY};
	static const struct tls_rules leave = {.leave_dane = true};
	static const struct row verified[] = {
	    {TESTING "mx=s+ mx1=s+,s+,sx",  "",
             "OK verify match=hostname servername=hostname"   },
	    {BOUND "mx=s+ mx1=s+,s+,sx",    "", SECURE        },
	    {TESTING "mx=s+ mx1=s+,s+,s+u", "", "OK dane-only"},
	};
	static const struct row left[] = {
	    {MTA_STS "mx=s+ mx1=s+,s+,s+u",              "", NOTFOUND      },
	    {MTA_STS "mx=s+ mx1=s+,s+,s+u mx2=s+,s+,sx", "", "OK dane-only"},
	    {BOUND "mx=s+ mx1=s+,s+,s+u",                "", "OK dane-only"},
	};

	check_rows(verified, N(verified), &verify, TLS_DIALECT_POSTFIX);
	check_rows(left, N(left), &leave, TLS_DIALECT_POSTFIX);
}

/* It looks at "secure" alone and does DANE by itself, or does none: what it is
 * told nothing about may go out in the clear. */
Test(tls_policy, A_03_sendmail_without_DANE)
{
	static const struct tls_rules encrypt = {.no_dane = true,
	    .leave_dane = true};
	static const struct tls_rules verify = {.no_dane = true,
	    .no_tlsa = TLS_NO_TLSA_VERIFY};
	static const struct row both[] = {
	    {BOUND "mx=s+ mx1=s+,s+,s+u",                "", SECURE},
	    {BOUND "mx=s+ mx1=s+,s+,s+u mx2=s+,s+,sx",   "", SECURE},
	    {MTA_STS "mx=s+ mx1=s+,s+,s+u",              "", SECURE},
	    {MTA_STS "mx=s+ mx1=s+,s+,s+u mx2=s+,s+,sx", "", SECURE},
	    {BOUND "mx=s+ mx1=s+,s+,b",                  "",
             NEEDED "TLSA of mx1.example.org: bogus"               },
	};
	static const struct row testing[] = {
	    {TESTING "mx=s+ mx1=s+,s+,s+u", "", NOTFOUND},
	};
	static const struct row verified[] = {
	    {TESTING "mx=s+ mx1=s+,s+,s+u", "",
             "OK secure match=mx1.example.org servername=hostname"},
	    {TESTING "mx=s0",               "",
             "OK secure match=example.org servername=hostname"    },
	};

	check_rows(both, N(both), &encrypt, TLS_DIALECT_SENDMAIL);
	check_rows(both, N(both), &verify, TLS_DIALECT_SENDMAIL);
	check_rows(testing, N(testing), &encrypt, TLS_DIALECT_SENDMAIL);
	check_rows(verified, N(verified), &verify, TLS_DIALECT_SENDMAIL);
}

Test(tls_policy, sendmail)
{
	static const struct tls_rules verify = {.no_tlsa = TLS_NO_TLSA_VERIFY,
	    .tlsrpt = true};
	static const struct row rows[] = {
	    {BOUND "mx=s+ mx1=s+,s+,s+u",                            "", NOTFOUND                            },
	    {MTA_STS "mx=s+ mx1=s+,s+,s+u",                          "", NOTFOUND                            },
	    {BOUND "mx=s+ mx1=s+,s+,sx",                             "", SECURE                              },
	    {MTA_STS "mx=i+",					"", SECURE                              },
	    {BOUND "mx=i+",					  "", NEEDED "MX of example.org: insecure"},
	    {TESTING "mx=s+ mx1=s+,s+,sx mx2=s+,s+,sx null=s-,s-,?", "",
             "OK secure match=mx1.example.org:mx2.example.org "
		"servername=hostname"									},
	};
	static const struct row plain[] = {
	    {TESTING "mx=s+ mx1=s+,s+,sx", "", NOTFOUND},
	};

	check_rows(rows, N(rows), &verify, TLS_DIALECT_SENDMAIL);
	check_rows(plain, N(plain), &defaults, TLS_DIALECT_SENDMAIL);
}

static void
set_patterns(struct judged *j, const char *const *patterns, size_t n)
{
	j->world.stored.n_mx = n;
	j->world.stored.mx = patterns;
}

Test(tls_policy, M_01_patterns_as_postfix_has_them)
{
	static const char *const patterns[] = {"mx1.example.com",
	    "*.example.net"};
	struct judged j;
	char text[SIZE];

	judge(&j, MTA_STS "mx=i+", "", &defaults);
	set_patterns(&j, patterns, N(patterns));
	cr_expect_eq(tls_policy_format(&j.policy, &defaults,
			 TLS_DIALECT_POSTFIX, text, sizeof(text)),
	    0);
	cr_expect_str_eq(text,
	    "OK secure match=mx1.example.com:.example.net "
	    "servername=hostname");
}

Test(tls_policy, L_02_attributes_for_reports)
{
	static const struct tls_rules reports = {.tlsrpt = true};
	static const char *const patterns[] = {"mx1.example.com",
	    "*.example.net"};
	struct judged j;
	char text[SIZE];

	judge(&j, BOUND "mx=s+ mx1=s+,s+,sx", "", &reports);
	set_patterns(&j, patterns, N(patterns));
	cr_expect_eq(tls_policy_format(&j.policy, &reports, TLS_DIALECT_POSTFIX,
			 text, sizeof(text)),
	    0);
	cr_expect_str_eq(text,
	    "OK secure match=mx1.example.com:.example.net servername=hostname"
	    " policy_type=sts policy_domain=example.org"
	    " { policy_string = version: STSv1 }"
	    " { policy_string = mode: enforce }"
	    " { policy_string = mx: mx1.example.com }"
	    " { policy_string = mx: *.example.net }"
	    " { policy_string = max_age: 86400 }"
	    " { policy_string = dnssec: yes }"
	    " mx_host_pattern=mx1.example.com"
	    " mx_host_pattern=*.example.net");
	/* They are for MTA-STS alone. */
	judge(&j, BOUND "mx=s+ mx1=s+,s+,s+u", "", &reports);
	cr_expect_eq(tls_policy_format(&j.policy, &reports, TLS_DIALECT_POSTFIX,
			 text, sizeof(text)),
	    0);
	cr_expect_str_eq(text, "OK dane-only");
}

#define MANY 100

/* A report can do without, a delivery cannot. */
Test(tls_policy, S_02_too_long_defers)
{
	static const struct tls_rules reports = {.tlsrpt = true};
	const char *patterns[MANY];
	struct judged j;
	char text[SIZE];

	judge(&j, MTA_STS "mx=i+", "", &reports);
	for (size_t i = 0; i < MANY; i++)
		patterns[i] = "mx.example.com";
	set_patterns(&j, patterns, 30);
	cr_expect_eq(tls_policy_format(&j.policy, &reports, TLS_DIALECT_POSTFIX,
			 text, sizeof(text)),
	    TLS_POLICY_SHORTENED);
	cr_expect_null(strstr(text, "policy_"), "%s", text);
	cr_expect_str_eq(text + strlen(text) - strlen(" servername=hostname"),
	    " servername=hostname");
	set_patterns(&j, patterns, MANY);
	cr_expect_eq(tls_policy_format(&j.policy, &reports, TLS_DIALECT_POSTFIX,
			 text, sizeof(text)),
	    ERR_TOOLONG);
	cr_expect_str_eq(text, "TEMP example.org: TLS policy is too long");
}

Test(tls_policy, D_01_more_is_looked_up_for_enforce_alone)
{
	static const struct {
		const char *facts;
		bool wanted;
	} rows[] = {
	    {MTA_STS,				    true },
            {BOUND,				      false}, /* the verdict wants it anyway */
	    {"txt=valid/1 stored=1/no/testing",          false},
	    {"txt=valid/1 stored=1/no/none",             false},
            {"txt=none",                                 false},
	    {"txt=none stored=1/no/enforce/86401/86400", false},
	    {"txt=valid/2 fetch=2/no",                   true },
	    {"pinned txt=valid/2 fetch=2/no",            false}, /* likewise */
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct world world;

		world_make(&world, rows[i].facts, "");
		cr_expect_eq(tls_policy_wants_delivery(&world.facts, false),
		    rows[i].wanted, "%s", rows[i].facts);
		cr_expect_eq(tls_policy_wants_delivery(&world.facts, true),
		    strcmp(rows[i].facts, BOUND) != 0 &&
			strncmp(rows[i].facts, "pinned", 6) != 0,
		    "%s", rows[i].facts);
	}
}

Test(tls_policy, names)
{
	cr_expect_str_eq(tls_policy_name(TLS_POLICY_DANE_ONLY), "dane-only");
	cr_expect_str_eq(tls_policy_name(TLS_POLICY_NONE), "none");
}
