/*
 * Keeps the links to a Redis server: makes them, mends them, notices outages
 * and logs each once. A thread of its own connects, so that nobody who reads or
 * writes policies waits for the lookup of a name or for a host that is switched
 * off.
 *
 *            a link broke               cannot connect
 *      UP ----------------> MENDING ---------------------> DOWN
 *      ^ ^                     |                           ^ |
 *      | +------ mended -------+  no answer in time        | | tried again,
 *      |                          (from UP and MENDING) ---+ | less and less
 *      +-------------------- connected ----------------------+ often
 *
 * While MENDING, borrowers wait a little: a server that was restarted, or that
 * closes idle connections, is no outage. While DOWN they get nothing at once.
 *
 * Any thread.
 */
#ifndef STORE_REDIS_KEEPER_H
#define STORE_REDIS_KEEPER_H

#include <stdint.h>

#include "store/redis_link.h"
#include "store/store.h"

struct log;
struct redis_keeper;

#define REDIS_CONNECT_MS 1000 /* all of a login */

/* One link each: no read waits for a write. */
enum redis_lane {
	REDIS_READ,
	REDIS_WRITE,
	REDIS_SPARE,
	REDIS_NEWS, /* subscribed; the keeper's thread */
	REDIS_LANES
};

#define REDIS_WATCH_MS  5000
#define REDIS_LISTEN_MS 250 /* what another host learns binds in a second */

/* The callbacks are made on the keeper's thread, with the server UP. */
struct redis_keeping {
	const struct redis_login *login;
	const char *spec; /* for the log */
	struct log *log;  /* may be NULL */
	/* Writes what is pending. 0, or an error: some is left for later. */
	int (*push)(void *arg);
	/* Each REDIS_WATCH_MS, and when the server has come UP. */
	void (*watch)(void *arg);
	/* Each REDIS_LISTEN_MS. */
	void (*listen)(void *arg);
	void *arg;
};

/*
 * Tries to connect before it returns. What is pointed to must outlive it. NULL
 * with *error filled in when the server says no to what the configuration
 * says; one that cannot be reached is an outage, or, if must_be_up, an error.
 */
struct redis_keeper *redis_keeper_new(const struct redis_keeping *keeping,
    char error[STORE_ERROR_SIZE]);
/* Starts its thread, which may call push and watch at once. 0 or ERR_NOMEM. */
int redis_keeper_start(struct redis_keeper *keeper);
/* Also of one that was never started. Nobody has a link. What can still be
 * pushed is. */
void redis_keeper_stop(struct redis_keeper **keeper);

/* NULL: the server is down, or the link is not mended within wait_ms. */
struct redis_link *redis_keeper_borrow(struct redis_keeper *keeper,
    enum redis_lane lane, uint64_t wait_ms);
/* err: what became of the link: 0, ERR_BUSY (no answer in time), another one.
 */
void redis_keeper_return(struct redis_keeper *keeper, enum redis_lane lane,
    struct redis_link *link, int err);

bool redis_keeper_is_down(struct redis_keeper *keeper);

/* Something is to be pushed. */
void redis_keeper_wake(struct redis_keeper *keeper);

#endif
