/* A thread with a queue of requests. */
#include "autoconf.h"

#include "store/work_queue.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"

/* One commit's worth: a bound on how long the first waits for the last. */
#define BATCH_MAX        512
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
take_batch(struct lane *lane)
{
	struct request *batch = lane->head;
	struct request **end = &lane->head;
	size_t octets = 0;

	for (size_t n = 0;
	     *end != NULL && n < BATCH_MAX && octets < BATCH_OCTETS_MAX; n++) {
		octets += (*end)->record->size;
		lane->n--;
		end = &(*end)->next;
	}
	lane->octets -= octets;
	lane->head = *end;
	*end = NULL;
	if (lane->head == NULL)
		lane->tail = &lane->head;
	return batch;
}

/* Under the lock, which it gives up meanwhile. */
static void
wait_for_work(struct lane *lane)
{
	struct timespec until;
	uint64_t until_ms = 0;

	if (lane->idle != NULL) {
		pthread_mutex_unlock(&lane->lock);
		until_ms = lane->idle(lane->arg);
		pthread_mutex_lock(&lane->lock);
	}
	if (lane->head != NULL || lane->closing)
		return;
	if (until_ms == 0) {
		pthread_cond_wait(&lane->wake, &lane->lock);
		return;
	}
	until.tv_sec = (time_t)(until_ms / 1000);
	until.tv_nsec = (long)(until_ms % 1000) * 1000000L;
	(void)pthread_cond_timedwait(&lane->wake, &lane->lock, &until);
}

static void *
lane_main(void *arg)
{
	struct lane *lane = arg;
	struct request *batch;

	pthread_mutex_lock(&lane->lock);
	for (;;) {
		while (lane->head == NULL && !lane->closing)
			wait_for_work(lane);
		if (lane->head == NULL)
			break;
		batch = take_batch(lane);
		pthread_mutex_unlock(&lane->lock);
		lane->work(lane->arg, batch);
		pthread_mutex_lock(&lane->lock);
	}
	pthread_mutex_unlock(&lane->lock);
	return NULL;
}

int
lane_start(struct lane *lane, lane_work_fn *work, lane_idle_fn *idle, void *arg)
{
	pthread_condattr_t attr;
	sigset_t all;
	sigset_t saved;
	int rc;

	*lane = (struct lane){.work = work, .idle = idle, .arg = arg};
	lane->tail = &lane->head;
	pthread_mutex_init(&lane->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&lane->wake, &attr);
	pthread_condattr_destroy(&attr);

	/* The thread inherits the mask: signals are main's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	rc = pthread_create(&lane->thread, NULL, lane_main, lane);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	if (rc == 0) {
		(void)pthread_setname_np(lane->thread, "store");
		return 0;
	}
	pthread_cond_destroy(&lane->wake);
	pthread_mutex_destroy(&lane->lock);
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
admit(struct lane *lane, struct request *request)
{
	size_t n = STORE_QUEUE_MAX;
	size_t octets = STORE_QUEUE_OCTETS_MAX;

	if (lane->closing)
		return ERR_CANCELLED;
	if (may_wait(request)) {
		n -= n / 4;
		octets -= octets / 4;
	}
	if (lane->n >= n || lane->octets + request->record->size > octets)
		return ERR_BUSY;
	*lane->tail = request;
	lane->tail = &request->next;
	lane->n++;
	lane->octets += request->record->size;
	pthread_cond_signal(&lane->wake);
	return 0;
}

int
lane_post(struct lane *lane, const struct request *template)
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
	pthread_mutex_lock(&lane->lock);
	err = admit(lane, request);
	pthread_mutex_unlock(&lane->lock);
	if (err != 0)
		request_free(&request);
	return err;
}

void
lane_stop(struct lane *lane)
{
	pthread_mutex_lock(&lane->lock);
	lane->closing = true;
	pthread_cond_signal(&lane->wake);
	pthread_mutex_unlock(&lane->lock);
	pthread_join(lane->thread, NULL);
	pthread_cond_destroy(&lane->wake);
	pthread_mutex_destroy(&lane->lock);
}
