/*
 * Domain names as text in the one form that the project uses inside: lower
 * case, A-labels, no final dot, only [a-z0-9_.-]. Such a name is safe as a
 * cache key, a file name and an argument of every library.
 *
 * Pure. Any thread.
 */
#ifndef BASE_NAME_H
#define BASE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_LEN_MAX  253 /* RFC 1035 2.3.4, as text */
#define NAME_SIZE     (NAME_LEN_MAX + 1)
#define LABEL_LEN_MAX 63

/*
 * Turns octets into the canonical form. Drops one final dot, permits
 * underscores. An IPv4 address is no name: a last label that is all
 * digits is an error (RFC 3696 2).
 * 0, ERR_SYNTAX or ERR_TOOLONG; out is "" on failure.
 */
int name_canon(const uint8_t *octets, size_t len, char out[NAME_SIZE]);

/* True if canonical `name` lies below canonical `parent` (not equal to it). */
bool name_is_below(const char *name, const char *parent);

#endif
