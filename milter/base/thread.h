/*
 * Starts threads, and waits by the monotonic clock.
 *
 * Any thread.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Starts a thread with all signals blocked, so that only the threads that wait
 * for signals get them. attr and name may be NULL; name, at most 15 octets, is
 * what ps and gdb show, and must be NULL for a detached thread. 0 or ERR_NOMEM.
 */
int thread_start(pthread_t *thread, const pthread_attr_t *attr,
    const char *name, void *(*run)(void *), void *arg);

/* A condition variable for thread_wait_until(). */
void thread_cond_init(pthread_cond_t *cond);

/* Waits until cond is signalled or clock_mono_ms() has reached mono_ms. False
 * when the time is over. Wakes up spuriously, as pthread_cond_wait() does. */
bool thread_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock,
    uint64_t mono_ms);

#endif
