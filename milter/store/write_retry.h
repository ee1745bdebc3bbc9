/*
 * What a store could not write, over that store. A policy that was fetched
 * while the disk was full binds all the same, for as long as the process runs,
 * and is written as soon as there is room: with the next change that can be,
 * or when the writer tries again, less and less often.
 *
 * Bounded as the pending ones of store_copy.h. Who asked for the change is told
 * that it is not durable; the log tells of the outage once when it begins and
 * once when it ends.
 *
 * Notes (used, tried) are held only with a policy that is: they are about all
 * that is stored, and would leave no room for what matters. So would policies
 * that do not bind; store_copy.h says how they are bounded (C-16).
 */
#ifndef STORE_WRITE_RETRY_H
#define STORE_WRITE_RETRY_H

#include "store/store_backend.h"

/* Between two tries without a change that can be written. */
#define UNWRITTEN_RETRY_MIN_MS 500
#define UNWRITTEN_RETRY_MAX_MS 5000
/* An outage that begins so soon after another ends when it has been over for as
 * long: one line each way in that time. */
#define UNWRITTEN_CALM_MS 20000

/* A handle of store_unwritten, which closes the one below. NULL: no memory. */
void *store_unwritten_over(const struct store_backend *below, void *handle,
    const struct store_options *options);

extern const struct store_backend store_unwritten;

#endif
