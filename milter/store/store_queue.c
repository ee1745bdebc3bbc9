/*
 * Carries out the requests of a store. All requests that wait when the writer
 * comes round go into one write, as a synced write costs the same for one entry
 * and for hundreds.
 */
#include "autoconf.h"

#include "store/store_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/thread.h"

/* Bounds of one batch, so that the first request does not wait long for the
 * last. */
#define BATCH_MAX        512
#define BATCH_OCTETS_MAX (16 << 20)

/* --- reading -------------------------------------------------------------- */

/*
 * Handles the entry that was read for a request, the first of those that *arg
 * points to. A get receives it. A mark becomes the whole entry as it is now,
 * with the mark on it. A put that must be later fails if it is not.
 */
static void
take_entry(void *arg, int err, const struct store_entry *entry)
{
	struct store_request **next = arg;
	struct store_request *request = *next;
	const struct store_entry *mine = &request->record->entry;
	struct store_entry marked;
	struct record *record;

	*next = request->next;
	if (request->got != NULL) {
		request->got(request->arg, err, err == 0 ? entry : NULL);
		return;
	}
	if (request->later) {
		if (err == 0 && entry->fetched_s >= mine->fetched_s)
			err = ERR_KEPT;
		request->err = err == ERR_NOTFOUND ? 0 : err;
		return;
	}
	if (err == 0) {
		marked = *entry;
		if (mine->tried_s != 0) {
			marked.tried_s = mine->tried_s;
			marked.failure = mine->failure;
		}
		if (mine->used_s != 0)
			marked.used_s = mine->used_s;
		err = record_new(&marked, &record);
	}
	request->err = err;
	if (err != 0)
		return;
	record_unref(&request->record);
	request->record = record;
}

/* Reads the entries for the requests from first up to, but not with, end. */
static void
read_run(const struct store_queue *q, struct store_request *first,
    const struct store_request *end)
{
	const struct store_backend *backend = q->backend;
	const char *domain[BATCH_MAX];
	struct store_request *next = first;
	size_t n = 0;

	for (; first != end; first = first->next)
		domain[n++] = first->record->entry.domain;
	if (q->writes && backend->get_to_write != NULL)
		backend->get_to_write(q->handle, n, domain, take_entry, &next);
	else
		backend->get(q->handle, n, domain, take_entry, &next);
}

/* --- writing -------------------------------------------------------------- */

/* The requests from first up to, but not with, end, at once: all or none. */
static int
write_at_once(const struct store_queue *q, const struct store_request *first,
    const struct store_request *end)
{
	struct store_change changes[BATCH_MAX];
	size_t n = 0;

	for (; first != end; first = first->next) {
		bool expired = first->record->deleted && first->later;

		if (first->err == 0 && !(expired && q->backend->ends_entries))
			changes[n++] = (struct store_change){
			    .record = first->record,
			    .note = first->mark || expired,
			};
	}
	return n == 0 ? 0 : q->backend->write(q->handle, changes, n);
}

/* If they cannot be written at once, each by itself, so that a bad one fails
 * alone. */
static void
write_run(const struct store_queue *q, struct store_request *first,
    const struct store_request *end)
{
	bool single = first->next == end;
	int err = write_at_once(q, first, end);

	for (; err != 0 && first != end; first = first->next) {
		if (first->err == 0)
			first->err =
			    single ? err : write_at_once(q, first, first->next);
	}
}

/*
 * Where the run of requests ends that share a commit. Marks, and puts that must
 * be later than the stored policy, read committed entries. So they share a
 * commit neither with the requests before them nor with another one of the same
 * domain.
 */
static struct store_request *
run_end(const struct store_request *first)
{
	struct store_request *end = first->next;

	for (; end != NULL && end->mark == first->mark &&
	     end->later == first->later;
	     end = end->next) {
		const struct store_request *same = first;

		if (!end->mark && !end->later)
			continue;
		while (same != end &&
		    strcmp(same->record->entry.domain,
			end->record->entry.domain) != 0)
			same = same->next;
		if (same != end)
			break;
	}
	return end;
}

