/* Files named on the command line, and lists of names. See input.h. */
#include "autoconf.h"

#include "tool/input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tool/tool.h"

#define INPUT_STEP     65536
#define NUL_STANDS_FOR 0x7f /* DEL: no name has it */

static int
read_all(FILE *in, size_t max, uint8_t **octets, size_t *len)
{
	size_t size = 0, n;
	uint8_t *larger;

	do {
		/* Room for one more step; one octet is kept for the NUL. */
		if (size - *len <= INPUT_STEP) {
			size = size * 2 + INPUT_STEP + 1;
			larger = realloc(*octets, size);
			if (larger == NULL)
				return ERR_NOMEM;
			*octets = larger;
		}
		n = fread(*octets + *len, 1, INPUT_STEP, in);
		*len += n;
		if (*len > max)
			return ERR_TOOLONG;
	} while (n > 0);
	(*octets)[*len] = '\0';
	return ferror(in) != 0 ? ERR_IO : 0;
}

int
input_read(const char *path, size_t max, uint8_t **octets, size_t *len)
{
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	int err = ERR_IO;

	*octets = NULL;
	*len = 0;
	if (in != NULL)
		err = read_all(in, max, octets, len);
	if (err == ERR_IO)
		tool_warn("%s: %s", path, strerror(errno));
	if (in != NULL && in != stdin)
		fclose(in);
	if (err != 0) {
		free(*octets);
		*octets = NULL;
	}
	return err;
}

/* --- names --------------------------------------------------------------- */

static int
read_names_file(struct names *names, const char *path, size_t *len)
{
	size_t i;

	switch (input_read(path, NAMES_FILE_MAX, &names->file, len)) {
	case 0:
		break;
	case ERR_TOOLONG:
		tool_warn("%s: too large", path);
		return TOOL_NO_INPUT;
	case ERR_NOMEM:
		return tool_no_memory();
	default:
		return TOOL_NO_INPUT;
	}
	for (i = 0; i < *len; i++)
		if (names->file[i] == '\0')
			names->file[i] = NUL_STANDS_FOR;
	return TOOL_OK;
}

/* Makes a string of each line, without the blanks at its ends. */
static void
add_lines(struct names *names, uint8_t *octets, size_t len)
{
	static const char blanks[] = " \t\r";
	uint8_t *end = octets + len;
	uint8_t *line, *line_end, *last;
	const char *name;

	for (line = octets; line < end; line = line_end + 1) {
		line_end = memchr(line, '\n', (size_t)(end - line));
		if (line_end == NULL)
			line_end = end;
		last = line_end;
		while (last > line && memchr(blanks, last[-1], 3) != NULL)
			last--;
		*last = '\0';
		name = (const char *)line + strspn((const char *)line, blanks);
		if (name[0] != '\0' && name[0] != '#')
			names->name[names->n++] = name;
	}
}

int
names_read(struct names *names, int n_args, char **args, const char *path)
{
	int status = TOOL_OK;
	size_t len = 0, n_max = (size_t)n_args + 1;

	memset(names, 0, sizeof(*names));
	if (path != NULL)
		status = read_names_file(names, path, &len);
	if (status != TOOL_OK)
		return status;
	for (size_t i = 0; names->file != NULL && i < len; i++)
		n_max += names->file[i] == '\n';
	names->name = calloc(n_max, sizeof(char *));
	if (names->name == NULL)
		return tool_no_memory();
	for (int i = 0; i < n_args; i++)
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
