#include "autoconf.h"

#include "daemon/daemon.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/err.h"
#include "base/idn.h"
#include "config/config.h"
#include "config/snapshot.h"
#include "daemon/process.h"

#define PROGRAM "dane-sts-milter"

/* The background is in another directory. */
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
	if (arguments->background) {
		startup->file = absolute(startup->file, startup->path);
		startup->arguments.pid_file =
		    absolute(arguments->pid_file, startup->pid_path);
	}
	return 0;
}

void
startup_free(struct startup *startup)
{
	snapshot_release(&startup->snapshot);
}

/* --- what can be wrong: each says so and returns the exit status --- */

static int
tell(const struct startup *startup, const char *option, const char *why)
{
	unsigned line = config_line(startup->config, option);

	if (startup->file == NULL)
		fprintf(stderr, PROGRAM ": default configuration: %s\n", why);
	else if (line == 0)
		fprintf(stderr, "%s: %s\n", startup->file, why);
	else
		fprintf(stderr, "%s:%u: %s\n", startup->file, line, why);
	return EX_CONFIG;
}

static int
check_files(const struct startup *startup)
{
	char error[CONFIG_ERROR_SIZE];
	const char *path = startup->file != NULL ? startup->file
						 : PROGRAM
	    ": default configuration";
	int err = config_check_files(startup->config, path, error);

	if (err == 0)
		return 0;
	if (err != ERR_LIBRARY) {
		fprintf(stderr, "%s\n", error);
		return EX_CONFIG;
	}
	fprintf(stderr, PROGRAM ": %s\n", error);
	return EX_SOFTWARE;
}

static int
check_user(const struct startup *startup)
{
	char why[PROCESS_ERROR_SIZE];

	if (geteuid() != 0 ||
	    process_check_user(startup->config->user, why) == 0)
		return 0;
	return tell(startup, "user", why);
}

static int
check_group(const struct startup *startup)
{
	const char *group = startup->config->socket_group;
	char why[PROCESS_ERROR_SIZE];

	if (group[0] == '\0' || getgrnam(group) != NULL)
		return 0;
	snprintf(why, sizeof(why), "socket_group: there is no group \"%.64s\"",
	    group);
	return tell(startup, "socket_group", why);
}

/* Without it a U-label could not be looked up, and mail to it would pass. */
static int
check_idn(const struct startup *startup)
{
	(void)startup;
	if (idn_open() == 0)
		return 0;
	fprintf(stderr, PROGRAM ": ICU's tables cannot be loaded\n");
	return EX_SOFTWARE;
}

int
startup_check(const struct startup *startup)
{
	int (*const checks[])(const struct startup *startup) = {check_files,
	    check_user, check_group, check_idn};
	int first = 0;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		int code = checks[i](startup);

		first = first != 0 ? first : code;
	}
	return first;
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
