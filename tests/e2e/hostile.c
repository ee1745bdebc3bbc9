/*
 * Everybody outside is against us: policy hosts, certificates, the DNS, whoever
 * is on the path to it. tests/lab/hostile_rows.py has the cases, one row each;
 * each is tried without and with a stored policy (A-01, C-04, C-05, C-06, D-05
 * to D-08, F-03 to F-16).
 */
#include "autoconf.h"

#include <stdlib.h>

#include <criterion/criterion.h>

#include "lab_client.h"

TestSuite(hostile, .timeout = 300);

/* The lab does the trials and prints what is wrong. */
static void
expect_good(const char *command)
{
	struct lab_output out;

	cr_assert_eq(lab_run((const char *const[]){command, NULL}, &out), 0);
	cr_expect_eq(out.status, 0, "%s", out.text);
	free(out.text);
}

Test(hostile, C_05_C_06_F_08_F_16_no_row_does_harm)
{
	expect_good("hostile");
}

Test(hostile, silent_domains_starve_nobody_who_is_bound)
{
	expect_good("crowd");
}

Test(hostile, S_08_domains_with_many_silent_hosts_starve_nobody)
{
	expect_good("greedy");
}
