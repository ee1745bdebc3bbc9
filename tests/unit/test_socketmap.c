/*
 * front/socketmap with all below it: octets in at the socket, octets out, and
 * the line in the log. The engine is played by ask() below, which
 * judges scripted facts with decide(), at once, on a thread of its own or when
 * the test says so.
 */
#include "autoconf.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/clock.h"
#include "base/text.h"
#include "config/config.h"
#include "config/snapshot.h"
#include "core/decide.h"
#include "core/domain_list.h"
#include "engine/ask.h"
#include "front/socketmap.h"
#include "log/log.h"
#include "played_engine.h"

#define N(array)    (sizeof(array) / sizeof((array)[0]))
#define PATIENCE_MS 20000
#define REPLY_SIZE  (TLS_ANSWER_MAX + 1)
#define PATTERNS    3000
#define NO_MAP                                                         \
	"PERM no map of that name; there are postfix, policy, QUERY, " \
	"postfix-tlsrpt, QUERYwithTLSRPT, sts"

/* --- the engine that is played --- */

static const char *patterns[PATTERNS];

/* mta-sts.example has a policy and nothing else; large.example one that makes
 * long replies; bound.example has all, testing.example too, in that mode; the
 * rest has no policy. */
static const struct fact_policy bound = {.id = "1",
    .max_age_s = 86400,
    .mode = POLICY_MODE_ENFORCE,
    .dnssec = true,
    .n_mx = 1,
    .mx = patterns};
static const struct fact_policy testing = {.id = "1",
    .max_age_s = 86400,
    .mode = POLICY_MODE_TESTING,
    .dnssec = true,
    .n_mx = 1,
    .mx = patterns};
static const struct fact_policy mta_sts = {.id = "2",
    .max_age_s = 86400,
    .mode = POLICY_MODE_ENFORCE,
    .n_mx = 1,
    .mx = patterns};
static const struct fact_policy large = {.id = "3",
    .max_age_s = 86400,
    .mode = POLICY_MODE_ENFORCE,
    .n_mx = PATTERNS,
    .mx = patterns};

static const struct fact_host host = {
    .name = "mx1.example.org",
    .a = {FACT_SECURE, ANSWER_RECORDS, NULL},
    .aaaa = {FACT_SECURE, ANSWER_NODATA,  NULL},
    .tlsa = {FACT_SECURE, ANSWER_RECORDS, NULL},
    .tlsa_usable = true
};

static bool
is_of(const struct target *target, const char *domain)
{
	return strcmp(target->domain, domain) == 0;
}

static void
say(const struct played_question *question)
{
	const struct target *target = &question->target;
	const struct rules rules = {.on_resolver_failure = RULE_TEMPFAIL};
	struct facts facts = {
	    .txt_state = TXT_NONE,
	    .mx = {FACT_SECURE, ANSWER_RECORDS, NULL},
	    .n_hosts = 1,
	    .hosts = &host
        };
	struct answer answer = {.delivery = true, .facts = &facts};

	if (played.no_memory) {
		question->done(question->arg, NULL, false);
		return;
	}
	if (is_of(target, "bound.example") || is_of(target, "tampered.example"))
		facts.stored = &bound;
	else if (is_of(target, "mta-sts.example"))
		facts.stored = &mta_sts;
	else if (is_of(target, "large.example"))
		facts.stored = &large;
	else if (is_of(target, "testing.example"))
		facts.stored = &testing;
	if (!is_of(target, "bound.example") &&
	    !is_of(target, "testing.example"))
		facts.mx =
		    (struct fact_rrset){FACT_INSECURE, ANSWER_RECORDS, "no DS"};
	facts.pinned = is_of(target, "pinned.example");
	facts.recipient.class = ADDRESS_DOMAIN;
	facts.recipient.domain = target->domain;
	(void)decide(&facts, &rules, DECIDE_FINAL, &answer.verdict);
	question->done(question->arg, &answer, true);
}

static void *
say_later(void *arg)
{
	say(arg);
	free(arg);
	return NULL;
}

/* Half of all answers come from another thread, as they do in earnest. */
static void
say_somewhere(const struct played_question *question, size_t n)
{
	struct played_question *copy;
	pthread_t thread;

	if (n % 2 == 0) {
		say(question);
		return;
	}
	copy = malloc(sizeof(*copy));
	if (copy == NULL)
		abort();
	*copy = *question;
	if (pthread_create(&thread, NULL, say_later, copy) != 0)
		abort();
	(void)pthread_detach(thread);
}

/* Not asked for here, but what of the front is linked refers to them. */
const struct answer *
ask_wait(struct engine *engine, const struct target *target,
    uint64_t deadline_ms, void (*before_wait)(void), bool *cached)
{
	(void)engine;
	(void)target;
	(void)deadline_ms;
	(void)before_wait;
	(void)cached;
	abort();
}

void
answer_unref(const struct answer **answer)
{
	*answer = NULL;
}

/* --- around each test --- */

static char dir[] = "/tmp/test_socketmap.XXXXXX";
static char spec[128];
static char log_spec[128];
static struct snapshots *snapshots;
static struct log *test_log;
static struct tls_counters counters;
static struct socketmap *map;

