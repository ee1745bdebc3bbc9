#include "autoconf.h"

#include "core/policy_field.h"

#include <string.h>

#include "core/ascii.h"

bool
policy_line_next(struct policy_lines *lines, struct policy_line *out)
{
	size_t left = (size_t)(lines->end - lines->at);
	const uint8_t *lf;

	if (left == 0)
		return false;
	lf = memchr(lines->at, '\n', left);
	*out = (struct policy_line){lines->at, left};
	lines->number++;
	if (lf == NULL) {
		lines->at = lines->end;
		return true;
	}
	out->len = (size_t)(lf - lines->at);
	if (out->len > 0 && lf[-1] == '\r')
		out->len--;
	lines->at = lf + 1;
	return true;
}

bool
policy_line_is_blank(const struct policy_line *line)
{
	for (size_t i = 0; i < line->len; i++)
		if (!ascii_is_wsp(line->at[i]))
			return false;
	return true;
}

/* RFC 3629 4: no overlong forms, no surrogates, nothing over U+10FFFF. */
static const struct {
	uint8_t first, last; /* of the lead octet */
	uint8_t low, high;   /* of the second one */
	uint8_t len;
} utf8_forms[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2},
    {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3},
    {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4},
    {0xf4, 0xf4, 0x80, 0x8f, 4},
};

/* Octets of the character above U+007F at `at`; 0: it is not UTF-8. */
static size_t
utf8_len(const uint8_t *at, size_t left)
{
	for (size_t i = 0; i < sizeof(utf8_forms) / sizeof(*utf8_forms); i++) {
		size_t len = utf8_forms[i].len;

		if (*at < utf8_forms[i].first || *at > utf8_forms[i].last)
			continue;
		if (left < len || at[1] < utf8_forms[i].low ||
		    at[1] > utf8_forms[i].high)
			return 0;
		for (size_t k = 2; k < len; k++)
			if ((at[k] & 0xc0) != 0x80)
				return 0;
		return len;
	}
	return 0;
}

/* sts-policy-ext-value; white space at its ends is off already (P-08). */
static const char *
check_value(const uint8_t *value, size_t len)
{
	size_t step;

	if (len == 0)
		return "the field has no value";
	for (size_t i = 0; i < len; i += step) {
		step = 1;
		if (value[i] == '\t')
			return "a tab inside the value";
		if (value[i] < 0x20 || value[i] == 0x7f)
			return "a control character in the value";
		if (value[i] > 0x7f)
			step = utf8_len(value + i, len - i);
		if (step == 0)
			return "the value is not UTF-8";
	}
	return NULL;
}

static bool
is_name_octet(uint8_t octet, bool first)
{
	return ascii_is_alnum(octet) ||
	    (!first && (octet == '_' || octet == '-' || octet == '.'));
}

/* Why a line has no field name, for the mistakes that are made. */
static const char *
explain_no_name(const struct policy_line *line)
{
	static const uint8_t bom[] = {0xef, 0xbb, 0xbf};

	if (line->len >= sizeof(bom) && memcmp(line->at, bom, sizeof(bom)) == 0)
		return "a byte order mark: save the file without it";
	if (ascii_is_wsp(line->at[0]))
		return "white space before the field name: remove it";
	if (line->at[0] == '#')
		return "policies have no comments: remove the line";
	return "a field name must begin with a letter or a digit";
}

static const char *
explain_no_colon(const struct policy_line *line, size_t at)
{
	size_t colon = at;

	while (colon < line->len && ascii_is_wsp(line->at[colon]))
		colon++;
	if (colon > at && colon < line->len && line->at[colon] == ':')
		return "white space before the \":\": remove it";
	return "a field name must be followed by \":\"";
}

/* P-01, P-11: a policy holds these nowhere, whatever the line. */
static const char *
check_line(const struct policy_line *line)
{
	if (memchr(line->at, '\0', line->len) != NULL)
		return "a NUL octet";
	if (memchr(line->at, '\r', line->len) != NULL)
		return "a carriage return without line feed: end lines in "
		       "CRLF or LF";
	return NULL;
}

const char *
policy_field_split(const struct policy_line *line, struct policy_field *out)
{
	const char *why = check_line(line);
	size_t end = line->len;
	size_t at = 0;

	if (why != NULL)
		return why;
	while (at < end && is_name_octet(line->at[at], at == 0))
		at++;
	if (at == 0)
		return explain_no_name(line);
	if (at > POLICY_FIELD_NAME_MAX)
		return "the field name is longer than 32 characters";
	if (at == end || line->at[at] != ':')
		return explain_no_colon(line, at);
	memcpy(out->name, line->at, at);
	out->name[at] = '\0';
	for (at++; at < end && ascii_is_wsp(line->at[at]); at++)
		;
	while (end > at && ascii_is_wsp(line->at[end - 1]))
		end--;
	out->value = line->at + at;
	out->len = end - at;
	return check_value(out->value, out->len);
}

bool
policy_value_is(const struct policy_field *field, const char *text)
{
	return field->len == strlen(text) &&
	    memcmp(field->value, text, field->len) == 0;
}
