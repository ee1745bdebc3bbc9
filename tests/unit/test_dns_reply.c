/*
 * From replies of getdns to answers: replies that no honest server sends. The
 * records are written as text and come without any resolver.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <getdns/getdns.h>
#include <getdns/getdns_extra.h>

#include "dns/dns_internal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define RECORDS_MAX  8

static getdns_list *
list_of(const char *const *records)
{
	getdns_list *list = getdns_list_create();
	getdns_dict *record;
	size_t i;

	for (i = 0; records != NULL && records[i] != NULL; i++) {
		record = NULL;
		cr_assert_eq(getdns_str2rr_dict(records[i], &record, NULL, 60),
		    0, "%s", records[i]);
		cr_assert_eq(getdns_list_set_dict(list, i, record), 0);
		getdns_dict_destroy(record);
	}
	return list;
}

static void
set_section(getdns_dict *reply, const char *section, const char *const *records)
{
	getdns_list *list = list_of(records);

	cr_assert_eq(getdns_dict_set_list(reply, section, list), 0);
	getdns_list_destroy(list);
}

static void
set_name(getdns_dict *reply, const char *path, const char *name)
{
	struct dns_wire wire;
	getdns_bindata octets;

	cr_assert(dns_wire_from_name(name, &wire));
	octets.size = wire.len;
	octets.data = wire.octet;
	cr_assert_eq(getdns_dict_set_bindata(reply, path, &octets), 0);
}

/* A secure reply to `secure.test MX` with these records. */
static getdns_dict *
reply_of(const char *const *answer, const char *const *authority)
{
	getdns_dict *reply = getdns_dict_create();

	cr_assert_not_null(reply);
	cr_assert_eq(getdns_dict_set_int(reply, "/header/rcode", 0), 0);
	cr_assert_eq(getdns_dict_set_int(reply, "/header/tc", 0), 0);
	cr_assert_eq(getdns_dict_set_int(reply, "/question/qtype", DNS_MX), 0);
	cr_assert_eq(getdns_dict_set_int(reply, "/question/qclass", 1), 0);
	set_name(reply, "/question/qname", "secure.test");
	cr_assert_eq(getdns_dict_set_int(reply, "dnssec_status",
			 GETDNS_DNSSEC_SECURE),
	    0);
	set_section(reply, "answer", answer);
	set_section(reply, "authority", authority);
	return reply;
}

static struct dns_answer *
read_mx(getdns_dict *reply)
{
	struct dns_answer *answer =
	    dns_reply_read(reply, "secure.test", DNS_MX);

	cr_assert_not_null(answer);
	getdns_dict_destroy(reply);
	return answer;
}

/* --- records ------------------------------------------------------------ */

struct row {
	const char *what;
	const char *answer[RECORDS_MAX];
	enum fact_status status;
	enum fact_answer kind;
	size_t n;
	uint32_t ttl_s;
};

