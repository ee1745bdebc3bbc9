/* exemption_log: when the log says that an exemption ends. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "daemon/start_log.h"
#include "log/log.h"

#define DAY_S      86400
#define MIDNIGHT_S ((int64_t)20000 * DAY_S)

static char path[] = "/tmp/test_exemption_log.XXXXXX";
static struct log *log_under_test;

static void
set_up(void)
{
	char target[sizeof(path) + 8];
	char error[LOG_ERROR_SIZE];
	struct log_config config = {.target = target,
	    .format = LOG_FORMAT_TEXT,
	    .level = LOG_LEVEL_INFO};
	int fd = mkstemp(path);

	cr_assert(fd >= 0);
	close(fd);
	snprintf(target, sizeof(target), "file:%s", path);
	log_under_test = log_open(&config, "test", error);
	cr_assert(log_under_test != NULL, "%s", error);
}

static void
tear_down(void)
{
	log_close(&log_under_test);
	unlink(path);
}

/* What was written, without the time in front of each line. */
static const char *
written(void)
{
	static char text[4096];
	char line[1024];
	FILE *file;

	log_close(&log_under_test); /* all is written then */
	text[0] = '\0';
	file = fopen(path, "r");
	cr_assert(file != NULL);
	while (fgets(line, sizeof(line), file) != NULL) {
		const char *rest = strchr(line, ' ');

		cr_assert(rest != NULL);
		strncat(text, rest + 1, sizeof(text) - strlen(text) - 1);
	}
	fclose(file);
	return text;
}

static const char *
told(int64_t now_s, int64_t since_s)
{
	static const struct domain_entry entries[] = {
	    {"for-good.example", 0,                      NULL      },
	    {"far.example",      MIDNIGHT_S + 8 * DAY_S, NULL      },
	    {"soon.example",     MIDNIGHT_S + DAY_S,     "ticket 7"},
	    {"over.example",     MIDNIGHT_S,             NULL      },
	};
	const struct config config = {
	    .scope.exemptions = {.n = 4, .item = entries},
	};

	exemption_log(log_under_test, &config, now_s, since_s);
	return written();
}

Test(exemption_log, all_that_end_are_told_at_start, .init = set_up,
    .fini = tear_down)
{
	cr_assert_str_eq(told(MIDNIGHT_S + 10, 0),
	    "warning exemption domain=soon.example state=lapses left_s=86390 "
	    "why=\"ticket 7\"\n"
	    "warning exemption domain=over.example state=lapsed left_s=-10\n");
}

Test(exemption_log, the_end_is_told_at_the_midnight_it_comes, .init = set_up,
    .fini = tear_down)
{
	cr_assert_not_null(
	    strstr(told(MIDNIGHT_S, MIDNIGHT_S - DAY_S), "over.example"));
}

Test(exemption_log, the_end_is_told_once, .init = set_up, .fini = tear_down)
{
	cr_assert_str_eq(told(MIDNIGHT_S + DAY_S / 2, MIDNIGHT_S),
	    "warning exemption domain=soon.example state=lapses left_s=43200 "
	    "why=\"ticket 7\"\n");
}

Test(exemption_log, a_week_ahead, .init = set_up, .fini = tear_down)
{
	cr_assert_not_null(
	    strstr(told(MIDNIGHT_S + DAY_S, MIDNIGHT_S), "far.example"));
}

Test(exemption_log, next_is_midnight_in_utc)
{
	cr_assert(exemption_log_is_due(MIDNIGHT_S - 1, MIDNIGHT_S));
	cr_assert_not(exemption_log_is_due(MIDNIGHT_S, MIDNIGHT_S + DAY_S - 1));
	cr_assert(exemption_log_is_due(MIDNIGHT_S, MIDNIGHT_S + DAY_S));
}

Test(exemption_log, T_14_pins_that_end_are_told_likewise, .init = set_up,
    .fini = tear_down)
{
	static const struct domain_entry pins[] = {
	    {"soon.example", MIDNIGHT_S + DAY_S, "audit"},
	    {"over.example", MIDNIGHT_S,         NULL   },
	};
	const struct config config = {
	    .pins = {.n = 2, .item = pins}
        };

	exemption_log(log_under_test, &config, MIDNIGHT_S, MIDNIGHT_S - DAY_S);
	cr_assert_str_eq(written(),
	    "warning pin domain=soon.example state=lapses left_s=86400 "
	    "why=audit\n"
	    "warning pin domain=over.example state=lapsed left_s=0\n");
}

/* An exemption below a pin leaves one domain out, which is no conflict. */
Test(exemption_log, T_14_pins_that_are_exempt_are_warned_about, .init = set_up,
    .fini = tear_down)
{
	static const struct domain_entry exempt[] = {
	    {".below.example",     0,          NULL},
	    {"both.example",       0,          NULL},
	    {"one.pinned.example", 0,          NULL},
	    {"over.example",       MIDNIGHT_S, NULL},
	};
	static const struct domain_entry pins[] = {
	    {".pinned.example",    0, NULL},
	    {".sub.below.example", 0, NULL},
	    {"both.example",       0, NULL},
	    {"over.example",       0, NULL},
	};
	struct config config = {
	    .scope.exemptions = {.n = 4, .item = exempt},
	    .pins = {.n = 4, .item = pins  },
	};

	exemption_log_conflicts(log_under_test, &config, MIDNIGHT_S);
	cr_assert_str_eq(written(),
	    "warning config msg=\"2 pinned domains are exempt as well, "
	    ".sub.below.example among them: they are not checked\"\n");
}

Test(exemption_log, T_14_one_pin_that_is_exempt, .init = set_up,
    .fini = tear_down)
{
	static const struct domain_entry both[] = {
	    {"both.example", 0, NULL}
        };
	const struct config config = {
	    .scope.exemptions = {.n = 1, .item = both},
	    .pins = {.n = 1, .item = both},
	};

	exemption_log_conflicts(log_under_test, &config, MIDNIGHT_S);
	cr_assert_str_eq(written(),
	    "warning config msg=\"both.example is pinned and exempt: it is "
	    "not checked\"\n");
}

Test(exemption_log, T_14_without_conflict_nothing_is_said, .init = set_up,
    .fini = tear_down)
{
	static const struct domain_entry pins[] = {
	    {"a.example", 0, NULL}
        };
	const struct config config = {
	    .pins = {.n = 1, .item = pins}
        };

	exemption_log_conflicts(log_under_test, &config, MIDNIGHT_S);
	cr_assert_str_eq(written(), "");
}
