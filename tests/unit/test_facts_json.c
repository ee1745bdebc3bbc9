#include "autoconf.h"

#include "text/facts_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <jansson.h>

#include "base/err.h"
#include "core/decide.h"

#include "world.h"

static struct facts *
read_ok(const char *text)
{
	char error[FACTS_JSON_ERROR_SIZE];
	struct facts *facts = NULL;
	int err = facts_json_read(text, strlen(text), &facts, error);

	cr_assert_eq(err, 0, "%s: %s", text, error);
	cr_assert_not_null(facts);
	cr_expect_str_eq(error, "");
	return facts;
}

/* --- writing ------------------------------------------------------------ */

/* The order of the fields is a contract: people read these lines. */
Test(facts_json, writes_what_the_design_shows)
{
	static const char expected[] =
	    "{\"facts\":{\"recipient\":{\"class\":\"domain\",\"domain\":"
	    "\"example.org\",\"mailer\":\"smtp\",\"host\":\"example.org\"},"
	    "\"resolver\":\"ok\",\"pinned\":false,\"txt\":{\"state\":\"valid\",\"id\":\"2\"},"
	    "\"stored\":{\"id\":\"1\",\"age\":100,\"max_age\":86400,\"mode\":"
	    "\"testing\",\"dnssec\":false,\"mx\":[\"*.example.org\"]},"
	    "\"fetch\":{\"ok\":true,\"id\":\"2\",\"max_age\":86400,\"mode\":"
	    "\"enforce\",\"dnssec\":true,\"mx\":[\"*.example.org\"]},"
	    "\"mx\":{\"status\":\"secure\",\"answer\":\"records\",\"why\":"
	    "\"\"},\"hosts\":[{\"name\":\"mx1.example.org\",\"preference\":10,"
	    "\"a\":{\"status\":\"secure\",\"answer\":\"records\"},\"aaaa\":{"
	    "\"status\":\"secure\",\"answer\":\"nodata\"},\"tlsa\":{"
	    "\"status\":\"bogus\",\"answer\":\"\",\"why\":\"signature "
	    "expired\"}}],\"hosts_truncated\":false,\"internal_error\":false,"
	    "\"deadline\":false},\"verdict\":\"defer\",\"reason\":"
	    "\"tlsa-bogus\",\"decided_by\":\"_25._tcp.mx1.example.org TLSA "
	    "bogus\",\"policy\":\"fetch\",\"ms\":12}";
	struct world world;
	struct verdict verdict;
	char *line;

	world_make(&world,
	    "txt=valid/2 stored=1/no/testing/100/86400 fetch=2/yes mx=s+ "
	    "mx1=s+,s-,b",
	    "");
	world.facts.recipient.mailer = "smtp";
	world.facts.recipient.host = "example.org";
	world.hosts[0].tlsa.why = "signature expired";
	decide(&world.facts, &world.rules, DECIDE_FINAL, &verdict);
	line =
	    facts_json_write(&world.facts, &verdict, 12, TLS_POLICY_NONE, NULL);
	cr_assert_not_null(line);
	cr_expect_str_eq(line, expected);
	free(line);
}

Test(facts_json, writes_what_was_not_looked_up_as_null)
{
	static const char expected[] =
	    "{\"facts\":{\"recipient\":{\"class\":\"local\",\"domain\":null,"
	    "\"mailer\":null,\"host\":null},\"resolver\":\"broken\","
	    "\"pinned\":false,\"txt\":null,\"stored\":null,\"fetch\":{\"ok\":false,\"error\":\"\"},"
	    "\"mx\":null,\"hosts\":[],\"hosts_truncated\":true,"
	    "\"internal_error\":true,\"deadline\":true},\"verdict\":\"pass\","
	    "\"reason\":\"no-domain\",\"decided_by\":\"\",\"policy\":"
	    "\"none\"}";
	struct facts facts = {
	    .recipient.class = ADDRESS_LOCAL,
	    .resolver_broken = true,
	    .fetch.state = FETCH_FAILED,
	    .hosts_truncated = true,
	    .internal_error = true,
	    .deadline = true,
	};
	struct verdict verdict = {.reason = REASON_NO_DOMAIN};
	char *line =
	    facts_json_write(&facts, &verdict, -1, TLS_POLICY_NONE, NULL);

	cr_assert_not_null(line);
	cr_expect_str_eq(line, expected);
	free(line);
}

