/*
 * Each start_*() is one step. It keeps in struct daemon what it opened, and
 * stop() closes what is there.
 */
#include "autoconf.h"

#include "daemon/daemon.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "config/config.h"
#include "config/snapshot.h"
#include "daemon/process.h"
#include "daemon/reload.h"
#include "daemon/start_log.h"
#include "daemon/watchdog.h"
#include "engine/ask.h"
#include "engine/refresh.h"
#include "front/control.h"
#include "front/filter.h"
#include "front/recipient.h"
#include "front/socketmap.h"
#include "front/stats_sampler.h"
#include "front/web.h"
#include "log/log.h"
#include "store/store.h"

#define PROGRAM "dane-sts-milter"

struct daemon {
	const struct startup *startup;
	const struct config *config; /* held by startup */
	struct snapshots *snapshots;
	struct log *log;
	struct watchdog *watchdog;
	struct store *store;
	struct engine *engine;
	struct refresher *refresher;
	struct reloader *reloader;
	struct socketmap *socketmap; /* NULL: without policy_socket */
	struct deferrals *deferrals;
	struct stats_sampler *sampler;
	struct web *web;
	struct tls_counters tls_counters;
	const struct tls_counters *tls; /* NULL: without policy_socket */
	struct control *control;
	int control_fd;
	int ready_fd;   /* of process_daemonize */
	bool listening; /* the milter socket is ours */
	bool sandboxed;
};

/* Reports an error on stderr and, once it is open, in the log. Returns code. */
static int __attribute__((format(printf, 3, 4)))
fail(struct daemon *daemon, int code, const char *fmt, ...)
{
	char text[2 * CONFIG_ERROR_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, PROGRAM ": %s\n", text);
	if (daemon->log != NULL && strcmp(daemon->config->log, "stderr") != 0)
		log_msg(daemon->log, LOG_LEVEL_ERROR, "start", "%s", text);
	return code;
}

/* Goes into the background and opens the log. */
static int
start_log(struct daemon *daemon)
{
	const struct arguments *arguments = &daemon->startup->arguments;
	const struct config *config = daemon->config;
	char process_error[PROCESS_ERROR_SIZE];
	char error[LOG_ERROR_SIZE];

	if (arguments->background &&
	    process_daemonize(arguments->pid_file, &daemon->ready_fd,
		process_error) < 0)
		return fail(daemon, EX_SOFTWARE, "%s", process_error);
	daemon->log = log_open(&config->log_config, PROGRAM, error);
	if (daemon->log == NULL)
		return fail(daemon, EX_CONFIG, "%s", error);
	if (log_file(daemon->log) >= 0 &&
	    process_give_file(log_file(daemon->log), config->user,
		process_error) < 0)
		return fail(daemon, EX_CONFIG, "log: %s", process_error);
	return 0;
}

/* Binds the sockets, while the process may still be root. */
static int
start_sockets(struct daemon *daemon)
{
	const struct config *config = daemon->config;
	const char *pid_file = daemon->startup->arguments.pid_file;
	char filter_error[FILTER_ERROR_SIZE];
	char listen_error[LISTEN_ERROR_SIZE];
	char process_error[PROCESS_ERROR_SIZE];
	char control_error[CONTROL_ERROR_SIZE];

	if (filter_listen(config, filter_error) < 0)
		return fail(daemon, EX_UNAVAILABLE, "%s", filter_error);
	daemon->listening = true;
	if (socketmap_listen(config, &daemon->socketmap, listen_error) < 0)
		return fail(daemon, EX_UNAVAILABLE, "policy_socket: %s",
		    listen_error);
	if (daemon->socketmap != NULL)
		daemon->tls = &daemon->tls_counters;
	if (web_listen(config, &daemon->web, listen_error) < 0)
		return fail(daemon, EX_UNAVAILABLE, "metrics: %s",
		    listen_error);
	if (pid_file != NULL && process_write_pid(pid_file, process_error) < 0)
		return fail(daemon, EX_SOFTWARE, "%s", process_error);
	if (config->control_socket[0] == '\0' ||
	    control_listen(config, &daemon->control_fd, control_error) == 0)
		return 0;
	if (config_line(config, "control_socket") != 0)
		return fail(daemon, EX_UNAVAILABLE, "%s", control_error);
	/* The default path may fail: an ordinary user cannot write there. */
	log_msg(daemon->log, LOG_LEVEL_WARNING, "control", "%s", control_error);
	return 0;
}

/* Gives up privileges before other threads start, so that all of them run
 * without, and before reading any data of a stranger. */
