/*
 * Counts those who are inside, so that what they use can be freed once the
 * gate is closed and the last has left.
 *
 * Any thread. Entering and leaving take no lock.
 */
#ifndef FRONT_INFLIGHT_H
#define FRONT_INFLIGHT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct gate {
	atomic_uint inside;
	atomic_bool closed;
	pthread_mutex_t lock; /* for the one who waits */
	pthread_cond_t left;
};

#define GATE_INITIALIZER                           \
	{                                          \
		.lock = PTHREAD_MUTEX_INITIALIZER, \
		.left = PTHREAD_COND_INITIALIZER   \
	}

/* False: closed, keep out. */
bool gate_enter(struct gate *gate);
void gate_leave(struct gate *gate);

/* Waits until nobody is inside, but no longer than until_ms (CLOCK_MONOTONIC).
 * True: nobody is, and nobody will be. */
bool gate_close(struct gate *gate, uint64_t until_ms);

#endif
