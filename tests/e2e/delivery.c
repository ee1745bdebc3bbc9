/*
 * The moment of delivery: Postfix asks for the TLS policy (policy_socket) and
 * delivers, or does not. The MX hosts of the lab share one key, of which the
 * TLSA records tell, and one certificate of the lab's CA.
 */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lab_client.h"

static void
set_up(void)
{
	LAB_FRESH(NULL);
	LAB("tls", "on");
}

static void
tear_down(void)
{
	LAB("discard");
	LAB("sink", "ok");
	LAB("tls", "off");
	LAB("postfix", "defer_transports=");
	LAB("tamper", "clear");
}

TestSuite(delivery, .init = set_up, .fini = tear_down, .timeout = 300);

/* --- what is delivered --- */

Test(delivery, TLSA_that_matches)
{
	lab_send("d1@secure.test");
	lab_expect_delivered("d1@secure.test", "X-TLS: TLSv1");
	lab_expect_answer("secure.test", "dane-only");
}

Test(delivery, D_16_without_TLSA_by_MTA_STS)
{
	lab_send("d2@notlsa.test");
	lab_expect_delivered("d2@notlsa.test", "X-TLS: TLSv1");
	lab_expect_answer("notlsa.test", "secure");
}

Test(delivery, D_16_without_TLSA_and_mode_enforce_encrypted)
{
	LAB("sink", "untrusted");
	lab_send("d3@notlsa-testing.test");
	lab_expect_delivered("d3@notlsa-testing.test", "X-TLS: TLSv1");
	lab_expect_answer("notlsa-testing.test", "encrypt");
}

Test(delivery, no_tlsa_level_verify)
{
	LAB_FRESH("no_tlsa_level=verify");
	lab_send("d4@notlsa-testing.test");
	lab_expect_delivered("d4@notlsa-testing.test", "X-TLS: TLSv1");
	lab_expect_answer("notlsa-testing.test", "verify");
	LAB("sink", "untrusted");
	lab_send("d5@notlsa-testing.test");
	lab_expect_deferred("d5@notlsa-testing.test", "not verified");
}

Test(delivery, MTA_STS_of_a_domain_that_is_not_bound)
{
	lab_send("d6@noflag.test");
	lab_expect_delivered("d6@noflag.test", "X-TLS: TLSv1");
	lab_expect_answer("noflag.test", "secure");
}

Test(delivery, without_policy_as_the_mta_pleases)
{
	LAB("sink", "plain");
	lab_send("d7@plain.test");
	lab_expect_delivered("d7@plain.test", "X-TLS: none");
	lab_expect_answer("plain.test", "none");
}

/* --- what is not --- */

Test(delivery, S_01_TLSA_that_does_not_match)
{
	LAB("sink", "other-key");
	lab_send("d8@secure.test");
	lab_expect_deferred("d8@secure.test", "");
	lab_expect_answer("secure.test", "dane-only");
	/* The CA is good enough for those who have no TLSA. */
	lab_send("d9@notlsa.test");
	lab_expect_delivered("d9@notlsa.test", "X-TLS: TLSv1");
}

Test(delivery, a_certificate_that_nobody_vouches_for)
{
	LAB("sink", "untrusted");
	lab_send("d10@notlsa.test");
	lab_send("d11@noflag.test");
	lab_expect_deferred("d10@notlsa.test", "not verified");
	lab_expect_deferred("d11@noflag.test", "not verified");
}

Test(delivery, A_03_never_in_the_clear)
{
	static const char *const recipients[] = {"d12@secure.test",
	    "d12@notlsa.test", "d12@notlsa-testing.test", "d12@testing.test",
	    "d12@modenone.test", "d12@implicit.test", "d12@noflag.test"};

	LAB("sink", "plain");
	for (size_t i = 0; i < sizeof(recipients) / sizeof(*recipients); i++)
		lab_send(recipients[i]);
	for (size_t i = 0; i < sizeof(recipients) / sizeof(*recipients); i++)
		lab_expect_deferred(recipients[i], "");
	LAB("sink", "ok");
	LAB("flush");
	for (size_t i = 0; i < sizeof(recipients) / sizeof(*recipients); i++)
		lab_expect_delivered(recipients[i], "X-TLS: TLSv1");
}

