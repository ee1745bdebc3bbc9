#include "autoconf.h"

#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#define FIELDS 5

static void
take(char out[WORLD_TEXT], const char *from, size_t len)
{
	cr_assert_lt(len, (size_t)WORLD_TEXT, "too long: %s", from);
	memcpy(out, from, len);
	out[len] = '\0';
}

/* "a/b/c" into fields; those not there are "". */
static void
split(const char *text, const char *separators, char out[FIELDS][WORLD_TEXT])
{
	for (int i = 0; i < FIELDS; i++) {
		size_t len = strcspn(text, separators);

		take(out[i], text, len);
		text += len;
		text += *text != '\0';
	}
	cr_assert_eq(*text, '\0', "too many fields: %s", text);
}

static bool
is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static struct fact_rrset
record(const char *code)
{
	static const char statuses[] = "?sibnf";
	static const char answers[] = "+-x0";
	struct fact_rrset rrset = {.status = FACT_UNASKED};
	const char *status = strchr(statuses, code[0]);
	const char *answer = strchr(answers, code[0] ? code[1] : '\0');

	cr_assert(code[0] != '\0' && status != NULL && answer != NULL,
	    "no record: %s", code);
	rrset.status = (enum fact_status)(status - statuses);
	if (*answer != '\0')
		rrset.answer =
		    (enum fact_answer)(ANSWER_RECORDS + (answer - answers));
	return rrset;
}

static void
set_host(struct world *w, const char *name, const char *value)
{
	char fields[FIELDS][WORLD_TEXT];
	size_t i = w->facts.n_hosts++;
	struct fact_host *host = &w->hosts[i];

	cr_assert_lt(i, (size_t)WORLD_HOSTS);
	split(value, ",", fields);
	if (is(name, "self"))
		snprintf(w->names[i], WORLD_TEXT, "example.org");
	else if (is(name, "address"))
		snprintf(w->names[i], WORLD_TEXT, "192.0.2.9");
	else if (!is(name, "null"))
		snprintf(w->names[i], WORLD_TEXT, "%.40s.example.org", name);
	host->name = w->names[i];
	host->unusable = is(name, "address");
	host->preference = (uint16_t)(10 * (i + 1));
	host->a = record(fields[0]);
	host->aaaa = record(fields[1]);
	host->tlsa = record(fields[2]);
	host->tlsa_usable = is(fields[2], "s+u");
}

static void
set_policy(struct world *w, struct fact_policy *policy, char *id,
    char fields[FIELDS][WORLD_TEXT])
{
	const char *mode = fields[2][0] != '\0' ? fields[2] : "enforce";

	take(id, fields[0], strlen(fields[0]));
	policy->id = id;
	cr_assert(is(fields[1], "yes") || is(fields[1], "no"));
	policy->dnssec = is(fields[1], "yes");
	policy->mode =
	    (enum policy_mode)policy_mode_by_name(mode, strlen(mode));
	policy->age_s = strtoull(fields[3], NULL, 10);
	policy->max_age_s = fields[4][0] != '\0'
	    ? (uint32_t)strtoul(fields[4], NULL, 10)
	    : 86400;
	policy->n_mx = 1;
	policy->mx = w->patterns;
}

static void
set_fetch(struct world *w, char fields[FIELDS][WORLD_TEXT])
{
	w->facts.fetch.state = FETCH_FAILED;
	if (is(fields[0], "failed"))
		return;
	w->facts.fetch.state = FETCH_OK;
	set_policy(w, &w->facts.fetch.policy, w->ids[1], fields);
}

static void
set_txt(struct world *w, char fields[FIELDS][WORLD_TEXT])
{
	int state = txt_state_by_name(fields[0]);

	cr_assert_geq(state, 0, "no TXT state: %s", fields[0]);
	w->facts.txt_state = (enum txt_state)state;
	take(w->ids[2], fields[1], strlen(fields[1]));
	if (w->facts.txt_state == TXT_VALID)
		w->facts.txt_id = w->ids[2];
}

static bool
set_recipient(struct world *w, const char *key, const char *value)
{
	if (is(key, "class")) {
		w->facts.recipient.class =
		    (enum address_class)address_class_by_name(value);
	} else if (is(key, "domain")) {
		take(w->domain, value, strlen(value));
	} else if (is(key, "port")) {
		w->facts.port = (uint16_t)strtoul(value, NULL, 10);
	} else {
		return false;
	}
	return true;
}

