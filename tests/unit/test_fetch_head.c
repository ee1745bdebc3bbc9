/* The header of a response, through libcurl but without a network. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "fetch_response.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static struct fetch_transfer t;

static enum fetch_failure
feed(const char *text)
{
	fetch_response(&t, text, strlen(text));
	return t.result.failure;
}

#define OK    "HTTP/1.1 200 OK\r\n"
#define PLAIN "Content-Type: text/plain\r\n"
#define END   "\r\n"

Test(fetch_head, F_05_F_07_taken)
{
	static const char *const rows[] = {
	    OK PLAIN END,
	    "HTTP/1.1 200 OK\nContent-Type: text/plain\n\n",
	    "http/1.0 200\r\n" PLAIN END,
	    "HTTP/1.1 200 \r\n" PLAIN END,
	    OK "content-TYPE:\t text/Plain \t\r\n" END,
	    OK "Content-Type: text/plain;\r\n" END,
	    OK "Content-Type: text/plain ; charset=latin1; x\r\n" END,
	    OK "X: y\r\n folded\r\n" PLAIN END,
	    OK "Content-Encoding: \r\n" PLAIN END,
	    OK "Content-Encoding: IDENTITY\r\n" PLAIN END,
	    OK "Transfer-Encoding: Chunked\r\n" PLAIN END,
	    OK "Content-Type : text/html\r\n" PLAIN END,
	    OK "Content-Typ: text/html\r\n" PLAIN END,
	    "HTTP/1.1 100 Continue\r\n" END OK PLAIN END,
	    "HTTP/1.1 103 Hints\r\nContent-Type: text/html\r\n" END
	    "HTTP/1.1 199\r\nContent-Encoding: gzip\r\n" END OK PLAIN END,
	    OK PLAIN "Transfer-Encoding: Chunked\r\n" END "0\r\n"
		     "Content-Type: text/html\r\n" END,
	};

	for (size_t i = 0; i < N(rows); i++) {
		cr_expect_eq(feed(rows[i]), FETCH_FAILURE_NONE, "%zu: %s", i,
		    t.result.why);
		cr_expect(t.head.ended, "%zu", i);
		cr_expect_eq(t.head.chunked,
		    strstr(rows[i], "Chunked") != NULL);
	}
}

Test(fetch_head, F_10_unfinished)
{
	static const char *const rows[] = {
	    "",
	    OK,
	    OK PLAIN,
	    OK PLAIN " \r\n",
	    "HTTP/1.1 100 Continue\r\n" END,
	    "HTTP/1.1 100 Continue\r\n" END OK PLAIN,
	};

	for (size_t i = 0; i < N(rows); i++) {
		cr_expect_eq(feed(rows[i]), FETCH_FAILURE_HTTP, "%zu", i);
		cr_expect_not(t.head.ended, "%zu", i);
	}
}

static bool
is_no_status_line(const char *why)
{
	return strcmp(why, "not HTTP/1") == 0 ||
	    strcmp(why, "malformed status line") == 0;
}

/* With libcurl 8.14 or 8.22, which look at more than 7.88 by themselves. A
 * folded Content-Type is text/plain once 8.22 has unfolded it. */
static bool
is_newer(const char *why, enum fetch_failure failure, const char *newer_why)
{
	if (strcmp(why, "a header that matters is folded") == 0)
		return failure == FETCH_FAILURE_NONE;
	if (strcmp(newer_why, "HTTP status 0") == 0)
		return failure == FETCH_FAILURE_STATUS &&
		    strcmp(why, "not HTTP/1") == 0;
	if (failure != FETCH_FAILURE_HTTP)
		return false;
	if (strcmp(newer_why, "encoding that was not asked for") == 0)
		return strncmp(why, "Transfer-Encoding", 17) == 0;
	return is_no_status_line(why) && is_no_status_line(newer_why);
}