Test(facts_json, T_14_a_pin_is_written_and_read)
{
	struct verdict verdict = {.reason = REASON_SECURE,
	    .pinned = true,
	    .policy_from = POLICY_FROM_CACHE};
	struct facts facts = {.pinned = true};
	char *line =
	    facts_json_write(&facts, &verdict, -1, TLS_POLICY_NONE, NULL);
	struct facts *again;

	cr_assert_not_null(line);
	cr_expect_not_null(strstr(line, "\"pinned\":true"), "%s", line);
	cr_expect_not_null(strstr(line, "\"policy\":\"pinned\""), "%s", line);
	again = read_ok(line);
	cr_expect(again->pinned);
	free(again);
	free(line);
	again = read_ok("{}");
	cr_expect_not(again->pinned);
	free(again);
}

/* With the answer at delivery, of which the reader makes nothing. */
Test(facts_json, writes_the_answer_at_delivery)
{
	static const struct {
		enum tls_policy_kind kind;
		const char *answer;
		const char *json;
	} rows[] = {
	    {TLS_POLICY_SECURE, "OK secure match=.example.org",
             "{\"level\":\"secure\",\"status\":\"OK\",\"answer\":"
		"\"secure match=.example.org\"}"},
	    {TLS_POLICY_NONE,   "NOTFOUND ",
             "{\"level\":\"none\",\"status\":\"NOTFOUND\",\"answer\":"
		"\"\"}"			 },
	    {TLS_POLICY_DEFER,  "TEMP example.org: no",
             "{\"level\":\"defer\",\"status\":\"TEMP\",\"answer\":"
		"\"example.org: no\"}"          },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world world;
		struct verdict verdict;
		struct facts *again;
		char *line;

		world_make(&world, "txt=valid/1 stored=1/no mx=i+", "");
		decide(&world.facts, &world.rules, DECIDE_FINAL, &verdict);
		line = facts_json_write(&world.facts, &verdict, 1, rows[i].kind,
		    rows[i].answer);
		cr_assert_not_null(line);
		cr_expect_not_null(strstr(line, rows[i].json), "%s", line);
		cr_expect_not_null(strstr(line, ",\"ms\":1,\"tls\":{"), "%s",
		    line);
		again = read_ok(line);
		cr_expect_eq(again->mx.status, FACT_INSECURE);
		free(again);
		free(line);
	}
}

Test(facts_json, C_15_an_own_failure_is_written_with_its_cause)
{
	struct verdict verdict = {.reason = REASON_INTERNAL_ERROR};
	struct facts facts = {.internal_error = true,
	    .internal_why = "out of memory"};
	char *line =
	    facts_json_write(&facts, &verdict, -1, TLS_POLICY_NONE, NULL);
	struct facts *again;

	cr_assert_not_null(line);
	cr_expect_not_null(strstr(line,
			       "\"internal_error\":true,\"internal_why\":"
			       "\"out of memory\""),
	    "%s", line);
	again = read_ok(line);
	cr_expect_str_eq(again->internal_why, "out of memory");
	free(again);
	free(line);
}

Test(facts_json, D_18_an_unusable_host_is_written_and_read)
{
	const struct fact_host hosts[] = {
	    {.name = "192.0.2.9", .preference = 10, .unusable = true},
	    {.name = "mx1.example.org",                   .preference = 20          }
        };
	const struct facts facts = {.n_hosts = 2, .hosts = hosts};
	struct verdict verdict = {.reason = REASON_SECURE};
	char *line =
	    facts_json_write(&facts, &verdict, -1, TLS_POLICY_NONE, NULL);
	struct facts *again;

	cr_assert_not_null(line);
	cr_expect_not_null(
	    strstr(line,
		"{\"name\":\"192.0.2.9\",\"preference\":10,"
		"\"unusable\":true,\"a\":null,\"aaaa\":null,\"tlsa\":null},"
		"{\"name\":\"mx1.example.org\",\"preference\":20,\"a\":null"),
	    "%s", line);
	again = read_ok(line);
	cr_expect(again->hosts[0].unusable);
	cr_expect_not(again->hosts[1].unusable);
	free(again);
	free(line);
}

