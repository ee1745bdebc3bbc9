/* The HTTP server over real sockets: what it bounds, and how it ends. */
#include "autoconf.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "config/config.h"
#include "front/http.h"
#include "loopback.h"

#define N(array)    (sizeof(array) / sizeof((array)[0]))
#define PATIENCE_MS 20000
#define REPLY_SIZE  (1 << 20)
#define LARGE       (REPLY_SIZE / 2)

#define HOST "Host: 127.0.0.1\r\n"

static struct http *http;
static char large[LARGE];

/* --- the handler: /later waits for let_go() --- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t come;
	struct http_request *held;
} later = {.lock = PTHREAD_MUTEX_INITIALIZER, .come = PTHREAD_COND_INITIALIZER};

static void
hold(struct http_request *request)
{
	(void)pthread_mutex_lock(&later.lock);
	later.held = request;
	(void)pthread_cond_signal(&later.come);
	(void)pthread_mutex_unlock(&later.lock);
}

/* Takes it. */
static struct http_request *
await_held(void)
{
	struct http_request *request;

	(void)pthread_mutex_lock(&later.lock);
	while (later.held == NULL)
		(void)pthread_cond_wait(&later.come, &later.lock);
	request = later.held;
	later.held = NULL;
	(void)pthread_mutex_unlock(&later.lock);
	return request;
}

static void
answer_held(void *arg, struct http_request *request)
{
	(void)arg;
	http_answer_text(request, 200, "at last\n");
}

static void
let_go(struct http_request *request)
{
	http_resume(request, answer_held, NULL);
}

/* What the request says, as handlers see it. */
static void
answer_echo(struct http_request *request)
{
	const char *domain = http_query(request, "domain");
	char text[4096];

	(void)snprintf(text, sizeof(text), "path=%s\ndomain=%s\nother=%d\n",
	    request->path, domain != NULL ? domain : "(none)",
	    request->other_site);
	http_answer_text(request, 200, text);
}

static void
handle(void *arg, struct http_request *request)
{
	const char *path = request->path;
	char *body;

	(void)arg;
	if (strcmp(path, "/large") == 0) {
		body = malloc(sizeof(large));
		if (body != NULL)
			memcpy(body, large, sizeof(large));
		http_answer(request, 200, "text/plain", body, sizeof(large));
	} else if (strcmp(path, "/later") == 0) {
		hold(request);
	} else if (strcmp(path, "/at-once") == 0) {
		let_go(request);
	} else if (strcmp(path, "/no-memory") == 0) {
		http_answer(request, 200, "text/plain", NULL, 0);
	} else if (strncmp(path, "/echo", 5) == 0) {
		answer_echo(request);
	} else {
		http_answer_text(request, 200, "hello\n");
	}
}

/* --- around each test --- */

static void
set_up(void)
{
	static const struct config config = {.mode = CONFIG_MODE_ENFORCE};
	char error[LISTEN_ERROR_SIZE];

	memset(large, 'x', sizeof(large));
	cr_assert_eq(http_listen("127.0.0.1:0", &config, &http, error), 0, "%s",
	    error);
	cr_assert_eq(http_start(http, handle, NULL), 0);
}

static void
tear_down(void)
{
	if (http != NULL)
		http_stop(http);
	http_free(&http);
	cr_expect_null(http);
}

TestSuite(http, .init = set_up, .fini = tear_down, .timeout = 60);

/* --- the other side --- */

static int
dial(void)
{
	return loopback_dial(http_bound(http).port);
}

static char *
ask(const char *text)
{
	int fd = dial();

	loopback_say(fd, text);
	return loopback_hear(fd);
}

static void
expect_start(char *reply, const char *start)
{
	cr_expect_eq(strncmp(reply, start, strlen(start)), 0, "%.60s", reply);
	free(reply);
}

/* --- tests --- */

Test(http, a_page)
{
	char *reply = ask("GET / HTTP/1.1\r\n" HOST "\r\n");

	cr_expect_not_null(strstr(reply, "\r\nContent-Length: 6\r\n"));
	cr_expect_not_null(strstr(reply, "\r\nDate: "));
	cr_expect_not_null(strstr(reply, "\r\nX-Frame-Options: DENY\r\n"));
	cr_expect_not_null(
	    strstr(reply, "\r\nReferrer-Policy: no-referrer\r\n"));
	cr_expect_not_null(strstr(reply, "\r\nConnection: close\r\n"));
	cr_expect_not_null(strstr(reply, "\r\nCache-Control: no-store\r\n"));
	cr_expect_not_null(
	    strstr(reply, "\r\nX-Content-Type-Options: nosniff\r\n"));
	cr_expect_not_null(strstr(reply, "\r\n\r\nhello\n"));
	expect_start(reply, "HTTP/1.1 200 OK\r\n");
}

