/*
 * front/web_domain over a real HTTP server. The engine is played by ask()
 * below, which judges scripted facts at once, or when the test says so.
 */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/clock.h"
#include "config/config.h"
#include "config/snapshot.h"
#include "core/decide.h"
#include "front/http.h"
#include "front/web.h"
#include "loopback.h"
#include "played_engine.h"

#define PREFIX "/api/v1/domain/"

/* --- the engine that is played --- */

static const char *const patterns[] = {"*.example.org"};

/* Of every domain but plain.example. */
static const struct fact_policy policy = {.id = "1",
    .max_age_s = 86400,
    .mode = POLICY_MODE_ENFORCE,
    .n_mx = 1,
    .mx = patterns};

static void
answer_now(const struct played_question *question, size_t n)
{
	const struct target *target = &question->target;
	const struct rules rules = {.on_resolver_failure = RULE_TEMPFAIL};
	struct facts facts = {
	    .recipient = {.class = ADDRESS_DOMAIN, .domain = target->domain},
	    .txt_state = TXT_NONE,
	    .mx = {.status = FACT_INSECURE, .answer = ANSWER_RECORDS},
	};
	struct answer *answer = calloc(1, sizeof(*answer));

	(void)n;
	if (answer == NULL)
		abort();
	if (strcmp(target->domain, "plain.example") != 0)
		facts.stored = &policy;
	answer->facts = facts_copy(&facts, NULL);
	if (answer->facts == NULL)
		abort();
	(void)decide(answer->facts, &rules, DECIDE_FINAL, &answer->verdict);
	question->done(question->arg, played.no_memory ? NULL : answer, false);
	if (played.no_memory) {
		free(answer->facts);
		free(answer);
	}
}

const struct answer *
answer_ref(const struct answer *answer)
{
	return answer;
}

void
answer_unref(const struct answer **answer)
{
	struct answer *mine;

	if (*answer == NULL)
		return;
	memcpy(&mine, answer, sizeof(mine));
	free(mine->facts);
	free(mine);
	*answer = NULL;
}

/* --- around each test --- */

static struct http *http;
static struct web_domain *domain;
static struct snapshots *snapshots;

static void
handle(void *arg, struct http_request *request)
{
	const char *path = request->path;

	(void)arg;
	if (strncmp(path, PREFIX, strlen(PREFIX)) == 0)
		web_domain_json(domain, request, path + strlen(PREFIX));
	else
		web_domain_check(domain, request);
}

static void
start(const char *text)
{
	char path[] = "/tmp/test_api.XXXXXX";
	char error[CONFIG_ERROR_SIZE > LISTEN_ERROR_SIZE ? CONFIG_ERROR_SIZE
							 : LISTEN_ERROR_SIZE];
	struct config *config;
	int fd = mkstemp(path);

	played.answer = answer_now;
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	config = config_load(path, error);
	unlink(path);
	cr_assert(config != NULL, "%s", error);
	cr_assert_eq(http_listen("127.0.0.1:0", config, &http, error), 0, "%s",
	    error);
	snapshots = snapshots_new(snapshot_new(config));
	cr_assert_not_null(snapshots);
	domain = web_domain_new(NULL, snapshots);
	cr_assert_not_null(domain);
	cr_assert_eq(http_start(http, handle, NULL), 0);
}

static void
tear_down(void)
{
	http_stop(http);
	played_release();
	http_free(&http);
	web_domain_free(&domain);
	cr_expect_null(domain);
	snapshots_free(&snapshots);
}

TestSuite(api, .fini = tear_down, .timeout = 60);

/* --- the other side --- */

