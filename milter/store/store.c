/* The policy store's front: the kinds of store, requests, and calls that wait
 * for their result. */
#include "autoconf.h"

#include "store/store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "store/store_backend.h"
#include "store/store_queue.h"
#include "store/store_record.h"

struct store {
	const struct store_backend *backend;
	void *handle;
	struct store_queue reads;
	struct store_queue writes;
};

/* --- kinds of store ------------------------------------------------------- */

static const struct store_backend *const backends[] = {
    &store_lmdb,
    &store_redis,
    &store_memory,
};

#define N_BACKENDS (sizeof(backends) / sizeof(backends[0]))

/* The backend for spec, or NULL. */
static const struct store_backend *
find_backend(const char *spec)
{
	size_t len = strcspn(spec, ":");

	for (size_t i = 0; spec[len] == ':' && i < N_BACKENDS; i++) {
		const struct store_form *form = backends[i]->forms;

		for (; form->scheme != NULL; form++)
			if (strlen(form->scheme) == len &&
			    memcmp(spec, form->scheme, len) == 0)
				return backends[i];
	}
	return NULL;
}

int
store_check(const char *spec, const char *auth_file,
    char error[STORE_ERROR_SIZE])
{
	const struct store_backend *backend = find_backend(spec);
	size_t n;

	if (backend != NULL) {
		int err = backend->check(spec, error);

		return err == 0 && auth_file != NULL &&
			backend->check_auth != NULL
		    ? backend->check_auth(auth_file, error)
		    : err;
	}
	n = (size_t)snprintf(error, STORE_ERROR_SIZE,
	    "store \"%.100s\": must be one of", spec);
	for (size_t i = 0; i < N_BACKENDS; i++) {
		const struct store_form *form = backends[i]->forms;

		for (; form->scheme != NULL && n < STORE_ERROR_SIZE; form++)
			n += (size_t)snprintf(error + n, STORE_ERROR_SIZE - n,
			    "%s \"%s\"", form == backends[0]->forms ? "" : ",",
			    form->text);
	}
	return ERR_CONFIG;
}

enum store_place
store_place(const char *spec, const char **directory)
{
	enum store_place place = find_backend(spec)->place;

	if (directory != NULL)
		*directory =
		    place == STORE_ON_DISK ? strchr(spec, ':') + 1 : NULL;
	return place;
}

/* --- life ----------------------------------------------------------------- */

/* Puts an overlay over the backend: changes to a store that is only read stay
 * in memory, and so do those that a disk rejected. */
static void *
open_backend(struct store *store, const struct store_options *options,
    char error[STORE_ERROR_SIZE])
{
	void *below = store->backend->open(options, error);
	bool read_only = options->access == STORE_READ_ONLY;
	void *handle;

	if (below == NULL || (!read_only && !store->backend->hold_unwritten))
		return below;
	handle = store_over(store->backend, below, options, !read_only);
	if (handle == NULL) {
		store->backend->close(below);
		snprintf(error, STORE_ERROR_SIZE, "out of memory");
		return NULL;
	}
	store->backend = read_only ? &store_memory : &store_write_retry;
	return handle;
}

