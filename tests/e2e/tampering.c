/* Somebody on the path to the DNS takes things out of the answers. */
#include "autoconf.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lab_client.h"

TestSuite(tampering, .timeout = 180);

#define TAMPER(...) LAB("tamper", "rule", "fwd", __VA_ARGS__)

static void
expect_reply(const char *recipient, const char *start)
{
	char reply[LAB_LINE_SIZE];
	char *transcript = LAB_ASK(recipient);

	lab_reply(transcript, recipient, reply);
	cr_expect_eq(strncmp(reply, start, strlen(start)), 0, "%s: \"%s\"",
	    recipient, reply);
	free(transcript);
}

/* Nothing but the store survives. */
static void
restart(void)
{
	LAB("daemon", "restart");
}

Test(tampering, D_06_stripped_with_a_stored_policy_defers)
{
	LAB_FRESH(NULL);
	expect_reply("first@secure.test", "250 ");
	free(LAB_LOG("rcpt", "to=<first@secure.test>", "verdict=pass"));
	LAB("stored", "secure.test");
	TAMPER("secure.test", "*", "strip");
	TAMPER(".secure.test", "*", "strip");
	restart();
	expect_reply("second@secure.test",
	    "450 4.7.5 secure.test: DNSSEC "
	    "required by policy, ");
	free(LAB_LOG("rcpt", "to=<second@secure.test>", "verdict=defer",
	    "policy_from=cache"));
	LAB("tamper", "clear");
}

/* The policy is fetched, as the TXT record was left alone. */
Test(tampering, D_06_a_stripped_MX_set_at_first_contact_defers)
{
	LAB_FRESH(NULL);
	TAMPER("secure.test", "MX", "strip");
	expect_reply("u1@secure.test",
	    "450 4.7.5 secure.test: DNSSEC required by policy, "
	    "MX of secure.test: bogus");
	free(LAB_LOG("rcpt", "to=<u1@secure.test>", "reason=mx-bogus"));
	LAB("tamper", "clear");
}

Test(tampering, T_11_everything_stripped_at_first_contact_defers)
{
	LAB_FRESH(NULL);
	TAMPER("secure.test", "*", "strip");
	TAMPER(".secure.test", "*", "strip");
	expect_reply("u2@secure.test",
	    "450 4.7.5 secure.test: DNSSEC required by policy, "
	    "MX of secure.test: bogus");
	free(LAB_LOG("rcpt", "to=<u2@secure.test>", "reason=mx-bogus",
	    "policy_from=fetch"));
	LAB("tamper", "clear");
}

static void
hide_everything(void)
{
	TAMPER("secure.test", "*", "strip");
	TAMPER("_mta-sts.secure.test", "TXT", "nxdomain");
	TAMPER("mta-sts.secure.test", "*", "nxdomain");
}

/* Nothing is known of the domain then, and the log does not pretend it was. */
Test(tampering, D_21_a_blocked_policy_host_hides_the_policy_at_first_contact)
{
	LAB_FRESH(NULL);
	hide_everything();
	expect_reply("d21@secure.test", "250 ");
	free(LAB_LOG("rcpt", "to=<d21@secure.test>", "reason=discovery-bogus"));
	LAB("tamper", "clear");
}

Test(tampering, K9_on_bogus_discovery_tempfail_defers_first_contact)
{
	LAB_FRESH("on_bogus_discovery=tempfail");
	hide_everything();
	expect_reply("u3@secure.test", "450 4.7.5 secure.test: ");
	free(LAB_LOG("rcpt", "to=<u3@secure.test>", "verdict=defer",
	    "reason=discovery-bogus"));
	LAB("tamper", "clear");
}

Test(tampering, D_03_D_04_testing_and_none_bind)
{
	LAB_FRESH(NULL);
	TAMPER("testing.test", "MX", "strip");
	TAMPER("modenone.test", "MX", "strip");
	expect_reply("u@testing.test", "450 4.7.5 testing.test: ");
	expect_reply("u@modenone.test", "450 4.7.5 modenone.test: ");
	free(LAB_LOG("rcpt", "to=<u@testing.test>", "policy=testing"));
	free(LAB_LOG("rcpt", "to=<u@modenone.test>", "policy=none",
	    "policy_from=fetch"));
	LAB("tamper", "clear");
}

