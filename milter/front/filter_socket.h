/*
 * The milter's listening socket: made by libmilter, with the permissions that
 * the configuration asks for.
 *
 * Main thread, before privileges are dropped (but for the last two).
 */
#ifndef FRONT_FILTER_SOCKET_H
#define FRONT_FILTER_SOCKET_H

#include "config/config.h"
#include "front/filter.h"

/* 0 or ERR_IO with *error filled in. */
int
filter_socket_open(const struct config *config, char error[FILTER_ERROR_SIZE]);

/* Says so when there are too few descriptors for the connections expected. */
void filter_socket_warn(struct log *log);

/* A unix socket's file, if it is allowed to. */
void filter_socket_remove(const struct config *config);

#endif
