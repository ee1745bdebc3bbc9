/*
 * The last step of a lookup: reports to the domain, if it asks for reports (RFC
 * 8460 3), that its policy could not be obtained or that its records violate
 * the policy. Its TLSRPT record is looked up only then.
 */
#include "autoconf.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "core/domain_list.h"
#include "engine/lookup_impl.h"
#include "engine/recent.h"
#include "log/log.h"
#include "log/tlsrpt.h"

#define RECORD_OWNER "_smtp._tls."

static const char *
host_of(const struct evidence *e)
{
	switch (e->kind) {
	case EVIDENCE_A:
	case EVIDENCE_AAAA:
	case EVIDENCE_TLSA:
	case EVIDENCE_PATTERN:
		return e->name;
	case EVIDENCE_NONE:
	case EVIDENCE_TXT:
	case EVIDENCE_FETCH:
	case EVIDENCE_MX:
	case EVIDENCE_HOSTS:
	case EVIDENCE_HOST:
		break;
	}
	return NULL;
}

static void
send_report(struct lookup *l, const struct tlsrpt_report *report)
{
	struct worker *worker = l->worker;
	int err = tlsrpt_send(worker->tlsrpt, report);

	if (err != 0 && !worker->tlsrpt_failed)
		log_msg(worker->log, LOG_LEVEL_WARNING, "tlsrpt",
		    "tlsrpt_socket: the collector does not take reports");
	worker->tlsrpt_failed = err != 0;
}

static void
report_verdict(struct lookup *l, const char *record)
{
	const struct verdict *verdict = &l->published->verdict;
	enum fact_status status = verdict->decided_by.status;

	send_report(l,
	    &(struct tlsrpt_report){
		.domain = l->target.domain,
		.record = record,
		.policy = verdict->policy,
		.result = reason_texts[verdict->reason].tlsrpt,
		/* L-02: RFC 8460 has no result for these. */
		.reason =
		    status == FACT_INSECURE || status == FACT_INDETERMINATE
		    ? "dnssec-policy"
		    : reason_name(verdict->reason),
		.host = host_of(&verdict->decided_by),
		.failed = true,
	    });
}

/* RFC 8460 3: more than one record counts as none. */
static bool
find_record(const struct dns_answer *answer, char out[TLSRPT_RECORD_MAX])
{
	char record[TLSRPT_RECORD_MAX];
	size_t n = 0;

	for (size_t i = 0; i < answer->n; i++) {
		if (!tlsrpt_record(answer->records[i].data,
			answer->records[i].len, record))
			continue;
		memcpy(out, record, sizeof(record));
		n++;
	}
	return n == 1;
}

static void
record_answered(void *arg, const struct dns_answer *answer)
{
	struct lookup *l = arg;
	char record[TLSRPT_RECORD_MAX];

	if (!l->worker->stopping && find_record(answer, record)) {
		if (l->fetch_result != NULL)
			send_report(l,
			    &(struct tlsrpt_report){
				.domain = l->target.domain,
				.record = record,
				.policy = l->facts.stored,
				.result = l->fetch_result,
				.reason = l->facts.fetch.error != NULL
				    ? l->facts.fetch.error
				    : "",
			    });
		if (l->report_verdict)
			report_verdict(l, record);
	}
	lookup_left(l);
}

/* True once for each result while the verdict is kept: each retry and each
 * renewal begins a new lookup, but must not send another report. */
static bool
is_reportable(struct lookup *l)
{
	const struct verdict *verdict;
	uint64_t now_ms = clock_mono_ms();
	const char *result;

	if (l->published == NULL || l->dropped ||
	    !share_has(l->setup->enforced, l->target.domain))
		return false;
	verdict = &l->published->verdict;
	result = reason_texts[verdict->reason].tlsrpt;
	/* A pin is not announced by the domain, so it is not reported. */
	if (verdict->kind == VERDICT_PASS || verdict->policy == NULL ||
	    !verdict->policy->dnssec || result[0] == '\0')
		return false;
	if (backoff_error(&l->worker->reported, l->target.domain, result,
		now_ms) != NULL)
		return false;
	(void)backoff_add(&l->worker->reported, l->target.domain, result,
	    now_ms + l->setup->ttl_max_ms, "");
	return true;
}

void
report_begin(struct lookup *l)
{
	char owner[sizeof(RECORD_OWNER) + NAME_SIZE];

	if (l->worker->tlsrpt == NULL || l->reported || l->worker->stopping)
		return;
	l->reported = true;
	l->report_verdict = is_reportable(l);
	if (!l->report_verdict && l->fetch_result == NULL)
		return;
	if (snprintf(owner, sizeof(owner), RECORD_OWNER "%s",
		l->target.domain) > NAME_LEN_MAX)
		return;
	if (lookup_ask(l, l->setup->dns, QUESTION_PLAIN, owner, DNS_TXT,
		record_answered, l) == 0)
		l->pending++;
}
