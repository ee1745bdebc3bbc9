/*
 * The entries of a store below with records that lie over them, in order of
 * domain: a record hides the entry of its domain, a tombstone hides it as well.
 *
 * Any thread.
 */
#ifndef STORE_STORE_MERGE_H
#define STORE_STORE_MERGE_H

#include "store/store_backend.h"
#include "store/store_record.h"

/* below: NULL, nothing lies below. The result is that of its each. */
int store_merge(struct record *const *rows, size_t n,
    const struct store_backend *below, void *handle, store_each_fn *each,
    void *arg);

/* The same for one domain: record is that of the domain, NULL if there is none,
 * and stays the caller's. */
int
store_merge_get(const struct record *record, const struct store_backend *below,
    void *handle, const char *domain, store_each_fn *got, void *arg);

#endif
