/*
 * The last recipients that were refused (in monitor mode: would have been), for
 * the status page. A ring of fixed size: a storm of them costs no memory.
 *
 * Any thread.
 */
#ifndef FRONT_REFUSALS_H
#define FRONT_REFUSALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/name.h"
#include "base/net.h"
#include "core/verdict.h"

struct recipient_log;
struct refusals;

#define REFUSALS_MAX 100

/* Texts are cut where they do not fit. What strangers typed is in them. */
struct refusal {
	int64_t at_s; /* wall clock */
	enum verdict_kind verdict;
	enum reason reason;
	bool monitor;
	char queue_id[32];
	char to[256];
	char domain[NAME_SIZE];
	char client[NET_ADDRESS_SIZE];
	char evidence[EVIDENCE_TEXT_SIZE + 2 + 256]; /* and the validator's */
};

/* NULL: no memory. */
struct refusals *refusals_new(void);
void refusals_free(struct refusals **refusals); /* NULL is fine */

/* refusals may be NULL: nothing is kept. */
void refusals_add(struct refusals *refusals, const struct recipient_log *line,
    int64_t now_s);

/* The newest first; how many there were. */
size_t
refusals_copy(struct refusals *refusals, struct refusal out[REFUSALS_MAX]);

#endif
