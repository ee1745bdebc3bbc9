/* JSON on stdout. See output.h. */
#include "autoconf.h"

#include "tool/output.h"

#include <stdlib.h>

#include "base/text.h"
#include "tool/tool.h"

json_t *
output_string(const void *octets, size_t len)
{
	char *text = text_utf8(octets, len);
	json_t *string = NULL;

	if (text != NULL)
		string = json_string(text);
	free(text);
	return string;
}

bool
output_line(json_t *object)
{
	char *line = NULL;

	if (object != NULL)
		line = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(object);
	if (line == NULL) {
		tool_warn("out of memory");
		return false;
	}
	puts(line);
	free(line);
	return true;
}
