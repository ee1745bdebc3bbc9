/* dane-sts(1): finds the command and runs it. */
#include "autoconf.h"

#include <getopt.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/standard_fds.h"
#include "tool/tool.h"

struct command {
	const char *name;
	int (*run)(struct tool_options *options, int argc, char **argv);
};

static const struct command commands[] = {
#define X(name, operands, summary, help) {#name, tool_##name},
    TOOL_COMMAND_TABLE(X)
#undef X
};

static int
run(int argc, char **argv)
{
	static const char known[] =
#define X(name, operands, summary, help) " " #name
	    TOOL_COMMAND_TABLE(X)
#undef X
	    ;
	struct tool_options options = {0};
	int first;

	if (tool_getopt_global(&options, argc, argv) == TOOL_OPTION_STOP)
		return options.status;
	if (optind == argc)
		return tool_usage(NULL, "a command is missing");
	first = optind;
	optind = 0; /* getopt starts anew */
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, argv[first]) == 0)
			return commands[i].run(&options, argc - first,
			    argv + first);
	return tool_usage(NULL, "command \"%s\" is not known; known are:%s",
	    argv[first], known);
}

int
main(int argc, char **argv)
{
	struct pollfd out = {.fd = STDOUT_FILENO};
	int status;

	if (standard_fds_take() < 0)
		return TOOL_INTERNAL;
	/* Only the character set: numbers stay as programs expect them. */
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	status = run(argc, argv);
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	/* The reader of a pipe has seen enough, as with `| head`. */
	if (poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0)
		return status;
	tool_warn("stdout cannot be written");
	return TOOL_NO_OUTPUT;
}
