/*
 * Octets from strangers as text for people.
 *
 * Pure. Any thread. No allocation.
 */
#ifndef FETCH_FETCH_TEXT_H
#define FETCH_FETCH_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Bounded and terminated; what is not printable ASCII becomes '?'. A text that
 * does not fit ends in "...". size: 4 at least. */
void
fetch_text_octets(char *out, size_t size, const uint8_t *octets, size_t len);

#endif
