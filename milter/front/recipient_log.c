/* Logs each recipient that was judged, and remembers the last that did not
 * pass for the status page. See recipient.h. */
#include "autoconf.h"

#include "front/recipient.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* The meaning of a pass for a reason. */
enum pass_note {
	PASS_PLAIN, /* all is as it should be */
	PASS_BLIND, /* whether a policy binds is not known (C-10, S-03) */
	PASS_ALARM  /* likewise, and the cause is unusual */
};

static const enum pass_note pass_notes[REASON_COUNT] = {
    [REASON_DISCOVERY_FAILED] = PASS_BLIND,
    [REASON_DEADLINE] = PASS_BLIND,
    [REASON_DISCOVERY_BOGUS] = PASS_ALARM,
    [REASON_RESOLVER_BROKEN] = PASS_ALARM,
    [REASON_INTERNAL_ERROR] = PASS_ALARM,
};

bool
recipient_is_plain(enum verdict_kind verdict, enum reason reason)
{
	return verdict == VERDICT_PASS && pass_notes[reason] == PASS_PLAIN;
}

bool
recipient_is_of_interest(const struct judgement *judgement)
{
	const struct verdict *judged = judgement->judged;

	return !recipient_is_plain(judgement->verdict, judgement->reason) ||
	    (judged != NULL && verdict_is_bound(judged));
}

static void
log_policy(struct log_event *e, const struct verdict *judged)
{
	const struct fact_policy *policy =
	    judged != NULL ? judged->policy : NULL;
	const char *word = "none";

	if (judged != NULL && judged->pinned)
		word = "pinned";
	else if (judged == NULL || !judged->policy_known)
		word = "unknown";
	else if (policy != NULL)
		word = policy_mode_name(policy->mode);
	log_word(e, "policy", word);
	log_str_or_dash(e, "policy_id", policy != NULL ? policy->id : NULL);
	if (policy != NULL)
		log_int(e, "policy_age", (int64_t)policy->age_s);
	else
		log_word(e, "policy_age", "-");
	log_word(e, "policy_from",
	    policy_from_name(
		judged != NULL ? judged->policy_from : POLICY_FROM_NONE));
}

static void
log_evidence(struct log_event *e, const struct judgement *judgement)
{
	const struct verdict *judged = judgement->judged;
	char worst[EVIDENCE_TEXT_SIZE] = "";

	log_word(e, "mx",
	    judgement->facts != NULL &&
		    judgement->facts->mx.status != FACT_UNASKED
		? fact_status_name(judgement->facts->mx.status)
		: "-");
	if (judged != NULL && judged->hosts_total > 0)
		log_share(e, "hosts", judged->hosts_good, judged->hosts_total);
	else
		log_word(e, "hosts", "-");
	if (judged != NULL)
		evidence_text(&judged->worst, worst);
	log_str_or_dash(e, "worst", worst);
}

/* The words of the validator, the resolver or the fetcher; or, in skipped, the
 * hosts that cannot be used (D-18). NULL: there are none. */
static const char *
find_why(const struct judgement *judgement, char skipped[FACTS_SKIPPED_SIZE])
{
	const char *said[] = {
	    judgement->judged ? judgement->judged->decided_by.why : NULL,
	    judgement->judged ? judgement->judged->worst.why : NULL,
	    judgement->facts ? judgement->facts->fetch.error : NULL,
	    judgement->facts ? judgement->facts->txt_why : NULL,
	    judgement->scope.exemption ? judgement->scope.exemption->comment
				       : NULL,
	    judgement->exempted_by,
	};

	if (judgement->reason == REASON_NO_USABLE_HOST &&
	    judgement->facts != NULL) {
		facts_skipped_text(judgement->facts, skipped);
		return skipped;
	}
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		if (said[i] != NULL && said[i][0] != '\0')
			return said[i];
	}
	return NULL;
}

