/*
 * Policies in memory. "memory:" lies over nothing; over a store that was
 * opened for reading only, it takes the changes and hides what they replace.
 */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "store/store_backend.h"
#include "store/store_merge.h"
#include "store/store_table.h"

struct memory {
	struct table changes;
	const struct store_backend *below; /* NULL: nothing */
	void *handle;                      /* of what is below */
};

void *
store_memory_over(const struct store_backend *below, void *handle)
{
	struct memory *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->below = below;
	m->handle = handle;
	table_init(&m->changes, below != NULL);
	return m;
}

static int
memory_check(const char *rest, char error[STORE_ERROR_SIZE])
{
	if (*rest == '\0')
		return 0;
	snprintf(error, STORE_ERROR_SIZE,
	    "store \"memory:%s\": nothing may follow \"memory:\"", rest);
	return ERR_CONFIG;
}

static void *
memory_open(const char *rest, const struct store_options *options,
    char error[STORE_ERROR_SIZE])
{
	struct memory *m = store_memory_over(NULL, NULL);

	(void)rest;
	(void)options; /* nobody else can see it */
	if (m == NULL)
		snprintf(error, STORE_ERROR_SIZE, "out of memory");
	return m;
}

static void
memory_close(void *backend)
{
	struct memory *m = backend;

	if (m->below != NULL)
		m->below->close(m->handle);
	table_clear(&m->changes);
	free(m);
}

/* --- reading -------------------------------------------------------------- */

static int
memory_get(void *backend, const char *domain, store_each_fn *got, void *arg)
{
	struct memory *m = backend;
	struct record *record = table_get(&m->changes, domain);
	int err =
	    store_merge_get(record, m->below, m->handle, domain, got, arg);

	record_unref(&record);
	return err;
}

static int
memory_each(void *backend, store_each_fn *each, void *arg)
{
	struct memory *m = backend;
	struct record **rows;
	size_t n;
	int err = table_snapshot(&m->changes, &rows, &n);

	if (err != 0)
		return err;
	err = store_merge(rows, n, m->below, m->handle, each, arg);
	table_snapshot_free(rows, n);
	return err;
}

static size_t
memory_count(void *backend)
{
	struct memory *m = backend;
	size_t below = m->below == NULL ? 0 : m->below->count(m->handle);

	return below + table_count(&m->changes);
}

/* --- changing ------------------------------------------------------------- */

static int
memory_begin(void *backend)
{
	(void)backend;
	return 0;
}

static int
memory_put(void *backend, const struct store_entry *entry)
{
	struct memory *m = backend;
	struct record *record;
	int err = record_new(entry, &record);

	return err != 0 ? err : table_stage(&m->changes, record);
}

static int
memory_remove(void *backend, const char *domain)
{
	struct memory *m = backend;
	struct record *record;
	int err = record_new_deleted(domain, &record);

	return err != 0 ? err : table_stage(&m->changes, record);
}

static int
memory_commit(void *backend)
{
	struct memory *m = backend;

	return table_commit(&m->changes);
}

static void
memory_abort(void *backend)
{
	struct memory *m = backend;

	table_abort(&m->changes);
}

static bool
memory_is_down(void *backend)
{
	struct memory *m = backend;

	return m->below != NULL && m->below->is_down != NULL &&
	    m->below->is_down(m->handle);
}

const struct store_backend store_memory = {
    .scheme = "memory",
    .check = memory_check,
    .open = memory_open,
    .close = memory_close,
    .get = memory_get,
    .begin = memory_begin,
    .put = memory_put,
    .remove = memory_remove,
    .commit = memory_commit,
    .abort = memory_abort,
    .each = memory_each,
    .count = memory_count,
    .is_down = memory_is_down,
};
