/*
 * A stream to a Redis server: TCP, TLS over TCP, or a unix socket. Every call
 * ends by its absolute deadline.
 *
 * One thread at a time.
 */
#ifndef STORE_REDIS_SOCKET_H
#define STORE_REDIS_SOCKET_H

#include <stddef.h>
#include <stdint.h>

#include "store/redis_address.h"
#include "store/redis_auth.h"
#include "store/redis_resolve.h"

struct ssl_st;

struct redis_socket {
	int fd;
	struct ssl_st *ssl; /* NULL: plain */
};

/*
 * 0; ERR_BUSY: not in time; ERR_IO: not there; ERR_CONFIG: TLS says no. *why is
 * filled in.
 */
int redis_socket_open(const struct redis_address *address, const char *ca,
    const struct redis_auth *auth, struct redis_resolver *resolver,
    uint64_t deadline_ms, struct redis_socket *out, char why[REDIS_WHY_SIZE]);
void redis_socket_close(struct redis_socket *s);

/* All of it: 0, ERR_BUSY or ERR_IO. */
int redis_socket_send(struct redis_socket *s, const void *data, size_t len,
    uint64_t deadline_ms);
/* What there is, one octet at least: 0, ERR_BUSY or ERR_IO (also: closed). */
int redis_socket_receive(struct redis_socket *s, void *out, size_t size,
    uint64_t deadline_ms, size_t *n);

#endif