static int
start_as_user(struct daemon *daemon)
{
	const struct config *config = daemon->config;
	char error[PROCESS_ERROR_SIZE];

	if (process_drop_privileges(config->user, error) < 0 ||
	    process_lock(config->core_dumps, error) < 0)
		return fail(daemon, EX_SOFTWARE, "%s", error);
	daemon->sandboxed = config->sandbox && sandbox_enter(error) == 0;
	/* Not built in: the start line says so, and nothing is wrong. */
	if (config->sandbox && !daemon->sandboxed && SANDBOX_IS_BUILT_IN)
		log_msg(daemon->log, LOG_LEVEL_WARNING, "sandbox",
		    "no limit on system calls: %s", error);
	if (log_start(daemon->log) != 0)
		return fail(daemon, EX_SOFTWARE, "cannot start a thread");
	return 0;
}

/* Called when another host that shares the store has learned a policy, or may
 * have learned any (NULL). */
static void
forget_verdicts(void *engine, const char *domain)
{
	engine_forget(engine, domain);
}

static bool
is_alive(void *engine)
{
	return engine_alive(engine);
}

static int
start_engine(struct daemon *daemon)
{
	const struct config *config = daemon->config;
	const struct store_options options = {
	    .spec = config->store,
	    .auth_file = config->store_auth_file,
	    .tls_ca = config->store_tls_ca,
	    .log = daemon->log,
	};
	char error[ENGINE_ERROR_SIZE];
	char store_error[STORE_ERROR_SIZE];

	daemon->store = store_open(&options, store_error);
	if (daemon->store == NULL)
		return fail(daemon, EX_SOFTWARE, "%s", store_error);
	daemon->engine =
	    engine_new(daemon->config, daemon->store, daemon->log, error);
	if (daemon->engine == NULL)
		return fail(daemon, EX_SOFTWARE, "%s", error);
	store_on_learned(daemon->store, forget_verdicts, daemon->engine);
	daemon->refresher = refresher_new(daemon->config, daemon->engine,
	    daemon->store, daemon->log);
	if (daemon->refresher == NULL)
		return fail(daemon, EX_SOFTWARE, "cannot start the refresher");
	if (watchdog_start(&daemon->watchdog, is_alive, daemon->engine) < 0)
		return fail(daemon, EX_SOFTWARE, "cannot start the watchdog");
	return 0;
}

static int
start_reloader(struct daemon *daemon)
{
	struct reload_parts parts = {
	    .file = daemon->startup->file,
	    .started = daemon->config,
	    .engine = daemon->engine,
	    .refresher = daemon->refresher,
	    .log = daemon->log,
	};
	/* The sampler counts the stored policies only for metrics. */
	struct store *walked = daemon->web != NULL ? daemon->store : NULL;
	struct snapshot *held = snapshot_hold(daemon->startup->snapshot);

	daemon->snapshots = snapshots_new(held);
	if (daemon->snapshots == NULL) {
		snapshot_release(&held);
		return fail(daemon, EX_SOFTWARE, "%s", err_text(ERR_NOMEM));
	}
	daemon->sampler =
	    stats_sampler_new(walked, engine_metrics(daemon->engine));
	if (daemon->sampler == NULL)
		return fail(daemon, EX_SOFTWARE, "%s", err_text(ERR_NOMEM));
	parts.snapshots = daemon->snapshots;
	parts.sampler = daemon->sampler;
	daemon->reloader = reloader_new(&parts);
	if (daemon->reloader == NULL)
		return fail(daemon, EX_SOFTWARE, "cannot start a thread");
	return 0;
}

/* Starts the servers of policy_socket, control_socket and metrics. The milter
 * comes later, in serve(), so that metrics count from the first recipient. */
