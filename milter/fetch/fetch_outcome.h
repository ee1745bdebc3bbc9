/*
 * What became of a transfer, in the terms of fetch.h and in words for people.
 *
 * Belongs to the fetcher's thread.
 */
#ifndef FETCH_FETCH_OUTCOME_H
#define FETCH_FETCH_OUTCOME_H

#include "fetch/fetch_transfer.h"

/* One of these fills in t->result: libcurl is done with it, ... */
void fetch_outcome_judge(struct fetch_transfer *t, CURLcode code);
/* ... timeout_ms are over, ... */
void fetch_outcome_expire(struct fetch_transfer *t);
/* ... it waited in vain for a connection, ... */
void fetch_outcome_queue(struct fetch_transfer *t, unsigned wait_ms);
/* ... or nobody wants it any more. */
void fetch_outcome_cancel(struct fetch_transfer *t);

#endif