Test(tampering, D_14_a_forged_address_defers)
{
	LAB_FRESH(NULL);
	TAMPER("mx1.secure.test", "A", "forge", "60", "192.0.2.66");
	expect_reply("u4@secure.test",
	    "450 4.7.5 secure.test: DNSSEC required by policy, "
	    "A of mx1.secure.test: bogus");
	LAB("tamper", "clear");
}

/* Without it DANE would be switched off unseen. */
Test(tampering, D_15_a_denied_TLSA_record_defers)
{
	LAB_FRESH(NULL);
	TAMPER("_25._tcp.mx1.secure.test", "TLSA", "nxdomain");
	expect_reply("u5@secure.test",
	    "450 4.7.5 secure.test: DNSSEC required by policy, "
	    "TLSA of mx1.secure.test: ");
	LAB("tamper", "clear");
}

Test(tampering, D_08_servfail_defers)
{
	LAB_FRESH(NULL);
	TAMPER("secure.test", "MX", "servfail");
	expect_reply("u6@secure.test",
	    "450 4.7.5 secure.test: DNSSEC required by policy, "
	    "MX of secure.test: failed");
	free(LAB_LOG("rcpt", "to=<u6@secure.test>", "reason=mx-failed"));
	LAB("tamper", "clear");
}

Test(tampering, C_04_a_suppressed_TXT_record_does_not_free_the_domain)
{
	LAB_FRESH(NULL);
	expect_reply("c04-1@unsigned.test", "450 4.7.5 ");
	LAB("stored", "unsigned.test");
	/* The zone is unsigned: such a denial is believed. */
	TAMPER("_mta-sts.unsigned.test", "TXT", "nodata");
	restart();
	expect_reply("c04-2@unsigned.test",
	    "450 4.7.5 unsigned.test: DNSSEC required by policy, "
	    "MX of unsigned.test: insecure");
	free(LAB_LOG("rcpt", "to=<c04-2@unsigned.test>", "verdict=defer",
	    "policy_from=cache", "reason=mx-insecure"));
	LAB("tamper", "clear");
}

Test(tampering, C_05_a_policy_host_that_is_gone_does_not_free_the_domain)
{
	LAB_FRESH(NULL);
	expect_reply("c05-1@unsigned.test", "450 4.7.5 ");
	LAB("stored", "unsigned.test");
	/* Another id, so that it is asked for anew, in vain. */
	TAMPER("_mta-sts.unsigned.test", "TXT", "forge", "60",
	    "'\"v=STSv1; id=another;\"'");
	LAB("policy", "unsigned.test", "down");
	restart();
	expect_reply("c05-2@unsigned.test", "450 4.7.5 ");
	free(LAB_LOG("rcpt", "to=<c05-2@unsigned.test>", "verdict=defer",
	    "policy_from=cache"));
	LAB("policy", "unsigned.test", "ok");
	LAB("tamper", "clear");
}

Test(tampering, C_07_a_policy_without_the_flag_replaces_the_stored_one)
{
	LAB_FRESH(NULL);
	expect_reply("c07-1@unsigned.test", "450 4.7.5 ");
	LAB("stored", "unsigned.test");
	TAMPER("_mta-sts.unsigned.test", "TXT", "forge", "60",
	    "'\"v=STSv1; id=withdrawn;\"'");
	LAB("policy", "unsigned.test",
	    "{\"body\":\"version: STSv1\\nmode: none\\nmax_age: 86400\\n\"}");
	restart();
	expect_reply("c07-2@unsigned.test", "250 ");
	free(LAB_LOG("rcpt", "to=<c07-2@unsigned.test>",
	    "reason=no-dnssec-flag", "policy_from=fetch"));
	LAB("policy", "unsigned.test", "ok");
	LAB("tamper", "clear");
}

/* A resolver path that strips everything is our trouble, and is named so. */
Test(tampering, D_20_a_path_that_does_not_validate_is_told_apart)
{
	LAB_FRESH(NULL);
	expect_reply("d20-1@secure.test", "250 ");
	LAB("stored", "secure.test");
	TAMPER("*", "*", "strip");
	restart();
	free(LAB_LOG("error resolver", "state=broken"));
	expect_reply("d20-2@secure.test",
	    "450 4.7.5 secure.test: DNSSEC required by policy, "
	    "resolver: does not validate");
	free(LAB_LOG("rcpt", "to=<d20-2@secure.test>",
	    "reason=resolver-broken"));
	LAB("tamper", "clear");
}
