#include "autoconf.h"

#include "front/tls_lookup.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/idn.h"
#include "config/config.h"
#include "config/snapshot.h"
#include "core/decide.h"
#include "engine/ask.h"
#include "front/tls_log.h"
#include "log/log.h"

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
