/*
 * What an RRset at _mta-sts is, by the ABNF of RFC 8461 3.1 and our reading of
 * it (T-03 to T-09, K2). Slow and obvious, and without a line of core/txt.c,
 * whose answers it is compared with.
 */
#ifndef FUZZ_ORACLE_TXT_H
#define FUZZ_ORACLE_TXT_H

#include <stddef.h>

#include "core/txt.h"

struct oracle_txt {
	enum txt_state state;
	char id[TXT_ID_SIZE];
};

void
oracle_txt(const struct txt_rdata *records, size_t n, struct oracle_txt *out);

/* Fails if core has another opinion. */
void oracle_txt_compare(const struct txt_rdata *records, size_t n);

#endif