/* clang-format off */
static const struct row rows[] = {
	{"plain", {"secure.test. 60 MX 10 mx1.secure.test."},
	    FACT_SECURE, ANSWER_RECORDS, 1, 60},
	{"case does not matter", {"SECURE.Test. 60 MX 10 MX1.secure.test."},
	    FACT_SECURE, ANSWER_RECORDS, 1, 60},
	{"least TTL", {"secure.test. 60 MX 10 a.test.", "secure.test. 7 MX 20 b.test."},
	    FACT_SECURE, ANSWER_RECORDS, 2, 7},
	{"D-17: an alias and its TTL",
	    {"secure.test. 5 CNAME b.test.", "b.test. 60 MX 10 mx.b.test."},
	    FACT_SECURE, ANSWER_RECORDS, 1, 5},
	{"T-02: links in any order",
	    {"c.test. 60 MX 10 mx.test.", "b.test. 60 CNAME C.test.", "secure.test. 60 CNAME b.test."},
	    FACT_SECURE, ANSWER_RECORDS, 1, 60},
	{"unrelated records", {"evil.test. 60 MX 10 mx.evil.test."},
	    FACT_SECURE, ANSWER_NODATA, 0, 0},
	{"records of the alias's owner do not count",
	    {"secure.test. 60 CNAME b.test.", "secure.test. 60 MX 10 mx.evil.test."},
	    FACT_SECURE, ANSWER_NODATA, 0, 0},
	{"another class", {"secure.test. 60 CH MX 10 mx.evil.test."},
	    FACT_SECURE, ANSWER_NODATA, 0, 0},
	{"D-19: a loop", {"secure.test. 60 CNAME b.test.", "b.test. 60 CNAME secure.test."},
	    FACT_FAILED, ANSWER_EMPTY, 0, 0},
	{"D-19: an alias of itself", {"secure.test. 60 CNAME secure.test."},
	    FACT_FAILED, ANSWER_EMPTY, 0, 0},
	{"D-10: null MX", {"secure.test. 60 MX 0 ."},
	    FACT_SECURE, ANSWER_NULL_MX, 0, 60},
	{"D-10: null MX beside another", {"secure.test. 60 MX 0 .", "secure.test. 60 MX 10 mx.test."},
	    FACT_SECURE, ANSWER_RECORDS, 2, 60},
	{"D-10: null MX beside one that names no host", {"secure.test. 60 MX 0 .", "secure.test. 60 MX 10 a\\032b.test."},
	    FACT_SECURE, ANSWER_RECORDS, 2, 60},
	{"D-18: one that names no host beside another", {"secure.test. 60 MX 10 a\\032b.test.", "secure.test. 60 MX 20 mx.test."},
	    FACT_SECURE, ANSWER_RECORDS, 2, 60},
};
/* clang-format on */

Test(dns_reply, records)
{
	size_t i;

	for (i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct dns_answer *a = read_mx(reply_of(row->answer, NULL));

		cr_expect_eq(a->status, row->status, "%s", row->what);
		cr_expect_eq(a->answer, row->kind, "%s", row->what);
		cr_expect_eq(a->n, row->n, "%s", row->what);
		cr_expect_eq(a->ttl_s, row->ttl_s, "%s", row->what);
		cr_expect_eq(a->why[0] != '\0', row->status == FACT_FAILED,
		    "%s", row->what);
		free(a);
	}
}

/* Neither dropped nor a failed lookup: shown as text. */
Test(dns_reply, D_18_an_mx_record_that_names_no_host_is_told)
{
	static const struct {
		const char *record;
		const char *name;
		bool unusable;
	} hosts[] = {
	    {"secure.test. 60 MX 10 192.0.2.9.",         "192.0.2.9",         true },
	    {"secure.test. 60 MX 10 a\\032b.test.",      "a\\032b.test",      true },
	    {"secure.test. 60 MX 10 \\032.",             "\\032",             true },
	    {"secure.test. 60 MX 10 *.",                 "*",                 true },
	    {"secure.test. 60 MX 10 a\\.b.test.",        "a\\.b.test",        true },
	    {"secure.test. 60 MX 10 a\\000.test.",       "a\\000.test",       true },
	    {"secure.test. 60 MX 10 a\\200\\\\.test.",   "a\\200\\\\.test",   true },
	    {"secure.test. 60 MX 10 https://mx.test/x.", "https://mx.test/x",
             true								  },
	    {"secure.test. 60 MX 10 a_b.test.",          "a_b.test",          false},
	};

	for (size_t i = 0; i < COUNT(hosts); i++) {
		const char *const records[] = {hosts[i].record, NULL};
		struct dns_answer *a = read_mx(reply_of(records, NULL));

		cr_assert_eq(a->status, FACT_SECURE, "%s", hosts[i].record);
		cr_expect_eq(a->answer, ANSWER_RECORDS);
		cr_expect_eq(a->ttl_s, 60);
		cr_assert_eq(a->n, 1);
		cr_expect_eq(a->records[0].unusable, hosts[i].unusable);
		cr_expect_str_eq(a->records[0].name, hosts[i].name);
		cr_expect_eq(a->records[0].preference, 10);
		free(a);
	}
}

