#include "autoconf.h"

#include "front/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"

#define BACKLOG       128
#define HOST_TEXT_MAX 256
#define PORT_TEXT_MAX 8
#define STREAM_FLAGS  (SOCK_CLOEXEC | SOCK_NONBLOCK)
#define UNIX_PREFIX   "unix:"

static int
fail(char error[LISTEN_ERROR_SIZE], const char *why)
{
	(void)snprintf(error, LISTEN_ERROR_SIZE, "%s", why);
	return ERR_IO;
}

const char *
listen_why(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "the address is in use: \"ss -lntp\" shows by which "
		       "program; stop it, or set another port";
	case EADDRNOTAVAIL:
		return "this host does not have that address";
	case ENOENT:
		return "its directory does not exist: create it, writable "
		       "for the filter's user";
	case EACCES:
		return "permission denied: the directory must be writable "
		       "for the filter's user, and a port below 1024 needs "
		       "root or CAP_NET_BIND_SERVICE";
	default:
		return strerror(error);
	}
}

/* Closes without losing errno. Returns -1. */
static int
close_failed(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return -1;
}

/* --- unix --- */

const char *
listen_unix_path(const char *spec)
{
	const size_t len = strlen(UNIX_PREFIX);

	return strncmp(spec, UNIX_PREFIX, len) == 0 ? spec + len : NULL;
}

static int
name_path(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address->sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address->sun_path, path, strlen(path) + 1);
	return 0;
}

/* Whether a live instance listens there: its file must not be taken away. */
static bool
answers(const char *path)
{
	struct sockaddr_un address;
	bool alive;
	int fd;

	if (name_path(path, &address) < 0)
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | STREAM_FLAGS, 0);
	if (fd < 0)
		return false;
	alive = connect(fd, (const struct sockaddr *)&address,
		    sizeof(address)) == 0 ||
	    errno == EAGAIN; /* its backlog is full */
	close(fd);
	return alive;
}

int
listen_unix_check(const char *path, char error[LISTEN_ERROR_SIZE])
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

struct listen_access
listen_unix_access(const struct config *config)
{
	return (struct listen_access){
	    .user = config->user,
	    .group = config->socket_group,
	    .mode = (mode_t)strtoul(config->socket_mode, NULL, 8),
	};
}

/* (uid_t)-1, (gid_t)-1: unchanged. */
static int
find_owner(const struct listen_access *access, uid_t *uid, gid_t *gid,
    char error[LISTEN_ERROR_SIZE])
{
	const struct passwd *user;
	const struct group *group;

	*uid = (uid_t)-1;
	*gid = (gid_t)-1;
	if (access->user[0] != '\0' && geteuid() == 0) {
		user = getpwnam(access->user);
		if (user == NULL)
			return fail(error, "no such user");
		*uid = user->pw_uid;
		*gid = user->pw_gid;
	}
	if (access->group[0] != '\0') {
		group = getgrnam(access->group);
		if (group == NULL)
			return fail(error, "no such group (socket_group)");
		*gid = group->gr_gid;
	}
	return 0;
}

/*
 * The directory may belong to a user whom root does not trust, so a link that
 * this user has put there meanwhile must not be followed.
 */
int
listen_unix_set_mode(const char *path, mode_t mode)
{
	struct stat status;

	if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode) &&
	    (status.st_mode & 07777) == mode)
		return 0;
	return fchmodat(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW) < 0 ? ERR_IO
								       : 0;
}

int
listen_unix_permit(const char *path, const struct listen_access *access,
    char error[LISTEN_ERROR_SIZE])
{
	struct stat status;
	uid_t uid;
	gid_t gid;

	if (find_owner(access, &uid, &gid, error) < 0)
		return ERR_IO;
	if (listen_unix_set_mode(path, access->mode) < 0 ||
	    lstat(path, &status) < 0)
		return fail(error, strerror(errno));
	/* In the sandbox of an init system chown may be forbidden altogether;
	 * the set-group-id bit of the directory gives the group there. */
	if ((uid == (uid_t)-1 || uid == status.st_uid) &&
	    (gid == (gid_t)-1 || gid == status.st_gid))
		return 0;
	return lchown(path, uid, gid) < 0 ? fail(error, strerror(errno)) : 0;
}

