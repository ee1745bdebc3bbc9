/*
 * A thread with a bounded queue of requests. The store has one for reading and
 * one for writing, so that no read waits for a disk to sync.
 */
#ifndef STORE_WORK_QUEUE_H
#define STORE_WORK_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "store/store.h"
#include "store/store_record.h"

/* So many requests go into one write: a bound on how long the first waits for
 * the last. */
#define WORK_QUEUE_BATCH_MAX 512

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

/* On the queue's thread; takes over the list. */
typedef void work_queue_fn(void *arg, struct request *batch);

/* On the queue's thread, while the queue is empty: when to call it again if no
 * request comes before that, monotonic ms; 0: not at all. */
typedef uint64_t work_queue_idle_fn(void *arg);

struct work_queue {
	work_queue_fn *work;
	work_queue_idle_fn *idle; /* may be NULL */
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
int work_queue_start(struct work_queue *q, work_queue_fn *work,
    work_queue_idle_fn *idle, void *arg);

/*
 * Takes over the record, also on failure: 0, ERR_NOMEM, ERR_BUSY or
 * ERR_CANCELLED. Any thread.
 */
int work_queue_post(struct work_queue *q, const struct request *request);

/* Requests already queued are worked off first. */
void work_queue_stop(struct work_queue *q);

/* After the work. */
void request_free(struct request **request);

#endif
