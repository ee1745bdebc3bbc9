/*
 * Loads a new configuration into the running daemon at SIGUSR1 and at a request
 * on the control socket. An invalid file is reported and changes nothing. When
 * the wall clock was set back, the same configuration is loaded again, which
 * empties the resolver's cache.
 *
 * The thread that waits for SIGUSR1 also does periodic work: it runs the
 * sampler (front/stats_sampler.h), logs once a minute how many recipients
 * passed if log_pass is false, and logs at midnight which exemptions end.
 */
#ifndef DAEMON_RELOAD_H
#define DAEMON_RELOAD_H

#include "config/config.h"

struct engine;
struct log;
struct refresher;
struct reloader;
struct snapshots;
struct stats_sampler;

/* The parts that a reload uses. All borrowed; must outlive the reloader. */
struct reload_parts {
	const char *file;             /* NULL: there was none at the start */
	const struct config *started; /* fixes some options */
	struct snapshots *snapshots;
	struct engine *engine;
	struct refresher *refresher;
	struct stats_sampler *sampler;
	struct log *log;
};

/* SIGUSR1 and SIGUSR2 must be blocked in every thread: the reloader's thread
 * waits for them. NULL: no memory or no thread. */
struct reloader *reloader_new(const struct reload_parts *parts);
/* A reload under way is finished first. */
void reloader_free(struct reloader **reloader);

/*
 * Any thread but an engine's loop; one reload at a time, others wait. 0 with
 * *error naming the options that changed and need a restart ("" for none), or
 * ERR_CONFIG with *error filled in (several errors one a line). Both are
 * logged.
 */
int reload_now(struct reloader *reloader, char error[CONFIG_ERROR_SIZE]);

#endif
