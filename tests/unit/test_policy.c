/* What is read out of policies (P-04 to P-18, K4, K6, K7). */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "core/policy.h"

#define BASE \
	"version: STSv1\nmode: enforce\nmx: mx.example.org\nmax_age: 86400\n"
#define HEAD "version: STSv1\nmode: enforce\nmax_age: 86400\n"

static struct policy *
parse_len(const char *body, size_t len)
{
	struct policy *policy = NULL;
	int err = policy_parse((const uint8_t *)body, len, NULL, NULL, &policy);

	cr_assert(err == 0, "%s", body);
	cr_assert(policy != NULL);
	return policy;
}

static struct policy *
parse(const char *body)
{
	return parse_len(body, strlen(body));
}

/* P-05, P-13, P-14, K4. UINT32_MAX: no policy. */
Test(policy, max_age_p05_p13_p14_k4)
{
	static const struct {
		const char *value;
		uint32_t max_age_s;
	} rows[] = {
	    {"0",           0         },
	    {"00",          0         },
	    {"1",           1         },
	    {"0000086400",  86400     },
	    {"86400",       86400     },
	    {"604800",      604800    },
	    {"31557599",    31557599  },
	    {"31557600",    31557600  },
	    {"31557601",    31557600  },
	    {"2147483647",  31557600  },
	    {"2147483648",  31557600  },
	    {"4294967295",  31557600  },
	    {"4294967296",  31557600  },
	    {"4294967297",  31557600  },
	    {"9999999999",  31557600  },
	    {"10000000000", UINT32_MAX},
	    {"00000000001", UINT32_MAX},
	    {"",            UINT32_MAX},
	    {"-1",          UINT32_MAX},
	    {"+1",          UINT32_MAX},
	    {"1s",          UINT32_MAX},
	    {"1d",          UINT32_MAX},
	    {"1.5",         UINT32_MAX},
	    {"1e5",         UINT32_MAX},
	    {"0x10",        UINT32_MAX},
	    {"1 000",       UINT32_MAX},
	    {"1,000",       UINT32_MAX},
	    {"abc",         UINT32_MAX},
	    {"\"1\"",       UINT32_MAX},
	    {"1/",          UINT32_MAX},
	    {"1:",          UINT32_MAX},
	    {"\xd9\xa1",    UINT32_MAX},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct policy *policy = NULL;
		char body[128];
		int err;

		(void)snprintf(body, sizeof(body),
		    "version: STSv1\nmode: none\nmax_age: %s\n", rows[i].value);
		err = policy_parse((const uint8_t *)body, strlen(body), NULL,
		    NULL, &policy);
		if (rows[i].max_age_s == UINT32_MAX) {
			cr_expect(err == ERR_SYNTAX, "%s", rows[i].value);
			continue;
		}
		cr_assert(err == 0, "%s", rows[i].value);
		cr_expect(policy->max_age_s == rows[i].max_age_s, "%s: %u",
		    rows[i].value, policy->max_age_s);
		policy_free(&policy);
	}
}

