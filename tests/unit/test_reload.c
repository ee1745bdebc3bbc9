/*
 * daemon/reload: which file is read, and that the log names it. Engine,
 * refresher, sampler and the default path are the test's own.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "config/snapshot.h"
#include "daemon/reload.h"
#include "daemon/start_log.h"
#include "daemon/watchdog.h"
#include "engine/ask.h"
#include "engine/refresh.h"
#include "front/recipient.h"
#include "front/stats_sampler.h"
#include "log/log.h"
#include "store_sync.h"

/* --- what is played ------------------------------------------------------- */

static const char *default_path; /* NULL: there is no such file */

const char *__wrap_config_choose_path(const char *given);

const char *
__wrap_config_choose_path(const char *given)
{
	return given != NULL ? given : default_path;
}

int
engine_reload(struct engine *engine, const struct config *config,
    char error[ENGINE_ERROR_SIZE])
{
	(void)engine;
	(void)config;
	(void)error;
	return 0;
}

void
engine_on_set_back(struct engine *engine, engine_set_back_fn *fn, void *arg)
{
	(void)engine;
	(void)fn;
	(void)arg;
}

void
refresher_reload(struct refresher *refresher, const struct config *config)
{
	(void)refresher;
	(void)config;
}

uint64_t
stats_sampler_run(struct stats_sampler *sampler, struct history_totals *minute,
    bool *minute_ended)
{
	(void)sampler;
	(void)minute;
	*minute_ended = false;
	return clock_mono_ms() + 3600000;
}

void
stats_sampler_on_wake(struct stats_sampler *sampler,
    stats_sampler_wake_fn *wake, void *arg)
{
	(void)sampler;
	(void)wake;
	(void)arg;
}

bool
recipient_is_plain(enum verdict_kind verdict, enum reason reason)
{
	(void)verdict;
	(void)reason;
	return true;
}

void
exemption_log(struct log *log, const struct config *config, int64_t now_s,
    int64_t since_s)
{
	(void)log;
	(void)config;
	(void)now_s;
	(void)since_s;
}

void
exemption_log_conflicts(struct log *log, const struct config *config,
    int64_t now_s)
{
	(void)log;
	(void)config;
	(void)now_s;
}

bool
exemption_log_is_due(int64_t before_s, int64_t now_s)
{
	(void)before_s;
	(void)now_s;
	return false;
}

void
notify(const char *state)
{
	(void)state;
}

void
notify_reloading(void)
{
}

/* --- around each test ----------------------------------------------------- */

static char *dir;
static char *conf;
static char *log_path;
static struct log *log_;
static struct snapshots *snapshots;
static struct reloader *reloader;
static struct config *started;

/* file: that of the start. */
static void
start(const char *file)
{
	char error[CONFIG_ERROR_SIZE];
	struct reload_parts parts = {.file = file};
	struct config *config = config_load(NULL, error);

	cr_assert_not_null(config, "%s", error);
	started = config_load(NULL, error);
	cr_assert_not_null(started, "%s", error);
	snapshots = snapshots_new(snapshot_new(config));
	parts.started = started;
	parts.snapshots = snapshots;
	parts.log = log_;
	reloader = reloader_new(&parts);
	cr_assert_not_null(reloader);
}

static void
write_file(const char *path)
{
	FILE *file = fopen(path, "we");

	cr_assert_not_null(file);
	fputs("mode = monitor\n", file);
	fclose(file);
}

static void
set_up(void)
{
	sigset_t set;

	dir = scratch_new();
	conf = scratch_path(dir, "conf");
	log_path = scratch_path(dir, "log");
	log_ = log_to_file(log_path);
	/* reload.h: blocked in every thread */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	cr_assert_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
}

static void
tear_down(void)
{
	reloader_free(&reloader);
	snapshots_free(&snapshots);
	config_free(&started);
	log_close(&log_);
	free(conf);
	free(log_path);
	scratch_free(&dir);
}

TestSuite(reload, .init = set_up, .fini = tear_down, .timeout = 60);

static void
expect_reloaded(const char *file, const char *mode)
{
	char error[CONFIG_ERROR_SIZE];
	char line[4096];

	snprintf(line, sizeof(line), "info reload config=%s mode=%s ", file,
	    mode);
	cr_expect_eq(reload_now(reloader, error), 0, "%s", error);
	log_close(&log_); /* all is written then */
	cr_expect_eq(lines_with(log_path, line), 1, "%s", line);
}

/* --- the tests ------------------------------------------------------------ */

Test(reload, the_file_of_the_start_is_named)
{
	start(conf);
	write_file(conf);
	expect_reloaded(conf, "monitor");
}

/* It is the default path that is read then, which the start did not find. */
Test(reload, a_default_file_made_after_the_start_is_named)
{
	start(NULL);
	write_file(conf);
	default_path = conf;
	expect_reloaded(conf, "monitor");
}

Test(reload, a_default_file_does_not_replace_that_of_the_start)
{
	char *other = scratch_path(dir, "other");

	start(conf);
	write_file(conf);
	default_path = other; /* does not even exist */
	expect_reloaded(conf, "monitor");
	free(other);
}

Test(reload, without_a_file_a_dash_stands_there)
{
	start(NULL);
	expect_reloaded("-", "enforce");
}
