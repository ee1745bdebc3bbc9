/* The names that a command is to work on: arguments, and lines of a file. */
#ifndef TOOL_NAMES_H
#define TOOL_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define NAMES_FILE_MAX (64U << 20) /* octets */

struct names {
	size_t n;
	const char **name;
	uint8_t *file; /* what lines point into */
};

/*
 * Arguments first, then the lines of the file (NULL: none) without blanks at
 * their ends; empty lines and those that begin with # are skipped. A NUL
 * becomes a character that no name has.
 * TOOL_OK or the exit status; it was said on stderr why. Clear either way.
 */
int names_read(struct names *names, int n_args, char **args, const char *path);
void names_clear(struct names *names);

#endif
