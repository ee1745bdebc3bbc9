#include "autoconf.h"

#include "front/filter_socket.h"

#include <errno.h>
#include <grp.h>
#include <libmilter/mfapi.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/err.h"
#include "io/log.h"

/* A connection takes one, a lookup a few. When the table is full, libmilter's
 * accept loop spins. */
#define DESCRIPTORS_WANTED 65536
#define DESCRIPTORS_ENOUGH 4096

#define UNIX_PREFIX "unix:"

/* NULL: it is no unix socket. */
static const char *
unix_path(const struct config *config)
{
	const size_t len = strlen(UNIX_PREFIX);

	return strncmp(config->socket, UNIX_PREFIX, len) == 0
	    ? config->socket + len
	    : NULL;
}

static int
fail(char error[FILTER_ERROR_SIZE], const struct config *config,
    const char *what)
{
	snprintf(error, FILTER_ERROR_SIZE, "socket %s: %s", config->socket,
	    what);
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

/* --- unix sockets --- */

/* Whether somebody answers: libmilter would take the file away from under a
 * live instance. */
static bool
answers(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	bool alive;
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	alive = connect(fd, (const struct sockaddr *)&address,
		    sizeof(address)) == 0 ||
	    errno == EAGAIN; /* its backlog is full */
	close(fd);
	return alive;
}

static int
check_path(const struct config *config, const char *path,
    char error[FILTER_ERROR_SIZE])
{
	struct stat status;

	if (lstat(path, &status) < 0)
		return errno == ENOENT ? 0
				       : fail(error, config, strerror(errno));
	if (!S_ISSOCK(status.st_mode))
		return fail(error, config,
		    "there is a file of that name which is no socket");
	if (answers(path))
		return fail(error, config,
		    "another instance answers there; stop it first");
	return 0;
}

/* Who owns the socket; (uid_t)-1: as it is. */
static int
find_owner(const struct config *config, uid_t *uid, gid_t *gid,
    char error[FILTER_ERROR_SIZE])
{
	const struct passwd *user;
	const struct group *group;

	*uid = (uid_t)-1;
	*gid = (gid_t)-1;
	if (config->user[0] != '\0' && geteuid() == 0) {
		user = getpwnam(config->user);
		if (user == NULL)
			return fail(error, config, "no such user");
		*uid = user->pw_uid;
		*gid = user->pw_gid;
	}
	if (config->socket_group[0] != '\0') {
		group = getgrnam(config->socket_group);
		if (group == NULL)
			return fail(error, config,
			    "no such group (socket_group)");
		*gid = group->gr_gid;
	}
	return 0;
}

static int
set_permissions(const struct config *config, const char *path,
    char error[FILTER_ERROR_SIZE])
{
	mode_t mode = (mode_t)strtoul(config->socket_mode, NULL, 8);
	uid_t uid;
	gid_t gid;

	if (find_owner(config, &uid, &gid, error) < 0)
		return ERR_IO;
	if (chmod(path, mode) < 0 || lchown(path, uid, gid) < 0)
		return fail(error, config, strerror(errno));
	return 0;
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
		    errno != 0 ? strerror(errno) : "cannot listen");
	umask(mask);
	free(copy);
	return err;
}

int
filter_socket_open(const struct config *config, char error[FILTER_ERROR_SIZE])
{
	const char *path = unix_path(config);

	raise_descriptors();
	if (path != NULL && check_path(config, path, error) < 0)
		return ERR_IO;
	if (open_socket(config, error) < 0)
		return ERR_IO;
	return path != NULL ? set_permissions(config, path, error) : 0;
}

void
filter_socket_remove(const struct config *config)
{
	const char *path = unix_path(config);

	/* Unless the next instance is there already. */
	if (path != NULL && !answers(path))
		(void)unlink(path);
}
