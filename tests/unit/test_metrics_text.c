/*
 * The text that Prometheus reads, by the rules of its format; and by promtool
 * itself, where it is installed.
 */
#include "autoconf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "dns/dns.h"
#include "engine/ask.h"
#include "fetch/fetch.h"
#include "front/web.h"
#include "front/recipient.h"
#include "front/stats_sampler.h"
#include "front/tls_lookup.h"
#include "log/metrics.h"

static struct metrics *metrics;
static struct engine_status engine;
static struct tls_counters tls;
static struct census census;
static struct metrics_view view;

static void
set_up(void)
{
	metrics = metrics_new();
	cr_assert_not_null(metrics);
	view = (struct metrics_view){
	    .metrics = metrics,
	    .engine = &engine,
	    .version = "1.2.3",
	    .enforced = 100,
	    .started_s = 1700000000,
	    .stored = 7,
	    .unwritten = 3,
	};
}

static void
tear_down(void)
{
	metrics_free(&metrics);
}

TestSuite(metrics_text, .init = set_up, .fini = tear_down);

/* free() it. */
static char *
write_text(void)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	cr_assert_not_null(out);
	metrics_write(out, &view);
	cr_assert_eq(fclose(out), 0);
	cr_expect_eq(strlen(text), len);
	return text;
}

/* Everything there is. */
static void
fill(void)
{
	view.tls = &tls;
	view.census = &census;
	engine.resolver = PROBE_OK;
	census.binding = 2;
	census.failing = 1;
	census.failing_expires_s = 1700005678;
	census.n = 1;
	census.listed[0].expires_s = 1700001234;
}

static bool
has_line(const char *text, const char *line)
{
	size_t len = strlen(line);
	const char *at = text;

	for (; (at = strstr(at, line)) != NULL; at++)
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return true;
	return false;
}

static void
expect_line(const char *line)
{
	char *text = write_text();

	cr_expect(has_line(text, line), "no line \"%s\"", line);
	free(text);
}

/* --- the format ---------------------------------------------------------- */

#define NAME_MAX_LEN 128

static size_t
name_len(const char *text)
{
	size_t n = 0;

	while (
	    isalnum((unsigned char)text[n]) || text[n] == '_' || text[n] == ':')
		n++;
	return n;
}

/* {name="value",...}; its length, 0 when there is none. Values are words. */
static size_t
labels_len(const char *text)
{
	size_t n = 1;

	if (text[0] != '{')
		return 0;
	while (text[n] != '}') {
		size_t len = name_len(text + n);

		cr_assert_gt(len, 0U, "label: %.40s", text + n);
		n += len;
		cr_assert_eq(strncmp(text + n, "=\"", 2), 0, "%.40s", text);
		n += 2;
		len = strspn(text + n,
		    "abcdefghijklmnopqrstuvwxyz"
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		    "0123456789.+-");
		cr_assert_gt(len, 0U, "value: %.40s", text + n);
		n += len;
		cr_assert_eq(text[n], '"', "%.40s", text);
		n++;
		if (text[n] == ',')
			n++;
	}
	return n + 1;
}

static bool
ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && strcmp(name + n - m, end) == 0;
}

struct family {
	char name[NAME_MAX_LEN];
	char type[16];
};

/* A sample belongs to the family that was announced last. */
static void
check_sample(const struct family *family, const char *line)
{
	char name[NAME_MAX_LEN];
	size_t n = name_len(line);
	const char *rest;
	char *end;

	cr_assert(n > 0 && n < sizeof(name), "%.60s", line);
	memcpy(name, line, n);
	name[n] = '\0';
	if (strcmp(family->type, "histogram") == 0)
		cr_expect(ends_in(name, "_bucket") || ends_in(name, "_sum") ||
			ends_in(name, "_count"),
		    "%s", name);
	else
		cr_expect_str_eq(name, family->name);
	cr_expect_eq(strncmp(name, family->name, strlen(family->name)), 0,
	    "%s after %s", name, family->name);
	rest = line + n + labels_len(line + n);
	cr_assert_eq(*rest, ' ', "%.60s", line);
	(void)strtod(rest + 1, &end);
	cr_expect(end > rest + 1 && *end == '\0', "%.60s", line);
}

static void
check_family(const struct family *family)
{
	cr_expect_eq(ends_in(family->name, "_total"),
	    strcmp(family->type, "counter") == 0, "%s is a %s", family->name,
	    family->type);
	if (strcmp(family->type, "histogram") == 0)
		cr_expect(ends_in(family->name, "_seconds"), "%s",
		    family->name);
}

/* The next line of text, ended; NULL at the end. */
static char *
next_line(char **rest)
{
	char *line = *rest;
	char *line_end = strchr(line, '\n');

	if (line_end == NULL)
		return NULL;
	*line_end = '\0';
	*rest = line_end + 1;
	return line;
}

