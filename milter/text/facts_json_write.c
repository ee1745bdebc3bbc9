/* Facts and verdicts to JSON, fields in the order of the manual. */
#include "autoconf.h"

#include "text/facts_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/scope.h"

/* One line, and no character in it that anybody takes for its end. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII)

/* Failures are counted rather than looked at one by one: all are no memory. */
struct writer {
	bool failed;
};

/* Takes the value. */
static void
put(struct writer *w, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) != 0)
		w->failed = true;
}

/* JSON must be UTF-8; text from other hosts need not be. NULL becomes null. */
static json_t *
text_json(const char *text)
{
	json_t *json = text != NULL ? json_string(text) : json_null();
	char *copy;

	if (json != NULL || text == NULL)
		return json;
	copy = strdup(text);
	if (copy == NULL)
		return NULL;
	for (char *p = copy; *p != '\0'; p++)
		if ((unsigned char)*p > 0x7f)
			*p = '?';
	json = json_string(copy);
	free(copy);
	return json;
}

/* Nothing for "" and NULL. */
static void
put_text(struct writer *w, json_t *object, const char *key, const char *text)
{
	if (text != NULL && text[0] != '\0')
		put(w, object, key, text_json(text));
}

static json_t *
host_json(const struct facts *facts)
{
	const struct fact_recipient *recipient = &facts->recipient;
	unsigned port = facts->port != 0 ? facts->port : SCOPE_PORT_SMTP;
	char made[NAME_SIZE + sizeof("[]:65535")];
	const char *open = facts->no_mx ? "[" : "";
	const char *close = facts->no_mx ? "]" : "";

	if (recipient->host != NULL || recipient->domain == NULL ||
	    (!facts->no_mx && port == SCOPE_PORT_SMTP))
		return text_json(recipient->host);
	/* The reader takes no_mx and the port from here. */
	if (port == SCOPE_PORT_SMTP)
		snprintf(made, sizeof(made), "%s%s%s", open, recipient->domain,
		    close);
	else
		snprintf(made, sizeof(made), "%s%s%s:%u", open,
		    recipient->domain, close, port);
	return text_json(made);
}

static json_t *
recipient_json(struct writer *w, const struct facts *facts)
{
	const struct fact_recipient *recipient = &facts->recipient;
	json_t *json = json_object();

	put(w, json, "class",
	    json_string(address_class_name(recipient->class)));
	put(w, json, "domain", text_json(recipient->domain));
	put(w, json, "mailer", text_json(recipient->mailer));
	put(w, json, "host", host_json(facts));
	return json;
}

static json_t *
txt_json(struct writer *w, const struct facts *facts)
{
	json_t *json;

	if (facts->txt_state == TXT_UNASKED)
		return json_null();
	json = json_object();
	put(w, json, "state", json_string(txt_state_name(facts->txt_state)));
	if (facts->txt_status != FACT_UNASKED)
		put(w, json, "status",
		    json_string(fact_status_name(facts->txt_status)));
	if (facts->txt_id != NULL)
		put(w, json, "id", text_json(facts->txt_id));
	if (facts->txt_late)
		put(w, json, "late", json_true());
	put_text(w, json, "why", facts->txt_why);
	return json;
}

static json_t *
patterns_json(struct writer *w, const struct fact_policy *policy)
{
	json_t *json = json_array();

	for (size_t i = 0; i < policy->n_mx; i++) {
		if (json_array_append_new(json, text_json(policy->mx[i])) != 0)
			w->failed = true;
	}
	return json;
}

static void
put_policy(struct writer *w, json_t *json, const struct fact_policy *policy,
    bool with_age)
{
	uint64_t age_s = policy->age_s < INT64_MAX ? policy->age_s : INT64_MAX;

	put(w, json, "id", text_json(policy->id));
	if (with_age)
		put(w, json, "age", json_integer((json_int_t)age_s));
	put(w, json, "max_age", json_integer(policy->max_age_s));
	put(w, json, "mode", json_string(policy_mode_name(policy->mode)));
	put(w, json, "dnssec", json_boolean(policy->dnssec));
	put(w, json, "mx", patterns_json(w, policy));
}

static json_t *
stored_json(struct writer *w, const struct fact_policy *stored)
{
	json_t *json;

	if (stored == NULL)
		return json_null();
	json = json_object();
	put_policy(w, json, stored, true);
	return json;
}

