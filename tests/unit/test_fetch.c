/* What a policy fetch takes and what it refuses, from a real HTTPS server. The
 * names are those of CATALOGUE in tests/lab/policyhost.py. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "policyhost.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define ROWS_MAX 100
#define STALL_MS 2000

TestSuite(fetch, .init = policyhost_start, .fini = policyhost_stop,
    .timeout = 120);

/* --- what is taken -------------------------------------------------------- */

struct good_row {
	const char *name;
	const char *body; /* NULL: the catalogue's usual policy, or all 'x' */
	size_t len;       /* 0: that of body */
};

static void
expect_body(const struct good_row *row, const struct outcome *outcome)
{
	char policy[256];
	const char *body = row->body;
	size_t len = row->len;

	snprintf(policy, sizeof(policy),
	    "version: STSv1\r\nmode: enforce\r\nmx: mx.%s.policy.test\r\n"
	    "max_age: 86400\r\n",
	    row->name);
	if (body == NULL)
		body = policy;
	if (len == 0) {
		len = strlen(body);
		cr_assert_eq(outcome->len, len, "%s", row->name);
		cr_expect(memcmp(outcome->body, body, len) == 0, "%s: %.*s",
		    row->name, (int)len, (const char *)outcome->body);
		return;
	}
	cr_assert_eq(outcome->len, len, "%s", row->name);
	for (size_t i = 0; i < len; i++)
		cr_assert_eq(outcome->body[i], 'x', "%s", row->name);
}

static void
run_good(const struct good_row *rows, size_t n)
{
	static struct outcome outcomes[ROWS_MAX];
	struct client client;

	client_start(&client, &(struct fetch_config){0});
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(client_fetch(&client, rows[i].name, NULL,
				 &outcomes[i]),
		    0);
	client_wait(&client);
	for (size_t i = 0; i < n; i++) {
		cr_assert_eq(outcomes[i].calls, 1, "%s", rows[i].name);
		cr_assert_eq(outcomes[i].failure, FETCH_FAILURE_NONE, "%s: %s",
		    rows[i].name, outcomes[i].why);
		cr_expect_str_empty(outcomes[i].why);
		expect_body(&rows[i], &outcomes[i]);
		outcome_clear(&outcomes[i]);
	}
	client_stop(&client);
}

Test(fetch, F_05_F_07_F_09_F_10_good_responses)
{
	static const struct good_row rows[] = {
	    {"ok",            NULL,   0    },
	    {"ok-parameters", NULL,   0    },
	    {"ok-charset",    NULL,   0    },
	    {"ok-case",       NULL,   0    },
	    {"ok-chunked",    NULL,   0    },
	    {"ok-trailer",    "body", 0    },
	    {"ok-close",      NULL,   0    },
	    {"ok-http10",     "body", 0    },
	    {"ok-no-reason",  "body", 0    },
	    {"ok-lf",         "body", 0    },
	    {"ok-interim",    "body", 0    },
	    {"ok-identity",   NULL,   0    },
	    {"ok-empty",      "",     0    },
	    {"ok-exact",      NULL,   65536},
	    {"ok-cookie",     NULL,   0    },
	};

	run_good(rows, N(rows));
}

Test(fetch, F_03_F_04_F_15_good_certificates)
{
	static const struct good_row rows[] = {
	    {"ok-tls12",          NULL, 0},
	    {"cert-good",         NULL, 0},
	    {"cert-many-names",   NULL, 0},
	    {"cert-intermediate", NULL, 0},
	    {"cert-wildcard",     NULL, 0},
	};

	run_good(rows, N(rows));
}

/* --- what is refused ------------------------------------------------------ */

struct bad_row {
	const char *name;
	const char *why; /* a final '*' stands for anything, '|' for "or" */
};

/*
 * Behind a '|' is what newer libraries make of the same response. Seen with
 * curl 7.88 and OpenSSL 3.0: the first; with curl 8.14 and 8.22, OpenSSL 3.5
 * and 3.6: the second. The result type does not depend on them.
 */
#define CUT      "|connection broke off: OpenSSL *"
#define CUT_BODY "|connection broke off in the body: OpenSSL *"

static bool
is_like(const char *text, const char *pattern)
{
	for (;;) {
		size_t len = strcspn(pattern, "|");

		if (len > 0 && pattern[len - 1] == '*'
			? strncmp(text, pattern, len - 1) == 0
			: strlen(text) == len &&
			    strncmp(text, pattern, len) == 0)
			return true;
		if (pattern[len] == '\0')
			return false;
		pattern += len + 1;
	}
}

