/*
 * mx patterns: what may be written (P-07, M-04) and what it covers (RFC 8461
 * 4.1; M-01 to M-03).
 */
#include "autoconf.h"

#include "core/policy.h"

#include <string.h>

#include "base/ascii.h"
#include "base/name.h"
#include "core/policy_field.h"

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

/* Names the mistake that most likely was made. */
static const char *
explain(const uint8_t *value, size_t len)
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
	/* The only colon, with digits behind it: an IPv6 address has more. */
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
			     : explain(name, name_len);
}

const char *
policy_mx_doubt(const uint8_t *value, size_t len)
{
	for (; len > 0 && value[len - 1] != '.'; len--)
		if (!ascii_is_digit(value[len - 1]))
			return NULL;
	return "mx: an IPv4 address matches no host; write a host name";
}

static bool
equal_nocase(const char *pattern, const char *host, size_t host_len)
{
	if (strlen(pattern) != host_len)
		return false;
	for (size_t i = 0; i < host_len; i++)
		if (ascii_lower((uint8_t)pattern[i]) !=
		    ascii_lower((uint8_t)host[i]))
			return false;
	return true;
}

static bool
pattern_covers(const char *pattern, const char *host, size_t host_len)
{
	const char *dot;

	if (strncmp(pattern, WILDCARD, WILDCARD_LEN) != 0)
		return equal_nocase(pattern, host, host_len);
	/* M-03: exactly one label, and not an empty one. */
	dot = memchr(host, '.', host_len);
	if (dot == NULL || dot == host)
		return false;
	return equal_nocase(pattern + WILDCARD_LEN, dot + 1,
	    host_len - (size_t)(dot + 1 - host));
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
