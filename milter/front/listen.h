/*
 * Listening stream sockets, as the options name them: "unix:PATH",
 * "inet:PORT@HOST", "inet6:PORT@HOST".
 *
 * The file of a unix socket is replaced when nobody answers there, and gets
 * owner, group and mode before anybody is let in.
 *
 * Main thread, before privileges are dropped, unless it says otherwise.
 */
#ifndef FRONT_LISTEN_H
#define FRONT_LISTEN_H

#include <sys/socket.h>
#include <sys/types.h>

#include "config/config.h"

#define LISTEN_ERROR_SIZE 512

/* The descriptor, non-blocking; or ERR_IO with *error filled in. spec is in
 * good form. */
int listen_open(const char *spec, const struct config *config,
    char error[LISTEN_ERROR_SIZE]);

/* Explains for an errno why an address cannot be bound, and advises. Thread: as
 * strerror(). */
const char *listen_why(int error);

/* The address to connect to. 0, or -1 when it cannot be found. */
int listen_address(const char *spec, struct sockaddr_storage *address,
    socklen_t *len);

/* Removes the file of a unix socket, if that is allowed and no process answers
 * there. Any thread. */
void listen_remove(const char *spec);

/* --- unix sockets --- */

/* The path of "unix:PATH"; NULL: it is not a unix socket. */
const char *listen_unix_path(const char *spec);

/* The descriptor, non-blocking; or ERR_IO with *error filled in. For user,
 * group and mode see listen_unix_permit(). */
int listen_unix_open(const char *path, const char *user, const char *group,
    mode_t mode, char error[LISTEN_ERROR_SIZE]);

/* 0, or ERR_IO with *error filled in: a live socket, or another file, is
 * there. */
int listen_unix_check(const char *path, char error[LISTEN_ERROR_SIZE]);
/* Sets owner, group and mode. user: owner when started as root; "": unchanged.
 * group "": that of the user. 0 or ERR_IO with *error filled in. */
int listen_unix_permit(const char *path, const char *user, const char *group,
    mode_t mode, char error[LISTEN_ERROR_SIZE]);
/* 0, or ERR_IO with errno. Does not follow a symbolic link. */
int listen_unix_set_mode(const char *path, mode_t mode);

#endif
