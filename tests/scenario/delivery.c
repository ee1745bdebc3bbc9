/* Scenarios of the delivery track: MX, addresses, TLSA. */
#include "autoconf.h"

#include <string.h>

#include "core/facts.h"
#include "world.h"

/* A domain whose stored policy binds; the TXT says the same. */
static void
bind_domain(const char *domain)
{
	script_txt(domain, "1");
	script_stored(domain, "1", BINDING, 100);
}

static struct asker
judged(void)
{
	struct asker a;

	world_start();
	a = asked("example.org");
	world_stop();
	return a;
}

static void
secure_with_tlsa(void)
{
	bind_domain("example.org");
	script_delivery("example.org", "mx.example.org", true);
	CHECK_VERDICT(judged(), VERDICT_PASS, REASON_SECURE);
}

static void
D_16_secure_without_tlsa(void)
{
	bind_domain("example.org");
	script_delivery("example.org", "mx.example.org", false);
	CHECK_VERDICT(judged(), VERDICT_PASS, REASON_SECURE);
}

/* D-05 to D-08, D-12, D-14, D-15: each record, each way of being bad. */
static void
every_bad_record_defers(void)
{
	static const struct {
		const char *name;
		enum dns_type type;
		enum fact_status status;
		enum fact_answer answer;
		enum reason reason;
	} rows[] = {
	/* clang-format off */
#define R(n, t, s, a, r) {n, DNS_##t, FACT_##s, ANSWER_##a, REASON_##r}
	    R("example.org", MX, INSECURE, RECORDS, MX_INSECURE),
	    R("example.org", MX, INSECURE, NODATA, MX_INSECURE),
	    R("example.org", MX, INSECURE, NXDOMAIN, MX_INSECURE),
	    R("example.org", MX, INSECURE, NULL_MX, MX_INSECURE),
	    R("example.org", MX, INDETERMINATE, RECORDS, MX_INSECURE),
	    R("example.org", MX, BOGUS, EMPTY, MX_BOGUS),
	    R("example.org", MX, FAILED, EMPTY, MX_FAILED),
	    R("mx.example.org", A, INSECURE, RECORDS, ADDRESS_INSECURE),
	    R("mx.example.org", A, INSECURE, NODATA, ADDRESS_INSECURE),
	    R("mx.example.org", A, BOGUS, EMPTY, ADDRESS_BOGUS),
	    R("mx.example.org", A, FAILED, EMPTY, ADDRESS_FAILED),
	    R("mx.example.org", AAAA, INSECURE, RECORDS, ADDRESS_INSECURE),
	    R("mx.example.org", AAAA, BOGUS, EMPTY, ADDRESS_BOGUS),
	    R("mx.example.org", AAAA, FAILED, EMPTY, ADDRESS_FAILED),
	    R("_25._tcp.mx.example.org", TLSA, INSECURE, RECORDS,
		TLSA_INSECURE),
	    R("_25._tcp.mx.example.org", TLSA, INSECURE, NXDOMAIN,
		TLSA_INSECURE),
	    R("_25._tcp.mx.example.org", TLSA, BOGUS, EMPTY, TLSA_BOGUS),
	    R("_25._tcp.mx.example.org", TLSA, FAILED, EMPTY, TLSA_FAILED),
#undef R
	    /* clang-format on */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct asker a;

		world_reset();
		bind_domain("example.org");
		script_delivery("example.org", "mx.example.org", true);
		script_dns((struct script_dns){.name = rows[i].name,
		    .type = rows[i].type,
		    .status = rows[i].status,
		    .answer = rows[i].answer,
		    .why = "said so"});
		a = judged();
		CHECK_VERDICT(a, VERDICT_DEFER, rows[i].reason);
		CHECK(strstr(a.decided_by, rows[i].name) != NULL);
		CHECK(strcmp(a.why, "said so") == 0);
	}
}

static void
D_09_implicit_mx_is_the_domain(void)
{
	bind_domain("example.org");
	script_secure("example.org", DNS_MX, NULL);
	script_secure("example.org", DNS_A, "192.0.2.1");
	script_secure("example.org", DNS_AAAA, NULL);
	script_secure("_25._tcp.example.org", DNS_TLSA, NULL);
	CHECK_VERDICT(judged(), VERDICT_PASS, REASON_SECURE);
	CHECK(script_dns_count("_25._tcp.example.org", DNS_TLSA) == 1);
}

