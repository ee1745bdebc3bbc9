/* What lint and the log are told about a policy (P-19, K1, K3, K4). */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "core/policy.h"
#include "core/policy_field.h"

#define BASE                                                           \
	"version: STSv1\nmode: enforce\nmx: mx.example.org\nmax_age: " \
	"604800\n"

#define NOTES_SIZE 8192

struct notes {
	size_t n[2]; /* by level */
	char text[NOTES_SIZE];
};

static void
take_note(void *arg, enum policy_note_level level, size_t line,
    const char *text)
{
	struct notes *notes = arg;
	size_t len = strlen(notes->text);

	notes->n[level]++;
	(void)snprintf(notes->text + len, NOTES_SIZE - len, "%c%zu %s\n",
	    level == POLICY_NOTE_ERROR ? 'E' : 'W', line, text);
}

static int
lint_len(const char *body, size_t len, struct notes *notes)
{
	struct policy *policy = NULL;
	int err;

	memset(notes, 0, sizeof(*notes));
	err =
	    policy_parse((const uint8_t *)body, len, take_note, notes, &policy);
	policy_free(&policy);
	return err;
}

struct note_row {
	const char *body;
	const char *notes;
};

static const struct note_row warnings[] = {
    {BASE,							       ""								},
    {BASE "dnssec: yes\n",					       ""								},
    {BASE "extension: 1\nurl: https://a\nmta: x\n",                      ""								},
    {"version: STSv1\r\nmode: none\r\nmax_age: 604800\r\n",              ""								},
    {BASE "mx: *.example.net\nmx: 1a.b2\n",                              ""								},
 /* K3 */
    {"version: STSv1\n\nmode: none\nmax_age: 604800\n \t\n",
     "W2 a blank line is skipped: remove it\n"
	"W5 a blank line is skipped: remove it\n"											  },
 /* K4 */
    {"version: STSv1\nmode: none\nmax_age: 31557600\n",                  ""								},
    {"version: STSv1\nmode: none\nmax_age: 31557601\n",
     "W3 max_age: more than a year counts as 31557600\n"										   },
    {"version: STSv1\nmode: none\nmax_age: 0\n",
     "W3 max_age: 0 means that the policy is not kept\n"										   },
 /* P-09, P-17 */
    {BASE "mode: none\nversion: STSv2\nmax_age: x\n",
     "W5 mode: given before, only the first one counts\n"
	"W6 version: given before, only the first one counts\n"
	"W7 max_age: given before, only the first one counts\n"									    },
    {BASE "dnssec: yes\ndnssec: no\n",
     "W6 dnssec: given before, only the first one counts\n"										},
 /* P-15 */
    {BASE "dnssec: Yes\n",
     "W5 dnssec: this value is ignored; only \"yes\" has a meaning\n"                                                                      },
 /* P-16 and other slips */
    {BASE "DNSSEC: yes\nVersion: 1\nMODE: x\nMx: y\n",
     "W5 DNSSEC: not a known field, is \"dnssec\" meant?\n"
	"W6 Version: not a known field, is \"version\" meant?\n"
	"W7 MODE: not a known field, is \"mode\" meant?\n"
	"W8 Mx: not a known field, is \"mx\" meant?\n"										     },
    {BASE "max-age: 1\nmaxage: 1\nmax.age: 1\nmax_ages: 1\nmax_ag: 1\n",
     "W5 max-age: not a known field, is \"max_age\" meant?\n"
	"W6 maxage: not a known field, is \"max_age\" meant?\n"
	"W7 max.age: not a known field, is \"max_age\" meant?\n"
	"W8 max_ages: not a known field, is \"max_age\" meant?\n"
	"W9 max_ag: not a known field, is \"max_age\" meant?\n"									    },
    {BASE "dnsec: yes\ndnssecc: yes\ndmssec: yes\n",
     "W5 dnsec: not a known field, is \"dnssec\" meant?\n"
	"W6 dnssecc: not a known field, is \"dnssec\" meant?\n"
	"W7 dmssec: not a known field, is \"dnssec\" meant?\n"									     },
    {BASE "dns: x\nm: x\nmy: x\nmxx: x\nmaximum_age: 1\ndansec: x\n",    ""                                                                },
 /* K1 */
    {"version: STSv1\nmode: none\nmax_age: 604800\ndnssec: yes\n",
     "W0 \"dnssec: yes\" binds in mode none too: remove the field to "
	"withdraw it\n"														    },
    {"version: STSv1\nmode: none\nmax_age: 604800\ndnssec: no\n",
     "W4 dnssec: this value is ignored; only \"yes\" has a meaning\n"                                                                      },
 /* a flag that soon lapses */
    {BASE "",							    ""								},
    {"version: STSv1\nmode: testing\nmx: a.org\nmax_age: 86399\n"
     "dnssec: yes\n",					       "W0 \"dnssec: yes\" lasts less than a day: set max_age to weeks\n"},
    {"version: STSv1\nmode: testing\nmx: a.org\nmax_age: 86400\n"
     "dnssec: yes\n",					       ""								},
    {"version: STSv1\nmode: testing\nmx: a.org\nmax_age: 86399\n",
     "W0 max_age: less than a day: senders forget the policy; set it to weeks\n"                                                           },
    {"version: STSv1\nmode: none\nmax_age: 60\n",                        ""								},
    {"version: STSv1\nmode: none\nmax_age: 1\ndnssec: yes\n",
     "W0 \"dnssec: yes\" binds in mode none too: remove the field to "
	"withdraw it\n"
	"W0 \"dnssec: yes\" lasts less than a day: set max_age to weeks\n"                                                                 },
    {"version: STSv1\nmode: testing\nmx: a.org\nmax_age: 0\n"
     "dnssec: yes\n",					       "W4 max_age: 0 means that the policy is not kept\n"               },
 /* within the grammar, but no host is called so */
    {BASE "mx: 192.0.2.1\n",
     "W5 mx: an IPv4 address matches no host; write a host name\n"									 },
    {BASE "mx: 1\n",
     "W5 mx: an IPv4 address matches no host; write a host name\n"									 },
};

