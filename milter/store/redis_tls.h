/*
 * TLS to a Redis server, version 1.2 or higher; its certificate must name the
 * host. Whoever can write policies decides where mail goes.
 *
 * One thread at a time. The process ignores or blocks SIGPIPE.
 */
#ifndef STORE_REDIS_TLS_H
#define STORE_REDIS_TLS_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "store/redis_auth.h"

/*
 * fd: connected, non-blocking. ca: a file; "" or NULL: the system's. 0;
 * ERR_BUSY (too late), ERR_IO; ERR_CONFIG: the certificate, or a file.
 */
int redis_tls_start(int fd, const char *host, const char *ca,
    const struct redis_auth *auth, uint64_t deadline_ms, SSL **out,
    char why[REDIS_WHY_SIZE]);

/* 0 with *done octets moved, one at least; ERR_BUSY or ERR_IO. */
int redis_tls_send(SSL *ssl, const void *data, size_t len, uint64_t deadline_ms,
    size_t *done);
int redis_tls_receive(SSL *ssl, void *out, size_t size, uint64_t deadline_ms,
    size_t *done);

#endif
