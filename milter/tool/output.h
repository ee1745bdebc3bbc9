/*
 * JSON on stdout: one object a line, ASCII only, so that no reader can take
 * a character inside for the end of a line.
 */
#ifndef TOOL_OUTPUT_H
#define TOOL_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Any octets: what is not UTF-8 becomes U+FFFD. NULL: no memory. */
json_t *output_string(const void *octets, size_t len);

/* Takes the object; NULL (no memory) is said on stderr. True: printed. */
bool output_line(json_t *object);

#endif