Test(facts_json, writes_a_verdict_alone)
{
	struct verdict verdict = {
	    .kind = VERDICT_REJECT,
	    .reason = REASON_MX_BOGUS,
	    .decided_by = {EVIDENCE_MX, .name = "example.org",
			   .status = FACT_BOGUS},
	    .policy_from = POLICY_FROM_CACHE,
	};
	char *line =
	    facts_json_write(NULL, &verdict, -1, TLS_POLICY_NONE, NULL);

	cr_assert_not_null(line);
	cr_expect_str_eq(line,
	    "{\"verdict\":\"reject\",\"reason\":\"mx-bogus\",\"decided_by\":"
	    "\"example.org MX bogus\",\"policy\":\"cache\"}");
	free(line);
}

/* Octets of strangers: not UTF-8, line ends, U+2028. */
Test(facts_json, writes_one_line_of_ascii_whatever_it_holds)
{
	struct world world;
	struct verdict verdict;
	struct facts *again;
	char *line;

	world_make(&world, "txt=failed stored=1/yes/enforce mx=b", "");
	world.facts.txt_why = "caf\xc3\xa9\xe2\x80\xa8\r\n";
	world.facts.mx.why = "caf\xe9 \"quoted\"\n";
	world.stored.age_s = UINT64_MAX;
	decide(&world.facts, &world.rules, DECIDE_FINAL, &verdict);
	line =
	    facts_json_write(&world.facts, &verdict, 0, TLS_POLICY_NONE, NULL);
	cr_assert_not_null(line);
	for (const char *p = line; *p != '\0'; p++)
		cr_assert(*p >= ' ' && *p <= '~', "octet %d", *p);
	again = read_ok(line);
	cr_expect_str_eq(again->txt_why, world.facts.txt_why);
	cr_expect_str_eq(again->mx.why, "caf? \"quoted\"\n");
	cr_expect_geq(again->stored->age_s, (uint64_t)INT64_MAX);
	free(again);
	free(line);
}

/* --- there and back ----------------------------------------------------- */

static void
expect_same_verdict(const struct facts *a, const struct facts *b,
    const struct rules *rules)
{
	char text_a[WORLD_VERDICT_SIZE];
	char text_b[WORLD_VERDICT_SIZE];
	struct verdict verdict_a;
	struct verdict verdict_b;

	decide(a, rules, DECIDE_FINAL, &verdict_a);
	decide(b, rules, DECIDE_FINAL, &verdict_b);
	world_verdict(&verdict_a, text_a);
	world_verdict(&verdict_b, text_b);
	cr_expect_str_eq(text_a, text_b);
	cr_expect_eq(verdict_a.policy_from, verdict_b.policy_from);
	cr_expect_eq(verdict_a.hosts_good, verdict_b.hosts_good);
	cr_expect_eq(verdict_a.hosts_total, verdict_b.hosts_total);
}

Test(facts_json, what_is_written_is_judged_the_same)
{
	static const char *const worlds[] = {
	    "",
	    "class=literal",
	    "class=invalid",
	    "txt=none stored=1/yes mx=s+ mx1=s+,s-,s- mx2=n,ix,?",
	    "txt=multiple",
	    "txt=invalid stored=1/yes mx=s0",
	    "txt=bogus stored=1/yes mx=sx",
	    "txt=valid/1 stored=1/yes no-mx port=587 self=s+,s-,b",
	    "txt=valid/1 stored=1/yes no-mx self=s+,s-,b",
	    "txt=valid/1 stored=1/yes port=587 mx=s- self=s+,s-,b",
	    "txt=valid/1 stored=1/yes mx=s+ null=?,?,? mx1=s+,s-,s-",
	    "txt=valid/1 stored=1/yes/none/86401/86400 fetch=failed",
	    "txt=valid/2 stored=1/yes fetch=2/no",
	    "txt=valid/2 fetch=2/yes/none/0/0 mx=f deadline",
	    "txt=valid/1 stored=1/yes truncated mx=s+ mx1=s+,s-,s-",
	    "txt=valid/1 stored=1/yes internal-error",
	    "stored=1/yes deadline resolver-broken",
	};

	for (size_t i = 0; i < sizeof(worlds) / sizeof(worlds[0]); i++) {
		struct world world;
		struct verdict verdict;
		struct facts *again;
		char *line;
		char *line_again;

		world_make(&world, worlds[i], "");
		decide(&world.facts, &world.rules, DECIDE_FINAL, &verdict);
		line = facts_json_write(&world.facts, &verdict, 1,
		    TLS_POLICY_NONE, NULL);
		cr_assert_not_null(line);
		again = read_ok(line);
		expect_same_verdict(&world.facts, again, &world.rules);
		line_again =
		    facts_json_write(again, &verdict, 1, TLS_POLICY_NONE, NULL);
		cr_expect_str_eq(line, line_again);
		free(line);
		free(line_again);
		free(again);
	}
}

