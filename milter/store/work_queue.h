/*
 * A thread and the bounded queue of requests before it. The store has one lane
 * for reading and one for writing, so that no read waits for a disk to sync.
 */
#ifndef STORE_WORK_QUEUE_H
#define STORE_WORK_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "store/store.h"
#include "store/store_record.h"

struct request {
	struct request *next;
	struct record *record; /* a get or delete: a tombstone */
	bool mark;             /* a change of what is there, not a new entry */
	bool later;            /* only if fetched later than what is there */
	store_got_fn *got;     /* a get */
	store_done_fn *done;   /* a change; may be NULL */
	void *arg;
	int err; /* set before the work: nothing is to be done */
};

/* On the lane's thread; takes over the list. */
typedef void lane_work_fn(void *arg, struct request *batch);

/* On the lane's thread, with nothing to do: when to call again if nothing comes
 * before, monotonic ms; 0: not. */
typedef uint64_t lane_idle_fn(void *arg);

struct lane {
	lane_work_fn *work;
	lane_idle_fn *idle; /* may be NULL */
	void *arg;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;
	struct request *head;
	struct request **tail;
	size_t n;
	size_t octets;
	bool closing;
};

/* 0 or ERR_NOMEM; then nothing is left to stop. */
int lane_start(struct lane *lane, lane_work_fn *work, lane_idle_fn *idle,
    void *arg);

/*
 * Takes over the record, also on failure: 0, ERR_NOMEM, ERR_BUSY or
 * ERR_CANCELLED. Any thread.
 */
int lane_post(struct lane *lane, const struct request *request);

/* What waits is worked off first. */
void lane_stop(struct lane *lane);

/* After the work. */
void request_free(struct request **request);

#endif
