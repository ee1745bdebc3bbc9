#include "autoconf.h"

#include "front/listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "front/unix_socket.h"

#define BACKLOG       128
#define HOST_TEXT_MAX 256
#define PORT_TEXT_MAX 8
#define STREAM_FLAGS  (SOCK_CLOEXEC | SOCK_NONBLOCK)

static int
fail(char error[LISTEN_ERROR_SIZE], const char *spec, const char *what)
{
	(void)snprintf(error, LISTEN_ERROR_SIZE, "socket %.256s: %.192s", spec,
	    what);
	return ERR_IO;
}

static int
fail_and_close(char error[LISTEN_ERROR_SIZE], const char *spec, int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	return fail(error, spec, strerror(saved));
}

/* --- unix --- */

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

static int
bind_path(const char *path)
{
	struct sockaddr_un address;
	mode_t mask;
	int fd, rc;

	if (name_path(path, &address) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | STREAM_FLAGS, 0);
	if (fd < 0)
		return -1;
	(void)unlink(path); /* nobody answers there */
	mask = umask(0177); /* nobody slips in before the chmod */
	rc = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	umask(mask);
	if (rc == 0)
		return fd;
	rc = errno;
	close(fd);
	errno = rc;
	return -1;
}

static int
open_unix(const char *spec, const char *path, const struct config *config,
    char error[LISTEN_ERROR_SIZE])
{
	char why[UNIX_SOCKET_ERROR_SIZE];
	int fd;

	if (unix_socket_check(path, why) < 0)
		return fail(error, spec, why);
	fd = bind_path(path);
	if (fd < 0 || listen(fd, BACKLOG) < 0)
		return fail_and_close(error, spec, fd);
	if (unix_socket_permit(config, path, why) < 0) {
		close(fd);
		return fail(error, spec, why);
	}
	return fd;
}

/* --- inet, inet6 --- */

/* "inet6:PORT@HOST" */
static int
split_inet(const char *spec, int *family, char port[PORT_TEXT_MAX],
    const char **host)
{
	const char *colon = strchr(spec, ':');
	const char *at = strchr(spec, '@');
	size_t len;

	if (colon == NULL || at == NULL || at < colon)
		return ERR_SYNTAX;
	len = (size_t)(at - colon - 1);
	if (len == 0 || len >= PORT_TEXT_MAX || strlen(at) > HOST_TEXT_MAX)
		return ERR_SYNTAX;
	*family =
	    strncmp(spec, "inet6:", strlen("inet6:")) == 0 ? AF_INET6 : AF_INET;
	memcpy(port, colon + 1, len);
	port[len] = '\0';
	*host = at + 1;
	return 0;
}

/* -1 with errno set. */
static int
bind_address(const struct addrinfo *found)
{
	const int on = 1;
	int fd = socket(found->ai_family, SOCK_STREAM | STREAM_FLAGS, 0);
	int saved;

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

/* NULL, or why not: then nothing is found. */
static const char *
find_inet(const char *spec, struct addrinfo **found)
{
	struct addrinfo hints = {
	    .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	    .ai_socktype = SOCK_STREAM,
	};
	char port[PORT_TEXT_MAX];
	const char *host;
	int rc;

	if (split_inet(spec, &hints.ai_family, port, &host) != 0)
		return err_text(ERR_SYNTAX);
	rc = getaddrinfo(host, port, &hints, found);
	if (rc == 0)
		return NULL;
	*found = NULL;
	return gai_strerror(rc);
}

static int
open_inet(const char *spec, char error[LISTEN_ERROR_SIZE])
{
	struct addrinfo *found = NULL;
	const char *why = find_inet(spec, &found);
	int fd;

	if (found == NULL)
		return fail(error, spec, why);
	fd = bind_address(found);
	freeaddrinfo(found);
	return fd >= 0 ? fd : fail_and_close(error, spec, fd);
}

/* --- all of them --- */

int
listen_open(const char *spec, const struct config *config,
    char error[LISTEN_ERROR_SIZE])
{
	const char *path = unix_socket_path(spec);

	return path != NULL ? open_unix(spec, path, config, error)
			    : open_inet(spec, error);
}

int
listen_address(const char *spec, struct sockaddr_storage *address,
    socklen_t *len)
{
	const char *path = unix_socket_path(spec);
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
	const char *path = unix_socket_path(spec);

	if (path != NULL)
		unix_socket_remove(path);
}
