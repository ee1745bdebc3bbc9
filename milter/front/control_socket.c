/* Where the control socket stands. */
#include "autoconf.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "front/control.h"
#include "front/unix_socket.h"

#define SOCKET_MODE    0660
#define DIRECTORY_MODE 0755
#define BACKLOG        16

static int
fail(char error[CONTROL_ERROR_SIZE], const struct config *config,
    const char *what)
{
	(void)snprintf(error, CONTROL_ERROR_SIZE,
	    "control_socket %s: %s; choose another path, or \"\" to go without "
	    "dane-sts status and cache",
	    config->control_socket, what);
	return ERR_IO;
}

static int
make_address(const char *path, struct sockaddr_un *address)
{
	size_t len = strlen(path);

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	if (len >= sizeof(address->sun_path))
		return ERR_TOOLONG;
	memcpy(address->sun_path, path, len + 1);
	return 0;
}

/* Whom it is for; false: as it is. */
static bool
find_owner(const struct config *config, uid_t *uid, gid_t *gid)
{
	const struct passwd *user = NULL;

	if (geteuid() == 0 && config->user[0] != '\0')
		user = getpwnam(config->user);
	if (user == NULL)
		return false;
	*uid = user->pw_uid;
	*gid = user->pw_gid;
	return true;
}

/* The last part of the path alone: /run is there. */
static int
make_directory(const struct config *config, char error[CONTROL_ERROR_SIZE])
{
	const char *slash = strrchr(config->control_socket, '/');
	char path[PATH_MAX];
	struct stat status;
	uid_t uid;
	gid_t gid;

	if (slash == NULL || slash == config->control_socket)
		return 0;
	(void)snprintf(path, sizeof(path), "%.*s",
	    (int)(slash - config->control_socket), config->control_socket);
	if (geteuid() != 0 || stat(path, &status) == 0)
		return 0;
	if (mkdir(path, DIRECTORY_MODE) < 0)
		return fail(error, config, strerror(errno));
	if (find_owner(config, &uid, &gid) && lchown(path, uid, gid) < 0)
		return fail(error, config, strerror(errno));
	return 0;
}

/* What a daemon that was killed has left. */
static int
remove_stale(const struct config *config, char error[CONTROL_ERROR_SIZE])
{
	char why[UNIX_SOCKET_ERROR_SIZE];

	if (unix_socket_check(config->control_socket, why) < 0)
		return fail(error, config, why);
	if (unlink(config->control_socket) < 0 && errno != ENOENT)
		return fail(error, config, strerror(errno));
	return 0;
}

static int
bind_socket(const struct config *config, const struct sockaddr_un *address,
    int fd)
{
	mode_t mask = umask(0777 & ~SOCKET_MODE);
	int err = bind(fd, (const struct sockaddr *)address, sizeof(*address));
	int saved = errno;
	uid_t uid;
	gid_t gid;

	(void)umask(mask);
	errno = saved;
	if (err < 0)
		return ERR_IO;
	if (find_owner(config, &uid, &gid) &&
	    lchown(config->control_socket, uid, gid) < 0)
		return ERR_IO;
	/* Nobody is let in before this. */
	if (unix_socket_set_mode(config->control_socket, SOCKET_MODE) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return ERR_IO;
	return 0;
}

int
control_listen(const struct config *config, int *fd,
    char error[CONTROL_ERROR_SIZE])
{
	struct sockaddr_un address;

	*fd = -1;
	if (make_address(config->control_socket, &address) < 0)
		return fail(error, config, "the path is too long");
	if (make_directory(config, error) < 0 ||
	    remove_stale(config, error) < 0)
		return ERR_IO;
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd >= 0 && bind_socket(config, &address, *fd) == 0)
		return 0;
	(void)fail(error, config, strerror(errno));
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return ERR_IO;
}

void
control_remove(const struct config *config)
{
	unix_socket_remove(config->control_socket);
}
