/*
 * Text: octets from strangers for JSON, which must be UTF-8, and for a
 * terminal, which must not get control characters; times for people; Base 64;
 * netstrings.
 *
 * Pure. Any thread.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Decodes one character at *octets (len > 0). Returns how many octets it
 * takes; *code is the character, or TEXT_INVALID for the longest beginning of
 * a character that goes no further (Unicode 15, 3.9, U+FFFD substitution).
 */
#define TEXT_INVALID UINT32_MAX
size_t text_decode(const uint8_t *octets, size_t len, uint32_t *code);

/* Replaces octets that are not UTF-8 by U+FFFD. NULL: no memory. Free with
 * free(). */
char *text_utf8(const void *octets, size_t len);

/* Bounded and terminated; octets that are not printable ASCII become '?'. A
 * text that does not fit ends in "...". size: 4 at least. */
void text_ascii(char *out, size_t size, const void *octets, size_t len);

/* Prints control characters, bidirectional controls and octets that are not
 * UTF-8 as \xNN. */
void text_print(FILE *out, const void *octets, size_t len);

/*
 * The same as lines of at most `width` columns, broken at blanks. Each begins
 * with the margin, which is printed as it is. A longer word is not broken.
 */
void text_wrap(FILE *out, const char *margin, size_t margin_columns,
    size_t width, const char *text);

#define DURATION_SIZE 32

/* The two largest units: "6 d 12 h", "59 s". */
void duration_text(int64_t seconds, char out[DURATION_SIZE]);
/* UTC: "2026-11-23T22:41:42Z". */
void moment_text(int64_t wall_s, char out[DURATION_SIZE]);

/* Base 64 (RFC 4648 4), with padding, strict: a decoded text encodes to the
 * same text again. */

/* Characters that len octets take, the NUL not counted. */
#define BASE64_LEN(len) (((len) + 2) / 3 * 4)
/* Octets that len characters hold at most. */
#define BASE64_OCTETS(len) ((len) / 4 * 3)

/* out has room for BASE64_LEN(len) + 1. */
void base64_encode(const uint8_t *octets, size_t len, char *out);

/* out has room for BASE64_OCTETS(len). 0 or ERR_SYNTAX. */
int base64_decode(const char *text, size_t len, uint8_t *out, size_t *out_len);

/* Netstrings: "5:hello,". A frame of the socketmap protocol. */

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
