/* Validated lookups in the signed world of tests/lab. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/err.h"
#include "dns_lab.h"
#include "lab_world.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int
main(int argc, char **argv)
{
	struct criterion_test_set *tests;
	int code = 0;

	lab_start();
	tests = criterion_initialize();
	/* One proxy, one set of rules: one test at a time. */
	criterion_options.jobs = 1;
	if (criterion_handle_args(argc, argv, true))
		code = criterion_run_all_tests(tests) == 0;
	criterion_finalize(tests);
	lab_stop();
	return code;
}

/* --- what the zones hold, over every path ------------------------------- */

struct row {
	const char *id;
	const char *name;
	enum dns_type type;
	enum fact_status status;
	enum fact_answer answer;
	size_t n;
	const char *why; /* part of it; NULL: "" is expected */
};

#define TLSA(host) "_25._tcp." host

/* clang-format off */
static const struct row rows[] = {
	{"D-02", "secure.test", DNS_MX, FACT_SECURE, ANSWER_RECORDS, 2, NULL},
	{"D-14", "mx1.secure.test", DNS_A, FACT_SECURE, ANSWER_RECORDS, 1, NULL},
	{"D-14", "mx1.secure.test", DNS_AAAA, FACT_SECURE, ANSWER_RECORDS, 1, NULL},
	{"D-14", "mx2.secure.test", DNS_AAAA, FACT_SECURE, ANSWER_NODATA, 0, NULL},
	{"D-15", TLSA("mx1.secure.test"), DNS_TLSA, FACT_SECURE, ANSWER_RECORDS, 1, NULL},
	{"D-16", TLSA("mx1.notlsa.test"), DNS_TLSA, FACT_SECURE, ANSWER_NXDOMAIN, 0, NULL},
	{"D-02", "secure.nsec3.test", DNS_MX, FACT_SECURE, ANSWER_RECORDS, 1, NULL},
	{"D-02", "secure.optout.test", DNS_MX, FACT_SECURE, ANSWER_RECORDS, 1, NULL},
	{"R-04", "xn--strae-oqa.test", DNS_MX, FACT_SECURE, ANSWER_RECORDS, 1, NULL},
	{"R-16", "a_b.test", DNS_MX, FACT_SECURE, ANSWER_RECORDS, 1, NULL},
	{"D-05", "unsigned.test", DNS_MX, FACT_INSECURE, ANSWER_RECORDS, 1, NULL},
	{"D-05", "unsigned.optout.test", DNS_MX, FACT_INSECURE, ANSWER_RECORDS, 1, NULL},
	{"D-05", "unsigned.nsec3.test", DNS_MX, FACT_INSECURE, ANSWER_RECORDS, 1, NULL},
	{"D-06", "expired.test", DNS_MX, FACT_BOGUS, ANSWER_EMPTY, 0, "expired"},
	{"D-06", "wrongds.test", DNS_MX, FACT_BOGUS, ANSWER_EMPTY, 0, "DS"},
	{"D-06", "nosigs.test", DNS_MX, FACT_BOGUS, ANSWER_EMPTY, 0, "nosigs.test"},
	{"D-06", "badmx.test", DNS_MX, FACT_BOGUS, ANSWER_EMPTY, 0, "signature"},
	{"D-06", "mx1.bada.test", DNS_A, FACT_BOGUS, ANSWER_EMPTY, 0, "signature"},
	{"D-06", "mx1.badaaaa.test", DNS_AAAA, FACT_BOGUS, ANSWER_EMPTY, 0, "signature"},
	{"D-06", TLSA("mx1.badtlsa.test"), DNS_TLSA, FACT_BOGUS, ANSWER_EMPTY, 0, "signature"},
	{"D-08", "lame.test", DNS_MX, FACT_FAILED, ANSWER_EMPTY, 0, "SERVFAIL"},
	{"D-09", "implicit.test", DNS_MX, FACT_SECURE, ANSWER_NODATA, 0, NULL},
	{"D-10", "nullmx.test", DNS_MX, FACT_SECURE, ANSWER_NULL_MX, 0, NULL},
	{"D-10", "nullmx-unsigned.test", DNS_MX, FACT_INSECURE, ANSWER_NULL_MX, 0, NULL},
	{"D-10", "nullmx-beside.test", DNS_MX, FACT_SECURE, ANSWER_RECORDS, 2, NULL},
	{"D-11", "gone.test", DNS_MX, FACT_SECURE, ANSWER_NXDOMAIN, 0, NULL},
	{"D-11", "gone.nsec3.test", DNS_MX, FACT_SECURE, ANSWER_NXDOMAIN, 0, NULL},
	{"D-12", "gone.optout.test", DNS_MX, FACT_INSECURE, ANSWER_NXDOMAIN, 0, NULL},
	{"D-12", "gone.unsigned.test", DNS_A, FACT_INSECURE, ANSWER_NXDOMAIN, 0, NULL},
	{"D-12", "implicit-unsigned.test", DNS_MX, FACT_INSECURE, ANSWER_NODATA, 0, NULL},
	{"D-17", "mx1.cnamemx.test", DNS_A, FACT_SECURE, ANSWER_RECORDS, 1, NULL},
	{"D-17", TLSA("mx1.cnamemx.test"), DNS_TLSA, FACT_SECURE, ANSWER_RECORDS, 1, NULL},
	{"D-17", "mx1.cnameunsigned.test", DNS_A, FACT_INSECURE, ANSWER_RECORDS, 1, NULL},
	{"D-17", TLSA("mx1.tlsaunsigned.test"), DNS_TLSA, FACT_INSECURE, ANSWER_RECORDS, 1, NULL},
	{"D-17", "mx1.old.dname.test", DNS_A, FACT_SECURE, ANSWER_RECORDS, 1, NULL},
	{"D-17", "l1.chain.test", DNS_A, FACT_SECURE, ANSWER_RECORDS, 1, NULL},
	{"D-19", "l1.longchain.test", DNS_A, FACT_FAILED, ANSWER_EMPTY, 0, "SERVFAIL"},
	{"D-19", "mx1.loop.test", DNS_A, FACT_FAILED, ANSWER_EMPTY, 0, "SERVFAIL"},
	{"D-19", "many60.test", DNS_MX, FACT_SECURE, ANSWER_RECORDS, 60, NULL},
	{"D-23", "any.wild.test", DNS_MX, FACT_SECURE, ANSWER_RECORDS, 1, NULL},
	{"D-23", "any.hosts.wild.test", DNS_A, FACT_SECURE, ANSWER_RECORDS, 1, NULL},
	{"D-23", TLSA("any.hosts.wild.nsec3.test"), DNS_TLSA, FACT_SECURE, ANSWER_RECORDS, 1, NULL},
	{"D-23", "any.hosts.wild.nsec3.test", DNS_TXT, FACT_SECURE, ANSWER_NODATA, 0, NULL},
	{"T-01", "_mta-sts.secure.test", DNS_TXT, FACT_SECURE, ANSWER_RECORDS, 1, NULL},
	{"T-02", "_mta-sts.txtcname.test", DNS_TXT, FACT_SECURE, ANSWER_RECORDS, 1, NULL},
	{"T-02", "_mta-sts.txtforeign.test", DNS_TXT, FACT_INSECURE, ANSWER_RECORDS, 1, NULL},
	{"T-02", "_mta-sts.txtloop.test", DNS_TXT, FACT_FAILED, ANSWER_EMPTY, 0, "SERVFAIL"},
	{"T-05", "_mta-sts.txtmulti.test", DNS_TXT, FACT_SECURE, ANSWER_RECORDS, 2, NULL},
	{"T-11", "_mta-sts.unsigned.test", DNS_TXT, FACT_INSECURE, ANSWER_RECORDS, 1, NULL},
	{"T-11", "_mta-sts.txtbogus.test", DNS_TXT, FACT_BOGUS, ANSWER_EMPTY, 0, "signature"},
	{"F-14", "mta-sts.hostbogus.test", DNS_A, FACT_BOGUS, ANSWER_EMPTY, 0, "signature"},
	{"D-07", "algorithm.test", DNS_MX, FACT_INSECURE, ANSWER_RECORDS, 1, NULL},
	{"D-07", "digest.test", DNS_MX, FACT_INSECURE, ANSWER_RECORDS, 1, NULL},
	{"T-11", "_mta-sts.algorithm.test", DNS_TXT, FACT_INSECURE, ANSWER_RECORDS, 1, NULL},
	{"T-11", "_mta-sts.digest.test", DNS_TXT, FACT_INSECURE, ANSWER_RECORDS, 1, NULL},
	{"probe", ".", DNS_DNSKEY, FACT_SECURE, ANSWER_RECORDS, 2, NULL},
};
/* clang-format on */

