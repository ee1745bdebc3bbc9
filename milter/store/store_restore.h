/*
 * Builds an LMDB store from its copy as text (store_backup.h): when data.mdb is
 * missing, or is in a format that this version of LMDB cannot read (C-17).
 *
 * One thread, while the store is opened.
 */
#ifndef STORE_STORE_RESTORE_H
#define STORE_STORE_RESTORE_H

#include <stdbool.h>

#include "store/store.h"

/*
 * set_aside: a data.mdb that is there is renamed, never removed. In one step:
 * after a crash the old file is there, or the new one, or none and the copy,
 * from which the next start builds it. 0 or a negative error with *error
 * filled in; then everything is as it was. Logs what was done.
 */
int store_restore(const char *dir, bool set_aside, struct log *log,
    char error[STORE_ERROR_SIZE]);

#endif
