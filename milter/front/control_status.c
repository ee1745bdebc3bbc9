/*
 * {"command":"status"}, {"command":"reload"}
 *
 *	version, started, uptime	seconds
 *	sandbox				seccomp, or none
 *	mode, enforced, action, generation	of the configuration in force;
 *					enforced: percent, monitor mode: 0
 *	resolver			state: unknown|ok|broken, since, why
 *	lookups, loops			under way; threads for them
 *	verdicts			in the cache: entries, octets
 *	policies			stored: total, bound (require DNSSEC),
 *					failing (their last refresh failed),
 *					unwritten (in memory only), down (the
 *					server cannot be reached),
 *					next_expiry: domain, left (seconds)
 *	recipients			since the start: total, refused, held,
 *					reasons: name to number
 *	deliveries			likewise, with policy_socket: total,
 *					malformed, answers: name to number
 *	exemptions, pins		total, lapsing (within a week), lapsed,
 *					list: domain, until, comment
 */
#include "autoconf.h"

#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "config/snapshot.h"
#include "core/facts.h"
#include "core/policy.h"
#include "engine/ask.h"
#include "front/control.h"
#include "front/recipient.h"
#include "front/tls_lookup.h"
#include "log/metrics.h"
#include "store/store.h"

/* Entries of a list. Its "total" counts all. */
#define LISTED_MAX 1000

/* --- stored policies --- */

static bool
count_policy(void *arg, const struct store_entry *entry)
{
	struct control_policies *policies = arg;
	struct policy *policy;
	struct fact_policy fact;
	int64_t left_s;
	bool live;

	if (policy_parse(entry->body, entry->len, NULL, NULL, &policy) < 0)
		return true;
	fact = fact_policy_of(policy, entry->id,
	    policies->now_s - entry->fetched_s);
	live = fact_policy_is_live(&fact);
	left_s = entry->fetched_s + policy->max_age_s - policies->now_s;
	if (live) {
		policies->total++;
		policies->bound += policy->dnssec;
		policies->failing += entry->failure[0] != '\0';
	}
	if (live &&
	    (policies->domain[0] == '\0' || left_s < policies->left_s)) {
		policies->left_s = left_s;
		(void)snprintf(policies->domain, sizeof(policies->domain), "%s",
		    entry->domain);
	}
	policy_free(&policy);
	return true;
}

static json_t *
policies_json(const struct control_policies *policies, struct store *store)
{
	json_t *json;

	if (policies->err != 0)
		return json_pack("{s:s}", "error", err_text(policies->err));
	if (policies->unknown)
		return json_null();
	json = json_pack("{s:I,s:I,s:I,s:I,s:b}", "total",
	    (json_int_t)policies->total, "bound", (json_int_t)policies->bound,
	    "failing", (json_int_t)policies->failing, "unwritten",
	    (json_int_t)store_status(store).unwritten, "down",
	    store_status(store).unreachable);
	if (json != NULL && policies->domain[0] != '\0')
		(void)json_object_set_new(json, "next_expiry",
		    json_pack("{s:s,s:I}", "domain", policies->domain, "left",
			(json_int_t)policies->left_s));
	return json;
}

/* --- the other fields --- */

static json_t *
recipients_json(const struct metrics *metrics)
{
	json_t *reasons = json_object();
	json_int_t total = 0;

	for (size_t i = 0; i < REASON_COUNT; i++) {
		json_int_t n = 0;

		for (size_t v = 0; v < METRICS_VERDICTS; v++)
			n += (json_int_t)metrics_sum(metrics,
			    METRICS_RECIPIENTS, i, v);

		total += n;
		if (n > 0)
			(void)json_object_set_new(reasons,
			    reason_name((enum reason)i), json_integer(n));
	}
	return json_pack("{s:I,s:I,s:I,s:o}", "total", total, "refused",
	    (json_int_t)metrics_sum(metrics, METRICS_ANSWERS, RECIPIENT_REFUSE,
		0),
	    "held",
	    (json_int_t)metrics_sum(metrics, METRICS_ANSWERS, RECIPIENT_HOLD,
		0),
	    "reasons", reasons);
}

static json_t *
deliveries_json(const struct tls_counters *tls)
{
	json_t *answers = json_object();
	json_int_t total = 0;

	for (size_t i = 0; i < TLS_POLICY_KINDS; i++) {
		json_int_t n =
		    (json_int_t)atomic_load_explicit(&tls->answers[i],
			memory_order_relaxed);

		total += n;
		if (n > 0)
			(void)json_object_set_new(answers,
			    tls_policy_name((enum tls_policy_kind)i),
			    json_integer(n));
	}
	return json_pack("{s:I,s:I,s:o}", "total", total, "malformed",
	    (json_int_t)atomic_load_explicit(&tls->malformed,
		memory_order_relaxed),
	    "answers", answers);
}