static json_t *
fetch_json(struct writer *w, const struct fact_fetch *fetch)
{
	json_t *json;

	if (fetch->state == FETCH_UNASKED)
		return json_null();
	json = json_object();
	put(w, json, "ok", json_boolean(fetch->state == FETCH_OK));
	if (fetch->state == FETCH_OK)
		put_policy(w, json, &fetch->policy, false);
	else
		put(w, json, "error",
		    text_json(fetch->error != NULL ? fetch->error : ""));
	return json;
}

static json_t *
rrset_json(struct writer *w, const struct fact_rrset *rrset, bool always_why)
{
	json_t *json;

	if (rrset->status == FACT_UNASKED)
		return json_null();
	json = json_object();
	put(w, json, "status", json_string(fact_status_name(rrset->status)));
	put(w, json, "answer", json_string(fact_answer_name(rrset->answer)));
	if (always_why)
		put(w, json, "why",
		    text_json(rrset->why != NULL ? rrset->why : ""));
	else
		put_text(w, json, "why", rrset->why);
	return json;
}

static json_t *
hosts_json(struct writer *w, const struct facts *facts)
{
	json_t *json = json_array();

	for (size_t i = 0; i < facts->n_hosts; i++) {
		const struct fact_host *host = &facts->hosts[i];
		json_t *item = json_object();
		json_t *tlsa = rrset_json(w, &host->tlsa, false);

		put(w, item, "name", text_json(host->name));
		put(w, item, "preference", json_integer(host->preference));
		if (host->unusable)
			put(w, item, "unusable", json_true());
		put(w, item, "a", rrset_json(w, &host->a, false));
		put(w, item, "aaaa", rrset_json(w, &host->aaaa, false));
		/* Usable or not matters at delivery, not to the verdict. */
		if (json_is_object(tlsa) && host->tlsa.answer == ANSWER_RECORDS)
			put(w, tlsa, "usable", json_boolean(host->tlsa_usable));
		put(w, item, "tlsa", tlsa);
		if (json_array_append_new(json, item) != 0)
			w->failed = true;
	}
	return json;
}

static json_t *
facts_json(struct writer *w, const struct facts *facts)
{
	json_t *json = json_object();

	put(w, json, "recipient", recipient_json(w, facts));
	put(w, json, "resolver",
	    json_string(facts->resolver_broken ? "broken" : "ok"));
	put(w, json, "pinned", json_boolean(facts->pinned));
	put(w, json, "txt", txt_json(w, facts));
	put(w, json, "stored", stored_json(w, facts->stored));
	put(w, json, "fetch", fetch_json(w, &facts->fetch));
	put(w, json, "mx", rrset_json(w, &facts->mx, true));
	put(w, json, "hosts", hosts_json(w, facts));
	put(w, json, "hosts_truncated", json_boolean(facts->hosts_truncated));
	put(w, json, "internal_error", json_boolean(facts->internal_error));
	put_text(w, json, "internal_why", facts->internal_why);
	put(w, json, "deadline", json_boolean(facts->deadline));
	return json;
}

char *
facts_json_write_tls(const struct facts *facts, const struct verdict *verdict,
    int64_t ms, enum tls_policy_kind kind, const char *answer)
{
	struct writer w = {.failed = false};
	json_t *json = json_object();
	char decided_by[EVIDENCE_TEXT_SIZE];
	char *line;

	evidence_text(&verdict->decided_by, decided_by);
	if (facts != NULL)
		put(&w, json, "facts", facts_json(&w, facts));
	put(&w, json, "verdict", json_string(verdict_name(verdict->kind)));
	put(&w, json, "reason", json_string(reason_name(verdict->reason)));
	put(&w, json, "decided_by", text_json(decided_by));
	put(&w, json, "policy",
	    json_string(verdict->pinned
		    ? "pinned"
		    : policy_from_name(verdict->policy_from)));
	if (ms >= 0)
		put(&w, json, "ms", json_integer(ms));
	/* "OK secure match=...", "NOTFOUND ", "TEMP ..." in its parts. */
	if (answer != NULL) {
		size_t len = strcspn(answer, " ");

		put(&w, json, "tls",
		    json_pack("{s:s,s:s%,s:s}", "level", tls_policy_name(kind),
			"status", answer, len, "answer",
			answer + len + (answer[len] != '\0')));
	}
	line = w.failed ? NULL : json_dumps(json, DUMP_FLAGS);
	json_decref(json);
	return line;
}

char *
facts_json_write(const struct facts *facts, const struct verdict *verdict,
    int64_t ms)
{
	return facts_json_write_tls(facts, verdict, ms, TLS_POLICY_NONE, NULL);
}
