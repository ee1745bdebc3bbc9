/*
 * From an address to a link that can be worked with: connected, logged in, in
 * its database, whose format is ours.
 *
 * Any thread; a resolver is its caller's.
 */
#ifndef STORE_REDIS_LOGIN_H
#define STORE_REDIS_LOGIN_H

#include <stdbool.h>

#include "store/redis_link.h"

#define REDIS_FORMAT_KEY "dane-sts:format"
#define REDIS_FORMAT     "1"

struct redis_login {
	struct redis_address address;
	const char *auth_file; /* read anew each time: passwords change */
	const char *ca;
	bool read_only;  /* says nothing of its format to a new database */
	bool must_be_up; /* an outage at the start is an error */
};

/*
 * 0; ERR_BUSY: not in time; ERR_IO: not there, or not ready; ERR_CONFIG,
 * ERR_VERSION: trying again is of no use before somebody changes something.
 * *why is filled in.
 */
int
redis_login(const struct redis_login *login, struct redis_resolver *resolver,
    uint64_t deadline_ms, struct redis_link **out, char why[REDIS_WHY_SIZE]);

#endif
