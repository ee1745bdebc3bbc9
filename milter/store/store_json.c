/* Stored policies as JSON. */
#include "autoconf.h"

#include "store/store_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/err.h"
#include "base/text.h"
#include "core/policy.h"

/* --- writing ------------------------------------------------------------ */

/* JSON must be UTF-8; text from other hosts need not be. */
static json_t *
text_json(const char *text)
{
	char copy[RECORD_FAILURE_MAX + 1];
	json_t *json = json_string(text);

	if (json != NULL)
		return json;
	(void)snprintf(copy, sizeof(copy), "%s", text);
	for (char *at = copy; *at != '\0'; at++) {
		if ((unsigned char)*at > 0x7f)
			*at = '?';
	}
	return json_string(copy);
}

static json_t *
body_json(const struct store_entry *entry)
{
	char *text = malloc(BASE64_LEN(entry->len) + 1);
	json_t *json;

	if (text == NULL)
		return NULL;
	base64_encode(entry->body, entry->len, text);
	json = json_string(text);
	free(text);
	return json;
}

char *
store_json_write(const struct store_entry *entry)
{
	json_t *json = json_pack("{s:s, s:s, s:I, s:I, s:o, s:I, s:o}",
	    "domain", entry->domain, "id", entry->id, "fetched",
	    (json_int_t)entry->fetched_s, "tried", (json_int_t)entry->tried_s,
	    "failure", text_json(entry->failure), "used",
	    (json_int_t)entry->used_s, "body", body_json(entry));
	char *text = NULL;

	if (json != NULL)
		text = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(json);
	return text;
}

/* --- reading ------------------------------------------------------------ */

struct reading {
	const json_t *json;
	uint8_t *body;
	char *error;
};

static int
wrong(const struct reading *r, const char *field, const char *what)
{
	(void)snprintf(r->error, STORE_JSON_ERROR_SIZE, "\"%s\": %s", field,
	    what);
	return ERR_SYNTAX;
}

/* *text stays as it is when the field is missing. */
static int
read_text(const struct reading *r, const char *field, const char **text)
{
	const json_t *value = json_object_get(r->json, field);

	if (value == NULL)
		return 0;
	if (!json_is_string(value) ||
	    strlen(json_string_value(value)) != json_string_length(value))
		return wrong(r, field, "must be text");
	*text = json_string_value(value);
	return 0;
}

static int
read_time(const struct reading *r, const char *field, int64_t *time_s)
{
	const json_t *value = json_object_get(r->json, field);

	if (value == NULL)
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return wrong(r, field, "must be a time in seconds");
	*time_s = json_integer_value(value);
	return 0;
}

static int
read_body(struct reading *r, struct store_entry *entry)
{
	const json_t *value = json_object_get(r->json, "body");
	struct policy *policy = NULL;
	size_t len;

	if (!json_is_string(value))
		return wrong(r, "body", "must be there, in base 64");
	len = json_string_length(value);
	r->body = malloc(BASE64_OCTETS(len) + 1);
	if (r->body == NULL)
		return ERR_NOMEM;
	entry->body = r->body;
	if (base64_decode(json_string_value(value), len, r->body, &entry->len) <
	    0)
		return wrong(r, "body", "is not base 64");
	if (policy_parse(entry->body, entry->len, NULL, NULL, &policy) < 0)
		return wrong(r, "body", "is not a policy");
	policy_free(&policy);
	return 0;
}

/* A newer program writes a version when an older one would misread the line. */
static int
check_version(const struct reading *r)
{
	const json_t *value = json_object_get(r->json, "version");

	if (value == NULL || json_integer_value(value) == STORE_JSON_VERSION)
		return 0;
	return wrong(r, "version",
	    "not one that this program knows: a newer one wrote the line; "
	    "update this one");
}

/* The order is that in which a person would want to know. */
static int
read_entry(struct reading *r, int64_t now_s, struct store_entry *entry)
{
	int err = check_version(r);
	size_t id_len = 0;

	if (err == 0)
		err = read_text(r, "domain", &entry->domain);
	if (err == 0)
		err = read_text(r, "id", &entry->id);
	if (err == 0)
		err = read_text(r, "failure", &entry->failure);
	if (err == 0)
		err = read_time(r, "fetched", &entry->fetched_s);
	if (err == 0)
		err = read_time(r, "tried", &entry->tried_s);
	if (err == 0)
		err = read_time(r, "used", &entry->used_s);
	if (err == 0 && entry->domain == NULL)
		err = wrong(r, "domain", "is missing");
	if (err == 0 && entry->id == NULL)
		err = wrong(r, "id", "is missing");
	/* T-06: any other is no TXT record's. T-12: "" is that of a policy that
	 * was fetched while no TXT record named it. */
	while (err == 0 && ascii_is_alnum((uint8_t)entry->id[id_len]))
		id_len++;
	if (err == 0 && (id_len > TXT_ID_LEN_MAX || entry->id[id_len] != '\0'))
		err = wrong(r, "id", "must be at most 32 letters and digits");
	if (err == 0 && entry->fetched_s < 0)
		err = wrong(r, "fetched", "is missing");
	if (err == 0 && entry->fetched_s > now_s + STORE_JSON_AHEAD_S)
		err = wrong(r, "fetched", "lies in the future");
	return err == 0 ? read_body(r, entry) : err;
}

int
store_json_read(const char *text, size_t len, int64_t now_s,
    struct record **out, char error[STORE_JSON_ERROR_SIZE])
{
	json_error_t why;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	struct reading r = {.json = json, .error = error};
	struct store_entry entry = {.fetched_s = -1, .failure = ""};
	int err;

	*out = NULL;
	if (!json_is_object(json)) {
		(void)snprintf(error, STORE_JSON_ERROR_SIZE, "%s",
		    json == NULL ? why.text : "not an object");
		json_decref(json);
		return ERR_SYNTAX;
	}
	err = read_entry(&r, now_s, &entry);
	if (err == 0) {
		err = record_new(&entry, out);
		if (err == ERR_SYNTAX)
			err = wrong(&r, "domain",
			    "is not a domain in its canonical form");
	}
	if (err == ERR_NOMEM || err == ERR_TOOLONG)
		(void)snprintf(error, STORE_JSON_ERROR_SIZE, "%s",
		    err_text(err));
	free(r.body);
	json_decref(json);
	return err == ERR_TOOLONG ? ERR_SYNTAX : err;
}
