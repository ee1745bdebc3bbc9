/*
 * dane-sts lint --domain: shows what a domain publishes now, whether it fulfils
 * today what its policy demands, and what is about to fail or expire.
 */
#include "autoconf.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/name.h"
#include "base/text.h"
#include "core/decide.h"
#include "core/txt.h"
#include "core/verdict.h"
#include "engine/ask.h"
#include "text/tree.h"
#include "tool/lint.h"
#include "tool/output.h"
#include "tool/resolve.h"
#include "tool/session.h"
#include "tool/tls_peer.h"
#include "tool/tool.h"

#define URL_SIZE      (NAME_SIZE + 64)
#define SMTP_PORT     25
#define HTTPS_PORT    443
#define PEER_MS       10000 /* for one host; all of them: */
#define PEERS_MS      120000
#define ENDS_SOON_S   (14 * 86400) /* a certificate */
#define ADDRESSES_MAX FETCH_ADDRESSES_MAX

struct mx_host {
	char name[NAME_SIZE];
	uint16_t preference;
	bool unusable; /* name is no host name */
	bool is_covered;
	struct resolved a, aaaa, tlsa;
	bool is_probed;
	struct tls_peer_result peer;
};

struct domain_lint {
	const struct lint_domain_options *options;
	const char *domain; /* canonical */
	struct batch batch; /* of one query */
	struct query query;
	/* The published records and policy. */
	struct txt_result txt;
	struct resolved txt_answer;
	char policy_host[NAME_SIZE];
	uint8_t *body; /* NULL: not fetched */
	size_t len;
	char fetch_why[FETCH_WHY_SIZE];
	struct tls_peer_result policy_peer;
	struct resolved mx;
	size_t n_hosts;
	struct mx_host hosts[FACTS_HOSTS_MAX];
	/* The findings. */
	struct lint_report report;   /* the body */
	struct lint_report delivery; /* hosts and certificates */
};

/* --- asking --------------------------------------------------- */

static void
get_txt(struct domain_lint *lint)
{
	const struct resolved *answer = &lint->txt_answer;
	struct txt_rdata rdata[DNS_RECORDS_MAX];

	lint->txt.why = answer->why;
	if (answer->status == FACT_BOGUS) {
		lint->txt.state = TXT_BOGUS;
	} else if (answer->status == FACT_UNASKED ||
	    answer->status == FACT_FAILED) {
		lint->txt.state = TXT_FAILED;
	} else { /* T-11: INDETERMINATE, too */
		for (size_t i = 0; i < answer->n; i++) {
			rdata[i].data = answer->records[i].data;
			rdata[i].len = answer->records[i].len;
		}
		txt_parse(rdata, answer->n, &lint->txt);
	}
}

/* Fetches the policy even without a TXT record. Senders ignore such a policy,
 * but its publisher wants to hear about both. */
static void
get_policy(struct domain_lint *lint, struct resolve *resolve)
{
	const struct config *config = &lint->batch.session.config;
	struct net_address addresses[ADDRESSES_MAX];
	char why[RESOLVE_WHY_SIZE];
	struct tls_peer peer = {
	    .host = lint->policy_host,
	    .port = HTTPS_PORT,
	    .addresses = addresses,
	    .ca_file = config->ca_file,
	    .timeout_ms = PEER_MS,
	};
	size_t n = resolve_host(resolve, lint->policy_host, addresses,
	    ADDRESSES_MAX, why);

	snprintf(lint->fetch_why, sizeof(lint->fetch_why), "%s%s",
	    why[0] != '\0' ? "address of the policy host: "
			   : "the policy host has no address",
	    why);
	if (n > 0)
		resolve_fetch(resolve, lint->policy_host, addresses, n,
		    &lint->body, &lint->len, lint->fetch_why);
	/* Asks the policy host for the expiry date of its certificate, which
	 * the fetch does not report. F-16: only at addresses to which the fetch
	 * may connect. */
	for (size_t i = 0; i < n; i++) {
		bool allowed = net_address_special(&addresses[i]) == NULL;

		for (size_t k = 0; k < config->n_policy_prefixes; k++)
			allowed |=
			    net_prefix_covers(&config->policy_prefixes[k],
				&addresses[i]);
		if (allowed)
			addresses[peer.n_addresses++] = addresses[i];
	}
	if (lint->body != NULL)
		tls_peer_probe(&peer, &lint->policy_peer);
}