static void
D_10_signed_null_mx_passes(void)
{
	bind_domain("example.org");
	script_dns((struct script_dns){.name = "example.org",
	    .type = DNS_MX,
	    .status = FACT_SECURE,
	    .answer = ANSWER_NULL_MX,
	    .records = "0 ."});
	CHECK_VERDICT(judged(), VERDICT_PASS, REASON_NULL_MX);
}

static void
D_10_null_mx_beside_others_is_no_host(void)
{
	bind_domain("example.org");
	script_delivery("example.org", "mx.example.org", true);
	script_secure("example.org", DNS_MX, "0 ., 10 mx.example.org");
	CHECK_VERDICT(judged(), VERDICT_PASS, REASON_SECURE);
}

static void
D_11_secure_nxdomain_passes(void)
{
	bind_domain("example.org");
	script_dns((struct script_dns){.name = "example.org",
	    .type = DNS_MX,
	    .status = FACT_SECURE,
	    .answer = ANSWER_NXDOMAIN});
	CHECK_VERDICT(judged(), VERDICT_PASS, REASON_NO_SUCH_DOMAIN);
}

static void
D_13_one_bad_backup_host_defers(void)
{
	bind_domain("example.org");
	script_delivery("example.org", "mx.example.org", true);
	script_secure("example.org", DNS_MX,
	    "10 mx.example.org, 20 backup.example");
	CHECK_VERDICT(judged(), VERDICT_DEFER, REASON_ADDRESS_INSECURE);
}

static void
D_13_any_host_suffices_by_option(void)
{
	world_config.rules.hosts = RULE_HOSTS_ANY;
	bind_domain("example.org");
	script_delivery("example.org", "mx.example.org", true);
	script_secure("example.org", DNS_MX,
	    "10 mx.example.org, 20 backup.example");
	CHECK_VERDICT(judged(), VERDICT_PASS, REASON_SECURE);
}

/* RFC 7672 2.2.2: TLSA of a host that is an alias is looked for where the alias
 * leads to, and then at its own name. */
static void
script_aliased_host(enum dns_type type)
{
	bind_domain("example.org");
	script_secure("example.org", DNS_MX, "10 mx.example.org");
	script_dns((struct script_dns){.name = "mx.example.org",
	    .type = DNS_A,
	    .status = FACT_SECURE,
	    .answer = type == DNS_A ? ANSWER_RECORDS : ANSWER_NODATA,
	    .records = type == DNS_A ? "192.0.2.25" : NULL,
	    .alias = "real.example.org"});
	script_dns((struct script_dns){.name = "mx.example.org",
	    .type = DNS_AAAA,
	    .status = FACT_SECURE,
	    .answer = type == DNS_AAAA ? ANSWER_RECORDS : ANSWER_NODATA,
	    .records = type == DNS_AAAA ? "2001:db8::25" : NULL,
	    .alias = "real.example.org"});
}

static void
script_tlsa(const char *name, enum fact_status status, enum fact_answer answer,
    uint64_t delay_ms)
{
	script_dns((struct script_dns){.name = name,
	    .type = DNS_TLSA,
	    .status = status,
	    .answer = answer,
	    .records = answer == ANSWER_RECORDS ? "3 1 1" : NULL,
	    .delay_ms = delay_ms});
}

#define OWN    "_25._tcp.mx.example.org"
#define TARGET "_25._tcp.real.example.org"

