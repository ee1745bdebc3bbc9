/* Recipients of one message, and recipients that no sane client sends. */
#include "autoconf.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lab_client.h"

TestSuite(recipients, .timeout = 180);

static void
expect_start(const char *transcript, const char *recipient, const char *start)
{
	char reply[LAB_LINE_SIZE];

	lab_reply(transcript, recipient, reply);
	cr_expect_eq(strncmp(reply, start, strlen(start)), 0, "%s: \"%s\"",
	    recipient, reply);
}

Test(recipients, A_05_the_others_of_a_message_are_untouched)
{
	struct lab_output out;
	char *mail;

	LAB_FRESH(NULL);
	cr_assert_eq(lab_run((const char *const[]){"smtp", "--to",
				 "a05-1@secure.test", "--to",
				 "a05-2@unsigned.test", "--to",
				 "a05-3@implicit.test", "--to",
				 "a05-4@unsigned.test", "--to",
				 "a05-5@notlsa.test", NULL},
			 &out),
	    0);
	cr_expect_eq(out.status, 1, "%s", out.text);
	expect_start(out.text, "a05-1@secure.test", "250 ");
	expect_start(out.text, "a05-2@unsigned.test", "450 4.7.5 ");
	expect_start(out.text, "a05-3@implicit.test", "250 ");
	expect_start(out.text, "a05-4@unsigned.test", "450 4.7.5 ");
	expect_start(out.text, "a05-5@notlsa.test", "250 ");
	free(out.text);

	/* It is really delivered, by MX, to those that were accepted. */
	LAB("mail", "X-Recipient: <a05-1@secure.test>");
	LAB("mail", "X-Recipient: <a05-3@implicit.test>");
	mail = LAB_TEXT("mail", "X-Recipient: <a05-5@notlsa.test>");
	cr_expect_null(strstr(mail, "a05-2"));
	cr_expect_null(strstr(mail, "a05-4"));
	free(mail);
}

Test(recipients, A_05_no_state_leaks_into_the_next_message)
{
	char *first, *second;

	LAB_FRESH(NULL);
	first = LAB_ASK("leak1@unsigned.test");
	second = LAB_ASK("leak2@secure.test");
	expect_start(first, "leak1@unsigned.test", "450 4.7.5 ");
	expect_start(second, "leak2@secure.test", "250 ");
	free(first);
	free(second);
}

Test(recipients, R_07_what_postfix_does_not_relay_is_left_alone)
{
	char *transcript;

	LAB_FRESH(NULL);
	transcript = LAB_ASK("someone@home.test", "someone@alias.home.test",
	    "someone", "someone@[127.0.0.1]");
	expect_start(transcript, "someone@home.test", "250 ");
	expect_start(transcript, "someone@alias.home.test", "250 ");
	free(transcript);
	free(LAB_LOG("rcpt", "to=<someone@home.test>", "reason=local"));
	free(LAB_LOG("rcpt", "to=<someone@alias.home.test>", "reason=local"));
}

/* A transport of the site's own for its boxes, and a pipe of Debian's. */
Test(recipients, R_07_local_delivery_that_looks_remote_is_left_alone)
{
	char *transcript;

	LAB_FRESH(NULL);
	LAB("postfix",
	    "transport_maps=inline:{"
	    "{unsigned.test=boxes:unix:private/dovecot-lmtp}, "
	    "{mxunsigned.test=boxes:inet:127.0.0.1:24}, "
	    "{cnameunsigned.test=mailman:}}");
	transcript = LAB_ASK("box@unsigned.test", "box@mxunsigned.test",
	    "box@cnameunsigned.test");
	LAB("postfix", "transport_maps=");
	expect_start(transcript, "box@unsigned.test", "250 ");
	expect_start(transcript, "box@mxunsigned.test", "250 ");
	expect_start(transcript, "box@cnameunsigned.test", "250 ");
	free(transcript);
	free(LAB_LOG("rcpt", "to=<box@unsigned.test>", "reason=local"));
	free(LAB_LOG("rcpt", "to=<box@mxunsigned.test>", "reason=local"));
	free(LAB_LOG("rcpt", "to=<box@cnameunsigned.test>", "reason=local"));
}

/* Postfix sends both to unsigned.test, and says so. */
Test(recipients, R_19_a_rewritten_argument_is_not_exempt)
{
	char *transcript;

	LAB_FRESH("exempt_domains={home.test}");
	transcript =
	    LAB_ASK("u%unsigned.test@home.test", "unsigned.test!u@home.test");
	expect_start(transcript, "u%unsigned.test@home.test",
	    "450 4.7.5 unsigned.test: ");
	expect_start(transcript, "unsigned.test!u@home.test",
	    "450 4.7.5 unsigned.test: ");
	free(transcript);
}

/* Postfix takes a symbol for a domain, and so do we. */
Test(recipients, R_20_a_domain_that_is_a_symbol)
{
	struct lab_output out;

	LAB_FRESH(NULL);
	cr_assert_eq(lab_run((const char *const[]){"smtp", "--smtputf8",
				 "--rset", "--raw", "<u@\xe2\x98\x95.test>",
				 NULL},
			 &out),
	    0);
	cr_expect_not_null(strstr(out.text,
			       "\nS: 450 4.7.5 xn--53h.test: DNSSEC required"),
	    "%s", out.text);
	free(out.text);
	/* At delivery, too: a temporary error. */
	cr_assert_eq(lab_run((const char *const[]){"lookup",
				 "\xe2\x98\x95.test", NULL},
			 &out),
	    0);
	cr_expect_eq(out.status, 70, "%s", out.text);
	free(out.text);
	free(LAB_LOG("tls-policy", "domain=xn--53h.test", "answer=defer"));
}

