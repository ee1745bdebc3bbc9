/*
 * A bounded table of records: a tree by domain (that of libc: strangers choose
 * the names, and it keeps its balance) and two lists by use.
 */
#include "autoconf.h"

#include "store/local_cache.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

/* A circle through its head: prev is the most recently used. */
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

struct copy {
	pthread_mutex_t lock; /* of what follows */
	void *tree;
	struct share settled;
	struct share pending;
};

/* --- rows ----------------------------------------------------------------- */

static int
compare_rows(const void *a, const void *b)
{
	const struct row *x = a;
	const struct row *y = b;

	return strcmp(x->record->entry.domain, y->record->entry.domain);
}

static struct share *
share_of(struct copy *copy, const struct row *row)
{
	return row->pending ? &copy->pending : &copy->settled;
}

static void
take_out(struct copy *copy, struct row *row)
{
	struct share *share = share_of(copy, row);

	row->ring.next->prev = row->ring.prev;
	row->ring.prev->next = row->ring.next;
	share->n--;
	share->octets -= row->record->size;
}

static void
put_in(struct copy *copy, struct row *row)
{
	struct share *share = share_of(copy, row);

	row->ring.next = &share->ring;
	row->ring.prev = share->ring.prev;
	row->ring.prev->next = &row->ring;
	row->ring.next->prev = &row->ring;
	share->n++;
	share->octets += row->record->size;
}

static void
remove_row(struct copy *copy, struct row *row)
{
	take_out(copy, row);
	(void)tdelete(row, &copy->tree, compare_rows);
	record_unref(&row->record);
	free(row);
}

static struct row *
find(struct copy *copy, const char *domain)
{
	struct record record = {.entry = {.domain = domain}};
	struct row key = {.record = &record};
	struct row **found = tfind(&key, &copy->tree, compare_rows);

	return found != NULL ? *found : NULL;
}

/* A new row in the tree, but in no list. */
static struct row *
add_row(struct copy *copy, struct record *record)
{
	struct row *row = calloc(1, sizeof(*row));

	if (row == NULL)
		return NULL;
	row->record = record;
	if (tsearch(row, &copy->tree, compare_rows) == NULL) {
		free(row);
		return NULL;
	}
	return row;
}

/* --- bounds --------------------------------------------------------------- */

static bool
is_over(const struct copy *copy)
{
	return copy->settled.n + copy->pending.n > COPY_ENTRIES_MAX ||
	    copy->settled.octets + copy->pending.octets > COPY_OCTETS_MAX;
}

static void
make_room(struct copy *copy)
{
	while (is_over(copy) && copy->settled.n > 0)
		remove_row(copy, (struct row *)copy->settled.ring.next);
}

static bool
may_be_pending(const struct copy *copy, const struct record *record)
{
	return copy->pending.n < COPY_PENDING_MAX &&
	    copy->pending.octets + record->size <= COPY_PENDING_OCTETS_MAX;
}

/* --- public --------------------------------------------------------------- */

struct copy *
copy_new(void)
{
	struct copy *copy = calloc(1, sizeof(*copy));

	if (copy == NULL)
		return NULL;
	pthread_mutex_init(&copy->lock, NULL);
	copy->settled.ring.next = &copy->settled.ring;
	copy->settled.ring.prev = &copy->settled.ring;
	copy->pending.ring.next = &copy->pending.ring;
	copy->pending.ring.prev = &copy->pending.ring;
	return copy;
}

static void
empty(struct copy *copy, struct share *share)
{
	while (share->n > 0)
		remove_row(copy, (struct row *)share->ring.next);
}

void
copy_free(struct copy **copyp)
{
	struct copy *copy = *copyp;

	*copyp = NULL;
	if (copy == NULL)
		return;
	empty(copy, &copy->settled);
	empty(copy, &copy->pending);
	pthread_mutex_destroy(&copy->lock);
	free(copy);
}

