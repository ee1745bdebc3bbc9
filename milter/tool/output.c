/* JSON lines, colours and the progress bar. See output.h. */
#include "autoconf.h"

#include "tool/output.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"
#include "text/tree.h"
#include "tool/tool.h"

#define BAR_WIDTH 40

json_t *
output_string(const void *octets, size_t len)
{
	char *text = text_utf8(octets, len);
	json_t *string = NULL;

	if (text != NULL)
		string = json_string(text);
	free(text);
	return string;
}

json_t *
output_strings(const char *const *strings, size_t n)
{
	json_t *list = json_array();
	int err = 0;

	for (size_t i = 0; i < n && err == 0; i++)
		err = json_array_append_new(list,
		    output_string(strings[i], strlen(strings[i])));
	if (err != 0) {
		json_decref(list);
		list = NULL;
	}
	return list;
}

bool
output_line(json_t *object)
{
	char *line = NULL;

	if (object != NULL)
		line = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(object);
	if (line == NULL) {
		tool_warn("out of memory");
		return false;
	}
	puts(line);
	free(line);
	return true;
}

void
style_detect(FILE *out, struct tree_style *style)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	struct winsize size;

	style->width = 0;
	if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
		style->width = size.ws_col - 1U;
	style->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	style->colour = isatty(fileno(out)) == 1 &&
	    (no_colour == NULL || no_colour[0] == '\0') && term != NULL &&
	    strcmp(term, "dumb") != 0;
}

void
progress_init(struct progress *progress, size_t n)
{
	progress->shown = n > 0 && isatty(STDERR_FILENO) == 1;
	progress->done = 0;
	progress->n = n;
}

void
progress_step(struct progress *progress)
{
	char bar[BAR_WIDTH + 1];

	progress->done++;
	if (!progress->shown)
		return;
	memset(bar, ' ', BAR_WIDTH);
	memset(bar, '#', progress->done * BAR_WIDTH / progress->n);
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r[%s] %zu/%zu", bar, progress->done, progress->n);
	if (progress->done == progress->n)
		fputc('\n', stderr);
}

void
progress_wipe(const struct progress *progress)
{
	if (progress->shown && progress->done > 0)
		fputs("\r\033[K", stderr);
}