Test(http, HEAD_has_no_body)
{
	char *reply = ask("HEAD /large HTTP/1.1\r\n" HOST "\r\n");
	const char *end = strstr(reply, "\r\n\r\n");

	cr_assert_not_null(end);
	cr_expect_str_eq(end, "\r\n\r\n");
	cr_expect_not_null(strstr(reply, "\r\nContent-Length: 524288\r\n"));
	expect_start(reply, "HTTP/1.1 200 ");
}

Test(http, a_large_page_comes_whole)
{
	char *reply = ask("GET /large HTTP/1.1\r\n" HOST "\r\n");
	const char *body = strstr(reply, "\r\n\r\n");

	cr_assert_not_null(body);
	cr_expect_eq(strlen(body + 4), sizeof(large));
	free(reply);
}

/* None reaches a handler: it would answer 200. The status is libmicrohttpd's
 * where it matters to nobody; 0: the connection may also be closed, or it
 * depends on the version (two Host headers: 421 with 0.9.75, 400 with 1.0). */
static const struct {
	const char *request;
	unsigned status;
} refused[] = {
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc",    405},
    {"OPTIONS / HTTP/1.1\r\n" HOST "\r\n",                         405},
    {"get / HTTP/1.1\r\n" HOST "\r\n",                             405},
    {"GET / HTTP/1.1\r\n\r\n",				     400},
    {"GET / HTTP/3.0\r\n" HOST "\r\n",                             0  },
    {"nonsense\r\n\r\n",					   0  },
    {"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",               421},
    {"GET / HTTP/1.1\r\n" HOST "Host: evil.example\r\n\r\n",       0  },
    {"GET / HTTP/1.1\r\nHost: evil.example\r\n" HOST "\r\n",       0  },
    {"GET / HTTP/1.0\r\nHost: evil.example\r\n\r\n",               421},
    {"POST / HTTP/1.1\r\nHost: evil.example\r\n\r\n",              421},
    {"GET / HTTP/1.1\r\nHOST: 127.0.0.1.evil.example\r\n\r\n",     421},
    {"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n evil.example\r\n\r\n", 0  },
};

