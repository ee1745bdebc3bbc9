/*
 * dane-sts lint --domain: what a domain publishes now, and whether what it
 * demands of senders would hold today.
 */
#include "autoconf.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/idn.h"
#include "base/name.h"
#include "base/text.h"
#include "config/config_io.h"
#include "core/txt.h"
#include "core/verdict.h"
#include "dns/dns.h"
#include "engine/answer.h"
#include "fetch/fetch.h"
#include "text/tree.h"
#include "tool/lint.h"
#include "tool/output.h"
#include "tool/session.h"
#include "tool/tool.h"

#define URL_SIZE (NAME_SIZE + 64)

/* --- what is published --------------------------------------------------- */

struct publication {
	struct txt_result txt; /* FAILED, BOGUS: of the lookup */
	char txt_why[DNS_WHY_SIZE];
	uint8_t *body; /* NULL: not fetched */
	size_t len;
	char fetch_why[FETCH_WHY_SIZE];
	char host[NAME_SIZE]; /* the policy host */
};

/*
 *	TXT ----------------------------> end
 *	A, AAAA of the policy host -> fetch -> end
 *
 * A policy without a TXT record is no policy to a sender, yet its publisher
 * wants to hear about both: the two ways do not depend on each other.
 */
struct getting {
	struct event_base *base;
	struct dns *dns;
	struct fetcher *fetcher;
	struct publication *out;
	unsigned addresses_pending;
	char address_why[FETCH_WHY_SIZE];
	size_t n_addresses;
	struct net_address addresses[FETCH_ADDRESSES_MAX];
	unsigned pending; /* the two ways: the end is when none is left */
};

static void
way_ended(struct getting *getting)
{
	if (--getting->pending == 0)
		(void)event_base_loopbreak(getting->base);
}

/* --- TXT ----------------------------------------------------------------- */

static void
txt_failed(struct publication *out, enum txt_state state, const char *why)
{
	snprintf(out->txt_why, sizeof(out->txt_why), "%s", why);
	out->txt.state = state;
	out->txt.why = out->txt_why;
}

static void
txt_answered(void *arg, const struct dns_answer *answer)
{
	struct getting *getting = arg;
	struct txt_rdata rdata[DNS_RECORDS_MAX];

	switch (answer->status) {
	case FACT_SECURE:
	case FACT_INSECURE:
	case FACT_INDETERMINATE: /* T-11 */
		for (size_t i = 0; i < answer->n; i++) {
			rdata[i].data = answer->records[i].data;
			rdata[i].len = answer->records[i].len;
		}
		txt_parse(rdata, answer->n, &getting->out->txt);
		break;
	case FACT_BOGUS:
		txt_failed(getting->out, TXT_BOGUS, answer->why);
		break;
	case FACT_UNASKED:
	case FACT_FAILED:
		txt_failed(getting->out, TXT_FAILED, answer->why);
		break;
	}
	way_ended(getting);
}

static void
txt_begin(struct getting *getting, const char *domain)
{
	char name[NAME_SIZE];
	int len, err = ERR_TOOLONG;

	getting->pending++;
	len = snprintf(name, sizeof(name), "_mta-sts.%s", domain);
	if (len >= 0 && (size_t)len < sizeof(name))
		err =
		    dns_ask(getting->dns, name, DNS_TXT, txt_answered, getting);
	if (err != 0) {
		txt_failed(getting->out, TXT_FAILED, err_text(err));
		getting->pending--;
	}
}

/* --- policy -------------------------------------------------------------- */

static void
fetch_failed(struct getting *getting, const char *why)
{
	snprintf(getting->out->fetch_why, sizeof(getting->out->fetch_why), "%s",
	    why);
	way_ended(getting);
}

static void
fetched(void *arg, const struct fetch_result *result)
{
	struct getting *getting = arg;
	struct publication *out = getting->out;
	uint8_t *body;

	if (result->failure != FETCH_FAILURE_NONE) {
		fetch_failed(getting, result->why);
		return;
	}
	body = malloc(result->len > 0 ? result->len : 1);
	if (body == NULL) {
		fetch_failed(getting, err_text(ERR_NOMEM));
		return;
	}
	memcpy(body, result->body, result->len);
	out->body = body;
	out->len = result->len;
	way_ended(getting);
}

static void
fetch_begin(struct getting *getting)
{
	int err;

	if (getting->n_addresses == 0) {
		fetch_failed(getting,
		    getting->address_why[0] != '\0'
			? getting->address_why
			: "the policy host has no address");
		return;
	}
	err = fetch_start(getting->fetcher, getting->out->host,
	    getting->addresses, getting->n_addresses, false, fetched, getting);
	if (err != 0)
		fetch_failed(getting, err_text(err));
}

/* F-14: a bogus answer has no records. */
static void
address_answered(void *arg, const struct dns_answer *answer)
{
	struct getting *getting = arg;
	size_t i;

	for (i = 0; i < answer->n; i++)
		if (getting->n_addresses < FETCH_ADDRESSES_MAX &&
		    net_address_from_octets(answer->records[i].data,
			answer->records[i].len,
			&getting->addresses[getting->n_addresses]) == 0)
			getting->n_addresses++;
	if (answer->why[0] != '\0')
		snprintf(getting->address_why, sizeof(getting->address_why),
		    "address of the policy host: %s: %.160s",
		    fact_status_name(answer->status), answer->why);
	if (--getting->addresses_pending == 0)
		fetch_begin(getting);
}

