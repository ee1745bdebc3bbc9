/* Heads of HTTP requests, and what is made of Host and query. */
#include "autoconf.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "front/http_request.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

#define HOST "Host: 127.0.0.1\r\n"

/* Octets that end where the memory does, so that a sanitizer sees one read too
 * many. */
static unsigned
parse(const char *text, size_t len, struct http_request *request)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	unsigned status;

	cr_assert_not_null(copy);
	memcpy(copy, text, len);
	status = http_request_parse(copy, len, request);
	free(copy);
	return status;
}

static const struct {
	const char *text;
	unsigned status;
} heads[] = {
    {"GET / HTTP/1.1\r\n" HOST "\r\n",                           200},
    {"HEAD / HTTP/1.1\r\n" HOST "\r\n",                          200},
    {"GET / HTTP/1.1\n" HOST "\n",                               200},
    {"GET / HTTP/1.0\r\n\r\n",				   200},
    {"GET /a?b=c&d HTTP/1.1\r\n" HOST "\r\n",                    200},
    {"GET / HTTP/1.1\r\nhost:\t[::1]:1 \r\nX: \xff\r\n\r\n",     200},
    {"GET / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello", 200},
 /* not complete */
    {"",							 0  },
    {"G",							0  },
    {"GET / HTTP/1.1\r\n",				       0  },
    {"GET / HTTP/1.1\r\n" HOST,				  0  },
    {"GET / HTTP/1.1\r\n" HOST "\r",                             0  },
 /* RFC 9112 3.2: one Host from 1.1 on */
    {"GET / HTTP/1.1\r\n\r\n",				   400},
    {"GET / HTTP/1.1\r\n" HOST HOST "\r\n",                      400},
    {"GET / HTTP/1.0\r\n" HOST HOST "\r\n",                      400},
 /* methods */
    {"POST / HTTP/1.1\r\n" HOST "\r\n",                          405},
    {"get / HTTP/1.1\r\n" HOST "\r\n",                           405},
    {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n",                       405},
    {"G@T / HTTP/1.1\r\n" HOST "\r\n",                           400},
    {" / HTTP/1.1\r\n" HOST "\r\n",                              400},
 /* targets */
    {"GET http://127.0.0.1/ HTTP/1.1\r\n" HOST "\r\n",           400},
    {"GET * HTTP/1.1\r\n" HOST "\r\n",                           400},
    {"GET  / HTTP/1.1\r\n" HOST "\r\n",                          400},
    {"GET /a b HTTP/1.1\r\n" HOST "\r\n",                        400},
    {"GET /\xc3\xbc HTTP/1.1\r\n" HOST "\r\n",                   400},
    {"GET /\x01 HTTP/1.1\r\n" HOST "\r\n",                       400},
    {"GET /\r HTTP/1.1\r\n" HOST "\r\n",                         400},
 /* versions */
    {"GET / HTTP/2.0\r\n" HOST "\r\n",                           505},
    {"GET / HTTP/1.x\r\n" HOST "\r\n",                           400},
    {"GET / http/1.1\r\n" HOST "\r\n",                           400},
    {"GET /\r\n\r\n",					    400},
    {"GET /\r\n",						400},
    {"\r\n",						     400},
 /* fields */
    {"GET / HTTP/1.1\r\n" HOST " more\r\n\r\n",                  400},
    {"GET / HTTP/1.1\r\n" HOST "X : y\r\n\r\n",                  400},
    {"GET / HTTP/1.1\r\n" HOST "no colon\r\n\r\n",               400},
    {"GET / HTTP/1.1\r\n" HOST ": y\r\n\r\n",                    400},
    {"GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n",                400},
    {"GET / HTTP/1.1\r\n" HOST "X: a\x01"
     "b\r\n\r\n",					   400},
};

Test(http_request, heads)
{
	struct http_request request;

	for (size_t i = 0; i < N(heads); i++)
		cr_expect_eq(parse(heads[i].text, strlen(heads[i].text),
				 &request),
		    heads[i].status, "%zu: %s", i, heads[i].text);
}

/* However it is cut, a head is not complete before its end. */
Test(http_request, a_head_may_come_in_pieces)
{
	static const char head[] =
	    "GET /metrics HTTP/1.1\r\n" HOST "Accept: */*\r\n\r\n";
	struct http_request request;

	for (size_t len = 0; len < strlen(head); len++)
		cr_expect_eq(parse(head, len, &request), 0U, "%zu", len);
	cr_expect_eq(parse(head, strlen(head), &request), 200U);
}

Test(http_request, a_NUL_ends_nothing)
{
	static const char target[] = "GET /\0 HTTP/1.1\r\n" HOST "\r\n";
	static const char field[] = "GET / HTTP/1.1\r\n" HOST "X: a\0b\r\n\r\n";
	struct http_request request;

	cr_expect_eq(parse(target, sizeof(target) - 1, &request), 400U);
	cr_expect_eq(parse(field, sizeof(field) - 1, &request), 400U);
}

Test(http_request, what_it_says)
{
	static const char head[] = "HEAD /check?domain=a HTTP/1.1\r\n"
				   "HOST:  localhost:9478 \r\n"
				   "sec-fetch-site: cross-site\r\n\r\n";
	struct http_request request;

	cr_assert_eq(http_request_parse((const uint8_t *)head, strlen(head),
			 &request),
	    200U);
	cr_expect(request.head);
	cr_expect(http_text_is(&request.path, "/check"));
	cr_expect(http_text_is(&request.query, "domain=a"));
	cr_expect(request.has_host);
	cr_expect(http_text_is(&request.host, "localhost:9478"));
	cr_expect(http_text_is(&request.site, "cross-site"));
}

Test(http_request, S_02_the_head_is_bounded)
{
	char head[HTTP_HEAD_MAX + 64] = "GET / HTTP/1.1\r\n" HOST "X: ";
	struct http_request request;
	size_t len = strlen(head);

	/* without an end, and with one that comes too late */
	memset(head + len, 'x', sizeof(head) - len);
	cr_expect_eq(parse(head, HTTP_HEAD_MAX - 1, &request), 0U);
	cr_expect_eq(parse(head, HTTP_HEAD_MAX, &request), 431U);
	memcpy(head + HTTP_HEAD_MAX - 3, "\r\n\r\n", 4);
	cr_expect_eq(parse(head, HTTP_HEAD_MAX + 1, &request), 431U);
	memcpy(head + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
	cr_expect_eq(parse(head, HTTP_HEAD_MAX, &request), 200U);
}

Test(http_request, S_02_the_target_is_bounded)
{
	char head[HTTP_TARGET_MAX + 64] = "GET /";
	struct http_request request;
	size_t end = strlen("GET ") + HTTP_TARGET_MAX;

	memset(head + 5, 'x', sizeof(head) - 5);
	memcpy(head + end, " HTTP/1.0\r\n\r\n", 14);
	cr_expect_eq(parse(head, strlen(head), &request), 200U);
	memset(head + 5, 'x', sizeof(head) - 5);
	memcpy(head + end + 1, " HTTP/1.0\r\n\r\n", 14);
	cr_expect_eq(parse(head, strlen(head), &request), 414U);
}

static const struct {
	const char *host;
	bool ours;
} hosts[] = {
    {"127.0.0.1",              true },
    {"127.0.0.1:9478",         true },
    {"192.0.2.1:1",            true },
    {"[::1]",		  true },
    {"[::1]:9478",             true },
    {"localhost",              true },
    {"LocalHost:9478",         true },
    {"metrics.example",        true },
    {"Metrics.Example:9478",   true },
    {"",		       false},
    {":9478",		  false},
    {"evil.example",           false},
    {"evil.example:9478",      false},
    {"localhost.evil.example", false},
    {"evil.example#localhost", false},
    {"127.0.0.1.evil.example", false},
    {"127.1",		  false},
    {"::1",		    false},
    {"[::1",		   false},
    {"[::1]x",		 false},
    {"[localhost]",            false},
    {"[]",		     false},
};

/* DNS rebinding: the name of a stranger may lead here. */
Test(http_request, a_host_is_ours_or_not)
{
	for (size_t i = 0; i < N(hosts); i++) {
		struct http_text host = {(const uint8_t *)hosts[i].host,
		    strlen(hosts[i].host)};

		cr_expect_eq(http_host_is_ours(&host, "metrics.example"),
		    hosts[i].ours, "%s", hosts[i].host);
	}
}

static const struct {
	const char *query;
	const char *value; /* NULL: there is none */
} queries[] = {
    {"domain=example.org",          "example.org"           },
    {"a=b&domain=example.org&c=d",  "example.org"           },
    {"domain=a&domain=b",           "a"                     },
    {"domain=",		     ""		      },
    {"domain=a%2Eb%2eC",            "a.b.C"                 },
    {"domain=a+b",                  "a b"                   },
    {"domain=%3Cscript%3E",         "<script>"              },
    {"domain=m%C3%BCnchen.example", "m\xc3\xbcnchen.example"},
    {"domain=a=b",                  "a=b"                   },
    {"",			    NULL		    },
    {"domain",		      NULL		    },
    {"Domain=a",		    NULL                    },
    {"xdomain=a",		   NULL                    },
    {"domain=%",		    NULL                    },
    {"domain=%4",		   NULL                    },
    {"domain=%4g",                  NULL                    },
    {"domain=a%00b",                NULL                    },
};

Test(http_request, a_field_of_the_query)
{
	char out[64];

	for (size_t i = 0; i < N(queries); i++) {
		struct http_text query = {(const uint8_t *)queries[i].query,
		    strlen(queries[i].query)};
		bool found =
		    http_query_field(&query, "domain", out, sizeof(out));

		cr_expect_eq(found, queries[i].value != NULL, "%s",
		    queries[i].query);
		if (found && queries[i].value != NULL)
			cr_expect_str_eq(out, queries[i].value);
	}
}

Test(http_request, S_02_a_field_that_does_not_fit_is_none)
{
	static const char text[] = "domain=abcd";
	struct http_text query = {(const uint8_t *)text, strlen(text)};
	char out[5];

	cr_expect(http_query_field(&query, "domain", out, 5));
	cr_expect_not(http_query_field(&query, "domain", out, 4));
}