/* In an unsigned zone the status is insecure, not failed. */
Test(dns_reply, D_18_the_status_stays_what_it_is)
{
	static const char *const records[] =
	    {"secure.test. 60 MX 10 192.0.2.9.", NULL};
	getdns_dict *reply = reply_of(records, NULL);
	struct dns_answer *a;

	cr_assert_eq(getdns_dict_set_int(reply, "dnssec_status",
			 GETDNS_DNSSEC_INSECURE),
	    0);
	a = read_mx(reply);
	cr_expect_eq(a->status, FACT_INSECURE);
	cr_expect_eq(a->answer, ANSWER_RECORDS);
	free(a);
}

Test(dns_reply, mx_is_sorted)
{
	static const char *const records[] = {"secure.test. 60 MX 20 b.test.",
	    "secure.test. 60 MX 10 c.test.", "secure.test. 60 MX 20 A.test.",
	    NULL};
	struct dns_answer *a = read_mx(reply_of(records, NULL));

	cr_assert_eq(a->n, 3);
	cr_expect_str_eq(a->records[0].name, "c.test");
	cr_expect_str_eq(a->records[1].name, "a.test");
	cr_expect_str_eq(a->records[2].name, "b.test");
	cr_expect_eq(a->records[2].preference, 20);
	free(a);
}

/* --- bounds ------------------------------------------------------------- */

static getdns_dict *
reply_with_many(size_t n)
{
	getdns_dict *reply = reply_of(NULL, NULL);
	getdns_list *list = getdns_list_create();
	getdns_dict *record;
	char text[128];
	size_t i;

	for (i = 0; i < n; i++) {
		record = NULL;
		(void)snprintf(text, sizeof(text),
		    "secure.test. 60 MX %zu mx%zu.test.", i, i);
		cr_assert_eq(getdns_str2rr_dict(text, &record, NULL, 60), 0);
		cr_assert_eq(getdns_list_set_dict(list, i, record), 0);
		getdns_dict_destroy(record);
	}
	cr_assert_eq(getdns_dict_set_list(reply, "answer", list), 0);
	getdns_list_destroy(list);
	return reply;
}

Test(dns_reply, too_many_records_are_cut_and_told)
{
	struct dns_answer *a = read_mx(reply_with_many(DNS_RECORDS_MAX));

	cr_expect_eq(a->n, DNS_RECORDS_MAX);
	cr_expect(!a->truncated);
	free(a);
	a = read_mx(reply_with_many(DNS_RECORDS_MAX + 1));
	cr_expect_eq(a->n, DNS_RECORDS_MAX);
	cr_expect(a->truncated, "D-19");
	cr_expect_eq(a->status, FACT_SECURE);
	free(a);
}

static enum fact_status
status_of_chain(int links)
{
	char text[DNS_ALIASES_MAX + 4][128];
	const char *records[DNS_ALIASES_MAX + 4] = {NULL};
	enum fact_status status;
	struct dns_answer *a;
	int i;

	for (i = 0; i < links; i++) {
		(void)snprintf(text[i], sizeof(text[i]),
		    "%s%d.test. 60 CNAME l%d.test.", "l", i, i + 1);
		if (i == 0)
			(void)snprintf(text[i], sizeof(text[i]),
			    "secure.test. 60 CNAME l1.test.");
		records[i] = text[i];
	}
	(void)snprintf(text[i], sizeof(text[i]), "l%d.test. 60 MX 1 a.", i);
	records[i] = text[i];
	a = read_mx(reply_of(records, NULL));
	status = a->status;
	free(a);
	return status;
}

Test(dns_reply, aliases_are_bounded)
{
	cr_expect_eq(status_of_chain(1), FACT_SECURE);
	cr_expect_eq(status_of_chain(DNS_ALIASES_MAX), FACT_SECURE);
	cr_expect_eq(status_of_chain(DNS_ALIASES_MAX + 1), FACT_FAILED, "D-19");
}

static void
expect_target(const char *const *records, bool aliased, const char *target)
{
	struct dns_answer *a = read_mx(reply_of(records, NULL));

	cr_expect_eq(a->aliased, aliased, "%s", records[0]);
	cr_expect_str_eq(a->target, target);
	free(a);
}

