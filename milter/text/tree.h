/*
 * The evidence behind a verdict as a tree, for people.
 *
 * Any thread.
 */
#ifndef TEXT_TREE_H
#define TEXT_TREE_H

#include <stdbool.h>
#include <stdio.h>

#include "core/facts.h"
#include "core/verdict.h"

struct tree_style {
	bool colour;
	bool utf8;    /* else lines are drawn in ASCII */
	size_t width; /* columns; 0: 79 */
};

/* title: the recipient or domain as it was typed, any octets. */
void tree_print(FILE *out, const struct tree_style *style, const char *title,
    const struct facts *facts, const struct verdict *verdict);

#endif
