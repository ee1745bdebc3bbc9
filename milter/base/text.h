/*
 * Octets from strangers as text: for JSON, which must be UTF-8, and for a
 * terminal, which must not be given control characters.
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

/* False for control characters, bidirectional controls and TEXT_INVALID. */
bool text_is_fit(uint32_t code);

/* Replaces octets that are not UTF-8 by U+FFFD. NULL: no memory. Free with
 * free(). */
char *text_utf8(const void *octets, size_t len);

/* Bounded and terminated; what is not printable ASCII becomes '?'. A text that
 * does not fit ends in "...". size: 4 at least. */
void text_ascii(char *out, size_t size, const void *octets, size_t len);

/* Prints characters that are not fit as \xNN. */
void text_print(FILE *out, const void *octets, size_t len);

/*
 * The same as lines of at most `width` columns, broken at blanks; each begins
 * with the margin, which is not counted among what is not fit. A word that is
 * longer stays whole.
 */
void text_wrap(FILE *out, const char *margin, size_t margin_columns,
    size_t width, const char *text);

#endif
