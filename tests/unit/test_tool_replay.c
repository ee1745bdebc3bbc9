/* dane-sts replay, as it is run. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tool_run.h"

/* A bound domain with two hosts, one of which has a bogus TLSA record. */
#define BOGUS                                                                  \
	"{\"facts\": {\n"                                                      \
	"  \"recipient\": {\"class\": \"domain\", \"domain\": \"a.test\"},\n"  \
	"  \"txt\": {\"state\": \"valid\", \"id\": \"1\"},\n"                  \
	"  \"stored\": {\"id\": \"1\", \"age\": 100, \"max_age\": 86400,\n"    \
	"    \"mode\": \"enforce\", \"dnssec\": true, \"mx\": [\"*.b.test\"]}" \
	",\n"                                                                  \
	"  \"mx\": {\"status\": \"secure\", \"answer\": \"records\"},\n"       \
	"  \"hosts\": [" HOST("mx1.b.test",                                    \
	    "\"secure\", \"answer\": "                                         \
	    "\"nodata\"") ",\n" HOST("mx2.b.test",                             \
	    "\"bogus\"") "]},\n"                                               \
			 " \"verdict\": \"pass\", \"reason\": \"secure\"}"
#define HOST(name, tlsa)                                                  \
	"{\"name\": \"" name "\",\n"                                      \
	"  \"a\": {\"status\": \"secure\", \"answer\": \"records\"},\n"   \
	"  \"aaaa\": {\"status\": \"secure\", \"answer\": \"nodata\"},\n" \
	"  \"tlsa\": {\"status\": " tlsa "}}"
#define BOGUS_AS(kind)                                                        \
	"{\"verdict\":\"" kind "\",\"reason\":\"tlsa-bogus\",\"decided_by\":" \
	"\"_25._tcp.mx2.b.test TLSA bogus\",\"policy\":\"cache\"}\n"
#define SECURE                                                             \
	"{\"verdict\":\"pass\",\"reason\":\"secure\",\"decided_by\":\"\"," \
	"\"policy\":\"cache\"}\n"

#define NO_TXT \
	"{\"recipient\":{\"domain\":\"b.test\"},\"txt\":{\"state\":\"none\"}}"
#define NO_POLICY                                                             \
	"{\"verdict\":\"pass\",\"reason\":\"no-policy\",\"decided_by\":\"\"," \
	"\"policy\":\"none\"}\n"

#define NO_ANSWER                                                              \
	"{\"recipient\":{\"domain\":\"b.test\"},\"txt\":{\"state\":\"failed\"" \
	"}}"
#define FAILED_AS(kind)                                              \
	"{\"verdict\":\"" kind "\",\"reason\":\"discovery-failed\"," \
	"\"decided_by\":\"_mta-sts.b.test TXT failed\",\"policy\":\"none\"}\n"

/* clang-format off */

Test(tool_replay, one_object_or_many_on_any_number_of_lines)
{
	static const struct run_row rows[] = {
	    {{"replay", "-"}, BOGUS, 0, BOGUS_AS("defer")},
	    {{"replay", "-"}, NO_TXT "\n", 0, NO_POLICY},
	    {{"replay", "-"}, NO_TXT "\n" NO_TXT "\r\n\r\n", 0,
		NO_POLICY NO_POLICY},
	    {{"replay", "-"}, NO_TXT BOGUS NO_TXT, 0,
		NO_POLICY BOGUS_AS("defer") NO_POLICY},
	    {{"replay", "-"}, " \n\t", 0, ""},
	    {{"replay", "--json", "-"}, NO_TXT, 0, NO_POLICY},
	};

	EXPECT_ROWS(rows);
}

Test(tool_replay, rules_of_the_command_line)
{
	static const struct run_row rows[] = {
	    {{"replay", "--hosts", "any", "-"}, BOGUS, 0, SECURE},
	    {{"replay", "--hosts", "all", "-"}, BOGUS, 0, BOGUS_AS("defer")},
	    {{"replay", "--tlsa", "ignored", "-"}, BOGUS, 0, SECURE},
	    {{"replay", "--action", "reject", "-"}, BOGUS, 0,
		BOGUS_AS("reject")},
	    {{"replay", "--action=quarantine", "-"}, BOGUS, 0,
		BOGUS_AS("quarantine")},
	    {{"replay", "-", "--on-discovery-failure", "tempfail"}, NO_ANSWER,
		0, FAILED_AS("defer")},
	    {{"replay", "--on-bogus-discovery", "tempfail", "-"}, NO_ANSWER,
		0, FAILED_AS("pass")},
	    {{"replay", "--on-resolver-failure", "pass", "--mx-patterns",
		 "enforce", "-"}, BOGUS, 0, BOGUS_AS("defer")},
	};

	EXPECT_ROWS(rows);
}

Test(tool_replay, usage)
{
	static const struct run_row rows[] = {
	    {{"replay"}, NULL, 64, ""},
	    {{"replay", "a", "b"}, NULL, 64, ""},
	    {{"replay", "--hosts", "some", "-"}, NULL, 64, ""},
	    {{"replay", "--hosts", "", "-"}, NULL, 64, ""},
	    {{"replay", "--hosts", "all, any", "-"}, NULL, 64, ""},
	    {{"replay", "--deadline", "4s", "-"}, NULL, 64, ""},
	    {{"replay", "/nonexistent/facts.json"}, NULL, 66, ""},
	};

	EXPECT_ROWS(rows);
}

/* clang-format on */

/* What is wrong is said with its number; the rest is judged all the same. */
Test(tool_replay, a_bad_object_does_not_hide_the_others)
{
	static const struct {
		const char *input;
		const char *out;
		const char *err;
	} rows[] = {
	    {NO_TXT "{\"mx\":7}" NO_TXT,            NO_POLICY NO_POLICY,
             "dane-sts: -: object 2: facts.mx: not an object\n"                                   },
	    {"[1]\n" NO_TXT,                        NO_POLICY,
             "dane-sts: -: object 1: facts: not an object\n"                                      },
	    {"{\"broken\":\n \"a\" 3\n }\n" NO_TXT, NO_POLICY,
             "dane-sts: -: object 1: "							    },
	    {NO_TXT "\nnothing",                    NO_POLICY,           "dane-sts: -: object 2: "},
	    {NO_TXT "\n{\"facts\": {",              NO_POLICY,           "dane-sts: -: object 2: "},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static const char *const args[] = {"replay", "-", NULL};
		struct outcome got;

		tool_run(args, rows[i].input, strlen(rows[i].input), &got);
		cr_expect_eq(got.status, 1, "row %zu: %d", i, got.status);
		cr_expect_str_eq(got.out.at, rows[i].out);
		cr_expect_eq(strncmp(got.err.at, rows[i].err,
				 strlen(rows[i].err)),
		    0, "row %zu: %s", i, got.err.at);
		cr_expect_eq(strchr(got.err.at, '\n'),
		    got.err.at + got.err.len - 1, "row %zu: one line", i);
		outcome_free(&got);
	}
}

/* S-02: a NUL or any other octet outside strings is no JSON. */
Test(tool_replay, S_02_any_octets)
{
	static const char *const args[] = {"replay", "-", NULL};
	char octets[256];
	struct outcome got;

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (char)i;
	tool_run(args, octets, sizeof(octets), &got);
	cr_expect_eq(got.status, 1);
	cr_expect_str_eq(got.out.at, "");
	outcome_free(&got);
}