static void
add_host(struct domain_lint *lint, const char *name, uint16_t preference,
    bool unusable)
{
	struct mx_host *host;

	if (lint->n_hosts == FACTS_HOSTS_MAX || name[0] == '\0')
		return;
	host = &lint->hosts[lint->n_hosts++];
	snprintf(host->name, sizeof(host->name), "%s", name);
	host->preference = preference;
	host->unusable = unusable;
}

static void
get_hosts(struct domain_lint *lint, struct resolve *resolve)
{
	const struct resolved *mx = &lint->mx;
	char owner[NAME_SIZE + 16];

	for (size_t i = 0; i < mx->n; i++)
		add_host(lint, mx->records[i].name, mx->records[i].preference,
		    mx->records[i].unusable);
	/* RFC 5321 5.1: the domain is its own host. */
	if (mx->answer == ANSWER_NODATA)
		add_host(lint, lint->domain, 0, false);
	for (size_t i = 0; i < lint->n_hosts; i++) {
		struct mx_host *host = &lint->hosts[i];

		if (host->unusable)
			continue;
		snprintf(owner, sizeof(owner), "_25._tcp.%s", host->name);
		resolve_ask(resolve, host->name, DNS_A, &host->a);
		resolve_ask(resolve, host->name, DNS_AAAA, &host->aaaa);
		resolve_ask(resolve, owner, DNS_TLSA, &host->tlsa);
	}
	resolve_wait(resolve);
}

static void
probe_host(const struct domain_lint *lint, struct mx_host *host,
    unsigned timeout_ms)
{
	struct net_address addresses[ADDRESSES_MAX];
	struct tls_tlsa tlsa[DNS_RECORDS_MAX];
	struct tls_peer peer = {
	    .host = host->name,
	    .domain = lint->domain,
	    .port = SMTP_PORT,
	    .starttls = true,
	    .addresses = addresses,
	    .tlsa = tlsa,
	    .ca_file = lint->batch.session.config.ca_file,
	    .timeout_ms = timeout_ms,
	};

	peer.n_addresses =
	    resolve_addresses(&host->a, addresses, 0, ADDRESSES_MAX);
	peer.n_addresses = resolve_addresses(&host->aaaa, addresses,
	    peer.n_addresses, ADDRESSES_MAX);
	/* RFC 7672 2.2: records that are not signed do not count. */
	if (host->tlsa.status == FACT_SECURE)
		for (size_t i = 0; i < host->tlsa.n; i++)
			tlsa[peer.n_tlsa++] =
			    (struct tls_tlsa){host->tlsa.records[i].data,
				host->tlsa.records[i].len};
	tls_peer_probe(&peer, &host->peer);
	host->is_probed = true;
}

/* TOOL_OK, or the exit status if nothing could be asked. */
static int
get_all(struct domain_lint *lint)
{
	struct resolve *resolve = resolve_new(&lint->batch.session.config);
	uint64_t deadline_ms = clock_mono_ms() + PEERS_MS;
	char owner[NAME_SIZE + 16];

	if (resolve == NULL)
		return TOOL_UNKNOWN;
	snprintf(owner, sizeof(owner), "_mta-sts.%s", lint->domain);
	resolve_ask(resolve, owner, DNS_TXT, &lint->txt_answer);
	resolve_ask(resolve, lint->domain, DNS_MX, &lint->mx);
	get_policy(lint, resolve);
	get_txt(lint);
	get_hosts(lint, resolve);
	for (size_t i = 0; lint->options->smtp && i < lint->n_hosts; i++) {
		uint64_t now_ms = clock_mono_ms();

		if (now_ms < deadline_ms && !lint->hosts[i].unusable)
			probe_host(lint, &lint->hosts[i],
			    deadline_ms - now_ms < PEER_MS
				? (unsigned)(deadline_ms - now_ms)
				: PEER_MS);
	}
	resolve_free(&resolve);
	return TOOL_OK;
}

/* --- findings ------------------------------------------------------------ */

