/*
 * sts-text-record = "v=STSv1" 1*(delim field) [delim]
 * delim           = *WSP ";" *WSP
 * field           = "id=" 1*32(ALPHA / DIGIT) / name "=" value
 */
#include "autoconf.h"

#include "core/txt.h"

#include <stdbool.h>
#include <string.h>

#include "base/ascii.h"
#include "core/names.h"

#define TXT_VERSION   "v=STSv1"
#define WORD_TOO_LONG SIZE_MAX

#define OCTET_END (-1)

/* A cursor over the octets of all character-strings of a record (T-03). */
struct reader {
	const uint8_t *at;
	const uint8_t *end;
	size_t left; /* of the current character-string */
};

static int
reader_peek(struct reader *r)
{
	while (r->left == 0 && r->at < r->end)
		r->left = *r->at++;
	return r->at < r->end ? *r->at : OCTET_END;
}

static bool
reader_take(struct reader *r, int octet)
{
	if (reader_peek(r) != octet)
		return false;
	r->at++;
	r->left--;
	return true;
}

/* Opens a record and takes the text that it begins with. False: it begins
 * otherwise; or with r->end NULL, its length octets do not fit its size. */
static bool
reader_begin(struct reader *r, const struct txt_rdata *record, const char *text)
{
	size_t at = 0;

	*r = (struct reader){record->data, record->data + record->len, 0};
	while (at < record->len)
		at += 1 + (size_t)record->data[at];
	if (record->len == 0 || at != record->len) {
		r->end = NULL;
		return false;
	}
	while (*text != '\0' && reader_take(r, (unsigned char)*text))
		text++;
	return *text == '\0';
}

static bool
is_value_octet(int octet)
{
	return octet >= 0x21 && octet <= 0x7e && octet != ';' && octet != '=';
}

/* Takes letters and digits, after the first also octets of `more`. Returns
 * their number, or WORD_TOO_LONG. */
static size_t
take_word(struct reader *r, const char *more, char out[TXT_ID_SIZE])
{
	size_t len = 0;
	int octet;

	while ((octet = reader_peek(r)) != OCTET_END &&
	    (ascii_is_alnum((uint8_t)octet) ||
		(len > 0 && octet != '\0' && strchr(more, octet) != NULL))) {
		if (len == TXT_ID_LEN_MAX)
			return WORD_TOO_LONG;
		out[len++] = (char)octet;
		(void)reader_take(r, octet);
	}
	out[len] = '\0';
	return len;
}

/* T-08: only the first id counts; a later one is a field like any other. */
static const char *
take_field(struct reader *r, char id[TXT_ID_SIZE])
{
	char name[TXT_ID_SIZE];
	size_t len = take_word(r, "_-.", name);

	if (len == WORD_TOO_LONG)
		return "a field name is longer than 32 characters";
	if (len == 0)
		return "a field must begin with a letter or a digit";
	if (!reader_take(r, '='))
		return "a field name must be followed by \"=\"";
	if (id[0] == '\0' && strcmp(name, "id") == 0) {
		len = take_word(r, "", id);
		if (len == WORD_TOO_LONG)
			return "the id is longer than 32 characters";
		if (len == 0)
			return "the id must be 1 to 32 letters and digits";
		return is_value_octet(reader_peek(r))
		    ? "the id may hold letters and digits only"
		    : NULL;
	}
	if (!is_value_octet(reader_peek(r)))
		return "a field has no value";
	while (is_value_octet(reader_peek(r)))
		(void)reader_take(r, reader_peek(r));
	return NULL;
}

static const char *
take_delimiter(struct reader *r)
{
	bool blank = false;

	while (reader_take(r, ' ') || reader_take(r, '\t'))
		blank = true;
	if (reader_take(r, ';')) {
		while (reader_take(r, ' ') || reader_take(r, '\t'))
			continue;
		return NULL;
	}
	if (blank && reader_peek(r) == OCTET_END)
		return "the record ends in white space without a \";\"";
	return "fields must be separated by \";\"";
}

/* Checks the syntax of one record (T-06). Returns NULL, or a text that says
 * what is wrong. */
static const char *
parse_record(const struct txt_rdata *record, char id[TXT_ID_SIZE])
{
	struct reader r;
	const char *why = NULL;

	id[0] = '\0';
	if (!reader_begin(&r, record, TXT_VERSION))
		return r.end == NULL
		    ? "damaged record data"
		    : "the record does not begin with \"v=STSv1;\"";
	while (why == NULL && reader_peek(&r) != OCTET_END) {
		why = take_delimiter(&r);
		if (why == NULL && reader_peek(&r) != OCTET_END)
			why = take_field(&r, id);
	}
	if (why == NULL && id[0] == '\0')
		why = "the record has no id";
	return why;
}

/*
 * T-05: counts the records that begin with the version, before their syntax is
 * looked at. *chosen is the only such record, or the second one.
 */
static enum txt_state
choose_record(const struct txt_rdata *records, size_t n, size_t *chosen)
{
	struct reader r;
	size_t found = 0;

	*chosen = 0;
	/* K2: a single record is parsed whatever it begins with. */
	if (n == 1)
		return TXT_VALID;
	for (size_t i = 0; i < n; i++) {
		/* T-04: of several records only those of STSv1 count. */
		if (!reader_begin(&r, &records[i], TXT_VERSION ";"))
			continue;
		*chosen = i;
		if (++found > 1)
			return TXT_MULTIPLE;
	}
	return found == 1 ? TXT_VALID : TXT_NONE;
}

void
txt_parse(const struct txt_rdata *records, size_t n, struct txt_result *out)
{
	out->id[0] = '\0';
	out->why = "";
	out->state = choose_record(records, n, &out->record);
	if (out->state == TXT_NONE) {
		out->why =
		    n == 0 ? "no record" : "no record begins with \"v=STSv1;\"";
	} else if (out->state == TXT_MULTIPLE) {
		out->why = "more than one record begins with \"v=STSv1;\"";
	} else {
		const char *why = parse_record(&records[out->record], out->id);

		if (why != NULL) {
			out->state = TXT_INVALID;
			out->why = why;
			out->id[0] = '\0';
		}
	}
}

NAMES_BOTH_WAYS(txt_state, enum txt_state, TXT_STATE_TABLE)
