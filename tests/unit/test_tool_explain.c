/* dane-sts explain: lines of a log in, sentences out. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/verdict.h"
#include "text/advice.h"
#include "tool_run.h"

#define BOGUS                                                               \
	"rcpt qid=%s to=<u@example.org> domain=example.org verdict=defer "  \
	"reason=tlsa-bogus mode=enforce policy=testing policy_id=20260101 " \
	"policy_age=3600 policy_from=cache mx=secure hosts=1/2 "            \
	"worst=\"_25._tcp.mx2.example.org TLSA bogus\" ms=12 cached=no "    \
	"client=192.0.2.1 why=\"signature expired\"\n"

static void
explain(const char *what, const char *log, size_t len, struct outcome *got)
{
	const char *const args[] = {"explain", what, "-", NULL};

	tool_run(args, log, len, got);
}

static const char one[] =
    "2026-11-25T12:00:00.123Z warning rcpt qid=4Q2x to=<u@example.org> "
    "domain=example.org verdict=defer reason=tlsa-bogus mode=enforce "
    "policy=testing policy_id=20260101 policy_age=3600 policy_from=cache "
    "mx=secure hosts=1/2 worst=\"_25._tcp.mx2.example.org TLSA bogus\" ms=12 "
    "cached=no client=192.0.2.1 why=\"signature expired\"\n";

static const char one_told[] =
    "2026-11-25T12:00:00.123Z\n"
    "  Recipient <u@example.org> was deferred: answered 450, so that the "
    "sender\n"
    "  tries again.\n"
    "  Domain example.org, queue id 4Q2x, client 192.0.2.1.\n"
    "  Reason tlsa-bogus: The domain requires DNSSEC, and the signatures of "
    "the TLSA\n"
    "  records of an MX host, or of the proof that there are none, are not "
    "valid.\n"
    "  The worst record: _25._tcp.mx2.example.org TLSA bogus.\n"
    "  What was said of it: signature expired\n"
    "  MX hosts: 1 of 2 are good.\n"
    "  Policy: mode testing, id 20260101, fetched 1 h before (from the "
    "store).\n"
    "  What to do: The operator of the MX host should correct the signatures "
    "of the\n"
    "  TLSA record or of the proof that there is none.\n";

/* The same line by everything that a postmaster may have at hand. */
Test(tool_explain, by_queue_id_domain_and_address)
{
	static const struct run_row rows[] = {
	    {{"explain", "4Q2x", "-"},                   one, 1, one_told},
	    {{"explain", "example.org", "-"},            one, 1, one_told},
	    {{"explain", "Example.ORG.", "-"},           one, 1, one_told},
	    {{"explain", "u@example.org", "--log", "-"}, one, 1, one_told},
	    {{"explain", "<U@Example.org>", "-"},        one, 1, one_told},
	};

	EXPECT_ROWS(rows);
}

