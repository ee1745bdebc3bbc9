/* Netstrings. */
#include "autoconf.h"

#include "base/netstring.h"

#include <string.h>

#include "base/ascii.h"

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
	char digits[NETSTRING_HEAD_MAX];
	char *const end = digits + sizeof(digits);
	uint32_t rest = (uint32_t)data_len;
	char *at = end;

	*--at = ':';
	do
		*--at = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	memcpy(out, at, (size_t)(end - at));
	out[end - at] = '\0';
	return (size_t)(end - at);
}
