/*
 * The threads of a store: one for reading and one for writing, each with a
 * bounded queue of requests, so that no read waits for a disk to sync.
 *
 * Any thread.
 */
#ifndef STORE_STORE_QUEUE_H
#define STORE_STORE_QUEUE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "store/store_backend.h"
#include "store/store_record.h"

struct store_request {
	struct store_request *next;
	struct record *record; /* a get or delete: a tombstone */
	bool mark;             /* a change of what is there, not a new entry */
	bool later;            /* only if fetched later than what is there */
	store_got_fn *got;     /* a get */
	store_done_fn *done;   /* a change; may be NULL */
	void *arg;
	int err; /* set before the work: nothing is to be done */
};

struct store_queue {
	const struct store_backend *backend;
	void *handle; /* of the backend */
	bool writes;
	pthread_t thread;
	pthread_mutex_t lock; /* guards the members below */
	pthread_cond_t wake;
	struct store_request *head;
	struct store_request **tail;
	size_t n;
	size_t octets;
	bool closing;
};

/* Starts the thread. 0 or ERR_NOMEM; then nothing is left to stop. */
int store_queue_start(struct store_queue *q,
    const struct store_backend *backend, void *handle, bool writes);

/* Requests already queued are carried out first. */
void store_queue_stop(struct store_queue *q);

/*
 * Queues a copy of the request. err: of making its record, which is taken over
 * in any case. 0, that error, ERR_NOMEM, ERR_BUSY or ERR_CANCELLED. Notes and
 * expendable records leave room for others.
 */
int store_queue_post(struct store_queue *q, const struct store_request *request,
    int err);

#endif
