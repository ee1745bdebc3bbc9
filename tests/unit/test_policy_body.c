/* Which bodies are policies (P-01 to P-11, P-18, M-04, K3, K5). */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "core/policy.h"

#define A10  "abcdefghij"
#define A30  A10 A10 A10
#define L63  A30 A30 "abc"
#define N252 L63 "." L63 "." L63 "." A30 A30

/* A body that needs nothing more, to put lines before and behind. */
#define BASE \
	"version: STSv1\nmode: enforce\nmx: mx.example.org\nmax_age: 86400\n"
#define REST "mode: enforce\nmx: mx.example.org\nmax_age: 86400\n"
#define HEAD "version: STSv1\nmode: enforce\nmax_age: 86400\n"

#define NOTES_SIZE 8192

struct notes {
	size_t errors;
	size_t warnings;
	size_t last_line; /* of a line, not of the whole */
	bool disorder;
	char text[NOTES_SIZE]; /* "E3 text\n" */
};

static void
take_note(void *arg, enum policy_note_level level, size_t line,
    const char *text)
{
	struct notes *notes = arg;
	size_t len = strlen(notes->text);

	if (level == POLICY_NOTE_ERROR)
		notes->errors++;
	else
		notes->warnings++;
	if (line != 0 && line < notes->last_line)
		notes->disorder = true;
	if (line != 0)
		notes->last_line = line;
	(void)snprintf(notes->text + len, NOTES_SIZE - len, "%c%zu %s\n",
	    level == POLICY_NOTE_ERROR ? 'E' : 'W', line, text);
}

struct body_row {
	const char *body;
	size_t len;
	bool valid;
};

/* clang-format off */
#define GOOD(body) {body, sizeof(body) - 1, true}
#define BAD(body)  {body, sizeof(body) - 1, false}
/* clang-format on */

static const struct body_row lines[] = {
    /* P-01: LF, CRLF, both, with and without a final one */
    GOOD(BASE),
    GOOD("version: STSv1\r\nmode: enforce\r\nmx: a.org\r\nmax_age: 1\r\n"),
    GOOD("version: STSv1\r\nmode: enforce\nmx: a.org\r\nmax_age: 1\n"),
    GOOD("version: STSv1\nmode: enforce\nmx: a.org\nmax_age: 1"),
    GOOD("version: STSv1 \t\nmode: enforce \r\nmx: a.org\t\r\nmax_age: 1 "),
    BAD(""),
    BAD("\n"),
    BAD(" "),
    /* K3: blank lines */
    GOOD("\n" BASE),
    GOOD("\r\n" BASE),
    GOOD(BASE "\n"),
    GOOD(BASE "\r\n\r\n"),
    GOOD(BASE " \t\r\n"),
    GOOD(BASE "  "),
    GOOD("version: STSv1\n\n" REST),
    /* no leading blanks, comments, folding, mark */
    BAD(" " BASE),
    BAD("\t" BASE),
    BAD("version: STSv1\n " REST),
    BAD(BASE "ext: a\n b\n"),
    BAD(BASE "# comment\n"),
    BAD(BASE "#c: d\n"),
    BAD("\xef\xbb\xbf" BASE),
    BAD(BASE "\xef\xbb\n"),
    /* carriage returns */
    BAD("version: STSv1\rmode: enforce\rmx: a.org\rmax_age: 1\r"),
    BAD("version: STSv1\r\r\n" REST),
    BAD("version:\rSTSv1\n" REST),
    BAD("\r" BASE),
    BAD(BASE "\r"),
    BAD(BASE "ext: a\r"),
    BAD(BASE "ext: a\rb\n"),
    BAD("version: STSv1\n\rmode: enforce\n\rmx: a.org\n\rmax_age: 1\n"),
    /* P-11: these end no line and are no white space */
    BAD("version: STSv1\0\n" REST),
    BAD("\0" BASE),
    BAD(BASE "\0"),
    BAD(BASE "ext: a\0b\n"),
    BAD("version: STSv1\v" REST),
    BAD("version: STSv1\f\n" REST),
    BAD("version:\vSTSv1\n" REST),
    BAD("version: STSv1\xc2\x85" REST),
    BAD("version: STSv1\xe2\x80\xa8" REST),
    BAD("version: STSv1\xc2\xa0\n" REST),
    BAD("version:\xc2\xa0STSv1\n" REST),
    BAD("\v\n" BASE),
    GOOD(BASE "ext: a\xc2\x85version\n"),
    GOOD(BASE "ext: a\xe2\x80\xa8mode: none\n"),
};

