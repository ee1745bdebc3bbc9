#include "autoconf.h"

#include "core/verdict.h"

#include <string.h>

#include <criterion/criterion.h>

Test(verdict, reasons_have_names_that_lead_back)
{
	for (int i = 0; i < REASON_COUNT; i++) {
		const char *name = reason_name((enum reason)i);

		cr_expect_eq(reason_by_name(name), i, "%s", name);
		for (const char *p = name; *p != '\0'; p++)
			cr_expect((*p >= 'a' && *p <= 'z') || *p == '-',
			    "%s is no log name", name);
	}
	cr_expect_eq(reason_by_name("mx_insecure"), -1);
	cr_expect_eq(reason_by_name(""), -1);
	cr_expect_str_eq(reason_name(REASON_TLSA_BOGUS), "tlsa-bogus");
}

/* RFC 8460 4.3: the result types that L-02 allows. */
Test(verdict, L_02_result_types_are_those_of_tlsrpt)
{
	static const char *const types[] = {"", "dnssec-invalid",
	    "tlsa-invalid", "sts-policy-fetch-error", "validation-failure"};

	for (int i = 0; i < REASON_COUNT; i++) {
		const char *type = reason_texts[i].tlsrpt;
		bool known = false;

		for (size_t j = 0; j < sizeof(types) / sizeof(types[0]); j++)
			known = known || strcmp(types[j], type) == 0;
		cr_expect(known, "%s: %s", reason_name((enum reason)i), type);
	}
	cr_expect_str_eq(reason_texts[REASON_MX_BOGUS].tlsrpt,
	    "dnssec-invalid");
	cr_expect_str_eq(reason_texts[REASON_ADDRESS_INSECURE].tlsrpt,
	    "validation-failure");
}

/* A reason that is never refused has no words for the client. */
Test(verdict, A_04_reasons_of_refusals_have_a_reply)
{
	cr_expect_str_eq(reason_texts[REASON_SECURE].reply, "");
	cr_expect_str_eq(reason_texts[REASON_NO_POLICY].reply, "");
	for (int i = REASON_MX_INSECURE; i < REASON_COUNT; i++)
		cr_expect_str_neq(reason_texts[i].reply, "");
}

Test(verdict, names)
{
	cr_expect_str_eq(verdict_name(VERDICT_PASS), "pass");
	cr_expect_str_eq(verdict_name(VERDICT_DEFER), "defer");
	cr_expect_str_eq(verdict_name(VERDICT_REJECT), "reject");
	cr_expect_str_eq(verdict_name(VERDICT_QUARANTINE), "quarantine");
	cr_expect_str_eq(policy_from_name(POLICY_FROM_NONE), "none");
	cr_expect_str_eq(policy_from_name(POLICY_FROM_CACHE), "cache");
	cr_expect_str_eq(policy_from_name(POLICY_FROM_FETCH), "fetch");
	cr_expect_str_eq(evidence_reply_names[EVIDENCE_AAAA], "AAAA of");
}

#define HOST   .name = "mx1.example.org"
#define DOMAIN .name = "example.org"

static const struct {
	struct evidence evidence;
	const char *text;
} rows[] = {
    {{EVIDENCE_NONE, .name = NULL},				      ""                       },
    {{EVIDENCE_TXT, DOMAIN, .status = FACT_FAILED},
     "_mta-sts.example.org TXT failed"							    },
    {{EVIDENCE_FETCH, DOMAIN, .status = FACT_FAILED},
     "mta-sts.example.org policy failed"							  },
    {{EVIDENCE_MX, DOMAIN, .status = FACT_INSECURE},                     "example.org MX insecure"},
    {{EVIDENCE_HOSTS, DOMAIN, .status = FACT_SECURE},
     "example.org hosts truncated"								},
    {{EVIDENCE_A, HOST, .status = FACT_SECURE, .answer = ANSWER_NODATA},
     "mx1.example.org A secure"								   },
    {{EVIDENCE_AAAA, HOST, .status = FACT_INDETERMINATE},
     "mx1.example.org AAAA indeterminate"							 },
    {{EVIDENCE_TLSA, HOST, .port = 25, .status = FACT_BOGUS},
     "_25._tcp.mx1.example.org TLSA bogus"							},
    {{EVIDENCE_TLSA, HOST, .port = 65535, .status = FACT_UNASKED},
     "_65535._tcp.mx1.example.org TLSA unasked"						   },
    {{EVIDENCE_TLSA, HOST, .port = 25, .status = FACT_SECURE,
	 .answer = ANSWER_NODATA},
     "_25._tcp.mx1.example.org TLSA missing"						      },
    {{EVIDENCE_TLSA, HOST, .port = 25, .status = FACT_SECURE,
	 .answer = ANSWER_RECORDS},
     "_25._tcp.mx1.example.org TLSA secure"						       },
    {{EVIDENCE_PATTERN, HOST, .status = FACT_SECURE},
     "mx1.example.org mx pattern mismatch"							},
};

Test(verdict, L_01_evidence_as_text)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[EVIDENCE_TEXT_SIZE];
		char owner[EVIDENCE_TEXT_SIZE];

		evidence_text(&rows[i].evidence, text);
		cr_expect_str_eq(text, rows[i].text);
		evidence_owner(&rows[i].evidence, owner, sizeof(owner));
		cr_expect_eq(strncmp(text, owner, strlen(owner)), 0);
		cr_expect_eq(strcspn(text, " "), strlen(owner), "%s", text);
	}
}

Test(verdict, evidence_is_cut_if_it_is_too_long)
{
	static char name[2 * EVIDENCE_TEXT_SIZE];
	struct evidence e = {.kind = EVIDENCE_MX,
	    .name = name,
	    .status = FACT_BOGUS};
	char text[EVIDENCE_TEXT_SIZE];
	char owner[8];

	memset(name, 'x', sizeof(name) - 1);
	evidence_text(&e, text);
	cr_expect_eq(strlen(text), EVIDENCE_TEXT_SIZE - 1);
	name[EVIDENCE_TEXT_SIZE - 4] = '\0';
	evidence_text(&e, text);
	cr_expect_eq(strlen(text), EVIDENCE_TEXT_SIZE - 1);
	evidence_owner(&e, owner, sizeof(owner));
	cr_expect_str_eq(owner, "xxxxxxx");
}
