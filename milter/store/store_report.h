/*
 * What goes wrong with an LMDB store: its codes and the system's as ours, and
 * texts that tell a person what to do.
 *
 * Any thread.
 */
#ifndef STORE_STORE_REPORT_H
#define STORE_STORE_REPORT_H

#include "store/store.h"

/* rc: of LMDB, or an errno. 0 or a negative error. */
int report_code(int rc);

/* "store: WHAT DIR as USER: reason; advice". Returns report_code(rc). */
int report_failure(const char *dir, const char *what, int rc,
    char error[STORE_ERROR_SIZE]);

/* "store: DIR/data.mdb WHY: ..." with what can be done, which depends on
 * whether there is a copy (store_backup.h). Returns ERR_CORRUPT. */
int
report_damage(const char *dir, const char *why, char error[STORE_ERROR_SIZE]);

/* Of a file in another format of LMDB, and no copy as text. ERR_VERSION. */
int report_format(const char *dir, char error[STORE_ERROR_SIZE]);

/* "store: DIR/data.mdb WHY". Returns err. */
int report_refusal(const char *dir, int err, const char *why,
    char error[STORE_ERROR_SIZE]);

#endif
