/*
 * Netstrings: "5:hello,". A frame of the socketmap protocol.
 *
 * Pure. Any thread. No allocation.
 */
#ifndef BASE_NETSTRING_H
#define BASE_NETSTRING_H

#include <stddef.h>
#include <stdint.h>

#define NETSTRING_HEAD_MAX 12 /* "4294967295:" and a NUL */

struct netstring {
	const uint8_t *data; /* into what was parsed */
	size_t len;
	size_t whole; /* octets in all, head and comma included */
};

enum netstring_state {
	NETSTRING_WHOLE,
	NETSTRING_PART, /* well formed as far as it goes: read more */
	NETSTRING_BAD   /* no netstring, or longer than max */
};

/* The first netstring of any octets; max: of its data. */
enum netstring_state netstring_parse(const uint8_t *octets, size_t len,
    size_t max, struct netstring *out);

/* "5:", to be followed by the data and a comma. Its length; data_len is less
 * than 2^32. */
size_t netstring_head(size_t data_len, char out[NETSTRING_HEAD_MAX]);

#endif