static const struct {
	const char *what;
	int status;
	const char *log;
	const char *part; /* of what is told; NULL: nothing is */
} rows[] = {
  /* */
    {"example.org", 1,
     "rcpt to=<u@example.org> domain=example.org verdict=defer "
	"reason=mx-insecure mode=monitor mx=insecure\n",			      "would have been deferred, but was let through"                 },
 /* no option of a command */
    {"example.org", 1,
     "rcpt to=<u@example.org> domain=example.org verdict=defer reason=deadline\n", "What to do: Wait for the next try"},
 /* T-14 */
    {"example.org", 0,
     "rcpt to=<u@example.org> domain=example.org verdict=pass reason=secure "
	"mode=enforce policy=pinned policy_id=7 policy_age=60 "
	"policy_from=cache\n",							"whether it has a policy\n  or not.\n  Policy: id 7, fetched"   },
    {"example.org", 0,
     "rcpt to=<u@example.org> domain=example.org verdict=pass reason=secure "
	"mode=enforce\n",							     "was let through.\n"					    },
    {"example.org", 0,
     "rcpt to=<u@example.org> domain=example.org verdict=pass reason=exempt "
	"mode=enforce why=\"broken till May\"\n",				     "The reason given: broken till May\n"                           },
 /* the recipient's domain, where the next hop is another */
    {"far.test",    0,
     "rcpt to=<u@far.test> domain=relay.test verdict=pass reason=secure\n",	   "Domain relay.test"					     },
    {"example.org", 1,
     "{\"event\":\"tls-policy\",\"domain\":\"example.org\",\"nexthop\":"
	"\"[example.org]\",\"mta\":\"sendmail\",\"answer\":\"defer\","
	"\"reason\":\"mx-bogus\",\"mode\":\"enforce\"}\n",			    "Delivery to [example.org]: Sendmail was told to wait"          },
    {"example.org", 0,
     "alert domain=example.org was=secure is=insecure reason=mx-insecure\n",	  "ALERT: example.org requires DNSSEC, was secure and is insecure"},
    {"example.org", 0,
     "refresh domain=example.org result=sts-policy-fetch-error "
	"why=\"HTTP status 404\" left_s=600000\n",				    "It still lives 6 d 22 h"				       },
    {"example.org", 0,
     "policy domain=example.org policy_id=1 policy=enforce dnssec=yes\n",	     "it\n  requires DNSSEC.\n"				      },
    {"example.org", 0, "control command=purge domain=example.org uid=0\n",
     "command: purge\n"															       },
    {"4F2D",        1, "eom qid=4F2D action=quarantined reason=mx-bogus text=held\n",
     "The message 4F2D got at its end: quarantined (held).\n"											 },
 /* of a later version */
    {"example.org", 0,
     "rcpt to=x domain=example.org verdict=praised reason=too-good\n",		"Reason too-good.\n"					    },
    {"example.org", 0, "rcpt to=x domain=example.org cut=yes\n",
     "The line was cut"															       },
 /* what is not of the domain */
    {"example.org", 3, "rcpt to=<u@other.test> domain=other.test\n",                  NULL                                                            },
    {"org",         3, "rcpt to=<u@example.org> domain=example.org\n",                NULL                                                            },
    {"v@x",         3, "rcpt to=<u@x> domain=x\n",                                    NULL							    },
    {"example.org", 3, "",							    NULL							    },
    {"example.org", 3,
     "Nov 25 12:00:00 mail other[1]: rcpt to=x domain=example.org\n",                 NULL                                                            },
};

Test(tool_explain, tells_each_event_in_sentences_L01)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct outcome got;

		explain(rows[i].what, rows[i].log, strlen(rows[i].log), &got);
		cr_expect_eq(got.status, rows[i].status, "row %zu: %d", i,
		    got.status);
		if (rows[i].part == NULL) {
			cr_expect_str_eq(got.out.at, "", "row %zu", i);
			cr_expect_gt(got.err.len, 0U);
		} else {
			cr_expect(strstr(got.out.at, rows[i].part) != NULL,
			    "row %zu: %s", i, got.out.at);
		}
		outcome_free(&got);
	}
}

Test(tool_explain, every_reason_has_its_meaning_and_what_to_do)
{
	for (int i = 0; i < REASON_COUNT; i++) {
		enum reason reason = (enum reason)i;
		const char *const args[] = {"--json", "explain", "example.org",
		    "-", NULL};
		struct outcome got;
		char line[256];
		json_t *object;

		snprintf(line, sizeof(line),
		    "rcpt to=x domain=example.org verdict=pass reason=%s\n",
		    reason_name(reason));
		tool_run(args, line, strlen(line), &got);
		object = one_object(&got, (size_t)i);
		cr_expect_str_eq(json_string_value(
				     json_object_get(object, "advice")),
		    advice_text(reason));
		cr_expect_str_eq(json_string_value(
				     json_object_get(object, "meaning")),
		    advice_meaning(reason));
		json_decref(object);
		outcome_free(&got);
	}
}

