/*
 * A syslog daemon that does the least: it takes what comes and keeps nothing.
 *
 *	syslog_sink SOCKET
 */
#include "autoconf.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define AT_ONCE   64
#define LINE_SIZE 2048

static int
bind_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path));
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? fd
									   : -1;
}

int
main(int argc, char **argv)
{
	static char lines[AT_ONCE][LINE_SIZE];
	struct iovec parts[AT_ONCE];
	struct mmsghdr messages[AT_ONCE];
	int fd;

	if (argc != 2) {
		(void)fprintf(stderr, "usage: syslog_sink SOCKET\n");
		return 64;
	}
	fd = bind_to(argv[1]);
	if (fd < 0) {
		perror("syslog_sink");
		return 1;
	}
	memset(messages, 0, sizeof(messages));
	for (int i = 0; i < AT_ONCE; i++) {
		parts[i].iov_base = lines[i];
		parts[i].iov_len = LINE_SIZE;
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	for (;;)
		if (recvmmsg(fd, messages, AT_ONCE, MSG_WAITFORONE, NULL) < 0)
			return 1;
}
