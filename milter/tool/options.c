/* The command line of dane-sts(1). See tool.h. */
#include "autoconf.h"

#include "tool/tool.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define OPTIONS_MAX 16
#define WARN_SIZE   1024

struct command_help {
	const char *name;
	const char *operands;
	const char *summary;
	const char *help;
};

static const struct command_help commands[] = {
#define X(name, operands, summary, help) {#name, operands, summary, help},
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

struct option_set {
	struct option rows[OPTIONS_MAX + 1];
	char letters[2 * OPTIONS_MAX + 3];
};

static const struct command_help *
command_find(const char *name)
{
	size_t i;

	for (i = 0; name != NULL && i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void
print_usage(FILE *out, const struct command_help *command)
{
	size_t i;

	if (command != NULL) {
		fprintf(out, "usage: dane-sts [-c FILE] [--json] %s %s\n",
		    command->name, command->operands);
		return;
	}
	fputs("usage: dane-sts [-c FILE] [--json] COMMAND ...\n", out);
	for (i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name,
		    commands[i].summary);
}

static void
print_help(const struct command_help *command)
{
	print_usage(stdout, command);
	fputs(common_help, stdout);
	if (command != NULL)
		fputs(command->help, stdout);
}

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

static void
add_option(struct option_set *set, size_t n, const struct option *row)
{
	char *end = set->letters + strlen(set->letters);

	set->rows[n] = *row;
	if (row->val > 255)
		return;
	*end++ = (char)row->val;
	if (row->has_arg == required_argument)
		*end++ = ':';
	*end = '\0';
}

/* prefix: how getopt is to treat operands. The ':' makes it leave messages
 * to us. */
static void
build_options(struct option_set *set, const char *prefix,
    const struct option *own)
{
	size_t n = 0, i;

	memset(set, 0, sizeof(*set));
	memcpy(set->letters, prefix, strlen(prefix));
	for (i = 0; i < N_COMMON; i++)
		add_option(set, n++, &common_options[i]);
	for (i = 0; own != NULL && own[i].name != NULL && n < OPTIONS_MAX; i++)
		add_option(set, n++, &own[i]);
}

static const struct option *
option_by_val(const struct option_set *set, int val)
{
	const struct option *row;

	for (row = set->rows; row->name != NULL; row++)
		if (row->val == val)
			return row;
	return NULL;
}

/* getopt leaves in optopt: 0 for a long option that it does not know, else
 * the val of a known option or the unknown letter. */
static int
bad_option(struct tool_options *options, const char *command, int found,
    char **argv, const struct option_set *set)
{
	const struct option *row = option_by_val(set, optopt);

	if (optopt == 0)
		options->status = tool_usage(command, "option %s is not known",
		    argv[optind - 1]);
	else if (row == NULL)
		options->status =
		    tool_usage(command, "option -%c is not known", optopt);
	else
		options->status = tool_usage(command, "option --%s %s",
		    row->name,
		    found == ':' ? "lacks its argument" : "takes no argument");
	return TOOL_OPTION_STOP;
}

static int
stop(struct tool_options *options)
{
	options->status = TOOL_OK;
	return TOOL_OPTION_STOP;
}

static int
next_option(struct tool_options *options, int argc, char **argv,
    const struct option_set *set, const char *command)
{
	int found;

	for (;;) {
		found = getopt_long(argc, argv, set->letters, set->rows, NULL);
		switch (found) {
		case 'c':
			options->config_path = optarg;
			break;
		case OPTION_JSON:
			options->json = true;
			break;
		case 'h':
			print_help(command_find(command));
			return stop(options);
		case 'V':
			puts("dane-sts " PACKAGE_VERSION);
			return stop(options);
		case '?':
		case ':':
			return bad_option(options, command, found, argv, set);
		default:
			return found;
		}
	}
}

int
tool_getopt(struct tool_options *options, int argc, char **argv,
    const struct option *own)
{
	struct option_set set;

	build_options(&set, ":", own);
	return next_option(options, argc, argv, &set, argv[0]);
}

int
tool_getopt_global(struct tool_options *options, int argc, char **argv)
{
	struct option_set set;

	build_options(&set, "+:", NULL);
	return next_option(options, argc, argv, &set, NULL);
}
