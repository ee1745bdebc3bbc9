/*
 * The evidence behind a verdict as a tree, for people.
 *
 * Any thread.
 */
#ifndef TOOL_TREE_H
#define TOOL_TREE_H

#include <stdbool.h>
#include <stdio.h>

#include "core/facts.h"
#include "core/verdict.h"

struct tree_style {
	bool colour;
	bool utf8; /* else lines are drawn in ASCII */
};

/*
 * What suits out: colour on a terminal unless NO_COLOR is set, lines as the
 * locale can show them. main has called setlocale.
 */
void tree_style_detect(FILE *out, struct tree_style *style);

/* title: what was asked about, any octets. */
void tree_print(FILE *out, const struct tree_style *style, const char *title,
    const struct facts *facts, const struct verdict *verdict);

#endif
