/* A new configuration for a running daemon. */
#include "autoconf.h"

#include "daemon/reload.h"

#include <errno.h>
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
#include "daemon/exemption_log.h"
#include "daemon/notify.h"
#include "engine/ask.h"
#include "engine/refresh.h"
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
	atomic_bool stop;
	atomic_bool set_back; /* the wall clock was */
};

/* --- taking it --- */

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

static void
log_taken(const struct reloader *r, const struct config *config)
{
	struct log_event e;

	log_begin(&e, r->parts.log, LOG_LEVEL_INFO, "reload");
	log_str(&e, "config", r->parts.file != NULL ? r->parts.file : "-");
	log_str(&e, "mode",
	    config->mode == CONFIG_MODE_MONITOR ? "monitor" : "enforce");
	log_int(&e, "exemptions", (int64_t)config->scope.exemptions.n);
	log_int(&e, "pins", (int64_t)config->pins.n);
	log_end(&e);
}

/* An event for every line of what is wrong. */
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

/* NULL with *error filled in. */
static struct snapshot *
load(const struct reloader *r, char error[CONFIG_ERROR_SIZE])
{
	const char *file = r->parts.file;
	struct snapshot *snapshot = NULL;
	struct config *config;

	/* One that was not there at the start may have come since. */
	if (file == NULL)
		file = config_choose_path(NULL);
	config = config_load(file, error);
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
	struct snapshot *next;
	const struct config *config;

	/* Whatever comes of the configuration: logrotate has renamed the file
	 * already, and will delete it. */
	log_reopen(r->parts.log);
	next = load(r, error);
	if (next == NULL)
		return ERR_CONFIG;
	config = next->config;
	/* The engine first: it alone can still refuse. */
	if (engine_reload(r->parts.engine, config, error) < 0) {
		snapshot_release(&next);
		return ERR_CONFIG;
	}
	refresher_reload(r->parts.refresher, config);
	/* Said under the old level or the new one. */
	if (!log_wants(r->parts.log, LOG_LEVEL_INFO))
		log_set_level(r->parts.log, config->log_config.level);
	log_taken(r, config);
	warn_of_fixed(r, config, error);
	exemption_log(r->parts.log, config, clock_wall_s(), 0);
	exemption_log_conflicts(r->parts.log, config, clock_wall_s());
	log_set_level(r->parts.log, config->log_config.level);
	snapshots_replace(r->parts.snapshots, &next);
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
	(void)pthread_kill(r->thread, SIGUSR1);
}

/* The configuration in force once more, for the sake of a resolver that has
 * nothing cached. */
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

/* --- the thread --- */

/* Of the configuration in force. */
static void
tell_exemptions(const struct reloader *r, int64_t now_s, int64_t since_s)
{
	struct snapshot *snapshot = snapshot_acquire(r->parts.snapshots);

	exemption_log(r->parts.log, snapshot->config, now_s, since_s);
	snapshot_release(&snapshot);
}

/* Until SIGUSR1. Meanwhile, exemptions and pins that end are told of at each
 * midnight. */
static bool
wait_for_signal(const struct reloader *r, const sigset_t *set)
{
	int64_t told_s = clock_wall_s();

	for (;;) {
		const struct timespec pause = {
		    .tv_sec = (time_t)exemption_log_pause(clock_wall_s()),
		};
		int64_t now_s;

		if (sigtimedwait(set, NULL, &pause) >= 0)
			return true;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return false;
		now_s = clock_wall_s();
		tell_exemptions(r, now_s, told_s);
		told_s = now_s;
	}
}

static void *
wait_for_signals(void *arg)
{
	struct reloader *r = arg;
	char error[CONFIG_ERROR_SIZE];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	while (wait_for_signal(r, &set) && !atomic_load(&r->stop)) {
		if (atomic_exchange(&r->set_back, false))
			forget_cached(r);
		else
			(void)reload_now(r, error);
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
	if (thread_start(&r->thread, NULL, NULL, wait_for_signals, r) == 0) {
		engine_on_set_back(parts->engine, note_set_back, r);
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
	atomic_store(&r->stop, true);
	(void)pthread_kill(r->thread, SIGUSR1);
	(void)pthread_join(r->thread, NULL);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}
