/*
 * Keeps records in a tree by domain and in lists by last use. The tree is
 * libc's, which stays balanced whatever names strangers choose.
 */
#include "autoconf.h"

#include "store/overlay.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* A circular list through its head: prev is the most recently used. */
struct ring {
	struct ring *next;
	struct ring *prev;
};

struct row {
	struct ring ring; /* first: a ring is its row */
	struct record *record;
	bool pending;
};

struct share {
	struct ring ring;
	size_t n;
	size_t octets;
};

struct overlay {
	size_t entries_max;
	size_t octets_max;
	pthread_mutex_t lock; /* guards the members below */
	void *tree;
	size_t n;
	size_t octets;
	struct share share[2][2]; /* by pending, and by expendable */
};

/* --- rows ----------------------------------------------------------------- */

static int
compare_rows(const void *a, const void *b)
{
	const struct row *x = a;
	const struct row *y = b;

	return strcmp(x->record->entry.domain, y->record->entry.domain);
}

static struct row *
find(struct overlay *o, const char *domain)
{
	struct record record = {.entry = {.domain = domain}};
	struct row key = {.record = &record};
	struct row **found = tfind(&key, &o->tree, compare_rows);

	return found != NULL ? *found : NULL;
}

static void
list_remove(struct overlay *o, struct row *row)
{
	struct share *share =
	    &o->share[row->pending][row->record->entry.expendable];

	row->ring.next->prev = row->ring.prev;
	row->ring.prev->next = row->ring.next;
	share->n--;
	share->octets -= row->record->size;
}

/* As the most recently used one. */
static void
list_add(struct overlay *o, struct row *row)
{
	struct share *share =
	    &o->share[row->pending][row->record->entry.expendable];

	row->ring.next = &share->ring;
	row->ring.prev = share->ring.prev;
	row->ring.prev->next = &row->ring;
	row->ring.next->prev = &row->ring;
	share->n++;
	share->octets += row->record->size;
}

static void
remove_row(struct overlay *o, struct row *row)
{
	list_remove(o, row);
	(void)tdelete(row, &o->tree, compare_rows);
	o->n--;
	o->octets -= row->record->size;
	record_unref(&row->record);
	free(row);
}

/* --- changes -------------------------------------------------------------- */

/* True if the record fits among the pending ones. One that is not expendable
 * makes room for itself. */
static bool
may_be_pending(struct overlay *o, const struct record *record)
{
	const struct share *binding = &o->share[true][false];
	const struct share *expendable = &o->share[true][true];
	size_t size = record->size;

	if (record->entry.expendable &&
	    (expendable->n >= OVERLAY_PENDING_MAX / 4 ||
		expendable->octets + size > OVERLAY_PENDING_OCTETS_MAX / 4))
		return false;
	while (binding->n + expendable->n >= OVERLAY_PENDING_MAX ||
	    binding->octets + expendable->octets + size >
		OVERLAY_PENDING_OCTETS_MAX) {
		if (record->entry.expendable || expendable->n == 0)
			return false;
		remove_row(o, (struct row *)expendable->ring.next);
	}
	return true;
}

/* Under the lock. Whether the record is there as wanted. */
static bool
put(struct overlay *o, struct record *record, bool pending)
{
	struct share *settled = o->share[false];
	struct row *row = find(o, record->entry.domain);
	bool kept;

	if (row != NULL)
		remove_row(o, row);
	if (record->size > OVERLAY_PENDING_OCTETS_MAX)
		return false;
	row = calloc(1, sizeof(*row));
	if (row == NULL)
		return false;
	row->record = record;
	row->pending = pending && may_be_pending(o, record);
	if (tsearch(row, &o->tree, compare_rows) == NULL) {
		free(row);
		return false;
	}
	(void)record_ref(record);
	list_add(o, row);
	o->n++;
	o->octets += record->size;
	kept = row->pending == pending;
	while ((o->n > o->entries_max || o->octets > o->octets_max) &&
	    settled[false].n + settled[true].n > 0)
		remove_row(o,
		    (struct row *)settled[settled[true].n > 0].ring.next);
	return kept;
}

bool
overlay_put(struct overlay *o, struct record *record, bool pending)
{
	bool kept;

	pthread_mutex_lock(&o->lock);
	kept = put(o, record, pending);
	pthread_mutex_unlock(&o->lock);
	return kept;
}

bool
overlay_replace(struct overlay *o, const char *domain,
    const struct record *expected, struct record *record, bool pending)
{
	bool done = false;
	struct row *row;

	pthread_mutex_lock(&o->lock);
	row = find(o, domain);
	if ((row != NULL ? row->record : NULL) == expected) {
		done = record == NULL || put(o, record, pending);
		if (record == NULL && row != NULL)
			remove_row(o, row);
	}
	pthread_mutex_unlock(&o->lock);
	return done;
}

void
overlay_remove(struct overlay *o, const char *domain)
{
	struct row *row;

	pthread_mutex_lock(&o->lock);
	row = find(o, domain);
	if (row != NULL)
		remove_row(o, row);
	pthread_mutex_unlock(&o->lock);
}

bool
overlay_evict(struct overlay *o)
{
	struct share *share = &o->share[false][true];
	bool found;

	pthread_mutex_lock(&o->lock);
	found = share->n > 0;
	if (found)
		remove_row(o, (struct row *)share->ring.next);
	pthread_mutex_unlock(&o->lock);
	return found;
}