static const struct body_row fields[] = {
    /* P-02 */
    GOOD("version:STSv1\n" REST),
    GOOD("version:  \t STSv1\n" REST),
    BAD("version : STSv1\n" REST),
    BAD("version\t: STSv1\n" REST),
    BAD("version\n" REST),
    BAD("version STSv1\n" REST),
    BAD("version= STSv1\n" REST),
    BAD("version :\n" BASE),
    BAD("version \n" BASE),
    BAD(":\n" BASE),
    BAD(": STSv1\n" BASE),
    BAD("-x: y\n" BASE),
    BAD("_x: y\n" BASE),
    BAD(".x: y\n" BASE),
    BAD("Version: STSv1\n" REST),
    BAD("VERSION: STSv1\n" REST),
    GOOD("Version: STSv2\n" BASE),
    BAD("version: STSv1\nMode: enforce\nmx: a.org\nmax_age: 1\n"),
    BAD("version: STSv1\nmode: enforce\nMX: a.org\nmax_age: 1\n"),
    BAD("version: STSv1\nmode: enforce\nmx: a.org\nMax_Age: 1\n"),
    /* P-03 */
    BAD(REST),
    GOOD(REST "version: STSv1\n"),
    BAD("version: STSv2\n" REST),
    BAD("version: STSv12\n" REST),
    BAD("version: STSv\n" REST),
    BAD("version: stsv1\n" REST),
    BAD("version: STSv1 x\n" REST),
    BAD("version: STSv1;\n" REST),
    BAD("version: \"STSv1\"\n" REST),
    BAD("version:\n" REST),
    BAD("version: \n" REST),
    /* P-04 */
    GOOD("version: STSv1\nmode: testing\nmx: a.org\nmax_age: 1\n"),
    GOOD("version: STSv1\nmode: none\nmx: a.org\nmax_age: 1\n"),
    BAD("version: STSv1\nmx: a.org\nmax_age: 1\n"),
    BAD("version: STSv1\nmode: Enforce\nmx: a.org\nmax_age: 1\n"),
    BAD("version: STSv1\nmode: NONE\nmx: a.org\nmax_age: 1\n"),
    BAD("version: STSv1\nmode: report\nmx: a.org\nmax_age: 1\n"),
    BAD("version: STSv1\nmode: enforc\nmx: a.org\nmax_age: 1\n"),
    BAD("version: STSv1\nmode: enforced\nmx: a.org\nmax_age: 1\n"),
    BAD("version: STSv1\nmode:\nmx: a.org\nmax_age: 1\n"),
    /* P-06 */
    BAD("version: STSv1\nmode: enforce\nmax_age: 1\n"),
    BAD("version: STSv1\nmode: testing\nmax_age: 1\n"),
    GOOD("version: STSv1\nmode: none\nmax_age: 1\n"),
    GOOD("max_age: 1\nmode: none\nversion: STSv1\n"),
    /* P-08, P-10: extensions */
    GOOD(BASE "url: https://a:b\n"),
    GOOD(BASE "ext: v\n"),
    GOOD(BASE "ext:v\n"),
    GOOD(BASE "ext: a b  c\n"),
    GOOD(BASE "ext: a \t\n"),
    GOOD(BASE "ext: :\n"),
    GOOD(BASE "ext: !~\n"),
    GOOD(BASE "0: 1\n"),
    GOOD(BASE "a.b-c_d: 1\n"),
    GOOD(BASE A30 "ab: v\n"),
    BAD(BASE A30 "abc: v\n"),
    BAD(BASE "ext:\n"),
    BAD(BASE "ext: \n"),
    BAD(BASE "ext\n"),
    BAD(BASE "e xt: v\n"),
    BAD(BASE "e\xc3\xbc: v\n"),
    BAD(BASE "ext: a\tb\n"),
    BAD(BASE "ext: a\x01\n"),
    BAD(BASE "ext: a\x1f"
	     "b\n"),
    BAD(BASE "ext: a\x7f\n"),
    /* UTF-8 by RFC 3629 4 */
    GOOD(BASE "ext: \xc2\x80\n"),
    GOOD(BASE "ext: \xdf\xbf\n"),
    GOOD(BASE "ext: \xe0\xa0\x80\n"),
    GOOD(BASE "ext: \xe1\x80\x80\xec\xbf\xbf\n"),
    GOOD(BASE "ext: \xed\x9f\xbf\n"),
    GOOD(BASE "ext: \xee\x80\x80\xef\xbf\xbf\n"),
    GOOD(BASE "ext: \xf0\x90\x80\x80\n"),
    GOOD(BASE "ext: \xf1\x80\x80\x80\xf3\xbf\xbf\xbf\n"),
    GOOD(BASE "ext: \xf4\x8f\xbf\xbf x\n"),
    BAD(BASE "ext: \x80\n"),
    BAD(BASE "ext: \xbf\n"),
    BAD(BASE "ext: \xc0\x80\n"),
    BAD(BASE "ext: \xc1\xbf\n"),
    BAD(BASE "ext: \xc2\n"),
    BAD(BASE "ext: \xc2"),
    BAD(BASE "ext: \xc2\x7f\n"),
    BAD(BASE "ext: \xc2\xc0\n"),
    BAD(BASE "ext: \xe0\x9f\xbf\n"),
    BAD(BASE "ext: \xe1\x80\n"),
    BAD(BASE "ext: \xe1\x80\x7f\n"),
    BAD(BASE "ext: \xe1\x80\xc0\n"),
    BAD(BASE "ext: \xed\xa0\x80\n"),
    BAD(BASE "ext: \xf0\x8f\xbf\xbf\n"),
    BAD(BASE "ext: \xf0\x90\x80\n"),
    BAD(BASE "ext: \xf1\x80\x80 \n"),
    BAD(BASE "ext: \xf4\x90\x80\x80\n"),
    BAD(BASE "ext: \xf5\x80\x80\x80\n"),
    BAD(BASE "ext: \xff\n"),
    BAD(BASE "ext: m\xfcnchen\n"),
    /* P-09: the first one counts, the others must be fields still */
    GOOD(BASE "version: STSv2\n"),
    GOOD(BASE "mode: nonsense\n"),
    GOOD(BASE "max_age: -1\n"),
    GOOD(BASE "max_age: 12345678901\n"),
    BAD("version: STSv2\n" BASE),
    BAD("mode: nonsense\n" BASE),
    BAD("max_age: -1\n" BASE),
    BAD(BASE "mode:\n"),
    BAD(BASE "mode: \xff\n"),
    /* P-18: the flag is no policy */
    BAD("dnssec: yes\n"),
    BAD("version: STSv1\ndnssec: yes\n"),
    BAD("version: STSv1\nmode: enforce\nmax_age: 1\ndnssec: yes\n"),
    BAD("version: STSv1\nmode: enforce\nmx: a.org\ndnssec: yes\n"),
    BAD("version: STSv1\nmx: a.org\nmax_age: 1\ndnssec: yes\n"),
    BAD(BASE "dnssec:\n"),
    BAD(BASE "dnssec\n"),
    /* what servers answer in place of a policy */
    BAD("<!DOCTYPE html>\n<html></html>\n"),
    BAD("{\"version\": \"STSv1\"}"),
    BAD("v=STSv1; id=1;"),
};

