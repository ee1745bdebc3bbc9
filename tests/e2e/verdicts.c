/* What Postfix says about recipients of each kind of domain at first contact,
 * with the default options. */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lab_client.h"

#define ACCEPTED "250 2.1.5 Ok"
#define REQUIRED "DNSSEC required by policy, "

TestSuite(verdicts, .timeout = 180);

struct row {
	const char *domain; /* see tests/lab/domains.py */
	const char *reply;  /* the whole of it */
	const char *reason; /* in the log */
};

static void
check_row(const struct row *row)
{
	char recipient[300], to[320], reason[80], reply[LAB_LINE_SIZE];
	char *transcript;

	snprintf(recipient, sizeof(recipient), "u@%s", row->domain);
	snprintf(to, sizeof(to), "to=<u@%s>", row->domain);
	snprintf(reason, sizeof(reason), "reason=%s", row->reason);
	transcript = LAB_ASK(recipient);
	lab_reply(transcript, recipient, reply);
	cr_expect_str_eq(reply, row->reply, "%s: \"%s\", not \"%s\"", recipient,
	    reply, row->reply);
	free(LAB_LOG("rcpt", to, reason));
	free(transcript);
}

#define CHECK_ROWS(rows)                                              \
	for (size_t i = 0; i < sizeof(rows) / sizeof((rows)[0]); i++) \
	check_row(&(rows)[i])

static const struct row secure_rows[] = {
    {"secure.test",          ACCEPTED, "secure"        },
    {"notlsa.test",          ACCEPTED, "secure"        }, /* D-16 */
    {"secure.nsec3.test",    ACCEPTED, "secure"        },
    {"secure.optout.test",   ACCEPTED, "secure"        },
    {"testing.test",         ACCEPTED, "secure"        },
    {"modenone.test",        ACCEPTED, "secure"        },
    {"implicit.test",        ACCEPTED, "secure"        }, /* D-09 */
    {"cnamemx.test",         ACCEPTED, "secure"        }, /* D-17 */
    {"chain.test",           ACCEPTED, "secure"        },
    {"dname.test",           ACCEPTED, "secure"        },
    {"wild.test",            ACCEPTED, "secure"        }, /* D-23 */
    {"many20.test",          ACCEPTED, "secure"        },
    {"halfaddress.test",     ACCEPTED, "secure"        }, /* D-18 */
    {"noaddress.test",       ACCEPTED, "no-usable-host"}, /* D-18 */
    {"hostless.test",        ACCEPTED, "no-usable-host"}, /* D-18 */
    {"hostless-beside.test", ACCEPTED, "secure"        }, /* D-18 */
    {"nullmx.test",          ACCEPTED, "null-mx"       }, /* D-10 */
    {"nullmx-beside.test",   ACCEPTED, "secure"        }, /* D-10 */
    {"a_b.test",             ACCEPTED, "secure"        }, /* */
};

Test(verdicts, D_02_secure_domains_are_accepted)
{
	LAB_FRESH(NULL);
	CHECK_ROWS(secure_rows);
}

/* The log tells what stands where a host name should. */
Test(verdicts, D_18_unusable_hosts_are_in_the_log)
{
	LAB_FRESH(NULL);
	free(LAB_ASK("d18@hostless.test", "d18@hostless-beside.test",
	    "d18@noaddress.test"));
	free(LAB_LOG("rcpt", "to=<d18@hostless.test>", "reason=no-usable-host",
	    "worst=\"192.0.2.9 MX host unusable\"",
	    "no host name: 192.0.2.9, a"));
	free(LAB_LOG("rcpt", "to=<d18@hostless-beside.test>", "reason=secure",
	    "hosts=1/1", "worst=\"192.0.2.9 MX host unusable\""));
	free(LAB_LOG("rcpt", "to=<d18@noaddress.test>", "reason=no-usable-host",
	    "no address: mx1.noaddress.test"));
}

