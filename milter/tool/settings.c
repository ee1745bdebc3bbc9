/* The configuration of dane-sts(1). See tool.h. */
#include "autoconf.h"

#include <string.h>

#include "config/config.h"
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

struct config *
tool_config(const struct tool_options *options)
{
	char error[CONFIG_ERROR_SIZE] = "";
	struct config *config;

	config = config_load(config_choose_path(options->config_path), error);
	if (config == NULL)
		warn_lines(error);
	return config;
}