struct store *
store_open(const struct store_options *options, char error[STORE_ERROR_SIZE])
{
	struct store *store;

	if (store_check(options->spec, NULL, error) < 0)
		return NULL;
	store = calloc(1, sizeof(*store));
	if (store == NULL) {
		snprintf(error, STORE_ERROR_SIZE, "out of memory");
		return NULL;
	}
	store->backend = find_backend(options->spec);
	store->handle = open_backend(store, options, error);
	if (store->handle == NULL)
		goto fail;
	if (store_queue_start(&store->reads, store->backend, store->handle,
		false) == 0) {
		if (store_queue_start(&store->writes, store->backend,
			store->handle, true) == 0)
			return store;
		store_queue_stop(&store->reads);
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
	store_queue_stop(&store->reads);
	store_queue_stop(&store->writes);
	store->backend->close(store->handle);
	free(store);
}

/* --- requests ------------------------------------------------------------- */

int
store_get(struct store *store, const char *domain, store_got_fn *got, void *arg)
{
	struct store_request request = {.got = got, .arg = arg};
	int err = record_new_deleted(domain, &request.record);

	return store_queue_post(&store->reads, &request, err);
}

int
store_put(struct store *store, const struct store_entry *entry,
    store_done_fn *done, void *arg)
{
	struct store_request request = {.done = done, .arg = arg};
	int err = record_new_policy(entry, &request.record);

	return store_queue_post(&store->writes, &request, err);
}

int
store_put_later(struct store *store, const struct store_entry *entry,
    store_done_fn *done, void *arg)
{
	struct store_request request = {.later = true,
	    .done = done,
	    .arg = arg};
	int err = record_new_policy(entry, &request.record);

	/* An imported entry is a copy; it removes nothing. */
	if (err == 0 && request.record->deleted)
		err = ERR_TOOLONG;
	return store_queue_post(&store->writes, &request, err);
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
	struct store_request request = {.mark = true, .done = done, .arg = arg};
	int err = record_new(&entry, &request.record);

	return store_queue_post(&store->writes, &request, err);
}

int
store_delete(struct store *store, const char *domain, store_done_fn *done,
    void *arg)
{
	struct store_request request = {.done = done, .arg = arg};
	int err = record_new_deleted(domain, &request.record);

	return store_queue_post(&store->writes, &request, err);
}

int
store_delete_expired(struct store *store, const char *domain, int64_t fetched_s,
    store_done_fn *done, void *arg)
{
	struct store_request request = {.later = true,
	    .done = done,
	    .arg = arg};
	int err = record_new_deleted(domain, &request.record);

	if (err == 0) {
		request.record->entry.expendable = true;
		request.record->entry.fetched_s =
		    fetched_s < INT64_MAX ? fetched_s + 1 : fetched_s;
	}
	return store_queue_post(&store->writes, &request, err);
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

struct store_status
store_status(struct store *store)
{
	struct store_status status = {
	    .holds_unwritten = store->backend->holds_unwritten,
	};

	if (store->backend->status != NULL)
		store->backend->status(store->handle, &status.unwritten,
		    &status.unreachable);
	return status;
}

/* --- requests that wait ----------------------------------------------------
 */

/* Every request completes, so that it may live on the stack of its asker. */
struct call {
	pthread_mutex_t lock;
	pthread_cond_t come;
	bool done;
	int err;
	struct record *record;
};

#define CALL_INITIALIZER                           \
	{                                          \
		.lock = PTHREAD_MUTEX_INITIALIZER, \
		.come = PTHREAD_COND_INITIALIZER   \
	}

static void
call_done(void *arg, int err)
{
	struct call *call = arg;

	(void)pthread_mutex_lock(&call->lock);
	call->err = err;
	call->done = true;
	(void)pthread_cond_signal(&call->come);
	(void)pthread_mutex_unlock(&call->lock);
}

static void
call_got(void *arg, int err, const struct store_entry *entry)
{
	struct call *call = arg;

	if (err == 0)
		err = record_new(entry, &call->record);
	call_done(call, err);
}

/* err: of the request that was to be made. */
static int
call_wait(struct call *call, int err)
{
	if (err != 0)
		return err;
	(void)pthread_mutex_lock(&call->lock);
	while (!call->done)
		(void)pthread_cond_wait(&call->come, &call->lock);
	(void)pthread_mutex_unlock(&call->lock);
	return call->err;
}

int
store_wait_get(struct store *store, const char *domain, struct record **record)
{
	struct call call = CALL_INITIALIZER;
	int err = call_wait(&call, store_get(store, domain, call_got, &call));

	*record = call.record;
	return err;
}

int
store_wait_delete(struct store *store, const char *domain)
{
	struct call call = CALL_INITIALIZER;

	return call_wait(&call, store_delete(store, domain, call_done, &call));
}

/* --- many writes -------------------------------------------------------- */

struct store_writes {
	struct store *store;
	store_written_fn *written;
	void *arg;
	pthread_mutex_t lock; /* guards the members below */
	pthread_cond_t come;
	size_t under_way;
	size_t failed;
	size_t kept;
	int err; /* of the first that failed */
};

/* One of them, under way. */
struct write {
	struct store_writes *writes;
	char domain[NAME_SIZE];
};

struct store_writes *
store_writes_new(struct store *store, store_written_fn *written, void *arg)
{
	struct store_writes *writes = calloc(1, sizeof(*writes));

	if (writes == NULL)
		return NULL;
	writes->store = store;
	writes->written = written;
	writes->arg = arg;
	(void)pthread_mutex_init(&writes->lock, NULL);
	(void)pthread_cond_init(&writes->come, NULL);
	return writes;
}

static void
written(void *arg, int err)
{
	struct write *write = arg;
	struct store_writes *writes = write->writes;

	if (writes->written != NULL)
		writes->written(writes->arg, write->domain, err);
	free(write);
	(void)pthread_mutex_lock(&writes->lock);
	writes->under_way--;
	if (err == ERR_KEPT)
		writes->kept++;
	else if (err != 0 && writes->failed++ == 0)
		writes->err = err;
	(void)pthread_cond_signal(&writes->come);
	(void)pthread_mutex_unlock(&writes->lock);
}

int
store_writes_put_later(struct store_writes *writes,
    const struct store_entry *entry)
{
	struct write *write = malloc(sizeof(*write));
	int err;

	if (write == NULL)
		return ERR_NOMEM;
	write->writes = writes;
	(void)snprintf(write->domain, sizeof(write->domain), "%s",
	    entry->domain);
	(void)pthread_mutex_lock(&writes->lock);
	while (writes->under_way >= STORE_WRITES_MAX)
		(void)pthread_cond_wait(&writes->come, &writes->lock);
	writes->under_way++;
	(void)pthread_mutex_unlock(&writes->lock);
	err = store_put_later(writes->store, entry, written, write);
	if (err != 0) {
		free(write);
		(void)pthread_mutex_lock(&writes->lock);
		writes->under_way--;
		(void)pthread_mutex_unlock(&writes->lock);
	}
	return err;
}

int
store_writes_end(struct store_writes **writesp, size_t *failed, size_t *kept)
{
	struct store_writes *writes = *writesp;
	int err;

	(void)pthread_mutex_lock(&writes->lock);
	while (writes->under_way > 0)
		(void)pthread_cond_wait(&writes->come, &writes->lock);
	err = writes->err;
	*failed = writes->failed;
	*kept = writes->kept;
	(void)pthread_mutex_unlock(&writes->lock);
	(void)pthread_cond_destroy(&writes->come);
	(void)pthread_mutex_destroy(&writes->lock);
	free(writes);
	*writesp = NULL;
	return err;
}
