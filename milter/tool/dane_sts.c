/* dane-sts(1). */
#include "autoconf.h"

#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/standard_fds.h"
#include "tool/tool.h"

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
	status = tool_run(argc, argv);
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	/* The reader of a pipe has seen enough, as with `| head`. */
	if (poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0)
		return status;
	tool_warn("stdout cannot be written");
	return TOOL_NO_OUTPUT;
}
