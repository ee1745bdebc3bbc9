/*
 * dane-sts lint as it is run. P-01 to P-18 and T-03 to T-08 are tested in
 * core; here is what becomes of the parsers' words, and what goes in.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "paths.h"
#include "tool_run.h"

#define GOOD                                                  \
	"version: STSv1\nmode: enforce\nmx: mx.example.com\n" \
	"mx: *.example.net\nmax_age: 86400\ndnssec: yes\n"

/* --- lint: bodies --------------------------------------------------------- */

#define GOOD_JSON                                                          \
	"{\"valid\":true,\"version\":\"STSv1\",\"mode\":\"enforce\","      \
	"\"max_age\":86400,\"mx\":[\"mx.example.com\",\"*.example.net\"]," \
	"\"dnssec\":true,\"errors\":[],\"warnings\":[]"

#define UNCOVERED(host)                                           \
	"host " host ": no mx pattern covers it (RFC 8461 4.1): " \
	"mx.example.com *.example.net"

Test(tool_lint, json)
{
	static const char warned[] =
	    "{\"valid\":true,\"version\":\"STSv1\",\"mode\":\"enforce\","
	    "\"max_age\":86400,\"mx\":[\"mx.example.com\",\"*.example.net\"],"
	    "\"dnssec\":true,\"errors\":[],\"warnings\":[\"" UNCOVERED(
		"a.b.example.net") "\"],"
				   "\"hosts\":{\"a.example.net\":true,\"a.b.example.net\":false}}\n";
	static const struct run_row rows[] = {
	    {{"lint", "--json", "-"},             GOOD, 0, GOOD_JSON "}\n"},
	    {{"--json", "lint", "--host", "MX.example.com.", "a.example.net",
		 "-"},
             GOOD,				      0,
             GOOD_JSON ",\"hosts\":{\"MX.example.com.\":true,"
			  "\"a.example.net\":true}}\n"                    },
	    {{"lint", "-", "--json", "--host", "a.example.net", "--host",
		 "a.b.example.net"},
             GOOD,				      2, warned         },
	};

	EXPECT_ROWS(rows);
}

/* M-01: senders would not deliver to a host that no pattern covers. */
Test(tool_lint, M_01_text)
{
	static const struct run_row rows[] = {
	    {{"lint", "-"},					    GOOD, 0,
             "-: valid: mode enforce, max_age 86400, 2 mx, dnssec yes\n"               },
	    {{"lint", "--host", "mx.example.com", "example.com", "-"}, GOOD, 2,
             "-: warning: " UNCOVERED(
		    "example.com") "\n"
				   "-: valid: mode enforce, max_age 86400, 2 mx, dnssec yes, 1 "
				   "warning\n"
				   "-: host mx.example.com: covered by an mx pattern\n"},
	    {{"lint", "--host", "mx.example.com", "-"},
             "version: STSv1\nmode: none\nmax_age: 86400\n",                 0,
             "-: valid: mode none, max_age 86400, 0 mx, dnssec not required\n"         },
	    {{"lint", "/nonexistent/policy"},                          NULL, 66, ""    },
	    {{"lint", "/"},					    NULL, 66, ""    },
	};

	EXPECT_ROWS(rows);
}

/* Whatever a host holds, what is printed is UTF-8. */
Test(tool_lint, host_of_any_octets)
{
	static const char *const args[] = {"lint", "--json", "--host", "\xff",
	    "-", NULL};
	struct outcome got;
	json_t *object;

	tool_run(args, GOOD, strlen(GOOD), &got);
	object = one_object(&got, 0);
	cr_expect_eq(got.status, 2);
	cr_expect(json_is_false(
	    json_object_get(json_object_get(object, "hosts"), "\xef\xbf\xbd")));
	json_decref(object);
	outcome_free(&got);
}

struct body_row {
	const char *body;
	size_t len;
	int status;
	bool valid;
	size_t n_errors;   /* at least */
	size_t n_warnings; /* at least */
};

#define BODY(body, status, errors, warnings)                                  \
	{                                                                     \
		body, sizeof(body) - 1, status, status != 1, errors, warnings \
	}

static const struct body_row bodies[] = {
    BODY(GOOD, 0, 0, 0),
    BODY("version: STSv1\nmode: none\nmax_age: 86400\n", 0, 0, 0),
    BODY(GOOD "\n", 2, 0, 1),           /* K3 */
    BODY(GOOD "dnssec: no\n", 2, 0, 1), /* P-17 */
    BODY("", 1, 1, 0),
    BODY("\xef\xbb\xbf" GOOD, 1, 1, 0),
    BODY("version: STSv1\0\nmode: none\nmax_age: 1\n", 1, 1, 0),
    BODY(GOOD "x:\xff\n", 1, 1, 0),
    BODY(GOOD "a: \x1b[31m\n", 1, 1, 0),
};

