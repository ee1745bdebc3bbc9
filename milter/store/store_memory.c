/*
 * Policies in memory. "memory:" lies over nothing; over a store that was opened
 * for reading only, it takes the changes and hides what they replace.
 */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "store/overlay.h"

#define OCTETS_MAX ((size_t)1 << 30)

struct memory {
	struct overlay *changes;
	const struct store_backend *below; /* NULL: nothing */
	void *handle;                      /* of what is below */
};

void *
store_memory_over(const struct store_backend *below, void *handle)
{
	struct memory *m = calloc(1, sizeof(*m));

	if (m != NULL)
		m->changes = overlay_new(SIZE_MAX, SIZE_MAX);
	if (m == NULL || m->changes == NULL) {
		free(m);
		return NULL;
	}
	m->below = below;
	m->handle = handle;
	return m;
}

static int
memory_check(const char *spec, char error[STORE_ERROR_SIZE])
{
	if (strcmp(spec, "memory:") == 0)
		return 0;
	snprintf(error, STORE_ERROR_SIZE,
	    "store \"%.200s\": nothing may follow \"memory:\"", spec);
	return ERR_CONFIG;
}

static void *
memory_open(const struct store_options *options, char error[STORE_ERROR_SIZE])
{
	struct memory *m = store_memory_over(NULL, NULL);

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
	overlay_free(&m->changes);
	free(m);
}

static int
memory_get(void *backend, const char *domain, store_each_fn *got, void *arg)
{
	struct memory *m = backend;

	return overlay_read(m->changes, m->below, m->handle, domain, got, arg);
}

static int
memory_each(void *backend, store_each_fn *each, void *arg)
{
	struct memory *m = backend;

	return overlay_each(m->changes, m->below, m->handle, each, arg);
}

static size_t
memory_count(void *backend)
{
	struct memory *m = backend;
	size_t below = m->below == NULL ? 0 : m->below->count(m->handle);

	return below + overlay_size(m->changes).n;
}

/* Tombstones always fit: a delete must not fail for want of space. */
static int
memory_write(void *backend, const struct store_change *changes, size_t n)
{
	struct memory *m = backend;
	size_t octets = 0;

	for (size_t i = 0; i < n; i++) {
		if (!changes[i].record->deleted)
			octets += changes[i].record->size;
	}
	if (octets > 0 && octets + overlay_size(m->changes).octets > OCTETS_MAX)
		return ERR_FULL;
	for (size_t i = 0; i < n; i++) {
		struct record *record = changes[i].record;

		if (record->deleted && m->below == NULL)
			overlay_remove(m->changes, record->entry.domain);
		else if (!overlay_put(m->changes, record, false))
			return ERR_NOMEM;
	}
	return 0;
}

static bool
memory_is_down(void *backend)
{
	struct memory *m = backend;

	return m->below != NULL && m->below->is_down != NULL &&
	    m->below->is_down(m->handle);
}

const struct store_backend store_memory = {
    .scheme = {"memory"},
    .check = memory_check,
    .open = memory_open,
    .close = memory_close,
    .get = memory_get,
    .each = memory_each,
    .write = memory_write,
    .count = memory_count,
    .is_down = memory_is_down,
};
