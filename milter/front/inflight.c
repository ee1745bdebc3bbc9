#include "autoconf.h"

#include "front/inflight.h"

#include <errno.h>
#include <time.h>

bool
gate_enter(struct gate *gate)
{
	/* Counted before it is looked at: who closes sees one or the other. */
	atomic_fetch_add(&gate->inside, 1);
	if (!atomic_load(&gate->closed))
		return true;
	gate_leave(gate);
	return false;
}

void
gate_leave(struct gate *gate)
{
	if (atomic_fetch_sub(&gate->inside, 1) != 1 ||
	    !atomic_load(&gate->closed))
		return;
	pthread_mutex_lock(&gate->lock);
	pthread_cond_broadcast(&gate->left);
	pthread_mutex_unlock(&gate->lock);
}

bool
gate_close(struct gate *gate, uint64_t until_ms)
{
	const struct timespec until = {
	    .tv_sec = (time_t)(until_ms / 1000),
	    .tv_nsec = (long)(until_ms % 1000) * 1000000,
	};
	int err = 0;

	atomic_store(&gate->closed, true);
	pthread_mutex_lock(&gate->lock);
	while (atomic_load(&gate->inside) > 0 && err != ETIMEDOUT)
		err = pthread_cond_clockwait(&gate->left, &gate->lock,
		    CLOCK_MONOTONIC, &until);
	pthread_mutex_unlock(&gate->lock);
	return atomic_load(&gate->inside) == 0;
}
