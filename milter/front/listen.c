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

/* True if a live instance listens there, whose file must not be removed. */
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
listen_unix_permit(const char *path, const char *user, const char *group,
    mode_t mode, char error[LISTEN_ERROR_SIZE])
{
	const struct passwd *user_entry;
	const struct group *group_entry;
	struct stat status;
	uid_t uid = (uid_t)-1; /* unchanged */
	gid_t gid = (gid_t)-1;

	if (user[0] != '\0' && geteuid() == 0) {
		user_entry = getpwnam(user);
		if (user_entry == NULL)
			return fail(error, "no such user");
		uid = user_entry->pw_uid;
		gid = user_entry->pw_gid;
	}
	if (group[0] != '\0') {
		group_entry = getgrnam(group);
		if (group_entry == NULL)
			return fail(error, "no such group (socket_group)");
		gid = group_entry->gr_gid;
	}
	if (listen_unix_set_mode(path, mode) < 0 || lstat(path, &status) < 0)
		return fail(error, strerror(errno));
	/* In the sandbox of an init system chown may be forbidden altogether;
	 * the set-group-id bit of the directory gives the group there. */
	if ((uid == (uid_t)-1 || uid == status.st_uid) &&
	    (gid == (gid_t)-1 || gid == status.st_gid))
		return 0;
	return lchown(path, uid, gid) < 0 ? fail(error, strerror(errno)) : 0;
}

int
listen_unix_open(const char *path, const char *user, const char *group,
    mode_t mode, char error[LISTEN_ERROR_SIZE])
{
	struct sockaddr_un address;
	int fd, err = ERR_IO;
	mode_t mask;

	if (listen_unix_check(path, error) < 0)
		return ERR_IO;
	if (name_path(path, &address) < 0)
		return fail(error, strerror(errno));
	fd = socket(AF_UNIX, SOCK_STREAM | STREAM_FLAGS, 0);
	if (fd < 0)
		return fail(error, strerror(errno));
	(void)unlink(path); /* nobody answers there */
	mask = umask(0177); /* nobody can connect before the chmod */
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		(void)fail(error, listen_why(errno));
	else if (listen_unix_permit(path, user, group, mode, error) == 0)
		err =
		    listen(fd, BACKLOG) == 0 ? 0 : fail(error, strerror(errno));
	umask(mask);
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

/* --- inet, inet6 --- */

/* -1 with errno set. */
static int
bind_address(const struct addrinfo *found)
{
	const int on = 1;
	int saved;
	int fd = socket(found->ai_family, SOCK_STREAM | STREAM_FLAGS, 0);

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, found->ai_addr, found->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
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
	char why[LISTEN_ERROR_SIZE];
	int fd;

	if (path != NULL) {
		fd = listen_unix_open(path, config->user, config->socket_group,
		    (mode_t)strtoul(config->socket_mode, NULL, 8), why);
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