/* Nothing but the store survives, as after the TTL of all records. */
static void
tamper_after_acceptance(const char *recipient, const char *const *rule)
{
	LAB("postfix", "defer_transports=smtp");
	lab_send(recipient);
	LAB("stored", "secure.test");
	free(lab_must(rule));
	LAB("daemon", "restart");
	LAB("postfix", "defer_transports=");
	LAB("flush");
	lab_expect_deferred(recipient, "");
	LAB("tamper", "clear");
	LAB("daemon", "restart");
	LAB("flush");
	lab_expect_delivered(recipient, "X-TLS: TLSv1");
}

Test(delivery, A_03_the_MX_set_is_stripped_after_acceptance)
{
	tamper_after_acceptance("d13@secure.test",
	    (const char *const[]){"tamper", "rule", "fwd", "secure.test", "MX",
		"strip", NULL});
}

Test(delivery, D_15_TLSA_is_denied_after_acceptance)
{
	tamper_after_acceptance("d14@secure.test",
	    (const char *const[]){"tamper", "rule", "fwd",
		"_25._tcp.mx1.secure.test", "TLSA", "nxdomain", NULL});
	/* Of the MX set Postfix's own resolver tells it before it asks. */
	lab_expect_answer("secure.test", "defer");
}

/* Who stops the daemon must not get plaintext for it. */
Test(delivery, A_03_without_the_daemon_nothing_goes_out)
{
	LAB("postfix", "defer_transports=smtp");
	lab_send("d15@secure.test");
	LAB("daemon", "stop");
	LAB("postfix", "defer_transports=");
	LAB("flush");
	lab_expect_deferred("d15@secure.test", "");
	LAB("daemon", "start");
	LAB("flush");
	lab_expect_delivered("d15@secure.test", "X-TLS: TLSv1");
}

Test(delivery, A_06_monitor_only_watches)
{
	LAB_FRESH("mode=monitor");
	LAB("sink", "plain");
	lab_send("d16@notlsa.test");
	lab_expect_delivered("d16@notlsa.test", "X-TLS: none");
	free(LAB_LOG("tls-policy", "domain=notlsa.test", "answer=secure",
	    "mode=monitor"));
}

Test(delivery, status_counts_the_answers)
{
	struct lab_output out;
	char *text;

	LAB("lookup", "secure.test");
	LAB("lookup", "notlsa.test");
	LAB("lookup", "noflag.test");
	cr_assert_eq(lab_run((const char *const[]){"lookup", "unsigned.test",
				 NULL},
			 &out),
	    0);
	free(out.text);
	text = LAB_TEXT("tool", "--", "status");
	cr_expect_not_null(strstr(text, "deliveries   4, 1 deferred, 0 "), "%s",
	    text);
	cr_expect_not_null(strstr(text, "\n  dane-only            1\n"), "%s",
	    text);
	cr_expect_not_null(strstr(text, "\n  secure               2\n"), "%s",
	    text);
	free(text);
}

/* --- postmap -q --- */

#define NOT_FOUND ""

static const struct {
	const char *key;
	const char *answer;
} lookups[] = {
    {"secure.test",         "dane-only"				       },
    {"SECURE.test.",        "dane-only"				       },
    {"[mx1.secure.test]",   NOT_FOUND					 },
    {"notlsa.test",         "secure match=mx1.notlsa.test servername=hostname"},
    {"notlsa-testing.test", "encrypt"					 },
    {"noflag.test",         "secure match=mx1.noflag.test servername=hostname"},
    {"implicit.test",       "dane-only"				       },
    {"nullmx.test",         "dane-only"				       },
    {"noaddress.test",      "dane-only"				       },
    {"plain.test",          NOT_FOUND					 },
    {".secure.test",        NOT_FOUND					 },
    {"[127.0.0.1]",         NOT_FOUND					 },
    {"stra\xc3\x9f"
     "e.test",	 "dane-only"				       },
};

Test(delivery, postmap_asks)
{
	for (size_t i = 0; i < sizeof(lookups) / sizeof(lookups[0]); i++) {
		struct lab_output out;

		cr_assert_eq(lab_run((const char *const[]){"lookup",
					 lookups[i].key, NULL},
				 &out),
		    0);
		out.text[strcspn(out.text, "\n")] = '\0';
		cr_expect_str_eq(out.text, lookups[i].answer, "%s: %s",
		    lookups[i].key, out.text);
		free(out.text);
	}
}

Test(delivery, D_05_postmap_is_told_a_temporary_error)
{
	struct lab_output out;

	cr_assert_eq(lab_run((const char *const[]){"lookup", "unsigned.test",
				 NULL},
			 &out),
	    0);
	cr_expect_eq(out.status, 70, "%s", out.text);
	free(out.text);
	lab_expect_answer("unsigned.test", "defer");
}