/* Ten thousand times the same is told once, and what is new stands last. */
Test(tool_explain, what_says_the_same_is_told_once)
{
	char *log = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&log, &len);
	struct outcome got;

	for (unsigned i = 0; i < 10000; i++) {
		char qid[16];

		snprintf(qid, sizeof(qid), "%08X", i);
		fprintf(file, "2026-11-25T12:00:%02u.000Z warning " BOGUS,
		    i % 60, qid);
	}
	fputs("2026-11-26T00:00:00.000Z info rcpt to=<u@example.org> "
	      "domain=example.org verdict=pass reason=secure\n",
	    file);
	fclose(file);
	explain("example.org", log, len, &got);
	cr_expect_eq(strncmp(got.out.at,
			 "2026-11-25T12:00:39.000Z (10000 times since "
			 "2026-11-25T12:00:00.000Z)\n",
			 70),
	    0, "%.200s", got.out.at);
	cr_expect(strstr(got.out.at, "\n\n2026-11-26T00:00:00.000Z\n") != NULL);
	cr_expect_lt(got.out.len, 2000U);
	outcome_free(&got);
	free(log);
}

/* More different verdicts than are kept: all are told. */
Test(tool_explain, nothing_is_lost_when_there_is_more_than_is_kept)
{
	char *log = NULL;
	size_t len = 0, n = 0;
	FILE *file = open_memstream(&log, &len);
	struct outcome got;

	for (unsigned i = 0; i < 1000; i++)
		fprintf(file,
		    "rcpt to=<u@example.org> domain=example.org verdict=defer "
		    "reason=mx-bogus worst=\"mx%u.example.org A bogus\"\n",
		    i);
	fclose(file);
	explain("example.org", log, len, &got);
	for (const char *at = got.out.at;
	     (at = strstr(at, "worst record: mx")) != NULL; at++)
		n++;
	cr_expect_eq(n, 1000U);
	outcome_free(&got);
	free(log);
}

/* S-02: any octets, a line without an end, one of a megabyte. */
Test(tool_explain, any_octets_in_the_log_S02)
{
	const size_t size = 1 << 20;
	char *log = malloc(size + sizeof(one));
	struct outcome got;

	cr_assert(log != NULL);
	srand(1);
	for (size_t i = 0; i < size; i++)
		log[i] = (char)rand();
	memset(log + size / 2, 'x', size / 2 - 1);
	log[size - 1] = '\n';
	memcpy(log + size, one, sizeof(one) - 2);
	explain("example.org", log, size + sizeof(one) - 2, &got);
	cr_expect_eq(got.status, 1);
	cr_expect_str_eq(got.out.at, one_told);
	outcome_free(&got);
	free(log);
}

/* What a stranger typed does not reach the terminal as it was. */
Test(tool_explain, control_characters_are_shown_S02)
{
	static const char log[] =
	    "rcpt to=\"<\\x1b[2J@example.org>\" domain=example.org\n";
	struct outcome got;

	explain("example.org", log, strlen(log), &got);
	cr_expect(strchr(got.out.at, '\033') == NULL);
	cr_expect(strstr(got.out.at, "<\\x1b[2J@example.org>") != NULL, "%s",
	    got.out.at);
	outcome_free(&got);
}

Test(tool_explain, the_log_of_the_configuration)
{
	char log[] = "/tmp/test_tool_explain.XXXXXX";
	char config[] = "/tmp/test_tool_explain.XXXXXX";
	const char *const args[] = {"-c", config, "explain", "4Q2x", NULL};
	FILE *file = fdopen(mkstemp(log), "w");
	struct outcome got;

	fputs(one, file);
	fclose(file);
	file = fdopen(mkstemp(config), "w");
	fprintf(file, "log = \"file:%s\"\n", log);
	fclose(file);
	tool_run(args, "", 0, &got);
	cr_expect_eq(got.status, 1);
	cr_expect_str_eq(got.out.at, one_told);
	outcome_free(&got);
	/* Where it cannot be read, it is said where it is. */
	file = fopen(config, "w");
	fputs("log = \"syslog\"\n", file);
	fclose(file);
	tool_run(args, "", 0, &got);
	cr_expect_eq(got.status, 66);
	cr_expect(strstr(got.err.at, "journalctl") != NULL);
	outcome_free(&got);
	unlink(log);
	unlink(config);
}