/* What follows start: a word into out; what follows the word. */
static const char *
take_word(const char *line, const char *start, char *out, size_t size)
{
	const char *word = line + strlen(start);
	size_t n = strcspn(word, " ");

	cr_assert(n > 0 && n < size, "%.60s", line);
	memcpy(out, word, n);
	out[n] = '\0';
	return word + n;
}

#define HELP "# HELP "
#define TYPE "# TYPE "

/* HELP, TYPE, then its samples; every family once. */
static void
check_text(char *text)
{
	struct family family = {.name = ""};
	char help[NAME_MAX_LEN] = "";
	size_t families = 0;
	const char *rest;
	char *line;

	cr_assert_eq(text[strlen(text) - 1], '\n');
	while ((line = next_line(&text)) != NULL) {
		if (strncmp(line, HELP, strlen(HELP)) == 0) {
			rest = take_word(line, HELP, help, sizeof(help));
			cr_expect_gt(strlen(rest), 1U, "%s", line);
		} else if (strncmp(line, TYPE, strlen(TYPE)) == 0) {
			rest = take_word(line, TYPE, family.name,
			    sizeof(family.name));
			rest = take_word(rest, " ", family.type,
			    sizeof(family.type));
			cr_expect_str_eq(rest, "");
			cr_expect_str_eq(family.name, help);
			check_family(&family);
			families++;
		} else {
			check_sample(&family, line);
		}
	}
	cr_expect_gt(families, 20U);
}

Test(metrics_text, the_format_is_kept_with_nothing_counted)
{
	char *text = write_text();

	check_text(text);
	free(text);
}

Test(metrics_text, the_format_is_kept_with_everything)
{
	char *text;

	fill();
	text = write_text();
	check_text(text);
	free(text);
}

Test(metrics_text, no_series_and_no_family_comes_twice)
{
	char *lines[1024];
	char *text, *rest, *line;
	size_t n = 0;

	fill();
	rest = text = write_text();
	while ((line = next_line(&rest)) != NULL) {
		char *value = strrchr(line, ' ');

		if (line[0] != '#')
			*value = '\0';
		for (size_t i = 0; i < n; i++)
			cr_expect_str_neq(lines[i], line);
		cr_assert_lt(n, sizeof(lines) / sizeof(lines[0]));
		lines[n++] = line;
	}
	free(text);
}

Test(metrics_text, promtool_finds_nothing_to_say)
{
	char path[] = "/tmp/dane-sts-metrics.XXXXXX";
	char command[256];
	char *text;
	int fd;

	if (system("command -v promtool >/dev/null") != 0)
		cr_skip_test("promtool (Debian: prometheus) is not installed");
	fill();
	text = write_text();
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	free(text);
	snprintf(command, sizeof(command), "promtool check metrics <%s", path);
	cr_expect_eq(system(command), 0);
	unlink(path);
}

/* --- the numbers --------------------------------------------------------- */

Test(metrics_text, recipients_by_verdict_and_reason)
{
	metrics_count(metrics, METRICS_RECIPIENTS, REASON_MX_BOGUS,
	    VERDICT_DEFER);
	metrics_count(metrics, METRICS_RECIPIENTS, REASON_MX_BOGUS,
	    VERDICT_REJECT);
	metrics_count(metrics, METRICS_RECIPIENTS, REASON_MX_BOGUS,
	    VERDICT_REJECT);
	expect_line("dane_sts_recipients_total{verdict=\"defer\","
		    "reason=\"mx-bogus\"} 1");
	expect_line("dane_sts_recipients_total{verdict=\"reject\","
		    "reason=\"mx-bogus\"} 2");
	expect_line("dane_sts_recipients_total{verdict=\"pass\","
		    "reason=\"secure\"} 0");
}

Test(metrics_text, T_14_pins)
{
	metrics_count(metrics, METRICS_PINNED, VERDICT_DEFER, 0);
	view.pins = 3;
	view.pins_lapsing = 2;
	expect_line("dane_sts_pinned_recipients_total{verdict=\"defer\"} 1");
	expect_line("dane_sts_pinned_recipients_total{verdict=\"pass\"} 0");
	expect_line("dane_sts_pinned_domains 3");
	expect_line("dane_sts_pinned_domains_lapsing 2");
}

Test(metrics_text, what_monitor_mode_spared)
{
	char *text = write_text();

	cr_expect_null(strstr(text, "spared_total{reason=\"secure\"}"));
	free(text);
	metrics_count(metrics, METRICS_SPARED, REASON_DEADLINE, 0);
	expect_line("dane_sts_recipients_spared_total{reason=\"deadline\"} 1");
	expect_line("dane_sts_recipients_spared_total{reason=\"mx-bogus\"} 0");
}

