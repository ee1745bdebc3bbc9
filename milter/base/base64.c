#include "autoconf.h"

#include "base/base64.h"

#include <string.h>

#include "base/err.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_encode(const uint8_t *octets, size_t len, char *out)
{
	for (; len > 0; out += 4) {
		size_t n = len < 3 ? len : 3;
		uint32_t group = (uint32_t)octets[0] << 16;

		if (n > 1)
			group |= (uint32_t)octets[1] << 8;
		if (n > 2)
			group |= octets[2];
		out[0] = alphabet[group >> 18];
		out[1] = alphabet[group >> 12 & 63];
		out[2] = alphabet[group >> 6 & 63];
		out[3] = alphabet[group & 63];
		if (n < 3)
			memset(out + n + 1, '=', 3 - n);
		octets += n;
		len -= n;
	}
	*out = '\0';
}

/* How many '=' end the text: 0 to 2. */
static size_t
padding_of(const char *text, size_t len)
{
	size_t n = 0;

	while (n < 2 && n < len && text[len - 1 - n] == '=')
		n++;
	return n;
}

/* Four characters, the last ones of which may be padding. */
static int
decode_group(const char *text, size_t padding, uint32_t *group)
{
	*group = 0;
	for (size_t i = 0; i < 4; i++) {
		const char *at = i < 4 - padding
		    ? memchr(alphabet, text[i], sizeof(alphabet) - 1)
		    : alphabet;

		if (at == NULL)
			return ERR_SYNTAX;
		*group = *group << 6 | (uint32_t)(at - alphabet);
	}
	/* Bits that no octet takes are zero: one text for one body. */
	return (*group & ((1U << 8 * padding) - 1)) == 0 ? 0 : ERR_SYNTAX;
}

int
base64_decode(const char *text, size_t len, uint8_t *out, size_t *out_len)
{
	size_t padding = padding_of(text, len);

	*out_len = 0;
	if (len % 4 != 0)
		return ERR_SYNTAX;
	for (; len > 0; text += 4, len -= 4) {
		size_t n = len > 4 ? 0 : padding;
		uint32_t group;

		if (decode_group(text, n, &group) < 0)
			return ERR_SYNTAX;
		for (size_t i = 0; i < 3 - n; i++)
			out[(*out_len)++] = (uint8_t)(group >> (16 - 8 * i));
	}
	return 0;
}