/* what the MTA routes and cannot be looked up is as a failed discovery.
 */
Test(recipients, R_20_a_name_that_cannot_be_converted)
{
	struct lab_output out;

	LAB_FRESH("on_discovery_failure=tempfail");
	cr_assert_eq(lab_run((const char *const[]){"milter", "--mailer", "smtp",
				 "--host", "x\xff.test", "--address",
				 "u@x\xff.test", "<u@x\xff.test>", NULL},
			 &out),
	    0);
	cr_expect_eq(strncmp(out.text, "450 4.7.5 recipient: ", 21), 0, "%s",
	    out.text);
	free(out.text);
}

/* the domain is found behind all that. */
static const char *const disguised[] = {
    "u@UNSIGNED.test",
    "u@unsigned.test.",
    "@relay.test,@other.test:u@unsigned.test",
    "\"a@secure.test\"@unsigned.test",
    "\"a>b\"@unsigned.test",
    "\"a b\"@unsigned.test",
    "a+b=c!d%e@unsigned.test",
    "loooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooong"
    "@unsigned.test",
};

Test(recipients, R_10_a_disguise_does_not_hide_the_domain)
{
	LAB_FRESH(NULL);
	for (size_t i = 0; i < sizeof(disguised) / sizeof(disguised[0]); i++) {
		char *transcript = LAB_ASK(disguised[i]);

		expect_start(transcript, disguised[i],
		    "450 4.7.5 unsigned.test: ");
		free(transcript);
	}
}

/* Octets for RCPT TO itself: R-08, S-02. Whatever Postfix or the filter makes
 * of them, both are still there afterwards. */
static const char *const hostile[] = {
    "<>",
    "<@>",
    "<u@>",
    "<@unsigned.test>",
    "<u@@unsigned.test>",
    "<u@.unsigned.test>",
    "<u@unsigned..test>",
    "<u@unsigned.test..>",
    "<u@[>",
    "<u@]>",
    "<u@[127.0.0.1>",
    "<u@[IPv6:::1]>",
    "<u@[999.1.1.1]>",
    "<u@127.0.0.1>",
    "u@unsigned.test",
    "<u@unsigned.test",
    "u@unsigned.test>",
    "<<u@unsigned.test>>",
    "< u@unsigned.test >",
    "<u @ unsigned.test>",
    "<(c)u@unsigned.test>",
    "<\"u@unsigned.test>",
    "<\"u\\@unsigned.test>",
    "<\"\"@unsigned.test>",
    "<\\@unsigned.test>",
    "<@a,@b,@c:u@unsigned.test>",
    "<@a:@b:u@unsigned.test>",
    "<u@%s%n%x.test>",
    "<%s%n@unsigned.test>",
    "<u@../../../etc/passwd>",
    "<u@$(id).test>",
    "<u@m\xc3\xbcnchen.test>",
    "<u@\xe3\x80\x82.test>",
    "<u@\xff\xfe.test>",
    "<\xff\xfe@unsigned.test>",
    "<u@unsigned.test\x01>",
    "<u@unsigned.test\x7f>",
    "<u@unsigned\t.test>",
    "<u@xn--zzzzzzz-.test>",
    "<u@-unsigned-.test>",
    "<u@unsigned.test> NOTIFY=SUCCESS ORCPT=rfc822;x@y",
    "<u@unsigned.test> X=\xff",
};

#define HOSTILE_COUNT (sizeof(hostile) / sizeof(hostile[0]))

Test(recipients, S_02_hostile_recipients_through_postfix_do_no_harm)
{
	const char *words[2 * HOSTILE_COUNT + 3] = {"smtp", "--rset"};
	struct lab_output out;
	char *transcript;
	size_t n = 2;

	LAB_FRESH(NULL);
	for (size_t i = 0; i < HOSTILE_COUNT; i++) {
		words[n++] = "--raw";
		words[n++] = hostile[i];
	}
	cr_assert_eq(lab_run(words, &out), 0);
	cr_expect_not_null(strstr(out.text, "C: RSET\nS: 250 "), "%s",
	    out.text);
	free(out.text);
	LAB("alive");
	transcript = LAB_ASK("after@unsigned.test");
	expect_start(transcript, "after@unsigned.test", "450 4.7.5 ");
	free(transcript);
}

/* The same past Postfix, which repairs or refuses much of it. */
Test(recipients, S_02_hostile_recipients_without_an_mta_do_no_harm)
{
	const char *words[HOSTILE_COUNT + 5] = {"milter", "--mailer", "smtp",
	    "--"};
	struct lab_output out;
	size_t lines = 0;

	LAB_FRESH(NULL);
	for (size_t i = 0; i < HOSTILE_COUNT; i++)
		words[4 + i] = hostile[i];
	cr_assert_eq(lab_run(words, &out), 0);
	cr_expect_eq(out.status, 0, "%s", out.text);
	for (const char *p = out.text; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	cr_expect_eq(lines, HOSTILE_COUNT, "%zu answers", lines);
	free(out.text);
	LAB("alive");
}
