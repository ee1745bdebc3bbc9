/*
 * The copy of an LMDB store as text: DIRECTORY/policies.jsonl, one policy a
 * line as io/store_json.h has it (C-17). It needs no LMDB to be read, so it
 * carries the policies over to a version of LMDB with another file format.
 *
 * One thread at a time.
 */
#ifndef STORE_STORE_BACKUP_H
#define STORE_STORE_BACKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"
#include "store/store_record.h"

#define BACKUP_NAME    "policies.jsonl"
#define BACKUP_EVERY_S 86400

/* Whether there is one; *written_s (wall clock). */
bool backup_find(const char *dir, int64_t *written_s);

/*
 * Replaces it by what each(arg, ...) shows, as store_backend.each does, in one
 * step: after a crash either the old or the new one is there, whole. Entries
 * that each() cannot read are left out. octets: what the store takes on the
 * disk; without twice that free space nothing is written (ERR_FULL), so that
 * the copy never takes the last room. 0 or a negative error.
 */
typedef int backup_each_fn(void *arg, store_each_fn *each, void *each_arg);
int
backup_write(const char *dir, size_t octets, backup_each_fn *each, void *arg);

/*
 * Calls take for each policy in it, until that fails. *bad: lines that are no
 * policy. 0, the error of take, or why it cannot be read.
 */
typedef int backup_take_fn(void *arg, struct record *record);
int backup_read(const char *dir, backup_take_fn *take, void *arg, size_t *bad);

#endif
