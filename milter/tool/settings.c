/* The configuration of dane-sts(1). See tool.h. */
#include "autoconf.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "tool/tool.h"

/* Several errors come together, one a line. */
static void
warn_lines(const char *text)
{
	size_t len;

	for (; *text != '\0'; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		tool_warn("%.*s", (int)len, text);
	}
}

/* A file that is there and cannot be read must not count as none. */
static const char *
default_path(void)
{
	const char *path = config_default_path();

	if (access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
		return NULL;
	return path;
}

struct config *
tool_config(const struct tool_options *options)
{
	char error[CONFIG_ERROR_SIZE] = "";
	struct config *config;

	config = config_load(options->config_path != NULL ? options->config_path
							  : default_path(),
	    error);
	if (config == NULL)
		warn_lines(error);
	return config;
}
