/* A thread with a queue of requests. */
#include "autoconf.h"

#include "store/work_queue.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/thread.h"

#define BATCH_OCTETS_MAX (16 << 20)

void
request_free(struct request **requestp)
{
	struct request *request = *requestp;

	*requestp = NULL;
	if (request == NULL)
		return;
	record_unref(&request->record);
	free(request);
}

/* Under the lock; the queue is not empty. */
static struct request *
take_batch(struct work_queue *q)
{
	struct request *batch = q->head;
	struct request **end = &q->head;
	size_t octets = 0;

	for (size_t n = 0; *end != NULL && n < WORK_QUEUE_BATCH_MAX &&
	     octets < BATCH_OCTETS_MAX;
	     n++) {
		octets += (*end)->record->size;
		q->n--;
		end = &(*end)->next;
	}
	q->octets -= octets;
	q->head = *end;
	*end = NULL;
	if (q->head == NULL)
		q->tail = &q->head;
	return batch;
}

/* Under the lock, which it gives up meanwhile. */
static void
wait_for_work(struct work_queue *q)
{
	uint64_t until_ms = 0;

	if (q->idle != NULL) {
		pthread_mutex_unlock(&q->lock);
		until_ms = q->idle(q->arg);
		pthread_mutex_lock(&q->lock);
	}
	if (q->head != NULL || q->closing)
		return;
	if (until_ms == 0) {
		pthread_cond_wait(&q->wake, &q->lock);
		return;
	}
	(void)thread_wait_until(&q->wake, &q->lock, until_ms);
}

static void *
run(void *arg)
{
	struct work_queue *q = arg;
	struct request *batch;

	pthread_mutex_lock(&q->lock);
	for (;;) {
		while (q->head == NULL && !q->closing)
			wait_for_work(q);
		if (q->head == NULL)
			break;
		batch = take_batch(q);
		pthread_mutex_unlock(&q->lock);
		q->work(q->arg, batch);
		pthread_mutex_lock(&q->lock);
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

int
work_queue_start(struct work_queue *q, work_queue_fn *work,
    work_queue_idle_fn *idle, void *arg)
{
	*q = (struct work_queue){.work = work, .idle = idle, .arg = arg};
	q->tail = &q->head;
	pthread_mutex_init(&q->lock, NULL);
	thread_cond_init(&q->wake);
	if (thread_start(&q->thread, NULL, "store", run, q) == 0)
		return 0;
	pthread_cond_destroy(&q->wake);
	pthread_mutex_destroy(&q->lock);
	return ERR_NOMEM;
}

/* A note, or a policy that does not bind. */
static bool
may_wait(const struct request *request)
{
	return request->mark ||
	    (!request->record->deleted && request->record->entry.expendable);
}

/* Under the lock. */
static int
admit(struct work_queue *q, struct request *request)
{
	size_t n = STORE_QUEUE_MAX;
	size_t octets = STORE_QUEUE_OCTETS_MAX;

	if (q->closing)
		return ERR_CANCELLED;
	if (may_wait(request)) {
		n -= n / 4;
		octets -= octets / 4;
	}
	if (q->n >= n || q->octets + request->record->size > octets)
		return ERR_BUSY;
	*q->tail = request;
	q->tail = &request->next;
	q->n++;
	q->octets += request->record->size;
	pthread_cond_signal(&q->wake);
	return 0;
}

int
work_queue_post(struct work_queue *q, const struct request *template)
{
	struct request *request = malloc(sizeof(*request));
	int err;

	if (request == NULL) {
		struct record *record = template->record;

		record_unref(&record);
		return ERR_NOMEM;
	}
	*request = *template;
	request->next = NULL;
	pthread_mutex_lock(&q->lock);
	err = admit(q, request);
	pthread_mutex_unlock(&q->lock);
	if (err != 0)
		request_free(&request);
	return err;
}

void
work_queue_stop(struct work_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closing = true;
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->lock);
	pthread_join(q->thread, NULL);
	pthread_cond_destroy(&q->wake);
	pthread_mutex_destroy(&q->lock);
}
