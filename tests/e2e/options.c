/* What the daemon's options change at the SMTP server. */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lab_client.h"

TestSuite(options, .timeout = 180);

static void
expect_reply(const char *recipient, const char *whole)
{
	char reply[LAB_LINE_SIZE];
	char *transcript = LAB_ASK(recipient);

	lab_reply(transcript, recipient, reply);
	cr_expect_str_eq(reply, whole, "%s: \"%s\"", recipient, reply);
	free(transcript);
}

Test(options, A_06_monitor_passes_and_logs_what_it_would_do)
{
	LAB_FRESH("mode=monitor");
	expect_reply("a06@unsigned.test", "250 2.1.5 Ok");
	free(LAB_LOG("rcpt", "to=<a06@unsigned.test>", "verdict=defer",
	    "reason=mx-insecure", "mode=monitor"));
}

Test(options, A_02_reject_refuses_for_good)
{
	LAB_FRESH("action=reject");
	expect_reply("a02@unsigned.test",
	    "550 5.7.5 unsigned.test: DNSSEC required by policy, "
	    "MX of unsigned.test: insecure");
	free(LAB_LOG("rcpt", "to=<a02@unsigned.test>", "verdict=reject"));
}

/* What may pass away is no reason to refuse for good. */
Test(options, A_02_reject_defers_what_was_not_answered)
{
	LAB_FRESH("action=reject");
	LAB("tamper", "rule", "fwd", "secure.test", "MX", "servfail");
	expect_reply("a02-2@secure.test",
	    "450 4.7.5 secure.test: DNSSEC required by policy, "
	    "MX of secure.test: failed");
	LAB("tamper", "clear");
}

Test(options, quarantine_holds_the_message)
{
	struct lab_output out;

	LAB_FRESH("action=quarantine");
	cr_assert_eq(lab_run((const char *const[]){"smtp", "--to",
				 "held@unsigned.test", NULL},
			 &out),
	    0);
	cr_expect_eq(out.status, 0, "%s", out.text);
	free(out.text);
	LAB("queue", "\"queue_name\": \"hold\"", "held@unsigned.test");
	free(LAB_LOG("rcpt", "to=<held@unsigned.test>", "verdict=quarantine"));
}

/* There a refusal at RCPT would leave the message in maildrop with a
 * configuration warning. */
Test(options, quarantine_holds_what_sendmail_1_submits)
{
	LAB_FRESH("action=quarantine");
	LAB("submit", "--to", "submitted@unsigned.test");
	LAB("queue", "\"queue_name\": \"hold\"", "submitted@unsigned.test");
}

/* S-09, RFC 8460 3: the report about a broken domain must reach it. */
Test(options, S_09_mail_of_an_exempt_sender_passes)
{
	LAB_FRESH("exempt_senders={tlsrpt@home.test}");
	LAB("smtp", "--from", "tlsrpt@home.test", "--to", "s09a@unsigned.test");
	free(LAB_LOG("rcpt", "to=<s09a@unsigned.test>", "verdict=pass",
	    "reason=exempt"));
	LAB("mail", "X-Recipient: <s09a@unsigned.test>");
	/* And from sendmail(1), as tlsrpt-reportd does it. */
	LAB("submit", "--from", "tlsrpt@home.test", "--to",
	    "s09b@unsigned.test");
	LAB("mail", "X-Recipient: <s09b@unsigned.test>");
	expect_reply("s09c@unsigned.test",
	    "450 4.7.5 unsigned.test: DNSSEC required by policy, "
	    "MX of unsigned.test: insecure");
}

/* S-09, RFC 8689 */
Test(options, S_09_a_message_that_needs_no_TLS_is_not_held)
{
	LAB_FRESH("action=quarantine", "honor_tls_required_no=true");
	LAB("smtp", "--to", "s09d@unsigned.test", "--message",
	    "Subject: lab\nTLS-Required: No\n\nhello\n");
	free(LAB_LOG("eom", "action=pass", "reason=exempt"));
	LAB("mail", "X-Recipient: <s09d@unsigned.test>");
	LAB("smtp", "--to", "s09e@unsigned.test", "--message",
	    "Subject: lab\n\nTLS-Required: No\n");
	LAB("queue", "\"queue_name\": \"hold\"", "s09e@unsigned.test");
	/* And one from sendmail(1), which would be deferred. */
	LAB_FRESH("honor_tls_required_no=true");
	LAB("submit", "--to", "s09f@unsigned.test", "--message",
	    "Subject: lab\nTLS-Required: No\n\nhello\n");
	LAB("mail", "X-Recipient: <s09f@unsigned.test>");
}

