#include "autoconf.h"

#include "fetch/fetch_text.h"

#include <string.h>

static const char ellipsis[] = "...";

void
fetch_text_octets(char *out, size_t size, const uint8_t *octets, size_t len)
{
	size_t n = len < size ? len : size - sizeof(ellipsis);

	for (size_t i = 0; i < n; i++)
		out[i] = octets[i] >= ' ' && octets[i] <= '~' ? (char)octets[i]
							      : '?';
	out[n] = '\0';
	if (n < len)
		memcpy(out + n, ellipsis, sizeof(ellipsis));
}
