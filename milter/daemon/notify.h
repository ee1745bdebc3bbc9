/*
 * What an init system such as systemd is told: sd_notify(3) without its
 * library, a datagram to $NOTIFY_SOCKET.
 *
 * Any thread.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

/* "READY=1", "STOPPING=1". Does nothing when nobody listens. */
void notify(const char *state);
/* A reload has begun; READY=1 tells its end. */
void notify_reloading(void);

#endif