Test(http, what_no_handler_sees)
{
	for (size_t i = 0; i < N(refused); i++) {
		char *reply = ask(refused[i].request);
		char start[32];

		snprintf(start, sizeof(start), "HTTP/1.1 %u ",
		    refused[i].status);
		if (refused[i].status != 0)
			cr_expect_eq(strncmp(reply, start, strlen(start)), 0,
			    "%zu: %.60s", i, reply);
		cr_expect_neq(strncmp(reply, "HTTP/1.1 200", 12), 0, "%zu", i);
		free(reply);
	}
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
Test(http, a_host_is_ours_or_not)
{
	for (size_t i = 0; i < N(hosts); i++) {
		char request[256];
		char *reply;

		snprintf(request, sizeof(request),
		    "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", hosts[i].host);
		reply = ask(request);
		cr_expect_eq(strncmp(reply,
				 hosts[i].ours ? "HTTP/1.1 200 "
					       : "HTTP/1.1 421 ",
				 13),
		    0, "%s: %.60s", hosts[i].host, reply);
		free(reply);
	}
}

/* What handlers see of a target. */
static const struct {
	const char *target;
	const char *seen;
} targets[] = {
    {"/echo?domain=example.org",          "path=/echo\ndomain=example.org\n"},
    {"/echo?a=b&domain=a&domain=b&c",     "domain=a\n"                      },
    {"/echo?domain=",                     "domain=\n"                       },
    {"/echo?domain=a%2Eb%2eC",            "domain=a.b.C\n"                  },
    {"/echo?domain=a+b",                  "domain=a b\n"                    },
    {"/echo?domain=%3Cscript%3E",         "domain=<script>\n"               },
    {"/echo?domain=m%C3%BCnchen.example", "domain=m\xc3\xbcnchen.example\n" },
    {"/echo?domain=a=b",                  "domain=a=b\n"                    },
    {"/echo?xdomain=a",                   "domain=(none)\n"                 },
    {"/echo?domain=%",                    "domain=%\n"                      },
    {"/echo?domain=%4g",                  "domain=%4g\n"                    },
    {"/echo?domain=a%00b",                "domain=a\1b\n"                   },
    {"/echo",			     "path=/echo\ndomain=(none)\n"     },
    {"/echo/%5Bmx.example%5D:25",         "path=/echo/[mx.example]:25\n"    },
    {"/echo/a+b",			 "path=/echo/a+b\n"                },
    {"/echo/a%00b",		       "path=/echo/a\1b\n"               },
    {"/echo/%2e%2e/x",                    "path=/echo/../x\n"               },
};

Test(http, S_02_targets_are_decoded)
{
	for (size_t i = 0; i < N(targets); i++) {
		char request[256];
		char *reply;

		snprintf(request, sizeof(request), "GET %s HTTP/1.0\r\n\r\n",
		    targets[i].target);
		reply = ask(request);
		cr_expect_not_null(strstr(reply, targets[i].seen), "%s: %s",
		    targets[i].target, reply);
		free(reply);
	}
}

static const struct {
	const char *fields;
	const char *seen;
} sites[] = {
    {"",						       "other=0\n"},
    {"Sec-Fetch-Site: same-origin\r\n",                        "other=0\n"},
    {"Sec-Fetch-Site: none\r\n",                               "other=0\n"},
    {"Sec-Fetch-Site: cross-site\r\n",                         "other=1\n"},
    {"sec-fetch-site: same-site\r\n",                          "other=1\n"},
    {"Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n", "other=1\n"},
};

Test(http, the_site_of_a_page_is_seen)
{
	for (size_t i = 0; i < N(sites); i++) {
		char request[256];
		char *reply;

		snprintf(request, sizeof(request),
		    "GET /echo HTTP/1.1\r\n" HOST "%s\r\n", sites[i].fields);
		reply = ask(request);
		cr_expect_not_null(strstr(reply, sites[i].seen), "%s",
		    sites[i].fields);
		free(reply);
	}
}

/* Octets at random, and good requests with octets changed: the server answers
 * the next one. */
Test(http, S_02_nonsense_does_no_harm)
{
	static const char good[] = "GET /echo?domain=%41 HTTP/1.1\r\n" HOST
				   "Sec-Fetch-Site: none\r\n\r\n";
	unsigned seed = 7;

	for (size_t round = 0; round < 500; round++) {
		char octets[sizeof(good)];
		int fd = dial();

		memcpy(octets, good, sizeof(good));
		for (size_t i = 0; i < 1 + round % 8; i++) {
			seed = seed * 1103515245U + 12345U;
			octets[(seed >> 8) % (sizeof(good) - 1)] =
			    (char)(seed >> 16);
		}
		(void)send(fd, octets, sizeof(good) - 1, MSG_NOSIGNAL);
		close(fd);
	}
	expect_start(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 ");
}

Test(http, methods_are_named)
{
	char *reply = ask("DELETE / HTTP/1.1\r\n" HOST "\r\n");

	cr_expect_not_null(strstr(reply, "\r\nAllow: GET, HEAD\r\n"));
	free(reply);
}

/* The answer is read though more was sent than is looked at. */
Test(http, S_02_a_head_without_end_is_refused)
{
	char *request = calloc(1, 4 * HTTP_MEMORY);

	cr_assert_not_null(request);
	memset(request, 'x', 4 * HTTP_MEMORY - 1);
	memcpy(request, "GET / HTTP/1.1\r\nX: ", 19);
	expect_start(ask(request), "HTTP/1.1 431 ");
	free(request);
}

Test(http, a_request_in_pieces)
{
	int fd = dial();

	loopback_say(fd, "GET / HT");
	expect_start(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 ");
	loopback_say(fd, "TP/1.1\r\n" HOST "\r");
	expect_start(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 ");
	loopback_say(fd, "\n");
	expect_start(loopback_hear(fd), "HTTP/1.1 200 ");
}

/* One who has said all is told all. */
Test(http, half_closed)
{
	int fd = dial();

	loopback_say(fd, "GET /large HTTP/1.0\r\n\r\n");
	cr_assert_eq(shutdown(fd, SHUT_WR), 0);
	expect_start(loopback_hear(fd), "HTTP/1.1 200 ");
}

Test(http, one_who_leaves_in_the_middle)
{
	int fd = dial();

	loopback_say(fd, "GET / HTTP/1.1\r\nHo");
	close(fd);
	expect_start(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 ");
}

Test(http, an_answer_that_comes_later)
{
	int fd = dial();
	struct http_request *held;

	loopback_say(fd, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	held = await_held();
	expect_start(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 ");
	let_go(held);
	expect_start(loopback_hear(fd), "HTTP/1.1 200 ");
}

/* The one who asked is gone when the answer comes. */
Test(http, an_answer_that_comes_too_late)
{
	const struct linger at_once = {.l_onoff = 1};
	struct http_request *held;
	int fd = dial();

	loopback_say(fd, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	held = await_held();
	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once,
			 sizeof(at_once)),
	    0);
	close(fd);
	expect_start(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 ");
	let_go(held);
	expect_start(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 ");
}

/* The answer is there before the handler has returned. */
Test(http, an_answer_that_comes_at_once)
{
	expect_start(ask("GET /at-once HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 ");
}

Test(http, no_memory_for_a_body_is_an_error)
{
	expect_start(ask("GET /no-memory HTTP/1.0\r\n\r\n"), "HTTP/1.1 500 ");
}

/* Stopped while one waits: it is cut off and nothing leaks. */
Test(http, the_end_comes_before_the_answer)
{
	struct http_request *held;
	int fd = dial();

	loopback_say(fd, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	held = await_held();
	http_stop(http);
	let_go(held);
	http_free(&http);
	expect_start(loopback_hear(fd), "");
}

/* Those who say nothing make room for one who does. */
Test(http, S_02_connections_are_bounded)
{
	enum {
		MANY = 4 * HTTP_CLIENTS_MAX
	};
	int fds[MANY];
	size_t closed = 0;

	for (size_t i = 0; i < MANY; i++)
		fds[i] = dial();
	expect_start(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 ");
	for (size_t i = 0; i < MANY; i++) {
		struct pollfd p = {.fd = fds[i], .events = POLLIN};

		closed += poll(&p, 1, 0) == 1;
	}
	cr_expect_geq(closed, (size_t)(MANY - HTTP_CLIENTS_MAX));
	for (size_t i = 0; i < MANY; i++)
		close(fds[i]);
}

/* Those who do not fetch their answer are not pushed out: the new one is. */
Test(http, S_02_those_who_are_served_stay)
{
	struct http_request *held[HTTP_CLIENTS_MAX];
	int fds[HTTP_CLIENTS_MAX];
	char *reply;

	for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++) {
		int small = 1024;

		fds[i] = dial();
		cr_assert_eq(setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small,
				 sizeof(small)),
		    0);
		loopback_say(fds[i], "GET /later HTTP/1.0\r\n\r\n");
		held[i] = await_held();
	}
	reply = loopback_hear(dial());
	cr_expect_str_eq(reply, "");
	free(reply);
	for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++) {
		let_go(held[i]);
		expect_start(loopback_hear(fds[i]), "HTTP/1.1 200 ");
	}
}

Test(http, addresses)
{
	static const struct {
		const char *address;
		bool good, local;
	} table[] = {
	    {"127.0.0.1:0", true,  true },
	    {"[::1]:0",     true,  true },
	    {"localhost:0", true,  true },
	    {"0.0.0.0:0",   true,  false},
	    {"nonsense",    false, false},
	    {":1",          false, false},
	    {"[]:1",        false, false},
	};
	static const struct config config = {.mode = CONFIG_MODE_ENFORCE};

	for (size_t i = 0; i < N(table); i++) {
		char error[LISTEN_ERROR_SIZE] = "";
		struct http *other = NULL;
		int err = http_listen(table[i].address, &config, &other, error);

		cr_expect_eq(err == 0, table[i].good, "%s: %s",
		    table[i].address, error);
		cr_expect_eq(other != NULL, table[i].good);
		if (other == NULL)
			continue;
		cr_expect_eq(http_bound(other).local, table[i].local, "%s",
		    table[i].address);
		cr_expect_neq(http_bound(other).port, 0);
		http_free(&other);
	}
}

Test(http, an_address_in_use_is_said)
{
	static const struct config config = {.mode = CONFIG_MODE_ENFORCE};
	char error[LISTEN_ERROR_SIZE] = "";
	struct http *other = NULL;
	char address[64];

	snprintf(address, sizeof(address), "127.0.0.1:%u",
	    http_bound(http).port);
	cr_expect_lt(http_listen(address, &config, &other, error), 0);
	cr_expect_null(other);
	cr_expect_not_null(strstr(error, listen_why(EADDRINUSE)), "%s", error);
}
