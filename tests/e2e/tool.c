/*
 * dane-sts(1) in the lab: check and lint --domain, with the daemon's
 * configuration and beside the daemon. Every domain's verdict is tested at
 * the daemon; here it is what the tool makes of the evidence.
 */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "lab_client.h"

TestSuite(tool, .timeout = 180);

#define WORDS_MAX 8

struct tool_row {
	const char *words[WORDS_MAX];
	int status;
	const char *part; /* of what is printed */
};

static void
check_row(const struct tool_row *row, size_t i)
{
	const char *words[WORDS_MAX + 2] = {"tool"};
	struct lab_output out;

	memcpy(words + 1, row->words, sizeof(row->words));
	cr_assert_eq(lab_run(words, &out), 0);
	cr_expect_eq(out.status, row->status, "row %zu: %d", i, out.status);
	cr_expect_not_null(strstr(out.text, row->part), "row %zu: %s", i,
	    out.text);
	free(out.text);
}

static void
check_rows(const struct tool_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_row(&rows[i], i);
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static const struct tool_row check_text[] = {
    {{"check", "secure.test"},				0,        "secure.test: pass, secure\n"                     },
    {{"check", "u@Secure.Test"},                              0,
     "u@Secure.Test: pass, secure\ndomain secure.test\n"								  },
    {{"check", "plain.test"},				 0,        "plain.test: pass, no-policy\n"                   },
    {{"check", "secure.test", "unsigned.test", "plain.test"}, /* D-05 */
	1, "MX: insecure, records  <- decided\n"             },
    {{"check", "badtlsa.test"},                               /* D-06: the validator's words follow */
	1,			       "TLSA _25._tcp.mx1.badtlsa.test: bogus  <- decided\n"
	"         validation failure "					   },
    {{"check", "secure.test"},				0,        "\nat delivery: dane-only\n"                      },
    {{"check", "noflag.test"},				0,
     "\nat delivery: secure match=mx1.noflag.test servername=hostname\n"                                                  },
    {{"check", "plain.test"},				 0,
     "\nat delivery: not found, the MTA's own level applies\n"                                                            },
    {{"check", "unsigned.test"},                              1,
     "\nat delivery: deferred, unsigned.test: DNSSEC required by policy, MX of unsigned.test: insecure\n"                 },
    {{"check", "implicit.test"},                              0,        "the domain is its own host\n"                    }, /* D-09 */
    {{"check", "many60.test"},                                /* D-19 */
	1,				"there are more hosts, which were not looked at\n"},
    {{"check", "--deadline", "300ms", "dead.test"},           3,
     "dead.test: pass, deadline"											  },
    {{"check", "secure.test", "a..b"},                        3,        "secure.test: pass, secure\n"                     },
};

Test(tool, check_shows_what_decided)
{
	LAB_FRESH(NULL);
	CHECK_ROWS(check_text);
}

static const struct tool_row check_json[] = {
    {{"check", "secure.test", "--json"},     0, "\"reason\":\"secure\""             },
    {{"check", "--json", "unsigned.test"},   1, "\"reason\":\"mx-insecure\""        },
    {{"check", "--json", "expired.test"},    1, "\"reason\":\"mx-bogus\""           },
    {{"check", "--json", "bogusplain.test"}, 0,
     "\"reason\":\"discovery-bogus\""					       },
    {{"check", "secure.test", "--json"},     0,
     "\"tls\":{\"level\":\"dane-only\",\"status\":\"OK\",\"answer\":\"dane-only\"}}"},
};

/* As postmap -q prints it. */
static const struct tool_row tls_text[] = {
    {{"tls", "secure.test"},			      0, "dane-only\n"},
    {{"tls", "SECURE.test."},                             0, "dane-only\n"},
    {{"tls", "notlsa.test"},			      0,
     "secure match=mx1.notlsa.test servername=hostname\n"                 },
    {{"tls", "secure.test", "plain.test", "noflag.test"}, 1,
     "secure.test\tdane-only\n"
	"noflag.test\tsecure match=mx1.noflag.test servername=hostname\n" },
    {{"tls", "plain.test"},			       1, ""           },
    {{"tls", "unsigned.test"},                            3, ""           },
    {{"tls", "--map", "sts", "secure.test"},              0,
     "secure match=mx1.secure.test:mx2.secure.test servername=hostname\n" },
    {{"tls", "--map", "QUERYwithTLSRPT", "noflag.test"},  0,
     "policy_type=sts policy_domain=noflag.test "                         },
    {{"tls", "--json", "unsigned.test"},                  3,
     "\"level\":\"defer\",\"status\":\"TEMP\",\"answer\":"
	"\"unsigned.test: DNSSEC required by policy, MX of unsigned.test: "
	"insecure\",\"reason\":\"mx-insecure\",\"mode\":\"enforce\"}\n"   },
    {{"tls", "--json", "[mx1.secure.test]:465"},          1,
     "{\"nexthop\":\"[mx1.secure.test]:465\",\"map\":\"postfix\",\"level\":"
	"\"none\""							},
};

Test(tool, S_07_tls_prints_the_answer_of_the_map)
{
	LAB_FRESH(NULL);
	CHECK_ROWS(tls_text);
}

Test(tool, A_06_tls_in_monitor_mode_and_for_the_exempt)
{
	static const struct tool_row monitor[] = {
	    {{"tls", "--json", "secure.test"}, 1,
             "\"level\":\"none\",\"status\":\"NOTFOUND\",\"answer\":\"\","
		"\"reason\":\"secure\",\"mode\":\"monitor\"}"},
	};
	static const struct tool_row exempt[] = {
	    {{"tls", "--json", "secure.test"}, 1,
             "\"level\":\"none\",\"status\":\"NOTFOUND\",\"answer\":\"\","
		"\"reason\":\"exempt\",\"mode\":\"enforce\"}"},
	};

	LAB_FRESH("mode=monitor");
	CHECK_ROWS(monitor);
	LAB_FRESH("exempt_domains={secure.test}");
	CHECK_ROWS(exempt);
}

Test(tool, check_prints_facts_as_json)
{
	LAB_FRESH(NULL);
	CHECK_ROWS(check_json);
}

/* C-01: what the daemon stored counts, and is not written to. */
Test(tool, check_reads_the_store_of_the_running_daemon)
{
	static const struct tool_row rows[] = {
	    {{"check", "secure.test"}, 0, " policy, stored "},
	};

	LAB_FRESH(NULL);
	free(LAB_ASK("u@secure.test"));
	LAB("stored", "secure.test");
	CHECK_ROWS(rows);
	free(LAB_ASK("u@secure.test"));
}

/* L-01: what the postmaster reads in place of the log. */
Test(tool, explain_tells_what_the_daemon_logged)
{
	static const struct tool_row rows[] = {
	    {{"explain", "unsigned.test"},   1,
             "Reason mx-insecure: The domain requires DNSSEC"               },
	    {{"explain", "u@unsigned.test"}, 1, "was deferred: answered 450"},
	    {{"explain", "u@secure.test"},   0,
             "<u@secure.test> was let through"                              },
	    {{"explain", "plain.test"},      3, ""                          },
	};

	LAB_FRESH(NULL);
	free(LAB_ASK("u@unsigned.test"));
	free(LAB_ASK("u@secure.test"));
	free(LAB_LOG("rcpt", "to=<u@secure.test>"));
	CHECK_ROWS(rows);
}

static const struct tool_row lint_domain[] = {
    {{"lint", "--domain", "secure.test"},           0,
     "https://mta-sts.secure.test/.well-known/mta-sts.txt: valid: "                   },
    {{"lint", "--domain", "secure.test", "--json"}, 0,
     "{\"valid\":true,\"domain\":\"secure.test\","                                    },
 /* L-02, P-19: each line of the body is told, as none is stored */
    {{"lint", "--domain", "badbody.test"},          1, "mta-sts.txt:1: error: "       },
 /* T-05: the body is looked at although no sender asks for it */
    {{"lint", "--domain", "txtmulti.test"},         1,
     "https://mta-sts.txtmulti.test/.well-known/mta-sts.txt: valid: "                 },
    {{"lint", "--domain", "notfound.test"},         1, "404"                          },
    {{"lint", "--domain", "unsigned.test"},         1, "defer, mx-insecure"           },
    {{"lint", "--domain", "plain.test"},            1, "TXT _mta-sts.plain.test: none"},
};

Test(tool, lint_domain_tells_what_is_published)
{
	LAB_FRESH(NULL);
	CHECK_ROWS(lint_domain);
}

/* What will fail, though senders deliver today. */
Test(tool, M_01_lint_domain_sees_what_will_fail)
{
	static const struct tool_row rows[] = {
	    {{"lint", "--domain", "secure.test"},               2,
             "warning: MX host mx2.secure.test: no mx pattern covers it "
		"(RFC 8461 4.1): mx1.secure.test *.example.org\n"             },
	    {{"lint", "--domain", "secure.test"},               2,
             "warning: policy host mta-sts.secure.test: its certificate ends "},
	    {{"lint", "--domain", "secure.test"},               2,
             "warning: max_age: less than a day: "                            },
	    {{"lint", "--domain", "secure.test", "--nagios"},   1,
             "DANE-STS WARNING - secure.test: max_age: less than a day: "
		"senders forget the policy; set it to weeks (and 2 more)\n"   },
	    {{"lint", "--domain", "secure.test", "--json"},     2,
             "\"name\":\"mx2.secure.test\",\"preference\":20,"
		"\"covered\":false,\"a\":\"secure\",\"aaaa\":\"secure\","
		"\"tlsa\":\"secure\",\"smtp\":null}"                          },
	    {{"lint", "--domain", "unsigned.test"},             1,
             "error: A of MX host mx1.unsigned.test: insecure, but \"dnssec: "
		"yes\" needs it signed and valid\n"                           },
	    {{"lint", "--domain", "badtlsa.test"},              1,
             "error: TLSA of _25._tcp.mx1.badtlsa.test: bogus, but "          },
	    {{"lint", "--domain", "plain.test", "--nagios"},    2,
             "DANE-STS CRITICAL - plain.test: TXT record none: "              },
	    {{"lint", "--domain", "unsigned.test", "--nagios"}, 2,
             "DANE-STS CRITICAL - unsigned.test: MX of unsigned.test: "
		"insecure, but"					       },
	    {{"lint", "--domain", "noflag.test", "--nagios"},   0,
             "DANE-STS OK - noflag.test: mode enforce, dnssec not required, 1 "
		"MX hosts, no-dnssec-flag\n"                                  },
	};

	LAB_FRESH(NULL);
	LAB("policy", "secure.test",
	    "{\"cert\":\"ends-soon\",\"body\":\"version: STSv1\\r\\n"
	    "mode: enforce\\r\\nmx: mx1.secure.test\\r\\n"
	    "mx: *.example.org\\r\\nmax_age: 3600\\r\\n\"}");
	CHECK_ROWS(rows);
	LAB("policy", "secure.test", "ok");
}

/* The findings of the tool are not said a second time as lines of a log. */
Test(tool, lint_domain_has_no_log)
{
	struct lab_output out;

	LAB_FRESH(NULL);
	cr_assert_eq(lab_run((const char *const[]){"tool", "--", "lint",
				 "--domain", "badbody.test", NULL},
			 &out),
	    0);
	cr_expect_null(strstr(out.text, " warning "), "%s", out.text);
	cr_expect_null(strstr(out.text, "policy_id="), "%s", out.text);
	free(out.text);
}

struct sink_row {
	const char *sink;
	int status;
	const char *parts[2];
};

/* RFC 7672, RFC 8461 4.2: the certificates that the MX hosts present. */
Test(tool, S_07_lint_smtp_looks_at_STARTTLS)
{
	static const struct sink_row rows[] = {
	    {"ok",        0,
             {"\nmx2.secure.test: STARTTLS, certificate until 20",
		    ", valid for MTA-STS, matches TLSA\n"}       },
	    {"other-key", 1,
             {"error: MX host mx1.secure.test: DANE fails: no TLSA record "
		 "matches the certificate\n",
		    ", valid for MTA-STS, does not match TLSA\n"}},
	    {"untrusted", 1,
             {"error: MX host mx1.secure.test: MTA-STS fails (RFC 8461 4.2): ",
		    ", not valid for MTA-STS, "}                 },
	    {"plain",     1,
             {"error: MX host mx1.secure.test: no TLS: the server does not "
		 "offer STARTTLS\n",
		    "secure.test: pass, secure\n"}               },
	};

	LAB_FRESH(NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		LAB("sink", rows[i].sink);
		for (size_t part = 0; part < 2; part++) {
			const struct tool_row row = {
			    {"lint", "--domain", "secure.test", "--smtp"},
			    rows[i].status, rows[i].parts[part]
                        };

			check_row(&row, i);
		}
	}
	LAB("sink", "ok");
}

/* The hosts are those of the MX records; the lab's zones hold the TLSA records
 * of what its MX hosts present, and lint --smtp compares them. */
Test(tool, publish_from_server)
{
	static const struct tool_row rows[] = {
	    {{"lint", "--domain", "secure.test", "--smtp"},                      0,
             ", matches TLSA\n"						       },
	    {{"publish", "--from-server", "secure.test"},                        0,
             "\nmode: testing\r\nmx: mx1.secure.test\r\nmx: "
		"mx2.secure.test\r\n"						 },
	    {{"publish", "--from-server", "secure.test"},                        0,
             "\n_25._tcp.mx2.secure.test. IN TLSA 3 1 1 "                             },
	    {{"publish", "nullmx.test"},					 3, ""},
	    {{"publish", "--from-server", "--mx", "mx1.dead.test", "dead.test"},
             69,								    ""},
	};

	LAB_FRESH(NULL);
	CHECK_ROWS(rows);
	LAB("sink", "untrusted");
	CHECK_ROWS(((const struct tool_row[]){
	    {{"publish", "--from-server", "secure.test"}, 0,
             "_25._tcp.mx1.secure.test. IN TLSA 3 1 1 "},
	}));
	LAB("sink", "ok");
}

static void
doctor_says(const char *dir, const char *const *parts)
{
	struct lab_output out;
	char *from, *to;

	cr_assert_eq(lab_run((const char *const[]){"tool", "--", "doctor",
				 "--postfix", dir, NULL},
			 &out),
	    0);
	/* Without the line breaks and margins. */
	for (from = to = out.text; *from != '\0'; from++) {
		char c = *from == '\n' ? ' ' : *from;

		if (c != ' ' || to == out.text || to[-1] != ' ')
			*to++ = c;
	}
	*to = '\0';
	for (; *parts != NULL; parts++)
		cr_expect_not_null(strstr(out.text, *parts), "%s: %s", *parts,
		    out.text);
	free(out.text);
}

/* The clock's state is the machine's, so that the status is not compared. */
Test(tool, doctor_examines_daemon_and_Postfix)
{
	char dir[LAB_LINE_SIZE];

	snprintf(dir, sizeof(dir), "%s/postfix/etc", getenv(LAB_DIR_VARIABLE));
	LAB_FRESH(NULL);
	doctor_says(dir,
	    (const char *const[]){"ok resolver ", ": the root validates ",
		" runs in mode enforce ", "ok socket socket: inet:",
		"ok postfix smtpd_milters names the filter ", NULL});
	LAB_FRESH("mode=monitor");
	doctor_says(dir,
	    (const char *const[]){"warning daemon it runs in mode monitor",
		NULL});
	LAB("daemon", "stop");
	doctor_says(dir,
	    (const char *const[]){"error daemon no daemon answers at ",
		" do: systemctl start dane-sts-milter", NULL});
}

/* An anchor file with the first of the root's two keys: doctor and the daemon's
 * log name the other one. */
Test(tool, doctor_and_log_name_a_root_key_without_trust_anchor)
{
	char dir[LAB_LINE_SIZE], path[LAB_LINE_SIZE], line[LAB_LINE_SIZE];
	char file[] = "/tmp/dane-sts-anchor.XXXXXX";
	char option[sizeof(file) + 16];
	int fd = mkstemp(file);
	FILE *in, *out;

	snprintf(dir, sizeof(dir), "%s/postfix/etc", getenv(LAB_DIR_VARIABLE));
	snprintf(path, sizeof(path), "%s/world/root.key",
	    getenv(LAB_DIR_VARIABLE));
	in = fopen(path, "r");
	out = fdopen(fd, "w");
	cr_assert(in != NULL && out != NULL);
	cr_assert_not_null(fgets(line, sizeof(line), in));
	cr_assert_geq(fputs(line, out), 0);
	fclose(in);
	cr_assert_eq(fclose(out), 0);
	snprintf(option, sizeof(option), "trust_anchor=%s", file);
	LAB_FRESH(option);
	free(LAB_LOG("warning resolver", "of the root's key"));
	doctor_says(dir,
	    (const char *const[]){": the root validates ",
		" lacks the root's key ", NULL});
	remove(file);
}

/* Its commands print what README shows; see tests/lab/tour.py. */
Test(tool, the_first_week_is_as_README_says)
{
	LAB_FRESH(NULL);
	LAB("tour");
}

/*
 * Each command under EXAMPLES in dane-sts(1), in the manual's order and one
 * directory, with the lab's domain, daemon and log. None may end as a usage
 * error, a missing file or a failure.
 */
Test(tool, examples_of_the_manual)
{
	static const char script[] =
	    "d=$(mktemp -d) && cd $d && mkdir bin || exit 1\n"
	    "lab=$" LAB_DIR_VARIABLE "; bin=$DANE_STS_BINDIR\n"
	    "manual=$(dirname '" LAB_PROGRAM "')/../../milter/tool/dane-sts.1\n"
	    "printf '#!/bin/sh\\nexec %s -c %s \"$@\"\\n' $bin/dane-sts "
	    "$lab/daemon/dane-sts-milter.conf >bin/dane-sts\n"
	    "printf '#!/bin/sh\\ncat %s\\n' $lab/log/daemon.log >bin/journalctl\n"
	    "chmod +x bin/*; PATH=$d/bin:$PATH; echo secure.test >domains.txt\n"
	    "awk '/^\\.Sh/ { on = $2 == \"EXAMPLES\" } !on { next }\n"
	    "  /^\\.Dl [$#] / { print substr($0, 7) }\n"
	    "  /^\\.Bd/ { block = 1; next } /^\\.Ed/ { print command; "
	    "command = \"\"; block = 0 }\n"
	    "  block && /^\\$ / { if (command != \"\") print command; "
	    "command = substr($0, 3); next }\n"
	    "  block { command = command \" \" $0 }' $manual |\n"
	    "sed \"s/example\\.org/secure.test/g; s/\\\\\\(dq/\\\"/g; "
	    "s|redis://[^ ]*|lmdb:$d/store|\" >commands\n"
	    "n=0\n"
	    "while read -r command; do\n"
	    "  n=$((n + 1)); sh -c \"$command\" >out 2>err </dev/null\n"
	    "  status=$?\n"
	    "  [ $status -le 2 ] || { echo \"$status: $command\"; cat out err; "
	    "n=0; break; }\n"
	    "done <commands\n"
	    "cd /; rm -r $d; test $n -ge 11\n";

	LAB_FRESH(NULL);
	free(LAB_ASK("u@secure.test"));
	free(LAB_LOG("rcpt", "to=<u@secure.test>"));
	cr_expect_eq(system(script), 0);
}

/* The lab's resolver over TLS, with another name or port. */
static void
over_tls(const char *port, const char *name, char out[LAB_LINE_SIZE])
{
	char *info = LAB_TEXT("info", "dns");
	const char *at = strstr(info, "'tls': '");

	cr_assert_not_null(at, "%s", info);
	at += strlen("'tls': '");
	snprintf(out, LAB_LINE_SIZE, "resolvers={%.*s@%s#%s}",
	    (int)strcspn(at, "@"), at, port, name);
	free(info);
}

static void
expect_said(const char *why)
{
	char *status;
	struct lab_output out;

	free(LAB_LOG("resolver", "state=broken", why));
	cr_assert_eq(lab_run((const char *const[]){"tool", "--", "status",
				 NULL},
			 &out),
	    0);
	cr_expect_eq(out.status, 1, "%s", out.text);
	cr_expect_not_null(strstr(out.text, why), "%s: %s", why, out.text);
	free(out.text);
	cr_assert_eq(lab_run((const char *const[]){"tool", "--", "check",
				 "secure.test", NULL},
			 &out),
	    0);
	cr_expect_not_null(strstr(out.text, why), "%s: %s", why, out.text);
	free(out.text);
	status = LAB_TEXT("get", "/api/v1/status");
	cr_expect_not_null(strstr(status, why), "%s: %s", why, status);
	free(status);
}

/* In log, status, check and API alike. ca_file has the authority of the policy
 * hosts alone. */
Test(tool, DNS_over_TLS_says_what_is_wrong)
{
	char resolver[LAB_LINE_SIZE];

	over_tls("8530", "unbound.test", resolver);
	LAB_FRESH(resolver, "unbound_conf=");
	expect_said(" is not trusted: ");
	over_tls("8531", "unbound.test", resolver);
	LAB_FRESH(resolver, "unbound_conf=");
	expect_said("nothing listens on ");
}
