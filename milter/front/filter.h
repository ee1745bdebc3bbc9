/*
 * The milter: takes SMTP recipients and replies to the MTA. Hides libmilter.
 */
#ifndef FRONT_FILTER_H
#define FRONT_FILTER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"

struct deferrals;
struct engine;
struct log;
struct metrics;
struct snapshots;

#define FILTER_ERROR_SIZE 512

/*
 * There is one filter per process: libmilter keeps its state in globals.
 * Main thread, once, before privileges are dropped: binds the socket.
 * 0 or ERR_IO with *error filled in.
 */
int filter_listen(const struct config *config, char error[FILTER_ERROR_SIZE]);

/* After filter_listen, if there will be no filter_run: removes a unix socket.
 */
void filter_unlisten(const struct config *config);

/* The parts that judge recipients. All borrowed. */
struct filter_parts {
	const struct config *started; /* the one that filter_listen had */
	struct snapshots *snapshots;
	struct engine *engine;
	struct log *log;
	struct metrics *metrics;
	struct deferrals *deferrals; /* NULL: they are not kept */
	/* 0: the defaults, see below */
	unsigned connections_max;
	unsigned packet_ms;
};

/*
 * Main thread, once. Serves until SIGTERM, then waits, bounded, for callbacks
 * that still run. *drained: no callback runs any more, so that the parts can be
 * freed. 0, or ERR_LIBRARY: it was libmilter that ended, for want of
 * descriptors or memory.
 */
int filter_run(const struct filter_parts *parts, bool *drained);

/* === filter_socket.c: what filter.c needs around libmilter, which runs a
 * thread per connection or, as Debian builds it (_FFR_WORKERS_POOL), a pool of
 * workers === */

/* --- the socket: main thread, before privileges are dropped --- */

/* Has libmilter listen, with the permissions that the configuration asks for.
 * 0 or ERR_IO with *error filled in. */
int
filter_socket_open(const struct config *config, char error[FILTER_ERROR_SIZE]);

/* Warns if the limit on descriptors is too low for the connections expected. */
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
 * hold as many threads for an hour. libmilter has no limit on connections
 * either.
 *
 * So this program defines poll(2) and accept(2) itself, and libmilter calls
 * these. A worker waits for the rest of a packet, or until a reply is taken, no
 * longer than packet_ms, summed up over a connection; and no connection is
 * accepted while `connections` are open. An MTA then waits in the backlog until
 * another connection ends or its own timeout (Postfix: 30 s), after which it
 * does what it is configured to do when a filter does not answer. Calls from
 * other code are passed on unchanged.
 *
 * A libmilter with a thread per connection waits for commands in the same
 * call: there only the connections are limited.
 */
#define FILTER_IDLE_S          3700
#define FILTER_PACKET_MS       10000
#define FILTER_CONNECTIONS_MAX 4096

/* Main thread, which goes on into smfi_main(). 0: the values above, and no more
 * connections than half the descriptors allowed. */
void
filter_socket_limit(struct log *log, unsigned connections, unsigned packet_ms);

/* --- counts the callbacks that run, so that what they use can be freed once
 * the last has left --- */

struct inflight {
	atomic_uint inside;
	atomic_bool closed;
	pthread_mutex_t lock; /* for inflight_close() */
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
 * too, without need: an idle worker would take them, but none wakes up until
 * something arrives on another connection.
 *
 * So a waker keeps connections to the milter's own socket, and before a
 * callback waits, it sends a command without effect over one of them (ABORT of
 * no message, which is not replied to). A libmilter with a thread per
 * connection reads and ignores it.
 */
struct pool_waker;

/* spec: the option `socket`, which listens already. Main thread, before
 * privileges are dropped. NULL: no memory, or nothing known to connect to. */
struct pool_waker *pool_waker_new(const char *spec);

/* Any thread. Never blocks. NULL is fine. */
void pool_waker_wake(struct pool_waker *waker);

#endif
