/*
 * Classes of octets: ASCII only, whatever the locale, so that nothing above
 * 127 is ever a letter or a blank (P-11).
 *
 * Pure. Any thread.
 */
#ifndef BASE_ASCII_H
#define BASE_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool
ascii_is_digit(uint8_t octet)
{
	return octet >= '0' && octet <= '9';
}

static inline bool
ascii_is_alnum(uint8_t octet)
{
	return ascii_is_digit(octet) || (octet >= 'a' && octet <= 'z') ||
	    (octet >= 'A' && octet <= 'Z');
}

/* WSP of RFC 5234 */
static inline bool
ascii_is_wsp(uint8_t octet)
{
	return octet == ' ' || octet == '\t';
}

static inline uint8_t
ascii_lower(uint8_t octet)
{
	return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet + ('a' - 'A'))
					    : octet;
}

/* The same, apart from the case of letters. */
static inline bool
ascii_same(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (ascii_lower((uint8_t)a[i]) != ascii_lower((uint8_t)b[i]))
			return false;
	return true;
}

#endif