void
overlay_settle(struct overlay *o, const struct record *record)
{
	struct row *row;

	pthread_mutex_lock(&o->lock);
	row = find(o, record->entry.domain);
	if (row != NULL && row->record == record && row->pending) {
		list_remove(o, row);
		row->pending = false;
		list_add(o, row);
	}
	pthread_mutex_unlock(&o->lock);
}

/* --- life ----------------------------------------------------------------- */

struct overlay *
overlay_new(size_t entries_max, size_t octets_max)
{
	struct overlay *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	o->entries_max = entries_max;
	o->octets_max = octets_max;
	pthread_mutex_init(&o->lock, NULL);
	for (size_t i = 0; i < 4; i++) {
		struct ring *head = &o->share[i / 2][i % 2].ring;

		head->next = head;
		head->prev = head;
	}
	return o;
}

void
overlay_free(struct overlay **overlayp)
{
	struct overlay *o = *overlayp;

	*overlayp = NULL;
	if (o == NULL)
		return;
	for (size_t i = 0; i < 4; i++)
		while (o->share[i / 2][i % 2].n > 0)
			remove_row(o,
			    (struct row *)o->share[i / 2][i % 2].ring.next);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

/* --- looking -------------------------------------------------------------- */

struct record *
overlay_get(struct overlay *o, const char *domain, bool *pending)
{
	struct record *record = NULL;
	struct row *row;

	pthread_mutex_lock(&o->lock);
	row = find(o, domain);
	if (row != NULL) {
		list_remove(o, row);
		list_add(o, row);
		record = record_ref(row->record);
		if (pending != NULL)
			*pending = row->pending;
	}
	pthread_mutex_unlock(&o->lock);
	return record;
}

/* Appends references to the records of one list; *n is at most room. */
static void
gather(const struct share *share, struct record **out, size_t room, size_t *n)
{
	const struct ring *head = &share->ring;

	for (const struct ring *at = head->next; at != head && *n < room;
	     at = at->next)
		out[(*n)++] = record_ref(((const struct row *)at)->record);
}

size_t
overlay_pending(struct overlay *o, struct record **out, size_t room)
{
	size_t n = 0;

	pthread_mutex_lock(&o->lock);
	gather(&o->share[true][false], out, room, &n);
	gather(&o->share[true][true], out, room, &n);
	pthread_mutex_unlock(&o->lock);
	return n;
}

struct overlay_size
overlay_size(struct overlay *o)
{
	struct overlay_size size;

	pthread_mutex_lock(&o->lock);
	size.n = o->n;
	size.octets = o->octets;
	size.pending = o->share[true][false].n + o->share[true][true].n;
	pthread_mutex_unlock(&o->lock);
	return size;
}

/* --- in order ------------------------------------------------------------- */

static int
compare_records(const void *a, const void *b)
{
	struct record *const *x = a;
	struct record *const *y = b;

	return strcmp((*x)->entry.domain, (*y)->entry.domain);
}

int
overlay_snapshot(struct overlay *o, struct record ***rows, size_t *n)
{
	*n = 0;
	pthread_mutex_lock(&o->lock);
	*rows = calloc(o->n + 1, sizeof(struct record *));
	for (size_t i = 0; *rows != NULL && i < 4; i++)
		gather(&o->share[i / 2][i % 2], *rows, o->n, n);
	pthread_mutex_unlock(&o->lock);
	if (*rows == NULL)
		return ERR_NOMEM;
	qsort(*rows, *n, sizeof(struct record *), compare_records);
	return 0;
}

void
overlay_snapshot_free(struct record **rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		record_unref(&rows[i]);
	free(rows);
}

/* --- with the store below ------------------------------------------------- */

void
overlay_read(struct overlay *o, const struct store_backend *below, void *handle,
    size_t n, const char *const *domain, store_got_fn *got, void *arg)
{
	for (size_t i = 0; i < n; i++) {
		struct record *record = overlay_get(o, domain[i], NULL);

		if (record == NULL && below != NULL)
			below->get(handle, 1, &domain[i], got, arg);
		else if (record == NULL || record->deleted)
			got(arg, ERR_NOTFOUND, NULL);
		else
			got(arg, 0, &record->entry);
		record_unref(&record);
	}
}

/* Merges the rows with the entries below, both in order of domain. */
struct merge {
	struct record **rows;
	size_t n;
	size_t next;
	bool stopped;
	store_each_fn *each;
	void *arg;
};

/* Shows the rows up to and with domain (NULL: all). True if domain was among
 * them. */
static bool
show_rows(struct merge *m, const char *domain)
{
	int order = -1;

	for (; m->next < m->n && !m->stopped && order < 0; m->next++) {
		const struct record *row = m->rows[m->next];

		if (domain != NULL)
			order = strcmp(row->entry.domain, domain);
		if (order > 0)
			return false;
		if (!row->deleted)
			m->stopped = !m->each(m->arg, &row->entry);
	}
	return order == 0;
}

static bool
show_below(void *arg, const struct store_entry *entry)
{
	struct merge *m = arg;

	if (!show_rows(m, entry->domain) && !m->stopped)
		m->stopped = !m->each(m->arg, entry);
	return !m->stopped;
}

int
overlay_each(struct overlay *o, const struct store_backend *below, void *handle,
    store_each_fn *each, void *arg)
{
	struct merge m = {.each = each, .arg = arg};
	int err = overlay_snapshot(o, &m.rows, &m.n);

	if (err != 0)
		return err;
	if (below != NULL)
		err = below->each(handle, show_below, &m);
	if (err == 0 || store_each_partial(err))
		(void)show_rows(&m, NULL);
	overlay_snapshot_free(m.rows, m.n);
	return err;
}