static void
D_15_TLSA_where_an_alias_leads_to(void)
{
	static const struct {
		enum fact_status own, target;
		enum fact_answer own_answer, target_answer;
		enum verdict_kind verdict;
		enum reason reason;
	} rows[] = {
	/* clang-format off */
#define R(o, oa, t, ta, v, r)                                                  \
	{FACT_##o, FACT_##t, ANSWER_##oa, ANSWER_##ta, VERDICT_##v, REASON_##r}
	    R(SECURE, NXDOMAIN, SECURE, NODATA, PASS, SECURE),
	    R(SECURE, NXDOMAIN, SECURE, RECORDS, PASS, SECURE),
	    R(SECURE, NXDOMAIN, BOGUS, EMPTY, DEFER, TLSA_BOGUS),
	    R(SECURE, NXDOMAIN, FAILED, EMPTY, DEFER, TLSA_FAILED),
	    R(SECURE, NXDOMAIN, INSECURE, NXDOMAIN, DEFER, TLSA_INSECURE),
	    R(SECURE, RECORDS, BOGUS, EMPTY, DEFER, TLSA_BOGUS),
	    R(SECURE, RECORDS, SECURE, NXDOMAIN, PASS, SECURE),
	    R(BOGUS, EMPTY, SECURE, NXDOMAIN, DEFER, TLSA_BOGUS),
	    R(BOGUS, EMPTY, SECURE, RECORDS, DEFER, TLSA_BOGUS),
#undef R
	    /* clang-format on */
	};

	for (size_t i = 0; i < 4 * sizeof(rows) / sizeof(rows[0]); i++) {
		size_t row = i / 4;
		bool late = i % 2 == 1;

		world_reset();
		script_aliased_host(i % 4 < 2 ? DNS_A : DNS_AAAA);
		script_tlsa(OWN, rows[row].own, rows[row].own_answer,
		    late ? 0 : 500);
		script_tlsa(TARGET, rows[row].target, rows[row].target_answer,
		    late ? 500 : 0);
		CHECK_VERDICT(judged(), rows[row].verdict, rows[row].reason);
	}
}

static void
D_15_TLSA_of_an_alias_to_no_host_name(void)
{
	script_aliased_host(DNS_A);
	script_dns((struct script_dns){.name = "mx.example.org",
	    .type = DNS_A,
	    .status = FACT_SECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "192.0.2.25",
	    .alias = ""});
	script_tlsa(OWN, FACT_SECURE, ANSWER_NXDOMAIN, 0);
	CHECK_VERDICT(judged(), VERDICT_DEFER, REASON_TLSA_FAILED);
}

static void
D_15_TLSA_ignored_is_not_looked_for_behind_an_alias(void)
{
	world_config.rules.tlsa = RULE_TLSA_IGNORED;
	script_aliased_host(DNS_A);
	CHECK_VERDICT(judged(), VERDICT_PASS, REASON_SECURE);
	CHECK(script_dns_count(TARGET, DNS_TLSA) == 0);
}

static void
tlsa_required_is_content_with_that_behind_an_alias(void)
{
	world_config.rules.tlsa = RULE_TLSA_REQUIRED;
	script_aliased_host(DNS_A);
	script_tlsa(OWN, FACT_SECURE, ANSWER_NXDOMAIN, 0);
	script_tlsa(TARGET, FACT_SECURE, ANSWER_RECORDS, 0);
	CHECK_VERDICT(judged(), VERDICT_PASS, REASON_SECURE);
}

static void
D_18_no_host_with_an_address_passes(void)
{
	bind_domain("example.org");
	script_delivery("example.org", "mx.example.org", true);
	script_secure("mx.example.org", DNS_A, NULL);
	CHECK_VERDICT(judged(), VERDICT_PASS, REASON_NO_USABLE_HOST);
}

/* Nothing is asked about it. */
static void
D_18_a_record_that_names_no_host_is_skipped(void)
{
	bind_domain("example.org");
	script_delivery("example.org", "mx.example.org", true);
	script_secure("example.org", DNS_MX,
	    "10 !192.0.2.9, 20 mx.example.org");
	CHECK_VERDICT(judged(), VERDICT_PASS, REASON_SECURE);
	CHECK(script_dns_count("192.0.2.9", DNS_A) == 0);
	CHECK(script_dns_count("_25._tcp.192.0.2.9", DNS_TLSA) == 0);
}

static void
D_18_records_that_name_no_host_pass(void)
{
	bind_domain("example.org");
	script_secure("example.org", DNS_MX, "10 !192.0.2.9, 20 !*");
	CHECK_VERDICT(judged(), VERDICT_PASS, REASON_NO_USABLE_HOST);
}

static void
D_18_records_that_name_no_host_must_be_signed(void)
{
	bind_domain("example.org");
	script_dns((struct script_dns){.name = "example.org",
	    .type = DNS_MX,
	    .status = FACT_INSECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "10 !192.0.2.9"});
	CHECK_VERDICT(judged(), VERDICT_DEFER, REASON_MX_INSECURE);
}

static void
D_19_too_many_hosts_defer(void)
{
	char mx[4096] = "", name[64];

	bind_domain("example.org");
	for (unsigned i = 0; i < FACTS_HOSTS_MAX + 1; i++) {
		static char names[FACTS_HOSTS_MAX + 1][2][64];

		(void)snprintf(names[i][0], sizeof(name), "mx%u.example.org",
		    i);
		(void)snprintf(names[i][1], sizeof(name),
		    "_25._tcp.mx%u.example.org", i);
		script_secure(names[i][0], DNS_A, "192.0.2.1");
		script_secure(names[i][0], DNS_AAAA, NULL);
		script_secure(names[i][1], DNS_TLSA, NULL);
		(void)snprintf(mx + strlen(mx), sizeof(mx) - strlen(mx),
		    "%s%u mx%u.example.org", i > 0 ? "," : "", i, i);
	}
	script_secure("example.org", DNS_MX, mx);
	CHECK_VERDICT(judged(), VERDICT_DEFER, REASON_HOSTS_TRUNCATED);
	CHECK(script_dns_count("mx32.example.org", DNS_A) == 0);
}

static void
tlsa_required_by_option(void)
{
	world_config.rules.tlsa = RULE_TLSA_REQUIRED;
	bind_domain("example.org");
	script_delivery("example.org", "mx.example.org", false);
	CHECK_VERDICT(judged(), VERDICT_DEFER, REASON_TLSA_MISSING);
}

static void
tlsa_ignored_is_not_asked(void)
{
	world_config.rules.tlsa = RULE_TLSA_IGNORED;
	bind_domain("example.org");
	script_delivery("example.org", "mx.example.org", true);
	CHECK_VERDICT(judged(), VERDICT_PASS, REASON_SECURE);
	CHECK(script_dns_count("_25._tcp.mx.example.org", DNS_TLSA) == 0);
}

static void
R_03_bracketed_next_hop_has_no_mx(void)
{
	struct asker a;

	bind_domain("relay.example.org");
	script_secure("relay.example.org", DNS_A, "192.0.2.1");
	script_secure("relay.example.org", DNS_AAAA, NULL);
	script_secure("_587._tcp.relay.example.org", DNS_TLSA, "3 1 1");
	world_start();
	ask_host(&a, "relay.example.org", 587);
	fake_run(4000);
	CHECK_VERDICT(a, VERDICT_PASS, REASON_SECURE);
	CHECK(script_dns_count("relay.example.org", DNS_MX) == 0);
	CHECK(script_dns_count("_587._tcp.relay.example.org", DNS_TLSA) == 1);
	/* and it is another question than the domain's own */
	script_dns((struct script_dns){.name = "relay.example.org",
	    .type = DNS_MX,
	    .status = FACT_INSECURE,
	    .answer = ANSWER_NODATA});
	a = asked("relay.example.org");
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_MX_INSECURE);
	world_stop();
}

