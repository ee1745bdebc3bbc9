#include "autoconf.h"

#include "front/filter_socket.h"

#include <errno.h>
#include <libmilter/mfapi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/err.h"
#include "front/unix_socket.h"
#include "log/log.h"

/* A connection takes one, a lookup a few. When the table is full, libmilter's
 * accept loop spins. */
#define DESCRIPTORS_WANTED 65536
#define DESCRIPTORS_ENOUGH 4096

static int
fail(char error[FILTER_ERROR_SIZE], const struct config *config,
    const char *what)
{
	snprintf(error, FILTER_ERROR_SIZE, "socket %.256s: %.192s",
	    config->socket, what);
	return ERR_IO;
}

static void
raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_max < DESCRIPTORS_WANTED) {
		struct rlimit more = {DESCRIPTORS_WANTED, DESCRIPTORS_WANTED};

		/* Root may. */
		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return;
	}
	if (limit.rlim_cur >= DESCRIPTORS_WANTED)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_WANTED
	    ? limit.rlim_max
	    : DESCRIPTORS_WANTED;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

void
filter_socket_warn(struct log *log)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_cur >= DESCRIPTORS_ENOUGH)
		return;
	log_msg(log, LOG_LEVEL_WARNING, "descriptors",
	    "only %ju file descriptors are allowed: good for about %ju "
	    "connections of the MTA (LimitNOFILE= or ulimit -n raises it)",
	    (uintmax_t)limit.rlim_cur, (uintmax_t)limit.rlim_cur / 2);
}

/* --- all of them --- */

static int
open_socket(const struct config *config, char error[FILTER_ERROR_SIZE])
{
	char *copy = strdup(config->socket); /* no const in libmilter */
	mode_t mask = umask(0177); /* nobody slips in before the chmod */
	int err = 0;

	errno = 0;
	if (copy == NULL)
		err = fail(error, config, err_text(ERR_NOMEM));
	else if (smfi_setconn(copy) == MI_FAILURE)
		err = fail(error, config, "libmilter refused the address");
	else if (smfi_opensocket(true) == MI_FAILURE)
		err = fail(error, config,
		    errno != 0
			? strerror(errno)
			: "libmilter cannot listen there; it told syslog "
			  "why (a host name that is not known?)");
	umask(mask);
	free(copy);
	return err;
}

int
filter_socket_open(const struct config *config, char error[FILTER_ERROR_SIZE])
{
	const char *path = unix_socket_path(config->socket);
	char why[UNIX_SOCKET_ERROR_SIZE];

	raise_descriptors();
	if (path != NULL && unix_socket_check(path, why) < 0)
		return fail(error, config, why);
	if (open_socket(config, error) < 0)
		return ERR_IO;
	if (path != NULL && unix_socket_permit(config, path, why) < 0)
		return fail(error, config, why);
	return 0;
}

void
filter_socket_remove(const struct config *config)
{
	const char *path = unix_socket_path(config->socket);

	if (path != NULL)
		unix_socket_remove(path);
}