static const struct note_row errors[] = {
    {"",
     "E0 no version: add \"version: STSv1\"\n"
	"E0 no mode: add enforce, testing or none\n"
	"E0 no max_age: add one, in seconds\n"
	"E0 no mx: add a field for each MX host\n"								},
    {"version: STSv1\nmode: none\n",					"E0 no max_age: add one, in seconds\n"},
    {"version: STSv1\nmode: testing\nmax_age: 1\n",
     "E0 no mx: add a field for each MX host\n"								   },
 /* what is there but wrong is not missing as well */
    {"version: 1\nmode: Enforce\nmax_age: 1d\n",
     "E1 version: must be \"STSv1\", in this case\n"
	"E2 mode: must be enforce, testing or none, in lower case\n"
	"E3 max_age: must be seconds, in digits only\n"							   },
    {BASE "max_age: 1\nmode : none\n",
     "W5 max_age: given before, only the first one counts\n"
	"E6 white space before the \":\": remove it\n"							    },
    {"version: STSv1\nmode: none\nmax_age: 12345678901\n",
     "E3 max_age: must be 1 to 10 digits\n"								       },
    {"\xef\xbb\xbfversion: STSv1\nmode: none\nmax_age: 1\n",
     "E1 a byte order mark: save the file without it\n"
	"E0 no version: add \"version: STSv1\"\n"								 },
    {BASE "# x\n x: y\n-: z\n",
     "E5 policies have no comments: remove the line\n"
	"E6 white space before the field name: remove it\n"
	"E7 a field name must begin with a letter or a digit\n"                                                   },
    {BASE "x\nx \nx=y\nx y\n",
     "E5 a field name must be followed by \":\"\n"
	"E6 a field name must be followed by \":\"\n"
	"E7 a field name must be followed by \":\"\n"
	"E8 a field name must be followed by \":\"\n"							     },
    {BASE "x:\nx: a\tb\nx: \x01\nx: \xff\n",
     "E5 the field has no value\n"
	"E6 a tab inside the value\n"
	"E7 a control character in the value\n"
	"E8 the value is not UTF-8\n"									     },
    {BASE "abcdefghijabcdefghijabcdefghijabc: x\nx: a\rb\n",
     "E5 the field name is longer than 32 characters\n"
	"E6 a carriage return without line feed: end lines in CRLF or LF\n"                                       },
    {BASE "mx: a.org,b.org\nmx: a b\nmx: a;b\n",
     "E5 mx: one host a field; write a line for each\n"
	"E6 mx: one host a field; write a line for each\n"
	"E7 mx: one host a field; write a line for each\n"                                                        },
    {BASE "mx: a.org;\nmx: *.a.org;\nmx: a.org; b.org;\n",
     "E5 mx: no \";\" at the end of a field; remove it\n"
	"E6 mx: no \";\" at the end of a field; remove it\n"
	"E7 mx: one host a field; write a line for each\n"                                                        },
    {BASE "mx: 10 a.org\nmx: 10 a.org.\nmx: 10  a.org b.org\n",
     "E5 mx: no preference here; write the host name alone\n"
	"E6 mx: no preference here; write the host name alone\n"
	"E7 mx: no preference here; write the host name alone\n"                                                  },
    {BASE "mx: a.org:25\nmx: *.a.org:25\nmx: [::1]:25\nmx: 2001:db8::25\n",
     "E5 mx: no port; write the host name alone\n"
	"E6 mx: no port; write the host name alone\n"
	"E7 mx: addresses are not allowed; write a host name\n"
	"E8 mx: addresses are not allowed; write a host name\n"                                                   },
    {BASE "mx: https://a.org/\nmx: smtp://a.org:25\n",
     "E5 mx: no URL; write the host name alone\n"
	"E6 mx: no URL; write the host name alone\n"							      },
 /* several fields on one line */
    {"version: STSv1; mode: enforce; mx: a.org; max_age: 604800\n",
     "E1 several fields on one line: write one field a line\n"
	"E0 no mode: add enforce, testing or none\n"
	"E0 no max_age: add one, in seconds\n"
	"E0 no mx: add a field for each MX host\n"								},
    {"version: STSv1\nmode: enforce mx: a.org max_age: 604800\n",
     "E2 several fields on one line: write one field a line\n"
	"E0 no max_age: add one, in seconds\n"								    },
    {BASE "mx: m\xc3\xbcnchen.example\n",
     "E5 mx: write the host name in its ASCII form (xn--...)\n"                                                   },
    {BASE "mx: [192.0.2.1]\nmx: ::1\n",
     "E5 mx: addresses are not allowed; write a host name\n"
	"E6 mx: addresses are not allowed; write a host name\n"                                                   },
    {BASE "mx: *\nmx: a.*\nmx: *.*\n",
     "E5 mx: \"*\" may only be the whole left-most label\n"
	"E6 mx: \"*\" may only be the whole left-most label\n"
	"E7 mx: \"*\" may only be the whole left-most label\n"                                                    },
    {BASE "mx: *.\nmx: a.\nmx: a_b\n",
     "E5 mx: no name after \"*.\"\n"
	"E6 mx: the name must not end in a dot\n"
	"E7 mx: not a host name\n"										},
 /* no advice on top of errors */
    {"mode: none\nmax_age: 1\ndnssec: yes\n",
     "E0 no version: add \"version: STSv1\"\n"								    },
};