static int
start_services(struct daemon *daemon)
{
	const struct tls_parts tls_parts = {
	    .snapshots = daemon->snapshots,
	    .engine = daemon->engine,
	    .counters = &daemon->tls_counters,
	    .log = daemon->log,
	};
	const struct control_parts control_parts = {
	    .snapshots = daemon->snapshots,
	    .tls = daemon->tls,
	    .engine = daemon->engine,
	    .store = daemon->store,
	    .metrics = engine_metrics(daemon->engine),
	    .log = daemon->log,
	    .reload = reload_now,
	    .reloader = daemon->reloader,
	    .started_s = clock_wall_s(),
	    .sandboxed = daemon->sandboxed,
	};
	struct web_parts web_parts = {
	    .daemon = control_parts,
	    .sampler = daemon->sampler,
	};

	if (socketmap_start(daemon->socketmap, &tls_parts) != 0)
		return fail(daemon, EX_SOFTWARE, "cannot start a thread");
	if (daemon->control_fd >= 0) {
		daemon->control =
		    control_new(daemon->control_fd, &control_parts);
		if (daemon->control == NULL) {
			daemon->control_fd = -1; /* closed */
			return fail(daemon, EX_SOFTWARE,
			    "cannot start a thread");
		}
	}
	if (daemon->web == NULL)
		return 0;
	daemon->deferrals = deferrals_new();
	web_parts.deferrals = daemon->deferrals;
	if (daemon->deferrals == NULL ||
	    web_start(daemon->web, &web_parts) != 0)
		return fail(daemon, EX_SOFTWARE, "cannot serve metrics");
	return 0;
}

/* In this order. */
static int (*const steps[])(struct daemon *daemon) = {
    start_log,
    start_sockets,
    start_as_user,
    start_engine,
    start_reloader,
    start_services,
};

/* *stopped: a stop was asked for between two steps. libmilter takes the signal,
 * too, but reports a SIGINT that comes before it listens as a failure. */
static int
start(struct daemon *daemon, bool *stopped)
{
	const char *pid_file = daemon->startup->arguments.pid_file;
	int code = 0;

	*stopped = process_stop_asked();
	for (size_t i = 0;
	     code == 0 && !*stopped && i < sizeof(steps) / sizeof(*steps);
	     i++) {
		code = steps[i](daemon);
		*stopped = process_stop_asked();
	}
	if (pid_file != NULL && (code != 0 || *stopped))
		process_remove_pid(pid_file, getpid());
	return code;
}

static int
serve(struct daemon *daemon)
{
	const struct filter_parts parts = {
	    .started = daemon->config,
	    .snapshots = daemon->snapshots,
	    .engine = daemon->engine,
	    .metrics = engine_metrics(daemon->engine),
	    .deferrals = daemon->deferrals,
	    .log = daemon->log,
	};
	bool drained = true;
	int code = 0;

	start_log_write(daemon->log, daemon->config, daemon->startup->file,
	    daemon->sandboxed);
	log_flush(daemon->log); /* before READY=1 */
	notify("READY=1");
	process_ready(&daemon->ready_fd,
	    strcmp(daemon->config->log, "stderr") == 0);
	/* If filter_run() fails, libmilter gave up: the exit status makes the
	 * init system restart the filter. */
	if (process_stop_asked())
		filter_unlisten(daemon->config);
	else
		code = filter_run(&parts, &drained) < 0 ? EX_SOFTWARE : 0;
	notify("STOPPING=1");
	log_msg(daemon->log, LOG_LEVEL_INFO, "stop", "%s",
	    drained ? "every recipient was answered"
		    : "some recipients were left without an answer");
	/* Callbacks that still run may use anything: free nothing. */
	if (!drained) {
		log_flush(daemon->log);
		_exit(code);
	}
	return code;
}

static void
stop(struct daemon *daemon)
{
	socketmap_stop(daemon->socketmap);
	web_stop(daemon->web);
	if (daemon->control != NULL)
		control_free(&daemon->control);
	else if (daemon->control_fd >= 0)
		close(daemon->control_fd); /* not taken by control_new() */
	if (daemon->control_fd >= 0)
		control_remove(daemon->config);
	reloader_free(&daemon->reloader);
	if (daemon->refresher != NULL)
		refresher_free(&daemon->refresher);
	watchdog_stop(&daemon->watchdog);
	if (daemon->store != NULL)
		store_on_learned(daemon->store, NULL, NULL);
	if (daemon->engine != NULL)
		engine_free(&daemon->engine);
	socketmap_free(&daemon->socketmap);
	web_free(&daemon->web);
	deferrals_free(&daemon->deferrals);
	stats_sampler_free(&daemon->sampler);
	if (daemon->store != NULL)
		store_close(&daemon->store);
	log_close(&daemon->log);
	snapshots_free(&daemon->snapshots);
}

int
daemon_run(const struct startup *startup)
{
	struct daemon daemon = {
	    .startup = startup,
	    .config = startup->config,
	    .control_fd = -1,
	    .ready_fd = -1,
	};
	bool stopped;
	int code = start(&daemon, &stopped);

	if (code == 0 && !stopped)
		code = serve(&daemon);
	else if (daemon.listening)
		filter_unlisten(daemon.config);
	stop(&daemon);
	return code;
}
