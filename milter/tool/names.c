/* The names that a command is to work on. See names.h. */
#include "autoconf.h"

#include "tool/names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tool/input.h"
#include "tool/tool.h"

#define NUL_STANDS_FOR 0x7f /* DEL: no name has it */

static bool
is_blank(uint8_t octet)
{
	return octet == ' ' || octet == '\t' || octet == '\r';
}

/* Makes a string of the line and returns where it starts. */
static const char *
trim(uint8_t *line, uint8_t *end)
{
	while (end > line && is_blank(end[-1]))
		end--;
	*end = '\0';
	while (is_blank(*line))
		line++;
	return (const char *)line;
}

static size_t
count_lines(const uint8_t *octets, size_t len)
{
	size_t n = 1, i;

	for (i = 0; i < len; i++)
		n += octets[i] == '\n';
	return n;
}

static void
add_lines(struct names *names, uint8_t *octets, size_t len)
{
	uint8_t *end = octets + len;
	uint8_t *line, *line_end;
	const char *name;

	for (line = octets; line < end; line = line_end + 1) {
		line_end = memchr(line, '\n', (size_t)(end - line));
		if (line_end == NULL)
			line_end = end;
		name = trim(line, line_end);
		if (name[0] != '\0' && name[0] != '#')
			names->name[names->n++] = name;
	}
}

static int
read_file(struct names *names, const char *path, size_t *len)
{
	size_t i;

	switch (input_read(path, NAMES_FILE_MAX, &names->file, len)) {
	case 0:
		break;
	case ERR_TOOLONG:
		tool_warn("%s: too large", path);
		return TOOL_NO_INPUT;
	case ERR_NOMEM:
		tool_warn("out of memory");
		return TOOL_INTERNAL;
	default:
		return TOOL_NO_INPUT;
	}
	for (i = 0; i < *len; i++)
		if (names->file[i] == '\0')
			names->file[i] = NUL_STANDS_FOR;
	return TOOL_OK;
}

int
names_read(struct names *names, int n_args, char **args, const char *path)
{
	int status = TOOL_OK;
	size_t len = 0;
	int i;

	memset(names, 0, sizeof(*names));
	if (path != NULL)
		status = read_file(names, path, &len);
	if (status != TOOL_OK)
		return status;
	names->name = calloc((size_t)n_args + count_lines(names->file, len),
	    sizeof(char *));
	if (names->name == NULL) {
		tool_warn("out of memory");
		return TOOL_INTERNAL;
	}
	for (i = 0; i < n_args; i++)
		names->name[names->n++] = args[i];
	if (len > 0)
		add_lines(names, names->file, len);
	return TOOL_OK;
}

void
names_clear(struct names *names)
{
	free(names->name);
	free(names->file);
	memset(names, 0, sizeof(*names));
}
