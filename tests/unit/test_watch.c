/*
 * What watches the daemon, in etc/: the alert rules and the dashboard speak of
 * numbers that it has, and every alert fires and keeps quiet when it should,
 * says promtool. Skipped without promtool: what needs it.
 */
#include "autoconf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <jansson.h>

#include "engine/ask.h"
#include "front/web.h"
#include "front/stats_sampler.h"
#include "front/tls_lookup.h"
#include "log/metrics.h"
#include "paths.h"

#define ETC_DIR    SRCDIR "/etc"
#define RULES_TEST SRCDIR "/tests/unit/prometheus-rules-test.yml"

#define RULES     ETC_DIR "/prometheus-rules.yml"
#define DASHBOARD ETC_DIR "/grafana-dashboard.json"

#define WORD_SIZE 128

/* Prometheus makes these itself. */
static const char *const others[] = {"up", "instance", "job", "le"};

static char *numbers; /* what the daemon says, with everything there is */

static void
set_up(void)
{
	static struct engine_status engine = {.resolver = PROBE_OK};
	static struct tls_counters tls;
	static struct census census = {.binding = 1, .failing = 1, .n = 1};
	struct metrics *metrics = metrics_new();
	const struct metrics_view view = {.metrics = metrics,
	    .engine = &engine,
	    .tls = &tls,
	    .census = &census,
	    .version = "1"};
	size_t len = 0;
	FILE *out = open_memstream(&numbers, &len);

	cr_assert(metrics != NULL && out != NULL);
	for (size_t r = 0; r < REASON_COUNT; r++)
		for (size_t v = 0; v < METRICS_VERDICTS; v++)
			metrics_count(metrics, METRICS_RECIPIENTS, r, v);
	metrics_write(out, &view);
	cr_assert_eq(fclose(out), 0);
	metrics_free(&metrics);
}

static void
tear_down(void)
{
	free(numbers);
}

TestSuite(watch, .init = set_up, .fini = tear_down, .timeout = 300);

/* --- queries --- */

static bool
is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Is there a sample of that name? */
static bool
is_sample(const char *name)
{
	size_t len = strlen(name);

	for (const char *at = numbers; at != NULL; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, name, len) == 0 &&
		    (at[len] == '{' || at[len] == ' '))
			return true;
	}
	return false;
}

/* Is there a sample whose label has that value? */
static bool
is_label(const char *label, const char *value)
{
	char pair[2 * WORD_SIZE + 8];

	snprintf(pair, sizeof(pair), "%s=\"%s\"", label, value);
	for (const char *at = numbers; (at = strstr(at, pair)) != NULL; at++)
		if (at[-1] == '{' || at[-1] == ',')
			return true;
	return false;
}

static bool
is_other(const char *word)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(word, others[i]) == 0)
			return true;
	return false;
}

/* At `label="value"` or its kin, behind the label: the values, that `|` parts.
 * Where it ends. */
static const char *
check_values(const char *label, const char *at)
{
	const char *quote = at + strspn(at, "=!~");
	char value[WORD_SIZE];
	size_t n;

	if (quote == at || *quote != '"' || is_other(label))
		return at;
	for (at = quote + 1; *at != '"'; at += *at == '|') {
		n = strcspn(at, "|\"");
		cr_assert_lt(n, sizeof(value), "%.40s", at);
		memcpy(value, at, n);
		value[n] = '\0';
		at += n;
		cr_expect(is_label(label, value), "no %s=\"%s\"", label, value);
	}
	return at + 1;
}

/* Every name of ours in the text, and every label that is asked for. The count
 * of names. */
static size_t
check_query(const char *text)
{
	char word[WORD_SIZE];
	size_t n = 0;

	for (const char *at = text; *at != '\0';) {
		size_t len = 0;

		while (is_word(at[len]))
			len++;
		if (len == 0) {
			at++;
			continue;
		}
		cr_assert_lt(len, sizeof(word), "%.40s", at);
		memcpy(word, at, len);
		word[len] = '\0';
		at += len;
		if (strncmp(word, "dane_sts_", 9) == 0 ||
		    strncmp(word, "process_", 8) == 0) {
			cr_expect(is_sample(word), "no metric %s", word);
			n++;
		}
		at = check_values(word, at);
	}
	return n;
}

