/*
 * A real Sendmail, with the lines that README and etc/sendmail.mc recommend:
 * as InputMailFilter when a recipient is accepted, and asking policy_socket
 * when the message is delivered. Left out where ./bootstrap could not unpack
 * it, see tests/lab/sendmail.py.
 *
 * Debian 12's build has no DANE; for it the option sendmail_dane is off. What
 * needs DANE is skipped there; Debian 13's build has it.
 */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lab_client.h"

#define ACCEPTED "250 2.1.5 "

static void
start(const char *const *words)
{
	struct lab_output out;

	LAB("tamper", "clear");
	cr_assert_eq(lab_run(words, &out), 0, "cannot run " LAB_PROGRAM);
	free(out.text);
	if (out.status == LAB_UNAVAILABLE)
		cr_skip_test("no Sendmail, or none with DANE; the reason "
			     "stands above");
	cr_assert_eq(out.status, 0, "lab %s %s: exit status %d", words[0],
	    words[1], out.status);
}
#define START(...) start((const char *const[]){"sendmail", __VA_ARGS__, NULL})

static void
tear_down(void)
{
	LAB("sendmail", "stop");
	LAB("tamper", "clear");
	LAB("sink", "ok");
	LAB_FRESH(NULL);
}

TestSuite(sendmail, .fini = tear_down, .timeout = 180);
TestSuite(sendmail_delivery, .fini = tear_down, .timeout = 180);

/* A session with Sendmail; its transcript. more: further options. */
static char *
ask(const char *const *more)
{
	const char *words[32] = {"smtp", "--sendmail"};
	struct lab_output out;
	size_t n = 2;

	while (*more != NULL && n < 31)
		words[n++] = *more++;
	cr_assert_eq(lab_run(words, &out), 0, "cannot run " LAB_PROGRAM);
	cr_assert(out.status == 0 || out.status == 1, "lab smtp: status %d\n%s",
	    out.status, out.text);
	return out.text;
}
#define ASK(...) ask((const char *const[]){__VA_ARGS__, NULL})

static void
expect_reply(const char *transcript, const char *recipient, const char *start)
{
	char reply[LAB_LINE_SIZE];

	lab_reply(transcript, recipient, reply);
	cr_expect_eq(strncmp(reply, start, strlen(start)), 0, "%s: \"%s\"",
	    recipient, reply);
}

/* Sendmail puts the recipient before the filter's text. */
static void
expect_refused(const char *transcript, const char *recipient, const char *text)
{
	char whole[LAB_LINE_SIZE];

	snprintf(whole, sizeof(whole), "450 4.7.5 <%s>... %s", recipient, text);
	expect_reply(transcript, recipient, whole);
}

#define REQUIRED " DNSSEC required by policy, "

/* --- INPUT_MAIL_FILTER, README --- */

Test(sendmail, A_05_the_line_of_the_README_refuses_only_who_is_stripped)
{
	char *transcript;

	START("readme");
	LAB("tamper", "rule", "fwd", "notlsa.test", "MX", "strip");
	transcript = ASK("--to", "s1@secure.test", "--to", "s1@unsigned.test",
	    "--to", "s1@notlsa.test", "--to", "s1@plain.test");
	expect_reply(transcript, "s1@secure.test", ACCEPTED);
	expect_refused(transcript, "s1@unsigned.test",
	    "unsigned.test:" REQUIRED "MX of unsigned.test: insecure");
	expect_refused(transcript, "s1@notlsa.test",
	    "notlsa.test:" REQUIRED "MX of notlsa.test: ");
	expect_reply(transcript, "s1@plain.test", ACCEPTED);
	free(transcript);
	LAB("sendmail", "flush");
	LAB("mail", "X-Recipient: <s1@secure.test>");
	LAB("mail", "X-Recipient: <s1@plain.test>");
}

Test(sendmail, M_03_a_second_message_knows_nothing_of_the_first)
{
	char first[LAB_LINE_SIZE], second[LAB_LINE_SIZE];
	char *transcript, *line;

	START("readme", "action=quarantine");
	transcript =
	    ASK("--before", "s3@unsigned.test", "--to", "s3@secure.test");
	/* Quarantined, if it comes to the end of the message. */
	expect_reply(transcript, "s3@unsigned.test", ACCEPTED);
	expect_reply(transcript, "s3@secure.test", ACCEPTED);
	free(transcript);
	line = LAB_LOG("rcpt", "to=<s3@unsigned.test>", "verdict=quarantine");
	lab_field(line, "qid", first);
	free(line);
	line = LAB_LOG("rcpt", "to=<s3@secure.test>", "verdict=pass");
	lab_field(line, "qid", second);
	free(line);
	cr_expect_neq(first[0], '\0');
	cr_expect_str_neq(first, second);
	LAB("sendmail", "flush");
	LAB("mail", "X-Recipient: <s3@secure.test>");
}

