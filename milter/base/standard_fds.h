/*
 * stdin, stdout and stderr of a program that was started without one of them:
 * the next file that is opened would get its number, and what is said to
 * people would be written into the policy store.
 *
 * At the very start, before anything is opened. One thread.
 */
#ifndef BASE_STANDARD_FDS_H
#define BASE_STANDARD_FDS_H

/* Those that are closed are taken by /dev/null, and still fail as though they
 * were. 0, or ERR_IO. */
int standard_fds_take(void);

#endif
