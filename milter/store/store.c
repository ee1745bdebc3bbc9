/*
 * The policy store's front: kinds of store, threads, group commit.
 *
 * A store has a thread for reading and one for writing, each with a bounded
 * queue of requests, so that no read waits for a disk to sync. All requests
 * that wait when the writer comes round go into one write, as a synced write
 * costs the same for one entry and for hundreds.
 */
#include "autoconf.h"

#include "store/store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/thread.h"
#include "store/store_backend.h"
#include "store/store_record.h"

/* Bounds of one batch, so that the first request does not wait long for the
 * last. */
#define BATCH_MAX        512
#define BATCH_OCTETS_MAX (16 << 20)

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

struct queue {
	struct store *store;
	/* On the queue's thread; the list stays the caller's. */
	void (*work)(struct store *store, struct request *batch);
	bool writes;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;
	struct request *head;
	struct request **tail;
	size_t n;
	size_t octets;
	bool closing;
};

struct store {
	const struct store_backend *backend;
	void *handle;
	struct queue reads;
	struct queue writes;
};

/* --- kinds of store ------------------------------------------------------- */

static const struct store_backend *const backends[] = {
    &store_lmdb,
    &store_redis,
    &store_memory,
};

/* The backend for spec, or NULL. */
static const struct store_backend *
find_backend(const char *spec, char error[STORE_ERROR_SIZE])
{
	size_t len = strcspn(spec, ":");

	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		const struct store_backend *b = backends[i];

		for (size_t j = 0;
		     j < STORE_SCHEMES_MAX && b->scheme[j] != NULL; j++) {
			if (spec[len] == ':' && strlen(b->scheme[j]) == len &&
			    memcmp(spec, b->scheme[j], len) == 0)
				return b->check(spec, error) == 0 ? b : NULL;
		}
	}
	snprintf(error, STORE_ERROR_SIZE,
	    "store \"%.100s\": must be \"lmdb:DIRECTORY\", "
	    "\"redis://HOST:PORT/DB\", \"rediss://HOST:PORT/DB\", "
	    "\"redis+unix:PATH\", \"redis+sentinel://HOST:PORT,.../MASTER/DB\", "
	    "\"rediss+sentinel://HOST:PORT,.../MASTER/DB\" or \"memory:\"",
	    spec);
	return NULL;
}

int
store_check(const char *spec, char error[STORE_ERROR_SIZE])
{
	return find_backend(spec, error) == NULL ? ERR_CONFIG : 0;
}

/* --- queues --------------------------------------------------------------- */

