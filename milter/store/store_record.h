/*
 * Store entries: a copy in memory, immutable and shared by reference, so that
 * queues, overlays and readers need no copies of their own; and the octets of
 * one on a disk or a server.
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
	/* A tombstone: entry.domain is all there is; entry.expendable if a
	 * stranger can cause the deletion; entry.fetched_s of the policy that
	 * replaces it (hosts that share a store keep what is later). */
	bool deleted;
	size_t size;              /* octets in memory */
	struct store_entry entry; /* points into this block */
};

/*
 * 0 with one reference in *out; ERR_SYNTAX: no canonical domain or an id that
 * is none; ERR_TOOLONG: the body; ERR_NOMEM.
 */
int record_new(const struct store_entry *entry, struct record **out);
/* Makes the record of a new policy: parses the body, sets expendable, and
 * shortens the body as store_put describes. If it cannot be short enough, the
 * record is an expendable tombstone with fetched_s. The same errors. */
int record_new_policy(const struct store_entry *entry, struct record **out);
/* Makes a tombstone. The same errors. */
int record_new_deleted(const char *domain, struct record **out);

struct record *record_ref(struct record *record);
void record_unref(struct record **record); /* NULL is fine */

/* 0 or ERR_SYNTAX: whether domain is a canonical name. */
int record_check_domain(const char *domain);

/*
 * How an entry lies on the disk. All integers are little-endian.
 *
 *	offset  octets
 *	 0      4   "DSTS"
 *	 4      2   version of the record, 1
 *	 6      2   length of the id
 *	 8      2   length of the failure text
 *	10      2   flags: 1, the policy does not bind (store.h: expendable)
 *	12      4   length of the body
 *	16      8   fetched_s
 *	24      8   tried_s
 *	32      8   used_s
 *	40      4   CRC-32 of the domain and all of the record but these four
 *	44          id, NUL, failure, NUL, body
 *
 * The NULs let a reader use the texts where they lie. The domain is the key;
 * the checksum ties the record to it.
 *
 * The first six octets mean the same in every version to come: by them a
 * program recognizes records that it is too old for, and leaves them alone. A
 * newer program reads what all older ones wrote (tests/unit/store_v1). Versions
 * without flags wrote zero there, and ignore them.
 */
#define FORMAT_HEADER_SIZE 44

/* The entry keeps record_new's limits. */
size_t format_size(const struct store_entry *entry);
/* out: format_size octets. */
void format_write(const struct store_entry *entry, uint8_t *out);

/* True if the stored record is expendable. *used_s: when it was used. Does not
 * check the checksum. A record that cannot be read is not expendable. */
bool format_is_expendable(const uint8_t *data, size_t len, int64_t *used_s);

/*
 * 0: *out points into data (and at domain); ERR_CORRUPT; ERR_VERSION: a newer
 * program wrote it.
 */
int format_read(const char *domain, const uint8_t *data, size_t len,
    struct store_entry *out);

#endif