static void
check_row(struct lab *lab, const struct row *row, bool reasons)
{
	const char *type = dns_type_name(row->type);
	struct lab_answer a;

	lab_ask(lab, row->name, row->type, &a);
	cr_expect_eq(a.status, row->status, "%s %s %s: %s %s", row->id,
	    row->name, type, fact_status_name(a.status), a.why);
	cr_expect_eq(a.answer, row->answer, "%s %s %s: %s", row->id, row->name,
	    type, fact_answer_name(a.answer));
	cr_expect_eq(a.n, row->n, "%s %s %s: %zu records", row->id, row->name,
	    type, a.n);
	if (row->why == NULL)
		cr_expect_str_empty(a.why, "%s %s", row->id, row->name);
	else if (reasons)
		cr_expect_not_null(strstr(a.why, row->why), "%s %s %s: \"%s\"",
		    row->id, row->name, type, a.why);
	else
		cr_expect_str_not_empty(a.why, "%s %s", row->id, row->name);
	/* half of an insecure answer may be signed */
	if (a.status != FACT_INSECURE)
		cr_expect_eq(a.sig_expires_s != 0, a.status == FACT_SECURE,
		    "S-05 %s %s", row->name, type);
	cr_expect_eq(a.ttl_s != 0,
	    a.status == FACT_SECURE || a.status == FACT_INSECURE, "S-05 %s %s",
	    row->name, type);
}

static void
check_rows(enum lab_path path)
{
	struct dns_config config;
	struct lab lab;
	size_t i;

	if (!lab_has(path))
		cr_skip_test("port 53 is not ours");
	(void)lab_tamper("clear");
	config = lab_config(path);
	lab_open(&lab, &config);
	for (i = 0; i < COUNT(rows); i++)
		check_row(&lab, &rows[i], path != LAB_TLS);
	/* The cache says the same. */
	for (i = 0; i < COUNT(rows); i++)
		check_row(&lab, &rows[i], path != LAB_TLS);
	lab_close(&lab);
}

