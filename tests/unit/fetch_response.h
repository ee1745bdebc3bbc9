/*
 * A response given as text to libcurl, which hands its header to
 * fetch_outcome_header() as in a fetch.
 */
#ifndef TESTS_UNIT_FETCH_RESPONSE_H
#define TESTS_UNIT_FETCH_RESPONSE_H

#include "fetch/fetch_internal.h"

/* Zeroes *t and fills in head and result. t->easy is NULL afterwards. */
void fetch_response(struct fetch_transfer *t, const void *octets, size_t len);

#endif
