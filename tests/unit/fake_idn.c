/* A conversion of U-labels for the tests of core/. */
#include "autoconf.h"

#include "fake_idn.h"

#include <string.h>

#include "base/err.h"

int
fake_idn(const uint8_t *utf8, size_t len, char out[NAME_SIZE])
{
	static const char known[] = "m" UE "nchen.example";
	static const char slash[] = UE "slash";
	static const char growing[] = UE "growing";

	out[0] = '\0';
	if (len == sizeof(known) - 1 && memcmp(utf8, known, len) == 0)
		strncpy(out, "xn--mnchen-3ya.Example.", NAME_SIZE - 1);
	else if (len == sizeof(slash) - 1 && memcmp(utf8, slash, len) == 0)
		strncpy(out, "a/b", NAME_SIZE - 1);
	else if (len == sizeof(growing) - 1 && memcmp(utf8, growing, len) == 0)
		strncpy(out, L63 "d.example", NAME_SIZE - 1);
	else
		return ERR_SYNTAX;
	return 0;
}
