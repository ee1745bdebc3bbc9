#include "autoconf.h"

#include "tool/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR_WIDTH 40

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
