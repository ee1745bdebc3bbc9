/*
 * The milter: SMTP recipients in, replies out (MILTER.md). Hides libmilter.
 */
#ifndef FRONT_FILTER_H
#define FRONT_FILTER_H

#include "config/config.h"

struct deferrals;
struct engine;
struct log;
struct metrics;
struct snapshots;

#define FILTER_ERROR_SIZE 512

/*
 * There is one filter per process: libmilter keeps its state in globals.
 * Main thread, once, before privileges are dropped: binds the socket.
 * 0 or ERR_IO with *error filled in.
 */
int filter_listen(const struct config *config, char error[FILTER_ERROR_SIZE]);

/* After filter_listen, if there will be no filter_run: removes a unix socket.
 */
void filter_unlisten(const struct config *config);

/* What recipients are judged with. All borrowed. */
struct filter_parts {
	const struct config *started; /* the one that filter_listen had */
	struct snapshots *snapshots;
	struct engine *engine;
	struct log *log;
	struct metrics *metrics;
	struct deferrals *deferrals; /* NULL: they are not kept */
	/* 0: see front/filter_socket.h */
	unsigned connections_max;
	unsigned packet_ms;
};

/*
 * Main thread, once. Serves until SIGTERM, then waits, bounded, for callbacks
 * that still run. *drained: none is left, so that what they use can be freed.
 * 0, or ERR_LIBRARY: it was libmilter that ended, for want of descriptors or
 * memory.
 */
int filter_run(const struct filter_parts *parts, bool *drained);

#endif
