/* A sorted table of shared records. */
#include "autoconf.h"

#include "store/store_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

void
table_init(struct table *t, bool keep_deleted)
{
	*t = (struct table){.keep_deleted = keep_deleted};
	pthread_mutex_init(&t->lock, NULL);
}

void
table_clear(struct table *t)
{
	table_abort(t);
	table_snapshot_free(t->row, t->n);
	free(t->staged);
	pthread_mutex_destroy(&t->lock);
	*t = (struct table){.n = 0};
}

/* --- looking -------------------------------------------------------------- */

/* The row that holds domain, or before which it belongs. */
static size_t
find(const struct table *t, const char *domain, bool *found)
{
	size_t low = 0;
	size_t high = t->n;

	*found = false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(t->row[mid]->entry.domain, domain);

		if (order == 0) {
			*found = true;
			return mid;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct record *
table_get(struct table *t, const char *domain)
{
	struct record *record = NULL;
	bool found;
	size_t i;

	pthread_mutex_lock(&t->lock);
	i = find(t, domain, &found);
	if (found)
		record = record_ref(t->row[i]);
	pthread_mutex_unlock(&t->lock);
	return record;
}

int
table_snapshot(struct table *t, struct record ***rows, size_t *n)
{
	int err = 0;

	*n = 0;
	pthread_mutex_lock(&t->lock);
	*rows = calloc(t->n + 1, sizeof(struct record *));
	if (*rows == NULL)
		err = ERR_NOMEM;
	for (size_t i = 0; err == 0 && i < t->n; i++)
		(*rows)[(*n)++] = record_ref(t->row[i]);
	pthread_mutex_unlock(&t->lock);
	return err;
}

void
table_snapshot_free(struct record **rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		record_unref(&rows[i]);
	free(rows);
}

size_t
table_count(struct table *t)
{
	size_t n;

	pthread_mutex_lock(&t->lock);
	n = t->n;
	pthread_mutex_unlock(&t->lock);
	return n;
}

/* --- changing ------------------------------------------------------------- */

static int
grow(struct record ***array, size_t *room, size_t need)
{
	size_t more = *room;
	struct record **new;

	if (need <= *room)
		return 0;
	while (more < need)
		more = more < 64 ? 64 : more * 2;
	new = reallocarray(*array, more, sizeof(struct record *));
	if (new == NULL)
		return ERR_NOMEM;
	*array = new;
	*room = more;
	return 0;
}

int
table_stage(struct table *t, struct record *record)
{
	if (grow(&t->staged, &t->room_staged, t->n_staged + 1) != 0) {
		record_unref(&record);
		return ERR_NOMEM;
	}
	t->staged[t->n_staged++] = record;
	return 0;
}

void
table_abort(struct table *t)
{
	for (size_t i = 0; i < t->n_staged; i++)
		record_unref(&t->staged[i]);
	t->n_staged = 0;
}

static void
remove_row(struct table *t, size_t i)
{
	t->octets -= t->row[i]->size;
	record_unref(&t->row[i]);
	t->n--;
	memmove(&t->row[i], &t->row[i + 1], (t->n - i) * sizeof(t->row[0]));
}

static void
insert_row(struct table *t, size_t i, struct record *record)
{
	memmove(&t->row[i + 1], &t->row[i], (t->n - i) * sizeof(t->row[0]));
	t->row[i] = record;
	t->n++;
	t->octets += record->size;
}

/* Takes over the reference; there is room. */
static void
apply(struct table *t, struct record *record)
{
	bool found;
	size_t i = find(t, record->entry.domain, &found);

	if (found)
		remove_row(t, i);
	if (record->deleted && !t->keep_deleted)
		record_unref(&record);
	else
		insert_row(t, i, record);
}

/* Tombstones always fit: a delete must not fail for want of space. */
static bool
staged_fit(const struct table *t)
{
	size_t octets = 0;

	for (size_t i = 0; i < t->n_staged; i++) {
		if (!t->staged[i]->deleted)
			octets += t->staged[i]->size;
	}
	return octets == 0 || octets + t->octets <= TABLE_OCTETS_MAX;
}

int
table_commit(struct table *t)
{
	int err;

	pthread_mutex_lock(&t->lock);
	err = grow(&t->row, &t->room, t->n + t->n_staged);
	if (err == 0 && !staged_fit(t))
		err = ERR_FULL;
	for (size_t i = 0; err == 0 && i < t->n_staged; i++)
		apply(t, t->staged[i]);
	if (err == 0)
		t->n_staged = 0;
	pthread_mutex_unlock(&t->lock);
	return err;
}
