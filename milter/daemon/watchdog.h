/*
 * Notifies an init system such as systemd with the protocol of sd_notify(3),
 * without its library: a datagram to $NOTIFY_SOCKET. A watchdog thread sends
 * WATCHDOG=1 several times in $WATCHDOG_USEC as long as the daemon is alive.
 * When it stops sending, the init system restarts the daemon.
 */
#ifndef DAEMON_WATCHDOG_H
#define DAEMON_WATCHDOG_H

#include <stdbool.h>

/* Any thread. "READY=1", "STOPPING=1". Does nothing without an init system that
 * listens. */
void notify(const char *state);
/* A reload has begun; READY=1 reports its end. */
void notify_reloading(void);

struct watchdog;

/* On the watchdog's thread. Must not block. */
typedef bool watchdog_alive_fn(void *arg);

/*
 * Main thread, signals blocked. Starts nothing if the init system does not
 * watch this process: *watchdog is NULL then. 0 or ERR_NOMEM.
 */
int
watchdog_start(struct watchdog **watchdog, watchdog_alive_fn *alive, void *arg);

/* Returns when alive is not called any more. NULL inside is fine. */
void watchdog_stop(struct watchdog **watchdog);

#endif
