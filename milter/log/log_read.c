/* Lines of the log, read back. See log_read.h. */
#include "autoconf.h"

#include "log/log_read.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "log/log.h"

#define IDENT "dane-sts-milter"

/* The rest of a line. */
struct rest {
	const char *at;
	const char *end;
};

/* True if it looks like a key of this log. */
static bool
is_word(const char *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!(at[i] >= 'a' && at[i] <= 'z') &&
		    !(at[i] >= '0' && at[i] <= '9') && at[i] != '_' &&
		    at[i] != '-')
			return false;
	return len > 0;
}

/* --- the record --- */

static bool
add_octet(struct log_record *record, struct log_span *span, char octet)
{
	/* Always room for the NUL. */
	if (record->len + 1 >= sizeof(record->text))
		return false;
	record->text[record->len++] = octet;
	record->text[record->len] = '\0';
	span->len++;
	return true;
}

static struct log_span
add_span(struct log_record *record, const char *octets, size_t len)
{
	struct log_span span = {.len = 0};

	/* Behind the NUL of the one before. */
	if (record->len + 1 < sizeof(record->text))
		record->len++;
	record->text[record->len] = '\0';
	span.at = (uint16_t)record->len;
	for (size_t i = 0; i < len && add_octet(record, &span, octets[i]); i++)
		;
	return span;
}

static void
add_field(struct log_record *record, const char *key, size_t len,
    struct log_span value)
{
	struct log_span name = add_span(record, key, len);

	if (record->n == LOG_FIELDS_MAX)
		return;
	record->field[record->n].key = name;
	record->field[record->n].value = value;
	record->n++;
}

/* --- the prefix --- */

/* The next word between blanks; false: none is left. */
static bool
next_word(struct rest *rest, const char **word, size_t *len)
{
	while (rest->at < rest->end && *rest->at == ' ')
		rest->at++;
	*word = rest->at;
	while (rest->at < rest->end && *rest->at != ' ')
		rest->at++;
	*len = (size_t)(rest->at - *word);
	return *len > 0;
}

static bool
is_level(const char *word, size_t len)
{
	static const char *const names[] = {
#define X(member, name) name,
	    LOG_LEVEL_TABLE(X)
#undef X
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == len && memcmp(word, names[i], len) == 0)
			return true;
	return false;
}

/* "2026-11-25T12:00:00.123Z", or the "Nov 25 12:00:00" of old syslogs. */
static size_t
time_len(const char *at, size_t len)
{
	const char *blank = memchr(at, ' ', len);
	size_t first = blank != NULL ? (size_t)(blank - at) : len;

	if (first > 10 && at[4] == '-' && at[7] == '-' && at[10] == 'T')
		return first;
	return len >= 15 && at[3] == ' ' && at[6] == ' ' && at[9] == ':' &&
		at[12] == ':'
	    ? 15
	    : 0;
}

/*
 * Reads the prefix before the event: nothing, a time, a level, or the prefix of
 * a syslog daemon. In the latter, the first word that ends in a colon is the
 * program's name, and the event begins behind it.
 */
static int
read_prefix(const char *at, size_t len, struct log_record *record)
{
	const size_t ident_len = strlen(IDENT);
	size_t time = time_len(at, len);
	struct rest rest = {at + time, at + len};
	const char *word;
	size_t word_len;
	bool open = false; /* in the syslog daemon's prefix, before the name */
	bool named = false;

	record->time = add_span(record, at, time);
	while (next_word(&rest, &word, &word_len)) {
		if (!open && is_level(word, word_len) &&
		    record->level.len == 0) {
			record->level = add_span(record, word, word_len);
			continue;
		}
		if (named || record->level.len > 0)
			return ERR_SYNTAX;
		/* "dane-sts-milter[4711]:" */
		named = word_len > ident_len &&
		    memcmp(word, IDENT, ident_len) == 0 &&
		    (word[ident_len] == '[' || word[ident_len] == ':') &&
		    word[word_len - 1] == ':';
		if (!named && word[word_len - 1] == ':')
			return ERR_SYNTAX;
		open = !named;
	}
	return open ? ERR_SYNTAX : 0;
}

/* --- text --- */

/* The length of the key at the beginning of a word, 0: there is none. */
static size_t
key_len(const char *word, size_t len)
{
	const char *equals = memchr(word, '=', len);
	size_t n = equals != NULL ? (size_t)(equals - word) : 0;

	return is_word(word, n) ? n : 0;
}

