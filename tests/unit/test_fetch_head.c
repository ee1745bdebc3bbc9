/* The header of a response, without a network. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/fetch_head.h"
#include "fetch/fetch_text.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* Each line in memory of its own size, so that a sanitizer sees its end. */
static enum fetch_failure
feed(struct fetch_head *head, const char *text, char why[FETCH_WHY_SIZE])
{
	enum fetch_failure failure = FETCH_FAILURE_NONE;

	while (*text != '\0' && failure == FETCH_FAILURE_NONE) {
		size_t len = strcspn(text, "\n");
		uint8_t *line;

		len += text[len] == '\n';
		line = malloc(len);
		memcpy(line, text, len);
		failure = fetch_head_line(head, line, len, why);
		free(line);
		text += len;
	}
	return failure;
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
	    OK "no colon\r\n" PLAIN END,
	    "HTTP/1.1 100 Continue\r\n" END OK PLAIN END,
	    "HTTP/1.1 103 Hints\r\nContent-Type: text/html\r\n" END
	    "HTTP/1.1 199\r\nContent-Encoding: gzip\r\n" END OK PLAIN END,
	    OK PLAIN END "Content-Type: text/html\r\nHTTP/1.1 404\r\n" END,
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct fetch_head head = {0};
		char why[FETCH_WHY_SIZE] = "";

		cr_expect_eq(feed(&head, rows[i], why), FETCH_FAILURE_NONE,
		    "%zu: %s", i, why);
		cr_expect(head.ended, "%zu", i);
		cr_expect_eq(head.status, 200, "%zu", i);
		cr_expect_eq(head.octets, strlen(rows[i]), "%zu", i);
		cr_expect_eq(head.chunked, strstr(rows[i], "Chunked") != NULL);
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
		struct fetch_head head = {0};
		char why[FETCH_WHY_SIZE] = "";

		cr_expect_eq(feed(&head, rows[i], why), FETCH_FAILURE_NONE,
		    "%s", why);
		cr_expect_not(head.ended, "%zu", i);
	}
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
	    {"HTTP/1.1\r\n",								FETCH_FAILURE_HTTP,   "malformed status line"                                       },
	    {"HTTP/1.1  200 OK\r\n",							FETCH_FAILURE_HTTP,
             "malformed status line"																	    },
	    {"HTTP/1.1 2000 OK\r\n",							FETCH_FAILURE_HTTP,
             "malformed status line"																	    },
	    {"HTTP/1.1 +20 OK\r\n",							 FETCH_FAILURE_HTTP,
             "malformed status line"																	    },
	    {"HTTP/1.1 200\tOK\r\n",							FETCH_FAILURE_HTTP,
             "malformed status line"																	    },
	    {"HTTP/1.1 000 X\r\n" PLAIN END,						FETCH_FAILURE_HTTP,
             "malformed status line"																	    },
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
		struct fetch_head head = {0};
		char why[FETCH_WHY_SIZE] = "";

		cr_expect_eq(feed(&head, rows[i].text, why), rows[i].failure,
		    "%zu", i);
		cr_expect_str_eq(why, rows[i].why);
	}
}

/* Interim responses count: they would be a way round the limit. */
Test(fetch_head, F_09_size)
{
	static const char interim[] = "HTTP/1.1 102 Processing\r\n\r\n";
	struct fetch_head head = {0};
	char why[FETCH_WHY_SIZE] = "";
	size_t n = 0;

	while (feed(&head, interim, why) == FETCH_FAILURE_NONE)
		cr_assert_lt(++n, FETCH_HEADERS_MAX);
	cr_expect_eq(n, FETCH_HEADERS_MAX / strlen(interim));
	cr_expect_str_eq(why, "header larger than 65536 octets");
}

Test(fetch_head, text_is_bounded_and_printable)
{
	static const struct {
		const char *octets;
		size_t len;
		const char *text;
	} rows[] = {
	    {"",           0, ""       },
	    {"abcdefg",    7, "abcdefg"},
	    {"abcdefgh",   8, "abcd..."},
	    {"\0\r\n\x7f", 4, "????"   },
	    {" ~\xff",     3, " ~?"    },
	};

	for (size_t i = 0; i < N(rows); i++) {
		char out[8];

		memset(out, '#', sizeof(out));
		fetch_text_octets(out, sizeof(out),
		    (const uint8_t *)rows[i].octets, rows[i].len);
		cr_expect_str_eq(out, rows[i].text);
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
		struct fetch_head head = {0};
		char why[FETCH_WHY_SIZE] = "";

		cr_expect_eq(feed(&head, rows[i].text, why), rows[i].failure,
		    "%zu: %s", i, why);
		if (rows[i].failure != FETCH_FAILURE_NONE)
			cr_expect_str_eq(why,
			    "Content-Length headers that differ");
	}
}
