/*
 * The policy store for those who may wait for it.
 *
 * Any thread that may block, but the store's own.
 */
#ifndef STORE_STORE_WAIT_H
#define STORE_STORE_WAIT_H

#include "store/store.h"
#include "store/store_record.h"

/* 0 with *record (one reference), ERR_NOTFOUND, or why it cannot be read. */
int
store_wait_get(struct store *store, const char *domain, struct record **record);
int store_wait_delete(struct store *store, const char *domain);

/* Writes of which several may be under way. */
struct store_writes;

#define STORE_WRITES_MAX 64

/* On the store's thread, as a store_done_fn, for each write of a domain. */
typedef void store_written_fn(void *arg, const char *domain, int err);

/* written: NULL if nobody is to be told. NULL: no memory. */
struct store_writes *
store_writes_new(struct store *store, store_written_fn *written, void *arg);
/* Waits while too many are under way. 0, or the error of store_put_later. */
int store_writes_put_later(struct store_writes *writes,
    const struct store_entry *entry);
/* Waits for all; *failed is how many of them did, *kept how many found what is
 * as new. 0, or the first failed one's error. */
int
store_writes_end(struct store_writes **writes, size_t *failed, size_t *kept);

#endif