/* else mail of cron for such a domain waits in maildrop, for ever. */
Test(options, R_07_local_domains_that_sendmail_1_submits_to)
{
	LAB_FRESH("local_domains={unsigned.test}");
	LAB("submit", "--to", "cron@unsigned.test");
	free(LAB_LOG("rcpt", "to=cron@unsigned.test", "verdict=pass",
	    "reason=local"));
	LAB("mail", "X-Recipient: <cron@unsigned.test>");
	/* By SMTP Postfix says where it goes, and this counts. */
	free(LAB_ASK("cron@unsigned.test"));
	free(LAB_LOG("rcpt", "to=<cron@unsigned.test>", "verdict=defer"));
}

Test(options, a_submission_is_deferred_at_its_end_not_at_RCPT)
{
	struct lab_output out;

	LAB_FRESH(NULL);
	/* No mailer: what Postfix says under non_smtpd_milters. */
	cr_assert_eq(lab_run((const char *const[]){"milter", "--eom",
				 "u@unsigned.test", NULL},
			 &out),
	    0);
	cr_expect_eq(strncmp(out.text, "continue\neom: 450 4.7.5 unsigned.test",
			 strlen("continue\neom: 450 4.7.5 unsigned.test")),
	    0, "%s", out.text);
	free(out.text);
}

Test(options, exempt_domains_are_left_alone)
{
	LAB_FRESH("exempt_domains={unsigned.test, .optout.test}");
	expect_reply("ex1@unsigned.test", "250 2.1.5 Ok");
	expect_reply("ex2@unsigned.optout.test", "250 2.1.5 Ok");
	expect_reply("ex3@unsigned.nsec3.test",
	    "450 4.7.5 unsigned.nsec3.test: DNSSEC required by policy, "
	    "MX of unsigned.nsec3.test: insecure");
	free(LAB_LOG("rcpt", "to=<ex1@unsigned.test>", "reason=exempt"));
}

/* Nobody listens there, and this host has no copy. */
#define STORE_DOWN "store=redis://127.0.0.1:9/0"

Test(options, C_15_a_store_that_is_down_obeys_the_option)
{
	LAB_FRESH(STORE_DOWN);
	expect_reply("c15-1@plain.test", "250 2.1.5 Ok");
	free(LAB_LOG("warning rcpt", "to=<c15-1@plain.test>", "verdict=pass",
	    "reason=internal-error",
	    "policy store, read: the server cannot be reached"));
	/* what is found out by a fetch is known */
	expect_reply("c15-2@unsigned.test",
	    "450 4.7.5 unsigned.test: DNSSEC required by policy, "
	    "MX of unsigned.test: insecure");
	LAB_FRESH(STORE_DOWN, "on_discovery_failure=tempfail");
	expect_reply("c15-3@plain.test",
	    "450 4.7.5 plain.test: DNSSEC not checked, filter: internal error");
	free(LAB_LOG("warning rcpt", "to=<c15-3@plain.test>", "verdict=defer",
	    "reason=internal-error",
	    "policy store, read: the server cannot be reached"));
	expect_reply("c15-4@noflag.test", "250 2.1.5 Ok");
	LAB_FRESH(NULL);
}

/* First contact: nothing is stored, and the attacker suppresses the record. */
Test(options, T_14_pinned_domains_bind_at_first_contact)
{
	LAB_FRESH("require_domains={plain.test, secure.test, .nsec3.test}",
	    "exempt_domains={unsigned.nsec3.test}");
	LAB("tamper", "rule", "fwd", "_mta-sts.secure.test", "TXT", "nxdomain");
	expect_reply("t14-1@plain.test",
	    "450 4.7.5 plain.test: DNSSEC required by policy, "
	    "MX of plain.test: insecure");
	expect_reply("t14-2@secure.test", "250 2.1.5 Ok");
	expect_reply("t14-3@secure.nsec3.test", "250 2.1.5 Ok");
	expect_reply("t14-4@unsigned.nsec3.test", "250 2.1.5 Ok");
	free(LAB_LOG("rcpt", "to=<t14-1@plain.test>", "verdict=defer",
	    "reason=mx-insecure", "policy=pinned"));
	free(LAB_LOG("rcpt", "to=<t14-2@secure.test>", "reason=secure",
	    "policy=pinned"));
	free(
	    LAB_LOG("rcpt", "to=<t14-4@unsigned.nsec3.test>", "reason=exempt"));
	LAB("tamper", "clear");
}

/* Record, policy host and signatures, all at once. */
Test(options, T_14_a_pin_holds_when_everything_is_suppressed)
{
	LAB_FRESH("require_domains={secure.test}");
	LAB("tamper", "rule", "fwd", "_mta-sts.secure.test", "TXT", "drop");
	LAB("tamper", "rule", "fwd", "mta-sts.secure.test", "A", "nxdomain");
	LAB("tamper", "rule", "fwd", "secure.test", "MX", "strip");
	expect_reply("t14-5@secure.test",
	    "450 4.7.5 secure.test: DNSSEC required by policy, "
	    "MX of secure.test: bogus");
	LAB("tamper", "clear");
}