Test(dns_reply, D_15_tells_where_an_alias_leads_to)
{
	static const char *const none[] = {"secure.test. 60 MX 1 a.", NULL};
	static const char *const two[] = {"c.test. 60 MX 1 a.",
	    "b.test. 60 CNAME C.test.", "secure.test. 60 CNAME b.test.", NULL};
	static const char *const empty[] = {"secure.test. 60 CNAME b.test.",
	    NULL};
	static const char *const odd[] = {"secure.test. 60 CNAME a\\032b.test.",
	    "a\\032b.test. 60 MX 1 a.", NULL};

	expect_target(none, false, "");
	expect_target(two, true, "c.test");
	expect_target(empty, true, "b.test");
	expect_target(odd, true, "");
}

/* --- header, status, denial --------------------------------------------- */

Test(dns_reply, what_stands_in_the_header_comes_first)
{
	static const struct {
		const char *path;
		uint32_t value;
		const char *why;
	} bad[] = {
	    {"/header/tc",       1,  "truncated"       },
	    {"/header/rcode",    1,  "FORMERR"         },
	    {"/header/rcode",    2,  "SERVFAIL"        },
	    {"/header/rcode",    3,  "NXDOMAIN"        },
	    {"/header/rcode",    5,  "REFUSED"         },
	    {"/header/rcode",    23, "23"              },
	    {"/question/qtype",  1,  "another question"},
	    {"/question/qclass", 3,  "another question"},
	};
	static const char *const records[] = {"secure.test. 60 MX 10 mx.test.",
	    NULL};
	size_t i;

	for (i = 0; i < COUNT(bad); i++) {
		getdns_dict *reply = reply_of(records, NULL);
		struct dns_answer *a;

		cr_assert_eq(getdns_dict_set_int(reply, bad[i].path,
				 bad[i].value),
		    0);
		a = read_mx(reply);
		cr_expect_eq(a->status, FACT_FAILED, "D-08 %s %u", bad[i].path,
		    bad[i].value);
		cr_expect_eq(a->n, 0);
		cr_expect_not_null(strstr(a->why, bad[i].why), "%s", a->why);
		free(a);
	}
}

Test(dns_reply, another_name_in_the_question_fails)
{
	static const char *const records[] = {"secure.test. 60 MX 10 mx.test.",
	    NULL};
	getdns_dict *reply = reply_of(records, NULL);
	struct dns_answer *a;

	set_name(reply, "/question/qname", "evil.test");
	a = read_mx(reply);
	cr_expect_eq(a->status, FACT_FAILED);
	free(a);
}

/* D-07: only one number is secure. */
Test(dns_reply, status)
{
	static const struct {
		uint32_t status;
		enum fact_status expected;
	} map[] = {
	    {GETDNS_DNSSEC_SECURE,        FACT_SECURE       },
	    {GETDNS_DNSSEC_BOGUS,         FACT_BOGUS        },
	    {GETDNS_DNSSEC_INDETERMINATE, FACT_INDETERMINATE},
	    {GETDNS_DNSSEC_INSECURE,      FACT_INSECURE     },
	    {GETDNS_DNSSEC_NOT_PERFORMED, FACT_INDETERMINATE},
	    {0,			   FACT_INDETERMINATE},
	    {UINT32_MAX,                  FACT_INDETERMINATE},
	};
	size_t i;

	for (i = 0; i < COUNT(map); i++) {
		getdns_dict *reply = reply_of(NULL, NULL);
		struct dns_answer *a;

		cr_assert_eq(getdns_dict_set_int(reply, "dnssec_status",
				 map[i].status),
		    0);
		a = read_mx(reply);
		cr_expect_eq(a->status, map[i].expected, "%u", map[i].status);
		free(a);
	}
}

Test(dns_reply, an_empty_reply_fails)
{
	struct dns_answer *a = read_mx(getdns_dict_create());

	cr_expect_eq(a->status, FACT_FAILED);
	free(a);
}

