/*
 * Facts and verdicts to JSON, with fields in the order of the manual, and facts
 * from JSON.
 */
#include "autoconf.h"

#include "text/facts_json.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "core/scope.h"

/* One line of ASCII, so that no reader takes a character inside for its end. */
#define DUMP_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII)

/* --- writing: each function returns NULL when there is no memory --- */

/* Adds a field. Takes the value. Without memory *object becomes NULL. */
static void
put(json_t **object, const char *key, json_t *value)
{
	if (json_object_set_new(*object, key, value) == 0)
		return;
	json_decref(*object);
	*object = NULL;
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
txt_json(const struct facts *facts)
{
	json_t *json;

	if (facts->txt_state == TXT_UNASKED)
		return json_null();
	json = json_pack("{s:s}", "state", txt_state_name(facts->txt_state));
	if (facts->txt_status != FACT_UNASKED)
		put(&json, "status",
		    json_string(fact_status_name(facts->txt_status)));
	if (facts->txt_id != NULL)
		put(&json, "id", text_json(facts->txt_id));
	if (facts->txt_late)
		put(&json, "late", json_true());
	if (facts->txt_why != NULL && facts->txt_why[0] != '\0')
		put(&json, "why", text_json(facts->txt_why));
	return json;
}

/* Adds the fields of a policy to an object. */
static json_t *
policy_json(json_t *json, const struct fact_policy *policy, bool with_age)
{
	uint64_t age_s = policy->age_s < INT64_MAX ? policy->age_s : INT64_MAX;
	json_t *patterns = json_array();

	for (size_t i = 0; i < policy->n_mx; i++) {
		if (json_array_append_new(patterns, text_json(policy->mx[i])) ==
		    0)
			continue;
		json_decref(patterns);
		patterns = NULL;
	}
	put(&json, "id", text_json(policy->id));
	if (with_age)
		put(&json, "age", json_integer((json_int_t)age_s));
	put(&json, "max_age", json_integer(policy->max_age_s));
	put(&json, "mode", json_string(policy_mode_name(policy->mode)));
	put(&json, "dnssec", json_boolean(policy->dnssec));
	put(&json, "mx", patterns);
	return json;
}

static json_t *
fetch_json(const struct fact_fetch *fetch)
{
	json_t *json;

	if (fetch->state == FETCH_UNASKED)
		return json_null();
	json = json_pack("{s:b}", "ok", fetch->state == FETCH_OK);
	if (fetch->state == FETCH_OK)
		return policy_json(json, &fetch->policy, false);
	put(&json, "error",
	    text_json(fetch->error != NULL ? fetch->error : ""));
	return json;
}

static json_t *
rrset_json(const struct fact_rrset *rrset, bool always_why)
{
	const char *why = rrset->why != NULL ? rrset->why : "";
	json_t *json;

	if (rrset->status == FACT_UNASKED)
		return json_null();
	json = json_pack("{s:s,s:s}", "status", fact_status_name(rrset->status),
	    "answer", fact_answer_name(rrset->answer));
	if (always_why || why[0] != '\0')
		put(&json, "why", text_json(why));
	return json;
}

static json_t *
hosts_json(const struct facts *facts)
{
	json_t *json = json_array();

	for (size_t i = 0; i < facts->n_hosts; i++) {
		const struct fact_host *host = &facts->hosts[i];
		json_t *tlsa = rrset_json(&host->tlsa, false);
		json_t *item = json_pack("{s:o,s:i}", "name",
		    text_json(host->name), "preference", (int)host->preference);

		if (host->unusable)
			put(&item, "unusable", json_true());
		put(&item, "a", rrset_json(&host->a, false));
		put(&item, "aaaa", rrset_json(&host->aaaa, false));
		/* Usable or not matters at delivery, not to the verdict. */
		if (json_is_object(tlsa) && host->tlsa.answer == ANSWER_RECORDS)
			put(&tlsa, "usable", json_boolean(host->tlsa_usable));
		put(&item, "tlsa", tlsa);
		if (json_array_append_new(json, item) != 0) {
			json_decref(json);
			json = NULL;
		}
	}
	return json;
}

static json_t *
facts_json(const struct facts *facts)
{
	const struct fact_recipient *recipient = &facts->recipient;
	json_t *json = json_pack(
	    "{s:{s:s,s:o,s:o,s:o},s:s,s:b,s:o,s:o,s:o,s:o,s:o,s:b,s:b}",
	    "recipient", "class", address_class_name(recipient->class),
	    "domain", text_json(recipient->domain), "mailer",
	    text_json(recipient->mailer), "host", host_json(facts), "resolver",
	    facts->resolver_broken ? "broken" : "ok", "pinned", facts->pinned,
	    "txt", txt_json(facts), "stored",
	    facts->stored != NULL
		? policy_json(json_object(), facts->stored, true)
		: json_null(),
	    "fetch", fetch_json(&facts->fetch), "mx",
	    rrset_json(&facts->mx, true), "hosts", hosts_json(facts),
	    "hosts_truncated", facts->hosts_truncated, "internal_error",
	    facts->internal_error);

	if (facts->internal_why != NULL && facts->internal_why[0] != '\0')
		put(&json, "internal_why", text_json(facts->internal_why));
	put(&json, "deadline", json_boolean(facts->deadline));
	return json;
}

char *
facts_json_write(const struct facts *facts, const struct verdict *verdict,
    int64_t ms, enum tls_policy_kind kind, const char *answer)
{
	json_t *json = json_object();
	char decided_by[EVIDENCE_TEXT_SIZE];
	char *line;

	evidence_text(&verdict->decided_by, decided_by);
	if (facts != NULL)
		put(&json, "facts", facts_json(facts));
	put(&json, "verdict", json_string(verdict_name(verdict->kind)));
	put(&json, "reason", json_string(reason_name(verdict->reason)));
	put(&json, "decided_by", text_json(decided_by));
	put(&json, "policy",
	    json_string(verdict->pinned
		    ? "pinned"
		    : policy_from_name(verdict->policy_from)));
	if (ms >= 0)
		put(&json, "ms", json_integer(ms));
	/* "OK secure match=...", "NOTFOUND ", "TEMP ..." in its parts. */
	if (answer != NULL) {
		size_t len = strcspn(answer, " ");

		put(&json, "tls",
		    json_pack("{s:s,s:s%,s:s}", "level", tls_policy_name(kind),
			"status", answer, len, "answer",
			answer + len + (answer[len] != '\0')));
	}
	line = json_dumps(json, DUMP_FLAGS);
	json_decref(json);
	return line;
}

/* --- reading: strings are borrowed from the parsed tree until all is read;
 * facts_copy() then makes them one block --- */

/* Reads integers as reals: ages and lifetimes may exceed an integer. */
#define LOAD_FLAGS (JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL)

#define PATH_SIZE 64

/* An object, and where it stands, as errors name it. */
struct node {
	json_t *json; /* NULL: not there */
	char path[PATH_SIZE];
};

/* Keeps the first error; later ones are not reported. */
struct reader {
	int err;
	char *error;
	struct facts facts;
	struct fact_policy stored;
	struct fact_host hosts[FACTS_HOSTS_MAX];
	const char **stored_mx;
	const char **fetch_mx;
};

static void __attribute__((format(printf, 4, 5))) fail(struct reader *r,
    const struct node *node, const char *key, const char *fmt, ...)
{
	va_list args;
	int n;

	if (r->err != 0)
		return;
	r->err = ERR_SYNTAX;
	n = snprintf(r->error, FACTS_JSON_ERROR_SIZE, "%s.%s: ", node->path,
	    key);
	va_start(args, fmt);
	vsnprintf(r->error + n, FACTS_JSON_ERROR_SIZE - (size_t)n, fmt, args);
	va_end(args);
}

/* The value; NULL: not there, or null, which is the same. type: JSON_TRUE
 * accepts both booleans, JSON_REAL all numbers. */
static json_t *
get(struct reader *r, const struct node *node, const char *key, json_type type)
{
	static const char *const names[] = {
	    [JSON_OBJECT] = "an object",
	    [JSON_ARRAY] = "an array",
	    [JSON_STRING] = "a string",
	    [JSON_REAL] = "a number",
	    [JSON_TRUE] = "a boolean",
	};
	json_t *value = json_object_get(node->json, key);

	if (value == NULL || json_is_null(value))
		return NULL;
	if (json_typeof(value) != type &&
	    !(type == JSON_TRUE && json_is_false(value)) &&
	    !(type == JSON_REAL && json_is_integer(value)))
		fail(r, node, key, "not %s", names[type]);
	return value;
}

static const char *
get_text(struct reader *r, const struct node *node, const char *key)
{
	return json_string_value(get(r, node, key, JSON_STRING));
}

static bool
get_bool(struct reader *r, const struct node *node, const char *key)
{
	return json_is_true(get(r, node, key, JSON_TRUE));
}

/* Negative: 0 (S-06). Too large: max. Fractions are dropped. */
static uint64_t
get_number(struct reader *r, const struct node *node, const char *key,
    uint64_t max)
{
	double number = json_number_value(get(r, node, key, JSON_REAL));

	if (number <= 0)
		return 0;
	return number >= (double)max ? max : (uint64_t)number;
}

/* The number of a word; 0 if it is not there. */
static unsigned
get_word(struct reader *r, const struct node *node, const char *key,
    int (*find)(const char *name))
{
	const char *word = get_text(r, node, key);
	int number = word != NULL ? find(word) : 0;

	if (number >= 0)
		return (unsigned)number;
	fail(r, node, key, "unknown word \"%.32s\"", word);
	return 0;
}

static struct node
get_object(struct reader *r, const struct node *node, const char *key)
{
	struct node child = {.json = get(r, node, key, JSON_OBJECT)};

	snprintf(child.path, sizeof(child.path), "%.48s.%s", node->path, key);
	return child;
}

static void
read_recipient(struct reader *r, const struct node *facts)
{
	struct fact_recipient *recipient = &r->facts.recipient;
	struct node node = get_object(r, facts, "recipient");
	struct target hop;

	recipient->class = (enum address_class)get_word(r, &node, "class",
	    address_class_by_name);
	recipient->domain = get_text(r, &node, "domain");
	recipient->mailer = get_text(r, &node, "mailer");
	recipient->host = get_text(r, &node, "host");
	/* no_mx and the port are not written down apart: the host tells. */
	if (recipient->host == NULL ||
	    scope_next_hop(recipient->host, NULL, &hop) == ADDRESS_INVALID)
		return;
	r->facts.no_mx = hop.no_mx;
	r->facts.port = hop.port;
}

static void
read_txt(struct reader *r, const struct node *facts)
{
	struct node node = get_object(r, facts, "txt");

	r->facts.txt_state =
	    (enum txt_state)get_word(r, &node, "state", txt_state_by_name);
	r->facts.txt_status =
	    (enum fact_status)get_word(r, &node, "status", fact_status_by_name);
	r->facts.txt_id = get_text(r, &node, "id");
	r->facts.txt_late = get_bool(r, &node, "late");
	r->facts.txt_why = get_text(r, &node, "why");
}

/* The caller frees *array. */
static void
read_patterns(struct reader *r, const struct node *node, const char ***array,
    struct fact_policy *policy)
{
	json_t *list = get(r, node, "mx", JSON_ARRAY);
	size_t n = json_array_size(list);

	if (n == 0)
		return;
	*array = calloc(n, sizeof(**array));
	if (*array == NULL) {
		r->err = r->err != 0 ? r->err : ERR_NOMEM;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		(*array)[i] = json_string_value(json_array_get(list, i));
		if ((*array)[i] == NULL)
			fail(r, node, "mx", "[%zu] is not a string", i);
	}
	policy->n_mx = n;
	policy->mx = *array;
}

static void
read_policy(struct reader *r, const struct node *node, const char ***array,
    struct fact_policy *policy)
{
	const char *word = get_text(r, node, "mode");
	int mode = word != NULL ? policy_mode_by_name(word, strlen(word)) : 0;

	policy->id = get_text(r, node, "id");
	policy->max_age_s =
	    (uint32_t)get_number(r, node, "max_age", POLICY_MAX_AGE_LIMIT_S);
	if (mode >= 0)
		policy->mode = (enum policy_mode)mode;
	else
		fail(r, node, "mode", "unknown word \"%.32s\"", word);
	policy->dnssec = get_bool(r, node, "dnssec");
	read_patterns(r, node, array, policy);
}

static void
read_stored(struct reader *r, const struct node *facts)
{
	struct node node = get_object(r, facts, "stored");

	if (node.json == NULL)
		return;
	read_policy(r, &node, &r->stored_mx, &r->stored);
	r->stored.age_s = get_number(r, &node, "age", UINT64_MAX);
	r->facts.stored = &r->stored;
}

static void
read_fetch(struct reader *r, const struct node *facts)
{
	struct node node = get_object(r, facts, "fetch");
	struct fact_fetch *fetch = &r->facts.fetch;

	if (get(r, &node, "ok", JSON_TRUE) == NULL)
		return;
	if (!get_bool(r, &node, "ok")) {
		fetch->state = FETCH_FAILED;
		fetch->error = get_text(r, &node, "error");
		return;
	}
	fetch->state = FETCH_OK;
	read_policy(r, &node, &r->fetch_mx, &fetch->policy);
}

static struct fact_rrset
read_rrset(struct reader *r, const struct node *parent, const char *key)
{
	struct node node = get_object(r, parent, key);
	struct fact_rrset rrset;

	rrset.status =
	    (enum fact_status)get_word(r, &node, "status", fact_status_by_name);
	rrset.answer =
	    (enum fact_answer)get_word(r, &node, "answer", fact_answer_by_name);
	rrset.why = get_text(r, &node, "why");
	return rrset;
}

static void
read_host(struct reader *r, const struct node *node, struct fact_host *host)
{
	struct node tlsa = get_object(r, node, "tlsa");

	host->name = get_text(r, node, "name");
	host->preference =
	    (uint16_t)get_number(r, node, "preference", UINT16_MAX);
	host->unusable = get_bool(r, node, "unusable");
	host->a = read_rrset(r, node, "a");
	host->aaaa = read_rrset(r, node, "aaaa");
	host->tlsa = read_rrset(r, node, "tlsa");
	host->tlsa_usable = get_bool(r, &tlsa, "usable");
	/* "" is a null MX, which is skipped: do not make one by omission. */
	if (host->name == NULL)
		fail(r, node, "name", "missing");
}

static void
read_hosts(struct reader *r, const struct node *facts)
{
	json_t *list = get(r, facts, "hosts", JSON_ARRAY);
	size_t n = json_array_size(list);

	r->facts.hosts_truncated = get_bool(r, facts, "hosts_truncated");
	if (n > FACTS_HOSTS_MAX) { /* the rest is unknown (D-19) */
		n = FACTS_HOSTS_MAX;
		r->facts.hosts_truncated = true;
	}
	for (size_t i = 0; i < n; i++) {
		struct node node = {.json = json_array_get(list, i)};

		snprintf(node.path, sizeof(node.path), "%.32s.hosts[%zu]",
		    facts->path, i);
		if (!json_is_object(node.json))
			fail(r, facts, "hosts", "[%zu] is not an object", i);
		read_host(r, &node, &r->hosts[i]);
	}
	r->facts.n_hosts = n;
	r->facts.hosts = r->hosts;
}

static void
read_facts(struct reader *r, const struct node *facts)
{
	const char *resolver = get_text(r, facts, "resolver");

	read_recipient(r, facts);
	if (resolver != NULL && strcmp(resolver, "broken") == 0)
		r->facts.resolver_broken = true;
	else if (resolver != NULL && strcmp(resolver, "ok") != 0)
		fail(r, facts, "resolver", "unknown word \"%.32s\"", resolver);
	r->facts.pinned = get_bool(r, facts, "pinned");
	read_txt(r, facts);
	read_stored(r, facts);
	read_fetch(r, facts);
	r->facts.mx = read_rrset(r, facts, "mx");
	read_hosts(r, facts);
	r->facts.internal_error = get_bool(r, facts, "internal_error");
	r->facts.internal_why = get_text(r, facts, "internal_why");
	r->facts.deadline = get_bool(r, facts, "deadline");
}

/* Accepts the output of check, which holds the facts, and facts alone. */
static void
read_root(struct reader *r, json_t *root)
{
	struct node facts = {.json = root, .path = "facts"};
	json_t *inside = json_object_get(root, "facts");

	if (inside != NULL)
		facts.json = inside;
	if (json_is_object(facts.json)) {
		read_facts(r, &facts);
		return;
	}
	r->err = ERR_SYNTAX;
	snprintf(r->error, FACTS_JSON_ERROR_SIZE, "facts: not an object");
}

/* When jansson gets no memory, it mostly sets neither text nor code. */
static int
load_failure(const json_error_t *error, char text[FACTS_JSON_ERROR_SIZE])
{
	if (error->text[0] == '\0' ||
	    json_error_code(error) == json_error_out_of_memory) {
		snprintf(text, FACTS_JSON_ERROR_SIZE, "%s",
		    err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	snprintf(text, FACTS_JSON_ERROR_SIZE, "line %d, column %d: %s",
	    error->line, error->column, error->text);
	return ERR_SYNTAX;
}

int
facts_json_read(const char *text, size_t len, struct facts **facts,
    char error[FACTS_JSON_ERROR_SIZE])
{
	struct reader r = {.error = error};
	json_error_t load_error;
	json_t *root = json_loadb(text, len, LOAD_FLAGS, &load_error);

	*facts = NULL;
	error[0] = '\0';
	if (root == NULL)
		return load_failure(&load_error, error);
	read_root(&r, root);
	if (r.err == 0)
		*facts = facts_copy(&r.facts, NULL);
	if (r.err == ERR_NOMEM || (r.err == 0 && *facts == NULL)) {
		r.err = ERR_NOMEM;
		snprintf(error, FACTS_JSON_ERROR_SIZE, "%s",
		    err_text(ERR_NOMEM));
	}
	free(r.stored_mx);
	free(r.fetch_mx);
	json_decref(root);
	return r.err;
}
