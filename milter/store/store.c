/*
 * The policy store's front: kinds of store, threads, group commit.
 *
 * All requests that wait when the writer comes round go into one write, as a
 * synced write costs the same for one entry and for hundreds.
 */
#include "autoconf.h"

#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "store/store_backend.h"
#include "store/work_queue.h"

struct store {
	const struct store_backend *backend;
	void *handle;
	struct work_queue reads;
	struct work_queue writes;
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

/* --- reading -------------------------------------------------------------- */

/* What becomes of what was read for a request. entry: NULL on an error. */
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
	const char *domain[WORK_QUEUE_BATCH_MAX];
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
read_batch(void *arg, struct request *batch)
{
	struct request *request;

	read_run(arg, batch, NULL, hand_out);
	while (batch != NULL) {
		request = batch;
		batch = request->next;
		request_free(&request);
	}
}

/* --- writing -------------------------------------------------------------- */

/* The requests from first up to, but not with, end, at once: all or none. */
static int
write_at_once(struct store *store, const struct request *first,
    const struct request *end)
{
	struct store_change changes[WORK_QUEUE_BATCH_MAX];
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
write_batch(void *arg, struct request *batch)
{
	struct store *store = arg;
	struct request *request;
	struct request *end;

	for (request = batch; request != NULL; request = end) {
		end = run_end(request);
		if (request->mark)
			read_run(store, request, end, mark_entry);
		else if (request->later)
			read_run(store, request, end, keep_newer);
		write_run(store, request, end);
	}
	while (batch != NULL) {
		request = batch;
		batch = request->next;
		if (request->done != NULL)
			request->done(request->arg, request->err);
		request_free(&request);
	}
}

/* --- life ----------------------------------------------------------------- */

/* What lies over the backend: changes to one that is only read stay in memory,
 * and so do those that a disk did not take. */
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

static uint64_t
write_later(void *arg)
{
	struct store *store = arg;

	return store->backend->idle != NULL
	    ? store->backend->idle(store->handle)
	    : 0;
}

static int
start_queues(struct store *store, char error[STORE_ERROR_SIZE])
{
	if (work_queue_start(&store->reads, read_batch, NULL, store) != 0)
		goto fail;
	if (work_queue_start(&store->writes, write_batch, write_later, store) !=
	    0) {
		work_queue_stop(&store->reads);
		goto fail;
	}
	return 0;
fail:
	snprintf(error, STORE_ERROR_SIZE, "store: cannot start a thread");
	return ERR_NOMEM;
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
	if (start_queues(store, error) == 0)
		return store;
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
	work_queue_stop(&store->reads);
	work_queue_stop(&store->writes);
	store->backend->close(store->handle);
	free(store);
}

/* --- requests ------------------------------------------------------------- */

int
store_get(struct store *store, const char *domain, store_got_fn *got, void *arg)
{
	struct request request = {.got = got, .arg = arg};
	int err = record_new_deleted(domain, &request.record);

	return err != 0 ? err : work_queue_post(&store->reads, &request);
}

static int
post_put(struct store *store, const struct store_entry *entry, bool later,
    store_done_fn *done, void *arg)
{
	struct request request = {.later = later, .done = done, .arg = arg};
	int err = record_new_policy(entry, &request.record);

	/* What was imported is a copy; it removes nothing. */
	if (err == 0 && later && request.record->deleted) {
		record_unref(&request.record);
		err = ERR_TOOLONG;
	}
	return err != 0 ? err : work_queue_post(&store->writes, &request);
}

int
store_put(struct store *store, const struct store_entry *entry,
    store_done_fn *done, void *arg)
{
	return post_put(store, entry, false, done, arg);
}

int
store_put_later(struct store *store, const struct store_entry *entry,
    store_done_fn *done, void *arg)
{
	return post_put(store, entry, true, done, arg);
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

	return err != 0 ? err : work_queue_post(&store->writes, &request);
}

int
store_delete(struct store *store, const char *domain, store_done_fn *done,
    void *arg)
{
	struct request request = {.done = done, .arg = arg};
	int err = record_new_deleted(domain, &request.record);

	return err != 0 ? err : work_queue_post(&store->writes, &request);
}

int
store_delete_expired(struct store *store, const char *domain, int64_t fetched_s,
    store_done_fn *done, void *arg)
{
	struct request request = {.later = true, .done = done, .arg = arg};
	int err = record_new_deleted(domain, &request.record);

	if (err != 0)
		return err;
	request.record->entry.fetched_s =
	    fetched_s < INT64_MAX ? fetched_s + 1 : fetched_s;
	return work_queue_post(&store->writes, &request);
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
	return store->backend->count_unwritten != NULL
	    ? store->backend->count_unwritten(store->handle)
	    : 0;
}

bool
store_holds_unwritten(const struct store *store)
{
	return store->backend->count_unwritten != NULL;
}

bool
store_is_unreachable(struct store *store)
{
	return store->backend->is_down != NULL &&
	    store->backend->is_down(store->handle);
}
