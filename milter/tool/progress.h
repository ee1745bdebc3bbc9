/*
 * How far many names have come: a bar on stderr, where that is a terminal.
 * Single-threaded.
 */
#ifndef TOOL_PROGRESS_H
#define TOOL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct progress {
	bool shown; /* stderr is a terminal */
	size_t done;
	size_t n; /* not 0 where it is shown */
};

void progress_init(struct progress *progress, size_t n);

/* One more is done: draws the bar, and ends its line with the last. */
void progress_step(struct progress *progress);

/* Makes room for a line of text where the bar was. */
void progress_wipe(const struct progress *progress);

#endif