void
recipient_log(struct log *log, const struct recipient *recipient,
    const struct judgement *judgement)
{
	const struct scope *scope = &judgement->scope;
	const struct verdict *judged = judgement->judged;
	const bool queued = recipient->queue_id != NULL;
	const bool alarm = judgement->verdict != VERDICT_PASS ||
	    pass_notes[judgement->reason] == PASS_ALARM;
	const enum fact_status txt = judgement->facts != NULL
	    ? judgement->facts->txt_status
	    : FACT_UNASKED;
	struct log_event e;
	char skipped[FACTS_SKIPPED_SIZE];
	const char *why = find_why(judgement, skipped);

	log_begin(&e, log, alarm ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "rcpt");
	log_str(&e, "qid", queued ? recipient->queue_id : "NOQUEUE");
	log_str(&e, "to", recipient->arg);
	log_str_or_dash(&e, "domain", scope->target.domain);
	if (scope->next_hop != NULL)
		log_str(&e, "next_hop", scope->next_hop);
	log_word(&e, "verdict", verdict_name(judgement->verdict));
	log_word(&e, "reason", reason_name(judgement->reason));
	log_word(&e, "mode", judgement->monitor ? "monitor" : "enforce");
	log_policy(&e, judged);
	log_evidence(&e, judgement);
	log_int(&e, "ms", (int64_t)judgement->ms);
	log_bool(&e, "cached", judgement->cached);
	log_str_or_dash(&e, "client", recipient->client);
	/* The line at the end of the message has the queue id, too. */
	if (!queued && recipient->transaction != NULL &&
	    recipient_is_of_interest(judgement))
		log_str(&e, "transaction", recipient->transaction);
	/* Left out for the many domains without a policy. */
	if (txt == FACT_BOGUS || txt == FACT_FAILED ||
	    (txt != FACT_UNASKED && judged != NULL && judged->policy != NULL))
		log_word(&e, "txt", fact_status_name(txt));
	if (why != NULL && why[0] != '\0')
		log_str(&e, "why", why);
	log_end(&e);
}

/* --- the last deferrals --- */

struct deferrals {
	pthread_mutex_t lock;
	size_t next; /* place of the next one */
	size_t n;
	struct deferral ring[DEFERRALS_MAX];
};

struct deferrals *
deferrals_new(void)
{
	struct deferrals *deferrals = calloc(1, sizeof(*deferrals));

	if (deferrals != NULL)
		(void)pthread_mutex_init(&deferrals->lock, NULL);
	return deferrals;
}

void
deferrals_free(struct deferrals **deferrals)
{
	if (*deferrals == NULL)
		return;
	(void)pthread_mutex_destroy(&(*deferrals)->lock);
	free(*deferrals);
	*deferrals = NULL;
}

static void
fill_in(struct deferral *deferral, const struct recipient *recipient,
    const struct judgement *judgement, int64_t now_s)
{
	const struct verdict *judged = judgement->judged;
	char record[EVIDENCE_TEXT_SIZE];
	const char *why;

	*deferral = (struct deferral){
	    .at_s = now_s,
	    .verdict = judgement->verdict,
	    .reason = judgement->reason,
	    .monitor = judgement->monitor,
	};
	(void)snprintf(deferral->queue_id, sizeof(deferral->queue_id), "%s",
	    recipient->queue_id != NULL ? recipient->queue_id : "");
	(void)snprintf(deferral->to, sizeof(deferral->to), "%s",
	    recipient->arg);
	(void)snprintf(deferral->domain, sizeof(deferral->domain), "%s",
	    judgement->scope.target.domain);
	(void)snprintf(deferral->client, sizeof(deferral->client), "%s",
	    recipient->client != NULL ? recipient->client : "");
	if (judged == NULL)
		return;
	evidence_text(&judged->decided_by, record);
	why = judged->decided_by.why;
	(void)snprintf(deferral->evidence, sizeof(deferral->evidence),
	    "%s%s%.255s", record, why != NULL && why[0] != '\0' ? ": " : "",
	    why != NULL ? why : "");
}

void
deferrals_add(struct deferrals *deferrals, const struct recipient *recipient,
    const struct judgement *judgement, int64_t now_s)
{
	if (deferrals == NULL || judgement->verdict == VERDICT_PASS)
		return;
	(void)pthread_mutex_lock(&deferrals->lock);
	fill_in(&deferrals->ring[deferrals->next], recipient, judgement, now_s);
	deferrals->next = (deferrals->next + 1) % DEFERRALS_MAX;
	if (deferrals->n < DEFERRALS_MAX)
		deferrals->n++;
	(void)pthread_mutex_unlock(&deferrals->lock);
}

size_t
deferrals_copy(struct deferrals *deferrals, struct deferral out[DEFERRALS_MAX])
{
	size_t n;

	(void)pthread_mutex_lock(&deferrals->lock);
	n = deferrals->n;
	for (size_t i = 0; i < n; i++)
		out[i] =
		    deferrals->ring[(deferrals->next + DEFERRALS_MAX - 1 - i) %
			DEFERRALS_MAX];
	(void)pthread_mutex_unlock(&deferrals->lock);
	return n;
}
