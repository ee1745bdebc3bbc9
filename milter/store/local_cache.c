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
	/* by whether they are expendable */
	struct share settled[2];
	struct share pending[2];
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
	bool expendable = row->record->entry.expendable;

	return row->pending ? &copy->pending[expendable]
			    : &copy->settled[expendable];
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

static size_t
sum_n(const struct share shares[2])
{
	return shares[0].n + shares[1].n;
}

static size_t
sum_octets(const struct share shares[2])
{
	return shares[0].octets + shares[1].octets;
}

static bool
is_over(const struct copy *copy)
{
	return sum_n(copy->settled) + sum_n(copy->pending) > COPY_ENTRIES_MAX ||
	    sum_octets(copy->settled) + sum_octets(copy->pending) >
	    COPY_OCTETS_MAX;
}

static void
remove_oldest(struct copy *copy, struct share *share)
{
	remove_row(copy, (struct row *)share->ring.next);
}

static void
make_room(struct copy *copy)
{
	while (is_over(copy) && sum_n(copy->settled) > 0)
		remove_oldest(copy, &copy->settled[copy->settled[true].n > 0]);
}

static bool
fits(const struct copy *copy, const struct record *record)
{
	return sum_n(copy->pending) < COPY_PENDING_MAX &&
	    sum_octets(copy->pending) + record->size <= COPY_PENDING_OCTETS_MAX;
}

/* What is not expendable makes room for itself. */
static bool
may_be_pending(struct copy *copy, const struct record *record)
{
	struct share *expendable = &copy->pending[true];

	if (record->entry.expendable)
		return expendable->n < COPY_PENDING_MAX / 4 &&
		    expendable->octets + record->size <=
		    COPY_PENDING_OCTETS_MAX / 4 &&
		    fits(copy, record);
	while (!fits(copy, record) && expendable->n > 0)
		remove_oldest(copy, expendable);
	return fits(copy, record);
}

/* --- public --------------------------------------------------------------- */

static void
ring_init(struct ring *ring)
{
	ring->next = ring;
	ring->prev = ring;
}

struct copy *
copy_new(void)
{
	struct copy *copy = calloc(1, sizeof(*copy));

	if (copy == NULL)
		return NULL;
	pthread_mutex_init(&copy->lock, NULL);
	for (size_t i = 0; i < 2; i++) {
		ring_init(&copy->settled[i].ring);
		ring_init(&copy->pending[i].ring);
	}
	return copy;
}

static void
empty(struct copy *copy, struct share shares[2])
{
	for (size_t i = 0; i < 2; i++)
		while (shares[i].n > 0)
			remove_oldest(copy, &shares[i]);
}

void
copy_free(struct copy **copyp)
{
	struct copy *copy = *copyp;

	*copyp = NULL;
	if (copy == NULL)
		return;
	empty(copy, copy->settled);
	empty(copy, copy->pending);
	pthread_mutex_destroy(&copy->lock);
	free(copy);
}

/* Under the lock. */
static bool
replace(struct copy *copy, struct record *record, bool pending)
{
	struct row *row = find(copy, record->entry.domain);
	bool pending_now;

	if (row != NULL)
		remove_row(copy, row);
	if (record->size > COPY_PENDING_OCTETS_MAX)
		return false;
	pending_now = pending && may_be_pending(copy, record);
	row = add_row(copy, record);
	if (row == NULL)
		return false;
	(void)record_ref(record);
	row->pending = pending_now;
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

/* Those that protect first. */
size_t
copy_pending(struct copy *copy, struct record **out, size_t room)
{
	size_t n = 0;

	pthread_mutex_lock(&copy->lock);
	for (size_t i = 0; i < 2; i++) {
		struct ring *head = &copy->pending[i].ring;

		for (struct ring *at = head->next; at != head && n < room;
		     at = at->next)
			out[n++] = record_ref(((struct row *)at)->record);
	}
	pthread_mutex_unlock(&copy->lock);
	return n;
}

size_t
copy_count_pending(struct copy *copy)
{
	size_t n;

	pthread_mutex_lock(&copy->lock);
	n = sum_n(copy->pending);
	pthread_mutex_unlock(&copy->lock);
	return n;
}

size_t
copy_count(struct copy *copy)
{
	size_t n;

	pthread_mutex_lock(&copy->lock);
	n = sum_n(copy->settled) + sum_n(copy->pending);
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
gather(const struct share shares[2], struct record **rows, size_t *n)
{
	for (size_t i = 0; i < 2; i++) {
		const struct ring *head = &shares[i].ring;

		for (const struct ring *at = head->next; at != head;
		     at = at->next)
			rows[(*n)++] =
			    record_ref(((const struct row *)at)->record);
	}
}

int
copy_snapshot(struct copy *copy, struct record ***rows, size_t *n)
{
	*n = 0;
	pthread_mutex_lock(&copy->lock);
	*rows = calloc(sum_n(copy->settled) + sum_n(copy->pending) + 1,
	    sizeof(struct record *));
	if (*rows != NULL) {
		gather(copy->settled, *rows, n);
		gather(copy->pending, *rows, n);
	}
	pthread_mutex_unlock(&copy->lock);
	if (*rows == NULL)
		return ERR_NOMEM;
	qsort(*rows, *n, sizeof(struct record *), compare_records);
	return 0;
}