Test(dns, rows_over_a_forwarder)
{
	check_rows(LAB_FORWARDER);
}

Test(dns, rows_from_root_hints)
{
	check_rows(LAB_ROOT);
}

Test(dns, rows_by_stub_zones_of_a_fragment)
{
	check_rows(LAB_STUBS);
}

/* getdns validates here, and gives no reasons. */
Test(dns, rows_over_tls)
{
	check_rows(LAB_TLS);
}

/* Of the resolver in the lab, at another port or with another name. */
static void
other_resolver(const char *resolver, const char *port, const char *name,
    char out[128])
{
	int ip = (int)strcspn(resolver, "@");

	(void)snprintf(out, 128, "%.*s@%s#%s", ip, resolver, port, name);
}

/* Twice, as getdns does not try a resolver again for a while. */
static void
expect_failure(const struct dns_config *config, const char *before,
    const char *after)
{
	struct lab lab;
	struct lab_answer a;
	char why[256];

	(void)snprintf(why, sizeof(why), "%s%.*s%s", before,
	    (int)strcspn(config->resolvers[0], "@"), config->resolvers[0],
	    after);
	lab_open(&lab, config);
	for (int i = 0; i < 2; i++) {
		lab_ask(&lab, "secure.test", DNS_MX, &a);
		cr_expect_eq(a.status, FACT_FAILED);
		cr_expect_eq(strncmp(a.why, why, strlen(why)), 0,
		    "%d: \"%s\", not \"%s\"", i, a.why, why);
	}
	lab_close(&lab);
}

/* Strict: without the right name or authority nothing is believed, and the
 * answer says what is wrong. */
Test(dns, tls_that_is_not_authentic_fails)
{
	struct dns_config config = lab_config(LAB_TLS);
	char wrong[128];
	const char *resolvers[] = {wrong};
	const char *right = config.resolvers[0];
	struct lab lab;
	struct lab_answer a;

	lab_open(&lab, &config);
	lab_ask(&lab, "secure.test", DNS_MX, &a);
	cr_expect_eq(a.status, FACT_SECURE, "%s", a.why);
	lab_close(&lab);
	config.resolvers = resolvers;
	other_resolver(right, "8530", "other.test", wrong);
	expect_failure(&config, "the certificate of ", " is for another name");
	other_resolver(right, "8531", "unbound.test", wrong);
	expect_failure(&config, "nothing listens on ", "");
	config = lab_config(LAB_TLS);
	(void)setenv("SSL_CERT_FILE", "/dev/null", 1);
	expect_failure(&config, "the certificate of ", " is not trusted: ");
}

Test(dns, ca_file_is_for_DNS_over_TLS_too)
{
	struct dns_config config = lab_config(LAB_TLS);
	struct lab lab;
	struct lab_answer a;

	(void)setenv("SSL_CERT_FILE", "/dev/null", 1);
	config.ca_file = lab_info("tls_ca");
	lab_open(&lab, &config);
	lab_ask(&lab, "secure.test", DNS_MX, &a);
	cr_expect_eq(a.status, FACT_SECURE, "%s", a.why);
	lab_close(&lab);
}

/* --- contents ----------------------------------------------------------- */

static void
open_forwarder(struct lab *lab)
{
	struct dns_config config = lab_config(LAB_FORWARDER);

	(void)lab_tamper("clear");
	lab_open(lab, &config);
}

Test(dns, mx_records_come_sorted_and_canonical)
{
	struct lab lab;
	struct lab_answer a;
	size_t i;

	open_forwarder(&lab);
	lab_ask(&lab, "many60.test", DNS_MX, &a);
	cr_assert_eq(a.n, 60);
	for (i = 0; i < a.n; i++)
		cr_expect_eq(a.preferences[i], i + 1);
	cr_expect_str_eq(a.names[0], "mx1.many60.test");
	lab_ask(&lab, "nullmx-beside.test", DNS_MX, &a);
	cr_expect_str_empty(a.names[0], "D-10");
	cr_expect_str_eq(a.names[1], "mx1.nullmx-beside.test");
	lab_close(&lab);
}

Test(dns, rdata_octets_are_those_of_the_zone)
{
	static const uint8_t split[] = "\5v=STS\5v1; i\4d=1;";
	struct lab lab;
	struct lab_answer a;

	open_forwarder(&lab);
	lab_ask(&lab, "_mta-sts.txtsplit.test", DNS_TXT, &a);
	cr_assert_eq(a.len, 17, "T-03");
	cr_expect_arr_eq(a.data, split, a.len, "T-03");
	lab_ask(&lab, TLSA("mx1.secure.test"), DNS_TLSA, &a);
	cr_assert_eq(a.len, 35);
	cr_expect_arr_eq(a.data, "\3\1\1", 3);
	lab_ask(&lab, "mx1.secure.test", DNS_A, &a);
	cr_assert_eq(a.len, 4);
	cr_expect_arr_eq(a.data, "\x7f\x19", 2);
	lab_ask(&lab, "mx1.secure.test", DNS_AAAA, &a);
	cr_assert_eq(a.len, 16);
	cr_expect_eq(a.data[15], 1);
	lab_close(&lab);
}

