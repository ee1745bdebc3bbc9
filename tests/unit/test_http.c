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
#include "engine/loop.h"
#include "front/http.h"

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
	struct loop_task task;
	struct http_client *held;
} later = {.lock = PTHREAD_MUTEX_INITIALIZER, .come = PTHREAD_COND_INITIALIZER};

static void
hold(struct http_client *client)
{
	(void)pthread_mutex_lock(&later.lock);
	later.held = client;
	(void)pthread_cond_signal(&later.come);
	(void)pthread_mutex_unlock(&later.lock);
}

static void
await_held(void)
{
	(void)pthread_mutex_lock(&later.lock);
	while (later.held == NULL)
		(void)pthread_cond_wait(&later.come, &later.lock);
	(void)pthread_mutex_unlock(&later.lock);
}

static void
answer_held(struct loop_task *task)
{
	(void)task;
	http_answer_text(later.held, 200, "at last\n");
	hold(NULL);
}

static void
let_go(void)
{
	later.task.run = answer_held;
	loop_post(http_loop(http), &later.task);
}

static void
handle(void *arg, const struct http_request *request,
    struct http_client *client)
{
	struct http_answer answer = {.status = 200, .body = large};

	(void)arg;
	if (http_text_is(&request->path, "/large")) {
		answer.len = sizeof(large);
		http_answer(client, &answer);
	} else if (http_text_is(&request->path, "/later")) {
		hold(client);
	} else {
		http_answer_text(client, 200, "hello\n");
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
	cr_assert_eq(http_start(http, NULL, handle, NULL), 0);
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
connect_to(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_geq(fd, 0);
	cr_assert_eq(connect(fd, (const struct sockaddr *)&address,
			 sizeof(address)),
	    0);
	return fd;
}

static int
dial(void)
{
	return connect_to(http_port(http));
}

static void
say(int fd, const char *text)
{
	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL),
	    (ssize_t)strlen(text));
}

/* All that comes until the other side closes. free() it. */
static char *
hear(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char *text = calloc(1, REPLY_SIZE);
	size_t len = 0;
	ssize_t n;

	cr_assert_not_null(text);
	do {
		cr_assert_eq(poll(&p, 1, PATIENCE_MS), 1, "silence");
		n = read(fd, text + len, REPLY_SIZE - 1 - len);
		if (n > 0)
			len += (size_t)n;
	} while (n > 0);
	close(fd);
	return text;
}

static char *
ask(const char *text)
{
	int fd = dial();

	say(fd, text);
	return hear(fd);
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
	cr_expect_not_null(strstr(reply, "\r\nConnection: close\r\n"));
	cr_expect_not_null(strstr(reply, "\r\nCache-Control: no-store\r\n"));
	cr_expect_not_null(
	    strstr(reply, "\r\nX-Content-Type-Options: nosniff\r\n"));
	cr_expect_not_null(strstr(reply, "\r\n\r\nhello\n"));
	expect_start(reply, "HTTP/1.1 200 OK\r\nDate: ");
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

static const struct {
	const char *request;
	const char *start;
} refused[] = {
    {"POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc",
     "HTTP/1.1 405 "							   },
    {"nonsense\r\n\r\n",					"HTTP/1.1 400 "},
    {"GET / HTTP/1.1\r\n\r\n",				  "HTTP/1.1 400 "},
    {"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",            "HTTP/1.1 421 "},
    {"GET / HTTP/3.0\r\n" HOST "\r\n",                          "HTTP/1.1 505 "},
};

Test(http, what_no_handler_sees)
{
	for (size_t i = 0; i < N(refused); i++)
		expect_start(ask(refused[i].request), refused[i].start);
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
	char *request = calloc(1, 4 * HTTP_HEAD_MAX);

	cr_assert_not_null(request);
	memset(request, 'x', 4 * HTTP_HEAD_MAX - 1);
	memcpy(request, "GET / HTTP/1.1\r\nX: ", 19);
	expect_start(ask(request), "HTTP/1.1 431 ");
	free(request);
}

Test(http, a_request_in_pieces)
{
	int fd = dial();

	say(fd, "GET / HT");
	expect_start(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 ");
	say(fd, "TP/1.1\r\n" HOST "\r");
	expect_start(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 ");
	say(fd, "\n");
	expect_start(hear(fd), "HTTP/1.1 200 ");
}

/* One who has said all is told all. */
Test(http, half_closed)
{
	int fd = dial();

	say(fd, "GET /large HTTP/1.0\r\n\r\n");
	cr_assert_eq(shutdown(fd, SHUT_WR), 0);
	expect_start(hear(fd), "HTTP/1.1 200 ");
}

Test(http, one_who_leaves_in_the_middle)
{
	int fd = dial();

	say(fd, "GET / HTTP/1.1\r\nHo");
	close(fd);
	expect_start(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 ");
}

Test(http, an_answer_that_comes_later)
{
	int fd = dial();

	say(fd, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	await_held();
	expect_start(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 ");
	let_go();
	expect_start(hear(fd), "HTTP/1.1 200 ");
}

/* The one who asked is gone when the answer comes. */
Test(http, an_answer_that_comes_too_late)
{
	const struct linger at_once = {.l_onoff = 1};
	int fd = dial();

	say(fd, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	await_held();
	cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once,
			 sizeof(at_once)),
	    0);
	close(fd);
	expect_start(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 ");
	let_go();
	expect_start(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 ");
}

/* Stopped while one waits: it is cut off and nothing leaks. */
Test(http, the_end_comes_before_the_answer)
{
	int fd = dial();

	say(fd, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	await_held();
	http_stop(http);
	http_free(&http);
	expect_start(hear(fd), "");
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
	int fds[HTTP_CLIENTS_MAX];
	char *reply;

	for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++) {
		int small = 1024;

		fds[i] = dial();
		cr_assert_eq(setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small,
				 sizeof(small)),
		    0);
		say(fds[i], "GET /later HTTP/1.0\r\n\r\n");
		await_held();
		hold(NULL);
	}
	reply = hear(dial());
	cr_expect_str_eq(reply, "");
	free(reply);
	for (size_t i = 0; i < HTTP_CLIENTS_MAX; i++)
		close(fds[i]);
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
		cr_expect_eq(http_is_local(other), table[i].local, "%s",
		    table[i].address);
		cr_expect_neq(http_port(other), 0);
		http_free(&other);
	}
}

Test(http, an_address_in_use_is_said)
{
	static const struct config config = {.mode = CONFIG_MODE_ENFORCE};
	char error[LISTEN_ERROR_SIZE] = "";
	struct http *other = NULL;
	char address[64];

	snprintf(address, sizeof(address), "127.0.0.1:%u", http_port(http));
	cr_expect_lt(http_listen(address, &config, &other, error), 0);
	cr_expect_null(other);
	cr_expect_not_null(strstr(error, strerror(EADDRINUSE)), "%s", error);
}
