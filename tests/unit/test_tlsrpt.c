/* Datagrams for a TLSRPT collector, as libtlsrpt writes them (L-02). */
#include "autoconf.h"

#include "log/tlsrpt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/err.h"

#define RECORD "v=TLSRPTv1; rua=mailto:tls@example.org"

static const char *const patterns[] = {"mx1.example.org", "*.example.net"};
static const struct fact_policy policy = {.id = "1",
    .max_age_s = 86400,
    .mode = POLICY_MODE_ENFORCE,
    .dnssec = true,
    .n_mx = 2,
    .mx = patterns};

Test(tlsrpt, L_02_a_policy_that_does_not_hold)
{
	const struct tlsrpt_report report = {.domain = "example.org",
	    .record = RECORD,
	    .policy = &policy,
	    .result = "dnssec-invalid",
	    .reason = "tlsa-bogus",
	    .host = "mx1.example.org",
	    .failed = true};
	char text[TLSRPT_DATAGRAM_MAX];

	cr_assert_eq(tlsrpt_write(&report, text, sizeof(text)), 0);
	cr_expect_str_eq(text,
	    "{\"dpv\":\"1\",\"d\":\"example.org\",\"pr\":\"" RECORD
	    "\",\"policies\":["
	    "{\"policy-type\":2,\"policy-domain\":\"example.org\","
	    "\"policy-string\":[\"version: STSv1\",\"mode: enforce\","
	    "\"mx: mx1.example.org\",\"mx: *.example.net\","
	    "\"max_age: 86400\",\"dnssec: yes\"],"
	    "\"mx-host\":[\"mx1.example.org\",\"*.example.net\"],"
	    "\"failure-details\":[{\"c\":305,\"n\":\"mx1.example.org\","
	    "\"f\":\"tlsa-bogus\"}],\"t\":1,\"f\":1}]}");
}

Test(tlsrpt, L_03_a_policy_that_cannot_be_had)
{
	const struct tlsrpt_report report = {.domain = "example.org",
	    .record = RECORD,
	    .result = "sts-webpki-invalid",
	    .reason = "expired \"yesterday\"\n"};
	char text[TLSRPT_DATAGRAM_MAX];

	cr_assert_eq(tlsrpt_write(&report, text, sizeof(text)), 0);
	cr_expect_str_eq(text,
	    "{\"dpv\":\"1\",\"d\":\"example.org\",\"pr\":\"" RECORD
	    "\",\"policies\":["
	    "{\"policy-type\":9,\"policy-domain\":\"example.org\","
	    "\"failure-details\":[{\"c\":303,"
	    "\"f\":\"expired \\\"yesterday\\\"\\u000a\"}],\"t\":1,\"f\":0}]}");
}

Test(tlsrpt, L_02_result_types_have_their_numbers)
{
	static const struct {
		const char *result;
		const char *code;
	} rows[] = {
	    {"validation-failure",     "\"c\":205,"},
	    {"sts-policy-fetch-error", "\"c\":301,"},
	    {"sts-policy-invalid",     "\"c\":302,"},
	    {"sts-webpki-invalid",     "\"c\":303,"},
	    {"tlsa-invalid",           "\"c\":304,"},
	    {"dnssec-invalid",         "\"c\":305,"},
	};
	char text[TLSRPT_DATAGRAM_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct tlsrpt_report report = {.domain = "d",
		    .record = RECORD,
		    .result = rows[i].result,
		    .reason = "r"};

		cr_expect_eq(tlsrpt_write(&report, text, sizeof(text)), 0);
		cr_expect_not_null(strstr(text, rows[i].code), "%s", text);
	}
}

Test(tlsrpt, S_02_what_does_not_fit_is_not_sent)
{
	struct tlsrpt_report report = {.domain = "example.org",
	    .record = RECORD,
	    .policy = &policy,
	    .result = "dnssec-invalid",
	    .reason = "r"};
	char text[TLSRPT_DATAGRAM_MAX];

	for (size_t size = 1; size < 300; size++)
		cr_expect_eq(tlsrpt_write(&report, text, size), ERR_TOOLONG);
	report.result = "no-such-result";
	cr_expect_eq(tlsrpt_write(&report, text, sizeof(text)), ERR_SYNTAX);
}

static const struct {
	const char *rdata;
	size_t len;
	const char *record; /* NULL: none */
} records[] = {
    {"\x0c"
     "v=TLSRPTv1; ",  13, "v=TLSRPTv1; "},
    {"\x05"
     "v=TLS"
     "\x07"
     "RPTv1;r",       14, "v=TLSRPTv1;r"},
    {"\x0b"
     "v=TLSRPTv1 ",   12, "v=TLSRPTv1 " },
    {"\x0a"
     "v=TLSRPTv1",    11, NULL          },
    {"\x0c"
     "v=TLSRPTv12;",  13, NULL          },
    {"\x0c"
     "V=TLSRPTv1; ",  13, NULL          },
    {"\x06"
     "v=spf1",	7,  NULL          },
    {"\xff"
     "v=TLSRPTv1;",   12, NULL          },
    {"\x0c"
     "v=TLSRPTv1;\0", 13, NULL          },
    {"",		   0,  NULL          },
    {"\0",		 1,  NULL          },
};

Test(tlsrpt, T_03_records)
{
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		char out[TLSRPT_RECORD_MAX];
		bool found = tlsrpt_record((const uint8_t *)records[i].rdata,
		    records[i].len, out);

		cr_assert_eq(found, records[i].record != NULL, "%zu", i);
		if (found)
			cr_expect_str_eq(out, records[i].record);
	}
}

Test(tlsrpt, to_a_collector_that_comes_and_goes)
{
	const struct tlsrpt_report report = {.domain = "example.org",
	    .record = RECORD,
	    .result = "dnssec-invalid",
	    .reason = "r"};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/test_tlsrpt.XXXXXX";
	char sent[TLSRPT_DATAGRAM_MAX], got[TLSRPT_DATAGRAM_MAX];
	struct tlsrpt *tlsrpt;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int n = 0;

	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", dir);
	tlsrpt = tlsrpt_open(address.sun_path);
	cr_assert_not_null(tlsrpt);
	cr_expect_eq(tlsrpt_send(tlsrpt, &report), ERR_IO);
	cr_assert_eq(bind(fd, (const struct sockaddr *)&address,
			 sizeof(address)),
	    0);
	cr_expect_eq(tlsrpt_send(tlsrpt, &report), 0);
	cr_expect_gt(recv(fd, got, sizeof(got), MSG_DONTWAIT), 0);
	cr_expect_eq(tlsrpt_write(&report, sent, sizeof(sent)), 0);
	cr_expect_eq(memcmp(got, sent, strlen(sent)), 0);
	/* One that does not read: it is not waited for. */
	while (n < 100000 && tlsrpt_send(tlsrpt, &report) == 0)
		n++;
	cr_expect_lt(n, 100000);
	close(fd);
	(void)unlink(address.sun_path);
	(void)rmdir(dir);
	tlsrpt_close(&tlsrpt);
	cr_expect_null(tlsrpt);
}

Test(tlsrpt, a_path_that_is_too_long)
{
	char path[256];

	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	cr_expect_null(tlsrpt_open(path));
}