/* Under the lock; the queue is not empty. */
static struct request *
take_batch(struct queue *q)
{
	struct request *batch = q->head;
	struct request **end = &q->head;
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
wait_for_work(struct queue *q)
{
	const struct store_backend *backend = q->store->backend;
	uint64_t until_ms = 0;

	if (q->writes && backend->idle != NULL) {
		pthread_mutex_unlock(&q->lock);
		until_ms = backend->idle(q->store->handle);
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
	struct queue *q = arg;
	struct request *batch;

	pthread_mutex_lock(&q->lock);
	for (;;) {
		while (q->head == NULL && !q->closing)
			wait_for_work(q);
		if (q->head == NULL)
			break;
		batch = take_batch(q);
		pthread_mutex_unlock(&q->lock);
		q->work(q->store, batch);
		while (batch != NULL) {
			struct request *request = batch;

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

/* 0 or ERR_NOMEM; then nothing is left to stop. */
static int
queue_start(struct queue *q, struct store *store, bool writes,
    void (*work)(struct store *store, struct request *batch))
{
	*q = (struct queue){.store = store, .writes = writes, .work = work};
	q->tail = &q->head;
	pthread_mutex_init(&q->lock, NULL);
	thread_cond_init(&q->wake);
	if (thread_start(&q->thread, NULL, "store", run, q) == 0)
		return 0;
	pthread_cond_destroy(&q->wake);
	pthread_mutex_destroy(&q->lock);
	return ERR_NOMEM;
}

/* Requests already queued are worked off first. */
static void
queue_stop(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closing = true;
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->lock);
	pthread_join(q->thread, NULL);
	pthread_cond_destroy(&q->wake);
	pthread_mutex_destroy(&q->lock);
}

/* 0, ERR_BUSY or ERR_CANCELLED. A note, or a policy that does not bind, leaves
 * room for others. */
static int
admit(struct queue *q, struct request *request)
{
	const struct record *record = request->record;
	bool waits =
	    request->mark || (!record->deleted && record->entry.expendable);
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

/* err: of making the record, which is taken over in any case. 0, that error,
 * ERR_NOMEM, ERR_BUSY or ERR_CANCELLED. */
static int
post(struct queue *q, const struct request *template, int err)
{
	struct record *record = template->record;
	struct request *request = NULL;

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

/* --- reading -------------------------------------------------------------- */

/* Handles the entry that was read for a request; NULL on an error. */
typedef void
answer_fn(struct request *request, int err, const struct store_entry *entry);

struct reading {
	struct request *next;
	answer_fn *answer;
};

static void
answer_next(void *arg, int err, const struct store_entry *entry)
{
	struct reading *reading = arg;
	struct request *request = reading->next;

	reading->next = request->next;
	reading->answer(request, err, err == 0 ? entry : NULL);
}

/* For the requests from first up to, but not with, end. */
static void
read_run(struct store *store, struct request *first, const struct request *end,
    answer_fn *answer)
{
	const char *domain[BATCH_MAX];
	struct reading reading = {.next = first, .answer = answer};
	size_t n = 0;

	for (; first != end; first = first->next)
		domain[n++] = first->record->entry.domain;
	store->backend->get(store->handle, n, domain, answer_next, &reading);
}

static void
hand_out(struct request *request, int err, const struct store_entry *entry)
{
	request->got(request->arg, err, entry);
}

static void
read_batch(struct store *store, struct request *batch)
{
	read_run(store, batch, NULL, hand_out);
}

/* --- writing -------------------------------------------------------------- */

/* The requests from first up to, but not with, end, at once: all or none. */
static int
write_at_once(struct store *store, const struct request *first,
    const struct request *end)
{
	struct store_change changes[BATCH_MAX];
	size_t n = 0;

	for (; first != end; first = first->next) {
		bool expired = first->record->deleted && first->later;

		if (first->err == 0 &&
		    !(expired && store->backend->ends_entries))
			changes[n++] = (struct store_change){
			    .record = first->record,
			    .note = first->mark,
			};
	}
	return n == 0 ? 0 : store->backend->write(store->handle, changes, n);
}

/* If they cannot be written at once, each by itself, so that a bad one fails
 * alone. */
static void
write_run(struct store *store, struct request *first, const struct request *end)
{
	bool single = first->next == end;
	int err = write_at_once(store, first, end);

	for (; err != 0 && first != end; first = first->next) {
		if (first->err == 0)
			first->err = single
			    ? err
			    : write_at_once(store, first, first->next);
	}
}

/* A mark becomes the whole entry as it is now, with the mark on it. */
static void
mark_entry(struct request *request, int err, const struct store_entry *entry)
{
	const struct store_entry *mark = &request->record->entry;
	struct store_entry marked;
	struct record *record;

	request->err = err;
	if (err != 0)
		return;
	marked = *entry;
	if (mark->tried_s != 0) {
		marked.tried_s = mark->tried_s;
		marked.failure = mark->failure;
	}
	if (mark->used_s != 0)
		marked.used_s = mark->used_s;
	request->err = record_new(&marked, &record);
	if (request->err != 0)
		return;
	record_unref(&request->record);
	request->record = record;
}

static void
keep_newer(struct request *request, int err, const struct store_entry *entry)
{
	if (err == ERR_NOTFOUND)
		return;
	request->err = err;
	if (err == 0 && entry->fetched_s >= request->record->entry.fetched_s)
		request->err = ERR_KEPT;
}

static bool
is_in_run(const struct request *first, const struct request *end,
    const char *domain)
{
	while (first != end && strcmp(first->record->entry.domain, domain) != 0)
		first = first->next;
	return first != end;
}

/*
 * Marks, and puts that depend on what is there, read what is committed, so that
 * they share a commit neither with what goes before them nor with another one
 * of the same domain.
 */
static struct request *
run_end(const struct request *first)
{
	struct request *end = first->next;

	while (end != NULL && end->mark == first->mark &&
	    end->later == first->later &&
	    !((end->mark || end->later) &&
		is_in_run(first, end, end->record->entry.domain)))
		end = end->next;
	return end;
}

static void
write_batch(struct store *store, struct request *batch)
{
	struct request *end;

	for (struct request *request = batch; request != NULL; request = end) {
		end = run_end(request);
		if (request->mark)
			read_run(store, request, end, mark_entry);
		else if (request->later)
			read_run(store, request, end, keep_newer);
		write_run(store, request, end);
	}
}

/* --- life ----------------------------------------------------------------- */

/* Puts an overlay over the backend: changes to a store that is only read stay
 * in memory, and so do those that a disk rejected. */
static void *
open_backend(struct store *store, const struct store_options *options,
    char error[STORE_ERROR_SIZE])
{
	const struct store_backend *over = &store_memory;
	void *below = store->backend->open(options, error);
	void *handle;

	if (below == NULL)
		return NULL;
	if (options->access == STORE_READ_ONLY) {
		handle = store_memory_over(store->backend, below);
	} else if (store->backend->hold_unwritten) {
		handle = store_write_retry_over(store->backend, below, options);
		over = &store_write_retry;
	} else {
		return below;
	}
	if (handle == NULL) {
		store->backend->close(below);
		snprintf(error, STORE_ERROR_SIZE, "out of memory");
		return NULL;
	}
	store->backend = over;
	return handle;
}

struct store *
store_open(const struct store_options *options, char error[STORE_ERROR_SIZE])
{
	const struct store_backend *backend =
	    find_backend(options->spec, error);
	struct store *store;

	if (backend == NULL)
		return NULL;
	store = calloc(1, sizeof(*store));
	if (store == NULL) {
		snprintf(error, STORE_ERROR_SIZE, "out of memory");
		return NULL;
	}
	store->backend = backend;
	store->handle = open_backend(store, options, error);
	if (store->handle == NULL)
		goto fail;
	if (queue_start(&store->reads, store, false, read_batch) == 0) {
		if (queue_start(&store->writes, store, true, write_batch) == 0)
			return store;
		queue_stop(&store->reads);
	}
	snprintf(error, STORE_ERROR_SIZE, "store: cannot start a thread");
	store->backend->close(store->handle);
fail:
	free(store);
	return NULL;
}

void
store_close(struct store **storep)
{
	struct store *store = *storep;

	if (store == NULL)
		return;
	*storep = NULL;
	/* Reads first: their callbacks may still ask for changes. */
	queue_stop(&store->reads);
	queue_stop(&store->writes);
	store->backend->close(store->handle);
	free(store);
}

/* --- requests ------------------------------------------------------------- */

int
store_get(struct store *store, const char *domain, store_got_fn *got, void *arg)
{
	struct request request = {.got = got, .arg = arg};
	int err = record_new_deleted(domain, &request.record);

	return post(&store->reads, &request, err);
}

static int
put(struct store *store, const struct store_entry *entry, bool later,
    store_done_fn *done, void *arg)
{
	struct request request = {.later = later, .done = done, .arg = arg};
	int err = record_new_policy(entry, &request.record);

	/* An imported entry is a copy; it removes nothing. */
	if (err == 0 && later && request.record->deleted)
		err = ERR_TOOLONG;
	return post(&store->writes, &request, err);
}

int
store_put(struct store *store, const struct store_entry *entry,
    store_done_fn *done, void *arg)
{
	return put(store, entry, false, done, arg);
}

int
store_put_later(struct store *store, const struct store_entry *entry,
    store_done_fn *done, void *arg)
{
	return put(store, entry, true, done, arg);
}

int
store_mark(struct store *store, const char *domain,
    const struct store_mark *mark, store_done_fn *done, void *arg)
{
	const struct store_entry entry = {
	    .domain = domain,
	    .id = "",
	    .tried_s = mark->tried_s,
	    .failure = mark->failure != NULL ? mark->failure : "",
	    .used_s = mark->used_s,
	};
	struct request request = {.mark = true, .done = done, .arg = arg};
	int err = record_new(&entry, &request.record);

	return post(&store->writes, &request, err);
}

int
store_delete(struct store *store, const char *domain, store_done_fn *done,
    void *arg)
{
	struct request request = {.done = done, .arg = arg};
	int err = record_new_deleted(domain, &request.record);

	return post(&store->writes, &request, err);
}

int
store_delete_expired(struct store *store, const char *domain, int64_t fetched_s,
    store_done_fn *done, void *arg)
{
	struct request request = {.later = true, .done = done, .arg = arg};
	int err = record_new_deleted(domain, &request.record);

	if (err == 0)
		request.record->entry.fetched_s =
		    fetched_s < INT64_MAX ? fetched_s + 1 : fetched_s;
	return post(&store->writes, &request, err);
}

int
store_each(struct store *store, store_each_fn *each, void *arg)
{
	return store->backend->each(store->handle, each, arg);
}

bool
store_each_partial(int err)
{
	return err == ERR_CORRUPT || err == ERR_VERSION;
}

int
store_backup(struct store *store)
{
	return store->backend->backup != NULL
	    ? store->backend->backup(store->handle)
	    : 0;
}

void
store_on_learned(struct store *store, store_learned_fn *learned, void *arg)
{
	if (store->backend->on_learned != NULL)
		store->backend->on_learned(store->handle, learned, arg);
}

size_t
store_count(struct store *store)
{
	return store->backend->count(store->handle);
}

size_t
store_count_unwritten(struct store *store)
{
	size_t unwritten = 0;
	bool down;

	if (store->backend->status != NULL)
		store->backend->status(store->handle, &unwritten, &down);
	return unwritten;
}

bool
store_holds_unwritten(const struct store *store)
{
	return store->backend->holds_unwritten;
}

bool
store_is_unreachable(struct store *store)
{
	size_t unwritten;
	bool down = false;

	if (store->backend->status != NULL)
		store->backend->status(store->handle, &unwritten, &down);
	return down;
}
