/*
 * The other side of a connection to a server that a test has started.
 */
#ifndef TESTS_LOOPBACK_H
#define TESTS_LOOPBACK_H

#include <stdint.h>

#define LOOPBACK_PATIENCE_MS 20000

/* A connection to the port on 127.0.0.1. */
int loopback_dial(uint16_t port);
void loopback_say(int fd, const char *text);
/* Reads until the server closes, and closes. free() it. */
char *loopback_hear(int fd);

#endif
