/* Splits policy bodies into lines and fields, checks and matches mx patterns,
 * and finds the mistakes that publishers make. */
#include "autoconf.h"

#include "core/policy_field.h"

#include <string.h>

#include "base/ascii.h"
#include "base/name.h"
#include "base/text.h"
#include "core/policy.h"

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

/* sts-policy-ext-value, without the white space at its ends (P-08). */
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

/* Names the likely mistake in a line without field name. */
static const char *
explain_no_name(const struct policy_line *line)
{
	static const uint8_t bom[] = {0xef, 0xbb, 0xbf};

	if (line->len >= sizeof(bom) && memcmp(line->at, bom, sizeof(bom)) == 0)
		return "a byte order mark: save the file without it";
	if (line->len > 0 && ascii_is_wsp(line->at[0]))
		return "white space before the field name: remove it";
	if (line->len > 0 && line->at[0] == '#')
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

/* P-01, P-11: no line of a policy may hold these octets. */
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
	while (at < end &&
	    (ascii_is_alnum(line->at[at]) ||
		(at > 0 && memchr("_-.", line->at[at], 3) != NULL)))
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

/* --- mx patterns: their syntax (P-07, M-04), the hosts that they cover (RFC
 * 8461 4.1; M-01 to M-03) --- */

#define WILDCARD     "*."
#define WILDCARD_LEN 2

/* sub-domain of RFC 5321 4.1.2: letters, digits and inner hyphens. */
static bool
is_label(const uint8_t *label, size_t len)
{
	if (len == 0 || len > LABEL_LEN_MAX || label[0] == '-' ||
	    label[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!ascii_is_alnum(label[i]) && label[i] != '-')
			return false;
	return true;
}

static bool
is_domain(const uint8_t *name, size_t len)
{
	size_t start = 0;

	if (len > NAME_LEN_MAX)
		return false;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && name[i] != '.')
			continue;
		if (!is_label(name + start, i - start))
			return false;
		start = i + 1;
	}
	return true;
}

/* Names the likely mistake in an invalid pattern. */
static const char *
explain_mx(const uint8_t *value, size_t len)
{
	const uint8_t *colon = memchr(value, ':', len);
	size_t digits = 0;

	while (digits < len && ascii_is_digit(value[digits]))
		digits++;
	if (digits > 0 && digits < len && ascii_is_wsp(value[digits]))
		return "mx: no preference here; write the host name alone";
	if (value[len - 1] == ';' && memchr(value, ';', len - 1) == NULL &&
	    memchr(value, ' ', len) == NULL)
		return "mx: no \";\" at the end of a field; remove it";
	if (colon != NULL && (size_t)(colon - value) + 2 < len &&
	    colon[1] == '/' && colon[2] == '/')
		return "mx: no URL; write the host name alone";
	digits = 0;
	while (digits < len && ascii_is_digit(value[len - 1 - digits]))
		digits++;
	/* A single colon before digits: an IPv6 address has more colons. */
	if (colon != NULL && colon > value && digits > 0 &&
	    colon == value + len - 1 - digits && colon[-1] != ']')
		return "mx: no port; write the host name alone";
	for (size_t i = 0; i < len; i++) {
		if (value[i] > 127)
			return "mx: write the host name in its ASCII form "
			       "(xn--...)";
		if (value[i] == ',' || value[i] == ' ' || value[i] == ';')
			return "mx: one host a field; write a line for each";
		if (value[i] == '[' || value[i] == ':')
			return "mx: addresses are not allowed; write a host "
			       "name";
		if (value[i] == '*')
			return "mx: \"*\" may only be the whole left-most "
			       "label";
	}
	if (value[len - 1] == '.')
		return "mx: the name must not end in a dot";
	return "mx: not a host name";
}

const char *
policy_mx_check(const uint8_t *value, size_t len)
{
	const uint8_t *name = value;
	size_t name_len = len;

	if (len >= WILDCARD_LEN && memcmp(value, WILDCARD, WILDCARD_LEN) == 0) {
		name += WILDCARD_LEN;
		name_len -= WILDCARD_LEN;
	}
	if (is_domain(name, name_len))
		return NULL;
	return name_len == 0 ? "mx: no name after \"*.\""
			     : explain_mx(name, name_len);
}

static bool
pattern_covers(const char *pattern, const char *host, size_t len)
{
	if (strncmp(pattern, WILDCARD, WILDCARD_LEN) == 0) {
		/* M-03: exactly one label, and not an empty one. */
		const char *dot = memchr(host, '.', len);

		if (dot == NULL || dot == host)
			return false;
		pattern += WILDCARD_LEN;
		len -= (size_t)(dot + 1 - host);
		host = dot + 1;
	}
	return strlen(pattern) == len && ascii_same(pattern, host, len);
}

bool
policy_mx_match(const char *const *mx, size_t n_mx, const char *host)
{
	size_t len = strlen(host);

	if (len > 0 && host[len - 1] == '.')
		len--;
	if (len == 0)
		return false;
	for (size_t i = 0; i < n_mx; i++)
		if (pattern_covers(mx[i], host, len))
			return true;
	return false;
}

/* --- warnings --- */

/* Names shorter than this have neighbours that mean something else. */
#define TYPING_SLIP_LEN_MIN 4

/* Reduces a name to its letters and digits, in lower case. */
static size_t
fold(const char *name, char out[POLICY_FIELD_NAME_MAX + 1])
{
	size_t len = 0;

	for (; *name != '\0' && len < POLICY_FIELD_NAME_MAX; name++)
		if (ascii_is_alnum((uint8_t)*name))
			out[len++] = (char)ascii_lower((uint8_t)*name);
	out[len] = '\0';
	return len;
}

/* True if at most one character was inserted, left out or replaced. */
static bool
within_one_slip(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t shorter = a_len < b_len ? a_len : b_len;
	size_t longer = a_len < b_len ? b_len : a_len;
	size_t front = 0;
	size_t back = 0;

	while (front < shorter && a[front] == b[front])
		front++;
	while (back < shorter - front &&
	    a[a_len - 1 - back] == b[b_len - 1 - back])
		back++;
	return front + back + 1 >= longer;
}

const char *
policy_lint_resembles(const char *name, const char *const *known,
    size_t n_known)
{
	char a[POLICY_FIELD_NAME_MAX + 1];
	char b[POLICY_FIELD_NAME_MAX + 1];
	size_t a_len = fold(name, a);

	for (size_t i = 0; i < n_known; i++) {
		size_t b_len = fold(known[i], b);

		if (strcmp(a, b) == 0)
			return known[i];
		if (b_len >= TYPING_SLIP_LEN_MIN &&
		    within_one_slip(a, a_len, b, b_len))
			return known[i];
	}
	return NULL;
}

bool
policy_lint_is_joined(const struct policy_field *field,
    const char *const *known, size_t n_known)
{
	for (size_t at = 1; at < field->len; at++) {
		if (!ascii_is_wsp(field->value[at - 1]) &&
		    memchr(";,", field->value[at - 1], 2) == NULL)
			continue;
		for (size_t i = 0; i < n_known; i++) {
			size_t len = strlen(known[i]);

			if (field->len - at > len &&
			    memcmp(field->value + at, known[i], len) == 0 &&
			    field->value[at + len] == ':')
				return true;
		}
	}
	return false;
}
