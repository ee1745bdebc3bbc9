#include "autoconf.h"

#include "core/policy_field.h"

#include <string.h>

#include "base/ascii.h"
#include "base/text.h"

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

/* sts-policy-ext-value; white space at its ends is off already (P-08). */
static const char *
check_value(const uint8_t *value, size_t len)
{
	uint32_t code;
	size_t step;

	if (len == 0)
		return "the field has no value";
	for (size_t i = 0; i < len; i += step) {
		step = text_decode(value + i, len - i, &code);
		if (code == '\t')
			return "a tab inside the value";
		if (code < 0x20 || code == 0x7f)
			return "a control character in the value";
		if (code == TEXT_INVALID)
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

/* Why a line has no field name: names the mistake that most likely was made. */
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

/* P-01, P-11: octets that no line of a policy may hold. */
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
