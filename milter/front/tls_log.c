#include "autoconf.h"

#include "front/tls_log.h"

#include <stdio.h>
#include <string.h>

#define NOTHING "-"

/* Sendmail's map cannot say it: the message may go out in the clear. */
static bool
is_unsaid(const struct tls_log *line)
{
	return line->kind == TLS_POLICY_ENCRYPT &&
	    line->dialect == TLS_DIALECT_SENDMAIL;
}

enum log_level
tls_log_level(const struct tls_log *line)
{
	return line->kind == TLS_POLICY_DEFER || is_unsaid(line)
	    ? LOG_LEVEL_WARNING
	    : LOG_LEVEL_INFO;
}

static const char *
or_nothing(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NOTHING;
}

/* As the MTA wrote it, but canonical. */
static void
log_target(struct log_event *e, const struct tls_log *line)
{
	const struct target *target = line->target;
	char text[NAME_SIZE + sizeof("[]:65535")];
	const char *open = target->no_mx ? "[" : "";
	const char *close = target->no_mx ? "]" : "";
	const bool usual = target->port == 0 || target->port == SCOPE_PORT_SMTP;

	if (usual && !target->no_mx)
		memcpy(text, target->domain, strlen(target->domain) + 1);
	else if (usual)
		(void)snprintf(text, sizeof(text), "%s%s%s", open,
		    target->domain, close);
	else
		(void)snprintf(text, sizeof(text), "%s%s%s:%u", open,
		    target->domain, close, (unsigned)target->port);
	log_str(e, "domain", or_nothing(target->domain));
	if (line->key != NULL)
		log_octets(e, "nexthop", line->key, line->key_len);
	else
		log_str(e, "nexthop", or_nothing(text));
}

/* skipped: room for the hosts that cannot be used (D-18). */
static const char *
why_of(const struct tls_log *line, char skipped[FACTS_SKIPPED_SIZE])
{
	const struct verdict *verdict;

	if (line->key != NULL)
		return SCOPE_UNREADABLE_KEY;
	if (line->exemption != NULL)
		return line->exemption->comment;
	if (line->policy == NULL)
		return NULL;
	verdict = line->policy->verdict;
	if (line->policy->blame.kind != EVIDENCE_NONE)
		return line->policy->blame.why;
	if (verdict->reason == REASON_NO_USABLE_HOST) {
		facts_skipped_text(line->policy->facts, skipped);
		return skipped;
	}
	return verdict->decided_by.why != NULL ? verdict->decided_by.why
					       : verdict->worst.why;
}

static void
log_evidence(struct log_event *e, const struct tls_policy *tls)
{
	const struct fact_policy *policy =
	    tls != NULL ? tls->verdict->policy : NULL;
	const char *mode =
	    policy != NULL ? policy_mode_name(policy->mode) : "none";
	char decided_by[EVIDENCE_TEXT_SIZE] = "";

	log_word(e, "policy",
	    tls != NULL && tls->verdict->pinned ? "pinned" : mode);
	log_str(e, "policy_id", or_nothing(policy != NULL ? policy->id : NULL));
	if (policy != NULL)
		log_bool(e, "dnssec", policy->dnssec);
	else
		log_word(e, "dnssec", NOTHING);
	if (tls != NULL)
		evidence_text(tls->blame.kind != EVIDENCE_NONE
			? &tls->blame
			: &tls->verdict->decided_by,
		    decided_by);
	log_str(e, "decided_by", or_nothing(decided_by));
}

void
tls_log(struct log *log, const struct tls_log *line)
{
	char skipped[FACTS_SKIPPED_SIZE];
	const char *why = why_of(line, skipped);
	struct log_event e;

	log_begin(&e, log, tls_log_level(line), "tls-policy");
	log_target(&e, line);
	log_word(&e, "mta",
	    line->dialect == TLS_DIALECT_SENDMAIL ? "sendmail" : "postfix");
	log_word(&e, "answer", tls_policy_name(line->kind));
	log_word(&e, "reason", reason_name(line->reason));
	log_word(&e, "mode", line->monitor ? "monitor" : "enforce");
	log_evidence(&e, line->policy);
	log_int(&e, "ms", (int64_t)line->ms);
	log_bool(&e, "cached", line->cached);
	if (why != NULL && why[0] != '\0')
		log_str(&e, "why", why);
	if (is_unsaid(line))
		log_str(&e, "msg",
		    "sendmail cannot be told \"encrypt\", see no_tlsa_level");
	log_end(&e);
}