static int
begin_path(const char *path, const char *fields)
{
	int fd = loopback_dial(http_bound(http).port);
	char text[2048];
	int len = snprintf(text, sizeof(text),
	    "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path, fields);

	cr_assert_lt((size_t)len, sizeof(text));
	loopback_say(fd, text);
	return fd;
}

static int
begin(const char *name, const char *fields)
{
	char path[1024];

	snprintf(path, sizeof(path), PREFIX "%s", name);
	return begin_path(path, fields);
}

/* Static memory, until the next call. */
static const char *
end(int fd)
{
	static char *text;

	free(text);
	text = loopback_hear(fd);
	return text;
}

static const char *
get(const char *name)
{
	return end(begin(name, ""));
}

static void
expect(const char *reply, const char *status, const char *part)
{
	char line[64];

	snprintf(line, sizeof(line), "HTTP/1.1 %s ", status);
	cr_expect_eq(strncmp(reply, line, strlen(line)), 0, "%s: %.40s", status,
	    reply);
	cr_expect_not_null(strstr(reply, part), "%s: %s", part, reply);
	cr_expect_not_null(
	    strstr(reply, "\r\nContent-Type: application/json\r\n"));
	cr_expect_eq(reply[strlen(reply) - 1], '\n');
}

enum leave {
	LEAVE_CLOSE,
	LEAVE_HALF_CLOSE,
	LEAVE_RESET,
	N_LEAVE
};

/*
 * GET of the path by a client that leaves while the engine looks; then comes
 * the answer. An older connection is open all the time: libmicrohttpd calls the
 * handler of the oldest one before it reads from the sockets.
 */
static void
leave_early(const char *path, enum leave how)
{
	const struct linger at_once = {.l_onoff = 1};
	int older = loopback_dial(http_bound(http).port);
	int fd;

	played_hold();
	fd = begin_path(path, "");
	played_await_held(1);
	if (how == LEAVE_HALF_CLOSE)
		cr_assert_eq(shutdown(fd, SHUT_WR), 0);
	if (how == LEAVE_RESET)
		cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once,
				 sizeof(at_once)),
		    0);
	if (how != LEAVE_HALF_CLOSE)
		close(fd);
	played_release();
	if (how == LEAVE_HALF_CLOSE)
		(void)end(fd);
	close(older);
}

/* --- tests --- */

Test(api, facts_verdict_and_the_answer_at_delivery)
{
	start("deadline = \"1500ms\"\n");
	expect(get("Example.org."), "200",
	    "\"verdict\":\"pass\",\"reason\":\"no-dnssec-flag\"");
	cr_expect_str_eq(played.target.domain, "example.org");
	cr_expect_leq(played.left_ms, 1500U);
	expect(get("example.org"), "200",
	    "\"tls\":{\"level\":\"secure\",\"status\":\"OK\",\"answer\":\""
	    "secure match=.example.org servername=hostname\"}}\n");
	expect(get("example.org"), "200", "\r\n\r\n{\"facts\":{\"recipient\":");
	expect(get("plain.example"), "200",
	    "\"tls\":{\"level\":\"none\",\"status\":\"NOTFOUND\",");
}

/* As a map gets them, in percent-encoding. */
Test(api, R_03_next_hops)
{
	start("");
	expect(get("%5Brelay.example.org%5D:587"), "200", "\"tls\":");
	cr_expect_str_eq(played.target.domain, "relay.example.org");
	cr_expect_eq(played.target.port, 587);
	cr_expect(played.target.no_mx);
	expect(get("[relay.example.org]"), "200", "\"tls\":");
	expect(get("b%C3%BCcher.example"), "200", "\"tls\":");
	cr_expect_str_eq(played.target.domain, "xn--bcher-kva.example");
	expect(get("[192.0.2.1]"), "200", "\"reason\":\"smart-host-address\"");
}

Test(api, R_18_what_is_no_next_hop_is_an_error)
{
	static const char *const names[] = {"", "a..b", ".example.org", "a%20b",
	    "a,b", "%00", "example%2", "%5Bexample.org", "a/b", "a+b"};

	start("");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		expect(get(names[i]), "400", "{\"error\":\"");
}

Test(api, A_06_monitor_and_exempt_are_not_found)
{
	start("exempt_domains = {\"example.net\"}\nenforce_percent = 0\n");
	expect(get("example.org"), "200",
	    "\"tls\":{\"level\":\"none\",\"status\":\"NOTFOUND\",");
	expect(get("example.net"), "200", "\"reason\":\"exempt\"");
}

