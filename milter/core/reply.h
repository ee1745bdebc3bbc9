/*
 * The SMTP reply of a refused recipient (A-01, A-04; RFC 3463 3.8).
 *
 * Pure. Any thread. No allocation.
 */
#ifndef CORE_REPLY_H
#define CORE_REPLY_H

#include "core/facts.h"
#include "core/verdict.h"

#define REPLY_TEXT_MAX 400 /* octets, doubled % included */

struct reply {
	char code[4];  /* "450" or "550" */
	char xcode[6]; /* "4.7.5" or "5.7.5": the class of code */
	/* One line of printable ASCII. `%` is doubled, as smfi_setreply
	 * wants it: a single one makes Sendmail turn 450 into 550. */
	char text[REPLY_TEXT_MAX + 1];
};

/* Verdicts other than VERDICT_REJECT are given the temporary codes. */
void reply_format(const struct facts *facts, const struct verdict *verdict,
    struct reply *out);

#endif