/* A bad record that is certain answers before the slow ones have come. */
static void
certain_badness_does_not_wait(void)
{
	struct asker a;

	bind_domain("example.org");
	script_delivery("example.org", "mx.example.org", true);
	script_dns((struct script_dns){.name = "mx.example.org",
	    .type = DNS_A,
	    .status = FACT_BOGUS,
	    .why = "forged"});
	script_dns((struct script_dns){.name = "mx.example.org",
	    .type = DNS_AAAA,
	    .delay_ms = 3000,
	    .status = FACT_SECURE,
	    .answer = ANSWER_NODATA});
	world_start();
	ask_domain(&a, "example.org", 4000);
	fake_run(100);
	CHECK_VERDICT(a, VERDICT_DEFER, REASON_ADDRESS_BOGUS);
	world_stop();
}

static void
S_05_signatures_bound_the_verdict(void)
{
	struct asker a;

	bind_domain("example.org");
	script_delivery("example.org", "mx.example.org", true);
	script_dns((struct script_dns){.name = "mx.example.org",
	    .type = DNS_A,
	    .status = FACT_SECURE,
	    .answer = ANSWER_RECORDS,
	    .records = "192.0.2.25",
	    .sig_expires_s = 1790000000 + 3 + 4});
	world_start();
	(void)asked("example.org"); /* turns the clock by 4 s */
	a = asked("example.org");
	CHECK(a.cached);
	a = asked("example.org");
	CHECK(!a.cached);
	world_stop();
}

