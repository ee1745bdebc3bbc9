/*
 * A host that keeps its policies on a redis-server of the test's own, and
 * writes a log: for tests of a server that fails.
 */
#ifndef UNIT_REDIS_HOST_H
#define UNIT_REDIS_HOST_H

#include <stdbool.h>

#include "redis_server.h"
#include "store/store.h"

extern struct redis_server server;
extern struct store *here; /* the host's; a test may close and open it */
extern char log_path[256];

/* For TestSuite(). Without redis-server they do nothing. */
void redis_host_setup(void);
void redis_host_teardown(void);

/* First in each test. */
#define NEEDS_SERVER()                                                 \
	do {                                                           \
		if (server.dir == NULL)                                \
			cr_skip_test("redis-server is not installed"); \
	} while (0)

/* "redis+unix:PATH" with the host's log. NULL with error filled in. */
struct store *open_store(const char *path, char error[STORE_ERROR_SIZE]);

/* The test's own time limit ends what never comes true. */
void await(bool (*is_so)(void));

/* A policy with `dnssec: yes`, fetched later_s seconds after that of
 * sync_entry(). */
struct store_entry entry_of(const char *domain, const char *id, int later_s);

/* The store gives a policy with that id. */
void expect_id_in(struct store *store, const char *domain, const char *id,
    const char *what);
/* The same of the host's store. */
void expect_id(const char *domain, const char *id, const char *what);

#endif
