#include "autoconf.h"

#include "front/tls_lookup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/idn.h"
#include "config/config.h"
#include "config/snapshot.h"
#include "core/decide.h"
#include "engine/ask.h"
#include "log/log.h"

/* --- the line --- */

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

/* --- the question --- */

static void
count(struct tls_lookup *lookup, enum tls_policy_kind kind)
{
	(void)atomic_fetch_add_explicit(&lookup->parts->counters->answers[kind],
	    1, memory_order_relaxed);
}

static void
finish(struct tls_lookup *lookup, char *answer)
{
	snapshot_release(&lookup->snapshot);
	lookup->done(lookup, answer);
}

static void
write_line(const struct tls_lookup *lookup, const struct tls_log *line)
{
	const struct config *config = lookup->snapshot->config;

	/* As with recipients; most of what is asked has no policy. */
	if (config->log_pass || tls_log_level(line) != LOG_LEVEL_INFO)
		tls_log(lookup->parts->log, line);
}

/* --- the engine's answer --- */

static void
judge(struct tls_lookup *lookup, const struct facts *facts,
    const struct verdict *verdict, bool cached)
{
	const struct config *config = lookup->snapshot->config;
	struct tls_rules rules = config_tls_rules(config, lookup->map);
	bool monitor = config_only_watches(config, lookup->target.domain);
	struct tls_policy policy;
	struct tls_log line = {
	    .target = &lookup->target,
	    .dialect = lookup->map->dialect,
	    .policy = &policy,
	    .reason = verdict->reason,
	    .monitor = monitor,
	    .cached = cached,
	    .ms = clock_mono_ms() - lookup->start_ms,
	};
	char *text;

	tls_policy_judge(facts, verdict, &rules, &policy);
	line.kind = policy.kind;
	count(lookup, policy.kind);
	write_line(lookup, &line);
	/* what is only watched is the MTA's own affair. */
	if (monitor)
		policy.kind = TLS_POLICY_NONE;
	text = tls_policy_text(&policy, &rules, lookup->map->dialect);
	finish(lookup, text);
}

static void
answered(void *arg, const struct answer *answer, bool cached)
{
	struct tls_lookup *lookup = arg;
	const struct config *config = lookup->snapshot->config;
	const char *domain = lookup->target.domain;
	struct verdict verdict;
	struct facts facts;

	if (answer != NULL) {
		judge(lookup, answer->facts, &answer->verdict, cached);
		return;
	}
	/* The mail waits, whatever on_discovery_failure says: not even the
	 * store was asked whether the domain binds. */
	decide_without_facts(domain,
	    config_pins(config, domain, clock_wall_s()), err_text(ERR_NOMEM),
	    &config->rules, &facts, &verdict);
	judge(lookup, &facts, &verdict, false);
}

/* --- what needs no engine --- */

static void
pass_over(struct tls_lookup *lookup, const struct scope *scope)
{
	struct tls_log line = {
	    .target = &lookup->target,
	    .dialect = lookup->map->dialect,
	    .kind = TLS_POLICY_NONE,
	    .reason = scope->reason,
	    .exemption = scope->exemption,
	    .monitor = config_only_watches(lookup->snapshot->config,
		scope->target.domain),
	};

	write_line(lookup, &line);
	count(lookup, TLS_POLICY_NONE);
	finish(lookup, strdup("NOTFOUND "));
}

/* a key that cannot be read may still be a way out for the MTA. */
static void
defer_unreadable(struct tls_lookup *lookup, const uint8_t *key, size_t len)
{
	struct tls_log line = {
	    .target = &lookup->target,
	    .key = key,
	    .key_len = len,
	    .dialect = lookup->map->dialect,
	    .kind = TLS_POLICY_DEFER,
	    .reason = REASON_INVALID_ADDRESS,
	    .monitor = config_only_watches(lookup->snapshot->config, ""),
	};

	write_line(lookup, &line);
	count(lookup, TLS_POLICY_DEFER);
	finish(lookup,
	    strdup(line.monitor ? "NOTFOUND " : "TEMP " SCOPE_UNREADABLE_KEY));
}

void
tls_lookup_start(struct tls_lookup *lookup, const uint8_t *key, size_t len)
{
	struct scope scope;
	enum scope_key kind;

	lookup->snapshot = snapshot_acquire(lookup->parts->snapshots);
	lookup->start_ms = clock_mono_ms();
	kind = scope_read_key(&lookup->snapshot->config->scope, key, len,
	    idn_to_ascii, clock_wall_s(), &scope);
	lookup->target = scope.target;
	if (kind == SCOPE_KEY_PARENT) {
		count(lookup, TLS_POLICY_NONE);
		finish(lookup, strdup("NOTFOUND "));
	} else if (kind == SCOPE_KEY_UNREADABLE) {
		defer_unreadable(lookup, key, len);
	} else if (scope.kind == SCOPE_PASS) {
		pass_over(lookup, &scope);
	} else {
		ask(lookup->parts->engine,
		    &(struct ask_options){
			.what = ASK_DELIVERY,
			.target = &lookup->target,
			.deadline_ms = lookup->start_ms +
			    lookup->snapshot->config->deadline_ms,
			.done = answered,
			.arg = lookup,
		    });
	}
}