static bool
set_flag(struct facts *facts, const char *key)
{
	struct {
		const char *name;
		bool *flag;
	} flags[] = {
	    {"truncated",       &facts->hosts_truncated},
	    {"deadline",        &facts->deadline       },
	    {"internal-error",  &facts->internal_error },
	    {"resolver-broken", &facts->resolver_broken},
	    {"no-mx",           &facts->no_mx          },
	    {"late",            &facts->txt_late       },
	    {"pinned",          &facts->pinned         },
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (is(flags[i].name, key)) {
			*flags[i].flag = true;
			return true;
		}
	}
	return false;
}

static void
set_fact(struct world *w, const char *key, const char *value)
{
	char fields[FIELDS][WORLD_TEXT];

	if (set_flag(&w->facts, key) || set_recipient(w, key, value))
		return;
	split(value, "/", fields);
	if (is(key, "txt")) {
		set_txt(w, fields);
	} else if (is(key, "stored")) {
		set_policy(w, &w->stored, w->ids[0], fields);
		w->facts.stored = &w->stored;
	} else if (is(key, "fetch")) {
		set_fetch(w, fields);
	} else if (is(key, "mx")) {
		w->facts.mx = record(value);
	} else if (is(key, "pattern")) {
		take(w->pattern, value, strlen(value));
	} else {
		set_host(w, key, value);
	}
}

static enum rule_failure
failure(const char *value)
{
	cr_assert(is(value, "pass") || is(value, "tempfail"));
	return is(value, "pass") ? RULE_PASS : RULE_TEMPFAIL;
}

static void
set_rule(struct world *w, const char *key, const char *value)
{
	struct rules *rules = &w->rules;

	if (is(key, "hosts") && is(value, "any"))
		rules->hosts = RULE_HOSTS_ANY;
	else if (is(key, "tlsa") && is(value, "required"))
		rules->tlsa = RULE_TLSA_REQUIRED;
	else if (is(key, "tlsa") && is(value, "ignored"))
		rules->tlsa = RULE_TLSA_IGNORED;
	else if (is(key, "patterns") && is(value, "enforce"))
		rules->mx_patterns = RULE_MX_PATTERNS_ENFORCE;
	else if (is(key, "discovery"))
		rules->on_discovery_failure = failure(value);
	else if (is(key, "bogus"))
		rules->on_bogus_discovery = failure(value);
	else if (is(key, "resolver"))
		rules->on_resolver_failure = failure(value);
	else if (is(key, "action") && is(value, "reject"))
		rules->action = RULE_ACTION_REJECT;
	else if (is(key, "action") && is(value, "quarantine"))
		rules->action = RULE_ACTION_QUARANTINE;
	else
		cr_assert_fail("no rule: %s=%s", key, value);
}

static void
each_word(struct world *w, const char *text,
    void (*set)(struct world *w, const char *key, const char *value))
{
	while (*text != '\0') {
		char word[WORLD_TEXT];
		char key[WORLD_TEXT];
		size_t len = strcspn(text, " ");
		size_t key_len;

		take(word, text, len);
		text += len;
		text += *text != '\0';
		if (len == 0)
			continue;
		key_len = strcspn(word, "=");
		take(key, word, key_len);
		set(w, key, word + key_len + (word[key_len] != '\0'));
	}
}

void
world_make(struct world *w, const char *facts, const char *rules)
{
	memset(w, 0, sizeof(*w));
	w->facts.recipient.class = ADDRESS_DOMAIN;
	take(w->domain, "example.org", strlen("example.org"));
	w->facts.recipient.domain = w->domain;
	take(w->pattern, "*.example.org", strlen("*.example.org"));
	w->patterns[0] = w->pattern;
	w->facts.hosts = w->hosts;
	w->rules.on_resolver_failure = RULE_TEMPFAIL;
	each_word(w, facts, set_fact);
	each_word(w, rules, set_rule);
}

void
world_verdict(const struct verdict *verdict, char out[WORLD_VERDICT_SIZE])
{
	char evidence[EVIDENCE_TEXT_SIZE];

	evidence_text(&verdict->decided_by, evidence);
	snprintf(out, WORLD_VERDICT_SIZE, "%s %s%s%s",
	    verdict_name(verdict->kind), reason_name(verdict->reason),
	    evidence[0] != '\0' ? " " : "", evidence);
}