static void
run_bad_or(const struct bad_row *rows, size_t n, enum fetch_failure failure,
    enum fetch_failure or_failure, unsigned timeout_ms)
{
	static struct outcome outcomes[ROWS_MAX];
	struct client client;

	client_start(&client, &(struct fetch_config){.timeout_ms = timeout_ms});
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(client_fetch(&client, rows[i].name, NULL,
				 &outcomes[i]),
		    0);
	client_wait(&client);
	for (size_t i = 0; i < n; i++) {
		cr_expect_eq(outcomes[i].calls, 1, "%s", rows[i].name);
		cr_expect(outcomes[i].failure == failure ||
			outcomes[i].failure == or_failure,
		    "%s: %u, %s", rows[i].name, outcomes[i].failure,
		    outcomes[i].why);
		cr_expect(is_like(outcomes[i].why, rows[i].why), "%s: %s",
		    rows[i].name, outcomes[i].why);
		cr_expect_geq(policyhost_count(rows[i].name, "connections"), 1);
		outcome_clear(&outcomes[i]);
	}
	client_stop(&client);
}

static void
run_bad(const struct bad_row *rows, size_t n, enum fetch_failure failure,
    unsigned timeout_ms)
{
	run_bad_or(rows, n, failure, failure, timeout_ms);
}

Test(fetch, F_05_F_06_only_status_200)
{
	static const struct bad_row rows[] = {
	    {"status-201",   "HTTP status 201"               },
	    {"status-202",   "HTTP status 202"               },
	    {"status-203",   "HTTP status 203"               },
	    {"status-204",   "HTTP status 204"               },
	    {"status-206",   "HTTP status 206"               },
	    {"status-304",   "HTTP status 304"               },
	    {"status-404",   "HTTP status 404"               },
	    {"status-410",   "HTTP status 410"               },
	    {"status-429",   "HTTP status 429"               },
	    {"status-500",   "HTTP status 500"               },
	    {"status-503",   "HTTP status 503"               },
	    {"switch-101",   "HTTP status 101"               },
	    {"auth-401",     "HTTP status 401"               },
	    {"redirect-301", "redirect (301) is not followed"},
	    {"redirect-302", "redirect (302) is not followed"},
	    {"redirect-303", "redirect (303) is not followed"},
	    {"redirect-307", "redirect (307) is not followed"},
	    {"redirect-308", "redirect (308) is not followed"},
	};

	run_bad(rows, N(rows), FETCH_FAILURE_STATUS, 0);
	/* Neither the new place nor a second try with credentials. */
	for (size_t i = 0; i < N(rows); i++)
		cr_expect_eq(policyhost_count(rows[i].name, "requests"), 1,
		    "%s", rows[i].name);
}

Test(fetch, F_07_media_type)
{
	static const struct bad_row rows[] = {
	    {"type-missing", "no Content-Type; it has to be text/plain"        },
	    {"type-empty",   "Content-Type is \"\", not text/plain"            },
	    {"type-html",    "Content-Type is \"text/html\", not text/plain"   },
	    {"type-longer",  "Content-Type is \"text/plainer\", not text/plain"},
	    {"type-shorter", "Content-Type is \"text/plai\", not text/plain"   },
	    {"type-comma",
             "Content-Type is \"text/plain, text/plain\", not text/plain"      },
	    {"type-octets",  "Content-Type is \"text/?[31m?\", not text/plain" },
	    {"type-several", "2 Content-Type headers"                          },
	};

	run_bad(rows, N(rows), FETCH_FAILURE_TYPE, 0);
}

Test(fetch, F_09_size)
{
	static const struct bad_row rows[] = {
	    {"big-length",      "body larger than 65536 octets"                   },
	    {"big-chunked",     "body larger than 65536 octets"                   },
	    {"big-close",       "body larger than 65536 octets"                   },
	    {"endless-body",    "body larger than 65536 octets"                   },
	    {"endless-interim", "header larger than 65536 octets"                 },
	    {"head-lines",      "header larger than 65536 octets"                 },
	    {"head-line",       "header larger than 65536 octets|header too large"},
	};

	run_bad(rows, N(rows), FETCH_FAILURE_SIZE, 0);
}