/* --- reading ------------------------------------------------------------ */

Test(facts_json, reads_facts_that_stand_alone)
{
	struct facts *facts = read_ok(
	    " {\"recipient\": {\"domain\": \"example.org\"},\n"
	    "  \"txt\": {\"state\": \"none\"}, \"new\": [1, {\"a\": 2}]}\n");

	cr_expect_eq(facts->recipient.class, ADDRESS_DOMAIN);
	cr_expect_str_eq(facts->recipient.domain, "example.org");
	cr_expect_eq(facts->txt_state, TXT_NONE);
	cr_expect_null(facts->stored);
	cr_expect_eq(facts->fetch.state, FETCH_UNASKED);
	cr_expect_eq(facts->mx.status, FACT_UNASKED);
	cr_expect_eq(facts->n_hosts, 0);
	free(facts);
}

Test(facts_json, null_means_not_there)
{
	struct facts *facts =
	    read_ok("{\"recipient\":{\"domain\":null,\"host\":null},"
		    "\"resolver\":null,\"txt\":null,\"stored\":null,"
		    "\"fetch\":null,\"mx\":null,\"hosts\":null,"
		    "\"hosts_truncated\":null}");

	cr_expect_null(facts->recipient.domain);
	cr_expect_eq(facts->txt_state, TXT_UNASKED);
	cr_expect_not(facts->hosts_truncated);
	free(facts);
	facts = read_ok("{\"fetch\":{},\"txt\":{\"state\":\"unasked\"},"
			"\"mx\":{\"status\":\"unasked\"}}");
	cr_expect_eq(facts->fetch.state, FETCH_UNASKED);
	cr_expect_eq(facts->mx.status, FACT_UNASKED);
	free(facts);
}

Test(facts_json, R_03_the_host_tells_no_mx_and_the_port)
{
	static const struct {
		const char *host;
		bool no_mx;
		uint16_t port;
	} rows[] = {
	    {"example.org",       false, 25 },
	    {"example.org:587",   false, 587},
	    {"[example.org]",     true,  25 },
	    {"[example.org]:465", true,  465},
	    {"[192.0.2.1]",       false, 25 },
	    {"/",                 false, 0  },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct facts *facts;
		char text[128];

		snprintf(text, sizeof(text),
		    "{\"recipient\":{\"host\":\"%s\"}}", rows[i].host);
		facts = read_ok(text);
		cr_expect_eq(facts->no_mx, rows[i].no_mx, "%s", text);
		cr_expect_eq(facts->port, rows[i].port, "%s", text);
		free(facts);
	}
}

Test(facts_json, S_06_numbers_of_all_kinds)
{
	static const struct {
		const char *age;
		uint64_t age_s;
	} rows[] = {
	    {"0",		       0         },
	    {"1",		       1         },
	    {"-1",		      0         },
	    {"-1e300",                  0         },
	    {"1.9",		     1         },
	    {"0.1",		     0         },
	    {"4294967296",              4294967296},
	    {"18446744073709551616",    UINT64_MAX},
	    {"99999999999999999999999", UINT64_MAX},
	    {"1e300",                   UINT64_MAX},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct facts *facts;
		char text[128];

		snprintf(text, sizeof(text),
		    "{\"stored\":{\"age\":%s,\"max_age\":%s}}", rows[i].age,
		    rows[i].age);
		facts = read_ok(text);
		cr_expect_eq(facts->stored->age_s, rows[i].age_s, "%s", text);
		cr_expect_eq(facts->stored->max_age_s,
		    rows[i].age_s < POLICY_MAX_AGE_LIMIT_S
			? rows[i].age_s
			: POLICY_MAX_AGE_LIMIT_S,
		    "%s", text);
		free(facts);
	}
}

