/*
 * dane-sts-milter(8): the command line, and what is done about it.
 */
#include "autoconf.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sysexits.h>

#include "base/standard_fds.h"
#include "daemon/arguments.h"
#include "daemon/daemon.h"
#include "daemon/preflight.h"
#include "daemon/process.h"
#include "daemon/startup.h"

/* A reload that is asked for too early must not end the process, and a stop
 * must not end it in the middle. */
static void
block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
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
	if (arguments_parse(argc, argv, &arguments, &code))
		code = run(&arguments);
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return code;
	fputs("dane-sts-milter: stdout cannot be written\n", stderr);
	return code != 0 ? code : EX_IOERR;
}
