/*
 * A program that was started without stdin, stdout or stderr would give their
 * numbers to the next files that it opens, and write its messages into the
 * policy store.
 *
 * At the very start, before anything is opened. One thread.
 */
#ifndef BASE_STANDARD_FDS_H
#define BASE_STANDARD_FDS_H

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"

/* Opens /dev/null in the place of those that are closed, so that using them
 * still fails. 0 or ERR_IO. */
static inline int
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

#endif
