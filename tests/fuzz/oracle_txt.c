#include "autoconf.h"

#include "oracle_txt.h"

#include <stdbool.h>
#include <string.h>

#include "abnf.h"
#include "fuzz.h"

/* RFC 8461 3.1 */
static const char grammar[] =
    "WSP = %x20 / %x09\n"
    "ALNUM = %x41-5A / %x61-7A / %x30-39\n"
    "delim = *WSP %s\";\" *WSP\n"
    "id = %s\"id=\" 1*32ALNUM\n"
    "name = ALNUM *31(ALNUM / %s\"_\" / %s\"-\" / %s\".\")\n"
    "value = 1*(%x21-3A / %x3C / %x3E-7E)\n"
    "extension = name %s\"=\" value\n"
    "record = %s\"v=STSv1\" 1*(delim (id / extension)) [delim]\n";

struct octets {
	const uint8_t *at;
	size_t len;
};

/* T-03: its character-strings without their lengths, into `out` of the same
 * size; false: the lengths are wrong. */
static bool
join(const struct txt_rdata *record, uint8_t *out, size_t *out_len)
{
	size_t at = 0;

	*out_len = 0;
	while (at < record->len) {
		size_t len = record->data[at++];

		if (len > record->len - at)
			return false;
		memcpy(out + *out_len, record->data + at, len);
		*out_len += len;
		at += len;
	}
	return record->len > 0;
}

static bool
begins_with(struct octets octets, const char *text)
{
	return octets.len >= strlen(text) &&
	    memcmp(octets.at, text, strlen(text)) == 0;
}

/* Neither a name nor a value can hold a ";". */
static struct octets
next_field(struct octets *rest)
{
	struct octets field = *rest;

	for (field.len = 0; field.len < rest->len; field.len++)
		if (field.at[field.len] == ';')
			break;
	rest->at += field.len;
	rest->len -= field.len;
	if (rest->len > 0) {
		rest->at++;
		rest->len--;
	}
	while (field.len > 0 && (*field.at == ' ' || *field.at == '\t')) {
		field.at++;
		field.len--;
	}
	while (field.len > 0 &&
	    (field.at[field.len - 1] == ' ' || field.at[field.len - 1] == '\t'))
		field.len--;
	return field;
}

/* T-08: the first field of that name, and it has to be an sts-id. */
static enum txt_state
find_id(const struct abnf *g, struct octets record, char id[TXT_ID_SIZE])
{
	while (record.len > 0) {
		struct octets field = next_field(&record);

		if (!begins_with(field, "id="))
			continue;
		if (!abnf_matches(g, "id", field.at, field.len))
			return TXT_INVALID;
		memcpy(id, field.at + 3, field.len - 3);
		id[field.len - 3] = '\0';
		return TXT_VALID;
	}
	return TXT_INVALID;
}

static void
judge(const struct abnf *g, const struct txt_rdata *record,
    struct oracle_txt *out)
{
	uint8_t *text = malloc(record->len + 1);
	struct octets octets = {text, 0};

	MUST(text != NULL);
	out->state = TXT_INVALID;
	if (join(record, text, &octets.len) &&
	    abnf_matches(g, "record", octets.at, octets.len))
		out->state = find_id(g, octets, out->id);
	free(text);
}

static bool
has_prefix(const struct txt_rdata *record)
{
	uint8_t *text = malloc(record->len + 1);
	struct octets octets = {text, 0};
	bool has;

	MUST(text != NULL);
	has =
	    join(record, text, &octets.len) && begins_with(octets, "v=STSv1;");
	free(text);
	return has;
}

void
oracle_txt(const struct txt_rdata *records, size_t n, struct oracle_txt *out)
{
	static struct abnf *abnf;
	const struct abnf *g = abnf_get(&abnf, grammar);
	const struct txt_rdata *only = NULL;
	size_t left = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < n; i++) {
		/* K2: discarded is only when there are several */
		if (n > 1 && !has_prefix(&records[i]))
			continue;
		only = &records[i];
		left++;
	}
	if (left == 0)
		out->state = TXT_NONE;
	else if (left > 1)
		out->state = TXT_MULTIPLE; /* T-05: whatever they hold */
	else
		judge(g, only, out);
}

void
oracle_txt_compare(const struct txt_rdata *records, size_t n)
{
	struct oracle_txt expected;
	struct txt_result result;

	oracle_txt(records, n, &expected);
	memset(&result, 0xa5, sizeof(result));
	txt_parse(records, n, &result);
	MUST(result.state == expected.state);
	MUST(strcmp(result.id, expected.id) == 0);
	MUST((result.why[0] == '\0') == (result.state == TXT_VALID));
	MUST(result.state != TXT_INVALID || result.record < n);
}
