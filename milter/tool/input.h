/* Files named on the command line; "-" is stdin. Single-threaded. */
#ifndef TOOL_INPUT_H
#define TOOL_INPUT_H

#include <stddef.h>
#include <stdint.h>

#define NAMES_FILE_MAX (64U << 20) /* octets */

/*
 * The whole file, with a NUL behind it that is not counted. 0, ERR_TOOLONG if
 * there is more than max, ERR_NOMEM, or ERR_IO, which was reported on stderr.
 * Free *octets with free().
 */
int input_read(const char *path, size_t max, uint8_t **octets, size_t *len);

/* The names that a command works on: arguments, and lines of a file. */
struct names {
	size_t n;
	const char **name;
	uint8_t *file; /* what lines point into */
};

/*
 * Arguments first, then the lines of the file (NULL: none) without blanks at
 * their ends; empty lines and those that begin with # are skipped. A NUL
 * becomes a character that no name has.
 * TOOL_OK or the exit status; the reason is on stderr. Clear either way.
 */
int names_read(struct names *names, int n_args, char **args, const char *path);
void names_clear(struct names *names);

#endif