Test(api, a_page_of_another_site_may_not_ask)
{
	start("");
	expect(end(begin("example.org", "Sec-Fetch-Site: cross-site\r\n")),
	    "403", "another site");
	expect(end(begin("example.org", "Sec-Fetch-Site: same-origin\r\n")),
	    "200", "\"tls\":");
}

Test(api, S_02_questions_at_a_time_are_bounded)
{
	int fds[WEB_DOMAIN_UNDER_WAY];

	start("");
	played_hold();
	for (size_t i = 0; i < WEB_DOMAIN_UNDER_WAY; i++)
		fds[i] = begin("example.org", "");
	played_await_held(WEB_DOMAIN_UNDER_WAY);
	expect(get("example.org"), "503", "too many");
	played_release();
	for (size_t i = 0; i < WEB_DOMAIN_UNDER_WAY; i++)
		expect(end(fds[i]), "200", "\"tls\":");
	expect(get("example.org"), "200", "\"tls\":");
}

Test(api, no_memory_is_an_error)
{
	start("");
	played.no_memory = true;
	expect(get("example.org"), "500", "{\"error\":\"out of memory\"}\n");
}

Test(api, S_02_clients_that_leave_take_no_place)
{
	start("");
	for (enum leave how = 0; how < N_LEAVE; how++) {
		for (size_t i = 0; i < WEB_DOMAIN_UNDER_WAY; i++)
			leave_early(PREFIX "example.org", how);
		expect(get("example.org"), "200", "\"tls\":");
	}
}

/* tear_down answers when the server has stopped; nothing leaks. */
Test(api, one_that_is_never_answered)
{
	int fd;

	start("");
	played_hold();
	fd = begin("example.org", "");
	played_await_held(1);
	close(fd);
}

/* --- /check --- */

static void
expect_page(const char *path, const char *fields, const char *status,
    const char *part)
{
	const char *reply = end(begin_path(path, fields));
	char line[64];

	snprintf(line, sizeof(line), "HTTP/1.1 %s ", status);
	cr_expect_eq(strncmp(reply, line, strlen(line)), 0, "%s: %.40s", path,
	    reply);
	cr_expect_not_null(strstr(reply, part), "%s: %s", path, reply);
	cr_expect_not_null(
	    strstr(reply, "\r\nContent-Security-Policy: default-src 'none'"));
}

Test(api, S_02_check_escapes_and_is_bounded)
{
	int fd;

	start("");
	expect_page("/check", "", "200", "<form");
	expect_page("/check?domain=%3Cb%3E", "", "400", "&lt;b&gt;");
	expect_page("/check?domain=a%00b", "", "400", "not a domain");
	expect_page("/check?domain=example.org",
	    "Sec-Fetch-Site: cross-site\r\n", "403", "another site");
	played_hold();
	fd = begin_path("/check?domain=u@example.org", "");
	played_await_held(1);
	expect_page("/check?domain=example.org", "", "429", "in a moment");
	played_release();
	cr_expect_not_null(strstr(end(fd), "no-dnssec-flag"));
}

/* The next question is answered once WEB_CHECK_PAUSE_MS have passed. */
static void
expect_check_after(enum leave how)
{
	const uint64_t end_ms = clock_mono_ms() + PLAYED_PATIENCE_MS;
	const char *path = "/check?domain=example.org";
	const char *reply;

	start("");
	leave_early(path, how);
	do
		reply = end(begin_path(path, ""));
	while (strncmp(reply, "HTTP/1.1 429 ", 13) == 0 &&
	    clock_mono_ms() < end_ms);
	cr_expect_eq(strncmp(reply, "HTTP/1.1 200 ", 13), 0, "%.40s", reply);
}

Test(api, S_02_check_goes_on_after_a_client_that_closes)
{
	expect_check_after(LEAVE_CLOSE);
}

Test(api, S_02_check_goes_on_after_a_client_that_half_closes)
{
	expect_check_after(LEAVE_HALF_CLOSE);
}
