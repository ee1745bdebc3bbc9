/*
 * dane-sts-milter(8): the command line, and what is done about it.
 */
#include "autoconf.h"

#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sysexits.h>

#include "base/standard_fds.h"
#include "config/config.h"
#include "daemon/daemon.h"
#include "daemon/preflight.h"
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

static void
print_usage(FILE *out)
{
	fputs("usage: " PROGRAM " [-dfnvVh] [-c file] [-p file] "
	      "[--sample-config]\n",
	    out);
}

static void
print_help(void)
{
	print_usage(stdout);
	printf("  -c, --config FILE    instead of %s\n"
	       "  -f, --foreground     stay in the foreground (the default)\n"
	       "  -d, --daemon         go into the background\n"
	       "  -p, --pid-file FILE  write the process id there\n"
	       "  -n, --check          check the configuration and exit\n"
	       "  -v, --verbose        with -n: print the configuration\n"
	       "  -V, --version        print versions and exit\n"
	       "  -h, --help           print this and exit\n"
	       "      --sample-config  print a sample configuration and exit\n",
	    config_default_path());
}

static void
print_version(void)
{
	char libraries[START_LOG_LIBRARIES_SIZE];

	start_log_libraries(libraries);
	printf(PROGRAM " %s\n%s\n", PACKAGE_VERSION, libraries);
}

/* False: leave with *code. */
static bool
parse_option(int letter, struct arguments *arguments, int *code)
{
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
		print_version();
		return false;
	case 'h':
		print_help();
		return false;
	case OPTION_SAMPLE:
		config_sample(stdout);
		return false;
	default:
		print_usage(stderr);
		*code = EX_USAGE;
		return false;
	}
}

/* False: leave with *code; what had to be said was printed. */
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
	print_usage(stderr);
	*code = EX_USAGE;
	return false;
}

/* --- what is done about it --- */

/* A reload that is asked for too early must not end the process, and a stop
 * must not end it in the middle. */
static void
block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	process_block_stop();
}

static int
run(const struct arguments *arguments)
{
	struct startup startup;
	int code;

	if (!arguments->check)
		block_signals();
	code = startup_load(&startup, arguments);
	if (code == 0)
		code = startup_check(&startup);
	if (code == 0 && arguments->check)
		code = preflight_check(&startup);
	if (code == 0 && arguments->check)
		startup_show(&startup);
	else if (code == 0)
		code = daemon_run(&startup);
	startup_free(&startup);
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
