/*
 * The init system's watchdog: a thread that says WATCHDOG=1 several times in
 * $WATCHDOG_USEC as long as the daemon is alive. When it is not, nothing is
 * said, and the init system starts it anew.
 */
#ifndef DAEMON_WATCHDOG_H
#define DAEMON_WATCHDOG_H

#include <stdbool.h>

struct watchdog;

/* On the watchdog's thread. Must not block. */
typedef bool watchdog_alive_fn(void *arg);

/*
 * Main thread, signals blocked. Starts nothing when nobody watches this
 * process: *watchdog is NULL then. 0 or ERR_NOMEM.
 */
int
watchdog_start(struct watchdog **watchdog, watchdog_alive_fn *alive, void *arg);

/* Returns when alive is not called any more. NULL inside is fine. */
void watchdog_stop(struct watchdog **watchdog);

#endif
