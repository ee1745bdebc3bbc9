/*
 * Output of the commands: JSON, and text for a terminal.
 *
 * Single-threaded.
 */
#ifndef TOOL_OUTPUT_H
#define TOOL_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct tree_style;

/* Any octets: those that are not UTF-8 become U+FFFD. NULL: no memory. */
json_t *output_string(const void *octets, size_t len);

/* An array of them. */
json_t *output_strings(const char *const *strings, size_t n);

/*
 * One object a line, ASCII only, so that no reader takes a character inside
 * for the end of a line. Takes the object; NULL (no memory) is reported on
 * stderr. True: printed.
 */
bool output_line(json_t *object);

/*
 * How a tree is drawn on out: in colour on a terminal unless NO_COLOR is set,
 * with the lines that the locale can show. main has called setlocale.
 */
void style_detect(FILE *out, struct tree_style *style);

/* A progress bar on stderr, where that is a terminal. */
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