Test(options, D_13_hosts_any_wants_one_secure_host)
{
	LAB_FRESH("hosts=any");
	expect_reply("any@mixed.test", "250 2.1.5 Ok");
}

Test(options, D_16_tlsa_required_wants_a_record)
{
	LAB_FRESH("tlsa=required");
	expect_reply("req@notlsa.test",
	    "450 4.7.5 notlsa.test: DNSSEC required by policy, "
	    "TLSA of mx1.notlsa.test: missing");
	expect_reply("req@secure.test", "250 2.1.5 Ok");
}

/* the smart host's name is the policy domain. */
Test(options, R_03_a_relayhost_is_judged_in_place_of_the_recipient)
{
	LAB_FRESH(NULL);
	LAB("postfix", "relayhost=unsigned.test");
	expect_reply("smart@secure.test",
	    "450 4.7.5 unsigned.test: DNSSEC required by policy, "
	    "MX of unsigned.test: insecure");
	LAB("postfix", "relayhost=secure.test");
	expect_reply("smart@unsigned.test", "250 2.1.5 Ok");
	LAB("postfix", "relayhost=");
}

/* Postfix takes "host:" for "host". */
Test(options, R_03_an_empty_port_of_a_transport)
{
	LAB_FRESH(NULL);
	LAB("postfix",
	    "transport_maps=inline:{{r1.test=smtp:unsigned.test:}, "
	    "{r2.test=smtp:[mx1.unsigned.test]:}}");
	expect_reply("port@r1.test",
	    "450 4.7.5 unsigned.test: DNSSEC required by policy, "
	    "MX of unsigned.test: insecure");
	expect_reply("port@r2.test", "250 2.1.5 Ok");
	free(LAB_LOG("rcpt", "to=<port@r2.test>", "domain=mx1.unsigned.test"));
	LAB("postfix", "transport_maps=");
}

/* */
Test(options, R_17_a_relayhost_that_is_an_address)
{
	char *transcript;
	struct lab_output out;

	LAB_FRESH(NULL);
	LAB("postfix", "relayhost=[192.0.2.1], unsigned.test");
	transcript = LAB_ASK("r17a@unsigned.test", "r17b@unsigned.test");
	LAB("postfix", "relayhost=");
	free(transcript);
	free(LAB_LOG("rcpt", "to=<r17a@unsigned.test>", "verdict=pass",
	    "reason=smart-host-address",
	    "next_hop=\"[192.0.2.1], unsigned.test\""));
	free(LAB_LOG("rcpt", "to=<r17b@unsigned.test>",
	    "reason=smart-host-address"));
	cr_assert_eq(lab_run((const char *const[]){"grep", "--count",
				 "warning next-hop", NULL},
			 &out),
	    0);
	cr_expect_str_eq(out.text, "1\n");
	free(out.text);
}

/* Postfix defers such mail itself; whatever it does, it is told of. */
Test(options, R_18_a_next_hop_that_cannot_be_read)
{
	struct lab_output out;

	LAB_FRESH(NULL);
	LAB("postfix",
	    "transport_maps=inline:{{unsigned.test=smtp:[secure.test}}");
	expect_reply("u%unsigned.test@home.test",
	    "450 4.7.5 unsigned.test: DNSSEC required by policy, "
	    "MX of unsigned.test: insecure");
	free(LAB_LOG("next-hop", "to=<u%unsigned.test@home.test>",
	    "next_hop=[secure.test"));
	LAB("postfix", "transport_maps=");
	/* At delivery: a temporary error. */
	cr_assert_eq(lab_run((const char *const[]){"lookup", "[secure.test",
				 NULL},
			 &out),
	    0);
	cr_expect_eq(out.status, 70, "%s", out.text);
	free(out.text);
}

/* Debian chroots smtpd: the socket lies below the queue directory. */
Test(options, a_unix_socket_inside_the_chroot_of_postfix)
{
	char socket[LAB_LINE_SIZE];
	char *inet = LAB_TEXT("info", "postfix_milter");
	char restore[LAB_LINE_SIZE];

	inet[strcspn(inet, "\n")] = '\0';
	snprintf(restore, sizeof(restore), "smtpd_milters=%s", inet);
	snprintf(socket, sizeof(socket),
	    "socket=unix:%s/postfix/queue/dane-sts.sock",
	    getenv(LAB_DIR_VARIABLE));
	LAB_FRESH(socket, "socket_group=postfix");
	LAB("postfix", "--chroot", "yes", "smtpd_milters=unix:dane-sts.sock");
	expect_reply("chroot@secure.test", "250 2.1.5 Ok");
	expect_reply("chroot@unsigned.test",
	    "450 4.7.5 unsigned.test: DNSSEC required by policy, "
	    "MX of unsigned.test: insecure");
	LAB("postfix", "--chroot", "no", restore);
	free(inet);
}
