/*
 * An engine of the tool's own, and questions to it. It is set up as the
 * daemon's is, but does not disturb the daemon: the store is only read, and the
 * log is stderr. Many questions are under way at once; the one thread of the
 * tool waits for each.
 */
#ifndef TOOL_SESSION_H
#define TOOL_SESSION_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "core/address.h"
#include "engine/ask.h"
#include "log/log.h"
#include "tool/input.h"
#include "tool/output.h"
#include "tool/tool.h"

struct session {
	struct config *loaded;
	struct config config;     /* the same, adapted; borrows from loaded */
	const char *log_target;   /* stderr unless changed before the start */
	enum log_level log_level; /* WARNING, likewise */
	struct log *log;
	struct store *store;
	struct engine *engine;
	uint64_t patience_ms; /* of each query, from its start */
	pthread_mutex_t lock; /* protects the fields that completions write */
	pthread_cond_t some_done;
};

/*
 * Each returns TOOL_OK or the exit status; the reason is on stderr. Close with
 * session_close in any case, also a session of zeros. session_configure sets
 * patience_ms to the time after which the engine has every answer or has given
 * up.
 */
int
session_configure(struct session *session, const struct tool_options *options);
int session_start(struct session *session);
void session_close(struct session *session);

struct query {
	struct session *session;
	const char *name; /* as given */
	bool wrong;       /* it has no @, and is no domain either */
	bool asked;       /* there is a target to ask about */
	struct address address;
	struct target target;
	uint64_t started_ms;
	/* Written on completion. */
	uint64_t ms;
	bool done;
	const struct answer *answer; /* a reference; NULL: no memory */
};

/* Without a target, start and wait do nothing. */
void query_start(struct query *query);
void query_wait(struct query *query);

/*
 * Many names looked up at once, within bounds, and reported in the order in
 * which they were given. The caller sets the members above `session`.
 */
struct batch {
	const struct tool_options *options;
	uint64_t patience_ms; /* for a name; 0: until all is answered */
	bool several;         /* more than one name may be given */
	/* Fills in the question about a name. */
	void (
	    *read)(struct batch *batch, struct query *query, const char *name);
	/* Prints the result: TOOL_OK or another exit status. The queries stand
	 * in the order of the names. */
	int (*tell)(struct batch *batch, const struct query *query);
	/* its own */
	struct session session;
	struct progress progress;
	uint64_t probe_deadline_ms;
	size_t n;
	struct query *queries;
};

/*
 * Works on the arguments from optind on, and on the lines of the file (NULL:
 * none), for which it shows a progress bar. Returns the gravest status.
 */
int batch_run(struct batch *batch, int argc, char **argv, const char *file);

/*
 * A copy of the facts of a query that was asked and answered, and the verdict,
 * judged again once the probe has a result: the domain must not be blamed for
 * a resolver that is dead or does not validate.
 */
void batch_judge(struct batch *batch, const struct query *query,
    struct facts *facts, struct verdict *verdict);

/* The `read` of a batch: a name with an @ is an address, else a domain. It is
 * borrowed. */
void query_read(struct batch *batch, struct query *query, const char *name);

#endif
