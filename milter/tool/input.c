/* Files named on the command line. See input.h. */
#include "autoconf.h"

#include "tool/input.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tool/tool.h"

#define INPUT_STEP 65536

/* Makes room for one more step; one octet is kept for the final NUL. */
static int
grow(uint8_t **octets, size_t len, size_t *size)
{
	uint8_t *larger;

	if (*size - len > INPUT_STEP)
		return 0;
	larger = realloc(*octets, *size * 2 + INPUT_STEP + 1);
	if (larger == NULL)
		return ERR_NOMEM;
	*size = *size * 2 + INPUT_STEP + 1;
	*octets = larger;
	return 0;
}

static int
read_all(FILE *in, size_t max, uint8_t **octets, size_t *len)
{
	size_t size = 0, n;

	do {
		if (grow(octets, *len, &size) != 0)
			return ERR_NOMEM;
		n = fread(*octets + *len, 1, INPUT_STEP, in);
		*len += n;
		if (*len > max)
			return ERR_TOOLONG;
	} while (n > 0);
	(*octets)[*len] = '\0';
	return ferror(in) != 0 ? ERR_IO : 0;
}

static int
read_file(const char *path, size_t max, uint8_t **octets, size_t *len)
{
	FILE *in = fopen(path, "re");
	int err, saved;

	if (in == NULL)
		return ERR_IO;
	err = read_all(in, max, octets, len);
	saved = errno;
	fclose(in);
	errno = saved;
	return err;
}

int
input_read(const char *path, size_t max, uint8_t **octets, size_t *len)
{
	int err;

	*octets = NULL;
	*len = 0;
	if (strcmp(path, "-") == 0)
		err = read_all(stdin, max, octets, len);
	else
		err = read_file(path, max, octets, len);
	if (err == ERR_IO)
		tool_warn("%s: %s", path, strerror(errno));
	if (err != 0) {
		free(*octets);
		*octets = NULL;
	}
	return err;
}