Test(sendmail, quarantine_holds_the_message)
{
	char *queue;

	START("readme", "action=quarantine");
	free(ASK("--to", "s4@unsigned.test"));
	free(LAB_LOG("rcpt", "to=<s4@unsigned.test>", "verdict=quarantine"));
	LAB("sendmail", "flush");
	queue = LAB_TEXT("sendmail", "quarantined");
	cr_expect_not_null(strstr(queue, "s4@unsigned.test"), "%s", queue);
	cr_expect_not_null(strstr(queue, "QUARANTINE: unsigned.test: DNSSEC"),
	    "%s", queue);
	free(queue);
}

/* S-09 */
Test(sendmail, S_09_exempt_senders_and_messages_that_need_no_TLS)
{
	START("readme", "action=quarantine", "honor_tls_required_no=true",
	    "exempt_senders={tlsrpt@home.test}");
	free(ASK("--from", "tlsrpt@home.test", "--to", "s8a@unsigned.test"));
	free(LAB_LOG("rcpt", "to=<s8a@unsigned.test>", "verdict=pass",
	    "reason=exempt"));
	free(ASK("--to", "s8b@unsigned.test", "--message",
	    "Subject: lab\nTLS-Required: No\n\nhello\n"));
	free(LAB_LOG("eom", "action=pass", "reason=exempt"));
	LAB("sendmail", "flush");
	LAB("mail", "X-Recipient: <s8a@unsigned.test>");
	LAB("mail", "X-Recipient: <s8b@unsigned.test>");
}

/* Sendmail rewrites it, too; its own name is no exemption for others. */
Test(sendmail, R_19_a_rewritten_argument_is_not_exempt)
{
	char *transcript;

	START("readme", "exempt_domains={sendmail.home.test}");
	transcript = ASK("--rset", "--to", "u%unsigned.test@sendmail.home.test",
	    "--to", "u@unsigned.test");
	expect_refused(transcript, "u%unsigned.test@sendmail.home.test",
	    "unsigned.test:" REQUIRED "MX of unsigned.test: insecure");
	free(transcript);
}

/* Else "Please try again later", and after four of those no filter at all
 * for the rest of the session. */
Test(sendmail, C_02_the_deadline_is_below_the_timeout_of_the_line)
{
	char *transcript;

	START("readme");
	LAB("tamper", "rule", "fwd", "secure.test", "MX", "drop");
	transcript =
	    ASK("--rset", "--to", "s5@secure.test", "--to", "s5@plain.test");
	expect_refused(transcript, "s5@secure.test", "secure.test:");
	expect_reply(transcript, "s5@plain.test", ACCEPTED);
	free(transcript);
}

Test(sendmail, F_T_defers_while_the_filter_is_down)
{
	char *transcript;

	START("readme");
	LAB("daemon", "stop");
	transcript = ASK("--to", "s6@plain.test");
	cr_expect_not_null(strstr(transcript, "\nS: 451 4.3.2 "), "%s",
	    transcript);
	cr_expect_null(strstr(transcript, ACCEPTED), "%s", transcript);
	free(transcript);
}

Test(sendmail, a_unix_socket)
{
	char *transcript;

	START("--unix", "readme");
	transcript =
	    ASK("--rset", "--to", "s7@secure.test", "--to", "s7@unsigned.test");
	expect_reply(transcript, "s7@secure.test", ACCEPTED);
	expect_reply(transcript, "s7@unsigned.test", "450 4.7.5 ");
	free(transcript);
}

/* --- FEATURE(`sts'), etc/sendmail.mc --- */

/* 8.17; with 8.18 the words of the rule set stand there. */
#define DEFERRED_8_17 "(sts map: lookup (notlsa.test): deferred)"
#define DEFERRED_8_18 "STS lookup temp fail"

static void
send_to(const char *recipient)
{
	char *transcript = ASK("--to", recipient);

	expect_reply(transcript, recipient, ACCEPTED);
	free(transcript);
}

static void
expect_delivered(const char *recipient, const char *tls)
{
	char term[LAB_LINE_SIZE];

	snprintf(term, sizeof(term), "X-Recipient: <%s>", recipient);
	LAB("mail", term, tls);
}

