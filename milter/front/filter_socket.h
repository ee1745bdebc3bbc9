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

/*
 * --- limits on connections ---
 *
 * smfi_settimeout() sets one time for two things. In the pool of workers it is
 * the time that a worker waits for the rest of a packet, and the time after
 * which a connection without commands is closed (looked at every ten minutes).
 * The second must be long: Sendmail waits an hour for a client's next command,
 * and while a large message comes in after DATA, nothing goes to the filter.
 * The first need not be, and half a packet on each of many connections would
 * be as many threads for an hour. libmilter has no limit on connections
 * either.
 *
 * So this program defines poll(2) and accept(2) itself, and libmilter's calls
 * come here: a wait of a worker for the rest of a packet, or for a reply to be
 * taken, ends after packet_ms, summed up over a connection; and no connection
 * is accepted while `connections` are open. An MTA waits for it in the backlog
 * then, until another one ends or its own timeout (Postfix: 30 s), after which
 * it does what its configuration says of a filter that does not answer. Calls
 * of others are passed on unchanged.
 *
 * A libmilter with a thread per connection waits for commands in the same
 * call: there the limit on connections is all there is.
 */
#define FILTER_IDLE_S          3700
#define FILTER_PACKET_MS       10000
#define FILTER_CONNECTIONS_MAX 4096

/* Main thread, which goes on into smfi_main(). 0: the values above, and no more
 * connections than half the descriptors allowed. */
void
filter_socket_limit(struct log *log, unsigned connections, unsigned packet_ms);

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