static void
ttl_of_the_records_bounds_the_verdict(void)
{
	struct asker a;

	bind_domain("example.org");
	script_delivery("example.org", "mx.example.org", true);
	script_dns((struct script_dns){.name = "mx.example.org",
	    .type = DNS_AAAA,
	    .status = FACT_SECURE,
	    .answer = ANSWER_NODATA,
	    .ttl_s = 20});
	world_start();
	(void)asked("example.org");
	fake_run(10000);
	CHECK(asked("example.org").cached);
	CHECK(script_dns_count("example.org", DNS_MX) == 1);
	fake_run(5000);
	a = asked("example.org");
	CHECK(!a.cached);
	CHECK(script_dns_count("example.org", DNS_MX) == 2);
	world_stop();
}

static void
verdict_in_use_is_renewed_ahead_of_expiry(void)
{
	struct asker a;

	bind_domain("example.org");
	script_delivery("example.org", "mx.example.org", true);
	script_dns((struct script_dns){.name = "mx.example.org",
	    .type = DNS_AAAA,
	    .status = FACT_SECURE,
	    .answer = ANSWER_NODATA,
	    .ttl_s = 100});
	world_start();
	(void)asked("example.org");
	fake_run(87000); /* at 91 of 100 s */
	CHECK(asked("example.org").cached);
	CHECK(asked("example.org").cached);
	CHECK(script_dns_count("example.org", DNS_MX) == 2);
	fake_run(20000);
	a = asked("example.org");
	CHECK(a.cached);
	CHECK(script_dns_count("example.org", DNS_MX) == 2);
	world_stop();
}

const struct scenario delivery_scenarios[] = {
  /* clang-format off */
    SCENARIO(secure_with_tlsa),
    SCENARIO(D_16_secure_without_tlsa),
    SCENARIO(every_bad_record_defers),
    SCENARIO(D_09_implicit_mx_is_the_domain),
    SCENARIO(D_10_signed_null_mx_passes),
    SCENARIO(D_10_null_mx_beside_others_is_no_host),
    SCENARIO(D_11_secure_nxdomain_passes),
    SCENARIO(D_13_one_bad_backup_host_defers),
    SCENARIO(D_13_any_host_suffices_by_option),
    SCENARIO(D_15_TLSA_where_an_alias_leads_to),
    SCENARIO(D_15_TLSA_of_an_alias_to_no_host_name),
    SCENARIO(D_15_TLSA_ignored_is_not_looked_for_behind_an_alias),
    SCENARIO(tlsa_required_is_content_with_that_behind_an_alias),
    SCENARIO(D_18_no_host_with_an_address_passes),
    SCENARIO(D_18_a_record_that_names_no_host_is_skipped),
    SCENARIO(D_18_records_that_name_no_host_pass),
    SCENARIO(D_18_records_that_name_no_host_must_be_signed),
    SCENARIO(D_19_too_many_hosts_defer),
    SCENARIO(tlsa_required_by_option),
    SCENARIO(tlsa_ignored_is_not_asked),
    SCENARIO(R_03_bracketed_next_hop_has_no_mx),
    SCENARIO(certain_badness_does_not_wait),
    SCENARIO(S_05_signatures_bound_the_verdict),
    SCENARIO(ttl_of_the_records_bounds_the_verdict),
    SCENARIO(verdict_in_use_is_renewed_ahead_of_expiry),
    {NULL, NULL},
  /* clang-format on */
};
