#include "autoconf.h"

#include "front/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"

#define UNIX_PREFIX "unix:"

const char *
unix_socket_path(const char *spec)
{
	const size_t len = strlen(UNIX_PREFIX);

	return strncmp(spec, UNIX_PREFIX, len) == 0 ? spec + len : NULL;
}

static int
fail(char error[UNIX_SOCKET_ERROR_SIZE], const char *what)
{
	snprintf(error, UNIX_SOCKET_ERROR_SIZE, "%s", what);
	return ERR_IO;
}

/* Whether somebody does: the file must not be taken away from under a live
 * instance. */
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

int
unix_socket_check(const char *path, char error[UNIX_SOCKET_ERROR_SIZE])
{
	struct stat status;

	if (lstat(path, &status) < 0)
		return errno == ENOENT ? 0 : fail(error, strerror(errno));
	if (!S_ISSOCK(status.st_mode))
		return fail(error,
		    "there is a file of that name which is no socket");
	if (answers(path))
		return fail(error,
		    "another instance answers there; stop it first");
	return 0;
}

/* Who owns the socket; (uid_t)-1: as it is. */
static int
find_owner(const struct config *config, uid_t *uid, gid_t *gid,
    char error[UNIX_SOCKET_ERROR_SIZE])
{
	const struct passwd *user;
	const struct group *group;

	*uid = (uid_t)-1;
	*gid = (gid_t)-1;
	if (config->user[0] != '\0' && geteuid() == 0) {
		user = getpwnam(config->user);
		if (user == NULL)
			return fail(error, "no such user");
		*uid = user->pw_uid;
		*gid = user->pw_gid;
	}
	if (config->socket_group[0] != '\0') {
		group = getgrnam(config->socket_group);
		if (group == NULL)
			return fail(error, "no such group (socket_group)");
		*gid = group->gr_gid;
	}
	return 0;
}

static bool
is_owned_by(const char *path, uid_t uid, gid_t gid)
{
	struct stat status;

	return lstat(path, &status) == 0 &&
	    (uid == (uid_t)-1 || uid == status.st_uid) &&
	    (gid == (gid_t)-1 || gid == status.st_gid);
}

/*
 * The directory may be of a user whom we do not trust with our own rights: a
 * link that he has put there meanwhile must not be followed.
 */
int
unix_socket_set_mode(const char *path, mode_t mode)
{
	struct stat status;

	if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode) &&
	    (status.st_mode & 07777) == mode)
		return 0;
	return fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW) < 0 ? ERR_IO
								       : 0;
}

int
unix_socket_permit(const struct config *config, const char *path,
    char error[UNIX_SOCKET_ERROR_SIZE])
{
	mode_t mode = (mode_t)strtoul(config->socket_mode, NULL, 8);
	uid_t uid;
	gid_t gid;

	if (find_owner(config, &uid, &gid, error) < 0)
		return ERR_IO;
	if (unix_socket_set_mode(path, mode) < 0)
		return fail(error, strerror(errno));
	/* In the sandbox of an init system chown may be forbidden altogether;
	 * the set-group-id bit of the directory gives the group there. */
	if (!is_owned_by(path, uid, gid) && lchown(path, uid, gid) < 0)
		return fail(error, strerror(errno));
	return 0;
}

void
unix_socket_remove(const char *path)
{
	if (!answers(path))
		(void)unlink(path);
}
