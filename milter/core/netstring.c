/* Netstrings. */
#include "autoconf.h"

#include "core/netstring.h"

#include <stdio.h>

#include "core/ascii.h"

enum netstring_state
netstring_parse(const uint8_t *octets, size_t len, size_t max,
    struct netstring *out)
{
	size_t n = 0;
	size_t at = 0;

	for (; at < len && ascii_is_digit(octets[at]); at++) {
		if (at > 0 && octets[0] == '0')
			return NETSTRING_BAD; /* one form for each length */
		n = n * 10 + (size_t)(octets[at] - '0');
		if (n > max)
			return NETSTRING_BAD;
	}
	if (at == len)
		return NETSTRING_PART;
	if (at == 0 || octets[at] != ':')
		return NETSTRING_BAD;
	at++;
	if (len - at <= n)
		return NETSTRING_PART;
	if (octets[at + n] != ',')
		return NETSTRING_BAD;
	out->data = octets + at;
	out->len = n;
	out->whole = at + n + 1;
	return NETSTRING_WHOLE;
}

size_t
netstring_head(size_t data_len, char out[NETSTRING_HEAD_MAX])
{
	return (size_t)snprintf(out, NETSTRING_HEAD_MAX,
	    "%lu:", (unsigned long)(uint32_t)data_len);
}
