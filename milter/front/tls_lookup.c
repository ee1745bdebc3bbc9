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

/* The one line that every answer at delivery leaves: fixed keys, fixed order.
 * Info, or warning if delivery is deferred. */
struct tls_log {
	const struct target *target;
	/* The key as the MTA wrote it, when no domain can be read from it;
	 * NULL: target is written. */
	const uint8_t *key;
	size_t key_len;
	enum tls_dialect dialect;
	enum tls_policy_kind kind; /* the answer (monitor: if it were given) */
	enum reason reason;        /* REASON_COUNT: no line */
	bool monitor;
	bool cached;
	uint64_t ms;
	const struct tls_policy *policy;      /* NULL: no lookup was needed */
	const struct domain_entry *exemption; /* of REASON_EXEMPT, or NULL */
};

/* The next hop as the MTA wrote it, but canonical. */
static void
log_target(struct log_event *e, const struct tls_log *line)
{
	const struct target *target = line->target;
	char text[TARGET_TEXT_SIZE];

	log_str_or_dash(e, "domain", target->domain);
	if (line->key != NULL) {
		log_octets(e, "nexthop", line->key, line->key_len);
		return;
	}
	target_text(target, text);
	log_str(e, "nexthop", text);
}

/* skipped: room for the hosts that cannot be used (D-18). */
static const char *
why_of(const struct tls_log *line, char skipped[FACTS_SKIPPED_SIZE])
{
	const struct verdict *verdict;

	if (line->reason == REASON_INVALID_ADDRESS)
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
	log_str_or_dash(e, "policy_id", policy != NULL ? policy->id : NULL);
	if (policy != NULL)
		log_bool(e, "dnssec", policy->dnssec);
	else
		log_word(e, "dnssec", "-");
	if (tls != NULL)
		evidence_text(tls->blame.kind != EVIDENCE_NONE
			? &tls->blame
			: &tls->verdict->decided_by,
		    decided_by);
	log_str_or_dash(e, "decided_by", decided_by);
}

/* unsaid: Sendmail's map cannot say "encrypt", and the message may go out in
 * the clear. */
static void
log_answer(struct log *log, const struct tls_log *line, bool unsaid)
{
	const bool alarm = line->kind == TLS_POLICY_DEFER || unsaid;
	char skipped[FACTS_SKIPPED_SIZE];
	const char *why = why_of(line, skipped);
	struct log_event e;

	log_begin(&e, log, alarm ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
	    "tls-policy");
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
	if (unsaid)
		log_str(&e, "msg",
		    "sendmail cannot be told \"encrypt\", see no_tlsa_level");
	log_end(&e);
}

/* Counts the answer, logs it and hands it over. Takes text; NULL: no memory. */
static void
finish(struct tls_lookup *lookup, const struct tls_log *line, char *text)
{
	const bool unsaid = line->kind == TLS_POLICY_ENCRYPT &&
	    line->dialect == TLS_DIALECT_SENDMAIL;

	(void)atomic_fetch_add_explicit(&lookup->parts->counters
					     ->answers[line->kind],
	    1, memory_order_relaxed);
	/* As with recipients; most next hops have no policy. */
	if (line->reason != REASON_COUNT &&
	    (lookup->snapshot->config->log_pass ||
		line->kind == TLS_POLICY_DEFER || unsaid))
		log_answer(lookup->parts->log, line, unsaid);
	snapshot_release(&lookup->snapshot);
	lookup->done(lookup, text);
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
	struct tls_policy said;

	tls_policy_judge(facts, verdict, &rules, &policy);
	line.kind = policy.kind;
	/* for a domain in monitor mode the MTA gets "not found". */
	said = policy;
	if (monitor)
		said.kind = TLS_POLICY_NONE;
	finish(lookup, &line,
	    tls_policy_text(&said, &rules, lookup->map->dialect));
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
	/* Defers whatever on_discovery_failure says: not even the store was
	 * asked whether the domain requires DNSSEC. */
	decide_without_facts(domain,
	    config_pins(config, domain, clock_wall_s()), err_text(ERR_NOMEM),
	    &config->rules, &facts, &verdict);
	judge(lookup, &facts, &verdict, false);
}

/* --- the question --- */

void
tls_lookup_start(struct tls_lookup *lookup, const uint8_t *key, size_t len)
{
	const struct config *config;
	struct scope scope;
	enum scope_key kind;
	struct tls_log line = {
	    .target = &lookup->target,
	    .dialect = lookup->map->dialect,
	    .kind = TLS_POLICY_NONE,
	};

	lookup->snapshot = snapshot_acquire(lookup->parts->snapshots);
	lookup->start_ms = clock_mono_ms();
	config = lookup->snapshot->config;
	kind = scope_read_key(&config->scope, key, len, idn_to_ascii,
	    clock_wall_s(), &scope);
	lookup->target = scope.target;
	if (lookup->target.domain[0] == '\0') {
		line.key = key;
		line.key_len = len;
	}
	if (kind == SCOPE_KEY_PARENT) {
		line.reason = REASON_COUNT;
		finish(lookup, &line, strdup("NOTFOUND "));
	} else if (kind == SCOPE_KEY_UNREADABLE) {
		/* a key that cannot be read may still be a way out for
		 * the MTA. */
		line.kind = TLS_POLICY_DEFER;
		line.reason = REASON_INVALID_ADDRESS;
		line.monitor = config_only_watches(config, "");
		finish(lookup, &line,
		    strdup(line.monitor ? "NOTFOUND "
					: "TEMP " SCOPE_UNREADABLE_KEY));
	} else if (scope.kind == SCOPE_PASS) {
		line.reason = scope.reason;
		line.exemption = scope.exemption;
		line.monitor = config_only_watches(config, scope.target.domain);
		finish(lookup, &line, strdup("NOTFOUND "));
	} else {
		ask(lookup->parts->engine,
		    &(struct ask_options){
			.what = ASK_DELIVERY,
			.target = &lookup->target,
			.deadline_ms = lookup->start_ms + config->deadline_ms,
			.done = answered,
			.arg = lookup,
		    });
	}
}
