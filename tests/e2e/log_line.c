/* The line that every recipient leaves: other people's scripts read it. */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lab_client.h"

TestSuite(log_line, .timeout = 180);

static const char *const keys[] = {"qid", "to", "domain", "verdict", "reason",
    "mode", "policy", "policy_id", "policy_age", "policy_from", "mx", "hosts",
    "worst", "ms", "cached", "client"};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

static void
expect_keys_in_order(const char *line)
{
	const char *at = strstr(line, " rcpt ");

	cr_assert_not_null(at, "%s", line);
	for (size_t i = 0; i < KEYS; i++) {
		char key[64];

		snprintf(key, sizeof(key), " %s=", keys[i]);
		at = strstr(at, key);
		cr_assert_not_null(at, "no%s after its forerunner in: %s", key,
		    line);
	}
}

static void
expect_field(const char *line, const char *key, const char *value)
{
	char found[LAB_LINE_SIZE];

	lab_field(line, key, found);
	cr_expect_str_eq(found, value, "%s=\"%s\", not \"%s\"", key, found,
	    value);
}

Test(log_line, L_01_of_a_deferral)
{
	char *line;

	LAB_FRESH(NULL);
	free(LAB_ASK("l01@mxunsigned.test"));
	line = LAB_LOG("rcpt", "to=<l01@mxunsigned.test>");
	expect_keys_in_order(line);
	expect_field(line, "qid", "NOQUEUE");
	expect_field(line, "domain", "mxunsigned.test");
	expect_field(line, "verdict", "defer");
	expect_field(line, "mode", "enforce");
	expect_field(line, "policy", "enforce");
	expect_field(line, "policy_id", "20260101mxunsignedtest");
	expect_field(line, "policy_age", "0");
	expect_field(line, "policy_from", "fetch");
	expect_field(line, "mx", "secure");
	expect_field(line, "hosts", "0/1");
	expect_field(line, "cached", "no");
	expect_field(line, "client", "127.0.0.1");
	free(line);
}

Test(log_line, L_01_of_a_pass)
{
	char *line;

	LAB_FRESH(NULL);
	free(LAB_ASK("l02@secure.test"));
	line = LAB_LOG("rcpt", "to=<l02@secure.test>");
	expect_keys_in_order(line);
	expect_field(line, "verdict", "pass");
	expect_field(line, "reason", "secure");
	expect_field(line, "mx", "secure");
	expect_field(line, "hosts", "2/2");
	free(line);
}

Test(log_line, the_second_recipient_comes_out_of_the_cache)
{
	char *line;

	LAB_FRESH(NULL);
	free(LAB_ASK("l03@secure.test"));
	free(LAB_ASK("l04@secure.test"));
	line = LAB_LOG("rcpt", "to=<l04@secure.test>");
	expect_field(line, "cached", "yes");
	free(line);
}

/* The line names the message that the MTA's own log names. */
Test(log_line, the_queue_id_is_there_once_the_MTA_has_one)
{
	char qid[LAB_LINE_SIZE];
	char *transcript, *line;

	LAB_FRESH(NULL);
	transcript = LAB_ASK("l05@secure.test", "l06@unsigned.test");
	line = LAB_LOG("rcpt", "to=<l06@unsigned.test>");
	lab_field(line, "qid", qid);
	cr_expect_str_neq(qid, "NOQUEUE");
	cr_expect_gt(strlen(qid), 5);
	free(line);
	free(transcript);
}

Test(log_line, what_a_client_types_cannot_forge_a_line)
{
	struct lab_output out;

	LAB_FRESH(NULL);
	cr_assert_eq(lab_run((const char *const[]){"milter", "--mailer", "smtp",
				 "<\"x\nrcpt forged=yes\"@unsigned.test>",
				 NULL},
			 &out),
	    0);
	free(out.text);
	free(LAB_LOG("rcpt", "domain=unsigned.test"));
	cr_assert_eq(lab_run((const char *const[]){"grep", "forged=yes", NULL},
			 &out),
	    0);
	cr_expect_neq(out.status, 0, "%s", out.text);
	free(out.text);
}

Test(log_line, log_format_json_is_one_object_a_line)
{
	char *line;

	LAB_FRESH("log_format=json");
	free(LAB_ASK("l07@unsigned.test"));
	line = LAB_LOG("\"to\":\"<l07@unsigned.test>\"");
	cr_expect_eq(line[0], '{', "%s", line);
	cr_expect_not_null(strstr(line, "\"event\":\"rcpt\""), "%s", line);
	cr_expect_not_null(strstr(line, "\"verdict\":\"defer\""), "%s", line);
	cr_expect_not_null(strstr(line, "\"reason\":\"mx-insecure\""), "%s",
	    line);
	free(line);
}