Test(fetch_head, F_05_F_06_F_07_refused)
{
	static const struct {
		const char *text;
		enum fetch_failure failure;
		const char *why;
	} rows[] = {
	    {"\r\n",									FETCH_FAILURE_HTTP,   "not HTTP/1"                                                  },
	    {"version: STSv1\r\n",							  FETCH_FAILURE_HTTP,   "not HTTP/1"                                                  },
	    {"HTTP/2 200\r\n",							      FETCH_FAILURE_HTTP,   "not HTTP/1"                                                  },
	    {"HTTP/1.10 200 OK\r\n",							FETCH_FAILURE_HTTP,   "not HTTP/1"                                                  },
	    {"HTTP/1.1\r\n",								FETCH_FAILURE_HTTP,   "not HTTP/1"                                                  },
	    {"HTTP/1.1  200 OK\r\n",							FETCH_FAILURE_HTTP,
             "malformed status line"																	    },
	    {"HTTP/1.1 2000 OK\r\n",							FETCH_FAILURE_HTTP,   "not HTTP/1"                                                  },
	    {"HTTP/1.1 +20 OK\r\n",							 FETCH_FAILURE_HTTP,   "not HTTP/1"                                                  },
	    {"HTTP/1.1 200\tOK\r\n",							FETCH_FAILURE_HTTP,
             "malformed status line"																	    },
	    {"HTTP/1.1 000 X\r\n" PLAIN END,						FETCH_FAILURE_HTTP,   "not HTTP/1"                                                  },
	    {"HTTP/1.1 101 X\r\n" PLAIN END,						FETCH_FAILURE_STATUS,
             "HTTP status 101"																		  },
	    {"HTTP/1.1 300 X\r\n" PLAIN END,						FETCH_FAILURE_STATUS,
             "HTTP status 300"																		  },
	    {"HTTP/1.1 301 X\r\n" PLAIN END,						FETCH_FAILURE_STATUS,
             "redirect (301) is not followed"																   },
	    {"HTTP/1.1 999 X\r\n" PLAIN END,						FETCH_FAILURE_STATUS,
             "HTTP status 999"																		  },
	    {OK END,									FETCH_FAILURE_TYPE,
             "no Content-Type; it has to be text/plain"															 },
	    {OK "Content-Type: text/plain charset=utf-8\r\n" END,
             FETCH_FAILURE_TYPE,										  "Content-Type is \"text/plain charset=utf-8\", not text/plain"},
	    {OK "Content-Type: ;text/plain\r\n" END,                                        FETCH_FAILURE_TYPE,
             "Content-Type is \"\", not text/plain"															     },
	    {OK PLAIN "Content-Type: text/html\r\n" END,                                    FETCH_FAILURE_TYPE,
             "2 Content-Type headers"																	   },
	    {OK "Content-Type:\r\n text/plain\r\n" END,                                     FETCH_FAILURE_HTTP,
             "a header that matters is folded"																  },
	    {OK PLAIN "Content-Encoding: gzip, identity\r\n" END,
             FETCH_FAILURE_HTTP,										  "Content-Encoding gzip, identity was not asked for"           },
	    {OK PLAIN "Transfer-Encoding: gzip, chunked\r\n" END,
             FETCH_FAILURE_HTTP,										  "Transfer-Encoding gzip, chunked was not asked for"           },
	    {OK PLAIN
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: br\r\n" END,
             FETCH_FAILURE_HTTP,										  "Transfer-Encoding br was not asked for"                      },
	};

	for (size_t i = 0; i < N(rows); i++) {
		enum fetch_failure failure = feed(rows[i].text);

		if (is_newer(rows[i].why, failure, t.result.why))
			continue;
		cr_expect_eq(failure, rows[i].failure, "%zu", i);
		cr_expect_str_eq(t.result.why, rows[i].why, "%zu: %s", i,
		    t.result.why);
	}
}

/* Interim responses count: they would be a way round the limit. */
Test(fetch_head, F_09_size)
{
	static const char interim[] = "HTTP/1.1 102 Processing\r\n\r\n";
	static char text[FETCH_HEADERS_MAX + 4096];
	size_t n = 0;

	while (strlen(text) <= FETCH_HEADERS_MAX)
		n +=
		    (size_t)snprintf(text + n, sizeof(text) - n, "%s", interim);
	cr_expect_eq(feed(text), FETCH_FAILURE_SIZE);
	cr_expect_str_eq(t.result.why, "header larger than 65536 octets");
	text[n - strlen(interim)] = '\0';
	cr_expect_eq(feed(text), FETCH_FAILURE_HTTP, "%s", t.result.why);
}

/* libcurl looks through all lines for each of them. */
Test(fetch_head, F_09_repeated_headers)
{
	static const char *const names[] = {"Content-Type", "Content-Length",
	    "Content-Encoding", "Transfer-Encoding"};
	char text[1024], why[64];

	for (size_t i = 0; i < N(names); i++) {
		size_t n = (size_t)snprintf(text, sizeof(text), OK "%s",
		    i == 0 ? "" : PLAIN);

		for (size_t k = 0; k < 5; k++)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
			    "%s: %s\r\n", names[i], i == 1 ? "5" : "");
		(void)snprintf(text + n, sizeof(text) - n, END "12345");
		(void)snprintf(why, sizeof(why), "5 %s headers", names[i]);
		cr_expect_neq(feed(text), FETCH_FAILURE_NONE);
		cr_expect_str_eq(t.result.why, why);
	}
}

/* F-10: a body must not be cut by a second opinion on its length. */
Test(fetch_head, F_10_lengths_that_differ)
{
	static const struct {
		const char *text;
		enum fetch_failure failure;
	} rows[] = {
	    {OK PLAIN "Content-Length: 5\r\nContent-Length: 4\r\n" END,
             FETCH_FAILURE_HTTP},
	    {OK "Content-Length: 4\r\n" PLAIN "content-length: 5\r\n" END,
             FETCH_FAILURE_HTTP},
	    {OK PLAIN "Content-Length: 5\r\nContent-Length: 5\r\n" END,
             FETCH_FAILURE_NONE},
	    {"HTTP/1.1 103 X\r\nContent-Length: 5\r\n" END OK PLAIN
	     "Content-Length: 4\r\n" END,
             FETCH_FAILURE_NONE},
	};

	for (size_t i = 0; i < N(rows); i++) {
		cr_expect_eq(feed(rows[i].text), rows[i].failure, "%zu: %s", i,
		    t.result.why);
		/* libcurl 7.88 and 8.14, and 8.22. */
		if (rows[i].failure != FETCH_FAILURE_NONE &&
		    strcmp(t.result.why, "malformed response") != 0)
			cr_expect_str_eq(t.result.why,
			    "Content-Length headers that differ");
	}
}