static struct config *
new_config(void)
{
	char error[CONFIG_ERROR_SIZE];
	struct config *config = config_load(NULL, error);

	cr_assert(config != NULL, "%s", error);
	config->policy_socket = spec;
	config->user = "";
	return config;
}

static void
start(struct config *config)
{
	char error[LISTEN_ERROR_SIZE];
	struct snapshot *first = snapshot_new(config);
	struct tls_parts parts = {.counters = &counters, .log = test_log};

	cr_assert_not_null(first);
	snapshots = snapshots_new(first);
	cr_assert_not_null(snapshots);
	parts.snapshots = snapshots;
	cr_assert_eq(socketmap_listen(config, &map, error), 0, "%s", error);
	cr_assert_eq(socketmap_start(map, &parts), 0);
}

static void
set_up(void)
{
	struct log_config log_config = {.target = log_spec,
	    .level = LOG_LEVEL_DEBUG};
	char error[LOG_ERROR_SIZE];

	played.answer = say_somewhere;
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(spec, sizeof(spec), "unix:%s/s", dir);
	(void)snprintf(log_spec, sizeof(log_spec), "file:%s/log", dir);
	test_log = log_open(&log_config, "test", error);
	cr_assert(test_log != NULL, "%s", error);
	for (size_t i = 0; i < PATTERNS; i++)
		patterns[i] = i % 2 == 0 ? "*.example.org" : "mx.example.net";
}

static void
stop(void)
{
	socketmap_stop(map);
	played_release();
	socketmap_free(&map);
	snapshots_free(&snapshots);
}

static void
tear_down(void)
{
	char path[128];

	stop();
	log_close(&test_log);
	(void)snprintf(path, sizeof(path), "%s/s", dir);
	cr_expect_eq(access(path, F_OK), -1, "the socket was left behind");
	(void)snprintf(path, sizeof(path), "%s/log", dir);
	(void)unlink(path);
	cr_expect_eq(rmdir(dir), 0);
}

TestSuite(socketmap, .init = set_up, .fini = tear_down, .timeout = 120);

/* --- a client --- */

static int
try_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", dir);
	cr_assert_geq(fd, 0);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) ==
	    0)
		return fd;
	close(fd);
	return -1;
}

static int
client(void)
{
	int fd = try_connect();

	cr_assert_geq(fd, 0, "connect: %s", strerror(errno));
	return fd;
}

static void
send_octets(int fd, const char *octets, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, octets, len, MSG_NOSIGNAL);

		cr_assert_gt(n, 0, "send: %s", strerror(errno));
		octets += n;
		len -= (size_t)n;
	}
}

static size_t
frame(const char *request, char *out, size_t size)
{
	int len = snprintf(out, size, "%zu:%s,", strlen(request), request);

	cr_assert(len > 0 && (size_t)len < size);
	return (size_t)len;
}

static void
send_request(int fd, const char *request)
{
	char out[SOCKETMAP_REQUEST_MAX + 64];

	send_octets(fd, out, frame(request, out, sizeof(out)));
}

/* The same n times, at once: each piece takes far more room than its octets in
 * a socket that nobody reads, and the kernel has it for some 250. */
static void
send_requests(int fd, const char *request, size_t n)
{
	char one[SOCKETMAP_REQUEST_MAX + 64];
	size_t len = frame(request, one, sizeof(one));
	char *all = malloc(n * len);

	cr_assert_not_null(all);
	for (size_t i = 0; i < n; i++)
		memcpy(all + i * len, one, len);
	send_octets(fd, all, n * len);
	free(all);
}

/* 0: the end. */
static size_t
receive_some(int fd, char *out, size_t size)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	ssize_t n;

	cr_assert_eq(poll(&ready, 1, PATIENCE_MS), 1, "nothing comes");
	n = recv(fd, out, size, 0);
	return n > 0 ? (size_t)n : 0;
}

static bool
receive_octet(int fd, char *out)
{
	return receive_some(fd, out, 1) == 1;
}

/* "" at the end of the connection. */
static const char *
receive(int fd)
{
	static char reply[REPLY_SIZE];
	size_t len = 0, want = 0, n = 1;
	char c;

	while (receive_octet(fd, &c) && c != ':')
		want = want * 10 + (size_t)(c - '0');
	cr_assert_lt(want, sizeof(reply));
	for (; len < want && n > 0; len += n)
		n = receive_some(fd, reply + len, want - len);
	cr_assert_eq(len, want);
	if (want > 0)
		cr_assert(receive_octet(fd, &c) && c == ',');
	reply[len] = '\0';
	return reply;
}

static const char *
query(const char *request)
{
	int fd = client();
	const char *reply;

	send_request(fd, request);
	reply = receive(fd);
	close(fd);
	return reply;
}

