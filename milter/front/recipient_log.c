#include "autoconf.h"

#include "front/recipient_log.h"

#include <stdio.h>

#include "core/scope.h"
#include "log/log.h"

#define NOTHING "-"

static const char *
or_nothing(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NOTHING;
}

/* How a pass for this reason is to be taken. */
enum pass_note {
	PASS_PLAIN, /* all is as it should be */
	PASS_BLIND, /* whether a policy binds was not found out (C-10, S-03) */
	PASS_ALARM  /* and that is not of the usual kind */
};

static const enum pass_note pass_notes[REASON_COUNT] = {
    [REASON_DISCOVERY_FAILED] = PASS_BLIND,
    [REASON_DEADLINE] = PASS_BLIND,
    [REASON_DISCOVERY_BOGUS] = PASS_ALARM,
    [REASON_RESOLVER_BROKEN] = PASS_ALARM,
    [REASON_INTERNAL_ERROR] = PASS_ALARM,
};

enum log_level
recipient_log_level(const struct recipient_log *line)
{
	if (line->verdict == VERDICT_PASS &&
	    pass_notes[line->reason] != PASS_ALARM)
		return LOG_LEVEL_INFO;
	return LOG_LEVEL_WARNING;
}

bool
recipient_log_is_plain(const struct recipient_log *line)
{
	return line->verdict == VERDICT_PASS &&
	    pass_notes[line->reason] == PASS_PLAIN;
}

static const char *
policy_word(const struct verdict *judged)
{
	if (judged != NULL && judged->pinned)
		return "pinned";
	if (judged == NULL || !judged->policy_known)
		return "unknown";
	if (judged->policy == NULL)
		return "none";
	return policy_mode_name(judged->policy->mode);
}

static void
log_policy(struct log_event *e, const struct verdict *judged)
{
	const struct fact_policy *policy =
	    judged != NULL ? judged->policy : NULL;

	log_word(e, "policy", policy_word(judged));
	log_str(e, "policy_id", or_nothing(policy ? policy->id : NULL));
	if (policy != NULL)
		log_int(e, "policy_age", (int64_t)policy->age_s);
	else
		log_str(e, "policy_age", NOTHING);
	log_word(e, "policy_from",
	    policy_from_name(
		judged != NULL ? judged->policy_from : POLICY_FROM_NONE));
}

static void
log_evidence(struct log_event *e, const struct recipient_log *line)
{
	const struct verdict *judged = line->judged;
	char worst[EVIDENCE_TEXT_SIZE] = "";

	log_word(e, "mx",
	    line->facts != NULL && line->facts->mx.status != FACT_UNASKED
		? fact_status_name(line->facts->mx.status)
		: NOTHING);
	if (judged != NULL && judged->hosts_total > 0)
		log_share(e, "hosts", judged->hosts_good, judged->hosts_total);
	else
		log_word(e, "hosts", NOTHING);
	if (judged != NULL)
		evidence_text(&judged->worst, worst);
	log_str(e, "worst", or_nothing(worst));
}

/* What the validator, the resolver or the fetcher said; or, in skipped, which
 * hosts cannot be used (D-18). */
static const char *
find_why(const struct recipient_log *line, char skipped[FACTS_SKIPPED_SIZE])
{
	const char *said[] = {
	    line->judged ? line->judged->decided_by.why : NULL,
	    line->judged ? line->judged->worst.why : NULL,
	    line->facts ? line->facts->fetch.error : NULL,
	    line->facts ? line->facts->txt_why : NULL,
	    line->exemption ? line->exemption->comment : NULL,
	    line->exempted_by,
	};

	if (line->reason == REASON_NO_USABLE_HOST && line->facts != NULL) {
		facts_skipped_text(line->facts, skipped);
		return skipped;
	}
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		if (said[i] != NULL && said[i][0] != '\0')
			return said[i];
	}
	return NULL;
}

/* Of the TXT record: not for the many domains that have no policy. */
static bool
is_worth_telling(const struct recipient_log *line)
{
	enum fact_status status =
	    line->facts != NULL ? line->facts->txt_status : FACT_UNASKED;

	return status == FACT_BOGUS || status == FACT_FAILED ||
	    (status != FACT_UNASKED && line->judged != NULL &&
		line->judged->policy != NULL);
}

void
recipient_log(struct log *log, const struct recipient_log *line)
{
	struct log_event e;
	char skipped[FACTS_SKIPPED_SIZE];
	const char *why = find_why(line, skipped);

	log_begin(&e, log, recipient_log_level(line), "rcpt");
	log_str(&e, "qid", line->queue_id != NULL ? line->queue_id : "NOQUEUE");
	log_str(&e, "to", line->to);
	log_str(&e, "domain", or_nothing(line->domain));
	if (line->next_hop != NULL)
		log_str(&e, "next_hop", line->next_hop);
	log_word(&e, "verdict", verdict_name(line->verdict));
	log_word(&e, "reason", reason_name(line->reason));
	log_word(&e, "mode", line->monitor ? "monitor" : "enforce");
	log_policy(&e, line->judged);
	log_evidence(&e, line);
	log_int(&e, "ms", (int64_t)line->ms);
	log_bool(&e, "cached", line->cached);
	log_str(&e, "client", or_nothing(line->client));
	if (is_worth_telling(line))
		log_word(&e, "txt", fact_status_name(line->facts->txt_status));
	if (why != NULL && why[0] != '\0')
		log_str(&e, "why", why);
	log_end(&e);
}