int
listen_unix_open(const char *path, const struct listen_access *access,
    char error[LISTEN_ERROR_SIZE])
{
	struct sockaddr_un address;
	mode_t mask;
	int fd, rc;

	if (listen_unix_check(path, error) < 0)
		return ERR_IO;
	if (name_path(path, &address) < 0)
		return fail(error, strerror(errno));
	fd = socket(AF_UNIX, SOCK_STREAM | STREAM_FLAGS, 0);
	if (fd < 0)
		return fail(error, strerror(errno));
	(void)unlink(path); /* nobody answers there */
	mask = umask(0177); /* nobody slips in before the chmod */
	rc = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (rc < 0) {
		(void)close_failed(fd);
		return fail(error, listen_why(errno));
	}
	if (listen_unix_permit(path, access, error) < 0) {
		close(fd);
		return ERR_IO;
	}
	if (listen(fd, BACKLOG) == 0)
		return fd;
	(void)close_failed(fd);
	return fail(error, strerror(errno));
}

/* --- inet, inet6 --- */

/* -1 with errno set. */
static int
bind_address(const struct addrinfo *found)
{
	const int on = 1;
	int fd = socket(found->ai_family, SOCK_STREAM | STREAM_FLAGS, 0);

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, found->ai_addr, found->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	return close_failed(fd);
}

/* Looks up "inet:PORT@HOST" or "inet6:PORT@HOST". NULL; or the reason why
 * *found is NULL. */
static const char *
find_inet(const char *spec, struct addrinfo **found)
{
	struct addrinfo hints = {
	    .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	    .ai_socktype = SOCK_STREAM,
	    .ai_family = strncmp(spec, "inet6:", strlen("inet6:")) == 0
		? AF_INET6
		: AF_INET,
	};
	const char *colon = strchr(spec, ':');
	const char *at = strchr(spec, '@');
	char port[PORT_TEXT_MAX];
	size_t len;
	int rc;

	*found = NULL;
	if (colon == NULL || at == NULL || at < colon)
		return err_text(ERR_SYNTAX);
	len = (size_t)(at - colon - 1);
	if (len == 0 || len >= PORT_TEXT_MAX || strlen(at) > HOST_TEXT_MAX)
		return err_text(ERR_SYNTAX);
	memcpy(port, colon + 1, len);
	port[len] = '\0';
	rc = getaddrinfo(at + 1, port, &hints, found);
	if (rc == 0)
		return NULL;
	*found = NULL;
	return gai_strerror(rc);
}

/* --- all of them --- */

int
listen_open(const char *spec, const struct config *config,
    char error[LISTEN_ERROR_SIZE])
{
	const char *path = listen_unix_path(spec);
	struct addrinfo *found = NULL;
	struct listen_access access;
	char why[LISTEN_ERROR_SIZE];
	int fd;

	if (path != NULL) {
		access = listen_unix_access(config);
		fd = listen_unix_open(path, &access, why);
	} else {
		const char *problem = find_inet(spec, &found);

		fd = found != NULL ? bind_address(found) : -1;
		if (found != NULL && fd < 0)
			problem = listen_why(errno);
		if (found != NULL)
			freeaddrinfo(found);
		if (fd < 0)
			(void)fail(why, problem);
	}
	if (fd >= 0)
		return fd;
	(void)snprintf(error, LISTEN_ERROR_SIZE, "socket %.256s: %.192s", spec,
	    why);
	return ERR_IO;
}

int
listen_address(const char *spec, struct sockaddr_storage *address,
    socklen_t *len)
{
	const char *path = listen_unix_path(spec);
	struct addrinfo *found = NULL;

	memset(address, 0, sizeof(*address));
	if (path != NULL) {
		*len = sizeof(struct sockaddr_un);
		return name_path(path, (struct sockaddr_un *)address);
	}
	(void)find_inet(spec, &found);
	if (found == NULL)
		return -1;
	*len = found->ai_addrlen;
	memcpy(address, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

void
listen_remove(const char *spec)
{
	const char *path = listen_unix_path(spec);

	if (path != NULL && !answers(path))
		(void)unlink(path);
}