__attribute__((format(printf, 3, 4))) static void
find(struct domain_lint *lint, enum policy_note_level level, const char *fmt,
    ...)
{
	char text[LINT_TEXT_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	lint_add(&lint->delivery, level, 0, text);
}

static void
find_unsigned(struct domain_lint *lint, const char *what, const char *name,
    const struct resolved *answer)
{
	if (answer->status == FACT_SECURE || answer->status == FACT_UNASKED)
		return;
	find(lint, POLICY_NOTE_ERROR,
	    "%s%s: %s, but \"dnssec: yes\" needs it signed and valid%s%s", what,
	    name, fact_status_name(answer->status),
	    answer->why[0] != '\0' ? ": " : "", answer->why);
}

static void
find_ending(struct domain_lint *lint, const char *what, const char *name,
    int64_t not_after_s)
{
	int64_t left_s = not_after_s - clock_wall_s();
	char date[DURATION_SIZE], left[DURATION_SIZE];

	if (not_after_s == 0 || left_s >= ENDS_SOON_S)
		return;
	moment_text(not_after_s, date);
	duration_text(left_s > 0 ? left_s : 0, left);
	find(lint, POLICY_NOTE_WARNING,
	    "%s %s: its certificate ends on %.10s (in %s): renew it", what,
	    name, date, left);
}

/* STARTTLS and the certificate: what stops senders that honour MTA-STS, or
 * DANE, is an error. */
static void
lint_smtp(struct domain_lint *lint, const struct mx_host *host)
{
	const struct tls_peer_result *peer = &host->peer;
	const struct policy *policy = lint->report.policy;
	bool enforced = policy != NULL && policy->mode == POLICY_MODE_ENFORCE;
	bool tested = policy != NULL && policy->mode != POLICY_MODE_NONE;
	enum policy_note_level level =
	    enforced ? POLICY_NOTE_ERROR : POLICY_NOTE_WARNING;

	switch (peer->state) {
	case TLS_PEER_UNREACHABLE:
		find(lint, POLICY_NOTE_WARNING,
		    "MX host %s: cannot be reached from here: %s", host->name,
		    peer->why);
		return;
	case TLS_PEER_NO_STARTTLS:
	case TLS_PEER_FAILED:
		find(lint, host->tlsa.n > 0 ? POLICY_NOTE_ERROR : level,
		    "MX host %s: no TLS: %s", host->name, peer->why);
		return;
	case TLS_PEER_OK:
		break;
	}
	if (peer->dane_why[0] != '\0')
		find(lint, POLICY_NOTE_ERROR, "MX host %s: DANE fails: %s",
		    host->name, peer->dane_why);
	if (tested && peer->pkix_why[0] != '\0')
		find(lint, level,
		    "MX host %s: MTA-STS fails (RFC 8461 4.2): %s", host->name,
		    peer->pkix_why);
	if (tested)
		find_ending(lint, "MX host", host->name,
		    peer->certificate.not_after_s);
}

static void
lint_host(struct domain_lint *lint, struct mx_host *host)
{
	const struct policy *policy = lint->report.policy;
	char patterns[LINT_TEXT_SIZE];
	size_t n_usable = 0;

	if (host->unusable) {
		find(lint, POLICY_NOTE_WARNING, "MX: \"%s\" is no host name",
		    host->name);
		return;
	}
	host->is_covered = policy != NULL &&
	    policy_mx_match(policy->mx, policy->n_mx, host->name);
	if (policy != NULL && policy->mode != POLICY_MODE_NONE &&
	    !host->is_covered) {
		lint_patterns(policy, patterns);
		find(lint, POLICY_NOTE_WARNING,
		    "MX host %s: no mx pattern covers it (RFC 8461 4.1): %s",
		    host->name, patterns);
	}
	if (policy != NULL && policy->dnssec) {
		find_unsigned(lint, "A of MX host ", host->name, &host->a);
		find_unsigned(lint, "AAAA of MX host ", host->name,
		    &host->aaaa);
		find_unsigned(lint, "TLSA of _25._tcp.", host->name,
		    &host->tlsa);
	}
	for (size_t i = 0; i < host->tlsa.n; i++)
		n_usable += tlsa_is_usable(host->tlsa.records[i].data,
		    host->tlsa.records[i].len);
	if (host->tlsa.n > 0 && n_usable == 0)
		find(lint, POLICY_NOTE_WARNING,
		    "TLSA of _25._tcp.%s: SMTP can use no record of it "
		    "(RFC 7672 3.1): publish \"3 1 1\"",
		    host->name);
	if (host->is_probed)
		lint_smtp(lint, host);
}

static void
lint_all(struct domain_lint *lint)
{
	if (lint->body != NULL)
		lint_body(lint->body, lint->len, &lint->report);
	else
		lint_add(&lint->report, POLICY_NOTE_ERROR, 0, lint->fetch_why);
	if (lint->policy_peer.state == TLS_PEER_OK)
		find_ending(lint, "policy host", lint->policy_host,
		    lint->policy_peer.certificate.not_after_s);
	if (lint->report.policy != NULL && lint->report.policy->dnssec)
		find_unsigned(lint, "MX of ", lint->domain, &lint->mx);
	for (size_t i = 0; i < lint->n_hosts; i++)
		lint_host(lint, &lint->hosts[i]);
}

/* Findings about the publication come first: a broken policy makes the verdict
 * a pass, which must not hide it. */
static int
status_of(const struct domain_lint *lint)
{
	const struct answer *answer = lint->query.answer;
	int verdict = tool_verdict_status(answer->facts, &answer->verdict);
	int policy = lint_status(&lint->report);
	int delivery = lint_status(&lint->delivery);

	if (policy == TOOL_INTERNAL || verdict == TOOL_UNKNOWN)
		return policy == TOOL_INTERNAL ? policy : verdict;
	if (lint->txt.state != TXT_VALID || verdict != TOOL_OK ||
	    policy == TOOL_NO || delivery == TOOL_NO)
		return TOOL_NO;
	return policy == TOOL_OK ? delivery : policy;
}

/* --- the result ---------------------------------------------------------- */

static void
print_host(const struct mx_host *host)
{
	const struct tls_peer_result *peer = &host->peer;
	char date[DURATION_SIZE];

	if (peer->state != TLS_PEER_OK)
		return;
	moment_text(peer->certificate.not_after_s, date);
	printf("%s: STARTTLS, certificate until %.10s, %s, %s\n", host->name,
	    date,
	    peer->pkix_why[0] == '\0' ? "valid for MTA-STS"
				      : "not valid for MTA-STS",
	    !peer->has_dane                 ? "no usable TLSA record"
		: peer->dane_why[0] == '\0' ? "matches TLSA"
					    : "does not match TLSA");
}

static void
print_text(const struct domain_lint *lint)
{
	static const struct lint_hosts no_hosts = {0};
	const struct txt_result *txt = &lint->txt;
	const struct answer *answer = lint->query.answer;
	struct facts facts = *answer->facts;
	struct fact_host hosts[FACTS_HOSTS_MAX] = {0};
	struct tree_style style;
	char url[URL_SIZE];

	printf("TXT _mta-sts.%s: %s: %s", lint->domain,
	    txt_state_name(txt->state), txt->state == TXT_VALID ? "id " : "");
	text_print(stdout, txt->state == TXT_VALID ? txt->id : txt->why,
	    strlen(txt->state == TXT_VALID ? txt->id : txt->why));
	putchar('\n');
	snprintf(url, sizeof(url), "https://%s/.well-known/mta-sts.txt",
	    lint->policy_host);
	lint_print(stdout, url, &lint->report, &no_hosts);
	lint_print_findings(stdout, lint->domain, &lint->delivery);
	for (size_t i = 0; i < lint->n_hosts; i++)
		if (lint->hosts[i].is_probed)
			print_host(&lint->hosts[i]);
	style_detect(stdout, &style);
	if (facts.mx.answer == ANSWER_RECORDS && facts.n_hosts == 0) {
		for (size_t i = 0; i < lint->n_hosts; i++) {
			hosts[i].name = lint->hosts[i].name;
			hosts[i].preference = lint->hosts[i].preference;
			hosts[i].unusable = lint->hosts[i].unusable;
		}
		facts.hosts = hosts;
		facts.n_hosts = lint->n_hosts;
	}
	tree_print(stdout, &style, lint->query.name, &facts, &answer->verdict);
}

static json_t *
hosts_json(const struct domain_lint *lint)
{
	json_t *list = json_array();

	for (size_t i = 0; i < lint->n_hosts; i++) {
		const struct mx_host *host = &lint->hosts[i];

		(void)json_array_append_new(list,
		    json_pack("{s:o,s:i,s:o,s:s,s:s,s:s,s:o}", "name",
			output_string(host->name, strlen(host->name)),
			"preference", host->preference, "covered",
			lint->report.policy != NULL
			    ? json_boolean(host->is_covered)
			    : json_null(),
			"a", fact_status_name(host->a.status), "aaaa",
			fact_status_name(host->aaaa.status), "tlsa",
			fact_status_name(host->tlsa.status), "smtp",
			host->is_probed ? tls_peer_json(&host->peer)
					: json_null()));
	}
	return list;
}

static bool
print_json(const struct domain_lint *lint, int status)
{
	static const struct lint_hosts no_hosts = {0};
	const struct verdict *verdict = &lint->query.answer->verdict;
	char decided[EVIDENCE_TEXT_SIZE];

	evidence_text(&verdict->decided_by, decided);
	return output_line(
	    json_pack("{s:b,s:s,s:o,s:o,s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "valid",
		status == TOOL_OK || status == TOOL_WARNED, "domain",
		lint->domain, "txt", lint_txt_json(&lint->txt, lint->txt.why),
		"policy", lint_json(&lint->report, &no_hosts), "verdict",
		verdict_name(verdict->kind), "reason",
		reason_name(verdict->reason), "decided_by",
		output_string(decided, strlen(decided)), "policy_host",
		lint->policy_peer.state == TLS_PEER_OK && lint->body != NULL
		    ? tls_peer_json(&lint->policy_peer)
		    : json_null(),
		"hosts", hosts_json(lint), "errors",
		lint_findings_json(&lint->delivery, POLICY_NOTE_ERROR),
		"warnings",
		lint_findings_json(&lint->delivery, POLICY_NOTE_WARNING)));
}

/* One line for a plugin of Nagios and its kin: the gravest finding. */
static void
print_nagios(const struct domain_lint *lint, int status)
{
	const struct verdict *verdict = &lint->query.answer->verdict;
	const struct policy *policy = lint->report.policy;
	const struct lint_finding *finding;
	enum policy_note_level level =
	    status == TOOL_WARNED ? POLICY_NOTE_WARNING : POLICY_NOTE_ERROR;
	char decided[EVIDENCE_TEXT_SIZE];
	size_t n = 0;

	printf("DANE-STS %s - %s: ", tool_nagios_word(status), lint->domain);
	finding = lint_first(&lint->report, level, &n);
	if (lint_first(&lint->delivery, level, &n) != NULL && finding == NULL)
		finding = lint_first(&lint->delivery, level, NULL);
	evidence_text(&verdict->decided_by, decided);
	if (status == TOOL_OK && policy != NULL) {
		printf("mode %s, dnssec %s, %zu MX hosts, %s",
		    policy_mode_name(policy->mode),
		    policy->dnssec ? "yes" : "not required", lint->n_hosts,
		    reason_name(verdict->reason));
	} else if (status == TOOL_NO && lint->txt.state != TXT_VALID) {
		printf("TXT record %s: ", txt_state_name(lint->txt.state));
		text_print(stdout, lint->txt.why, strlen(lint->txt.why));
	} else if (finding != NULL && status != TOOL_UNKNOWN) {
		text_print(stdout, finding->text, strlen(finding->text));
		if (n > 1)
			printf(" (and %zu more)", n - 1);
	} else {
		printf("%s, %s: ", verdict_name(verdict->kind),
		    reason_name(verdict->reason));
		text_print(stdout, decided, strlen(decided));
	}
	putchar('\n');
}

/* Ignores stored policies: only what is published now counts. */
static int
run(struct domain_lint *lint, const struct tool_options *options)
{
	int status = session_configure(&lint->batch.session, options);

	if (status != TOOL_OK)
		return status;
	lint->batch.session.config.store = "memory:";
	/* The findings say what the engine would log as warnings. */
	lint->batch.session.log_level = LOG_LEVEL_ERROR;
	status = get_all(lint);
	if (status == TOOL_OK)
		status = session_start(&lint->batch.session);
	if (status != TOOL_OK)
		return status;
	lint_all(lint);
	query_start(&lint->query);
	query_wait(&lint->query);
	if (lint->query.answer == NULL || lint->report.no_memory)
		return tool_no_memory();
	status = status_of(lint);
	if (lint->options->nagios)
		print_nagios(lint, status);
	else if (!options->json)
		print_text(lint);
	else if (!print_json(lint, status))
		status = TOOL_INTERNAL;
	return status;
}

int
lint_domain(const struct tool_options *options,
    const struct lint_domain_options *own, const char *domain)
{
	struct domain_lint *lint = calloc(1, sizeof(*lint));
	int status;

	if (lint == NULL)
		return tool_no_memory();
	lint->options = own;
	query_read(&lint->batch, &lint->query, domain);
	lint->domain = lint->query.address.domain;
	lint->txt.why = "";
	if (lint->query.asked &&
	    snprintf(lint->policy_host, sizeof(lint->policy_host), "mta-sts.%s",
		lint->domain) < NAME_SIZE)
		status = run(lint, options);
	else
		status =
		    tool_usage("lint", "\"%s\" is not a domain name", domain);
	answer_unref(&lint->query.answer);
	session_close(&lint->batch.session);
	lint_report_clear(&lint->report);
	resolve_clear(&lint->txt_answer);
	resolve_clear(&lint->mx);
	for (size_t i = 0; i < lint->n_hosts; i++) {
		resolve_clear(&lint->hosts[i].a);
		resolve_clear(&lint->hosts[i].aaaa);
		resolve_clear(&lint->hosts[i].tlsa);
	}
	free(lint->body);
	free(lint);
	return status;
}