Test(tool_explain, command_line)
{
	static const struct run_row wrong[] = {
	    {{"explain"},			  NULL, 64, ""},
	    {{"explain", ""},                      NULL, 64, ""},
	    {{"explain", "a", "b", "c"},           NULL, 64, ""},
	    {{"explain", "a", "-", "--log", "-"},  NULL, 64, ""},
	    {{"explain", "a", "/nonexistent/log"}, NULL, 66, ""},
	};

	EXPECT_ROWS(wrong);
}

/* Postfix gives a message its queue id with the first accepted recipient. */
static const char joined[] =
    "2026-11-30T06:00:00+0000 mx dane-sts-milter[7]: warning rcpt qid=NOQUEUE "
    "to=<a@example.org> domain=example.org verdict=defer reason=mx-insecure "
    "transaction=6a1\n"
    "2026-11-30T06:00:00+0000 mx dane-sts-milter[7]: warning rcpt qid=NOQUEUE "
    "to=<other@example.net> domain=example.net verdict=defer "
    "reason=mx-bogus transaction=6a2\n"
    "2026-11-30T06:00:01+0000 mx dane-sts-milter[7]: info rcpt qid=4Q2x "
    "to=<b@example.com> domain=example.com verdict=pass reason=secure\n"
    "2026-11-30T06:00:02+0000 mx dane-sts-milter[7]: info message qid=4Q2x "
    "transaction=6a1 recipients=2 deferred=1 "
    "domains=\"example.org=defer/mx-insecure example.com=pass/secure\"\n";

Test(tool_explain, L_01_a_queue_id_finds_recipients_without_one)
{
	struct outcome got;

	explain("4Q2x", joined, strlen(joined), &got);
	cr_expect_eq(got.status, 1);
	cr_expect_eq(strncmp(got.out.at,
			 "2026-11-30T06:00:00+0000\n"
			 "  Recipient <a@example.org> was deferred",
			 65),
	    0, "%s", got.out.at);
	cr_expect_not_null(strstr(got.out.at,
	    "\n\n2026-11-30T06:00:01+0000\n"
	    "  Recipient <b@example.com> was let through"));
	cr_expect_not_null(strstr(got.out.at,
	    "\n\n2026-11-30T06:00:02+0000\n"
	    "  The message got the queue id 4Q2x: 2 recipients, 1 of them"));
	cr_expect_null(strstr(got.out.at, "other@example.net"));
	outcome_free(&got);
}

Test(tool_explain, different_recipients_are_told_apart)
{
	static const char log[] =
	    "rcpt to=<a@example.org> domain=example.org verdict=defer "
	    "reason=mx-bogus\n"
	    "rcpt to=<b@example.org> domain=example.org verdict=defer "
	    "reason=mx-bogus\n"
	    "rcpt to=<a@example.org> domain=example.org verdict=defer "
	    "reason=mx-bogus\n";
	struct outcome got;

	explain("example.org", log, strlen(log), &got);
	cr_expect_not_null(strstr(got.out.at, "Recipient <a@example.org>"));
	cr_expect_not_null(strstr(got.out.at, "Recipient <b@example.org>"));
	cr_expect_not_null(strstr(got.out.at, " (2 times"), "%s", got.out.at);
	outcome_free(&got);
}

/* More than are kept: the last ones are found, and nothing else happens. */
Test(tool_explain, S_02_recipients_without_a_queue_id_are_bounded)
{
	char *log = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&log, &len);
	struct outcome got;

	for (unsigned i = 0; i < 10000; i++)
		fprintf(file,
		    "rcpt qid=NOQUEUE to=<u%u@example.org> domain=example.org "
		    "verdict=defer reason=mx-bogus transaction=%x\n",
		    i, i);
	fputs("message qid=4Q2x transaction=270e recipients=1 deferred=0\n"
	      "message qid=4Q2y transaction=1 recipients=1 deferred=0\n",
	    file);
	fclose(file);
	explain("4Q2x", log, len, &got);
	cr_expect_not_null(strstr(got.out.at, "<u9998@example.org>"));
	outcome_free(&got);
	explain("4Q2y", log, len, &got);
	cr_expect_null(strstr(got.out.at, "<u1@example.org>"));
	outcome_free(&got);
	free(log);
}