static void
expect_deferred(const char *recipient, const char *why)
{
	char term[LAB_LINE_SIZE];
	struct lab_output out;
	char *queue = LAB_TEXT("sendmail", "queue");

	cr_expect_not_null(strstr(queue, recipient), "%s", queue);
	cr_expect(strstr(queue, why) != NULL ||
		(strcmp(why, DEFERRED_8_17) == 0 &&
		    strstr(queue, DEFERRED_8_18) != NULL),
	    "no \"%s\" in %s", why, queue);
	free(queue);
	snprintf(term, sizeof(term), "X-Recipient: <%s>", recipient);
	cr_assert_eq(lab_run((const char *const[]){"mail", "--timeout", "0",
				 term, NULL},
			 &out),
	    0);
	cr_expect_neq(out.status, 0, "%s", out.text);
	free(out.text);
}

/* Nothing but the store survives, as after the TTL of all records. */
static void
restart_daemon(void)
{
	LAB("daemon", "restart", "socket=inet:8894@127.0.0.1",
	    "policy_socket=inet:8461@127.0.0.1");
}

Test(sendmail_delivery, A_03_tampering_after_acceptance_defers)
{
	START("etc");
	send_to("s11@notlsa.test");
	LAB("stored", "notlsa.test");
	LAB("tamper", "rule", "fwd", "_25._tcp.mx1.notlsa.test", "TLSA",
	    "servfail");
	restart_daemon();
	LAB("sendmail", "flush");
	expect_deferred("s11@notlsa.test", DEFERRED_8_17);
	free(LAB_LOG("tls-policy", "domain=notlsa.test", "mta=sendmail",
	    "answer=defer"));
	LAB("tamper", "clear");
	restart_daemon();
	LAB("sendmail", "flush");
	expect_delivered("s11@notlsa.test", "X-TLS: TLSv1");
}

/* Who stops the daemon must not get plaintext for it. */
Test(sendmail_delivery, A_03_without_the_daemon_nothing_goes_out)
{
	START("etc");
	send_to("s12@notlsa.test");
	LAB("daemon", "stop");
	LAB("sendmail", "flush");
	expect_deferred("s12@notlsa.test", DEFERRED_8_17);
}

Test(sendmail_delivery, D_16_without_TLSA_by_MTA_STS)
{
	START("etc");
	send_to("s13@notlsa.test");
	send_to("s13@noflag.test");
	LAB("sendmail", "flush");
	expect_delivered("s13@notlsa.test", "X-TLS: TLSv1");
	expect_delivered("s13@noflag.test", "X-TLS: TLSv1");
	free(LAB_LOG("tls-policy", "domain=notlsa.test", "mta=sendmail",
	    "answer=secure"));
}

Test(sendmail_delivery, a_certificate_that_nobody_vouches_for)
{
	START("etc");
	LAB("sink", "untrusted");
	send_to("s14@notlsa.test");
	LAB("sendmail", "flush");
	expect_deferred("s14@notlsa.test", "authentication failed");
}

/* By itself: the map says nothing about a domain with TLSA records, of which
 * 8.18.2 asks and 8.18.1 does not. */
Test(sendmail_delivery, S_01_with_DANE)
{
	START("dane", "sendmail_dane=true");
	send_to("s20@secure.test");
	send_to("s20@notlsa.test");
	LAB("sendmail", "flush");
	expect_delivered("s20@secure.test", "X-TLS: TLSv1");
	expect_delivered("s20@notlsa.test", "X-TLS: TLSv1");
	LAB("sink", "other-key");
	send_to("s21@secure.test");
	send_to("s21@notlsa.test");
	LAB("sendmail", "flush");
	expect_delivered("s21@notlsa.test", "X-TLS: TLSv1");
	expect_deferred("s21@secure.test", "");
}

/* TLSA or not, for a build without DANE. */
Test(sendmail_delivery, A_03_never_in_the_clear)
{
	static const char *const recipients[] = {"s15@secure.test",
	    "s15@notlsa.test", "s15@notlsa-testing.test", "s15@testing.test",
	    "s15@modenone.test", "s15@noflag.test"};
	const size_t n = sizeof(recipients) / sizeof(*recipients);

	START("etc", "no_tlsa_level=verify");
	LAB("sink", "plain");
	for (size_t i = 0; i < n; i++)
		send_to(recipients[i]);
	LAB("sendmail", "flush");
	for (size_t i = 0; i < n; i++)
		expect_deferred(recipients[i],
		    "other side does not support STARTTLS");
	LAB("sink", "ok");
	LAB("sendmail", "flush");
	for (size_t i = 0; i < n; i++)
		expect_delivered(recipients[i], "X-TLS: TLSv1");
}

Test(sendmail_delivery, without_policy_as_the_mta_pleases)
{
	START("etc");
	LAB("sink", "plain");
	send_to("s16@plain.test");
	LAB("sendmail", "flush");
	expect_delivered("s16@plain.test", "X-TLS: none");
}
