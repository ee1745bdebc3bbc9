/*
 * dane-sts-milter(8): the command line, and what is done about it.
 */
#include "autoconf.h"

#include <signal.h>
#include <stddef.h>

#include "arguments.h"
#include "daemon.h"
#include "startup.h"

/* A reload that is asked for too early must not end the process. */
static void
block_reload(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int
main(int argc, char **argv)
{
	struct arguments arguments = {.background = false};
	struct startup startup;
	int code = 0;

	block_reload();
	if (!arguments_parse(argc, argv, &arguments, &code))
		return code;
	code = startup_load(&startup, &arguments);
	if (code == 0)
		code = startup_check(&startup);
	if (code == 0 && arguments.check)
		startup_show(&startup);
	else if (code == 0)
		code = daemon_run(&startup);
	startup_free(&startup);
	return code;
}