Test(metrics_text, lookups_and_fetches)
{
	metrics_count(metrics, METRICS_DNS, dns_type_row(DNS_TLSA), FACT_BOGUS);
	metrics_count(metrics, METRICS_FETCHES, FETCH_FAILURE_CERTIFICATE, 0);
	metrics_count(metrics, METRICS_REFRESHES, 0, 0);
	metrics_count(metrics, METRICS_ANSWERS, RECIPIENT_HOLD, 0);
	metrics_count(metrics, METRICS_VERDICT_CACHE, 1, 0);
	metrics_store(metrics, METRICS_STORE_WRITE, true);
	expect_line("dane_sts_dns_lookups_total{type=\"TLSA\","
		    "status=\"bogus\"} 1");
	expect_line("dane_sts_policy_fetches_total{result=\"certificate\"} 1");
	expect_line("dane_sts_policy_fetches_total{result=\"ok\"} 0");
	expect_line("dane_sts_policy_refreshes_total{result=\"failed\"} 1");
	expect_line("dane_sts_recipient_answers_total{answer=\"hold\"} 1");
	expect_line("dane_sts_verdict_cache_requests_total{result=\"hit\"} 1");
	expect_line("dane_sts_store_errors_total{operation=\"write\"} 1");
	expect_line("dane_sts_store_failing{operation=\"write\"} 1");
	expect_line("dane_sts_store_failing{operation=\"read\"} 0");
}

Test(metrics_text, buckets_are_cumulative)
{
	metrics_time(metrics, METRICS_DNS_TIME, 50);
	metrics_time(metrics, METRICS_DNS_TIME, 900);
	metrics_time(metrics, METRICS_DNS_TIME, 61000000);
	expect_line("dane_sts_dns_lookup_duration_seconds_bucket"
		    "{le=\"0.0001\"} 1");
	expect_line("dane_sts_dns_lookup_duration_seconds_bucket"
		    "{le=\"0.001\"} 2");
	expect_line("dane_sts_dns_lookup_duration_seconds_bucket"
		    "{le=\"30\"} 2");
	expect_line("dane_sts_dns_lookup_duration_seconds_bucket"
		    "{le=\"+Inf\"} 3");
	expect_line("dane_sts_dns_lookup_duration_seconds_sum 61.000950");
	expect_line("dane_sts_dns_lookup_duration_seconds_count 3");
}

static const struct {
	enum probe_state state;
	const char *value; /* NULL: no series */
} probes[] = {
    {PROBE_UNKNOWN, NULL                    },
    {PROBE_OK,      "dane_sts_resolver_ok 1"},
    {PROBE_BROKEN,  "dane_sts_resolver_ok 0"},
};

/* What is not known is not said. */
Test(metrics_text, the_probe)
{
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		char *text;

		engine.resolver = probes[i].state;
		text = write_text();
		if (probes[i].value == NULL)
			cr_expect_null(strstr(text, "dane_sts_resolver_ok"));
		else
			cr_expect(has_line(text, probes[i].value));
		free(text);
	}
}

Test(metrics_text, gauges)
{
	fill();
	engine.lookups = 3;
	engine.askers = 4;
	engine.verdicts = 5;
	engine.verdict_octets = 6;
	tls.answers[TLS_POLICY_DANE_ONLY] = 8;
	view.enforced = 7;
	expect_line("dane_sts_build_info{version=\"1.2.3\"} 1");
	expect_line("process_start_time_seconds 1700000000");
	expect_line("dane_sts_enforced_ratio 0.07");
	view.enforced = 100;
	expect_line("dane_sts_enforced_ratio 1.00");
	expect_line("dane_sts_lookups_in_progress 3");
	expect_line("dane_sts_askers_waiting 4");
	expect_line("dane_sts_verdict_cache_entries 5");
	expect_line("dane_sts_verdict_cache_bytes 6");
	expect_line("dane_sts_store_policies 7");
	expect_line("dane_sts_store_unwritten_policies 3");
	/* C-16: whatever became of the last write. */
	expect_line("dane_sts_store_failing{operation=\"write\"} 1");
	expect_line("dane_sts_policies_bound 2");
	expect_line("dane_sts_policy_next_expiry_timestamp_seconds 1700001234");
	expect_line("dane_sts_policy_next_failing_expiry_timestamp_seconds "
		    "1700005678");
	expect_line("dane_sts_tls_policies_total{policy=\"dane-only\"} 8");
}

Test(metrics_text, without_census_nothing_is_said_about_policies)
{
	char *text = write_text();

	cr_expect_null(strstr(text, "dane_sts_policies_bound"));
	cr_expect_null(strstr(text, "expiry"));
	cr_expect_null(strstr(text, "dane_sts_tls_"));
	free(text);
}