/* Under the lock. */
static bool
replace(struct copy *copy, struct record *record, bool pending)
{
	struct row *row = find(copy, record->entry.domain);

	if (row != NULL)
		remove_row(copy, row);
	if (record->size > COPY_PENDING_OCTETS_MAX)
		return false;
	row = add_row(copy, record);
	if (row == NULL)
		return false;
	(void)record_ref(record);
	row->pending = pending && may_be_pending(copy, record);
	put_in(copy, row);
	pending = row->pending == pending;
	make_room(copy);
	return pending;
}

bool
copy_put(struct copy *copy, struct record *record, bool pending)
{
	bool kept;

	pthread_mutex_lock(&copy->lock);
	kept = replace(copy, record, pending);
	pthread_mutex_unlock(&copy->lock);
	return kept;
}

struct record *
copy_get(struct copy *copy, const char *domain, bool *pending)
{
	struct record *record = NULL;
	struct row *row;

	pthread_mutex_lock(&copy->lock);
	row = find(copy, domain);
	if (row != NULL) {
		take_out(copy, row);
		put_in(copy, row);
		record = record_ref(row->record);
		if (pending != NULL)
			*pending = row->pending;
	}
	pthread_mutex_unlock(&copy->lock);
	return record;
}

void
copy_remove(struct copy *copy, const char *domain)
{
	struct row *row;

	pthread_mutex_lock(&copy->lock);
	row = find(copy, domain);
	if (row != NULL)
		remove_row(copy, row);
	pthread_mutex_unlock(&copy->lock);
}

void
copy_settle(struct copy *copy, const struct record *record)
{
	struct row *row;

	pthread_mutex_lock(&copy->lock);
	row = find(copy, record->entry.domain);
	if (row != NULL && row->record == record && row->pending) {
		take_out(copy, row);
		row->pending = false;
		put_in(copy, row);
	}
	pthread_mutex_unlock(&copy->lock);
}

size_t
copy_pending(struct copy *copy, struct record **out, size_t room)
{
	size_t n = 0;

	pthread_mutex_lock(&copy->lock);
	for (struct ring *at = copy->pending.ring.next;
	     at != &copy->pending.ring && n < room; at = at->next)
		out[n++] = record_ref(((struct row *)at)->record);
	pthread_mutex_unlock(&copy->lock);
	return n;
}

size_t
copy_count_pending(struct copy *copy)
{
	size_t n;

	pthread_mutex_lock(&copy->lock);
	n = copy->pending.n;
	pthread_mutex_unlock(&copy->lock);
	return n;
}

size_t
copy_count(struct copy *copy)
{
	size_t n;

	pthread_mutex_lock(&copy->lock);
	n = copy->settled.n + copy->pending.n;
	pthread_mutex_unlock(&copy->lock);
	return n;
}

/* --- in order ------------------------------------------------------------- */

static int
compare_records(const void *a, const void *b)
{
	struct record *const *x = a;
	struct record *const *y = b;

	return strcmp((*x)->entry.domain, (*y)->entry.domain);
}

static void
gather(const struct share *share, struct record **rows, size_t *n)
{
	for (const struct ring *at = share->ring.next; at != &share->ring;
	     at = at->next)
		rows[(*n)++] = record_ref(((const struct row *)at)->record);
}

int
copy_snapshot(struct copy *copy, struct record ***rows, size_t *n)
{
	*n = 0;
	pthread_mutex_lock(&copy->lock);
	*rows = calloc(copy->settled.n + copy->pending.n + 1,
	    sizeof(struct record *));
	if (*rows != NULL) {
		gather(&copy->settled, *rows, n);
		gather(&copy->pending, *rows, n);
	}
	pthread_mutex_unlock(&copy->lock);
	if (*rows == NULL)
		return ERR_NOMEM;
	qsort(*rows, *n, sizeof(struct record *), compare_records);
	return 0;
}
