/* Two sorted sequences as one. */
#include "autoconf.h"

#include "store/store_merge.h"

#include <string.h>

#include "base/err.h"

struct merge {
	struct record *const *rows;
	size_t n;
	size_t next;
	bool stopped;
	store_each_fn *each;
	void *arg;
};

static void
emit(struct merge *merge, const struct store_entry *entry)
{
	if (!merge->stopped && !merge->each(merge->arg, entry))
		merge->stopped = true;
}

/* Rows up to and with domain (NULL: all). Whether domain was among them. */
static bool
emit_rows(struct merge *merge, const char *domain)
{
	int order = -1;

	for (; merge->next < merge->n && !merge->stopped; merge->next++) {
		const struct record *row = merge->rows[merge->next];

		if (domain != NULL)
			order = strcmp(row->entry.domain, domain);
		if (order > 0)
			return false;
		if (!row->deleted)
			emit(merge, &row->entry);
		if (order == 0) {
			merge->next++;
			return true;
		}
	}
	return false;
}

static bool
merge_below(void *arg, const struct store_entry *entry)
{
	struct merge *merge = arg;

	if (!emit_rows(merge, entry->domain))
		emit(merge, entry);
	return !merge->stopped;
}

int
store_merge(struct record *const *rows, size_t n,
    const struct store_backend *below, void *handle, store_each_fn *each,
    void *arg)
{
	struct merge merge = {.rows = rows, .n = n, .each = each, .arg = arg};
	int err = 0;

	if (below != NULL)
		err = below->each(handle, merge_below, &merge);
	if (err == 0 || store_each_partial(err))
		(void)emit_rows(&merge, NULL);
	return err;
}

int
store_merge_get(const struct record *record, const struct store_backend *below,
    void *handle, const char *domain, store_each_fn *got, void *arg)
{
	if (record == NULL && below != NULL)
		return below->get(handle, domain, got, arg);
	if (record == NULL || record->deleted)
		return ERR_NOTFOUND;
	(void)got(arg, &record->entry);
	return 0;
}
