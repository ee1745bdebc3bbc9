/*
 * Records a recipient once it is judged: the one line in the log (DESIGN
 * "Per-recipient line"; fixed keys, fixed order), and, for the status page, the
 * last recipients that did not pass.
 *
 * Any thread.
 */
#ifndef FRONT_RECIPIENT_LOG_H
#define FRONT_RECIPIENT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/name.h"
#include "base/net.h"
#include "core/facts.h"
#include "core/scope.h"
#include "core/verdict.h"
#include "log/log.h"

struct recipient;

/* The verdict on a recipient, and what it rests on. */
struct judgement {
	struct scope scope;
	bool monitor; /* the verdict is not carried out */
	bool cached;
	uint64_t ms;
	enum verdict_kind verdict;
	enum reason reason;
	/* NULL: no lookup was needed (local, exempt, ...) */
	const struct verdict *judged;
	const struct facts *facts;
	const char *exempted_by; /* of REASON_EXEMPT by its sender, or NULL */
};

/* It passed, and all is as it should be: the line may be left out. */
bool recipient_is_plain(enum verdict_kind verdict, enum reason reason);
/* See struct recipient_result. */
bool recipient_is_of_interest(const struct judgement *judgement);

/* One line: info if it passes for a usual reason, else warning. */
void recipient_log(struct log *log, const struct recipient *recipient,
    const struct judgement *judgement);

/* --- the last recipients that were (monitor: would have been) deferred,
 * rejected or held: a ring of fixed size --- */

struct deferrals;

#define DEFERRALS_MAX 100

/* Texts are cut where they do not fit, and hold what strangers typed. */
struct deferral {
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
struct deferrals *deferrals_new(void);
void deferrals_free(struct deferrals **deferrals); /* NULL is fine */

/* deferrals may be NULL: nothing is kept. */
void
deferrals_add(struct deferrals *deferrals, const struct recipient *recipient,
    const struct judgement *judgement, int64_t now_s);

/* The newest first; how many there were. */
size_t
deferrals_copy(struct deferrals *deferrals, struct deferral out[DEFERRALS_MAX]);

#endif