/* P-15 to P-17, K6, K7 */
Test(policy, dnssec_p15_p16_p17_k6_k7)
{
	static const struct {
		const char *tail;
		bool dnssec;
	} rows[] = {
	    {"",			     false},
	    {"dnssec: yes\n",                true },
	    {"dnssec:yes\n",                 true },
	    {"dnssec: \t yes \t\r\n",        true },
	    {"dnssec: yes",                  true },
	    {"dnssec: YES\n",                false},
	    {"dnssec: Yes\n",                false},
	    {"dnssec: true\n",               false},
	    {"dnssec: \"yes\"\n",            false},
	    {"dnssec: yes;\n",               false},
	    {"dnssec: yes yes\n",            false},
	    {"dnssec: yess\n",               false},
	    {"dnssec: ye\n",                 false},
	    {"dnssec: y\n",                  false},
	    {"dnssec: 1\n",                  false},
	    {"dnssec: no\n",                 false},
	    {"dnssec: yes\xc2\xa0\n",        false},
	    {"DNSSEC: yes\n",                false},
	    {"Dnssec: yes\n",                false},
	    {"dnssec-: yes\n",               false},
	    {"x-dnssec: yes\n",              false},
	    {"dnsse: yes\n",                 false},
	    {"ext: dnssec: yes\n",           false},
	    {"dnssec: no\ndnssec: yes\n",    false},
	    {"dnssec: maybe\ndnssec: yes\n", false},
	    {"dnssec: yes\ndnssec: no\n",    true },
	    {"dnssec: yes\ndnssec: yes\n",   true },
	    {"DNSSEC: no\ndnssec: yes\n",    true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct policy *policy;
		char body[256];

		(void)snprintf(body, sizeof(body), BASE "%s", rows[i].tail);
		policy = parse(body);
		cr_expect(policy->dnssec == rows[i].dnssec, "row %zu: %s", i,
		    rows[i].tail);
		policy_free(&policy);
	}
}

Test(policy, first_of_several_p09)
{
	struct policy *policy = parse(
	    "mode: testing\nmax_age: 5\n" BASE "mode: none\nmax_age: 7\n");

	cr_expect(policy->mode == POLICY_MODE_TESTING);
	cr_expect(policy->max_age_s == 5);
	cr_expect(policy->n_mx == 1);
	policy_free(&policy);
}

Test(policy, mx_in_lower_case_p12)
{
	struct policy *policy =
	    parse(HEAD "mx: MX1.Example.ORG \nmx:*.EXAMPLE.net\r\nmx: a\n"
		       "mx: a");

	cr_assert(policy->n_mx == 4);
	cr_expect(strcmp(policy->mx[0], "mx1.example.org") == 0);
	cr_expect(strcmp(policy->mx[1], "*.example.net") == 0);
	cr_expect(strcmp(policy->mx[2], "a") == 0);
	cr_expect(strcmp(policy->mx[3], "a") == 0);
	policy_free(&policy);
}

/* The examples of RFC 8461 (3.2 and appendix A) and of the draft (4). */
Test(policy, examples_of_the_documents)
{
	struct policy *policy =
	    parse("version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\n"
		  "mx: *.example.net\r\nmx: backupmx.example.com\r\n"
		  "max_age: 604800\r\n");

	cr_expect(policy->mode == POLICY_MODE_ENFORCE);
	cr_expect(policy->max_age_s == 604800);
	cr_expect(!policy->dnssec);
	cr_assert(policy->n_mx == 3);
	cr_expect(strcmp(policy->mx[0], "mail.example.com") == 0);
	cr_expect(strcmp(policy->mx[1], "*.example.net") == 0);
	cr_expect(strcmp(policy->mx[2], "backupmx.example.com") == 0);
	policy_free(&policy);

	policy = parse("version: STSv1\nmode: testing\nmx: mx1.example.com\n"
		       "mx: mx2.example.com\nmx: mx.backup-example.com\n"
		       "max_age: 1296000\n");
	cr_expect(policy->mode == POLICY_MODE_TESTING);
	cr_expect(policy->max_age_s == 1296000);
	cr_assert(policy->n_mx == 3);
	cr_expect(strcmp(policy->mx[2], "mx.backup-example.com") == 0);
	policy_free(&policy);

	policy = parse("version: STSv1\nmode: enforce\nmx: mail.example.com\n"
		       "max_age: 86400\ndnssec: yes\n");
	cr_expect(policy->mode == POLICY_MODE_ENFORCE);
	cr_expect(policy->max_age_s == 86400);
	cr_expect(policy->dnssec);
	cr_expect(policy->n_mx == 1);
	policy_free(&policy);
}

/* RFC 8461 8.3: how a policy is withdrawn. */
Test(policy, mode_none_without_mx_p06)
{
	struct policy *policy =
	    parse("version: STSv1\nmode: none\nmax_age: 86400\n");

	cr_expect(policy->mode == POLICY_MODE_NONE);
	cr_expect(policy->n_mx == 0);
	policy_free(&policy);
}

/* Whatever the body is cut down to, dnssec: yes is not read out of less than
 * a policy; a sanitizer sees whether more than the body is read. */
Test(policy, cut_bodies_p01_p18)
{
	static const char body[] = "version: STSv1\r\ndnssec: yes\r\n"
				   "mode: none\r\nmax_age: 86400";

	for (size_t len = 0; len < sizeof(body); len++) {
		struct policy *policy = NULL;
		uint8_t *copy = malloc(len + 1);
		bool whole = len >= sizeof(body) - 1 - 4;
		int err;

		cr_assert(copy != NULL);
		memcpy(copy, body, len);
		err = policy_parse(copy, len, NULL, NULL, &policy);
		cr_expect(err ==
			(len == sizeof(body) || !whole ? ERR_SYNTAX : 0),
		    "%zu octets: %d", len, err);
		policy_free(&policy);
		free(copy);
	}
}

Test(policy, no_body_at_all)
{
	struct policy *policy = NULL;

	cr_expect(policy_parse(NULL, 0, NULL, NULL, &policy) == ERR_SYNTAX);
	cr_expect(policy == NULL);
	policy_free(&policy);
}

/* As many patterns as 64 KB hold. */
Test(policy, many_patterns_s02)
{
	static char body[65536];
	struct policy *policy;
	size_t len = strlen(HEAD);
	size_t n = 0;

	memcpy(body, HEAD, len);
	for (; len + 5 <= sizeof(body); len += 5, n++)
		memcpy(body + len, "mx:a\n", 5);
	policy = parse_len(body, len);
	cr_assert(policy->n_mx == n);
	for (size_t i = 0; i < n; i++)
		cr_expect(strcmp(policy->mx[i], "a") == 0);
	policy_free(&policy);
}

static const struct {
	const char *body;
	const char *written;
} written[] = {
    {"version: STSv1\r\nx-note: a long story\r\nmode: enforce\r\n"
     "mx: *.Example.org\r\nmx: mx.example.net\r\nmax_age: 86400\r\n",
     "version: STSv1\nmode: enforce\nmax_age: 86400\n"
     "mx: *.example.org\nmx: mx.example.net\n"},
    {"version: STSv1\ndnssec: yes\nmode: none\nmax_age: 9999999999\n",
     "version: STSv1\nmode: none\nmax_age: 31557600\ndnssec: yes\n"},
};

Test(policy, C_16_only_what_is_known_is_written)
{
	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
		struct policy *policy = NULL;
		uint8_t out[256];
		size_t len;

		cr_assert_eq(policy_parse((const uint8_t *)written[i].body,
				 strlen(written[i].body), NULL, NULL, &policy),
		    0);
		len = policy_write(policy, out, sizeof(out));
		cr_expect_eq(len, strlen(written[i].written));
		cr_expect_arr_eq(out, written[i].written, len);
		/* One octet too few: not a word is written beyond it. */
		out[len - 1] = 'X';
		cr_expect_eq(policy_write(policy, out, len - 1), len);
		cr_expect_eq(out[len - 1], 'X');
		policy_free(&policy);
	}
}

Test(policy, mode_names_p04)
{
	static const char *const names[] = {"none", "testing", "enforce"};

	for (int i = 0; i < 3; i++) {
		cr_expect(strcmp(policy_mode_name((enum policy_mode)i),
			      names[i]) == 0);
		cr_expect(policy_mode_by_name(names[i], strlen(names[i])) == i);
	}
	cr_expect(policy_mode_by_name("None", 4) == -1);
	cr_expect(policy_mode_by_name("enforce", 6) == -1);
	cr_expect(policy_mode_by_name("testing\0", 8) == -1);
	cr_expect(policy_mode_by_name("", 0) == -1);
}
