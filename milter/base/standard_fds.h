/*
 * Opens missing standard descriptors. Otherwise a program that was started
 * without stdin, stdout or stderr would give their numbers to the next files
 * that it opens, and could write its messages into the policy store.
 *
 * At the very start, before anything is opened. One thread.
 */
#ifndef BASE_STANDARD_FDS_H
#define BASE_STANDARD_FDS_H

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"

/* Opens /dev/null in place of each closed descriptor, in the direction in which
 * reading stdin and writing stdout or stderr still fail. 0 or ERR_IO. */
static inline int
standard_fds_take(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* The wrong direction, on purpose: lost output is an error. */
		const int flags = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;

		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		/* open() returns the lowest free number, which is fd. */
		if (open("/dev/null", flags) != fd)
			return ERR_IO;
	}
	return 0;
}

#endif