/* n hosts, "h0" and so on. */
static char *
many_hosts(size_t n)
{
	json_t *facts = json_object();
	json_t *hosts = json_array();
	char *text;

	for (size_t i = 0; i < n; i++) {
		json_t *host = json_object();

		json_object_set_new(host, "name", json_sprintf("h%zu", i));
		json_object_set_new(host, "preference",
		    json_integer((json_int_t)i * 70000));
		json_array_append_new(hosts, host);
	}
	json_object_set_new(facts, "hosts", hosts);
	text = json_dumps(facts, 0);
	json_decref(facts);
	cr_assert_not_null(text);
	return text;
}

Test(facts_json, D_19_S_02_more_hosts_than_are_looked_at)
{
	static const size_t counts[] = {0, 1, FACTS_HOSTS_MAX,
	    FACTS_HOSTS_MAX + 1, 1000};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		char *text = many_hosts(counts[i]);
		struct facts *facts = read_ok(text);
		bool over = counts[i] > FACTS_HOSTS_MAX;

		cr_expect_eq(facts->n_hosts,
		    over ? FACTS_HOSTS_MAX : counts[i]);
		cr_expect_eq(facts->hosts_truncated, over);
		if (counts[i] > 1) {
			cr_expect_str_eq(facts->hosts[1].name, "h1");
			cr_expect_eq(facts->hosts[1].preference, UINT16_MAX);
		}
		free(facts);
		free(text);
	}
}

static const struct {
	const char *text;
	const char *error;
} wrong[] = {
  /* clang-format off */
    {"{\"hosts\":[{\"name\":\"a\"},{\"name\":\"b\"},"
     "{\"name\":\"c\",\"tlsa\":{\"status\":\"foo\"}}]}",
        "facts.hosts[2].tlsa.status: unknown word \"foo\""},
    {"{\"facts\":{\"mx\":{\"answer\":\"RECORDS\"}}}",
        "facts.mx.answer: unknown word \"RECORDS\""},
    {"{\"recipient\":{\"class\":\"host\"}}",
        "facts.recipient.class: unknown word \"host\""},
    {"{\"recipient\":{\"domain\":7}}",
        "facts.recipient.domain: not a string"},
    {"{\"recipient\":\"u@example.org\"}", "facts.recipient: not an object"},
    {"{\"resolver\":\"fine\"}", "facts.resolver: unknown word \"fine\""},
    {"{\"txt\":\"none\"}", "facts.txt: not an object"},
    {"{\"txt\":{\"state\":\"gone\"}}",
        "facts.txt.state: unknown word \"gone\""},
    {"{\"txt\":{\"state\":true}}", "facts.txt.state: not a string"},
    {"{\"txt\":{\"id\":20260101}}", "facts.txt.id: not a string"},
    {"{\"stored\":[]}", "facts.stored: not an object"},
    {"{\"stored\":{\"age\":\"1d\"}}", "facts.stored.age: not a number"},
    {"{\"stored\":{\"dnssec\":\"yes\"}}",
        "facts.stored.dnssec: not a boolean"},
    {"{\"stored\":{\"mode\":\"Enforce\"}}",
        "facts.stored.mode: unknown word \"Enforce\""},
    {"{\"stored\":{\"mx\":\"*\"}}", "facts.stored.mx: not an array"},
    {"{\"stored\":{\"mx\":[\"a\",null]}}",
        "facts.stored.mx: [1] is not a string"},
    {"{\"fetch\":{\"ok\":1}}", "facts.fetch.ok: not a boolean"},
    {"{\"fetch\":{\"ok\":false,\"error\":5}}",
        "facts.fetch.error: not a string"},
    {"{\"fetch\":{\"ok\":true,\"max_age\":null,\"mx\":[1]}}",
        "facts.fetch.mx: [0] is not a string"},
    {"{\"mx\":1}", "facts.mx: not an object"},
    {"{\"mx\":{\"why\":{}}}", "facts.mx.why: not a string"},
    {"{\"hosts\":{}}", "facts.hosts: not an array"},
    {"{\"hosts\":[1]}", "facts.hosts: [0] is not an object"},
    {"{\"hosts\":[{\"preference\":10}]}", "facts.hosts[0].name: missing"},
    {"{\"hosts\":[{\"name\":null}]}", "facts.hosts[0].name: missing"},
    {"{\"hosts\":[{\"name\":\"a\",\"preference\":\"10\"}]}",
        "facts.hosts[0].preference: not a number"},
    {"{\"hosts_truncated\":0}", "facts.hosts_truncated: not a boolean"},
    {"{\"internal_error\":\"no\"}", "facts.internal_error: not a boolean"},
    {"{\"deadline\":0}", "facts.deadline: not a boolean"},
    {"{\"facts\":null}", "facts: not an object"},
    {"{\"facts\":[]}", "facts: not an object"},
    {"[]", "facts: not an object"},
  /* clang-format on */
};

