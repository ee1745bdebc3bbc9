/* Loads a new configuration into the running daemon, and does periodic work. */
#include "autoconf.h"

#include "daemon/reload.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/thread.h"
#include "config/config.h"
#include "config/snapshot.h"
#include "daemon/start_log.h"
#include "daemon/watchdog.h"
#include "engine/ask.h"
#include "engine/refresh.h"
#include "front/recipient.h"
#include "front/stats_sampler.h"
#include "log/log.h"

_Static_assert(ENGINE_ERROR_SIZE <= CONFIG_ERROR_SIZE, "texts would be cut");

/* Options that are read only at the start. */
static const char *const fixed_options[] = {"socket", "socket_mode",
    "socket_group", "user", "store", "store_auth_file", "store_tls_ca", "loops",
    "policy_socket", "control_socket", "metrics", "tlsrpt_socket", "sandbox",
    "core_dumps", "log", "log_format"};

#define N_FIXED (sizeof(fixed_options) / sizeof(fixed_options[0]))

struct reloader {
	struct reload_parts parts;
	pthread_mutex_t lock; /* one reload at a time */
	pthread_t thread;
	/* why the thread was sent SIGUSR2 */
	atomic_bool stop;
	atomic_bool set_back; /* the wall clock was set back */
};

/* SIGUSR1 asks for a reload, this one wakes the thread. */
#define WAKE_SIGNAL SIGUSR2

/* --- the reload --- */

static void
warn_of_fixed(const struct reloader *r, const struct config *config,
    char names[CONFIG_ERROR_SIZE])
{
	size_t len = 0;

	names[0] = '\0';
	for (size_t i = 0; i < N_FIXED && len < CONFIG_ERROR_SIZE; i++) {
		if (!config_same(r->parts.started, config, fixed_options[i]))
			len += (size_t)snprintf(names + len,
			    CONFIG_ERROR_SIZE - len, "%s%s",
			    len > 0 ? ", " : "", fixed_options[i]);
	}
	if (len > 0)
		log_msg(r->parts.log, LOG_LEVEL_WARNING, "reload",
		    "only a restart changes: %s", names);
}

/* Logs an event for every line of the error. */
static void
log_refused(const struct reloader *r, const char *error)
{
	while (*error != '\0') {
		size_t len = strcspn(error, "\n");

		log_msg(r->parts.log, LOG_LEVEL_ERROR, "reload",
		    "%.*s: the configuration that runs is kept", (int)len,
		    error);
		error += len + (error[len] == '\n');
	}
}

/* file NULL: there is none. NULL with *error filled in. */
static struct snapshot *
load(const char *file, char error[CONFIG_ERROR_SIZE])
{
	struct snapshot *snapshot = NULL;
	struct config *config = config_load(file, error);

	if (config != NULL && config_check_files(config, file, error) == 0) {
		(void)snprintf(error, CONFIG_ERROR_SIZE, "%s",
		    err_text(ERR_NOMEM));
		snapshot = snapshot_new(config);
	}
	if (snapshot == NULL)
		config_free(&config);
	return snapshot;
}

static int
reload_locked(const struct reloader *r, char error[CONFIG_ERROR_SIZE])
{
	const char *file = r->parts.file;
	struct snapshot *next;
	const struct config *config;
	struct log_event e;

	/* The default file may have been made since the start. */
	if (file == NULL)
		file = config_choose_path(NULL);
	/* Reopened even if the configuration is bad: logrotate has renamed the
	 * file already, and will delete it. */
	log_reopen(r->parts.log);
	next = load(file, error);
	if (next == NULL)
		return ERR_CONFIG;
	config = next->config;
	/* The engine first: only the engine can still refuse. */
	if (engine_reload(r->parts.engine, config, error) < 0) {
		snapshot_release(&next);
		return ERR_CONFIG;
	}
	refresher_reload(r->parts.refresher, config);
	/* Before the log says so: a recipient that comes after the line is
	 * judged by the new configuration. The snapshots keep config. */
	snapshots_replace(r->parts.snapshots, &next);
	/* The next lines are logged if the old level or the new one allows. */
	if (!log_wants(r->parts.log, LOG_LEVEL_INFO))
		log_set_level(r->parts.log, config->log_config.level);
	log_begin(&e, r->parts.log, LOG_LEVEL_INFO, "reload");
	log_str(&e, "config", file != NULL ? file : "-");
	log_str(&e, "mode",
	    config->mode == CONFIG_MODE_MONITOR ? "monitor" : "enforce");
	log_int(&e, "exemptions", (int64_t)config->scope.exemptions.n);
	log_int(&e, "pins", (int64_t)config->pins.n);
	log_end(&e);
	warn_of_fixed(r, config, error);
	exemption_log(r->parts.log, config, clock_wall_s(), 0);
	exemption_log_conflicts(r->parts.log, config, clock_wall_s());
	log_set_level(r->parts.log, config->log_config.level);
	return 0;
}

int
reload_now(struct reloader *r, char error[CONFIG_ERROR_SIZE])
{
	int err;

	(void)pthread_mutex_lock(&r->lock);
	notify_reloading();
	err = reload_locked(r, error);
	if (err < 0)
		log_refused(r, error);
	notify("READY=1");
	(void)pthread_mutex_unlock(&r->lock);
	return err;
}

/* --- the wall clock --- */

