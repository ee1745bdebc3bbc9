/* dane-sts-milter -n as root: finds permissions that the service's user lacks.
 * See daemon.h. */
#include "autoconf.h"

#include "daemon/daemon.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "config/config.h"
#include "daemon/process.h"
#include "store/store.h"

#define PROGRAM         "dane-sts-milter"
#define UNIT            PROGRAM ".service"
#define UNIT_USER       "dane-sts"
#define UNIT_STATE      LOCALSTATEDIR "/lib/" PROGRAM
#define UNIT_RUN        RUNSTATEDIR "/" PROGRAM
#define PRIVILEGED_PORT 1024
#define LINE_SIZE       1024

enum need {
	NEED_READ,  /* a file */
	NEED_LOG,   /* a file that is appended to, or made */
	NEED_STORE, /* a directory of the user's own */
	NEED_SOCKET /* a unix socket that is made in a directory */
};

struct preflight {
	const char *file; /* of the configuration; NULL: defaults */
	const struct config *config;
	const char *user; /* that the service has */
	bool systemd;     /* starts it, as its unit says */
	bool failed;
	/* Directories of the unit, without links. */
	char unit_state[PATH_MAX];
	char unit_run[PATH_MAX];
	char unit_spool[PATH_MAX];
	char var_log[PATH_MAX];
};

/* Follows the links in path, as far as it exists: systemd makes some
 * directories at the start, and sockets are made later still. */
static void
resolve(const char *path, char out[PATH_MAX])
{
	char head[PATH_MAX];
	char real[PATH_MAX];
	char *slash;

	snprintf(out, PATH_MAX, "%s", path);
	snprintf(head, sizeof(head), "%s", path);
	while (realpath(head, real) == NULL) {
		slash = strrchr(head, '/');
		if (slash == NULL || slash == head)
			return;
		*slash = '\0';
	}
	snprintf(out, PATH_MAX, "%s%s", strcmp(real, "/") == 0 ? "" : real,
	    path + strlen(head));
}

/* One line on stderr. kind: "warning: ", or "" for what fails the check. */
static void __attribute__((format(printf, 4, 5)))
say(const struct preflight *preflight, const char *kind, const char *option,
    const char *fmt, ...)
{
	unsigned line = config_line(preflight->config, option);
	va_list ap;

	fputs(preflight->file != NULL ? preflight->file : PROGRAM, stderr);
	if (line != 0)
		fprintf(stderr, ":%u", line);
	fprintf(stderr, ": %s%s: ", kind, option);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* --- restrictions of the unit --- */

static bool
is_below(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	return strncmp(path, directory, len) == 0 &&
	    (path[len] == '/' || path[len] == '\0');
}

/* True if a line "KEY=..." of the file names value; value NULL: any value but
 * "yes". */
static bool
file_sets(const char *file, const char *key, const char *value)
{
	FILE *f = fopen(file, "re");
	size_t len = strlen(key);
	char line[LINE_SIZE];
	bool found = false;

	if (f == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), f) != NULL) {
		const char *set = line + len + 1;

		if (strncmp(line, key, len) != 0 || line[len] != '=')
			continue;
		found = value != NULL ? strstr(set, value) != NULL
				      : strncmp(set, "yes", 3) != 0;
	}
	fclose(f);
	return found;
}

static bool
drop_in_sets(const char *key, const char *value)
{
	static const char *const patterns[] = {
	    "/etc/systemd/system/" UNIT ".d/*.conf",
	    "/run/systemd/system/" UNIT ".d/*.conf",
	    "/etc/systemd/system/" UNIT,
	};
	bool found = false;

	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		glob_t files;

		if (glob(patterns[i], 0, NULL, &files) != 0)
			continue;
		for (size_t k = 0; k < files.gl_pathc && !found; k++)
			found = file_sets(files.gl_pathv[k], key, value);
		globfree(&files);
	}
	return found;
}

