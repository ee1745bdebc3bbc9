/*
 * A copy of one store entry, immutable and shared by reference, so that queues,
 * the memory store and its readers need no copies of their own.
 *
 * Any thread.
 */
#ifndef STORE_STORE_RECORD_H
#define STORE_STORE_RECORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "store/store.h"

#define RECORD_FAILURE_MAX 255      /* octets; what is longer is cut */
#define RECORD_BODY_MAX    16777216 /* as fetch_max_bytes */

struct record {
	atomic_uint refs;
	bool deleted; /* a tombstone: entry.domain is all there is */
	size_t size;  /* octets in memory */
	struct store_entry entry; /* points into this block */
};

/*
 * 0 with one reference in *out; ERR_SYNTAX: no canonical domain or an id that
 * is none; ERR_TOOLONG: the body; ERR_NOMEM.
 */
int record_new(const struct store_entry *entry, struct record **out);
/* The same of a new policy: looks into the body, sets expendable, shortens it
 * as store_put has it. A tombstone if it cannot be short enough. */
int record_new_policy(const struct store_entry *entry, struct record **out);
/* A tombstone. The same errors. */
int record_new_deleted(const char *domain, struct record **out);

struct record *record_ref(struct record *record);
void record_unref(struct record **record); /* NULL is fine */

/* 0 or ERR_SYNTAX: whether domain is a canonical name. */
int record_check_domain(const char *domain);

#endif