static void
policy_begin(struct getting *getting, const char *domain)
{
	static const enum dns_type types[] = {DNS_A, DNS_AAAA};
	struct publication *out = getting->out;
	size_t i;
	int len;

	getting->pending++;
	len = snprintf(out->host, sizeof(out->host), "mta-sts.%s", domain);
	for (i = 0; (size_t)len < sizeof(out->host) && i < 2; i++)
		if (dns_ask(getting->dns, out->host, types[i], address_answered,
			getting) == 0)
			getting->addresses_pending++;
	if (getting->addresses_pending == 0) {
		snprintf(out->fetch_why, sizeof(out->fetch_why),
		    "the policy host cannot be looked up");
		getting->pending--;
	}
}

/* --- the whole ----------------------------------------------------------- */

static bool
getting_init(struct getting *getting, const struct config *config)
{
	struct dns_config dns;
	struct fetch_config fetch;
	char dns_error[DNS_ERROR_SIZE] = "out of memory";
	char fetch_error[FETCH_ERROR_SIZE] = "out of memory";

	config_dns(config, &dns);
	config_fetch(config, &fetch);
	getting->base = event_base_new();
	if (getting->base != NULL)
		getting->dns = dns_new(&dns, getting->base, dns_error);
	if (getting->dns == NULL) {
		tool_warn("%s", dns_error);
		return false;
	}
	getting->fetcher = fetcher_new(&fetch, getting->base, fetch_error);
	if (getting->fetcher == NULL)
		tool_warn("%s", fetch_error);
	return getting->fetcher != NULL;
}

/*
 * What a domain publishes now, asked for with the engine's own resolver and
 * fetcher, past all that is stored. TOOL_OK, or the exit status if nothing
 * could be asked; the reason is on stderr. domain: canonical.
 */
static int
publication_get(const struct config *config, const char *domain,
    struct publication *out)
{
	struct getting getting = {.out = out};
	int status = TOOL_UNKNOWN;

	out->txt.why = "";
	if (getting_init(&getting, config)) {
		getting.pending = 1; /* this function: no way is the last yet */
		txt_begin(&getting, domain);
		policy_begin(&getting, domain);
		if (--getting.pending > 0)
			(void)event_base_dispatch(getting.base);
		status = TOOL_OK;
	}
	if (getting.fetcher != NULL)
		fetcher_free(&getting.fetcher);
	if (getting.dns != NULL)
		dns_free(&getting.dns);
	if (getting.base != NULL)
		event_base_free(getting.base);
	return status;
}

/* --- findings ------------------------------------------------------------ */

struct domain_lint {
	bool json;
	struct session session;
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

static bool
print_json(const struct domain_lint *lint, int status)
{
	const struct verdict *verdict = &lint->query.answer->verdict;
	char decided[EVIDENCE_TEXT_SIZE];

	evidence_text(&verdict->decided_by, decided);
	return output_line(json_pack("{s:b,s:s,s:o,s:o,s:s,s:s,s:o}", "valid",
	    status == TOOL_OK || status == TOOL_WARNED, "domain",
	    lint->query.address.domain, "txt",
	    lint_txt_json(&lint->publication.txt, lint->publication.txt.why),
	    "policy", lint_json(&lint->report, &no_hosts), "verdict",
	    verdict_name(verdict->kind), "reason", reason_name(verdict->reason),
	    "decided_by", output_string(decided, strlen(decided))));
}

/* What is published comes first: without a policy the verdict is a pass, which
 * does not excuse a broken one. */
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

/* Stored policies are left out: what counts is what is published now. */
static int
run(struct domain_lint *lint, const struct tool_options *options)
{
	struct publication *publication = &lint->publication;
	int status = session_configure(&lint->session, options);

	if (status != TOOL_OK)
		return status;
	lint->session.config.store = "memory:";
	status = publication_get(&lint->session.config,
	    lint->query.address.domain, publication);
	if (status == TOOL_OK)
		status = session_start(&lint->session);
	if (status != TOOL_OK)
		return status;
	if (publication->body != NULL)
		lint_body(publication->body, publication->len, &lint->report);
	else
		lint_add(&lint->report, POLICY_NOTE_ERROR, 0,
		    publication->fetch_why);
	query_start(&lint->query);
	query_wait(&lint->query);
	return tell(lint);
}

int
lint_domain(const struct tool_options *options, const char *domain)
{
	struct domain_lint lint = {.json = options->json};
	int status;

	query_read(&lint.query, &lint.session, domain);
	if (lint.query.asked)
		status = run(&lint, options);
	else
		status =
		    tool_usage("lint", "\"%s\" is not a domain name", domain);
	query_clear(&lint.query);
	session_close(&lint.session);
	lint_report_clear(&lint.report);
	free(lint.publication.body);
	return status;
}
