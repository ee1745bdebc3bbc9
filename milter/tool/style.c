#include "autoconf.h"

#include "tool/style.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text/tree.h"

void
style_detect(FILE *out, struct tree_style *style)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	style->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	style->colour = isatty(fileno(out)) == 1 &&
	    (no_colour == NULL || no_colour[0] == '\0') && term != NULL &&
	    strcmp(term, "dumb") != 0;
}
