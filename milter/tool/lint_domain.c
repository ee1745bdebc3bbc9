/*
 * dane-sts lint --domain: what a domain publishes now, and whether what it
 * demands of senders would hold today.
 */
#include "autoconf.h"

#include <stdio.h>
#include <string.h>

#include "base/idn.h"
#include "base/text.h"
#include "core/verdict.h"
#include "text/tree.h"
#include "tool/lint.h"
#include "tool/output.h"
#include "tool/publication.h"
#include "tool/query.h"
#include "tool/session.h"
#include "tool/style.h"
#include "tool/tool.h"

#define URL_SIZE (NAME_SIZE + 64)

struct domain_lint {
	bool json;
	struct session session;
	struct query_set set;
	struct query query;
	struct publication publication;
	struct lint_report report;
};

static const struct lint_hosts no_hosts = {0};

static void
print_text(const struct domain_lint *lint)
{
	const struct txt_result *txt = &lint->publication.txt;
	const struct answer *answer = lint->query.answer;
	struct tree_style style;
	char url[URL_SIZE];

	printf("TXT _mta-sts.%s: %s", lint->query.address.domain,
	    txt_state_name(txt->state));
	printf("%s", txt->state == TXT_VALID ? ": id " : ": ");
	text_print(stdout, txt->state == TXT_VALID ? txt->id : txt->why,
	    strlen(txt->state == TXT_VALID ? txt->id : txt->why));
	putchar('\n');
	snprintf(url, sizeof(url), "https://%s/.well-known/mta-sts.txt",
	    lint->publication.host);
	lint_print(stdout, url, &lint->report, &no_hosts);
	style_detect(stdout, &style);
	tree_print(stdout, &style, lint->query.name, answer->facts,
	    &answer->verdict);
}

static json_t *
txt_json(const struct txt_result *txt)
{
	if (txt->state == TXT_VALID)
		return json_pack("{s:b,s:s}", "valid", 1, "id", txt->id);
	return json_pack("{s:b,s:n,s:[o]}", "valid", 0, "id", "errors",
	    output_string(txt->why, strlen(txt->why)));
}

static bool
print_json(const struct domain_lint *lint, int status)
{
	const struct verdict *verdict = &lint->query.answer->verdict;
	char decided[EVIDENCE_TEXT_SIZE];

	evidence_text(&verdict->decided_by, decided);
	return output_line(json_pack("{s:b,s:s,s:o,s:o,s:s,s:s,s:o}", "valid",
	    status == TOOL_OK || status == TOOL_WARNED, "domain",
	    lint->query.address.domain, "txt", txt_json(&lint->publication.txt),
	    "policy", lint_json(&lint->report, &no_hosts), "verdict",
	    verdict_name(verdict->kind), "reason", reason_name(verdict->reason),
	    "decided_by", output_string(decided, strlen(decided))));
}

/* What is published comes first: a broken policy is not excused by a
 * verdict that passes for want of one. */
static int
status_of(const struct domain_lint *lint)
{
	const struct answer *answer = lint->query.answer;
	int verdict = tool_verdict_status(answer->facts, &answer->verdict);
	int policy = lint_status(&lint->report);

	if (policy == TOOL_INTERNAL || verdict == TOOL_UNKNOWN)
		return policy == TOOL_INTERNAL ? policy : verdict;
	if (lint->publication.txt.state != TXT_VALID || verdict != TOOL_OK)
		return TOOL_NO;
	return policy;
}

static int
tell(const struct domain_lint *lint)
{
	int status;

	if (lint->query.answer == NULL) {
		tool_warn("out of memory");
		return TOOL_INTERNAL;
	}
	status = status_of(lint);
	if (!lint->json)
		print_text(lint);
	else if (!print_json(lint, status))
		return TOOL_INTERNAL;
	return status;
}

static void
lint_publication(struct domain_lint *lint)
{
	struct publication *publication = &lint->publication;

	if (publication->body != NULL)
		lint_body(publication->body, publication->len, &lint->report);
	else
		lint_add(&lint->report, POLICY_NOTE_ERROR, 0,
		    publication->fetch_why);
}

/* The stored policies stay out of it: what counts is what is published. */
static int
run(struct domain_lint *lint, const struct tool_options *options)
{
	int status = session_configure(&lint->session, options);

	if (status != TOOL_OK)
		return status;
	lint->session.config.store = "memory:";
	status = publication_get(&lint->session.config,
	    lint->query.address.domain, &lint->publication);
	if (status == TOOL_OK)
		status = session_start(&lint->session);
	if (status != TOOL_OK)
		return status;
	lint_publication(lint);
	lint->set.engine = lint->session.engine;
	lint->set.patience_ms = session_patience_ms(&lint->session);
	query_start(&lint->query);
	query_wait(&lint->query);
	return tell(lint);
}

int
lint_domain(const struct tool_options *options, const char *domain)
{
	struct domain_lint lint = {.json = options->json};
	int status;

	query_set_init(&lint.set);
	query_read(&lint.query, &lint.set, domain);
	if (lint.query.asked)
		status = run(&lint, options);
	else
		status =
		    tool_usage("lint", "\"%s\" is not a domain name", domain);
	query_clear(&lint.query);
	session_close(&lint.session);
	lint_report_clear(&lint.report);
	publication_clear(&lint.publication);
	query_set_clear(&lint.set);
	return status;
}