static const struct body_row mx_values[] = {
    /* P-07 */
    GOOD(HEAD "mx: a\n"),
    GOOD(HEAD "mx: mx.example.org\n"),
    GOOD(HEAD "mx: MX.Example.ORG\n"),
    GOOD(HEAD "mx: *.example.org\n"),
    GOOD(HEAD "mx: *.org\n"),
    GOOD(HEAD "mx: 1.example.org\n"),
    GOOD(HEAD "mx: a-b.c--d.org\n"),
    GOOD(HEAD "mx: xn--mnchen-3ya.example\n"),
    GOOD(HEAD "mx: 192.0.2.1\n"),
    GOOD(HEAD "mx: " L63 ".org\n"),
    GOOD(HEAD "mx: " N252 "a\n"),
    GOOD(HEAD "mx: *." N252 "a\n"),
    BAD(HEAD "mx: " L63 "d.org\n"),
    BAD(HEAD "mx: " N252 "ab\n"),
    BAD(HEAD "mx:\n"),
    BAD(HEAD "mx: .\n"),
    BAD(HEAD "mx: mx.example.org.\n"),
    BAD(HEAD "mx: .example.org\n"),
    BAD(HEAD "mx: mx..example.org\n"),
    BAD(HEAD "mx: -mx.example.org\n"),
    BAD(HEAD "mx: mx-.example.org\n"),
    BAD(HEAD "mx: mx.-.org\n"),
    BAD(HEAD "mx: mx_1.example.org\n"),
    BAD(HEAD "mx: m\xc3\xbcnchen.example\n"),
    BAD(HEAD "mx: [192.0.2.1]\n"),
    BAD(HEAD "mx: 2001:db8::1\n"),
    BAD(HEAD "mx: a.org, b.org\n"),
    BAD(HEAD "mx: a.org,b.org\n"),
    BAD(HEAD "mx: a.org b.org\n"),
    BAD(HEAD "mx: a.org;b.org\n"),
    BAD(HEAD "mx: a@b.org\n"),
    BAD(HEAD "mx: \"a.org\"\n"),
    BAD(HEAD "mx: 10 a.org\n"),
    /* M-04: no other wildcards */
    BAD(HEAD "mx: *\n"),
    BAD(HEAD "mx: *.\n"),
    BAD(HEAD "mx: *.*.org\n"),
    BAD(HEAD "mx: mx*.example.org\n"),
    BAD(HEAD "mx: *x.example.org\n"),
    BAD(HEAD "mx: mx.*.org\n"),
    BAD(HEAD "mx: **.example.org\n"),
    BAD(HEAD "mx: *.-a.org\n"),
    BAD(HEAD "mx: *..org\n"),
    BAD(HEAD "mx: *.example.org.\n"),
    /* K5: a bad one spoils the others */
    BAD(HEAD "mx: a.org\nmx: b_c.org\n"),
    BAD(HEAD "mx: b_c.org\nmx: a.org\n"),
    BAD("version: STSv1\nmode: none\nmax_age: 1\nmx: b_c.org\n"),
};

static void
check_bodies(const struct body_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct policy *policy = NULL;
		struct notes notes = {0};
		int err = policy_parse((const uint8_t *)rows[i].body,
		    rows[i].len, take_note, &notes, &policy);

		cr_expect(err == (rows[i].valid ? 0 : ERR_SYNTAX),
		    "row %zu: %d\n%s---\n%s", i, err, rows[i].body, notes.text);
		cr_expect((policy != NULL) == rows[i].valid, "row %zu", i);
		cr_expect((notes.errors == 0) == rows[i].valid, "row %zu: %s",
		    i, notes.text);
		cr_expect(!notes.disorder, "row %zu: %s", i, notes.text);
		policy_free(&policy);
		cr_expect(policy == NULL);
	}
}

#define CHECK(rows) check_bodies(rows, sizeof(rows) / sizeof(*rows))

Test(policy_body, lines_p01_p11_k3)
{
	CHECK(lines);
}

Test(policy_body, fields_p02_p03_p04_p06_p08_p09_p10_p18)
{
	CHECK(fields);
}

Test(policy_body, mx_values_p07_m04_k5)
{
	CHECK(mx_values);
}
