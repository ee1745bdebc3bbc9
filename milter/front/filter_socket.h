/*
 * What the milter needs around libmilter: its listening socket, and what its
 * threads lack. libmilter is a thread per connection, or, as Debian builds it
 * (_FFR_WORKERS_POOL), a pool of workers.
 */
#ifndef FRONT_FILTER_SOCKET_H
#define FRONT_FILTER_SOCKET_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "front/filter.h"

/* --- the socket: main thread, before privileges are dropped --- */

/* Has libmilter listen, with the permissions that the configuration asks for.
 * 0 or ERR_IO with *error filled in. */
int
filter_socket_open(const struct config *config, char error[FILTER_ERROR_SIZE]);

/* Logs it when there are too few descriptors for the connections expected. */
void filter_socket_warn(struct log *log);

/* --- callbacks that run: counted, so that what they use can be freed once the
 * last has left --- */

struct inflight {
	atomic_uint inside;
	atomic_bool closed;
	pthread_mutex_t lock; /* for the one who waits */
	pthread_cond_t left;
};

#define INFLIGHT_INITIALIZER                       \
	{                                          \
		.lock = PTHREAD_MUTEX_INITIALIZER, \
		.left = PTHREAD_COND_INITIALIZER   \
	}

/* Any thread. Takes no lock. False: closed, keep out. */
bool inflight_enter(struct inflight *inflight);
void inflight_leave(struct inflight *inflight);

/* Waits until nobody is inside, but no longer than until_ms (CLOCK_MONOTONIC).
 * True: nobody is, and nobody will be. */
bool inflight_close(struct inflight *inflight, uint64_t until_ms);

/*
 * --- waking the pool ---
 *
 * The pool gives commands that arrive together to the few workers that are idle
 * then. If one of those has to wait in a callback, the commands behind it wait,
 * too, for no reason: a worker that has nothing to do looks for them, but none
 * is started until something arrives on another connection.
 *
 * A waker holds such connections. They are made to the milter's own socket, and
 * before a callback waits, a command without effect goes over one (ABORT of no
 * message, which is not replied to). A libmilter with a thread per connection
 * reads it, and that is all.
 */
struct pool_waker;

/* spec: the option `socket`, which listens already. Main thread, before
 * privileges are dropped. NULL: no memory, or nothing known to connect to. */
struct pool_waker *pool_waker_new(const char *spec);

/* Any thread. Never blocks. NULL is fine. */
void pool_waker_wake(struct pool_waker *waker);

#endif
