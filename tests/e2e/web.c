/* Metrics and status page, after real mail. */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <criterion/criterion.h>

#include "lab_client.h"

TestSuite(web, .timeout = 180);

/* The sample has that value or a larger one. */
static void
expect_at_least(const char *text, const char *sample, unsigned long least)
{
	char line[LAB_LINE_SIZE];
	const char *at;

	snprintf(line, sizeof(line), "\n%s ", sample);
	at = strstr(text, line);
	cr_assert_not_null(at, "no %s", sample);
	cr_expect_geq(strtoul(at + strlen(line), NULL, 10), least, "%s: %.40s",
	    sample, at + 1);
}

static void
expect_promtool_content(const char *text)
{
	FILE *promtool;

	if (system("command -v promtool >/dev/null") != 0)
		return;
	promtool = popen("promtool check metrics >&2", "we");
	cr_assert_not_null(promtool);
	cr_assert_eq(fwrite(text, 1, strlen(text), promtool), strlen(text));
	cr_expect_eq(pclose(promtool), 0);
}

Test(web, a_real_scrape_after_real_mail)
{
	char *text;

	LAB_FRESH(NULL);
	free(LAB_ASK("u@secure.test", "u@unsigned.test", "v@unsigned.test"));
	text = LAB_TEXT("get", "/metrics");
	expect_at_least(text,
	    "dane_sts_recipients_total{verdict=\"pass\",reason=\"secure\"}", 1);
	expect_at_least(text,
	    "dane_sts_recipients_total{verdict=\"defer\","
	    "reason=\"mx-insecure\"}",
	    2);
	expect_at_least(text,
	    "dane_sts_recipient_answers_total{answer=\"refuse\"}", 2);
	expect_at_least(text,
	    "dane_sts_dns_lookups_total{type=\"MX\",status=\"insecure\"}", 1);
	expect_at_least(text, "dane_sts_policy_fetches_total{result=\"ok\"}",
	    2);
	expect_at_least(text,
	    "dane_sts_verdict_cache_requests_total{result=\"hit\"}", 1);
	expect_at_least(text, "dane_sts_recipient_duration_seconds_count", 3);
	expect_at_least(text, "dane_sts_dns_lookup_duration_seconds_count", 5);
	expect_at_least(text, "dane_sts_policy_fetch_duration_seconds_count",
	    2);
	expect_at_least(text, "dane_sts_resolver_ok", 1);
	expect_at_least(text, "dane_sts_enforced_ratio", 1);
	expect_promtool_content(text);
	free(text);
}

#define HOSTILE "<script>alert(1)</script><img src=x onerror=alert(2)>"

/* S-02; what else is looked at, browser.py says. */
Test(web, S_02_the_page_in_a_browser)
{
	char *base;
	char command[LAB_LINE_SIZE];
	int status;

	LAB_FRESH(NULL);
	free(LAB_ASK("u@secure.test"));
	free(LAB_TEXT("milter", "--mailer", "smtp", "--host", "unsigned.test",
	    "<\"" HOSTILE "\"@unsigned.test>"));
	base = LAB_TEXT("info", "web");
	base[strcspn(base, "\n")] = '\0';
	snprintf(command, sizeof(command),
	    "exec python3 -B %s %s unsigned.test '" HOSTILE
	    "' 'unsigned.test MX insecure' >&2",
	    BROWSER_PROGRAM, base);
	free(base);
	status = system(command);
	if (WIFEXITED(status) && WEXITSTATUS(status) == LAB_UNAVAILABLE)
		cr_skip_test("Chromium is not installed");
	cr_expect_eq(status, 0);
}

/* */
Test(web, A_06_what_monitor_mode_spares_is_counted)
{
	char *text;

	LAB_FRESH("mode=monitor");
	free(LAB_ASK("u@unsigned.test"));
	text = LAB_TEXT("get", "/metrics");
	expect_at_least(text,
	    "dane_sts_recipients_spared_total{reason=\"mx-insecure\"}", 1);
	free(text);
}

/* --- /api/v1 --- */

static void
expect_part(const char *path, int status, const char *part)
{
	struct lab_output out;

	cr_assert_eq(lab_run((const char *const[]){"get", path, NULL}, &out),
	    0);
	cr_expect_eq(out.status, status, "%s: %d", path, out.status);
	cr_expect_not_null(strstr(out.text, part), "%s: %s: %s", path, part,
	    out.text);
	free(out.text);
}

Test(web, S_07_api_tells_what_the_map_tells)
{
	LAB_FRESH(NULL);
	expect_part("/api/v1/domain/secure.test", 0,
	    "\"verdict\":\"pass\",\"reason\":\"secure\"");
	expect_part("/api/v1/domain/secure.test", 0,
	    "\"tls\":{\"level\":\"dane-only\",\"status\":\"OK\",\"answer\":"
	    "\"dane-only\"}}\n");
	expect_part("/api/v1/domain/noflag.test", 0,
	    "\"answer\":\"secure match=mx1.noflag.test servername=hostname\"");
	expect_part("/api/v1/domain/unsigned.test", 0,
	    "\"tls\":{\"level\":\"defer\",\"status\":\"TEMP\",");
	expect_part("/api/v1/domain/plain.test", 0,
	    "\"tls\":{\"level\":\"none\",\"status\":\"NOTFOUND\",");
	expect_part("/api/v1/domain/a..b", 1, "{\"error\":\"no domain, ");
	expect_part("/api/v1/nonsense", 1, "no such page");
}

Test(web, api_status_is_that_of_the_tool)
{
	char *status;

	LAB_FRESH(NULL);
	free(LAB_ASK("u@secure.test"));
	expect_part("/api/v1/status", 0, "\"version\":\"" PACKAGE_VERSION "\"");
	expect_part("/api/v1/status", 0, "\"reasons\":{\"secure\":1}");
	status = LAB_TEXT("tool", "--", "--json", "status");
	cr_expect_not_null(strstr(status, "\"reasons\":{\"secure\":1}"), "%s",
	    status);
	free(status);
}

/* The lines for Exim, as far as they can be tried without it. */
Test(web, S_07_the_lines_of_exim_conf)
{
	static const struct {
		const char *domain;
		const char *lines;
	} rows[] = {
	    {"secure.test",   "level=dane-only\nnames=\ntext=dane-only\n"},
	    {"noflag.test",
             "level=secure\nnames=mx1.noflag.test\ntext=secure "         },
	    {"plain.test",    "level=none\nnames=\ntext=\n"              },
	    {"unsigned.test", "level=defer\nnames=\ntext=unsigned.test: "},
	};

	LAB_FRESH(NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = LAB_TEXT("exim", rows[i].domain);

		cr_expect_eq(strncmp(text, rows[i].lines,
				 strlen(rows[i].lines)),
		    0, "%s: %s", rows[i].domain, text);
		free(text);
	}
}
