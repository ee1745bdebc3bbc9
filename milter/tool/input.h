/* Files named on the command line; "-" is stdin. */
#ifndef TOOL_INPUT_H
#define TOOL_INPUT_H

#include <stddef.h>
#include <stdint.h>

/*
 * The whole file, with a NUL behind it that is not counted. 0, ERR_TOOLONG if
 * there is more than max, ERR_NOMEM, or ERR_IO, which has been said on stderr.
 * Free *octets with free().
 */
int input_read(const char *path, size_t max, uint8_t **octets, size_t *len);

#endif
