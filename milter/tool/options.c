/* The command line of dane-sts(1): commands, options, messages. See tool.h. */
#include "autoconf.h"

#include "tool/tool.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "config/config.h"
#include "core/facts.h"
#include "core/verdict.h"

#define OPTIONS_MAX 16
#define WARN_SIZE   1024

struct command {
	const char *name;
	int (*run)(struct tool_options *options, int argc, char **argv);
	const char *operands;
	const char *summary;
	const char *help;
};

static const struct command commands[] = {
#define X(name, operands, summary, help) \
	{#name, tool_##name, operands, summary, help},
    TOOL_COMMAND_TABLE(X)
#undef X
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const char common_help[] =
    "  -c FILE           configuration file\n"
    "  --json            print JSON, one object a line\n"
    "  -h, --help        this text\n"
    "  -V, --version     the version\n";

enum {
	OPTION_JSON = 512
};

static const struct option common_options[] = {
    {"config",  required_argument, NULL, 'c'        },
    {"json",    no_argument,       NULL, OPTION_JSON},
    {"help",    no_argument,       NULL, 'h'        },
    {"version", no_argument,       NULL, 'V'        },
};

#define N_COMMON (sizeof(common_options) / sizeof(common_options[0]))

static const struct command *
command_find(const char *name)
{
	for (size_t i = 0; name != NULL && i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void
print_usage(FILE *out, const struct command *command)
{
	if (command != NULL) {
		fprintf(out, "usage: dane-sts [-c FILE] [--json] %s %s\n",
		    command->name, command->operands);
		return;
	}
	fputs("usage: dane-sts [-c FILE] [--json] COMMAND ...\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name,
		    commands[i].summary);
}

/* --- messages ------------------------------------------------------------ */

int
tool_usage(const char *command, const char *fmt, ...)
{
	char text[WARN_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (command != NULL)
		tool_warn("%s: %s", command, text);
	else
		tool_warn("%s", text);
	print_usage(stderr, command_find(command));
	return TOOL_USAGE;
}

void
tool_warn(const char *fmt, ...)
{
	char text[WARN_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fputs("dane-sts: ", stderr);
	text_print(stderr, text, strlen(text));
	fputc('\n', stderr);
}

int
tool_no_memory(void)
{
	tool_warn("out of memory");
	return TOOL_INTERNAL;
}

bool
tool_warn_store(const char *spec, const char *error)
{
	bool denied = geteuid() != 0 && strstr(error, strerror(EACCES)) != NULL;

	if (denied)
		tool_warn("store: %s: permission denied: run it as root", spec);
	else
		tool_warn("%s", error);
	return denied;
}

void
tool_warn_lines(const char *text)
{
	size_t len;

	for (; *text != '\0'; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		tool_warn("%.*s", (int)len, text);
	}
}

/* --- getopt -------------------------------------------------------------- */

/* The rows and letters that getopt_long() takes. */
struct option_set {
	struct option rows[OPTIONS_MAX + 1];
	char letters[2 * OPTIONS_MAX + 3];
};

/* The options before the command. */
static const struct option global_options[] = {{0}};

static void
build_options(struct option_set *set, const struct option *own)
{
	/* '+': ends at the first operand; ':' leaves messages to us. */
	const char *prefix = own == global_options ? "+:" : ":";
	char *letter = set->letters + strlen(prefix);
	size_t n = N_COMMON;

	memset(set, 0, sizeof(*set));
	memcpy(set->letters, prefix, strlen(prefix));
	memcpy(set->rows, common_options, sizeof(common_options));
	for (; own != NULL && own->name != NULL && n < OPTIONS_MAX; own++)
		set->rows[n++] = *own;
	for (size_t i = 0; i < n; i++) {
		if (set->rows[i].val > 255)
			continue;
		*letter++ = (char)set->rows[i].val;
		if (set->rows[i].has_arg == required_argument)
			*letter++ = ':';
	}
}

/* getopt leaves in optopt: 0 for a long option that it does not know, else
 * the val of a known option or the unknown letter. */
static int
bad_option(const char *command, int found, char **argv,
    const struct option_set *set)
{
	const struct option *row = set->rows;

	if (optopt == 0)
		return tool_usage(command, "option %s is not known",
		    argv[optind - 1]);
	while (row->name != NULL && row->val != optopt)
		row++;
	if (row->name == NULL)
		return tool_usage(command, "option -%c is not known", optopt);
	return tool_usage(command, "option --%s %s", row->name,
	    found == ':' ? "lacks its argument" : "takes no argument");
}

int
tool_getopt(struct tool_options *options, int argc, char **argv,
    const struct option *own)
{
	const char *command = own == global_options ? NULL : argv[0];
	const struct command *help = command_find(command);
	struct option_set set;
	int found;

	build_options(&set, own);
	for (;;) {
		found = getopt_long(argc, argv, set.letters, set.rows, NULL);
		switch (found) {
		case 'c':
			options->config_path = optarg;
			break;
		case OPTION_JSON:
			options->json = true;
			break;
		case 'h':
			print_usage(stdout, help);
			fputs(common_help, stdout);
			fputs(help != NULL ? help->help : "", stdout);
			options->status = TOOL_OK;
			return TOOL_OPTION_STOP;
		case 'V':
			puts("dane-sts " PACKAGE_VERSION);
			options->status = TOOL_OK;
			return TOOL_OPTION_STOP;
		case '?':
		case ':':
			options->status =
			    bad_option(command, found, argv, &set);
			return TOOL_OPTION_STOP;
		default:
			return found;
		}
	}
}

/* --- running a command --------------------------------------------------- */

int
tool_run(int argc, char **argv)
{
	static const char known[] =
#define X(name, operands, summary, help) " " #name
	    TOOL_COMMAND_TABLE(X)
#undef X
	    ;
	struct tool_options options = {0};
	const struct command *command;
	int first;

	if (tool_getopt(&options, argc, argv, global_options) ==
	    TOOL_OPTION_STOP)
		return options.status;
	if (optind == argc)
		return tool_usage(NULL, "a command is missing");
	first = optind;
	optind = 0; /* getopt starts anew */
	command = command_find(argv[first]);
	if (command == NULL)
		return tool_usage(NULL,
		    "command \"%s\" is not known; known are:%s", argv[first],
		    known);
	return command->run(&options, argc - first, argv + first);
}

/* --- what commands share ------------------------------------------------- */

struct config *
tool_config(const struct tool_options *options)
{
	char error[CONFIG_ERROR_SIZE] = "";
	struct config *config;

	config = config_load(config_choose_path(options->config_path), error);
	if (config == NULL)
		tool_warn_lines(error);
	return config;
}

int
tool_verdict_status(const struct facts *facts, const struct verdict *verdict)
{
	if (verdict->reason == REASON_INTERNAL_ERROR ||
	    verdict->reason == REASON_RESOLVER_BROKEN)
		return TOOL_UNKNOWN;
	/* With a resolver that does not validate the root, only the verdict
	 * "secure" counts. */
	if (facts->resolver_broken && verdict->reason != REASON_SECURE)
		return TOOL_UNKNOWN;
	if (verdict->kind != VERDICT_PASS)
		return TOOL_NO;
	/* A message that passes because time ran out was not judged. */
	return verdict->reason == REASON_DEADLINE ? TOOL_UNKNOWN : TOOL_OK;
}

int
tool_nagios_status(int status)
{
	switch (status) {
	case TOOL_OK:
		return 0;
	case TOOL_WARNED:
		return 1;
	case TOOL_NO:
		return 2;
	default:
		return 3;
	}
}

const char *
tool_nagios_word(int status)
{
	static const char *const words[] = {"OK", "WARNING", "CRITICAL",
	    "UNKNOWN"};

	return words[tool_nagios_status(status)];
}
