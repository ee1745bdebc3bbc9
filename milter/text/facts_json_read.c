/*
 * Facts from JSON. Strings are borrowed from the parsed tree until all is
 * read; facts_copy() then makes them one block.
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

/* Integers that are too large for anything are still ages and lifetimes. */
#define LOAD_FLAGS (JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL)

#define PATH_SIZE 64

/* An object, and where it stands, as errors name it. */
struct node {
	json_t *json; /* NULL: not there */
	char path[PATH_SIZE];
};

/* Keeps the first error; later reads fail without another text. */
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

static void
fail_memory(struct reader *r)
{
	if (r->err != 0)
		return;
	r->err = ERR_NOMEM;
	snprintf(r->error, FACTS_JSON_ERROR_SIZE, "%s", err_text(ERR_NOMEM));
}

/* NULL: not there, or null, which is the same. */
static json_t *
get(const struct node *node, const char *key)
{
	json_t *value = json_object_get(node->json, key);

	return json_is_null(value) ? NULL : value;
}

static const char *
get_text(struct reader *r, const struct node *node, const char *key)
{
	json_t *value = get(node, key);

	if (value != NULL && !json_is_string(value))
		fail(r, node, key, "not a string");
	return json_string_value(value);
}

static bool
get_bool(struct reader *r, const struct node *node, const char *key)
{
	json_t *value = get(node, key);

	if (value != NULL && !json_is_boolean(value))
		fail(r, node, key, "not a boolean");
	return json_is_true(value);
}

/* Negative: 0 (S-06). Too large: max. Fractions are dropped. */
static uint64_t
get_number(struct reader *r, const struct node *node, const char *key,
    uint64_t max)
{
	json_t *value = get(node, key);
	double number = json_number_value(value);

	if (value != NULL && !json_is_number(value))
		fail(r, node, key, "not a number");
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
	struct node child = {.json = get(node, key)};

	snprintf(child.path, sizeof(child.path), "%.48s.%s", node->path, key);
	if (child.json != NULL && !json_is_object(child.json))
		fail(r, node, key, "not an object");
	return child;
}

static json_t *
get_array(struct reader *r, const struct node *node, const char *key)
{
	json_t *value = get(node, key);

	if (value != NULL && !json_is_array(value))
		fail(r, node, key, "not an array");
	return value;
}

static int
find_mode(const char *name)
{
	return policy_mode_by_name(name, strlen(name));
}

static int
find_resolver(const char *name)
{
	if (strcmp(name, "broken") == 0)
		return 1;
	return strcmp(name, "ok") == 0 ? 0 : -1;
}

/* no_mx and the port are not written down apart: the host tells them. */
static void
read_next_hop(struct facts *facts)
{
	struct target hop;

	if (facts->recipient.host == NULL ||
	    scope_next_hop(facts->recipient.host, NULL, &hop) ==
		ADDRESS_INVALID)
		return;
	facts->no_mx = hop.no_mx;
	facts->port = hop.port;
}

static void
read_recipient(struct reader *r, const struct node *facts)
{
	struct fact_recipient *recipient = &r->facts.recipient;
	struct node node = get_object(r, facts, "recipient");

	recipient->class = (enum address_class)get_word(r, &node, "class",
	    address_class_by_name);
	recipient->domain = get_text(r, &node, "domain");
	recipient->mailer = get_text(r, &node, "mailer");
	recipient->host = get_text(r, &node, "host");
	read_next_hop(&r->facts);
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

/* *array is to be freed. */
static void
read_patterns(struct reader *r, const struct node *node, const char ***array,
    struct fact_policy *policy)
{
	json_t *list = get_array(r, node, "mx");
	size_t n = json_array_size(list);

	if (n == 0)
		return;
	*array = calloc(n, sizeof(**array));
	if (*array == NULL) {
		fail_memory(r);
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
	policy->id = get_text(r, node, "id");
	policy->max_age_s =
	    (uint32_t)get_number(r, node, "max_age", POLICY_MAX_AGE_LIMIT_S);
	policy->mode = (enum policy_mode)get_word(r, node, "mode", find_mode);
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

	if (get(&node, "ok") == NULL)
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
	json_t *list = get_array(r, facts, "hosts");
	size_t n = json_array_size(list);

	r->facts.hosts_truncated = get_bool(r, facts, "hosts_truncated");
	if (n > FACTS_HOSTS_MAX) { /* D-19 */
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
	read_recipient(r, facts);
	r->facts.resolver_broken =
	    get_word(r, facts, "resolver", find_resolver) != 0;
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

/* Of memory that it did not get jansson mostly says nothing: no text, no code.
 */
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
	if (r.err == 0) {
		*facts = facts_copy(&r.facts, NULL);
		if (*facts == NULL)
			fail_memory(&r);
	}
	free(r.stored_mx);
	free(r.fetch_mx);
	json_decref(root);
	return r.err;
}
