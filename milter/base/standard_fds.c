#include "autoconf.h"

#include "base/standard_fds.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"

int
standard_fds_take(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* For the other direction: no output is lost in silence. */
		const int flags = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;

		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* The lowest number that is free is this one. */
		if (open("/dev/null", flags) != fd)
			return ERR_IO;
	}
	return 0;
}
