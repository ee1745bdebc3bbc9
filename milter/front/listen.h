/*
 * A listening stream socket, as the options name it: "unix:PATH",
 * "inet:PORT@HOST", "inet6:PORT@HOST".
 *
 * Main thread, before privileges are dropped.
 */
#ifndef FRONT_LISTEN_H
#define FRONT_LISTEN_H

#include <sys/socket.h>

#include "config/config.h"

#define LISTEN_ERROR_SIZE 512

/* The descriptor, non-blocking; or ERR_IO with *error filled in. spec is in
 * good form. A unix socket gets owner and mode of the configuration. */
int listen_open(const char *spec, const struct config *config,
    char error[LISTEN_ERROR_SIZE]);

/* Where one who connects to it goes. 0, or -1 when that cannot be said. */
int listen_address(const char *spec, struct sockaddr_storage *address,
    socklen_t *len);

/* The file of a unix socket, if it is allowed to and nobody answers there.
 * Any thread. */
void listen_remove(const char *spec);

#endif