static const struct row unbound_rows[] = {
    {"plain.test",        ACCEPTED, "no-policy"     }, /* D-01 */
    {"noflag.test",       ACCEPTED, "no-dnssec-flag"},
    {"flagno.test",       ACCEPTED, "no-dnssec-flag"},
    {"flagcase.test",     ACCEPTED, "no-dnssec-flag"}, /* P-15 */
    {"txtnone.test",      ACCEPTED, "no-policy"     }, /* T-09 */
    {"txtmulti.test",     ACCEPTED, "no-policy"     }, /* T-05 */
    {"txtinvalid.test",   ACCEPTED, "no-policy"     }, /* T-06 */
    {"nosuchdomain.test", ACCEPTED, "no-policy"     },
};

Test(verdicts, D_01_domains_without_the_flag_are_left_alone)
{
	LAB_FRESH(NULL);
	CHECK_ROWS(unbound_rows);
}

/* T-11, F-14: their policies are found, and all that they bind is secure. */
static const struct row discovery_rows[] = {
    {"txtbogus.test",   ACCEPTED, "secure"         },
    {"hostbogus.test",  ACCEPTED, "secure"         },
    {"txtloop.test",    ACCEPTED, "secure"         }, /* T-12 */
    {"bogusplain.test", ACCEPTED, "discovery-bogus"}, /* C-10 */
};

Test(verdicts, T_11_C_10_discovery_does_not_depend_on_DNSSEC)
{
	LAB_FRESH(NULL);
	CHECK_ROWS(discovery_rows);
}

#define REFUSED(domain, what) "450 4.7.5 " domain ": " REQUIRED what

static const struct row refused_rows[] = {
    {"hostless-unsigned.test", /* D-18 */
	REFUSED("hostless-unsigned.test",
     "MX of hostless-unsigned.test: insecure"),
     "mx-insecure"													    },
    {"unsigned.test",          /* D-05 */
	REFUSED("unsigned.test",                   "MX of unsigned.test: insecure"),
     "mx-insecure"													    },
    {"unsigned.optout.test",
     REFUSED("unsigned.optout.test",                                    "MX of unsigned.optout.test: insecure"),
     "mx-insecure"													    },
    {"unsigned.nsec3.test",
     REFUSED("unsigned.nsec3.test",                                     "MX of unsigned.nsec3.test: insecure"),
     "mx-insecure"													    },
    {"implicit-unsigned.test", /* D-12 */
	REFUSED("implicit-unsigned.test",
     "MX of implicit-unsigned.test: insecure"),
     "mx-insecure"													    },
    {"nullmx-unsigned.test",   /* D-10 */
	REFUSED("nullmx-unsigned.test",     "MX of nullmx-unsigned.test: insecure"),
     "mx-insecure"													    },
    {"expired.test",           /* T-11 */
	REFUSED("expired.test",                     "MX of expired.test: bogus"),               "mx-bogus"},
    {"wrongds.test",           REFUSED("wrongds.test",                  "MX of wrongds.test: bogus"),
     "mx-bogus"													       },
    {"nosigs.test",            REFUSED("nosigs.test",                   "MX of nosigs.test: bogus"),
     "mx-bogus"													       },
    {"badmx.test",             /* D-06 */
	REFUSED("badmx.test",                         "MX of badmx.test: bogus"),                 "mx-bogus"},
    {"bada.test",              REFUSED("bada.test",                     "A of mx1.bada.test: bogus"),
     "address-bogus"													  },
    {"badaaaa.test",           /* D-14 */
	REFUSED("badaaaa.test",                     "AAAA of mx1.badaaaa.test: bogus"),
     "address-bogus"													  },
    {"badtlsa.test",           /* D-15 */
	REFUSED("badtlsa.test",                     "TLSA of mx1.badtlsa.test: bogus"),
     "tlsa-bogus"													     },
    {"aliastlsa.test",         /* D-15 */
	REFUSED("aliastlsa.test",                 "TLSA of mx1.aliastlsa.test: bogus"),
     "tlsa-bogus"													     },
    {"tlsaunsigned.test",      /* D-15 */
	REFUSED("tlsaunsigned.test",           "TLSA of mx1.tlsaunsigned.test: insecure"),
     "tlsa-insecure"													  },
    {"many60.test",            /* D-19 */
	REFUSED("many60.test",                       "MX of many60.test: too many hosts"),
     "hosts-truncated"													},
};

