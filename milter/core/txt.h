/*
 * The TXT RRset at _mta-sts.<domain> (RFC 8461 3.1; REQUIREMENTS T-03 to
 * T-09).
 *
 * Pure. Any thread. No allocation.
 */
#ifndef CORE_TXT_H
#define CORE_TXT_H

#include <stddef.h>
#include <stdint.h>

#include "core/names.h"

#define TXT_ID_LEN_MAX 32
#define TXT_ID_SIZE    (TXT_ID_LEN_MAX + 1)

/* X(member, name in the facts) */
#define TXT_STATE_TABLE(X)                                                 \
	X(TXT_UNASKED, "unasked")   /* not looked up, or no answer yet */  \
	X(TXT_VALID, "valid")       /* one record, and it has an id */     \
	X(TXT_NONE, "none")         /* no record that counts */            \
	X(TXT_MULTIPLE, "multiple") /* several "v=STSv1;" records: T-05 */ \
	X(TXT_INVALID, "invalid")   /* one, with bad syntax: T-06 */       \
	X(TXT_FAILED, "failed")     /* no record, and no proof of that */  \
	X(TXT_BOGUS, "bogus")       /* no record, and the denial is bogus */

enum txt_state {
	TXT_STATE_TABLE(NAMES_MEMBER)
};

/* One record's RDATA: <length octet><octets>, repeated. */
struct txt_rdata {
	const uint8_t *data;
	size_t len;
};

struct txt_result {
	enum txt_state state; /* VALID, NONE, MULTIPLE or INVALID */
	char id[TXT_ID_SIZE]; /* "" unless VALID */
	const char *why;      /* static text for people; "" when VALID */
	size_t record;        /* which record `why` is about */
};

void
txt_parse(const struct txt_rdata *records, size_t n, struct txt_result *out);

const char *txt_state_name(enum txt_state state);
/* -1 if there is none of that name. */
int txt_state_by_name(const char *name);

#endif
