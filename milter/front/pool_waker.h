/*
 * libmilter's pool of workers (_FFR_WORKERS_POOL, as Debian builds it) gives
 * commands that arrive together to the few workers that are idle then. If one
 * of those has to wait in a callback, the commands behind it wait, too, for no
 * reason: a worker that has nothing to do looks for them, but none is started
 * until something arrives on another connection.
 *
 * These are such connections. They are made to the milter's own socket, and
 * before a callback waits, a command without effect goes over one (ABORT of no
 * message, which is not replied to).
 *
 * A libmilter with a thread for each connection reads it, and that is all.
 */
#ifndef FRONT_POOL_WAKER_H
#define FRONT_POOL_WAKER_H

struct pool_waker;

/* spec: the option `socket`, which listens already. Main thread, before
 * privileges are dropped. NULL: no memory, or nothing known to connect to. */
struct pool_waker *pool_waker_new(const char *spec);

/* Any thread. Never blocks. NULL is fine. */
void pool_waker_wake(struct pool_waker *waker);

#endif
