/* The other side of a connection. See loopback.h. */
#include "autoconf.h"

#include "loopback.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLY_SIZE (1 << 20)

int
loopback_dial(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	    .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_geq(fd, 0);
	cr_assert_eq(connect(fd, (const struct sockaddr *)&address,
			 sizeof(address)),
	    0);
	return fd;
}

void
loopback_say(int fd, const char *text)
{
	cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL),
	    (ssize_t)strlen(text));
}

char *
loopback_hear(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char *text = calloc(1, REPLY_SIZE);
	size_t len = 0;
	ssize_t n;

	cr_assert_not_null(text);
	do {
		cr_assert_eq(poll(&p, 1, LOOPBACK_PATIENCE_MS), 1, "silence");
		n = read(fd, text + len, REPLY_SIZE - 1 - len);
		if (n > 0)
			len += (size_t)n;
	} while (n > 0);
	close(fd);
	return text;
}
