/* Calls of the policy store that wait for their result. */
#include "autoconf.h"

#include "store/store_wait.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

/* --- one request -------------------------------------------------------- */

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
	pthread_mutex_t lock; /* of what follows */
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

/* Takes the lock and keeps it. */
static void
wait_for(struct store_writes *writes, size_t at_most)
{
	(void)pthread_mutex_lock(&writes->lock);
	while (writes->under_way > at_most)
		(void)pthread_cond_wait(&writes->come, &writes->lock);
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
	wait_for(writes, STORE_WRITES_MAX - 1);
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

	wait_for(writes, 0);
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
