/*
 * A program that was started without stdin, stdout or stderr would give their
 * numbers to the next files that it opens, and write its messages into the
 * policy store.
 *
 * At the very start, before anything is opened. One thread.
 */
#ifndef BASE_STANDARD_FDS_H
#define BASE_STANDARD_FDS_H

/* Opens /dev/null in the place of those that are closed, so that using them
 * still fails. 0 or ERR_IO. */
int standard_fds_take(void);

#endif
