/*
 * What goes wrong with an LMDB store: its codes and the system's as ours, and
 * texts that tell a person what to do.
 *
 * Any thread.
 */
#ifndef STORE_STORE_REPORT_H
#define STORE_STORE_REPORT_H

#include "store/store.h"

/* The advice on a file that cannot be used. */
#define REPORT_RESTORE                                                      \
	"restore it from a backup, or move it away to start with an empty " \
	"store (then policies are learned anew)"

/* rc: of LMDB, or an errno. 0 or a negative error. */
int report_code(int rc);

/* "store: WHAT DIR as USER: reason; advice". Returns report_code(rc). */
int report_failure(const char *dir, const char *what, int rc,
    char error[STORE_ERROR_SIZE]);

/* "store: DIR/data.mdb WHY". Returns err. */
int report_refusal(const char *dir, int err, const char *why,
    char error[STORE_ERROR_SIZE]);

#endif
