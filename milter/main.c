/*
 * dane-sts-milter(8): options, and the order in which things are started and
 * stopped. Each start_*() is one step; what it opened is in struct daemon, and
 * stop() gives back what is there.
 */
#include "autoconf.h"

#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "config.h"
#include "config_io.h"
#include "engine/ask.h"
#include "engine/refresh.h"
#include "front/filter.h"
#include "io/log.h"
#include "io/store.h"
#include "notify.h"
#include "process.h"
#include "start_log.h"
#include "version.h"

#define PROGRAM        "dane-sts-milter"
#define LIBRARIES_SIZE 512

struct options {
	const char *file; /* NULL: the default one */
	bool background;
	bool check;
	bool verbose;
};

struct daemon {
	struct config *config;
	const char *file; /* NULL: there is none, all is default */
	struct log *log;
	struct store *store;
	struct engine *engine;
	struct refresher *refresher;
	int ready_fd; /* of process_daemonize */
};

/* The way to the person who starts it: stderr, and the log once it is open.
 * Returns code. */
static int fail(struct daemon *daemon, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int
fail(struct daemon *daemon, int code, const char *fmt, ...)
{
	char text[2 * CONFIG_ERROR_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, PROGRAM ": %s\n", text);
	if (daemon->log != NULL && strcmp(daemon->config->log, "stderr") != 0)
		log_msg(daemon->log, LOG_LEVEL_ERROR, "start", "%s", text);
	return code;
}

/* --- options --- */

#define OPTION_SAMPLE 1

static const struct option long_options[] = {
    {"config",        required_argument, NULL, 'c'          },
    {"foreground",    no_argument,       NULL, 'f'          },
    {"daemon",        no_argument,       NULL, 'd'          },
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
	fputs("usage: " PROGRAM " [-dfnvVh] [-c file] [--sample-config]\n",
	    out);
}

static void
print_help(void)
{
	print_usage(stdout);
	printf("  -c, --config FILE    instead of %s\n"
	       "  -f, --foreground     stay in the foreground (the default)\n"
	       "  -d, --daemon         go into the background\n"
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
	char libraries[LIBRARIES_SIZE];

	version_libraries(libraries, sizeof(libraries));
	printf(PROGRAM " %s\n%s\n", PACKAGE_VERSION, libraries);
}

/* False: leave with *code. */
static bool
parse_option(int letter, struct options *options, int *code)
{
	*code = 0;
	switch (letter) {
	case 'c':
		options->file = optarg;
		return true;
	case 'f':
		options->background = false;
		return true;
	case 'd':
		options->background = true;
		return true;
	case 'n':
		options->check = true;
		return true;
	case 'v':
		options->verbose = true;
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

static bool
parse_options(int argc, char **argv, struct options *options, int *code)
{
	int letter;

	while ((letter = getopt_long(argc, argv, "c:fdnvVh", long_options,
		    NULL)) != -1) {
		if (!parse_option(letter, options, code))
			return false;
	}
	if (optind == argc)
		return true;
	fprintf(stderr, PROGRAM ": unexpected argument \"%s\"\n", argv[optind]);
	print_usage(stderr);
	*code = EX_USAGE;
	return false;
}

/* --- configuration --- */

static int
load_config(struct daemon *daemon, const struct options *options)
{
	char error[CONFIG_ERROR_SIZE];

	daemon->file = config_choose_path(options->file);
	daemon->config = config_load(daemon->file, error);
	if (daemon->config != NULL)
		return 0;
	fprintf(stderr, "%s\n", error);
	return EX_CONFIG;
}

/* `FILE:LINE: `, as far as there are any. */
static const char *
where(const struct daemon *daemon, const char *option, char *out, size_t size)
{
	unsigned line = config_line(daemon->config, option);

	if (daemon->file == NULL)
		snprintf(out, size, "default configuration: ");
	else if (line == 0)
		snprintf(out, size, "%s: ", daemon->file);
	else
		snprintf(out, size, "%s:%u: ", daemon->file, line);
	return out;
}

/* What can be said against it without starting anything. */
static int
check_config(struct daemon *daemon)
{
	char place[CONFIG_ERROR_SIZE];
	char error[CONFIG_ERROR_SIZE];
	char user_error[PROCESS_ERROR_SIZE];
	int code = 0;

	if (config_check_files(daemon->config, error) < 0)
		code = fail(daemon, EX_CONFIG, "%s%s",
		    where(daemon, "", place, sizeof(place)), error);
	if (geteuid() == 0 &&
	    process_check_user(daemon->config->user, user_error) < 0)
		code = fail(daemon, EX_CONFIG, "%s%s",
		    where(daemon, "user", place, sizeof(place)), user_error);
	return code;
}

static int
run_check(struct daemon *daemon, const struct options *options)
{
	int code = check_config(daemon);

	if (code != 0)
		return code;
	if (options->verbose)
		config_dump(daemon->config, stdout);
	else if (daemon->file != NULL)
		printf("%s: configuration is good\n", daemon->file);
	else
		printf("%s does not exist; the defaults are good\n",
		    config_default_path());
	return 0;
}

/* --- start and stop --- */

/* Threads inherit this. libmilter's signal thread waits for the first three;
 * were they not blocked elsewhere, an engine thread could be the one that
 * gets SIGTERM, and the process would end in the middle of a write. */
static void
block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static int
start_log(struct daemon *daemon)
{
	static const char prefix[] = "file:";
	const struct config *config = daemon->config;
	char error[LOG_ERROR_SIZE];
	char owner_error[PROCESS_ERROR_SIZE];

	daemon->log = log_open(&config->log_config, PROGRAM, error);
	if (daemon->log == NULL)
		return fail(daemon, EX_CONFIG, "%s", error);
	if (strncmp(config->log, prefix, strlen(prefix)) == 0 &&
	    process_give_file(config->log + strlen(prefix), config->user,
		owner_error) < 0)
		return fail(daemon, EX_CONFIG, "log: %s", owner_error);
	return 0;
}

static int
start_background(struct daemon *daemon, const struct options *options)
{
	char error[PROCESS_ERROR_SIZE];

	if (!options->background)
		return 0;
	if (process_daemonize(&daemon->ready_fd, error) < 0)
		return fail(daemon, EX_SOFTWARE, "%s", error);
	return 0;
}

static int
start_socket(struct daemon *daemon)
{
	char error[FILTER_ERROR_SIZE];

	if (filter_listen(daemon->config, error) < 0)
		return fail(daemon, EX_UNAVAILABLE, "%s", error);
	return 0;
}

static int
start_as_user(struct daemon *daemon)
{
	char error[PROCESS_ERROR_SIZE];

	if (process_drop_privileges(daemon->config->user, error) < 0)
		return fail(daemon, EX_SOFTWARE, "%s", error);
	return 0;
}

static int
start_engine(struct daemon *daemon)
{
	char error[ENGINE_ERROR_SIZE];
	char store_error[STORE_ERROR_SIZE];

	daemon->store =
	    store_open(daemon->config->store, STORE_READ_WRITE, store_error);
	if (daemon->store == NULL)
		return fail(daemon, EX_SOFTWARE, "%s", store_error);
	daemon->engine =
	    engine_new(daemon->config, daemon->store, daemon->log, error);
	if (daemon->engine == NULL)
		return fail(daemon, EX_SOFTWARE, "%s", error);
	daemon->refresher = refresher_new(daemon->config, daemon->engine,
	    daemon->store, daemon->log);
	if (daemon->refresher == NULL)
		return fail(daemon, EX_SOFTWARE, "cannot start the refresher");
	return 0;
}

static int
start(struct daemon *daemon, const struct options *options)
{
	int code = check_config(daemon);

	if (code == 0)
		code = start_background(daemon, options);
	if (code == 0)
		code = start_log(daemon);
	if (code == 0)
		code = start_socket(daemon);
	if (code == 0)
		code = start_as_user(daemon);
	if (code == 0)
		block_signals();
	if (code == 0)
		code = start_engine(daemon);
	return code;
}

static void
stop(struct daemon *daemon)
{
	if (daemon->refresher != NULL)
		refresher_free(&daemon->refresher);
	if (daemon->engine != NULL)
		engine_free(&daemon->engine);
	if (daemon->store != NULL)
		store_close(&daemon->store);
	log_close(&daemon->log);
	config_free(&daemon->config);
}

static int
serve(struct daemon *daemon)
{
	bool drained;

	start_log_write(daemon->log, daemon->config, daemon->file);
	notify("READY=1");
	process_ready(&daemon->ready_fd,
	    strcmp(daemon->config->log, "stderr") == 0);
	drained = filter_run(daemon->config, daemon->engine, daemon->log);
	notify("STOPPING=1");
	log_msg(daemon->log, LOG_LEVEL_INFO, "stop", "%s",
	    drained ? "every recipient was answered"
		    : "some recipients were left without an answer");
	/* What callbacks that are still about might use must stay. */
	if (!drained)
		_exit(0);
	return 0;
}

int
main(int argc, char **argv)
{
	struct options options = {.background = false};
	struct daemon daemon = {.ready_fd = -1};
	int code = 0;

	if (!parse_options(argc, argv, &options, &code))
		return code;
	code = load_config(&daemon, &options);
	if (code == 0 && options.check) {
		code = run_check(&daemon, &options);
	} else if (code == 0) {
		code = start(&daemon, &options);
		if (code == 0)
			code = serve(&daemon);
	}
	stop(&daemon);
	return code;
}
