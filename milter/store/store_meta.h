/*
 * The meta record: says that an LMDB file is ours, and of which layout. A file
 * that somebody else wrote, or a newer version, is left as it is.
 *
 * One thread, while the store is opened.
 */
#ifndef STORE_STORE_META_H
#define STORE_STORE_META_H

#include <stdbool.h>

#include <lmdb.h>

#include "store/store.h"

/* Sorts before every domain and can be none. */
#define META_KEY "!meta"

/* Whether it is no domain's, but META_KEY, or another one of a newer program.
 */
bool meta_is_key(const MDB_val *key);

/*
 * 0: ours, or *missing, as the file is new; else a negative error with *error
 * filled in. dir is for the text.
 */
int meta_check(MDB_env *mdb, MDB_dbi dbi, const char *dir, bool *missing,
    char error[STORE_ERROR_SIZE]);

/* Writes it once more, so that a commit counts although nothing has changed. 0
 * or an LMDB code. */
int meta_touch(MDB_txn *txn, MDB_dbi dbi);

/* Into a new file. 0 or a negative error with *error filled in. */
int meta_write(MDB_env *mdb, MDB_dbi dbi, const char *dir,
    char error[STORE_ERROR_SIZE]);

#endif
