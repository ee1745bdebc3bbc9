/* Findings about a policy body, printed or as JSON. See lint.h. */
#include "autoconf.h"

#include "tool/lint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "tool/output.h"
#include "tool/tool.h"

void
lint_add(struct lint_report *report, enum policy_note_level level, size_t line,
    const char *text)
{
	struct lint_finding *finding;

	if (level == POLICY_NOTE_ERROR)
		report->n_errors++;
	else
		report->n_warnings++;
	if (report->n == LINT_FINDINGS_MAX)
		return;
	finding = &report->findings[report->n++];
	finding->level = level;
	finding->line = line;
	snprintf(finding->text, sizeof(finding->text), "%s", text);
}

void
lint_report_clear(struct lint_report *report)
{
	policy_free(&report->policy);
	memset(report, 0, sizeof(*report));
}

static void
note(void *arg, enum policy_note_level level, size_t line, const char *text)
{
	lint_add(arg, level, line, text);
}

void
lint_body(const uint8_t *body, size_t len, struct lint_report *report)
{
	int err;

	if (len > LINT_BODY_SENDERS)
		lint_add(report, POLICY_NOTE_ERROR, 0, LINT_TEXT_TOO_LARGE);
	err = policy_parse(body, len, note, report, &report->policy);
	if (err == ERR_NOMEM)
		report->no_memory = true;
	if (err == 0 && report->n_errors > 0)
		policy_free(&report->policy);
	if (report->policy == NULL && report->n_errors == 0)
		lint_add(report, POLICY_NOTE_ERROR, 0, err_text(err));
}

int
lint_status(const struct lint_report *report)
{
	if (report->no_memory)
		return TOOL_INTERNAL;
	if (report->n_errors > 0)
		return TOOL_NO;
	return report->n_warnings > 0 ? TOOL_WARNED : TOOL_OK;
}

static json_t *
finding_json(const struct lint_finding *finding)
{
	char line[LINT_TEXT_SIZE + 32];

	if (finding->line == 0)
		return output_string(finding->text, strlen(finding->text));
	snprintf(line, sizeof(line), "line %zu: %s", finding->line,
	    finding->text);
	return output_string(line, strlen(line));
}

json_t *
lint_findings_json(const struct lint_report *report,
    enum policy_note_level level)
{
	json_t *list = json_array();
	int err = 0;
	size_t i;

	for (i = 0; i < report->n && err == 0; i++)
		if (report->findings[i].level == level)
			err = json_array_append_new(list,
			    finding_json(&report->findings[i]));
	if (err != 0) {
		json_decref(list);
		return NULL;
	}
	return list;
}

static bool
covers(const struct policy *policy, const char *host)
{
	return policy != NULL &&
	    policy_mx_match(policy->mx, policy->n_mx, host);
}

void
lint_patterns(const struct policy *policy, char out[LINT_TEXT_SIZE])
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < policy->n_mx && len < LINT_TEXT_SIZE / 2; i++)
		len += (size_t)snprintf(out + len, LINT_TEXT_SIZE - len, "%s%s",
		    i > 0 ? " " : "", policy->mx[i]);
	if (policy->n_mx == 0)
		snprintf(out, LINT_TEXT_SIZE, "there is none");
}

void
lint_add_hosts(struct lint_report *report, const struct lint_hosts *hosts)
{
	char patterns[LINT_TEXT_SIZE];
	char text[LINT_TEXT_SIZE];

	if (report->policy == NULL || report->policy->mode == POLICY_MODE_NONE)
		return;
	lint_patterns(report->policy, patterns);
	for (size_t i = 0; i < hosts->n; i++) {
		if (covers(report->policy, hosts->host[i]))
			continue;
		snprintf(text, sizeof(text),
		    "host %.200s: no mx pattern covers it (RFC 8461 4.1): "
		    "%.250s",
		    hosts->host[i], patterns);
		lint_add(report, POLICY_NOTE_WARNING, 0, text);
	}
}

static json_t *
hosts_json(const struct policy *policy, const struct lint_hosts *hosts)
{
	json_t *object = json_object();
	char *key;
	size_t i;
	int err = 0;

	for (i = 0; i < hosts->n && err == 0; i++) {
		key = text_utf8(hosts->host[i], strlen(hosts->host[i]));
		err = json_object_set_new(object, key,
		    json_boolean(covers(policy, hosts->host[i])));
		free(key);
	}
	if (err != 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static json_t *
policy_json(const struct policy *policy)
{
	if (policy == NULL)
		return json_pack("{s:b,s:n,s:n,s:n,s:n,s:n}", "valid", 0,
		    "version", "mode", "max_age", "mx", "dnssec");
	return json_pack("{s:b,s:s,s:s,s:I,s:o,s:b}", "valid", 1, "version",
	    "STSv1", "mode", policy_mode_name(policy->mode), "max_age",
	    (json_int_t)policy->max_age_s, "mx",
	    output_strings(policy->mx, policy->n_mx), "dnssec",
	    policy->dnssec ? 1 : 0);
}

json_t *
lint_json(const struct lint_report *report, const struct lint_hosts *hosts)
{
	json_t *object = policy_json(report->policy);
	int err = 0;

	err |= json_object_set_new(object, "errors",
	    lint_findings_json(report, POLICY_NOTE_ERROR));
	err |= json_object_set_new(object, "warnings",
	    lint_findings_json(report, POLICY_NOTE_WARNING));
	if (hosts->n > 0)
		err |= json_object_set_new(object, "hosts",
		    hosts_json(report->policy, hosts));
	if (err != 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

void
lint_print_findings(FILE *out, const char *name,
    const struct lint_report *report)
{
	for (size_t i = 0; i < report->n; i++) {
		const struct lint_finding *finding = &report->findings[i];

		text_print(out, name, strlen(name));
		if (finding->line > 0)
			fprintf(out, ":%zu", finding->line);
		fputs(finding->level == POLICY_NOTE_ERROR ? ": error: "
							  : ": warning: ",
		    out);
		text_print(out, finding->text, strlen(finding->text));
		fputc('\n', out);
	}
}

void
lint_print(FILE *out, const char *name, const struct lint_report *report,
    const struct lint_hosts *hosts)
{
	const struct policy *policy = report->policy;

	lint_print_findings(out, name, report);
	text_print(out, name, strlen(name));
	if (policy == NULL)
		fprintf(out, ": invalid: %zu error%s", report->n_errors,
		    report->n_errors == 1 ? "" : "s");
	else
		fprintf(out,
		    ": valid: mode %s, max_age %" PRIu32 ", %zu mx, dnssec %s",
		    policy_mode_name(policy->mode), policy->max_age_s,
		    policy->n_mx, policy->dnssec ? "yes" : "not required");
	if (report->n_warnings > 0)
		fprintf(out, ", %zu warning%s", report->n_warnings,
		    report->n_warnings == 1 ? "" : "s");
	fputc('\n', out);
	for (size_t i = 0; i < hosts->n; i++)
		if (covers(policy, hosts->host[i])) {
			text_print(out, name, strlen(name));
			fputs(": host ", out);
			text_print(out, hosts->host[i], strlen(hosts->host[i]));
			fputs(": covered by an mx pattern\n", out);
		}
}

const struct lint_finding *
lint_first(const struct lint_report *report, enum policy_note_level level,
    size_t *n)
{
	if (n != NULL)
		*n += level == POLICY_NOTE_ERROR ? report->n_errors
						 : report->n_warnings;
	for (size_t i = 0; i < report->n; i++)
		if (report->findings[i].level == level)
			return &report->findings[i];
	return NULL;
}
