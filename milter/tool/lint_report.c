/* What is said about a policy body. See lint.h. */
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

static json_t *
findings_json(const struct lint_report *report, enum policy_note_level level)
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
	    findings_json(report, POLICY_NOTE_ERROR));
	err |= json_object_set_new(object, "warnings",
	    findings_json(report, POLICY_NOTE_WARNING));
	if (hosts->n > 0)
		err |= json_object_set_new(object, "hosts",
		    hosts_json(report->policy, hosts));
	if (err != 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static void
print_finding(FILE *out, const char *name, const struct lint_finding *finding)
{
	text_print(out, name, strlen(name));
	if (finding->line > 0)
		fprintf(out, ":%zu", finding->line);
	fputs(finding->level == POLICY_NOTE_ERROR ? ": error: " : ": warning: ",
	    out);
	text_print(out, finding->text, strlen(finding->text));
	fputc('\n', out);
}

static void
print_count(FILE *out, size_t n, const char *noun)
{
	fprintf(out, "%zu %s%s", n, noun, n == 1 ? "" : "s");
}

static void
print_summary(FILE *out, const char *name, const struct lint_report *report)
{
	const struct policy *policy = report->policy;

	text_print(out, name, strlen(name));
	if (policy == NULL) {
		fputs(": invalid: ", out);
		print_count(out, report->n_errors, "error");
	} else {
		fprintf(out,
		    ": valid: mode %s, max_age %" PRIu32 ", %zu mx, dnssec %s",
		    policy_mode_name(policy->mode), policy->max_age_s,
		    policy->n_mx, policy->dnssec ? "yes" : "not required");
	}
	if (report->n_warnings > 0) {
		fputs(", ", out);
		print_count(out, report->n_warnings, "warning");
	}
	fputc('\n', out);
}

void
lint_print(FILE *out, const char *name, const struct lint_report *report,
    const struct lint_hosts *hosts)
{
	size_t i;

	for (i = 0; i < report->n; i++)
		print_finding(out, name, &report->findings[i]);
	print_summary(out, name, report);
	for (i = 0; i < hosts->n; i++) {
		text_print(out, name, strlen(name));
		fputs(": host ", out);
		text_print(out, hosts->host[i], strlen(hosts->host[i]));
		fputs(covers(report->policy, hosts->host[i])
			? ": covered by an mx pattern\n"
			: ": not covered by any mx pattern\n",
		    out);
	}
}
