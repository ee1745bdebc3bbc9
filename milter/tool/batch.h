/*
 * Many names looked up at once, within bounds, and told in the order in which
 * they were given: what check and tls share.
 */
#ifndef TOOL_BATCH_H
#define TOOL_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tool/names.h"
#include "tool/progress.h"
#include "tool/query.h"
#include "tool/session.h"
#include "tool/tool.h"

/* The caller sets the first four. */
struct batch {
	const struct tool_options *options;
	uint64_t patience_ms; /* for a name; 0: until all is answered */
	/* What is asked about a name. */
	void (
	    *read)(struct batch *batch, struct query *query, const char *name);
	/* Prints what was found: TOOL_OK or another exit status. The queries
	 * stand in the order of the names. */
	int (*tell)(struct batch *batch, const struct query *query);
	/* its own */
	struct session session;
	struct query_set set;
	struct progress progress;
	uint64_t probe_deadline_ms;
	size_t n;
	struct query *queries;
};

/* The gravest status. from_file: there may be many, and a bar is shown. */
int batch_run(struct batch *batch, const struct names *names, bool from_file);

/*
 * A copy of the facts of a query that was asked and answered, and the verdict,
 * judged again once the probe has a result: a resolver that is dead, or does
 * not validate, must not be blamed on the domain.
 */
void batch_judge(struct batch *batch, const struct query *query,
    struct facts *facts, struct verdict *verdict);

/* "10s" of an option. False: that is no time. */
bool batch_read_deadline(const char *text, uint64_t *deadline_ms);

#endif
