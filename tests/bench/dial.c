#include "autoconf.h"

#include "dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 4096

union address {
	struct sockaddr any;
	struct sockaddr_un un;
	struct sockaddr_in in;
};

/* The length, 0 if spec is none. */
static socklen_t
parse(const char *spec, union address *address)
{
	char *at;
	unsigned long port;

	memset(address, 0, sizeof(*address));
	if (strncmp(spec, "unix:", 5) == 0) {
		address->un.sun_family = AF_UNIX;
		(void)snprintf(address->un.sun_path,
		    sizeof(address->un.sun_path), "%s", spec + 5);
		return sizeof(address->un);
	}
	if (strncmp(spec, "inet:", 5) != 0)
		return 0;
	port = strtoul(spec + 5, &at, 10);
	address->in.sin_family = AF_INET;
	address->in.sin_port = htons((uint16_t)port);
	if (*at != '@' || port == 0 || port > 65535 ||
	    inet_pton(AF_INET, at + 1, &address->in.sin_addr) != 1)
		return 0;
	return sizeof(address->in);
}

static int
open_socket(const char *spec, union address *address, socklen_t *len)
{
	const int on = 1;
	int fd;

	*len = parse(spec, address);
	if (*len == 0) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && address->any.sa_family == AF_INET) {
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	}
	return fd;
}

int
dial(const char *spec)
{
	union address address;
	socklen_t len;
	int fd = open_socket(spec, &address, &len);

	if (fd < 0 || connect(fd, &address.any, len) == 0)
		return fd;
	close(fd);
	return -1;
}

int
dial_listen(const char *spec)
{
	union address address;
	socklen_t len;
	int fd = open_socket(spec, &address, &len);

	if (fd >= 0 && address.any.sa_family == AF_UNIX)
		(void)unlink(address.un.sun_path);
	if (fd < 0 ||
	    (bind(fd, &address.any, len) == 0 && listen(fd, BACKLOG) == 0))
		return fd;
	close(fd);
	return -1;
}