static void
expect_body(const struct body_row *row, size_t i)
{
	static const char *const args[] = {"lint", "--json", "-", NULL};
	struct outcome got;
	json_t *object;

	tool_run(args, row->body, row->len, &got);
	object = one_object(&got, i);
	cr_expect_eq(got.status, row->status, "row %zu: %d", i, got.status);
	cr_expect_eq(json_is_true(json_object_get(object, "valid")), row->valid,
	    "row %zu", i);
	cr_expect_eq(json_is_null(json_object_get(object, "mode")), !row->valid,
	    "row %zu", i);
	cr_expect_geq(json_array_size(json_object_get(object, "errors")),
	    row->n_errors, "row %zu", i);
	cr_expect_geq(json_array_size(json_object_get(object, "warnings")),
	    row->n_warnings, "row %zu: %s", i, got.out.at);
	cr_expect_eq(got.err.len, 0, "row %zu: %s", i, got.err.at);
	json_decref(object);
	outcome_free(&got);
}

Test(tool_lint, any_octets)
{
	size_t i;

	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		expect_body(&bodies[i], i);
}

/* F-09: what senders refuse is no valid policy, however right its lines. */
Test(tool_lint, size_limits)
{
	static const size_t sizes[] = {65536, 65537, 1048576, 1048577, 3000000};
	char *body = malloc(3000000);
	struct body_row row = {.body = body, .n_errors = 0};
	size_t i;

	cr_assert(body != NULL);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		memset(body, '\n', sizes[i]);
		memcpy(body, GOOD, sizeof(GOOD) - 1);
		row.len = sizes[i];
		row.valid = sizes[i] <= 65536;
		row.status = row.valid ? 2 : 1;
		row.n_errors = row.valid ? 0 : 1;
		expect_body(&row, i);
	}
	free(body);
}

Test(tool_lint, names_file_and_line)
{
	static const char *const args[] = {"lint", "-", NULL};
	static const char body[] = "version: STSv1\nmode: Enforce\n"
				   "mx: a.example\nmax_age: 1\n";
	struct outcome got;

	tool_run(args, body, sizeof(body) - 1, &got);
	cr_expect_eq(got.status, 1);
	cr_expect_eq(strncmp(got.out.at, "-:2: error: ", 12), 0, "%s",
	    got.out.at);
	cr_expect_neq(strstr(got.out.at, "\n-: invalid: 1 error"), NULL, "%s",
	    got.out.at);
	outcome_free(&got);
}

/* A plugin knows no status above 3. */
Test(tool_lint, nagios_status_of_a_usage_error)
{
	static const char *const args[] = {"lint", "--nagios", "-", NULL};
	struct outcome got;

	tool_run(args, GOOD, strlen(GOOD), &got);
	cr_expect_eq(got.status, 3);
	outcome_free(&got);
}

/* --- lint: TXT ------------------------------------------------------------ */

#define ID_1 "{\"valid\":true,\"id\":\"1\"}\n"

Test(tool_lint, txt)
{
	static const struct run_row rows[] = {
	    {{"lint", "--json", "--txt", "v=STSv1; id=1;"},          NULL, 0,  ID_1           },
 /* T-03 */
	    {{"lint", "--json", "--txt", "\"v=STSv1; \" \"id=1;\""}, NULL, 0,
             ID_1									     },
	    {{"lint", "--json", "--txt", "\"v=STSv1\\; id=\\049\""}, NULL, 0,
             ID_1									     },
 /* T-04 */
	    {{"lint", "--txt", "--json", "spf", "v=STSv1; id=1"},    NULL, 0,
             ID_1									     },
	    {{"lint", "--txt", "v=STSv1; id=1"},                     NULL, 0,  "valid: id 1\n"},
	    {{"lint", "--json", "--txt"},                            NULL, 64, ""             },
	    {{"lint", "--json", "--txt", "\"v=STSv1; id=1;"},        NULL, 64, ""             },
	    {{"lint", "--json", "--txt", "\"v=STSv1; id=\\256\""},   NULL, 64,
             ""									       },
	    {{"lint", "--json", "--txt", "\"v=STSv1;\" id=1"},       NULL, 64, ""             },
	};

	EXPECT_ROWS(rows);
}

struct txt_row {
	const char *args[ARGS_MAX + 1];
};

