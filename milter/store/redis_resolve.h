/*
 * Addresses of a Redis server's host, by a deadline: the system's resolver
 * knows none, so that it runs on a thread of glibc's, and what does not come
 * in time is waited for anew by the next call.
 *
 * One thread at a time, and one host for the life of a resolver.
 */
#ifndef STORE_REDIS_RESOLVE_H
#define STORE_REDIS_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

struct addrinfo;
struct query;

struct redis_resolver {
	struct query *running; /* zero: none */
};

/*
 * 0 with *out for freeaddrinfo; ERR_BUSY: not in time; ERR_IO: why is static
 * text.
 */
int redis_resolve(struct redis_resolver *resolver, const char *host,
    const char *port, uint64_t deadline_ms, struct addrinfo **out,
    const char **why);

/* Does not wait. */
void redis_resolver_clear(struct redis_resolver *resolver);

#endif