/* S-05: the RRSIG may end before the TTL. */
Test(dns, expiration_and_ttl_are_told)
{
	int64_t now_s = (int64_t)time(NULL);
	struct lab lab;
	struct lab_answer a;

	open_forwarder(&lab);
	lab_ask(&lab, "soon.test", DNS_MX, &a);
	cr_expect_gt(a.sig_expires_s, now_s);
	cr_expect_leq(a.sig_expires_s, now_s + 1800);
	lab_ask(&lab, "secure.test", DNS_MX, &a);
	cr_expect_gt(a.sig_expires_s, now_s + 1800);
	cr_expect_gt(a.ttl_s, 300);
	cr_expect_leq(a.ttl_s, 3600);
	lab_ask(&lab, "gone.test", DNS_MX, &a);
	cr_expect_leq(a.ttl_s, 300, "a denial lives as the SOA says");
	lab_close(&lab);
}

/* --- discovery: without validation (T-11, T-13, F-14) ------------------- */

static void
open_unvalidated(struct lab *lab, enum lab_path path, unsigned max_ms)
{
	struct dns_config config = lab_config(path);

	config.unvalidated = true;
	config.unvalidated_max_ms = max_ms;
	(void)lab_tamper("clear");
	lab_open(lab, &config);
}

/* clang-format off */
static const struct row unvalidated_rows[] = {
	{"T-11", "_mta-sts.secure.test", DNS_TXT, FACT_INDETERMINATE, ANSWER_RECORDS, 1, NULL},
	{"T-11", "_mta-sts.unsigned.test", DNS_TXT, FACT_INDETERMINATE, ANSWER_RECORDS, 1, NULL},
	{"T-11", "_mta-sts.expired.test", DNS_TXT, FACT_INDETERMINATE, ANSWER_RECORDS, 1, NULL},
	{"T-11", "_mta-sts.wrongds.test", DNS_TXT, FACT_INDETERMINATE, ANSWER_RECORDS, 1, NULL},
	{"T-11", "_mta-sts.nosigs.test", DNS_TXT, FACT_INDETERMINATE, ANSWER_RECORDS, 1, NULL},
	{"T-11", "_mta-sts.txtbogus.test", DNS_TXT, FACT_INDETERMINATE, ANSWER_RECORDS, 1, NULL},
	{"F-14", "mta-sts.hostbogus.test", DNS_A, FACT_INDETERMINATE, ANSWER_RECORDS, 1, NULL},
	{"T-11", "gone.test", DNS_TXT, FACT_INDETERMINATE, ANSWER_NXDOMAIN, 0, NULL},
	{"T-11", "lame.test", DNS_TXT, FACT_FAILED, ANSWER_EMPTY, 0, "SERVFAIL"},
};
/* clang-format on */

static void
check_unvalidated_rows(enum lab_path path)
{
	struct lab_answer a;
	struct lab lab;

	if (!lab_has(path))
		cr_skip_test("port 53 is not ours");
	open_unvalidated(&lab, path, 300000);
	for (size_t i = 0; i < COUNT(unvalidated_rows); i++) {
		const struct row *row = &unvalidated_rows[i];

		lab_ask(&lab, row->name, row->type, &a);
		cr_expect_eq(a.status, row->status, "%s %s: %s %s", row->id,
		    row->name, fact_status_name(a.status), a.why);
		cr_expect_eq(a.answer, row->answer, "%s: %s", row->name,
		    fact_answer_name(a.answer));
		cr_expect_eq(a.n, row->n, "%s", row->name);
		cr_expect_eq(a.sig_expires_s, 0, "%s", row->name);
		cr_expect_leq(a.ttl_s, 150, "T-13 %s", row->name);
	}
	lab_close(&lab);
}

Test(dns, T_11_unvalidated_rows_over_a_forwarder)
{
	check_unvalidated_rows(LAB_FORWARDER);
}

Test(dns, T_11_unvalidated_rows_by_stub_zones)
{
	check_unvalidated_rows(LAB_STUBS);
}

Test(dns, T_11_unvalidated_rows_over_tls)
{
	check_unvalidated_rows(LAB_TLS);
}

/* The forwarder validates: it has SERVFAIL for a bogus answer, and records for
 * who asks without validation (CD) only, as the validator does. */
Test(dns, T_11_bogus_answers_keep_their_records_for_discovery)
{
	static const char *const names[] = {"expired.test", "wrongds.test",
	    "nosigs.test", "txtbogus.test"};
	struct lab_answer a;
	struct lab lab;
	char name[NAME_SIZE];

	open_forwarder(&lab);
	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(name, sizeof(name), "_mta-sts.%s", names[i]);
		lab_ask_discovery(&lab, name, DNS_TXT, &a);
		cr_expect_eq(a.status, FACT_BOGUS, "%s: %s", name, a.why);
		cr_expect_eq(a.answer, ANSWER_RECORDS, "%s", name);
		cr_expect_eq(a.n, 1, "%s", name);
		cr_expect_str_not_empty(a.why, "%s", name);
		lab_ask(&lab, name, DNS_TXT, &a);
		cr_expect_eq(a.status, FACT_BOGUS, "%s: %s", name, a.why);
		cr_expect_eq(a.n, 0, "%s", name);
	}
	(void)lab_tamper("rule fwd _mta-sts.secure.test TXT nxdomain");
	lab_ask_discovery(&lab, "_mta-sts.secure.test", DNS_TXT, &a);
	cr_expect_eq(a.status, FACT_BOGUS);
	cr_expect_eq(a.answer, ANSWER_NXDOMAIN, "%s",
	    fact_answer_name(a.answer));
	(void)lab_tamper("clear");
	lab_close(&lab);
}

