/* SIGUSR1: a new configuration without a connection dropped. */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lab_client.h"

TestSuite(reload, .timeout = 180);

/* A root's key, but not that of the lab's root. */
#define OTHER_ANCHOR                                                     \
	". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC" \
	"683457104237C7F8EC8D\n"

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

static void
reload_awaited(const char *option, const char *line)
{
	LAB("daemon", "reload", "--", option);
	free(LAB_LOG("reload", line));
}

Test(reload, a_session_that_is_open_goes_on_under_the_new_mode)
{
	char *answers;

	LAB_FRESH(NULL);
	answers = LAB_TEXT("milter", "--mailer", "smtp", "--host",
	    "unsigned.test", "--reload", "mode=monitor", "u1@unsigned.test",
	    "u2@unsigned.test");
	cr_expect_eq(strncmp(answers, "450 4.7.5 ", 10), 0, "%s", answers);
	cr_expect_not_null(strstr(answers, "\ncontinue\n"), "%s", answers);
	free(answers);
	free(LAB_LOG("rcpt", "to=u2@unsigned.test", "verdict=defer",
	    "mode=monitor"));
	LAB("alive");
}

Test(reload, a_bad_file_is_reported_and_changes_nothing)
{
	char *line;

	LAB_FRESH("mode=monitor");
	LAB("daemon", "reload", "--", "mode=nonsense");
	line = LAB_LOG("error reload", "nonsense");
	cr_expect_not_null(strstr(line, "dane-sts-milter.conf:"), "%s", line);
	cr_expect_not_null(strstr(line, "the configuration that runs is kept"),
	    "%s", line);
	free(line);
	expect_start("kept@unsigned.test", "250 ");
	free(LAB_LOG("rcpt", "to=<kept@unsigned.test>", "mode=monitor"));
}

/* A gradual start: secure.test has place 18, unsigned.test 77. */
Test(reload, A_06_the_share_that_is_enforced_can_grow)
{
	LAB_FRESH("enforce_percent=77");
	expect_start("out@unsigned.test", "250 ");
	free(LAB_LOG("rcpt", "to=<out@unsigned.test>", "verdict=defer",
	    "mode=monitor"));
	reload_awaited("enforce_percent=78", "mode=enforce");
	expect_start("in@unsigned.test", "450 4.7.5 ");
	free(LAB_LOG("rcpt", "to=<in@unsigned.test>", "verdict=defer",
	    "mode=enforce"));
}

/* What is said of those that end: test_exemption_log. */
Test(reload, T_14_pins_come_and_go)
{
	char path[] = "/tmp/dane-sts-pins.XXXXXX";
	char option[sizeof(path) + 16];
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");

	cr_assert_not_null(file);
	cr_assert_geq(fputs("plain.test # partner\n"
			    "old.test until 2020-01-01 # moved\n",
			  file),
	    0);
	cr_assert_eq(fclose(file), 0);
	LAB_FRESH(NULL);
	expect_start("pin-1@plain.test", "250 ");
	snprintf(option, sizeof(option), "require_file=%s", path);
	reload_awaited(option, "pins=2");
	free(LAB_LOG("warning pin", "domain=old.test", "state=lapsed",
	    "why=moved"));
	expect_start("pin-2@plain.test", "450 4.7.5 ");
	reload_awaited("require_file=", "pins=0");
	expect_start("pin-3@plain.test", "250 ");
	remove(path);
}

/* logrotate does not ask whether the configuration is good. */
Test(reload, a_log_file_that_was_rotated_is_left_under_a_bad_file_too)
{
	LAB_FRESH("mode=monitor");
	LAB("rotate");
	LAB("daemon", "reload", "--", "mode=nonsense");
	free(LAB_LOG("error reload", "nonsense"));
	expect_start("rotated@unsigned.test", "250 ");
	free(LAB_LOG("rcpt", "to=<rotated@unsigned.test>"));
}

Test(reload, a_trust_anchor_that_cannot_be_read_changes_nothing)
{
	LAB_FRESH(NULL);
	LAB("daemon", "reload", "--", "trust_anchor=/nonexistent/root.key");
	free(LAB_LOG("reload", "/nonexistent/root.key"));
	expect_start("anchor-kept@secure.test", "250 ");
}

Test(reload, D_20_a_new_trust_anchor_counts_from_the_next_lookup)
{
	char path[] = "/tmp/dane-sts-anchor.XXXXXX";
	char option[sizeof(path) + 16];
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");

	cr_assert_not_null(file);
	cr_assert_geq(fputs(OTHER_ANCHOR, file), 0);
	cr_assert_eq(fclose(file), 0);
	LAB_FRESH(NULL);
	expect_start("anchor-1@secure.test", "250 ");
	snprintf(option, sizeof(option), "trust_anchor=%s", path);
	reload_awaited(option, "mode=enforce");
	/* What was found out under the old one is used no more. */
	expect_start("anchor-2@secure.test", "450 4.7.5 ");
	LAB("daemon", "reload");
	free(LAB_LOG("resolver", "state=ok"));
	remove(path);
}

Test(reload, what_only_a_restart_changes_is_named)
{
	char *line;

	LAB_FRESH(NULL);
	LAB("daemon", "reload", "--", "socket=inet:1@127.0.0.1", "loops=2",
	    "mode=monitor");
	line = LAB_LOG("reload", "only a restart changes");
	cr_expect_not_null(strstr(line, ": socket, loops"), "%s", line);
	free(line);
	/* while the rest has been taken */
	expect_start("named@unsigned.test", "250 ");
}

Test(reload, log_pass_and_log_level_change)
{
	struct lab_output out;

	LAB_FRESH(NULL);
	reload_awaited("log_level=warning", "mode=enforce");
	expect_start("silent@secure.test", "250 ");
	expect_start("told@unsigned.test", "450 4.7.5 ");
	free(LAB_LOG("rcpt", "to=<told@unsigned.test>"));
	cr_assert_eq(lab_run((const char *const[]){"grep",
				 "to=<silent@secure.test>", NULL},
			 &out),
	    0);
	cr_expect_eq(out.status, 1, "%s", out.text);
	free(out.text);
}

/* SIGUSR1 again and again, while mail comes in. */
Test(reload, many_reloads_under_load_drop_nothing)
{
	LAB_FRESH(NULL);
	for (int i = 0; i < 5; i++) {
		LAB("daemon", "reload");
		LAB("load", "--", "--recipients", "100", "--connections", "4",
		    "--expect", "secure.test=continue", "--expect",
		    "unsigned.test=450 4.7.5", "secure.test", "unsigned.test");
	}
	LAB("alive");
}
