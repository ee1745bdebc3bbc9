/*
 * An attacker on the DNS path cannot end discovery: whatever he does to the
 * signatures, keys and delegation of a domain, to its TXT record and to its
 * policy host's address, its policy is found and its recipients are deferred
 * (T-11 to T-13, F-14, C-10, K9). tests/lab/first_contact_rows.py has the
 * cases; each is tried with nothing stored and with a stored policy, behind a
 * plain and behind a validating forwarder.
 */
#include "autoconf.h"

#include <stdlib.h>

#include <criterion/criterion.h>

#include "lab_client.h"

TestSuite(first_contact, .timeout = 180);

static void
check(const char *what, const char *forwarder)
{
	struct lab_output out;

	cr_assert_eq(lab_run((const char *const[]){"contact", what, forwarder,
				 NULL},
			 &out),
	    0);
	cr_expect_eq(out.status, 0, "%s", out.text);
	free(out.text);
}

Test(first_contact, T_11_T_12_F_14_C_10_K9_plain_forwarder)
{
	check("attacks", "plain");
}

Test(first_contact, T_11_T_12_F_14_C_10_K9_validating_forwarder)
{
	check("attacks", "validating");
}

Test(first_contact, T_11_T_12_F_14_C_10_K9_recursion)
{
	check("attacks", "none");
}

Test(first_contact, T_11_T_12_stripped_from_the_root_plain_forwarder)
{
	check("root", "plain");
}

Test(first_contact, T_11_T_12_stripped_from_the_root_validating_forwarder)
{
	check("root", "validating");
}

Test(first_contact, T_13_the_lookup_after_a_failed_fetch_is_fresh)
{
	check("retry", "plain");
}

Test(first_contact, T_13_a_lie_with_a_long_TTL_is_not_kept)
{
	check("lies", "plain");
}

Test(first_contact, T_13_a_lie_with_a_long_TTL_is_not_kept_in_recursion)
{
	check("lies", "none");
}
