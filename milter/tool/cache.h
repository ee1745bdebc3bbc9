/*
 * dane-sts cache: what its commands share. The policies come from the daemon
 * over the control socket, or from the store that --store names. If no daemon
 * runs, commands that only read open the store of the configuration.
 *
 * Single-threaded. Failures are reported on stderr.
 */
#ifndef TOOL_CACHE_H
#define TOOL_CACHE_H

#include "store/store_record.h"
#include "tool/remote.h"
#include "tool/tool.h"

struct store;

struct cache_options {
	struct tool_options *options;
	const char *store; /* --store; NULL: not given */
	int argc;          /* operands */
	char **argv;
};

/* One of the two is set. */
struct cache_source {
	struct config *config;
	struct remote *remote;
	struct store *store;
};

enum cache_access {
	CACHE_READ, /* without a daemon from its store */
	CACHE_CHANGE,
	CACHE_DAEMON /* only the daemon can do it */
};

/* TOOL_OK or the exit status. Close in any case. */
int cache_source_open(struct cache_source *source,
    const struct cache_options *options, enum cache_access access);
void cache_source_close(struct cache_source *source);

/* The operand as a canonical domain. */
bool cache_domain(const char *operand, char domain[NAME_SIZE]);

/* The commands in cache_change.c. */
int cache_import(const struct cache_options *options);
int cache_purge(const struct cache_options *options);
int cache_warm(const struct cache_options *options);

#endif