/* Behind a backslash: a quote, a backslash or xNN. */
static int
read_escape(struct rest *rest, char *octet)
{
	unsigned code = 0;

	if (rest->at == rest->end)
		return ERR_SYNTAX;
	*octet = *rest->at++;
	if (*octet == '"' || *octet == '\\')
		return 0;
	if (*octet != 'x' || rest->end - rest->at < 2)
		return ERR_SYNTAX;
	for (size_t i = 0; i < 2; i++) {
		const char c = *rest->at++;

		if (c >= '0' && c <= '9')
			code = code << 4 | (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			code = code << 4 | (unsigned)(c - 'a' + 10);
		else
			return ERR_SYNTAX;
	}
	*octet = (char)(uint8_t)code;
	return 0;
}

static int
read_quoted(struct rest *rest, struct log_record *record, struct log_span *out)
{
	*out = add_span(record, NULL, 0);
	while (rest->at < rest->end) {
		char octet = *rest->at++;

		if (octet == '"')
			return rest->at == rest->end || *rest->at == ' '
			    ? 0
			    : ERR_SYNTAX;
		if (octet == '\\' && read_escape(rest, &octet) < 0)
			return ERR_SYNTAX;
		(void)add_octet(record, out, octet);
	}
	return ERR_SYNTAX;
}

static int
read_value(struct rest *rest, struct log_record *record, struct log_span *out)
{
	const char *word;
	size_t len;

	if (rest->at < rest->end && *rest->at == '"') {
		rest->at++;
		return read_quoted(rest, record, out);
	}
	if (rest->at == rest->end || *rest->at == ' ')
		return ERR_SYNTAX;
	(void)next_word(rest, &word, &len);
	*out = add_span(record, word, len);
	return 0;
}

static int
read_fields(struct rest *rest, struct log_record *record)
{
	const char *word;
	size_t len;

	while (next_word(rest, &word, &len)) {
		struct log_span value;
		size_t n = key_len(word, len);

		if (n == 0)
			return ERR_SYNTAX;
		rest->at = word + n + 1;
		if (read_value(rest, record, &value) < 0)
			return ERR_SYNTAX;
		add_field(record, word, n, value);
	}
	return 0;
}

/* The event is the word before the first key. */
static int
read_text(const char *line, size_t len, struct log_record *record)
{
	struct rest rest = {line, line + len};
	const char *word, *event = NULL;
	size_t word_len, event_len = 0;

	while (next_word(&rest, &word, &word_len) &&
	    key_len(word, word_len) == 0) {
		event = word;
		event_len = word_len;
	}
	if (event == NULL || word_len == 0 || !is_word(event, event_len))
		return ERR_SYNTAX;
	if (read_prefix(line, (size_t)(event - line), record) < 0)
		return ERR_SYNTAX;
	record->event = add_span(record, event, event_len);
	rest.at = word;
	return read_fields(&rest, record);
}

/* --- JSON --- */

/* False: the log writes no value of this type. */
static bool
read_json_value(const json_t *value, struct log_record *record,
    struct log_span *out)
{
	char number[24];

	switch (json_typeof(value)) {
	case JSON_STRING:
		*out = add_span(record, json_string_value(value),
		    json_string_length(value));
		return true;
	case JSON_INTEGER:
		(void)snprintf(number, sizeof(number), "%" PRId64,
		    (int64_t)json_integer_value(value));
		*out = add_span(record, number, strlen(number));
		return true;
	case JSON_TRUE:
		*out = add_span(record, "yes", 3);
		return true;
	case JSON_FALSE:
		*out = add_span(record, "no", 2);
		return true;
	case JSON_OBJECT:
	case JSON_ARRAY:
	case JSON_REAL:
	case JSON_NULL:
		break;
	}
	return false;
}

static int
take_object(json_t *object, struct log_record *record)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		struct log_span read;

		if (!is_word(key, strlen(key)))
			return ERR_SYNTAX;
		if (!read_json_value(value, record, &read))
			continue; /* a newer daemon's */
		if (strcmp(key, "time") == 0) {
			record->time = read;
		} else if (strcmp(key, "level") == 0) {
			record->level = read;
		} else if (strcmp(key, "event") == 0) {
			record->event = read;
		} else {
			add_field(record, key, strlen(key), read);
		}
	}
	return is_word(record->text + record->event.at, record->event.len)
	    ? 0
	    : ERR_SYNTAX;
}

static int
read_json(const char *line, const char *brace, size_t len,
    struct log_record *record)
{
	json_error_t error;
	json_t *object;
	int err = ERR_SYNTAX;

	if (read_prefix(line, (size_t)(brace - line), record) < 0)
		return ERR_SYNTAX;
	object = json_loadb(brace, len - (size_t)(brace - line),
	    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (json_is_object(object))
		err = take_object(object, record);
	json_decref(object);
	return err;
}

/* --- the whole --- */

int
log_read(const void *line, size_t len, struct log_record *out)
{
	const char *brace;

	memset(out, 0, offsetof(struct log_record, text));
	out->text[0] = '\0';
	if (len > LOG_READ_MAX)
		return ERR_TOOLONG;
	/* A value of a text line can hold a brace; then the line does not end
	 * in an object. */
	brace = memchr(line, '{', len);
	if (brace != NULL && ((const char *)line)[len - 1] == '}' &&
	    read_json(line, brace, len, out) == 0)
		return 0;
	memset(out, 0, offsetof(struct log_record, text));
	out->text[0] = '\0';
	return read_text(line, len, out);
}

const char *
log_record_span(const struct log_record *record, struct log_span span)
{
	return record->text + span.at;
}

const char *
log_record_get(const struct log_record *record, const char *key, size_t *len)
{
	for (size_t i = 0; i < record->n; i++) {
		if (strcmp(record->text + record->field[i].key.at, key) != 0)
			continue;
		*len = record->field[i].value.len;
		return record->text + record->field[i].value.at;
	}
	return NULL;
}

const char *
log_record_text(const struct log_record *record, const char *key)
{
	size_t len;
	const char *text = log_record_get(record, key, &len);

	return text != NULL ? text : "";
}