Test(facts_json, errors_name_the_field)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char error[FACTS_JSON_ERROR_SIZE];
		struct facts *facts;

		cr_expect_eq(facts_json_read(wrong[i].text,
				 strlen(wrong[i].text), &facts, error),
		    ERR_SYNTAX, "%s", wrong[i].text);
		cr_expect_null(facts);
		cr_expect_str_eq(error, wrong[i].error);
	}
}

Test(facts_json, what_is_no_json)
{
	static const char *const texts[] = {"", "{", "{}{}", "nothing",
	    "{\"a\":1,}", "{\"deadline\":true,\"deadline\":false}",
	    "{\"recipient\":{\"domain\":\"a\\u0000b\"}}",
	    "{\"recipient\":{\"domain\":\"\xff\"}}"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char error[FACTS_JSON_ERROR_SIZE];
		struct facts *facts;

		cr_expect_eq(facts_json_read(texts[i], strlen(texts[i]), &facts,
				 error),
		    ERR_SYNTAX, "%s", texts[i]);
		cr_expect_null(facts);
		cr_expect_eq(strncmp(error, "line ", 5), 0, "%s", error);
	}
}

/* Words as long as they like: the error is cut. */
Test(facts_json, S_02_errors_are_bounded)
{
	char error[FACTS_JSON_ERROR_SIZE];
	struct facts *facts;
	char text[4096];
	int n = snprintf(text, sizeof(text), "{\"resolver\":\"");

	memset(text + n, 'x', sizeof(text) - (size_t)n - 2);
	memcpy(text + sizeof(text) - 2, "\"}", 2);
	cr_expect_eq(facts_json_read(text, sizeof(text), &facts, error),
	    ERR_SYNTAX);
	cr_expect_lt(strlen(error), sizeof(error));
}

/* Deeper than any stack: jansson has a bound. */
Test(facts_json, S_02_nesting_is_bounded)
{
	static char text[200000];
	char error[FACTS_JSON_ERROR_SIZE];
	struct facts *facts;

	memset(text, '[', sizeof(text));
	cr_expect_eq(facts_json_read(text, sizeof(text), &facts, error),
	    ERR_SYNTAX);
}

/* --- no memory ---------------------------------------------------------- */

static int allocations_left;

static void *
scarce_malloc(size_t size)
{
	if (allocations_left-- <= 0)
		return NULL;
	return malloc(size);
}

/* Whichever allocation of jansson's fails: no line, no leak. */
Test(facts_json, writing_without_memory)
{
	struct world world;
	struct verdict verdict;
	char *line = NULL;
	int n;

	world_make(&world,
	    "txt=valid/2 stored=1/no fetch=2/yes mx=s+ mx1=s+,s-,b", "");
	world.facts.mx.why = "caf\xe9";
	decide(&world.facts, &world.rules, DECIDE_FINAL, &verdict);
	json_set_alloc_funcs(scarce_malloc, free);
	for (n = 0; line == NULL && n < 10000; n++) {
		allocations_left = n;
		line = facts_json_write(&world.facts, &verdict, 1,
		    TLS_POLICY_NONE, NULL);
	}
	json_set_alloc_funcs(malloc, free);
	cr_expect_gt(n, 50);
	cr_assert_not_null(line);
	free(line);
}

