/*
 * An engine of the tool's own, set up as the daemon's is but for what would
 * get in the daemon's way: its store is only read, its log is stderr.
 */
#ifndef TOOL_SESSION_H
#define TOOL_SESSION_H

#include <stdint.h>

#include "config/config.h"
#include "tool/tool.h"

struct session {
	struct config *loaded;
	struct config config; /* the same, adapted; borrows from loaded */
	struct log *log;
	struct store *store;
	struct engine *engine;
};

/*
 * Each returns TOOL_OK or the exit status; it was said on stderr why. Close
 * with session_close in any case, which takes a session of zeros as well.
 */
int
session_configure(struct session *session, const struct tool_options *options);
int session_start(struct session *session);
void session_close(struct session *session);

/* The time in which everything has been answered or given up, in ms. */
uint64_t session_patience_ms(const struct session *session);

#endif