static void
check_forged_ttl(enum lab_path path, const char *on)
{
	struct lab_answer a;
	struct lab lab;

	if (!lab_has(path))
		cr_skip_test("port 53 is not ours");
	open_unvalidated(&lab, path, 60000);
	(void)lab_tamper("rule %s mta-sts.secure.test A forge 604800 "
			 "192.0.2.66",
	    on);
	lab_ask(&lab, "mta-sts.secure.test", DNS_A, &a);
	cr_expect_arr_eq(a.data, "\xc0\0\2\x42", 4);
	cr_expect_eq(a.ttl_s, 30);
	lab_close(&lab);

	open_unvalidated(&lab, path, 2);
	(void)lab_tamper("rule %s mta-sts.secure.test A forge 604800 "
			 "192.0.2.66",
	    on);
	lab_ask(&lab, "mta-sts.secure.test", DNS_A, &a);
	cr_expect_arr_eq(a.data, "\xc0\0\2\x42", 4);
	cr_expect_eq(a.ttl_s, 0);
	(void)lab_tamper("clear");
	do
		lab_ask(&lab, "mta-sts.secure.test", DNS_A, &a);
	while (a.data[0] == 0xc0);
	cr_expect_arr_eq(a.data, "\x7f", 1);
	lab_close(&lab);
}

Test(dns, T_13_a_forged_ttl_counts_for_the_limit_over_a_forwarder,
    .timeout = 30)
{
	check_forged_ttl(LAB_FORWARDER, "fwd");
}

Test(dns, T_13_a_forged_ttl_counts_for_the_limit_in_recursion, .timeout = 30)
{
	check_forged_ttl(LAB_ROOT, "auth");
}

/* What is proven to be no signed zone, and what is not. */
Test(dns, T_12_denial_of_ds_shows_an_unsigned_delegation)
{
	static const struct {
		const char *name;
		enum fact_status status;
		enum fact_answer answer;
		bool unsigned_zone;
	} rows_of_ds[] = {
	    {"secure.test",            FACT_SECURE,   ANSWER_RECORDS,  false},
	    {"unsigned.test",          FACT_SECURE,   ANSWER_NODATA,   true },
	    {"unsigned.nsec3.test",    FACT_SECURE,   ANSWER_NODATA,   true },
	    {"unsigned.optout.test",   FACT_SECURE,   ANSWER_NODATA,   true },
	    {"gone.optout.test",       FACT_INSECURE, ANSWER_NXDOMAIN, false},
	    {"mx1.secure.test",        FACT_SECURE,   ANSWER_NODATA,   false},
	    {"mx1.secure.nsec3.test",  FACT_SECURE,   ANSWER_NODATA,   false},
	    {"gone.test",              FACT_SECURE,   ANSWER_NXDOMAIN, false},
 /* of what the alias leads to */
	    {"mx1.cnameunsigned.test", FACT_INSECURE, ANSWER_NODATA,   false},
	};
	struct lab_answer a;
	struct lab lab;

	open_forwarder(&lab);
	for (size_t i = 0; i < COUNT(rows_of_ds); i++) {
		const char *name = rows_of_ds[i].name;

		lab_ask(&lab, name, DNS_DS, &a);
		cr_expect_eq(a.status, rows_of_ds[i].status, "%s: %s %s", name,
		    fact_status_name(a.status), a.why);
		cr_expect_eq(a.answer, rows_of_ds[i].answer, "%s: %s", name,
		    fact_answer_name(a.answer));
		cr_expect_eq(a.unsigned_zone, rows_of_ds[i].unsigned_zone, "%s",
		    name);
	}
	lab_close(&lab);
}

/* --- whoever is on the path --------------------------------------------- */

struct attack {
	const char *action;
	enum fact_status status;
	const char *why;
};

static const struct attack attacks[] = {
    {"strip",	      FACT_BOGUS,  "signatures" },
    {"nodata",             FACT_BOGUS,  "secure.test"},
    {"nxdomain",           FACT_BOGUS,  "secure.test"},
    {"forge 60 '1 evil.'", FACT_BOGUS,  "signatures" },
    {"servfail",           FACT_FAILED, "SERVFAIL"   },
    {"refused",            FACT_FAILED, "SERVFAIL"   },
    {"formerr",            FACT_FAILED, "SERVFAIL"   },
    {"truncate",           FACT_FAILED, "SERVFAIL"   },
    {"garbage",            FACT_FAILED, ""           },
    {"wrong-question",     FACT_FAILED, ""           },
    {"drop",	       FACT_FAILED, "in time"    },
};