Test(verdicts, A_04_what_is_not_secure_is_deferred_with_the_record_named)
{
	LAB_FRESH(NULL);
	CHECK_ROWS(refused_rows);
}

/* Several records are at fault; which is named depends on who answers first. */
static const char *const faulty_host_rows[][3] = {
    {"mxunsigned.test",    "mx1.unsigned.test: insecure"     },
    {"mixed.test",         "mx1.unsigned.test: insecure"     }, /* D-13 */
    {"cnameunsigned.test", "mx1.cnameunsigned.test: insecure"},
    {"mxbogus.test",       "mx1.expired.test: bogus"         },
    {"mxlame.test",        "mx1.lame.test: failed"           }, /* D-08 */
};

Test(verdicts, D_17_a_host_outside_signed_zones_is_deferred)
{
	for (size_t i = 0;
	     i < sizeof(faulty_host_rows) / sizeof(faulty_host_rows[0]); i++) {
		const char *domain = faulty_host_rows[i][0];
		char to[300], start[400], reply[LAB_LINE_SIZE];
		char *transcript;

		if (i == 0)
			LAB_FRESH(NULL);
		snprintf(to, sizeof(to), "u@%s", domain);
		snprintf(start, sizeof(start), "450 4.7.5 %s: " REQUIRED,
		    domain);
		transcript = LAB_ASK(to);
		lab_reply(transcript, to, reply);
		cr_expect_eq(strncmp(reply, start, strlen(start)), 0, "%s: %s",
		    to, reply);
		cr_expect_not_null(strstr(reply, faulty_host_rows[i][1]),
		    "%s: %s", to, reply);
		free(transcript);
	}
}

/* F-01 to F-15: each of these domains is signed, but the MX set is stripped
 * on the way. It passes since its policy cannot be had (C-06): if one of the
 * policies were taken, the stripped MX would defer. */
static const struct row fetch_rows[] = {
    {"nohost.test",     ACCEPTED, "discovery-failed"},
    {"closed.test",     ACCEPTED, "discovery-failed"},
    {"notfound.test",   ACCEPTED, "discovery-failed"}, /* F-05 */
    {"redirect.test",   ACCEPTED, "discovery-failed"}, /* F-06 */
    {"large.test",      ACCEPTED, "discovery-failed"}, /* F-09 */
    {"cut.test",        ACCEPTED, "discovery-failed"}, /* F-10 */
    {"html.test",       ACCEPTED, "discovery-failed"}, /* F-07 */
    {"notype.test",     ACCEPTED, "discovery-failed"}, /* F-07 */
    {"wrongname.test",  ACCEPTED, "discovery-failed"}, /* F-04 */
    {"selfsigned.test", ACCEPTED, "discovery-failed"}, /* F-03 */
    {"oldcert.test",    ACCEPTED, "discovery-failed"}, /* F-03 */
    {"oldtls.test",     ACCEPTED, "discovery-failed"}, /* F-15 */
    {"badbody.test",    ACCEPTED, "discovery-failed"}, /* P-03 */
};

Test(verdicts, C_06_a_policy_that_cannot_be_had_does_not_bind)
{
	LAB_FRESH(NULL);
	LAB("tamper", "rule", "fwd", "*", "MX", "strip");
	CHECK_ROWS(fetch_rows);
	LAB("tamper", "clear");
}

/* The table of the lab says of each domain what the verdict must be. */
Test(verdicts, every_domain_of_the_lab)
{
	struct lab_output out;

	/* Long enough for servers that are not there. */
	LAB_FRESH("deadline=30s");
	cr_assert_eq(lab_run((const char *const[]){"survey", NULL}, &out), 0);
	cr_expect_eq(out.status, 0, "%s", out.text);
	free(out.text);
}

/* Another root, registry, CA and resolver: nothing of the lab is built in. */
Test(verdicts, somebody_elses_world)
{
	struct lab_output out;

	cr_assert_eq(lab_run((const char *const[]){"elsewhere", NULL}, &out),
	    0);
	cr_expect_eq(out.status, 0, "%s", out.text);
	free(out.text);
}
