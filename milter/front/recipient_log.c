#include "autoconf.h"

#include "front/recipient_log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "front/recipient.h"

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
	    (judged != NULL &&
		(judged->pinned ||
		    (judged->policy != NULL && judged->policy->dnssec)));
}

enum log_level
recipient_log_level(const struct judgement *judgement)
{
	if (judgement->verdict == VERDICT_PASS &&
	    pass_notes[judgement->reason] != PASS_ALARM)
		return LOG_LEVEL_INFO;
	return LOG_LEVEL_WARNING;
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
log_evidence(struct log_event *e, const struct judgement *judgement)
{
	const struct verdict *judged = judgement->judged;
	char worst[EVIDENCE_TEXT_SIZE] = "";

	log_word(e, "mx",
	    judgement->facts != NULL &&
		    judgement->facts->mx.status != FACT_UNASKED
		? fact_status_name(judgement->facts->mx.status)
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

/* Of the TXT record: not for the many domains that have no policy. */
static bool
is_worth_telling(const struct judgement *judgement)
{
	enum fact_status status = judgement->facts != NULL
	    ? judgement->facts->txt_status
	    : FACT_UNASKED;

	return status == FACT_BOGUS || status == FACT_FAILED ||
	    (status != FACT_UNASKED && judgement->judged != NULL &&
		judgement->judged->policy != NULL);
}

void
recipient_log(struct log *log, const struct recipient *recipient,
    const struct judgement *judgement)
{
	const struct scope *scope = &judgement->scope;
	const bool queued = recipient->queue_id != NULL;
	struct log_event e;
	char skipped[FACTS_SKIPPED_SIZE];
	const char *why = find_why(judgement, skipped);

	log_begin(&e, log, recipient_log_level(judgement), "rcpt");
	log_str(&e, "qid", queued ? recipient->queue_id : "NOQUEUE");
	log_str(&e, "to", recipient->arg);
	log_str(&e, "domain", or_nothing(scope->target.domain));
	if (scope->next_hop != NULL)
		log_str(&e, "next_hop", scope->next_hop);
	log_word(&e, "verdict", verdict_name(judgement->verdict));
	log_word(&e, "reason", reason_name(judgement->reason));
	log_word(&e, "mode", judgement->monitor ? "monitor" : "enforce");
	log_policy(&e, judgement->judged);
	log_evidence(&e, judgement);
	log_int(&e, "ms", (int64_t)judgement->ms);
	log_bool(&e, "cached", judgement->cached);
	log_str(&e, "client", or_nothing(recipient->client));
	/* The line at the end of the message has both. */
	if (!queued && recipient->transaction != NULL &&
	    recipient_is_of_interest(judgement))
		log_str(&e, "transaction", recipient->transaction);
	if (is_worth_telling(judgement))
		log_word(&e, "txt",
		    fact_status_name(judgement->facts->txt_status));
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
copy(char *out, size_t size, const char *text)
{
	(void)snprintf(out, size, "%s", text != NULL ? text : "");
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
	copy(deferral->queue_id, sizeof(deferral->queue_id),
	    recipient->queue_id);
	copy(deferral->to, sizeof(deferral->to), recipient->arg);
	copy(deferral->domain, sizeof(deferral->domain),
	    judgement->scope.target.domain);
	copy(deferral->client, sizeof(deferral->client), recipient->client);
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
