#include "autoconf.h"

#include "startup.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "config.h"
#include "config_io.h"
#include "core/err.h"
#include "process.h"
#include "snapshot.h"

#define PROGRAM "dane-sts-milter"

/* The background is in another directory, and a reload reads it again. */
static const char *
absolute(const char *file, char out[PATH_MAX])
{
	char here[PATH_MAX];
	int len;

	if (file == NULL || file[0] == '/' ||
	    getcwd(here, sizeof(here)) == NULL)
		return file;
	len = snprintf(out, PATH_MAX, "%s/%s", here, file);
	return len > 0 && len < PATH_MAX ? out : file;
}

int
startup_load(struct startup *startup, const struct arguments *arguments)
{
	char error[CONFIG_ERROR_SIZE];
	struct config *config;

	memset(startup, 0, sizeof(*startup));
	startup->arguments = *arguments;
	startup->file = config_choose_path(arguments->file);
	config = config_load(startup->file, error);
	if (config == NULL) {
		fprintf(stderr, "%s\n", error);
		return EX_CONFIG;
	}
	startup->snapshot = snapshot_new(config);
	if (startup->snapshot == NULL) {
		config_free(&config);
		fprintf(stderr, PROGRAM ": %s\n", err_text(ERR_NOMEM));
		return EX_SOFTWARE;
	}
	startup->config = config;
	if (arguments->background)
		startup->file = absolute(startup->file, startup->path);
	return 0;
}

void
startup_free(struct startup *startup)
{
	snapshot_release(&startup->snapshot);
}

/* `FILE:LINE: `, as far as there are any. */
static const char *
where(const struct startup *startup, const char *option, char *out, size_t size)
{
	unsigned line = config_line(startup->config, option);

	if (startup->file == NULL)
		snprintf(out, size, "default configuration: ");
	else if (line == 0)
		snprintf(out, size, "%s: ", startup->file);
	else
		snprintf(out, size, "%s:%u: ", startup->file, line);
	return out;
}

int
startup_check(const struct startup *startup)
{
	char place[CONFIG_ERROR_SIZE];
	char error[CONFIG_ERROR_SIZE];
	char user_error[PROCESS_ERROR_SIZE];
	int code = 0;
	int err = config_check_files(startup->config, error);

	if (err == ERR_LIBRARY) {
		fprintf(stderr, PROGRAM ": %s\n", error);
		return EX_SOFTWARE;
	}
	if (err < 0) {
		fprintf(stderr, PROGRAM ": %s%s\n",
		    where(startup, "", place, sizeof(place)), error);
		code = EX_CONFIG;
	}
	if (geteuid() == 0 &&
	    process_check_user(startup->config->user, user_error) < 0) {
		fprintf(stderr, PROGRAM ": %s%s\n",
		    where(startup, "user", place, sizeof(place)), user_error);
		code = EX_CONFIG;
	}
	return code;
}

void
startup_show(const struct startup *startup)
{
	if (startup->arguments.verbose)
		config_dump(startup->config, stdout);
	else if (startup->file != NULL)
		printf("%s: configuration is good\n", startup->file);
	else
		printf("%s does not exist; the defaults are good\n",
		    config_default_path());
}