static void
check_notes(const struct note_row *rows, size_t n, int expected)
{
	for (size_t i = 0; i < n; i++) {
		struct notes notes;
		int err = lint_len(rows[i].body, strlen(rows[i].body), &notes);

		cr_expect(err == expected, "row %zu: %d", i, err);
		cr_expect(strcmp(notes.text, rows[i].notes) == 0,
		    "row %zu:\n%s---\n%s", i, rows[i].body, notes.text);
	}
}

Test(policy_notes, warnings_k1_k3_k4_p15_p16_p17)
{
	check_notes(warnings, sizeof(warnings) / sizeof(*warnings), 0);
}

Test(policy_notes, errors_p19)
{
	check_notes(errors, sizeof(errors) / sizeof(*errors), ERR_SYNTAX);
}

Test(policy_notes, nul_is_named_p11)
{
	static const char body[] = BASE "x: a\0b\n";
	struct notes notes;

	cr_expect(lint_len(body, sizeof(body) - 1, &notes) == ERR_SYNTAX);
	cr_expect(strcmp(notes.text, "E5 a NUL octet\n") == 0, "%s",
	    notes.text);
}

/* `n` times `line` behind the base. */
static int
lint_repeated(const char *line, size_t n, struct notes *notes)
{
	static char body[65536];
	size_t len = strlen(BASE);

	memcpy(body, BASE, len);
	for (size_t i = 0; i < n; i++) {
		memcpy(body + len, line, strlen(line));
		len += strlen(line);
	}
	return lint_len(body, len, notes);
}

Test(policy_notes, bounded_by_level)
{
	struct notes notes;

	cr_expect(lint_repeated("\n", 20, &notes) == 0);
	cr_expect(notes.n[POLICY_NOTE_WARNING] == 20);
	cr_expect(strstr(notes.text, "not listed") == NULL);
	cr_expect(lint_repeated("\n", 60000, &notes) == 0);
	cr_expect(notes.n[POLICY_NOTE_WARNING] == 21);
	cr_expect(strstr(notes.text, "W25 more warnings are not listed\n") !=
		NULL,
	    "%s", notes.text);
	cr_expect(lint_repeated("\nx\n", 20000, &notes) == ERR_SYNTAX);
	cr_expect(notes.n[POLICY_NOTE_WARNING] == 21);
	cr_expect(notes.n[POLICY_NOTE_ERROR] == 21);
	cr_expect(strstr(notes.text, "E46 more errors are not listed\n") !=
		NULL,
	    "%s", notes.text);
}

/* Names come from strangers: nothing is written beyond what is kept. */
Test(policy_notes, resemblance_of_long_names)
{
	static const char *const known[] = {"dnssec"};
	char name[200];

	memset(name, '-', sizeof(name));
	memcpy(name + sizeof(name) - 7, "dnssec", 7);
	cr_expect(policy_lint_resembles(name, known, 1) == known[0]);
	memset(name, 'x', sizeof(name) - 7);
	cr_expect(policy_lint_resembles(name, known, 1) == NULL);
	cr_expect(policy_lint_resembles("", known, 1) == NULL);
	cr_expect(policy_lint_resembles("dnssec", known, 0) == NULL);
}