static const char *
log_text(void)
{
	static char text[65536];
	char path[128];
	FILE *file;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/log", dir);
	file = fopen(path, "re");
	cr_assert_not_null(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	(void)fclose(file);
	return text;
}

/* --- what is asked, and what is said --- */

#define SECURE "OK secure match=.example.org servername=hostname"
#define REPORTED                                                \
	SECURE " policy_type=sts policy_domain=mta-sts.example" \
	       " { policy_string = version: STSv1 }"            \
	       " { policy_string = mode: enforce }"             \
	       " { policy_string = mx: *.example.org }"         \
	       " { policy_string = max_age: 86400 }"            \
	       " mx_host_pattern=*.example.org"
#define NEEDED                                               \
	"TEMP tampered.example: DNSSEC required by policy, " \
	"MX of tampered.example: insecure"

#define UNREADABLE "TEMP this next hop cannot be read"

#define LABEL_64 \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* The forms of postfix-mta-sts-resolver's table of requests are among them.
 * NULL: the engine is not asked. */
static const struct {
	const char *request;
	const char *reply;
	const char *target;
} rows[] = {
    {"postfix bound.example",             "OK dane-only",        "bound.example"        },
    {"policy bound.example",              "OK dane-only",        "bound.example"        },
    {"policy mta-sts.example",            SECURE,                "mta-sts.example"      },
    {"policy tampered.example",           NEEDED,                "tampered.example"     },
    {"policy plain.example",              "NOTFOUND ",           "plain.example"        },
    {"policy BOUND.Example",              "OK dane-only",        "bound.example"        },
    {"policy bound.example.",             "OK dane-only",        "bound.example"        },
    {"policy bound.example:25",           "OK dane-only",        "bound.example"        },
    {"policy bound.example:smtp",         "OK dane-only",        "bound.example"        },
    {"policy bound.example:587",          "OK dane-only",        "bound.example:587"    },
    {"policy [bound.example]",            "OK dane-only",        "[bound.example]"      },
    {"policy [bound.example]:587",        "OK dane-only",        "[bound.example]:587"  },
    {"policy [bound.example]:submission", "OK dane-only",
     "[bound.example]:587"							      },
    {"policy b\xc3\xbc"
     "cher.example",		 "NOTFOUND ",           "xn--bcher-kva.example"},
 /* an empty port is the default one */
    {"policy bound.example:",             "OK dane-only",        "bound.example"        },
    {"policy [bound.example]:",           "OK dane-only",        "[bound.example]"      },
 /* no policy of a parent domain */
    {"policy .bound.example",             "NOTFOUND ",           NULL                   },
    {"policy .example",                   "NOTFOUND ",           NULL                   },
    {"policy [bound.example]:123",        "OK dane-only",        "[bound.example]:123"  },
    {"policy bound.example:123",          "OK dane-only",        "bound.example:123"    },
    {"policy [mta-sts.example]",          SECURE,                "[mta-sts.example]"    },
    {"policy [mta-sts.example]:123",      SECURE,                "[mta-sts.example]:123"},
    {"policy mta-sts.example.",           SECURE,                "mta-sts.example"      },
    {"policy [plain.example]",            "NOTFOUND ",           "[plain.example]"      },
    {"policy .mta-sts.example",           "NOTFOUND ",           NULL                   },
    {"policy .plain.example",             "NOTFOUND ",           NULL                   },
    {"policy .",			  UNREADABLE,            NULL                   },
 /* */
    {"policy 192.0.2.1",                  "NOTFOUND ",           NULL                   },
    {"policy [192.0.2.1]",                "NOTFOUND ",           NULL                   },
    {"policy [192.0.2.1]:25",             "NOTFOUND ",           NULL                   },
    {"policy [IPv6:2001:db8::1]",         "NOTFOUND ",           NULL                   },
    {"policy [2001:db8::1]",              "NOTFOUND ",           NULL                   },
    {"policy 2001:db8::1",                "NOTFOUND ",           NULL                   },
    {"policy [2001:db8::1]:123",          "NOTFOUND ",           NULL                   },
    {"policy [IPv6:2001:db8::1]:123",     "NOTFOUND ",           NULL                   },
 /* */
    {"policy unix:private/lmtp",          "NOTFOUND ",           NULL                   },
    {"policy inet:127.0.0.1:24",          "NOTFOUND ",           NULL                   },
 /* what cannot be read is never passed over */
    {"policy ",			   UNREADABLE,            NULL                   },
    {"policy  bound.example",             UNREADABLE,            NULL                   },
    {"policy bound.example ",             UNREADABLE,            NULL                   },
    {"policy a.example, bound.example",   UNREADABLE,            NULL                   },
    {"policy user@bound.example",         UNREADABLE,            NULL                   },
    {"policy bound..example",             UNREADABLE,            NULL                   },
    {"policy bound.example..",            UNREADABLE,            NULL                   },
    {"policy [bound.example",             UNREADABLE,            NULL                   },
    {"policy bound.example]",             UNREADABLE,            NULL                   },
    {"policy bound.example:0",            UNREADABLE,            NULL                   },
    {"policy bound.example:65536",        UNREADABLE,            NULL                   },
    {"policy ../../etc/passwd",           UNREADABLE,            NULL                   },
    {"policy \xff\xfe",                   UNREADABLE,            NULL                   },
    {"policy " LABEL_64 ".example",       UNREADABLE,            NULL                   },
    {"policy [" LABEL_64 ".example]:25",  UNREADABLE,            NULL                   },
    {"policy %s%n",		       UNREADABLE,            NULL                   },
    {"policy bound.example:70000",        UNREADABLE,            NULL                   },
    {"policy [bound.example]:70000",      UNREADABLE,            NULL                   },
    {"policy bound. example",             UNREADABLE,            NULL                   },
    {"policy [bound .example]",           UNREADABLE,            NULL                   },
    {"policy ..",			 UNREADABLE,            NULL                   },
    {"policy .bound..example",            UNREADABLE,            NULL                   },
    {"sts bound..example",                UNREADABLE,            NULL                   },
    {"sts <>",			    UNREADABLE,            NULL                   },
    {"sts <user@bound.example>",          UNREADABLE,            NULL                   },
    {"sts <user",			 UNREADABLE,            NULL                   },
 /* of a recipient on this host, as Sendmail 8.18.2 asks */
    {"sts <user>",			"NOTFOUND ",           NULL                   },
    {"sts <first.last>",                  "NOTFOUND ",           NULL                   },
 /* Sendmail does DANE by itself */
    {"sts bound.example",                 SECURE,                "bound.example"        },
    {"sts mta-sts.example",               SECURE,                "mta-sts.example"      },
    {"sts tampered.example",              NEEDED,                "tampered.example"     },
    {"sts plain.example",                 "NOTFOUND ",           "plain.example"        },
 /* no requests */
    {"QUERY bound.example",               "OK dane-only",        "bound.example"        },
    {"QUERY mta-sts.example",             SECURE,                "mta-sts.example"      },
    {"postfix mta-sts.example",           SECURE,                "mta-sts.example"      },
    {"postfix-tlsrpt bound.example",      "OK dane-only",        "bound.example"        },
    {"postfix-tlsrpt plain.example",      "NOTFOUND ",           "plain.example"        },
    {"postfix-tlsrpt mta-sts.example",    REPORTED,              "mta-sts.example"      },
    {"QUERYwithTLSRPT mta-sts.example",   REPORTED,              "mta-sts.example"      },
    {"query bound.example",               NO_MAP,                NULL                   },
    {"other bound.example",               NO_MAP,                NULL                   },
    {"Policy bound.example",              NO_MAP,                NULL                   },
    {" bound.example",                    NO_MAP,                NULL                   },
    {"policy",			    "PERM no map and key", NULL                   },
    {"",				  "PERM no map and key", NULL                   },
};

static void
target_played(char out[320])
{
	const struct target *target = &played.target;
	int len =
	    snprintf(out, 320, target->no_mx ? "[%s]" : "%s", target->domain);

	if (target->port != SCOPE_PORT_SMTP)
		(void)snprintf(out + len, 320 - (size_t)len, ":%u",
		    target->port);
}

static void
check_row(size_t i, const char *reply, size_t asked_before)
{
	char target[320];

	cr_expect_str_eq(reply, rows[i].reply, "\"%s\": \"%s\"",
	    rows[i].request, reply);
	cr_expect_eq(played_asked() - asked_before,
	    rows[i].target != NULL ? 1U : 0U, "\"%s\"", rows[i].request);
	if (rows[i].target == NULL)
		return;
	target_played(target);
	cr_expect_str_eq(target, rows[i].target, "\"%s\": %s", rows[i].request,
	    target);
}

/* One connection, the requests in pieces of every size. */
Test(socketmap, requests)
{
	static const size_t pieces[] = {4096, 128, 16, 1};

	start(new_config());
	for (size_t p = 0; p < N(pieces); p++) {
		int fd = client();

		for (size_t i = 0; i < N(rows); i++) {
			char out[256];
			size_t len = frame(rows[i].request, out, sizeof(out));
			size_t before = played_asked();

			for (size_t at = 0; at < len; at += pieces[p])
				send_octets(fd, out + at,
				    len - at < pieces[p] ? len - at
							 : pieces[p]);
			check_row(i, receive(fd), before);
		}
		close(fd);
	}
}

static unsigned
count_lines_with(const char *words)
{
	const char *at = log_text();
	unsigned n = 0;

	for (; (at = strstr(at, words)) != NULL; at++)
		n++;
	return n;
}

/* A mistake in main.cf is asked with every delivery. */
Test(socketmap, an_unknown_map_is_told_once)
{
	start(new_config());
	cr_expect_str_eq(query("QUERYWITHTLSRPT bound.example"), NO_MAP);
	cr_expect_str_eq(query("QUERYWITHTLSRPT mta-sts.example"), NO_MAP);
	cr_expect_str_eq(query("a\"b\n bound.example"), NO_MAP);
	cr_expect_str_eq(query("a\"b\n bound.example"), NO_MAP);
	cr_expect_eq(count_lines_with(" warning tls-map "), 2U, "%s",
	    log_text());
	cr_expect_eq(count_lines_with(" warning tls-map map=QUERYWITHTLSRPT "
				      "msg=\"no map of that name; there are "
				      "postfix, policy, QUERY, "),
	    1U, "%s", log_text());
	cr_expect_eq(count_lines_with("\n"), 2U, "%s", log_text());
	cr_expect_eq(played_asked(), 0U);
}

Test(socketmap, S_01_sendmail_that_does_DANE_is_told_nothing_about_TLSA)
{
	struct config *config = new_config();

	config->sendmail_dane = true;
	start(config);
	cr_expect_str_eq(query("sts bound.example"), "NOTFOUND ");
	cr_expect_str_eq(query("sts mta-sts.example"), SECURE);
	cr_expect_str_eq(query("policy bound.example"), "OK dane-only");
}

Test(socketmap, A_03_what_sendmail_cannot_be_told_is_a_warning)
{
	struct config *config = new_config();

	config->log_pass = false;
	start(config);
	cr_expect_str_eq(query("policy testing.example"), "OK dane-only");
	cr_expect_str_eq(query("sts bound.example"), SECURE);
	cr_expect_str_eq(log_text(), "");
	cr_expect_str_eq(query("sts testing.example"), "NOTFOUND ");
	cr_expect_not_null(strstr(log_text(),
	    " warning tls-policy "
	    "domain=testing.example "));
	cr_expect_not_null(strstr(log_text(), " answer=encrypt "));
	cr_expect_not_null(strstr(log_text(),
	    " msg=\"sendmail cannot be told \\\"encrypt\\\", see "));
}

/* The answer does not fit into what most answers fit into. */
Test(socketmap, a_long_policy_is_told_in_full)
{
	static const char end[] = " servername=hostname";
	const char *reply;
	size_t names = 1, len;

	start(new_config());
	reply = query("policy large.example");
	len = strlen(reply);
	cr_assert_eq(strncmp(reply, "OK secure match=", 16), 0, "%.40s", reply);
	cr_assert_gt(len, sizeof(end));
	cr_expect_str_eq(reply + len - strlen(end), end);
	for (size_t i = 0; i < len; i++)
		names += reply[i] == ':';
	cr_expect_eq(names, (size_t)PATTERNS);
}

Test(socketmap, a_key_may_hold_any_octet)
{
	static const char octets[] = "23:policy a\0bound.example!,"
				     "20:policy bound.example,";
	int fd;

	start(new_config());
	fd = client();
	send_octets(fd, octets, sizeof(octets) - 1);
	cr_expect_str_eq(receive(fd), UNREADABLE);
	cr_expect_str_eq(receive(fd), "OK dane-only");
	close(fd);
	cr_expect_not_null(strstr(log_text(),
			       "nexthop=\"a\\x00bound.example!\" "),
	    "%s", log_text());
}

Test(socketmap, R_18_what_cannot_be_read_is_logged_as_it_came)
{
	struct config *config = new_config();

	config->log_pass = false;
	start(config);
	cr_expect_str_eq(query("policy [bound.example"), UNREADABLE);
	cr_expect_not_null(
	    strstr(log_text(),
		" warning tls-policy domain=- nexthop=[bound.example "
		"mta=postfix answer=defer reason=invalid-address "
		"mode=enforce "),
	    "%s", log_text());
	cr_expect_not_null(
	    strstr(log_text(), " why=\"this next hop cannot be read\""));
	cr_expect_eq(played_asked(), 0U);
}

Test(socketmap, what_has_no_domain_is_logged_as_it_came)
{
	start(new_config());
	cr_expect_str_eq(query("sts <user>"), "NOTFOUND ");
	cr_expect_not_null(strstr(log_text(),
			       " info tls-policy domain=- nexthop=<user> "
			       "mta=sendmail answer=none reason=no-domain "),
	    "%s", log_text());
	cr_expect_str_eq(query("policy [192.0.2.1]"), "NOTFOUND ");
	cr_expect_not_null(strstr(log_text(),
			       " info tls-policy domain=- "
			       "nexthop=[192.0.2.1] mta=postfix answer=none "
			       "reason=smart-host-address "),
	    "%s", log_text());
}

Test(socketmap, A_06_R_18_monitor_defers_nothing)
{
	struct config *config = new_config();

	config->mode = CONFIG_MODE_MONITOR;
	start(config);
	cr_expect_str_eq(query("policy bound..example"), "NOTFOUND ");
	cr_expect_not_null(strstr(log_text(),
	    " answer=defer reason=invalid-address mode=monitor "));
}

Test(socketmap, S_03_the_engine_has_the_time_of_a_recipient)
{
	struct config *config = new_config();

	config->deadline_ms = 1500;
	start(config);
	cr_expect_str_eq(query("policy bound.example"), "OK dane-only");
	cr_expect_leq(played.left_ms, 1500U);
	cr_expect_gt(played.left_ms, 0U);
}

Test(socketmap, D_20_no_memory_defers)
{
	start(new_config());
	played.no_memory = true;
	cr_expect_str_eq(query("policy bound.example"),
	    "TEMP bound.example: TLS policy, filter: internal error");
	cr_expect_not_null(
	    strstr(log_text(),
		" answer=defer reason=internal-error mode=enforce "
		"policy=none "),
	    "%s", log_text());
	cr_expect_not_null(strstr(log_text(), " why=\"out of memory\"\n"));
}

/* C-15, and what a pin demands is known without memory. */
Test(socketmap, C_15_D_20_no_memory_under_tempfail_and_for_a_pin)
{
	static const struct domain_entry pin = {.domain = "pinned.example"};
	struct config *config = new_config();

	config->rules.on_discovery_failure = RULE_TEMPFAIL;
	config->pins = (struct domain_list){.n = 1, .item = &pin};
	start(config);
	played.no_memory = true;
	cr_expect_str_eq(query("policy plain.example"),
	    "TEMP plain.example: DNSSEC not checked, filter: internal error");
	cr_expect_str_eq(query("policy pinned.example"),
	    "TEMP pinned.example: DNSSEC not checked, filter: internal error");
}

/* */
Test(socketmap, A_06_no_memory_in_monitor_mode)
{
	struct config *config = new_config();

	config->mode = CONFIG_MODE_MONITOR;
	start(config);
	played.no_memory = true;
	cr_expect_str_eq(query("policy bound.example"), "NOTFOUND ");
	cr_expect_not_null(strstr(log_text(), " answer=defer "));
}

Test(socketmap, A_06_monitor_only_watches)
{
	struct config *config = new_config();

	config->mode = CONFIG_MODE_MONITOR;
	start(config);
	cr_expect_str_eq(query("policy tampered.example"), "NOTFOUND ");
	cr_expect_str_eq(query("policy bound.example"), "NOTFOUND ");
	cr_expect_str_eq(query("sts mta-sts.example"), "NOTFOUND ");
	cr_expect_not_null(strstr(log_text(),
	    " tls-policy domain=tampered.example nexthop=tampered.example "
	    "mta=postfix answer=defer reason=mx-insecure mode=monitor "));
}

/* A domain outside the share is not held up in the queue either. */
Test(socketmap, A_06_outside_the_share_only_watches)
{
	const unsigned place = share_place("tampered.example");
	struct config *config = new_config();

	config->enforce_percent = place;
	start(config);
	cr_expect_str_eq(query("policy tampered.example"), "NOTFOUND ");
	cr_expect_not_null(strstr(log_text(),
	    "answer=defer reason=mx-insecure mode=monitor "));
}

Test(socketmap, A_06_inside_the_share_defers)
{
	const unsigned place = share_place("tampered.example");
	struct config *config = new_config();

	config->enforce_percent = place + 1;
	start(config);
	cr_expect_neq(strncmp(query("policy tampered.example"), "NOTFOUND", 8),
	    0);
	cr_expect_not_null(strstr(log_text(),
	    "answer=defer reason=mx-insecure mode=enforce "));
}

/* What needs no look is not enforced then either. */
Test(socketmap, A_06_monitor_is_told_of_exemptions)
{
	static const struct domain_entry exempt[] = {
	    {.domain = "bound.example"}};
	struct config *config = new_config();

	config->mode = CONFIG_MODE_MONITOR;
	config->scope.exemptions.n = N(exempt);
	config->scope.exemptions.item = exempt;
	start(config);
	cr_expect_str_eq(query("policy bound.example"), "NOTFOUND ");
	cr_expect_not_null(
	    strstr(log_text(), "answer=none reason=exempt mode=monitor"));
}

Test(socketmap, exemptions)
{
	static const struct domain_entry exempt[] = {
	    {.domain = "bound.example", .comment = "by contract"},
	};
	struct config *config = new_config();

	config->scope.exemptions.n = N(exempt);
	config->scope.exemptions.item = exempt;
	start(config);
	cr_expect_str_eq(query("policy bound.example"), "NOTFOUND ");
	cr_expect_str_eq(query("policy [bound.example]:25"), "NOTFOUND ");
	cr_expect_eq(played_asked(), 0U);
	cr_expect_not_null(strstr(log_text(), "answer=none reason=exempt"));
	cr_expect_not_null(strstr(log_text(), "why=\"by contract\""));
}

Test(socketmap, one_line_for_each_answer)
{
	start(new_config());
	(void)query("policy [tampered.example]:587");
	cr_expect_not_null(
	    strstr(log_text(),
		" tls-policy domain=tampered.example "
		"nexthop=[tampered.example]:587 mta=postfix answer=defer "
		"reason=mx-insecure mode=enforce policy=enforce policy_id=1 "
		"dnssec=yes decided_by=\"tampered.example MX insecure\" ms="),
	    "%s", log_text());
	cr_expect_not_null(strstr(log_text(), " cached=yes why=\"no DS\"\n"));
	(void)query("sts plain.example");
	cr_expect_not_null(
	    strstr(log_text(),
		" tls-policy domain=plain.example nexthop=plain.example "
		"mta=sendmail answer=none reason=no-policy mode=enforce "
		"policy=none policy_id=- dnssec=- decided_by=- ms="),
	    "%s", log_text());
}

Test(socketmap, T_14_a_pin_is_in_the_line)
{
	start(new_config());
	(void)query("policy pinned.example");
	cr_expect_not_null(
	    strstr(log_text(),
		" answer=defer reason=mx-insecure mode=enforce policy=pinned "
		"policy_id=- dnssec=- decided_by=\"pinned.example MX "
		"insecure\" "),
	    "%s", log_text());
}

Test(socketmap, log_pass_leaves_deferrals)
{
	struct config *config = new_config();

	config->log_pass = false;
	start(config);
	(void)query("policy plain.example");
	(void)query("policy bound.example");
	(void)query("policy tampered.example");
	cr_expect_null(strstr(log_text(), "plain.example"));
	cr_expect_null(strstr(log_text(), "bound.example"));
	cr_expect_not_null(strstr(log_text(), "answer=defer"));
}

Test(socketmap, counters)
{
	start(new_config());
	(void)query("policy bound.example");
	(void)query("policy plain.example");
	(void)query("policy .example");
	(void)query("policy tampered.example");
	(void)query("other bound.example");
	cr_expect_eq(counters.answers[TLS_POLICY_DANE_ONLY], 1U);
	cr_expect_eq(counters.answers[TLS_POLICY_NONE], 2U);
	cr_expect_eq(counters.answers[TLS_POLICY_DEFER], 1U);
	cr_expect_eq(counters.malformed, 1U);
}

Test(socketmap, a_reload_counts_from_the_next_request_on)
{
	struct config *config = new_config();
	struct snapshot *next;
	int fd;

	start(new_config());
	fd = client();
	send_request(fd, "policy tampered.example");
	cr_expect_str_eq(receive(fd), NEEDED);
	config->mode = CONFIG_MODE_MONITOR;
	next = snapshot_new(config);
	snapshots_replace(snapshots, &next);
	send_request(fd, "policy tampered.example");
	cr_expect_str_eq(receive(fd), "NOTFOUND ");
	close(fd);
}

/* --- many, long, broken, gone --- */

Test(socketmap, replies_keep_the_order_of_requests)
{
	static const struct {
		const char *request;
		const char *reply;
	} order[] = {
	    {"policy bound.example",    "OK dane-only"},
	    {"policy plain.example",    "NOTFOUND "   },
	    {"policy tampered.example", NEEDED        },
	    {"policy .example",         "NOTFOUND "   },
	    {"policy mta-sts.example",  SECURE        },
	};
	int fd;

	start(new_config());
	played_hold();
	fd = client();
	for (size_t i = 0; i < N(order); i++)
		send_request(fd, order[i].request);
	played_await_asked(4);
	played_release();
	for (size_t i = 0; i < N(order); i++)
		cr_expect_str_eq(receive(fd), order[i].reply, "%zu", i);
	close(fd);
}

#define MANY 500

Test(socketmap, S_02_so_many_and_no_more_are_under_way)
{
	int fd;

	start(new_config());
	played_hold();
	fd = client();
	send_requests(fd, "policy bound.example", MANY);
	played_await_asked(SOCKETMAP_UNDER_WAY);
	/* Another connection is served meanwhile, by the same thread: what
	 * could be read of this one was read. */
	cr_expect_str_eq(query("policy .example"), "NOTFOUND ");
	cr_expect_eq(played_asked(), (unsigned)SOCKETMAP_UNDER_WAY);
	played_release();
	for (int i = 0; i < MANY; i++)
		cr_assert_str_eq(receive(fd), "OK dane-only", "%d", i);
	close(fd);
}

#define LARGE 300

Test(socketmap, S_02_replies_that_nobody_reads_are_bounded)
{
	size_t len = 0;
	int fd;

	start(new_config());
	fd = client();
	send_requests(fd, "policy large.example", LARGE);
	played_await_asked(1);
	for (int i = 0; i < 10; i++)
		cr_expect_str_eq(query("policy .example"), "NOTFOUND ");
	cr_expect_lt(played_asked(), (unsigned)LARGE);
	for (int i = 0; i < LARGE; i++) {
		size_t n = strlen(receive(fd));

		cr_assert(i == 0 || n == len, "%d: %zu", i, n);
		len = n;
	}
	cr_expect_gt(len, (size_t)40000);
	close(fd);
}

static const char *const broken[] = {"x", "hello", "GET / HTTP/1.1\r\n",
    "-1:policy,", "5:polic;", "05:abcde,",
    "4097:", "99999999999999999999:", ",", ":"};

Test(socketmap, S_02_what_is_no_netstring_ends_the_connection)
{
	start(new_config());
	for (size_t i = 0; i < N(broken); i++) {
		int fd = client();

		send_request(fd, "policy bound.example");
		send_octets(fd, broken[i], strlen(broken[i]));
		cr_expect_str_eq(receive(fd), "OK dane-only", "%s", broken[i]);
		cr_expect_str_eq(receive(fd), "PERM no netstring, or too long",
		    "%s", broken[i]);
		cr_expect_str_eq(receive(fd), "", "%s", broken[i]);
		close(fd);
	}
	cr_expect_str_eq(query("policy bound.example"), "OK dane-only");
}

/* Longer than any name with its port, too. */
Test(socketmap, R_18_the_longest_request)
{
	char request[SOCKETMAP_REQUEST_MAX + 1];
	int fd;

	start(new_config());
	fd = client();
	(void)snprintf(request, sizeof(request), "policy %0*d",
	    SOCKETMAP_REQUEST_MAX - (int)strlen("policy "), 1);
	send_request(fd, request);
	cr_expect_str_eq(receive(fd), UNREADABLE);
	send_request(fd, request);
	send_request(fd, "policy bound.example");
	cr_expect_str_eq(receive(fd), UNREADABLE);
	cr_expect_str_eq(receive(fd), "OK dane-only");
	close(fd);
}

Test(socketmap, one_that_asks_no_more_is_still_answered)
{
	int fd;

	start(new_config());
	played_hold();
	fd = client();
	for (int i = 0; i < 100; i++)
		send_request(fd, "policy bound.example");
	send_octets(fd, "20:policy", strlen("20:policy"));
	cr_assert_eq(shutdown(fd, SHUT_WR), 0);
	played_await_asked(SOCKETMAP_UNDER_WAY);
	played_release();
	for (int i = 0; i < 100; i++)
		cr_assert_str_eq(receive(fd), "OK dane-only", "%d", i);
	cr_expect_str_eq(receive(fd), "");
	close(fd);
}

Test(socketmap, one_that_is_gone_is_not_answered)
{
	int fd, other;

	start(new_config());
	played_hold();
	other = client();
	send_request(other, "policy bound.example");
	fd = client();
	send_request(fd, "policy bound.example");
	send_request(fd, "policy plain.example");
	played_await_asked(3);
	close(fd);
	played_release();
	cr_expect_str_eq(receive(other), "OK dane-only");
	close(other);
}

Test(socketmap, the_end_does_not_wait_for_the_engine)
{
	int fd;

	start(new_config());
	played_hold();
	fd = client();
	send_request(fd, "policy bound.example");
	played_await_asked(1);
	socketmap_stop(map);
	cr_expect_str_eq(receive(fd), "");
	cr_expect_eq(try_connect(), -1);
	close(fd);
}

static bool
raise_descriptors(void)
{
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur > 2 * SOCKETMAP_CLIENTS_MAX + 64;
}

Test(socketmap, S_02_for_one_too_many_the_longest_idle_goes)
{
	static int fds[SOCKETMAP_CLIENTS_MAX + 1];

	if (!raise_descriptors())
		cr_skip("too few descriptors are allowed here");
	start(new_config());
	for (size_t i = 0; i < N(fds); i++) {
		fds[i] = client();
		/* in this order, the first one not the longest idle */
		send_request(fds[i], "policy .example");
		cr_assert_str_eq(receive(fds[i]), "NOTFOUND ");
		if (i != 1)
			continue;
		send_request(fds[0], "policy .example");
		cr_assert_str_eq(receive(fds[0]), "NOTFOUND ");
	}
	cr_expect_str_eq(receive(fds[1]), "");
	send_request(fds[0], "policy bound.example");
	cr_expect_str_eq(receive(fds[0]), "OK dane-only");
	cr_expect_not_null(strstr(log_text(), " limit "));
	for (size_t i = 0; i < N(fds); i++)
		close(fds[i]);
}

/* --- the socket --- */

Test(socketmap, nothing_listens_without_the_option)
{
	char error[LISTEN_ERROR_SIZE];
	struct config *config = new_config();

	config->policy_socket = "";
	cr_expect_eq(socketmap_listen(config, &map, error), 0);
	cr_expect_null(map);
	cr_expect_eq(socketmap_start(map, NULL), 0);
	config_free(&config);
}

Test(socketmap, mode_of_the_socket)
{
	struct config *config = new_config();
	struct stat status;
	char path[128];

	config->socket_mode = "0642";
	start(config);
	(void)snprintf(path, sizeof(path), "%s/s", dir);
	cr_assert_eq(stat(path, &status), 0);
	cr_expect_eq(status.st_mode & 07777, 0642U);
}

Test(socketmap, a_stale_socket_is_replaced_a_live_one_is_not)
{
	char error[LISTEN_ERROR_SIZE];
	struct socketmap *other = NULL;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct config *config = new_config();
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", dir);
	cr_assert_eq(bind(fd, (const struct sockaddr *)&address,
			 sizeof(address)),
	    0);
	close(fd);
	start(config);
	cr_expect_neq(socketmap_listen(config, &other, error), 0);
	cr_expect_null(other);
	cr_expect_not_null(strstr(error, "another instance answers there"),
	    "%s", error);
	cr_expect_str_eq(query("policy bound.example"), "OK dane-only");
}

Test(socketmap, failure_to_bind_names_the_next_step)
{
	char error[LISTEN_ERROR_SIZE];
	struct config *config = new_config();
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char where[64];

	cr_assert_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	cr_assert_eq(listen(fd, 1), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	(void)snprintf(where, sizeof(where), "inet:%u@127.0.0.1",
	    ntohs(address.sin_port));
	cr_expect_lt(listen_open(where, config, error), 0);
	cr_expect_not_null(strstr(error, "in use: \"ss -lntp\" shows"), "%s",
	    error);
	cr_expect_lt(listen_open("unix:/nonexistent/socket", config, error), 0);
	cr_expect_not_null(strstr(error, "does not exist: create it"), "%s",
	    error);
	cr_expect_lt(listen_open("inet:9@192.0.2.1", config, error), 0);
	cr_expect_not_null(strstr(error, "does not have that address"), "%s",
	    error);
	close(fd);
	config_free(&config);
}

Test(socketmap, a_file_in_its_place_is_left_alone)
{
	char error[LISTEN_ERROR_SIZE];
	struct config *config = new_config();
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/s", dir);
	file = fopen(path, "we");
	cr_assert_not_null(file);
	(void)fclose(file);
	cr_expect_neq(socketmap_listen(config, &map, error), 0);
	cr_expect_not_null(strstr(error, "no socket"), "%s", error);
	cr_expect_eq(unlink(path), 0);
	config_free(&config);
}