Test(fetch, F_10_truncated_bodies)
{
	static const struct bad_row rows[] = {
	    {"short-notify",         "body shorter than announced: *"         },
	    {"short-bare",           "body shorter than announced: *" CUT_BODY},
	    {"close-bare",
             "connection closed in the body, without close_notify" CUT_BODY   },
	    {"length-overflow-bare",
             "connection closed in the body, without close_notify" CUT_BODY   },
	    {"chunked-cut-notify",   "body shorter than announced: *"         },
	    {"chunked-cut-bare",     "body shorter than announced: *" CUT_BODY},
	    {"reset-body",           "connection broke off in the body: *"    },
	};

	run_bad(rows, N(rows), FETCH_FAILURE_SHORT, 0);
}

Test(fetch, what_is_no_proper_response)
{
	static const struct bad_row rows[] = {
	    {"encoding-gzip",   "Content-Encoding gzip was not asked for"                 },
	    {"transfer-gzip",
             "Transfer-Encoding gzip was not asked for|encoding that was not asked for: *"},
	    {"status-long",     "not HTTP/1: *|malformed status line"                     },
	    {"status-none",     "not HTTP/1: *"					   },
	    {"http09",          "not HTTP/1: *|not HTTP/1"                                },
	    {"garbage",         "not HTTP/1: *"					   },
	    {"length-negative", "malformed response: *"                                   },
	    {"head-cut-notify", "connection closed in the response header"                },
	    {"head-cut-bare",   "connection closed in the response header" CUT            },
	    {"head-cut-line",   "connection closed in the response header"                },
	    {"nothing-notify",  "no response: *"                                          },
	    {"nothing-bare",    "no response: *" CUT                                      },
	    {"reset-request",   "connection broke off: *"                                 },
	};

	run_bad(rows, N(rows), FETCH_FAILURE_HTTP, 0);
}

/* curl 8.22 unfolds it, older ones hand it over as it is. */
Test(fetch, F_07_a_folded_header_that_matters)
{
	static const struct bad_row rows[] = {
	    {"type-folded",
             "a header that matters is folded|"
		"Content-Type is \"text/plain , text/html\", not text/plain"},
	};

	run_bad_or(rows, N(rows), FETCH_FAILURE_HTTP, FETCH_FAILURE_TYPE, 0);
}

/* An administrator's openssl.cnf that would allow anything. */
static void
weaken_openssl(void)
{
	FILE *conf = fopen(policyhost_path("openssl.cnf"), "w");

	cr_assert_not_null(conf);
	fprintf(conf,
	    "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n"
	    "[c]\nMinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n");
	fclose(conf);
	setenv("OPENSSL_CONF", policyhost_path("openssl.cnf"), 1);
}

Test(fetch, F_15_handshakes_that_fail)
{
	static const struct bad_row rows[] = {
	    {"tls10",        "TLS handshake failed: *"},
	    {"tls11",        "TLS handshake failed: *"},
	    {"plain-http",   "TLS handshake failed: *"},
	    {"reset-accept", "TLS handshake failed: *"},
	};

	weaken_openssl();
	run_bad(rows, N(rows), FETCH_FAILURE_TLS, 0);
}

/* F-13: nor does it help that an alias leads to the name it is for. */
Test(fetch, F_03_F_04_F_13_certificates_that_do_not_hold)
{
#define FOR     "the certificate is for "
#define NO_NAME FOR "no DNS name (a common name does not count)"
#define REFUSED "certificate refused: "
#define UNKNOWN                                                               \
	REFUSED "unable to get local issuer certificate (unknown authority, " \
		"or an intermediate is not sent)"
	static const struct bad_row rows[] = {
	    {"cert-wrong-name",
             FOR "www.cert-wrong-name.policy.test, mail.other.test"           },
	    {"cert-wrong-many",
             FOR
		"host0.other.test, host1.other.test, host2.other.test and 57 "
		"more"							},
	    {"cert-wrong-octets",     FOR "a?[31m??.test"                     },
	    {"cert-parent-name",      FOR "cert-parent-name.policy.test"      },
	    {"cert-wildcard-high",    FOR "*.policy.test"                     },
	    {"cert-wildcard-partial", FOR "mta-*.*"                           },
	    {"cert-wildcard-inner",   FOR "mta-sts.*.policy.test"             },
	    {"cert-cn-only",          NO_NAME                                 },
	    {"cert-cn-beside",        FOR "www.cert-cn-beside.policy.test"    },
	    {"cert-address-only",     NO_NAME                                 },
	    {"cert-expired",          REFUSED "certificate has expired"       },
	    {"cert-not-yet-valid",    REFUSED "certificate is not yet valid*" },
	    {"cert-self-signed",      REFUSED "self-signed certificate"       },
	    {"cert-unknown-ca",       UNKNOWN                                 },
	    {"cert-no-intermediate",  UNKNOWN                                 },
	    {"cert-client-only",      REFUSED "unsuitable certificate purpose"},
	};

	run_bad(rows, N(rows), FETCH_FAILURE_CERTIFICATE, 0);
	for (size_t i = 0; i < N(rows); i++)
		cr_expect_eq(policyhost_count(rows[i].name, "requests"), 0,
		    "%s", rows[i].name);
}