static void
check_attacks(enum lab_path path, const char *on)
{
	struct dns_config config;
	struct lab lab;
	struct lab_answer a;
	size_t i;

	if (!lab_has(path))
		cr_skip_test("port 53 is not ours");
	config = lab_config(path);
	config.timeout_ms = 1000;
	for (i = 0; i < COUNT(attacks); i++) {
		(void)lab_tamper("clear");
		(void)lab_tamper("rule %s secure.test MX %s", on,
		    attacks[i].action);
		lab_open(&lab, &config);
		lab_ask(&lab, "secure.test", DNS_MX, &a);
		cr_expect_eq(a.status, attacks[i].status, "%s: %s %s",
		    attacks[i].action, fact_status_name(a.status), a.why);
		cr_expect_eq(a.answer, ANSWER_EMPTY, "%s", attacks[i].action);
		cr_expect_not_null(strstr(a.why, attacks[i].why), "%s: %s",
		    attacks[i].action, a.why);
		cr_expect_str_not_empty(a.why);
		cr_expect_eq(a.n, 0);
		lab_close(&lab);
	}
	(void)lab_tamper("clear");
}

/* D-06, D-08, D-12 */
Test(dns, attacks_before_a_forwarder)
{
	check_attacks(LAB_FORWARDER, "fwd");
}

/* A stripping resolver makes nothing insecure: everything is bogus. */
Test(dns, a_stripped_path_is_bogus)
{
	static const char *const names[] = {"secure.test", "unsigned.test",
	    "gone.test", "gone.optout.test"};
	struct lab lab;
	struct lab_answer a;
	size_t i;

	open_forwarder(&lab);
	(void)lab_tamper("rule fwd * * strip");
	lab_ask(&lab, ".", DNS_DNSKEY, &a);
	cr_expect_eq(a.status, FACT_BOGUS);
	for (i = 0; i < COUNT(names); i++) {
		lab_ask(&lab, names[i], DNS_MX, &a);
		cr_expect_eq(a.status, FACT_BOGUS, "%s", names[i]);
		cr_expect_str_not_empty(a.why, "%s", names[i]);
	}
	(void)lab_tamper("clear");
	lab_close(&lab);
}

/* The delegation is signed: to take the DS away does not make it insecure. */
Test(dns, a_stripped_ds_is_bogus)
{
	struct lab lab;
	struct lab_answer a;

	open_forwarder(&lab);
	(void)lab_tamper("rule fwd secure.test DS nodata");
	(void)lab_tamper("rule fwd secure.test MX strip");
	lab_ask(&lab, "secure.test", DNS_MX, &a);
	cr_expect_eq(a.status, FACT_BOGUS, "%s", fact_status_name(a.status));
	(void)lab_tamper("clear");
	lab_close(&lab);
}

/* Forged MX in an unsigned zone cannot be told from a true one (D-05). */
Test(dns, a_forged_unsigned_answer_is_insecure)
{
	struct lab lab;
	struct lab_answer a;

	open_forwarder(&lab);
	(void)lab_tamper("rule fwd unsigned.test MX forge 60 '5 evil.test.'");
	lab_ask(&lab, "unsigned.test", DNS_MX, &a);
	cr_expect_eq(a.status, FACT_INSECURE);
	cr_expect_str_eq(a.names[0], "evil.test");
	(void)lab_tamper("clear");
	lab_close(&lab);
}

Test(dns, forged_authority_is_bogus)
{
	struct dns_config config;
	struct lab lab;
	struct lab_answer a;

	if (!lab_has(LAB_ROOT))
		cr_skip_test("port 53 is not ours");
	(void)lab_tamper("clear");
	(void)lab_tamper("rule auth secure.test MX forge 60 '5 evil.test.'");
	config = lab_config(LAB_ROOT);
	lab_open(&lab, &config);
	lab_ask(&lab, "secure.test", DNS_MX, &a);
	cr_expect_eq(a.status, FACT_BOGUS, "%s", a.why);
	cr_expect_gt(lab_tamper("count auth secure.test MX"), 0);
	(void)lab_tamper("clear");
	lab_close(&lab);
}

/* Wrong anchors (D-20): nothing is secure, and nothing passes as insecure. */
Test(dns, a_foreign_trust_anchor_makes_all_bogus)
{
	char path[512];
	struct dns_config config;
	struct lab lab;
	struct lab_answer a;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/foreign", lab_info("dir"));
	f = fopen(path, "w");
	cr_assert_not_null(f);
	(void)fputs(". DS 20326 13 2 E06D44B80B8F1D39A95C0B0D7C65D08458E8804"
		    "09BBC683457104237C7F8EC8D\n",
	    f);
	(void)fclose(f);
	(void)lab_tamper("clear");
	config = lab_config(LAB_FORWARDER);
	config.trust_anchor = path;
	lab_open(&lab, &config);
	lab_ask(&lab, "secure.test", DNS_MX, &a);
	cr_expect_eq(a.status, FACT_BOGUS, "%s", a.why);
	lab_ask(&lab, "unsigned.test", DNS_MX, &a);
	cr_expect_eq(a.status, FACT_BOGUS, "%s", a.why);
	lab_close(&lab);
}

/* --- the root's keys and the trust anchors -------------------------------- */

enum {
	NOT_ASKED = -2
};
static int missing;

static void
take_missing(void *arg, const struct dns_answer *answer)
{
	struct lab *lab = arg;

	cr_expect_eq(answer->status, FACT_SECURE, "%s", answer->why);
	cr_expect_eq(answer->n, 2);
	missing = dns_root_key_missing(lab->dns, answer);
}