static json_t *
entry_json(const struct domain_entry *entry)
{
	json_t *json = json_pack("{s:s}", "domain", entry->domain);

	if (json != NULL && entry->until_s != 0)
		(void)json_object_set_new(json, "until",
		    json_integer(entry->until_s));
	/* Left out when it is not UTF-8. */
	if (json != NULL && entry->comment != NULL)
		(void)json_object_set_new(json, "comment",
		    json_string(entry->comment));
	return json;
}

static json_t *
domains_json(const struct domain_list *domains, int64_t now_s)
{
	json_t *list = json_array();
	size_t n = domains->n < LISTED_MAX ? domains->n : LISTED_MAX;

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(list,
		    entry_json(&domains->item[i]));
	return json_pack("{s:I,s:I,s:I,s:o}", "total", (json_int_t)domains->n,
	    "lapsing",
	    (json_int_t)domain_list_count(domains, DOMAIN_ENTRY_LAPSES, now_s),
	    "lapsed",
	    (json_int_t)domain_list_count(domains, DOMAIN_ENTRY_LAPSED, now_s),
	    "list", list);
}

/* NULL: no memory. */
static json_t *
status_json(const struct control_parts *parts,
    const struct control_policies *policies)
{
	static const char *const actions[] = {
	    [RULE_ACTION_TEMPFAIL] = "tempfail",
	    [RULE_ACTION_REJECT] = "reject",
	    [RULE_ACTION_QUARANTINE] = "quarantine",
	};
	struct snapshot *snapshot = snapshot_acquire(parts->snapshots);
	const struct config *config = snapshot->config;
	const int64_t now_s = clock_wall_s();
	struct engine_status engine;
	json_t *json;

	engine_status(parts->engine, &engine);
	json =
	    json_pack("{s:s,s:I,s:I,s:s,s:s,s:I,s:s,s:s,s:o,s:o,s:o,s:o,s:o*,"
		      "s:I,s:{s:s,s:I,s:s},s:I,s:I,s:{s:I,s:I}}",
		"version", PACKAGE_VERSION, "started",
		(json_int_t)parts->started_s, "uptime",
		(json_int_t)(now_s - parts->started_s), "sandbox",
		parts->sandboxed ? "seccomp" : "none", "mode",
		config->mode == CONFIG_MODE_MONITOR ? "monitor" : "enforce",
		"enforced", (json_int_t)config_enforced(config), "action",
		actions[config->rules.action], "store", config->store,
		"policies", policies_json(policies, parts->store), "recipients",
		recipients_json(parts->metrics), "exemptions",
		domains_json(&config->scope.exemptions, now_s), "pins",
		domains_json(&config->pins, now_s), "deliveries",
		parts->tls != NULL ? deliveries_json(parts->tls) : NULL,
		"generation", (json_int_t)engine.generation, "resolver",
		"state", probe_state_name(engine.resolver), "since",
		(json_int_t)engine.resolver_since_s, "why", engine.resolver_why,
		"lookups", (json_int_t)engine.lookups, "loops",
		(json_int_t)engine.loops, "verdicts", "entries",
		(json_int_t)engine.verdicts, "octets",
		(json_int_t)engine.verdict_octets);
	snapshot_release(&snapshot);
	return json;
}

int
control_status(struct control_client *client)
{
	struct control_policies policies = {.now_s = clock_wall_s()};
	int err = store_each(client->parts->store, count_policy, &policies);

	if (err != 0 && !store_each_partial(err))
		policies.err = err;
	return client_done(client,
	    client_send(client, status_json(client->parts, &policies)));
}

char *
control_status_line(const struct control_parts *parts,
    const struct control_policies *policies)
{
	json_t *json = status_json(parts, policies);
	char *line = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);

	json_decref(json);
	return line;
}

int
control_reload(struct control_client *client)
{
	const struct control_parts *parts = client->parts;
	char error[CONFIG_ERROR_SIZE];
	int err = 0;

	client_log(client, "reload", NULL, -1);
	if (parts->reload(parts->reloader, error) < 0)
		return client_error(client, "%s", error);
	if (error[0] != '\0')
		err = client_send(client, json_pack("{s:s}", "restart", error));
	return client_done(client, err);
}
