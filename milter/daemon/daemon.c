/*
 * Each start_*() is one step; what it opened is in struct daemon, and stop()
 * gives back what is there.
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
#include "daemon/sandbox.h"
#include "daemon/start_log.h"
#include "daemon/watchdog.h"
#include "engine/ask.h"
#include "engine/refresh.h"
#include "front/control.h"
#include "front/filter.h"
#include "front/recipient_log.h"
#include "front/socketmap.h"
#include "front/stats_sampler.h"
#include "front/web.h"
#include "log/log.h"
#include "store/store.h"

#define PROGRAM "dane-sts-milter"

struct daemon {
	const struct startup *startup;
	const struct config *config; /* of that */
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
	struct control *control;
	int control_fd;
	int ready_fd;   /* of process_daemonize */
	bool listening; /* the milter socket is ours */
	bool sandboxed;
};

/* The way to the person who starts it: stderr, and the log once it is open.
 * Returns code. */
static int fail(struct daemon *daemon, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int
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

static int
start_log(struct daemon *daemon)
{
	const struct config *config = daemon->config;
	char error[LOG_ERROR_SIZE];
	char owner_error[PROCESS_ERROR_SIZE];

	daemon->log = log_open(&config->log_config, PROGRAM, error);
	if (daemon->log == NULL)
		return fail(daemon, EX_CONFIG, "%s", error);
	if (log_file(daemon->log) >= 0 &&
	    process_give_file(log_file(daemon->log), config->user,
		owner_error) < 0)
		return fail(daemon, EX_CONFIG, "log: %s", owner_error);
	return 0;
}

static int
start_background(struct daemon *daemon)
{
	const struct arguments *arguments = &daemon->startup->arguments;
	char error[PROCESS_ERROR_SIZE];

	if (!arguments->background)
		return 0;
	if (process_daemonize(arguments->pid_file, &daemon->ready_fd, error) <
	    0)
		return fail(daemon, EX_SOFTWARE, "%s", error);
	return 0;
}

static int
start_socket(struct daemon *daemon)
{
	char error[FILTER_ERROR_SIZE];
	char policy_error[LISTEN_ERROR_SIZE];
	char web_error[LISTEN_ERROR_SIZE];

	if (filter_listen(daemon->config, error) < 0)
		return fail(daemon, EX_UNAVAILABLE, "%s", error);
	daemon->listening = true;
	if (socketmap_listen(daemon->config, &daemon->socketmap, policy_error) <
	    0)
		return fail(daemon, EX_UNAVAILABLE, "policy_socket: %s",
		    policy_error);
	if (web_listen(daemon->config, &daemon->web, web_error) < 0)
		return fail(daemon, EX_UNAVAILABLE, "metrics: %s", web_error);
	return 0;
}

static int
start_pid_file(struct daemon *daemon)
{
	char error[PROCESS_ERROR_SIZE];

	if (daemon->startup->arguments.pid_file == NULL)
		return 0;
	if (process_write_pid(daemon->startup->arguments.pid_file, error) < 0)
		return fail(daemon, EX_SOFTWARE, "%s", error);
	return 0;
}

/* The one that is there unless said otherwise may fail: an ordinary user
 * cannot write where it stands. */
static int
start_control_socket(struct daemon *daemon)
{
	char error[CONTROL_ERROR_SIZE];

	if (daemon->config->control_socket[0] == '\0' ||
	    control_listen(daemon->config, &daemon->control_fd, error) == 0)
		return 0;
	if (config_line(daemon->config, "control_socket") != 0)
		return fail(daemon, EX_UNAVAILABLE, "%s", error);
	log_msg(daemon->log, LOG_LEVEL_WARNING, "control", "%s", error);
	return 0;
}

static int
start_as_user(struct daemon *daemon)
{
	char error[PROCESS_ERROR_SIZE];

	if (process_drop_privileges(daemon->config->user, error) < 0)
		return fail(daemon, EX_SOFTWARE, "%s", error);
	return 0;
}

/* Before there are threads, which inherit it, and before the first octet of
 * a stranger is read. */
static int
start_sandbox(struct daemon *daemon)
{
	char error[PROCESS_ERROR_SIZE];
	char why[SANDBOX_ERROR_SIZE];

	if (process_lock(daemon->config->core_dumps, error) < 0)
		return fail(daemon, EX_SOFTWARE, "%s", error);
	if (!daemon->config->sandbox)
		return 0;
	daemon->sandboxed = sandbox_enter(why) == 0;
	/* Not built in: the start line says so, and nothing is wrong. */
	if (!daemon->sandboxed && sandbox_is_built_in())
		log_msg(daemon->log, LOG_LEVEL_WARNING, "sandbox",
		    "no limit on system calls: %s", why);
	return 0;
}

/* Another host that shares the store has learned a policy. */
static void
forget_verdicts(void *engine, const char *domain)
{
	engine_forget(engine, domain);
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
	return 0;
}

static bool
is_alive(void *engine)
{
	return engine_alive(engine);
}

static int
start_watchdog(struct daemon *daemon)
{
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
	/* Without metrics nobody looks at what the store holds. */
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

static int
start_socketmap(struct daemon *daemon)
{
	const struct tls_parts parts = {
	    .snapshots = daemon->snapshots,
	    .engine = daemon->engine,
	    .counters = &daemon->tls_counters,
	    .log = daemon->log,
	};

	if (socketmap_start(daemon->socketmap, &parts) != 0)
		return fail(daemon, EX_SOFTWARE, "cannot start a thread");
	return 0;
}

static int
reload(void *arg, char error[CONFIG_ERROR_SIZE])
{
	return reload_now(arg, error);
}

/* NULL: nobody asks at delivery. */
static const struct tls_counters *
tls_counters(const struct daemon *daemon)
{
	return daemon->socketmap != NULL ? &daemon->tls_counters : NULL;
}

static int
start_control(struct daemon *daemon)
{
	const struct control_parts parts = {
	    .snapshots = daemon->snapshots,
	    .tls = tls_counters(daemon),
	    .engine = daemon->engine,
	    .store = daemon->store,
	    .metrics = engine_metrics(daemon->engine),
	    .log = daemon->log,
	    .reload = reload,
	    .reload_arg = daemon->reloader,
	    .started_s = clock_wall_s(),
	    .sandboxed = daemon->sandboxed,
	};

	if (daemon->control_fd < 0)
		return 0;
	daemon->control = control_new(daemon->control_fd, &parts);
	if (daemon->control == NULL) {
		daemon->control_fd = -1; /* closed */
		return fail(daemon, EX_SOFTWARE, "cannot start a thread");
	}
	return 0;
}

/* Before the first recipient; without the option it costs nothing. */
static int
start_web(struct daemon *daemon)
{
	struct web_parts parts = {
	    .snapshots = daemon->snapshots,
	    .engine = daemon->engine,
	    .store = daemon->store,
	    .log = daemon->log,
	    .started_s = clock_wall_s(),
	    .sandboxed = daemon->sandboxed,
	};

	if (daemon->web == NULL)
		return 0;
	daemon->deferrals = deferrals_new();
	parts.deferrals = daemon->deferrals;
	parts.sampler = daemon->sampler;
	parts.tls = tls_counters(daemon);
	if (daemon->deferrals == NULL || web_start(daemon->web, &parts) != 0)
		return fail(daemon, EX_SOFTWARE, "cannot serve metrics");
	return 0;
}

/* Here, for it inherits the blocked signals, and the user. */
static int
start_log_thread(struct daemon *daemon)
{
	if (log_start(daemon->log) != 0)
		return fail(daemon, EX_SOFTWARE, "cannot start a thread");
	return 0;
}

/* In this order. */
static int (*const steps[])(struct daemon *daemon) = {
    start_background,
    start_log,
    start_socket,
    start_pid_file,
    start_control_socket,
    start_as_user,
    start_sandbox,
    start_log_thread,
    start_engine,
    start_watchdog,
    start_reloader,
    start_socketmap,
    start_control,
    start_web,
};

/* *stopped: a stop was asked for between two steps. libmilter would take the
 * signal, too, but calls a SIGINT that comes before it listens a failure. */
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

static void
stop_control(struct daemon *daemon)
{
	if (daemon->control != NULL)
		control_free(&daemon->control);
	else if (daemon->control_fd >= 0)
		close(daemon->control_fd); /* the start went no further */
	if (daemon->control_fd >= 0)
		control_remove(daemon->config);
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

	process_close_on_exec();
	start_log_write(daemon->log, daemon->config, daemon->startup->file,
	    daemon->sandboxed);
	log_flush(daemon->log); /* who waits for it may look */
	notify("READY=1");
	process_ready(&daemon->ready_fd,
	    strcmp(daemon->config->log, "stderr") == 0);
	/* If it fails, libmilter gave up: whoever watches is to start the
	 * filter again. */
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
	stop_control(daemon);
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
