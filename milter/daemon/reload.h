/*
 * Takes a new configuration into a daemon that runs: at SIGUSR1, and when the
 * control socket is asked to. All of it or nothing: a file that is not good is
 * reported, and what ran before runs on. And when the wall clock was set back:
 * then the same configuration once more, for an empty resolver.
 */
#ifndef DAEMON_RELOAD_H
#define DAEMON_RELOAD_H

#include "config/config.h"

struct engine;
struct log;
struct refresher;
struct reloader;
struct snapshots;

/* What takes part in it. All borrowed; must outlive the reloader. */
struct reload_parts {
	const char *file;             /* NULL: there was none at the start */
	const struct config *started; /* what cannot change any more */
	struct snapshots *snapshots;
	struct engine *engine;
	struct refresher *refresher;
	struct log *log;
};

/*
 * SIGUSR1 must be blocked in every thread. From here on a thread of its own
 * waits for it. NULL: no memory or no thread.
 */
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
