/* Which MX hosts the patterns cover (M-01 to M-04; RFC 8461 4.1). */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <string.h>

#include "core/policy.h"

struct match_row {
	const char *pattern;
	const char *host;
	bool match;
};

static const struct match_row rows[] = {
  /* the example of RFC 8461 4.1 */
    {"*.example.com",   "mail.example.com",    true },
    {"*.example.com",   "example.com",         false},
    {"*.example.com",   "foo.bar.example.com", false},
 /* M-01 */
    {"mx.example.org",  "mx.example.org",      true },
    {"mx.example.org",  "mx1.example.org",     false},
    {"mx.example.org",  "mx.example.or",       false},
    {"mx.example.org",  "x.example.org",       false},
    {"mx.example.org",  "a.mx.example.org",    false},
    {"mx.example.org",  "example.org",         false},
    {"*.org",           "example.org",         true },
    {"*.org",           "org",                 false},
    {"*.org",           "a.example.org",       false},
    {"*.example.org",   "a.example.net",       false},
    {"*.example.org",   "a.xexample.org",      false},
    {"*.example.org",   "a.example.org.org",   false},
    {"a",	       "a",		   true },
 /* M-02 */
    {"mx.example.org",  "MX.Example.ORG",      true },
    {"mx.example.org",  "mx.example.org.",     true },
    {"*.example.org",   "A.EXAMPLE.org.",      true },
    {"mx.example.org",  "mx.example.org..",    false},
    {"*.example.org",   "a.example.org..",     false},
 /* the bit that parts the cases parts other characters, too */
    {"a@.org",          "a`.org",              false},
    {"a[.org",          "a{.org",              false},
 /* M-03 */
    {"*.example.com",   ".example.com",        false},
    {"*.example.com",   "..example.com",       false},
    {"*.example.com",   "a..example.com",      false},
    {"*.example.com",   "*.example.com",       true },
    {"*.example.com",   "",                    false},
    {"*.example.com",   ".",                   false},
    {"mx.example.org",  "",                    false},
    {"mx.example.org",  ".",                   false},
 /* M-04: no other wildcards, should one get here */
    {"mx*.example.org", "mx1.example.org",     false},
    {"a.*.org",         "a.example.org",       false},
    {"*",	       "org",		 false},
};

Test(policy_mx, one_pattern_m01_m02_m03_m04)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		cr_expect(policy_mx_match(&rows[i].pattern, 1, rows[i].host) ==
			rows[i].match,
		    "%s %s", rows[i].pattern, rows[i].host);
}

Test(policy_mx, any_pattern_of_several)
{
	static const char *const mx[] = {"mail.example.com", "*.example.net",
	    "backupmx.example.com"};

	cr_expect(policy_mx_match(mx, 3, "mail.example.com"));
	cr_expect(policy_mx_match(mx, 3, "mx.example.net"));
	cr_expect(policy_mx_match(mx, 3, "BACKUPMX.example.com."));
	cr_expect(!policy_mx_match(mx, 3, "mx.example.com"));
	cr_expect(!policy_mx_match(mx, 2, "backupmx.example.com"));
	cr_expect(!policy_mx_match(mx, 0, "mail.example.com"));
	cr_expect(!policy_mx_match(NULL, 0, "mail.example.com"));
}

/* M-02: patterns are in lower case once parsed, the host need not be. */
Test(policy_mx, patterns_of_a_parsed_policy_p12)
{
	static const char body[] = "version: STSv1\nmode: enforce\n"
				   "mx: *.Example.ORG\nmax_age: 1\n";
	struct policy *policy = NULL;

	cr_assert(policy_parse((const uint8_t *)body, sizeof(body) - 1, NULL,
		      NULL, &policy) == 0);
	cr_expect(policy_mx_match(policy->mx, policy->n_mx, "MX.example.org"));
	cr_expect(
	    !policy_mx_match(policy->mx, policy->n_mx, "a.b.example.org"));
	policy_free(&policy);
}