/* --- the thread ----------------------------------------------------------- */

/* Under the lock; the queue is not empty. */
static struct store_request *
take_batch(struct store_queue *q)
{
	struct store_request *batch = q->head;
	struct store_request **end = &q->head;
	size_t octets = 0;

	for (size_t n = 0;
	     *end != NULL && n < BATCH_MAX && octets < BATCH_OCTETS_MAX; n++) {
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
wait_for_work(struct store_queue *q)
{
	const struct store_backend *backend = q->backend;
	uint64_t until_ms = 0;

	if (q->writes && backend->idle != NULL) {
		pthread_mutex_unlock(&q->lock);
		until_ms = backend->idle(q->handle);
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
	struct store_queue *q = arg;
	struct store_request *batch;
	struct store_request *request;
	struct store_request *end;

	pthread_mutex_lock(&q->lock);
	for (;;) {
		while (q->head == NULL && !q->closing)
			wait_for_work(q);
		if (q->head == NULL)
			break;
		batch = take_batch(q);
		pthread_mutex_unlock(&q->lock);
		if (!q->writes)
			read_run(q, batch, NULL);
		for (request = q->writes ? batch : NULL; request != NULL;
		     request = end) {
			end = run_end(request);
			if (request->mark || request->later)
				read_run(q, request, end);
			write_run(q, request, end);
		}
		while (batch != NULL) {
			request = batch;
			batch = request->next;
			if (request->done != NULL)
				request->done(request->arg, request->err);
			record_unref(&request->record);
			free(request);
		}
		pthread_mutex_lock(&q->lock);
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

int
store_queue_start(struct store_queue *q, const struct store_backend *backend,
    void *handle, bool writes)
{
	*q = (struct store_queue){.backend = backend,
	    .handle = handle,
	    .writes = writes};
	q->tail = &q->head;
	pthread_mutex_init(&q->lock, NULL);
	thread_cond_init(&q->wake);
	if (thread_start(&q->thread, NULL, "store", run, q) == 0)
		return 0;
	pthread_cond_destroy(&q->wake);
	pthread_mutex_destroy(&q->lock);
	return ERR_NOMEM;
}

void
store_queue_stop(struct store_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closing = true;
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->lock);
	pthread_join(q->thread, NULL);
	pthread_cond_destroy(&q->wake);
	pthread_mutex_destroy(&q->lock);
}

/* 0, ERR_BUSY or ERR_CANCELLED. */
static int
admit(struct store_queue *q, struct store_request *request)
{
	const struct record *record = request->record;
	bool waits = request->mark || record->entry.expendable;
	size_t n = STORE_QUEUE_MAX / 4 * (waits ? 3 : 4);
	size_t octets = STORE_QUEUE_OCTETS_MAX / 4 * (waits ? 3 : 4);
	int err = 0;

	pthread_mutex_lock(&q->lock);
	if (q->closing) {
		err = ERR_CANCELLED;
	} else if (q->n >= n || q->octets + record->size > octets) {
		err = ERR_BUSY;
	} else {
		*q->tail = request;
		q->tail = &request->next;
		q->n++;
		q->octets += record->size;
		pthread_cond_signal(&q->wake);
	}
	pthread_mutex_unlock(&q->lock);
	return err;
}

int
store_queue_post(struct store_queue *q, const struct store_request *template,
    int err)
{
	struct record *record = template->record;
	struct store_request *request = NULL;

	if (err == 0) {
		request = malloc(sizeof(*request));
		err = ERR_NOMEM;
	}
	if (request != NULL) {
		*request = *template;
		request->next = NULL;
		err = admit(q, request);
	}
	if (err != 0) {
		record_unref(&record);
		free(request);
	}
	return err;
}
