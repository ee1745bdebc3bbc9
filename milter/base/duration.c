#include "autoconf.h"

#include "base/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static const struct {
	int64_t seconds;
	const char *name;
} units[] = {
    {86400, "d"  },
    {3600,  "h"  },
    {60,    "min"},
    {1,     "s"  },
};

#define N_UNITS (sizeof(units) / sizeof(units[0]))

void
duration_text(int64_t seconds, char out[DURATION_SIZE])
{
	size_t i = 0;
	int64_t rest;
	int len;

	if (seconds < 0)
		seconds = 0;
	while (i < N_UNITS - 1 && seconds < units[i].seconds)
		i++;
	len = snprintf(out, DURATION_SIZE, "%" PRId64 " %s",
	    seconds / units[i].seconds, units[i].name);
	rest = seconds % units[i].seconds;
	if (i == N_UNITS - 1 || rest / units[i + 1].seconds == 0)
		return;
	(void)snprintf(out + len, DURATION_SIZE - (size_t)len,
	    " %" PRId64 " %s", rest / units[i + 1].seconds, units[i + 1].name);
}

void
moment_text(int64_t wall_s, char out[DURATION_SIZE])
{
	time_t at = (time_t)wall_s;
	struct tm tm;

	if (gmtime_r(&at, &tm) != NULL)
		(void)strftime(out, DURATION_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
	else
		(void)snprintf(out, DURATION_SIZE, "%" PRId64, wall_s);
}
