/*
 * How a tree is drawn on what it is printed to.
 */
#ifndef TOOL_STYLE_H
#define TOOL_STYLE_H

#include <stdio.h>

struct tree_style;

/*
 * What suits out: colour on a terminal unless NO_COLOR is set, lines as the
 * locale can show them. main has called setlocale.
 */
void style_detect(FILE *out, struct tree_style *style);

#endif
