/*
 * Writes HTML. Octets from strangers are escaped, so that none becomes markup.
 * Pages have no script and load nothing.
 *
 * Any thread.
 */
#ifndef TEXT_HTML_H
#define TEXT_HTML_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define HTML_TYPE "text/html; charset=utf-8"

/* Content-Security-Policy of these pages: the browser uses their own style and
 * nothing else. */
extern const char html_policy[];

/* Escapes the markup characters of HTML; characters that are not fit for a
 * terminal (base/text.h) become \xNN. Also for attributes in double quotes. */
void html_octets(FILE *out, const void *octets, size_t len);
void html_text(FILE *out, const char *text);
/* The output of tree_print() in UTF-8 as HTML. A long line wraps below its own
 * beginning, and the strokes beside it go on. */
void html_tree(FILE *out, const char *text, size_t len);

/* "3 min ago", with the moment in UTC as a tool tip. */
void html_ago(FILE *out, int64_t at_s, int64_t now_s);
/* "12:00:00 UTC", with the date if that is not within a day. */
void html_moment(FILE *out, int64_t at_s, int64_t now_s);

/* Writes the doctype and the head, and opens <body>. refresh_s 0: the page does
 * not reload by itself. title is markup of our own. The caller opens <main>. */
void html_begin(FILE *out, const char *title, unsigned refresh_s);
#define HTML_END "</main>\n</body>\n</html>\n"

/* The section with the form to check a domain; value: the text in its field. */
void html_check_form(FILE *out, const char *value);

/* For the test of html_policy. */
extern const char html_style[];

#endif