static void
note_set_back(void *arg)
{
	struct reloader *r = arg;

	atomic_store(&r->set_back, true);
	(void)pthread_kill(r->thread, WAKE_SIGNAL);
}

/* Reloads the configuration in force, which replaces the resolvers and so
 * empties their caches. */
static void
forget_cached(struct reloader *r)
{
	char error[CONFIG_ERROR_SIZE];
	struct snapshot *snapshot;

	(void)pthread_mutex_lock(&r->lock);
	snapshot = snapshot_acquire(r->parts.snapshots);
	if (engine_reload(r->parts.engine, snapshot->config, error) == 0)
		log_msg(r->parts.log, LOG_LEVEL_WARNING, "clock",
		    "the wall clock was set back: what DNS answers were cached "
		    "is forgotten");
	else
		log_msg(r->parts.log, LOG_LEVEL_ERROR, "clock",
		    "the wall clock was set back, and DNS answers that were "
		    "cached may be used for too long: %s",
		    error);
	snapshot_release(&snapshot);
	(void)pthread_mutex_unlock(&r->lock);
}

/* --- each minute --- */

/* With log_pass = false, logs how many recipients passed for a usual reason,
 * instead of a line for each. */
static void
log_passed(struct log *log, const struct history_totals *minute)
{
	char reasons[1024] = "";
	size_t len = 0;
	uint64_t total = 0;
	struct log_event e;

	for (size_t i = 0; i < REASON_COUNT; i++) {
		const enum reason reason = (enum reason)i;
		const uint64_t n = minute->n[i][VERDICT_PASS];

		if (n == 0 || !recipient_is_plain(VERDICT_PASS, reason))
			continue;
		total += n;
		len += (size_t)snprintf(reasons + len, sizeof(reasons) - len,
		    "%s%s=%" PRIu64, len > 0 ? " " : "", reason_name(reason),
		    n);
	}
	if (total == 0)
		return;
	log_begin(&e, log, LOG_LEVEL_INFO, "passed");
	log_int(&e, "recipients", (int64_t)total);
	log_str(&e, "reasons", reasons);
	log_end(&e);
}

/* Takes a sample if it is due. Returns when to call again. */
static uint64_t
sample(const struct reloader *r)
{
	struct history_totals minute;
	struct snapshot *snapshot;
	bool ended;
	uint64_t next_ms = stats_sampler_run(r->parts.sampler, &minute, &ended);

	if (!ended)
		return next_ms;
	snapshot = snapshot_acquire(r->parts.snapshots);
	if (!snapshot->config->log_pass)
		log_passed(r->parts.log, &minute);
	snapshot_release(&snapshot);
	return next_ms;
}

static void
wake_for_sample(void *arg)
{
	const struct reloader *r = arg;

	(void)pthread_kill(r->thread, WAKE_SIGNAL);
}

/* --- the thread --- */

/* Returns the signal, or 0 at until_ms. */
static int
wait_for_signal(const sigset_t *set, uint64_t until_ms)
{
	const uint64_t now_ms = clock_mono_ms();
	const uint64_t pause_ms = until_ms > now_ms ? until_ms - now_ms : 0;
	const struct timespec pause = {
	    .tv_sec = (time_t)(pause_ms / 1000),
	    .tv_nsec = (long)(pause_ms % 1000) * 1000000,
	};
	int signal = sigtimedwait(set, NULL, &pause);

	return signal > 0 ? signal : 0;
}

/* Waits for signals; meanwhile takes the samples, and logs exemptions and pins
 * that end at each midnight. */
static void *
keep_house(void *arg)
{
	struct reloader *r = arg;
	char error[CONFIG_ERROR_SIZE];
	int64_t told_s = clock_wall_s(), day_s = told_s;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, WAKE_SIGNAL);
	while (!atomic_load(&r->stop)) {
		uint64_t next_ms = sample(r);
		int64_t now_s = clock_wall_s();

		if (exemption_log_is_due(day_s, now_s)) {
			struct snapshot *snapshot =
			    snapshot_acquire(r->parts.snapshots);

			exemption_log(r->parts.log, snapshot->config, now_s,
			    told_s);
			snapshot_release(&snapshot);
			told_s = now_s;
		}
		day_s = now_s;
		if (wait_for_signal(&set, next_ms) == SIGUSR1)
			(void)reload_now(r, error);
		if (atomic_exchange(&r->set_back, false))
			forget_cached(r);
	}
	return NULL;
}

struct reloader *
reloader_new(const struct reload_parts *parts)
{
	struct reloader *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->parts = *parts;
	(void)pthread_mutex_init(&r->lock, NULL);
	if (thread_start(&r->thread, NULL, NULL, keep_house, r) == 0) {
		engine_on_set_back(parts->engine, note_set_back, r);
		stats_sampler_on_wake(parts->sampler, wake_for_sample, r);
		return r;
	}
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
	return NULL;
}

void
reloader_free(struct reloader **reloader)
{
	struct reloader *r = *reloader;

	*reloader = NULL;
	if (r == NULL)
		return;
	engine_on_set_back(r->parts.engine, NULL, NULL);
	stats_sampler_on_wake(r->parts.sampler, NULL, NULL);
	atomic_store(&r->stop, true);
	(void)pthread_kill(r->thread, WAKE_SIGNAL);
	(void)pthread_join(r->thread, NULL);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}