Test(facts_json, reading_without_memory)
{
	static const char text[] =
	    "{\"stored\":{\"mx\":[\"a\"]},\"hosts\":[{\"name\":\"a\"}]}";
	char error[FACTS_JSON_ERROR_SIZE];
	struct facts *facts = NULL;
	int err = ERR_NOMEM;
	int n;

	json_set_alloc_funcs(scarce_malloc, free);
	for (n = 0; err != 0 && n < 1000; n++) {
		allocations_left = n;
		err = facts_json_read(text, sizeof(text) - 1, &facts, error);
		if (err != 0) {
			cr_expect_null(facts);
			cr_expect_str_neq(error, "");
			/* jansson takes a word that it has no memory for for
			 * none; where it says nothing there is no line. */
			cr_expect(err == ERR_SYNTAX ||
				strcmp(error, err_text(ERR_NOMEM)) == 0,
			    "%d: %s", n, error);
			cr_expect_null(strstr(error, "line -1"), "%d: %s", n,
			    error);
		}
	}
	json_set_alloc_funcs(malloc, free);
	cr_expect_gt(n, 5);
	cr_assert_eq(err, 0);
	free(facts);
}

/* RFC 7672 3.1: of the records that are there, one at least can be used. */
Test(facts_json, whether_TLSA_is_usable_survives)
{
	struct world world;
	struct verdict verdict;
	struct facts *facts;
	char *line;

	world_make(&world,
	    "txt=valid/1 stored=1/yes mx=s+ mx1=s+,s-,s+u mx2=s+,s-,s+ "
	    "mx3=s+,s-,s-",
	    "");
	decide(&world.facts, &world.rules, DECIDE_FINAL, &verdict);
	line =
	    facts_json_write(&world.facts, &verdict, -1, TLS_POLICY_NONE, NULL);
	cr_assert_not_null(line);
	cr_expect_not_null(strstr(line,
	    "\"tlsa\":{\"status\":\"secure\",\"answer\":\"records\","
	    "\"usable\":true}"));
	cr_expect_not_null(strstr(line,
	    "\"tlsa\":{\"status\":\"secure\",\"answer\":\"records\","
	    "\"usable\":false}"));
	cr_expect_not_null(strstr(line,
	    "\"tlsa\":{\"status\":\"secure\",\"answer\":\"nodata\"}"));
	facts = read_ok(line);
	cr_expect(facts->hosts[0].tlsa_usable);
	cr_expect_not(facts->hosts[1].tlsa_usable);
	cr_expect_not(facts->hosts[2].tlsa_usable);
	free(facts);
	free(line);
}

/* A finding of fuzz_facts_json: it was taken for a lack of memory. */
Test(facts_json, an_answer_without_status_is_no_lookup)
{
	struct facts *facts =
	    read_ok("{\"hosts\":[{\"name\":\"a\",\"tlsa\":{\"answer\":"
		    "\"records\",\"usable\":true}}]}");
	struct verdict verdict = {.kind = VERDICT_PASS};
	char *line =
	    facts_json_write(facts, &verdict, -1, TLS_POLICY_NONE, NULL);

	cr_assert_not_null(line);
	cr_expect_not_null(strstr(line, "\"tlsa\":null"), "%s", line);
	free(line);
	free(facts);
}

/* A recording of the first version has a state and no status. */
Test(facts_json, T_11_T_12_status_and_lateness_of_the_txt)
{
	struct facts *facts =
	    read_ok("{\"facts\":{\"recipient\":{\"class\":"
		    "\"domain\",\"domain\":\"example.org\"},"
		    "\"txt\":{\"state\":\"failed\",\"status\":"
		    "\"failed\",\"late\":true}}}");
	struct verdict verdict;
	struct rules rules = {.on_discovery_failure = RULE_TEMPFAIL};
	char *line;

	cr_expect_eq(facts->txt_status, FACT_FAILED);
	cr_expect(facts->txt_late);
	cr_assert(decide(facts, &rules, DECIDE_FINAL, &verdict));
	cr_expect_eq(verdict.kind, VERDICT_DEFER);
	line = facts_json_write(facts, &verdict, 1, TLS_POLICY_NONE, NULL);
	cr_expect_not_null(strstr(line,
			       "\"txt\":{\"state\":\"failed\",\"status\":"
			       "\"failed\",\"late\":true}"),
	    "%s", line);
	free(line);
	free(facts);
	facts = read_ok("{\"facts\":{\"recipient\":{\"class\":\"domain\","
			"\"domain\":\"example.org\"},\"txt\":{\"state\":"
			"\"none\"}}}");
	cr_assert(decide(facts, &rules, DECIDE_FINAL, &verdict));
	cr_expect_eq(verdict.reason, REASON_NO_POLICY);
	free(facts);
}