Test(dns_reply, a_denial_lives_as_the_soa_says)
{
	static const char *const soa[] =
	    {"test. 300 SOA ns.test. h.test. 1 2 3 4 77", NULL};
	static const char *const low[] =
	    {"test. 30 SOA ns.test. h.test. 1 2 3 4 77", NULL};
	struct dns_answer *a = read_mx(reply_of(NULL, soa));

	cr_expect_eq(a->answer, ANSWER_NODATA);
	cr_expect_eq(a->ttl_s, 77);
	free(a);
	a = read_mx(reply_of(NULL, low));
	cr_expect_eq(a->ttl_s, 30);
	free(a);
}

/* S-05 */
Test(dns_reply, the_earliest_expiration_counts)
{
#define SIG(name, covered, end) \
	name " 60 RRSIG " covered " 13 2 60 " end " 20200101000000 1 test. AA=="
	static const char *const answer[] = {"secure.test. 60 MX 10 mx.test.",
	    SIG("secure.test.", "MX", "20300101000000"), NULL};
	static const char *const authority[] = {SIG("test.", "NS",
						    "20290101000000"),
	    NULL};
	struct dns_answer *a = read_mx(reply_of(answer, authority));

	cr_expect_eq(a->sig_expires_s, 1861920000);
	free(a);
#undef SIG
}

/* --- names in wire form ------------------------------------------------- */

Test(dns_wire, octets_that_are_no_name)
{
	static const struct {
		const char *octets;
		size_t len;
	} bad[] = {
	    {"",         0},
	    {"\1a",      2},
	    {"\1a\0x",   4},
	    {"\5abc",    5},
	    {"\300\014", 2},
	    {"\100a\0",  3},
	    {"\0\0",     2},
	};
	uint8_t big[300];
	struct dns_wire wire;
	size_t i;

	for (i = 0; i < COUNT(bad); i++)
		cr_expect(!dns_wire_from_octets((const uint8_t *)bad[i].octets,
			      bad[i].len, &wire),
		    "row %zu", i);
	for (i = 0; i < sizeof(big); i++)
		big[i] = i % 2 == 0 ? 1 : 'a';
	big[254] = 0;
	cr_expect(dns_wire_from_octets(big, 255, &wire));
	big[254] = 1;
	big[256] = 0;
	cr_expect(!dns_wire_from_octets(big, 257, &wire));
}

/* Escaped octets take four characters each: the text is cut. */
Test(dns_wire, D_18_a_name_as_text_is_bounded)
{
	uint8_t octets[DNS_WIRE_MAX];
	struct dns_wire wire;
	char text[NAME_SIZE];

	memset(octets, 0, sizeof(octets));
	for (size_t i = 0; i + 64 < sizeof(octets); i += 64)
		octets[i] = 63;
	octets[192] = 61;
	cr_assert(dns_wire_from_octets(octets, sizeof(octets), &wire));
	dns_wire_to_text(&wire, text);
	cr_expect_lt(strlen(text), sizeof(text));
	cr_expect_eq(strncmp(text, "\\000\\000", 8), 0);
	cr_expect_str_eq(text + strlen(text) - 3, "...");
	cr_assert(dns_wire_from_name(".", &wire));
	dns_wire_to_text(&wire, text);
	cr_expect_str_empty(text);
}

Test(dns_wire, names_there_and_back)
{
	static const char *const names[] = {"a", "mx1.secure.test",
	    "_25._tcp.mx1.secure.test", "a_b.test"};
	struct dns_wire wire;
	char back[NAME_SIZE];
	size_t i;

	for (i = 0; i < COUNT(names); i++) {
		cr_assert(dns_wire_from_name(names[i], &wire));
		cr_expect_eq(wire.len, strlen(names[i]) + 2);
		cr_assert(dns_wire_to_name(&wire, back));
		cr_expect_str_eq(back, names[i]);
	}
	cr_assert(dns_wire_from_name(".", &wire));
	cr_expect_eq(wire.len, 1);
	cr_assert(dns_wire_to_name(&wire, back));
	cr_expect_str_empty(back);
	cr_expect(!dns_wire_from_name("", &wire));
	cr_expect(!dns_wire_from_name("a..b", &wire));
	cr_expect(!dns_wire_from_name("a.", &wire));
}
