/*
 * Base 64 (RFC 4648 4), with padding, strict: what is decoded encodes to the
 * same text again.
 *
 * Pure. Any thread.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* Characters that len octets take, the NUL not counted. */
#define BASE64_LEN(len) (((len) + 2) / 3 * 4)
/* Octets that len characters hold at most. */
#define BASE64_OCTETS(len) ((len) / 4 * 3)

/* out has room for BASE64_LEN(len) + 1. */
void base64_encode(const uint8_t *octets, size_t len, char *out);

/* out has room for BASE64_OCTETS(len). 0 or ERR_SYNTAX. */
int base64_decode(const char *text, size_t len, uint8_t *out, size_t *out_len);

#endif