Test(fetch, F_08_time)
{
	static const struct bad_row rows[] = {
	    {"stall-accept",    "no connection in time, in the TLS handshake"   },
	    {"stall-handshake",
             "no end after 2000 ms, waiting for the response"                   },
	    {"stall-request",   "no end after 2000 ms, waiting for the response"},
	    {"drip-head",       "no end after 2000 ms, waiting for the response"},
	    {"stall-body",      "no end after 2000 ms, in the body"             },
	    {"drip-body",       "no end after 2000 ms, in the body"             },
	};

	run_bad(rows, N(rows), FETCH_FAILURE_TIMEOUT, STALL_MS);
}

/* --- what is sent --------------------------------------------------------- */

/* Everything a user's environment could want to slip in. */
static void
poison_environment(void)
{
	static const char *const variables[] = {"http_proxy", "https_proxy",
	    "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
	FILE *netrc = fopen(policyhost_path(".netrc"), "w");

	cr_assert_not_null(netrc);
	fprintf(netrc, "default login somebody password secret\n");
	fclose(netrc);
	setenv("HOME", policyhost_path(""), 1);
	for (size_t i = 0; i < N(variables); i++)
		setenv(variables[i], "http://" POLICYHOST_DEAD ":3128", 1);
	setenv("SSL_CERT_FILE", "/nonexistent", 1);
	unsetenv("no_proxy");
	unsetenv("NO_PROXY");
}

static void
expect_request(const char *name)
{
	char command[128];
	char expected[512];
	json_t *last;
	json_t *alpn;

	snprintf(expected, sizeof(expected),
	    "GET /.well-known/mta-sts.txt HTTP/1.1\r\n"
	    "Host: mta-sts.%s.policy.test\r\n"
	    "User-Agent: dane-sts-milter/" PACKAGE_VERSION "\r\n"
	    "Accept: */*\r\n\r\n",
	    name);
	snprintf(command, sizeof(command),
	    "{\"last\": \"mta-sts.%s.policy.test\"}", name);
	last = policyhost_ask(command);
	cr_expect_str_eq(json_string_value(json_object_get(last, "request")),
	    expected);
	cr_expect_str_eq(json_string_value(json_object_get(last, "tls")),
	    "TLSv1.3");
	cr_expect(json_is_false(json_object_get(last, "resumed")));
	alpn = json_object_get(last, "alpn");
	cr_expect_eq(json_array_size(alpn), 1);
	cr_expect_str_eq(json_string_value(json_array_get(alpn, 0)),
	    "http/1.1");
	json_decref(last);
}

/* The second request is as naked as the first: no cookie, no conditional GET,
 * no other port, no connection or session of before. */
Test(fetch, F_01_F_02_F_11_F_16_request)
{
	struct outcome outcome = {0};
	struct client client;

	poison_environment();
	client_start(&client, &(struct fetch_config){0});
	for (unsigned i = 1; i <= 2; i++) {
		cr_assert_eq(client_fetch(&client, "ok-cookie", NULL, &outcome),
		    0);
		client_wait(&client);
		cr_expect_eq(outcome.failure, FETCH_FAILURE_NONE, "%s",
		    outcome.why);
		outcome_clear(&outcome);
		expect_request("ok-cookie");
		cr_expect_eq(policyhost_count("ok-cookie", "connections"), i);
		cr_expect_eq(policyhost_count("ok-cookie", "requests"), i);
	}
	client_stop(&client);
}