/* free() it. */
static char *
read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	cr_assert(file != NULL, "%s", path);
	cr_assert_gt(getdelim(&text, &size, '\0', file), 0);
	fclose(file);
	return text;
}

Test(watch, the_rules_speak_of_metrics_that_exist)
{
	char *text = read_file(RULES);

	cr_expect_gt(check_query(text), 10U);
	free(text);
}

/* Every string below: queries stand in targets, variables, annotations. */
static size_t
check_json(json_t *json)
{
	const char *key;
	json_t *value;
	size_t i;
	size_t n = 0;

	json_array_foreach(json, i, value) n += check_json(value);
	json_object_foreach(json, key, value) n += check_json(value);
	return json_is_string(json) ? check_query(json_string_value(json)) : n;
}

Test(watch, the_dashboard_speaks_of_metrics_that_exist)
{
	json_error_t error;
	json_t *json =
	    json_load_file(DASHBOARD, JSON_REJECT_DUPLICATES, &error);

	cr_assert(json != NULL, "line %d: %s", error.line, error.text);
	cr_expect_gt(check_json(json), 30U);
	json_decref(json);
}

/* All of them in the file, without the first skip octets of their names. */
static void
expect_metrics(const char *path, size_t skip)
{
	static const char mark[] = "\n# TYPE ";
	char *text = read_file(path);
	char name[WORD_SIZE];
	size_t n = 0;

	for (const char *at = numbers; (at = strstr(at, mark)) != NULL; n++) {
		size_t len;

		at += strlen(mark);
		len = strcspn(at, " ");
		cr_assert_lt(len, sizeof(name));
		memcpy(name, at, len);
		name[len] = '\0';
		cr_expect_not_null(strstr(text,
				       *name == 'd' ? name + skip : name),
		    "%s: no %s", path, name);
	}
	cr_expect_gt(n, 20U);
	free(text);
}

/* Whoever adds a number thinks of those who look at it. */
Test(watch, every_metric_is_on_the_dashboard)
{
	expect_metrics(DASHBOARD, 0);
}

/* Without the prefix. */
Test(watch, every_metric_is_in_the_manual)
{
	expect_metrics(DAEMON_MANUAL, strlen("dane_sts_"));
}

/* --- alerts --- */

/* promtool can only be asked about what is written down. */
Test(watch, every_alert_is_tested)
{
	static const char mark[] = "- alert: ";
	char *rules = read_file(RULES);
	char *test = read_file(RULES_TEST);
	char want[WORD_SIZE + 16];
	size_t n = 0;

	for (const char *at = rules; (at = strstr(at, mark)) != NULL; n++) {
		at += strlen(mark);
		snprintf(want, sizeof(want), "alertname=\"%.*s\"",
		    (int)strcspn(at, "\n"), at);
		cr_expect_not_null(strstr(test, want), "%s", want);
	}
	cr_expect_geq(n, 5U);
	free(rules);
	free(test);
}

static void
need_promtool(void)
{
	if (system("command -v promtool >/dev/null") != 0)
		cr_skip_test("promtool (Debian: prometheus) is not installed");
}

Test(watch, promtool_takes_the_rules)
{
	need_promtool();
	cr_expect_eq(system("promtool check rules " RULES " >&2"), 0);
}

Test(watch, alerts_fire_and_keep_quiet)
{
	need_promtool();
	cr_expect_eq(system("test=$(mktemp) && sed 's|RULES|" RULES
			    "|' " RULES_TEST
			    " >$test && promtool test rules $test >&2; "
			    "status=$?; rm -f $test; exit $status"),
	    0);
}

/* --- the log --- */

Test(watch, logrotate_takes_its_file)
{
	if (system("command -v logrotate >/dev/null") != 0 ||
	    system("getent passwd dane-sts >/dev/null") != 0)
		cr_skip_test("no logrotate, or no user dane-sts");
	cr_expect_eq(system("logrotate -d -s /dev/null " ETC_DIR
			    "/logrotate.conf"),
	    0);
}
