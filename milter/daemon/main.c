/*
 * dane-sts-milter(8): reads the command line and the configuration, checks both
 * and runs the daemon.
 */
#include "autoconf.h"

#include <getopt.h>
#include <grp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/err.h"
#include "base/idn.h"
#include "base/standard_fds.h"
#include "config/config.h"
#include "config/snapshot.h"
#include "daemon/daemon.h"
#include "daemon/process.h"
#include "daemon/start_log.h"

#define PROGRAM "dane-sts-milter"

/* --- the command line --- */

#define OPTION_SAMPLE 1

static const struct option long_options[] = {
    {"config",        required_argument, NULL, 'c'          },
    {"foreground",    no_argument,       NULL, 'f'          },
    {"daemon",        no_argument,       NULL, 'd'          },
    {"pid-file",      required_argument, NULL, 'p'          },
    {"check",         no_argument,       NULL, 'n'          },
    {"verbose",       no_argument,       NULL, 'v'          },
    {"version",       no_argument,       NULL, 'V'          },
    {"help",          no_argument,       NULL, 'h'          },
    {"sample-config", no_argument,       NULL, OPTION_SAMPLE},
    {NULL,	    0,		 NULL, 0            },
};

static const char usage[] = "usage: " PROGRAM " [-dfnvVh] [-c file] [-p file] "
			    "[--sample-config]\n";

static void
print_help(void)
{
	printf("%s"
	       "  -c, --config FILE    instead of %s\n"
	       "  -f, --foreground     stay in the foreground (the default)\n"
	       "  -d, --daemon         go into the background\n"
	       "  -p, --pid-file FILE  write the process id there\n"
	       "  -n, --check          check the configuration and exit\n"
	       "  -v, --verbose        with -n: print the configuration\n"
	       "  -V, --version        print versions and exit\n"
	       "  -h, --help           print this and exit\n"
	       "      --sample-config  print a sample configuration and exit\n",
	    usage, CONFIG_DEFAULT_PATH);
}

/* False: leave with *code. */
static bool
parse_option(int letter, struct arguments *arguments, int *code)
{
	char libraries[START_LOG_LIBRARIES_SIZE];

	*code = 0;
	switch (letter) {
	case 'c':
		arguments->file = optarg;
		return true;
	case 'f':
		arguments->background = false;
		return true;
	case 'd':
		arguments->background = true;
		return true;
	case 'p':
		arguments->pid_file = optarg;
		return true;
	case 'n':
		arguments->check = true;
		return true;
	case 'v':
		arguments->verbose = true;
		return true;
	case 'V':
		start_log_libraries(libraries);
		printf(PROGRAM " %s\n%s\n", PACKAGE_VERSION, libraries);
		return false;
	case 'h':
		print_help();
		return false;
	case OPTION_SAMPLE:
		config_sample(stdout);
		return false;
	default:
		fputs(usage, stderr);
		*code = EX_USAGE;
		return false;
	}
}

/* False: leave with *code; the reason was printed. */
static bool
parse_arguments(int argc, char **argv, struct arguments *arguments, int *code)
{
	int letter;

	while ((letter = getopt_long(argc, argv, "c:fdp:nvVh", long_options,
		    NULL)) != -1) {
		if (!parse_option(letter, arguments, code))
			return false;
	}
	if (optind == argc)
		return true;
	fprintf(stderr, PROGRAM ": unexpected argument \"%s\"\n", argv[optind]);
	fputs(usage, stderr);
	*code = EX_USAGE;
	return false;
}

/* --- the configuration --- */

/* The path of file from the root: the background runs in another directory. */
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

/* Reads the configuration. Errors are printed. The exit status. */
static int
load(struct startup *startup, const struct arguments *arguments)
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

/* --- checks: each prints what is wrong and returns the exit status --- */

/* Returns code, or EX_CONFIG if that is 0: the first error sets the status. */
static int
complain(const struct startup *startup, const char *option, const char *why,
    int code)
{
	unsigned line = config_line(startup->config, option);

	if (startup->file == NULL)
		fprintf(stderr, PROGRAM ": default configuration: %s\n", why);
	else if (line == 0)
		fprintf(stderr, "%s: %s\n", startup->file, why);
	else
		fprintf(stderr, "%s:%u: %s\n", startup->file, line, why);
	return code != 0 ? code : EX_CONFIG;
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

/* Checks the configuration without starting anything. The exit status. */
static int
check(const struct startup *startup)
{
	const struct config *config = startup->config;
	const char *group = config->socket_group;
	char why[PROCESS_ERROR_SIZE];
	int code = check_files(startup);

	if (geteuid() == 0 && process_check_user(config->user, why) != 0)
		code = complain(startup, "user", why, code);
	if (group[0] != '\0' && getgrnam(group) == NULL) {
		snprintf(why, sizeof(why),
		    "socket_group: there is no group \"%.64s\"", group);
		code = complain(startup, "socket_group", why, code);
	}
	/* Without ICU a U-label could not be looked up, and mail to it would
	 * pass. */
	if (idn_open() == 0)
		return code;
	fprintf(stderr, PROGRAM ": ICU's tables cannot be loaded\n");
	return code != 0 ? code : EX_SOFTWARE;
}

/* --- the program --- */

static int
run(const struct arguments *arguments)
{
	struct startup startup;
	int code;

	if (!arguments->check)
		process_block_signals();
	code = load(&startup, arguments);
	if (code == 0)
		code = check(&startup);
	if (code == 0 && arguments->check)
		code = preflight_check(&startup);
	if (code == 0 && !arguments->check)
		code = daemon_run(&startup);
	else if (code == 0 && arguments->verbose)
		config_dump(startup.config, stdout);
	else if (code == 0 && startup.file != NULL)
		printf("%s: configuration is good\n", startup.file);
	else if (code == 0)
		printf("%s does not exist; the defaults are good\n",
		    CONFIG_DEFAULT_PATH);
	snapshot_release(&startup.snapshot);
	return code;
}

int
main(int argc, char **argv)
{
	struct arguments arguments = {.background = false};
	int code = 0;

	if (standard_fds_take() < 0)
		return EX_SOFTWARE;
	if (parse_arguments(argc, argv, &arguments, &code))
		code = run(&arguments);
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return code;
	fputs("dane-sts-milter: stdout cannot be written\n", stderr);
	return code != 0 ? code : EX_IOERR;
}
