/*
 * Where mail really goes decides which domain is judged, in every way that
 * Postfix and Sendmail route it: tests/lab/routes_rows.py and
 * routes_sendmail_rows.py have a row for each (R-01, R-03, R-05, R-07, R-09,
 *
 */
#include "autoconf.h"

#include <stdlib.h>

#include <criterion/criterion.h>

#include "lab_client.h"

TestSuite(routes, .timeout = 300);

Test(routes, R_03_R_07_R_17_R_18_R_19_R_20_the_next_hop_is_judged)
{
	struct lab_output out;

	cr_assert_eq(lab_run((const char *const[]){"routes", NULL}, &out), 0);
	cr_expect_eq(out.status, 0, "%s", out.text);
	free(out.text);
}