Test(tool_lint, txt_invalid)
{
	static const struct txt_row rows[] = {
	    {{"lint", "--json", "--txt", "v=STSv1; id=1;", "v=STSv1; id=1;"}},
	    {{"lint", "--json", "--txt", ""}},
	    {{"lint", "--json", "--txt", "\"\""}},
	    {{"lint", "--json", "--txt", "v=STSv1; id=1; \xff=2"}},
	    {{"lint", "--json", "--txt", "\"v=STSv1; id=1\\000\""}},
	    {{"lint", "--json", "--txt", "--", "-v=STSv1; id=1"}},
	    {{"lint", "--json", "--txt", "v=STSv1; id=1 2", "x"}},
	};
	struct outcome got;
	json_t *object;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tool_run(rows[i].args, "", 0, &got);
		object = one_object(&got, i);
		cr_expect_eq(got.status, 1, "row %zu: %d", i, got.status);
		cr_expect(json_is_false(json_object_get(object, "valid")));
		cr_expect(json_is_null(json_object_get(object, "id")));
		cr_expect_eq(json_array_size(json_object_get(object, "errors")),
		    1, "row %zu", i);
		json_decref(object);
		outcome_free(&got);
	}
}

/* --- publish -------------------------------------------------------------- */

#define NEW_CERTIFICATE                                            \
	"openssl req -x509 -newkey ec -pkeyopt "                   \
	"ec_paramgen_curve:P-256 -nodes -keyout k.pem -out c.pem " \
	"-days 30 -subj /CN=mx1.example.org 2>/dev/null || exit 1\n"

/* What publish writes passes lint, and the TLSA record is that of the
 * certificate. */
Test(tool_publish, is_clean_to_lint)
{
	static const char script[] =
	    "d=$(mktemp -d) && cd $d || exit 1\n" NEW_CERTIFICATE
	    "set -e; exec >/dev/null; tool='" TOOL_PROGRAM "'\n"
	    "for stage in '' '--mode enforce' '--mode enforce --dnssec' "
	    "'--mode none'; do\n"
	    "  $tool publish $stage --mx mx1.example.org --mx MX.example.net. "
	    "--cert mx1.example.org=c.pem --dir out example.org\n"
	    "  case $stage in *none) hosts= ;; *)\n"
	    "    hosts='--host mx1.example.org --host mx.example.net' ;; esac\n"
	    "  $tool lint $hosts out/mta-sts.txt\n"
	    "  $tool lint --txt \"$(sed -n 's/^_mta-sts.*IN TXT //p' "
	    "out/records.zone)\"\n"
	    "done\n"
	    "digest=$(openssl x509 -in c.pem -pubkey -noout | openssl pkey "
	    "-pubin -outform der | sha256sum | cut -d' ' -f1)\n"
	    "grep -qx \"_25._tcp.mx1.example.org. IN TLSA 3 1 1 $digest\" "
	    "out/records.zone\n"
	    "grep -q 'operator of mx.example.net, in another zone' "
	    "out/records.zone\n"
	    "test \"$(awk 'length > 79' out/STEPS)\" = ''\n"
	    "cd /; rm -r $d\n";

	cr_expect_eq(system(script), 0);
}

Test(tool_publish, json_holds_the_files)
{
	static const char *const args[] = {"publish", "--json", "--mx",
	    "mx.example.org", "example.org", NULL};
	struct outcome got;
	json_t *object, *files;

	tool_run(args, "", 0, &got);
	cr_expect_eq(got.status, 0);
	object = one_object(&got, 0);
	files = json_object_get(object, "files");
	cr_expect_eq(json_object_size(files), 5);
	cr_expect_str_eq(json_string_value(
			     json_object_get(files, "mta-sts.txt")),
	    "version: STSv1\r\nmode: testing\r\nmx: mx.example.org\r\n"
	    "max_age: 86400\r\n");
	json_decref(object);
	outcome_free(&got);
}

Test(tool_publish, usage)
{
	static const struct run_row rows[] = {
	    {{"publish"},						       NULL, 64, ""},
	    {{"publish", "a..b"},					       NULL, 64, ""},
	    {{"publish", "--mx", "*.a.org", "a.org"},                           NULL, 64, ""},
	    {{"publish", "--mode", "Enforce", "a.org"},                         NULL, 64, ""},
	    {{"publish", "--dnssec", "--mx", "m.a.org", "a.org"},               NULL, 64, ""},
	    {{"publish", "--max-age", "2y", "a.org"},                           NULL, 64, ""},
	    {{"publish", "--cert", "/nonexistent", "--mx", "m.a.org", "a.org"},
             NULL,								    66, ""},
	    {{"publish", "--cert", "/etc/passwd", "--mx", "m.a.org", "a.org"},
             NULL,								    66, ""},
	};

	EXPECT_ROWS(rows);
}