/* Writes the first n lines of a file of anchors to path. */
static void
write_anchors(const char *path, const char *from, size_t n)
{
	FILE *in = fopen(from, "r"), *out = fopen(path, "w");
	char line[1024];

	cr_assert(in != NULL && out != NULL);
	while (n-- > 0 && fgets(line, sizeof(line), in) != NULL)
		(void)fputs(line, out);
	(void)fclose(in);
	(void)fclose(out);
}

/* The root of the lab has two keys, the second of which does not sign. */
static void
check_missing(enum lab_path path, const char *from, size_t n)
{
	struct dns_config config = lab_config(path);
	char file[512];
	struct lab lab;

	(void)snprintf(file, sizeof(file), "%s/anchors", lab_info("dir"));
	write_anchors(file, from, n);
	config.trust_anchor = file;
	lab_open(&lab, &config);
	missing = NOT_ASKED;
	cr_assert_eq(dns_ask(lab.dns, ".", DNS_DNSKEY, take_missing, &lab), 0);
	while (missing == NOT_ASKED)
		cr_assert_eq(event_base_loop(lab.base, EVLOOP_ONCE), 0);
	lab_close(&lab);
}

Test(dns, a_key_of_the_root_without_trust_anchor_is_noticed)
{
	static const enum lab_path paths[] = {LAB_FORWARDER, LAB_TLS};
	static const char *const kinds[] = {"trust_anchor", "trust_anchor_ds"};
	unsigned tag[2];
	char from[512];
	FILE *f;

	(void)lab_tamper("clear");
	f = fopen(lab_info("trust_anchor_ds"), "r");
	cr_assert_not_null(f);
	for (size_t i = 0; i < 2; i++)
		cr_assert_eq(fscanf(f, ". DS %u %*[^\n]\n", &tag[i]), 1);
	(void)fclose(f);
	for (size_t i = 0; i < COUNT(paths) * COUNT(kinds); i++) {
		(void)snprintf(from, sizeof(from), "%s",
		    lab_info(kinds[i % 2]));
		check_missing(paths[i / 2], from, 2);
		cr_expect_eq(missing, -1, "%s: %d", from, missing);
		check_missing(paths[i / 2], from, 1);
		cr_expect_eq(missing, (int)tag[1], "%s: %d", from, missing);
	}
}

/* --- life of a lookup --------------------------------------------------- */

Test(dns, names_that_are_none_are_refused)
{
	static const struct {
		const char *name;
		int err;
	} bad[] = {
	    {"",             ERR_SYNTAX},
	    {"a b.test",     ERR_SYNTAX},
	    {"test\\",       ERR_SYNTAX},
	    {"192.0.2.1",    ERR_SYNTAX},
	    {"Secure.test",  ERR_SYNTAX},
	    {"secure.test.", ERR_SYNTAX},
	    {"a..test",      ERR_SYNTAX},
	    {"a\n.test",     ERR_SYNTAX},
	};
	char big[NAME_SIZE + 1];
	struct lab lab;
	struct lab_answer a = {0};
	size_t i;

	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	open_forwarder(&lab);
	for (i = 0; i < COUNT(bad); i++)
		cr_expect_eq(dns_ask(lab.dns, bad[i].name, DNS_A, lab_done, &a),
		    bad[i].err, "\"%s\"", bad[i].name);
	cr_expect_eq(dns_ask(lab.dns, big, DNS_A, lab_done, &a), ERR_TOOLONG);
	cr_expect_eq(dns_pending(lab.dns), 0);
	lab_close(&lab);
	cr_expect(!a.done);
}

Test(dns, free_completes_what_is_under_way)
{
	struct lab lab;
	struct lab_answer a[3] = {0};
	size_t i;

	open_forwarder(&lab);
	(void)lab_tamper("rule fwd * * drop");
	for (i = 0; i < COUNT(a); i++)
		cr_assert_eq(dns_ask(lab.dns, "secure.test", DNS_MX, lab_done,
				 &a[i]),
		    0);
	cr_expect_eq(dns_pending(lab.dns), 3);
	/* Once with the question sent, once right after the call. */
	while (lab_tamper("count fwd * *") == 0)
		cr_assert_geq(event_base_loop(lab.base, EVLOOP_NONBLOCK), 0);
	lab_close(&lab);
	for (i = 0; i < COUNT(a); i++) {
		cr_expect(a[i].done);
		cr_expect_eq(a[i].status, FACT_FAILED);
		cr_expect_str_eq(a[i].why, "cancelled");
	}
	(void)lab_tamper("clear");
}

Test(dns, free_right_after_asking_completes_cached_answers_too)
{
	struct lab lab;
	struct lab_answer a;
	struct lab_answer b = {0};
	struct lab_answer c = {0};

	open_forwarder(&lab);
	lab_ask(&lab, "secure.test", DNS_MX, &a);
	cr_assert_eq(dns_ask(lab.dns, "secure.test", DNS_MX, lab_done, &b), 0);
	cr_assert_eq(dns_ask(lab.dns, "many20.test", DNS_MX, lab_done, &c), 0);
	lab_close(&lab);
	cr_expect(b.done);
	cr_expect_eq(b.status, FACT_SECURE);
	cr_expect(c.done);
	cr_expect_eq(c.status, FACT_FAILED);
}

struct asker {
	struct lab *lab;
	struct lab_answer answer;
	int err;
};

