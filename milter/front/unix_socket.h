/*
 * The file of a listening unix socket: whether its place is free, and who may
 * connect.
 *
 * Main thread (but for unix_socket_remove), before privileges are dropped.
 */
#ifndef FRONT_UNIX_SOCKET_H
#define FRONT_UNIX_SOCKET_H

#include <sys/types.h>

#include "config/config.h"

#define UNIX_SOCKET_ERROR_SIZE 512

/* The path of "unix:PATH"; NULL: it is no unix socket. */
const char *unix_socket_path(const char *spec);

/* A stale socket may be replaced; a live one, or another file, may not. 0 or
 * ERR_IO with *error filled in. */
int unix_socket_check(const char *path, char error[UNIX_SOCKET_ERROR_SIZE]);

/* Gives it to the user, the group and with the mode of the configuration. 0 or
 * ERR_IO with *error filled in. */
int unix_socket_permit(const struct config *config, const char *path,
    char error[UNIX_SOCKET_ERROR_SIZE]);

/* 0, or ERR_IO with errno. Never of what a symbolic link points to. */
int unix_socket_set_mode(const char *path, mode_t mode);

/* Unless the next instance is there already. */
void unix_socket_remove(const char *path);

#endif