/* True if systemd starts the service: systemd runs and knows the unit. */
static bool
is_under_systemd(void)
{
	static const char *const directories[] = {"/etc", "/run",
	    "/usr/local/lib", "/usr/lib", "/lib"};
	char error[PROCESS_ERROR_SIZE];
	char path[PATH_MAX];

	if (access("/run/systemd/system", F_OK) != 0 ||
	    process_check_user(UNIT_USER, error) != 0)
		return false;
	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories);
	     i++) {
		snprintf(path, sizeof(path), "%s/systemd/system/" UNIT,
		    directories[i]);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

static void
check_hidden(const struct preflight *preflight, const char *option,
    const char *path)
{
	static const struct {
		const char *directory;
		const char *key;
	} rows[] = {
	    {"/tmp",      "PrivateTmp" },
	    {"/var/tmp",  "PrivateTmp" },
	    {"/home",     "ProtectHome"},
	    {"/root",     "ProtectHome"},
	    {"/run/user", "ProtectHome"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (is_below(path, rows[i].directory) &&
		    !drop_in_sets(rows[i].key, NULL))
			say(preflight, "warning: ", option,
			    "the systemd unit hides %s (%s=yes), so that the "
			    "service will not find %s: move it, or set %s=no "
			    "(systemctl edit " PROGRAM ", [Service])",
			    rows[i].directory, rows[i].key, path, rows[i].key);
	}
}

static bool
is_in_var_log(const struct preflight *preflight, const char *directory)
{
	size_t len = strlen(preflight->var_log);

	return strncmp(directory, preflight->var_log, len) == 0 &&
	    strrchr(directory, '/') == directory + len;
}

/* Whether systemd makes the directory because a drop-in says so. */
static bool
is_logs_directory(const struct preflight *preflight, const char *directory)
{
	return is_in_var_log(preflight, directory) &&
	    drop_in_sets("LogsDirectory", strrchr(directory, '/') + 1);
}

/* ProtectSystem=strict leaves three directories. */
static void
check_read_only(const struct preflight *preflight, const char *option,
    const char *directory)
{
	const char *const writable[] = {preflight->unit_state,
	    preflight->unit_run, preflight->unit_spool};
	const char *name = strrchr(directory, '/') + 1;

	for (size_t i = 0; i < sizeof(writable) / sizeof(*writable); i++)
		if (is_below(directory, writable[i]))
			return;
	if (drop_in_sets("ReadWritePaths", directory) ||
	    drop_in_sets("ProtectSystem", "no") ||
	    is_logs_directory(preflight, directory))
		return;
	if (is_in_var_log(preflight, directory))
		say(preflight, "warning: ", option,
		    "%s is read-only to the systemd unit: set LogsDirectory=%s "
		    "(systemctl edit " PROGRAM ", [Service])",
		    directory, name);
	else
		say(preflight, "warning: ", option,
		    "%s is read-only to the systemd unit: set "
		    "ReadWritePaths=%s (systemctl edit " PROGRAM ", [Service])",
		    directory, directory);
}

/* The unit grants no capability to bind low ports. A filter that root starts
 * binds before it gives up root. */
static void
check_port(const struct preflight *preflight, const char *option,
    const char *port_text)
{
	long port = strtol(port_text, NULL, 10);

	if (!preflight->systemd || port <= 0 || port >= PRIVILEGED_PORT ||
	    drop_in_sets("AmbientCapabilities", "CAP_NET_BIND_SERVICE"))
		return;
	say(preflight, "warning: ", option,
	    "the systemd unit may not bind port %ld: take one from %d on, or "
	    "set AmbientCapabilities=CAP_NET_BIND_SERVICE and "
	    "CapabilityBoundingSet=CAP_NET_BIND_SERVICE (systemctl edit " PROGRAM
	    ", [Service])",
	    port, PRIVILEGED_PORT);
}

/* --- access of the user: in the child --- */

/* The first directory on the way to path that the user may not enter; "" if
 * there is none. */
static void
find_closed(const char *path, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s", path);
	for (char *slash = strchr(out + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (access(out, X_OK) != 0)
			return;
		*slash = '/';
	}
	out[0] = '\0';
}

static void
check_readable(struct preflight *preflight, const char *option,
    const char *path)
{
	char closed[PATH_MAX];
	int error;

	if (access(path, R_OK) == 0)
		return;
	error = errno;
	preflight->failed = true;
	find_closed(path, closed);
	if (closed[0] != '\0')
		say(preflight, "", option,
		    "user %s may not enter %s, so cannot read %s: chmod o+x %s",
		    preflight->user, closed, path, closed);
	else
		say(preflight, "", option,
		    "user %s cannot read %s (%s): chgrp %s %s && chmod g+r %s",
		    preflight->user, path, strerror(error), preflight->user,
		    path, path);
}

/* Reports a directory in which the user cannot make anything. */
static void
check_directory(struct preflight *preflight, const char *option,
    const char *directory)
{
	int error;

	if (access(directory, W_OK | X_OK) == 0)
		return;
	error = errno;
	/* A filter that root starts opens logs and sockets before it gives up
	 * root. */
	if (error != ENOENT && !preflight->systemd)
		return;
	/* The unit makes these. */
	if (error == ENOENT && preflight->systemd &&
	    (strcmp(directory, preflight->unit_run) == 0 ||
		strcmp(directory, preflight->unit_state) == 0 ||
		is_logs_directory(preflight, directory)))
		return;
	preflight->failed = true;
	say(preflight, "", option,
	    "user %s cannot write to %s (%s): install -d -o %s -m 0755 %s",
	    preflight->user, directory, strerror(error), preflight->user,
	    directory);
}

static void
check_store(struct preflight *preflight, const char *directory,
    const char *parent)
{
	int error;

	if (access(directory, R_OK | W_OK | X_OK) == 0)
		return;
	error = errno;
	/* Not a failure if the filter can create it, or if the unit will. */
	if (error == ENOENT &&
	    (access(parent, W_OK | X_OK) == 0 ||
		(preflight->systemd &&
		    strcmp(directory, preflight->unit_state) == 0)))
		return;
	preflight->failed = true;
	say(preflight, "", "store",
	    "user %s cannot use %s (%s): install -d -o %s -g %s -m 0700 %s",
	    preflight->user, directory, strerror(error), preflight->user,
	    preflight->user, directory);
}

static void
check_place(struct preflight *preflight, const char *option, enum need need,
    const char *given)
{
	char parent[PATH_MAX];
	char path[PATH_MAX];
	const char *slash;

	/* The unit's rules are about where links lead. */
	resolve(given, path);
	slash = strrchr(path, '/');
	snprintf(parent, sizeof(parent), "%.*s",
	    slash == NULL || slash == path ? 1 : (int)(slash - path),
	    slash == NULL ? "." : path);
	if (preflight->systemd)
		check_hidden(preflight, option, path);
	if (preflight->systemd && need != NEED_READ)
		check_read_only(preflight, option,
		    need == NEED_STORE ? path : parent);
	switch (need) {
	case NEED_READ:
		check_readable(preflight, option, path);
		break;
	case NEED_LOG:
		/* An existing file that is writable, such as /dev/stdout, is
		 * fine. */
		if (access(path, W_OK) != 0)
			check_directory(preflight, option, parent);
		break;
	case NEED_STORE:
		check_store(preflight, path, parent);
		break;
	case NEED_SOCKET:
		check_directory(preflight, option, parent);
		break;
	}
}

/* "unix:PATH", "inet:PORT@HOST", "inet6:PORT@HOST" or "". */
static void
check_socket(struct preflight *preflight, const char *option, const char *spec)
{
	const char *colon = strchr(spec, ':');

	if (colon == NULL)
		return;
	if (strncmp(spec, "unix:", 5) == 0)
		check_place(preflight, option, NEED_SOCKET, colon + 1);
	else
		check_port(preflight, option, colon + 1);
}

static void
check_all(struct preflight *preflight)
{
	const struct config *config = preflight->config;
	const struct {
		const char *option;
		const char *path;
	} files[] = {
	    {"unbound_conf",    config->unbound_conf   },
	    {"root_hints",      config->root_hints     },
	    {"trust_anchor",    config->trust_anchor   },
	    {"ca_file",         config->ca_file        },
	    {"exempt_file",     config->exempt_file    },
	    {"require_file",    config->require_file   },
	    {"store_auth_file", config->store_auth_file},
	    {"store_tls_ca",    config->store_tls_ca   },
	};
	const char *colon = strrchr(config->metrics, ':');
	const char *directory;

	resolve(UNIT_STATE, preflight->unit_state);
	resolve(UNIT_RUN, preflight->unit_run);
	resolve("/var/spool/postfix/" UNIT_USER, preflight->unit_spool);
	resolve("/var/log", preflight->var_log);
	if (preflight->file != NULL) /* a reload reads it again */
		check_place(preflight, "configuration", NEED_READ,
		    preflight->file);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (files[i].path[0] != '\0')
			check_place(preflight, files[i].option, NEED_READ,
			    files[i].path);
	if (strncmp(config->log, "file:", 5) == 0)
		check_place(preflight, "log", NEED_LOG, config->log + 5);
	if (store_place(config->store, &directory) == STORE_ON_DISK)
		check_place(preflight, "store", NEED_STORE, directory);
	check_socket(preflight, "socket", config->socket);
	check_socket(preflight, "policy_socket", config->policy_socket);
	/* If the default socket cannot be made, the filter only warns. */
	if (config_line(config, "control_socket") != 0 &&
	    config->control_socket[0] != '\0')
		check_place(preflight, "control_socket", NEED_SOCKET,
		    config->control_socket);
	if (colon != NULL)
		check_port(preflight, "metrics", colon + 1);
}

int
preflight_check(const struct startup *startup)
{
	struct preflight preflight = {
	    .file = startup->file,
	    .config = startup->config,
	    .user = startup->config->user,
	    .systemd = is_under_systemd(),
	};
	char error[PROCESS_ERROR_SIZE];
	pid_t child;
	int status;

	if (preflight.systemd) /* the unit overrides the option */
		preflight.user = UNIT_USER;
	if (geteuid() != 0 || preflight.user[0] == '\0')
		return 0;
	fflush(stdout);
	child = fork();
	if (child == 0) {
		if (process_drop_privileges(preflight.user, error) == 0)
			check_all(&preflight);
		else
			fprintf(stderr, PROGRAM ": warning: %s\n", error);
		_exit(preflight.failed ? EX_CONFIG : 0);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			child = -1;
	if (child < 0) {
		fprintf(stderr,
		    PROGRAM ": warning: access of %s not tried: "
			    "%s\n",
		    preflight.user, strerror(errno));
		return 0;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE;
}