static void
ask_again(void *arg, const struct dns_answer *answer)
{
	struct asker *asker = arg;

	(void)answer;
	asker->err = dns_ask(asker->lab->dns, "secure.test", DNS_MX, lab_done,
	    &asker->answer);
}

Test(dns, a_callback_may_ask)
{
	struct lab lab;
	struct asker asker = {&lab, {0}, 1};

	open_forwarder(&lab);
	cr_assert_eq(dns_ask(lab.dns, "secure.test", DNS_MX, ask_again, &asker),
	    0);
	lab_await(&lab, &asker.answer);
	cr_expect_eq(asker.err, 0);
	cr_expect_eq(asker.answer.status, FACT_SECURE);
	asker.err = 1;
	cr_assert_eq(dns_ask(lab.dns, "many20.test", DNS_MX, ask_again, &asker),
	    0);
	lab_close(&lab);
	cr_expect_eq(asker.err, ERR_CANCELLED, "not while it is freed");
}

Test(dns, hundreds_at_once_are_each_completed)
{
	enum {
		N = 400
	};
	static struct lab_answer a[N];
	struct dns_config config = lab_config(LAB_FORWARDER);
	char name[NAME_SIZE];
	struct lab lab;
	size_t i;

	(void)lab_tamper("clear");
	config.timeout_ms = 60000; /* however slow the machine is */
	lab_open(&lab, &config);
	for (i = 0; i < N; i++) {
		(void)snprintf(name, sizeof(name), "n%zu.wild.test", i);
		cr_assert_eq(dns_ask(lab.dns, name, DNS_MX, lab_done, &a[i]),
		    0);
	}
	cr_expect_eq(dns_pending(lab.dns), N);
	for (i = 0; i < N; i++) {
		lab_await(&lab, &a[i]);
		cr_expect_eq(a[i].status, FACT_SECURE, "D-23 n%zu: %s", i,
		    a[i].why);
	}
	cr_expect_eq(dns_pending(lab.dns), 0);
	lab_close(&lab);
}

/* --- caching ------------------------------------------------------------ */

static int
queries_for_two(bool uncached)
{
	struct dns_config config = lab_config(LAB_FORWARDER);
	struct lab lab;
	struct lab_answer a;

	config.uncached = uncached;
	(void)lab_tamper("clear");
	lab_open(&lab, &config);
	lab_ask(&lab, "_mta-sts.secure.test", DNS_TXT, &a);
	cr_expect_eq(a.status, FACT_SECURE, "%s", a.why);
	lab_ask(&lab, "_mta-sts.secure.test", DNS_TXT, &a);
	cr_expect_eq(a.status, FACT_SECURE, "%s", a.why);
	lab_close(&lab);
	return lab_tamper("count fwd _mta-sts.secure.test TXT");
}

Test(dns, answers_are_cached)
{
	cr_expect_eq(queries_for_two(false), 1);
}

/* A-02: a fresh TXT before anybody is refused for good. */
Test(dns, uncached_asks_afresh)
{
	cr_expect_eq(queries_for_two(true), 2);
}

Test(dns, uncached_lookups_are_completed_by_free)
{
	struct dns_config config = lab_config(LAB_FORWARDER);
	struct lab lab;
	struct lab_answer a[2] = {0};

	config.uncached = true;
	(void)lab_tamper("clear");
	(void)lab_tamper("rule fwd * * drop");
	lab_open(&lab, &config);
	cr_assert_eq(dns_ask(lab.dns, "secure.test", DNS_MX, lab_done, &a[0]),
	    0);
	cr_assert_eq(dns_ask(lab.dns, "soon.test", DNS_MX, lab_done, &a[1]), 0);
	lab_close(&lab);
	cr_expect_str_eq(a[0].why, "cancelled");
	cr_expect_str_eq(a[1].why, "cancelled");
	(void)lab_tamper("clear");
}

/* --- the fragment ------------------------------------------------------- */

/* Without it libunbound answers test. itself, and nobody is asked. */
Test(dns, the_fragment_is_in_force)
{
	struct dns_config config = lab_config(LAB_FORWARDER);
	struct lab lab;
	struct lab_answer a;

	config.unbound_conf = NULL;
	(void)lab_tamper("clear");
	lab_open(&lab, &config);
	lab_ask(&lab, "secure.test", DNS_MX, &a);
	cr_expect_eq(a.answer, ANSWER_NXDOMAIN);
	cr_expect_neq(a.status, FACT_SECURE);
	cr_expect_eq(lab_tamper("count fwd secure.test MX"), 0);
	lab_close(&lab);
}

/* What the fragment says comes after the program's own defaults. */
Test(dns, the_fragment_has_the_last_word)
{
	struct dns_config config = lab_config(LAB_FORWARDER);
	char path[512];
	struct lab lab;
	struct lab_answer a;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/last", lab_info("dir"));
	f = fopen(path, "w");
	cr_assert_not_null(f);
	(void)fputs("server:\n\tlocal-zone: \"test.\" transparent\n"
		    "\tdo-not-query-localhost: yes\n",
	    f);
	(void)fclose(f);
	config.unbound_conf = path;
	(void)lab_tamper("clear");
	lab_open(&lab, &config);
	lab_ask(&lab, "secure.test", DNS_MX, &a);
	cr_expect_eq(a.status, FACT_FAILED);
	cr_expect_eq(lab_tamper("count fwd * *"), 0);
	lab_close(&lab);
}
