/* Start, stop, restart, reload, kill: what survives and what is not lost. */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <criterion/criterion.h>

#include "lab_client.h"

TestSuite(life, .timeout = 180);

static void
expect_start(const char *recipient, const char *start)
{
	char reply[LAB_LINE_SIZE];
	char *transcript = LAB_ASK(recipient);

	lab_reply(transcript, recipient, reply);
	cr_expect_eq(strncmp(reply, start, strlen(start)), 0, "%s: \"%s\"",
	    recipient, reply);
	free(transcript);
}

/* Neither the record nor the policy host can be reached any more. */
static void
cut_off_discovery(void)
{
	LAB("tamper", "rule", "fwd", "_mta-sts.unsigned.test", "TXT",
	    "servfail");
	LAB("policy", "unsigned.test", "down");
}

static void
restore_discovery(void)
{
	LAB("policy", "unsigned.test", "ok");
	LAB("tamper", "clear");
}

Test(life, C_01_a_restart_keeps_the_policy)
{
	LAB_FRESH(NULL);
	expect_start("c01-1@unsigned.test", "450 4.7.5 ");
	LAB("stored", "unsigned.test");
	cut_off_discovery();
	LAB("daemon", "restart");
	expect_start("c01-2@unsigned.test", "450 4.7.5 ");
	free(LAB_LOG("rcpt", "to=<c01-2@unsigned.test>", "policy_from=cache"));
	restore_discovery();
}

Test(life, C_01_kill_9_keeps_the_policy)
{
	LAB_FRESH(NULL);
	expect_start("c01-3@unsigned.test", "450 4.7.5 ");
	LAB("stored", "unsigned.test");
	cut_off_discovery();
	LAB("daemon", "kill");
	LAB("daemon", "start");
	expect_start("c01-4@unsigned.test", "450 4.7.5 ");
	free(LAB_LOG("rcpt", "to=<c01-4@unsigned.test>", "policy_from=cache"));
	restore_discovery();
}

/* milter_default_action = tempfail: nothing slips through meanwhile. */
Test(life, without_the_daemon_postfix_defers)
{
	struct lab_output out;

	LAB_FRESH(NULL);
	LAB("daemon", "kill");
	cr_assert_eq(lab_run((const char *const[]){"smtp", "--rset", "--to",
				 "u@secure.test", NULL},
			 &out),
	    0);
	cr_expect_neq(out.status, 0);
	cr_expect_not_null(strstr(out.text, "\nS: 451 4.7.1 "), "%s", out.text);
	free(out.text);
	LAB("daemon", "start");
	expect_start("u@secure.test", "250 ");
}

/* Every recipient that was answered has left its line, up to the last. */
Test(life, SIGTERM_loses_no_line_of_the_log)
{
	enum {
		RECIPIENTS = 200
	};
	char *count;

	LAB_FRESH(NULL);
	LAB("load", "--", "--recipients", "200", "--connections", "4",
	    "--expect", "secure.test=continue", "--expect",
	    "unsigned.test=450 4.7.5", "secure.test", "unsigned.test");
	LAB("daemon", "stop");
	count = LAB_TEXT("grep", "--count", "rcpt", "client=192.0.2.1");
	cr_expect_eq(atoi(count), RECIPIENTS, "%s lines", count);
	free(count);
	LAB("daemon", "start");
}

/* The lookup under way is waited for, and its recipient logged. */
Test(life, SIGTERM_lets_a_recipient_finish)
{
	char *answer;

	LAB_FRESH("deadline=2s");
	answer = LAB_TEXT("interrupt", "dead.test");
	cr_expect_str_eq(answer, "continue\n", "%s", answer);
	free(answer);
	free(LAB_LOG("rcpt", "to=<interrupted@dead.test>", "verdict=pass"));
	LAB("daemon", "start");
}

/* The README's, in a lab of its own. */
Test(life, the_demo_is_right)
{
	cr_expect_eq(system(DEMO_PROGRAM " >/dev/null"), 0);
}

/* As in a chroot whose root is no mount point. */
Test(life, the_demo_is_left_out_where_it_cannot_mount)
{
	int status = system(
	    "d=$(mktemp -d) && printf '#!/bin/sh\nexit 1\n' >$d/unshare && "
	    "chmod 755 $d/unshare && "
	    "PATH=$d:$PATH " DEMO_PROGRAM " >/dev/null 2>&1; "
	    "code=$?; rm -r $d; exit $code");

	cr_expect(WIFEXITED(status));
	cr_expect_eq(WEXITSTATUS(status), LAB_UNAVAILABLE);
}
