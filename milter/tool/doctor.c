/* dane-sts doctor: this host and the daemon. See doctor.h. */
#include "autoconf.h"

#include "tool/doctor.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "config/config.h"
#include "engine/ask.h"
#include "store/store.h"
#include "tool/output.h"
#include "tool/remote.h"
#include "tool/session.h"
#include "tool/tool.h"

#define CONNECT_MS   3000
#define ANCHOR_OLD_S (2 * 365 * 86400)
#define FIX_COLUMNS  25
#define WIDTH        79

enum {
	OPTION_NAGIOS = 256,
	OPTION_POSTFIX,
	OPTION_SENDMAIL
};

/* clang-format off */
static const struct option doctor_options[] = {
    {"nagios", no_argument, NULL, OPTION_NAGIOS},
    {"postfix", required_argument, NULL, OPTION_POSTFIX},
    {"sendmail-cf", required_argument, NULL, OPTION_SENDMAIL},
    {0},
};
/* clang-format on */

static const char *const level_names[] = {
    [DOCTOR_OK] = "ok",
    [DOCTOR_WARNING] = "warning",
    [DOCTOR_ERROR] = "error",
};

void
doctor_say(struct doctor *doctor, enum doctor_level level, const char *name,
    const char *fix, const char *fmt, ...)
{
	struct doctor_result *result;
	va_list ap;

	if (doctor->n == DOCTOR_RESULTS_MAX)
		return;
	result = &doctor->results[doctor->n++];
	result->level = level;
	result->name = name;
	snprintf(result->fix, sizeof(result->fix), "%s", fix);
	va_start(ap, fmt);
	vsnprintf(result->text, sizeof(result->text), fmt, ap);
	va_end(ap);
}

/* --- sockets ------------------------------------------------------------- */

/* 0, or the error's number. */
static int
connect_within(int fd, const struct sockaddr *address, socklen_t len)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t error_len = sizeof(error);

	if (connect(fd, address, len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	if (poll(&pollfd, 1, CONNECT_MS) <= 0)
		return ETIMEDOUT;
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len);
	return error;
}

/* 0, or the error's number. */
static int
try_socket(const struct doctor_socket *where)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;
	int flags = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
	int fd, error;

	if (where->path != NULL) {
		if (strlen(where->path) >= sizeof(un.sun_path))
			return ENAMETOOLONG;
		memcpy(un.sun_path, where->path, strlen(where->path) + 1);
		fd = socket(AF_UNIX, flags, 0);
		error = fd < 0
		    ? errno
		    : connect_within(fd, (struct sockaddr *)&un, sizeof(un));
	} else {
		if (getaddrinfo(where->host, where->port, &hints, &list) != 0)
			return EADDRNOTAVAIL;
		fd = socket(list->ai_family, flags, 0);
		error = fd < 0
		    ? errno
		    : connect_within(fd, list->ai_addr, list->ai_addrlen);
		freeaddrinfo(list);
	}
	if (fd >= 0)
		close(fd);
	return error;
}

static void
check_socket(struct doctor *doctor, const char *option, const char *spec)
{
	char fix[DOCTOR_TEXT_SIZE];
	struct doctor_socket where;
	int error;

	if (spec[0] == '\0' || !doctor_socket_read(spec, &where))
		return;
	error = try_socket(&where);
	if (error == 0) {
		doctor_say(doctor, DOCTOR_OK, "socket", "",
		    "%s: %s accepts connections", option, spec);
	} else if (error == EACCES || error == EPERM) {
		doctor_say(doctor, DOCTOR_WARNING, "socket",
		    "run dane-sts doctor as root", "%s: %s: permission denied",
		    option, spec);
	} else {
		snprintf(fix, sizeof(fix),
		    "the daemon runs, so it has another configuration, or %s "
		    "was changed without a restart: systemctl restart "
		    "dane-sts-milter",
		    option);
		doctor_say(doctor, DOCTOR_ERROR, "socket", fix, "%s: %s: %s",
		    option, spec, strerror(error));
	}
}

/* Without a daemon: looks for reasons why it could not start. */
static void
check_free(struct doctor *doctor, const char *option, const char *spec)
{
	struct doctor_socket where;
	char directory[DOCTOR_TEXT_SIZE], fix[DOCTOR_TEXT_SIZE];
	const char *slash;

	if (spec[0] == '\0' || !doctor_socket_read(spec, &where))
		return;
	if (try_socket(&where) == 0) {
		doctor_say(doctor, DOCTOR_ERROR, "socket",
		    "ss -lntxp shows which program it is; stop it, or choose "
		    "another place",
		    "%s: %s: another program listens there", option, spec);
		return;
	}
	slash = where.path != NULL ? strrchr(where.path, '/') : NULL;
	if (slash == NULL || slash == where.path)
		return;
	snprintf(directory, sizeof(directory), "%.*s",
	    (int)(slash - where.path), where.path);
	if (access(directory, F_OK) == 0 || errno != ENOENT)
		return;
	snprintf(fix, sizeof(fix), "install -d -o %.32s -m 0755 %.300s",
	    doctor->config->user[0] != '\0' ? doctor->config->user : "root",
	    directory);
	doctor_say(doctor, DOCTOR_ERROR, "socket", fix,
	    "%s: the directory %s does not exist", option, directory);
}

/* --- this host ----------------------------------------------------------- */

static void
check_clock(struct doctor *doctor)
{
	struct timex timex = {0};
	char now[DURATION_SIZE];
	int state;

	moment_text(clock_wall_s(), now);
#ifdef __linux__ /* musl has no other name for it */
	state = adjtimex(&timex);
#else
	state = ntp_adjtime(&timex);
#endif
	if (state == TIME_ERROR)
		doctor_say(doctor, DOCTOR_WARNING, "clock",
		    "run chrony, ntpd or systemd-timesyncd: with a wrong clock "
		    "valid signatures are bogus",
		    "it is %s, but nothing keeps this clock in time", now);
	else
		doctor_say(doctor, DOCTOR_OK, "clock", "",
		    "it is %s, kept in time", now);
}

static void
check_files(struct doctor *doctor, const char *path)
{
	const struct config *config = doctor->config;
	char error[CONFIG_ERROR_SIZE];
	char age[DURATION_SIZE];
	struct stat status;
	int64_t age_s;

	if (config_check_files(config, path, error) != 0) {
		error[strcspn(error, "\n")] = '\0';
		doctor_say(doctor, DOCTOR_ERROR, "files",
		    "correct the file, or the option that names it", "%s",
		    error);
	} else {
		doctor_say(doctor, DOCTOR_OK, "files", "",
		    "ca_file (%s), trust anchor and secrets can be read",
		    config->ca_file[0] != '\0' ? config->ca_file
					       : "the system's");
	}
	if (stat(config->trust_anchor, &status) != 0)
		return; /* reported above */
	age_s = clock_wall_s() - (int64_t)status.st_mtime;
	duration_text(age_s, age);
	if (age_s > ANCHOR_OLD_S)
		doctor_say(doctor, DOCTOR_WARNING, "anchor",
		    "update the package that brings it (Debian: "
		    "dns-root-data), so that it has the root's present keys",
		    "%s is %s old", config->trust_anchor, age);
	else
		doctor_say(doctor, DOCTOR_OK, "anchor", "", "%s is %s old",
		    config->trust_anchor, age);
}

static bool
count_entry(void *arg, const struct store_entry *entry)
{
	(void)entry;
	++*(size_t *)arg;
	return true;
}

static void
check_store(struct doctor *doctor)
{
	const struct config *config = doctor->config;
	const struct store_options options = {
	    .spec = config->store,
	    .access = STORE_READ_ONLY,
	    .auth_file = config->store_auth_file,
	    .tls_ca = config->store_tls_ca,
	};
	const char *directory;
	char error[STORE_ERROR_SIZE] = "";
	struct store *store;
	struct stat status;
	size_t n = 0;
	bool denied;

	if (store_place(config->store, &directory) == STORE_IN_PROCESS) {
		doctor_say(doctor, DOCTOR_WARNING, "store",
		    "store = \"lmdb:/var/lib/dane-sts-milter\"",
		    "%s: policies are lost when the daemon stops, and their "
		    "domains are at first contact again",
		    config->store);
		return;
	}
	/* LMDB takes a missing directory that is only read for an empty store.
	 */
	if (directory != NULL && stat(directory, &status) != 0 &&
	    errno == ENOENT) {
		doctor_say(doctor, DOCTOR_WARNING, "store",
		    "start the daemon, which makes it, or correct the option "
		    "store",
		    "%s does not exist", directory);
		return;
	}
	store = store_open(&options, error);
	if (store == NULL) {
		denied =
		    geteuid() != 0 && strstr(error, strerror(EACCES)) != NULL;
		if (denied)
			doctor_say(doctor, DOCTOR_WARNING, "store",
			    "run dane-sts doctor as root",
			    "%s: permission denied", config->store);
		else
			doctor_say(doctor, DOCTOR_ERROR, "store",
			    "see dane-sts-milter.conf(5), store", "%s", error);
		return;
	}
	if (store_each(store, count_entry, &n) == 0)
		doctor_say(doctor, DOCTOR_OK, "store", "",
		    "%s holds %zu policies", config->store, n);
	else
		doctor_say(doctor, DOCTOR_ERROR, "store",
		    "see the daemon's log, and dane-sts-milter.conf(5), store",
		    "%s cannot be read", config->store);
	store_close(&store);
}

/* The resolver path, with the probe that the daemon uses. */
static void
check_resolver(struct doctor *doctor, const struct tool_options *options)
{
	struct session session;
	struct engine_status status = {0};
	char path[256] = "recursion from the root";
	size_t len = 0;

	if (session_configure(&session, options) != TOOL_OK) {
		session_close(&session);
		return;
	}
	for (size_t i = 0; i < doctor->config->resolvers.n && len < 200; i++)
		len +=
		    (size_t)snprintf(path + len, sizeof(path) - len, "%s%.80s",
			i > 0 ? ", " : "", doctor->config->resolvers.item[i]);
	session.config.store = "memory:";
	session.log_target = "file:/dev/null"; /* reported here instead */
	if (session_start(&session) == TOOL_OK) {
		(void)engine_await_probe(session.engine,
		    clock_mono_ms() + session.config.dns_timeout_ms +
			PROBE_RETRY_MS);
		engine_status(session.engine, &status);
	}
	if (status.resolver == PROBE_OK)
		doctor_say(doctor, DOCTOR_OK, "resolver", "",
		    "%s: the root validates", path);
	else
		doctor_say(doctor, DOCTOR_ERROR, "resolver",
		    "try delv @SERVER . DNSKEY: if it validates there, look at "
		    "trust_anchor and the clock; else use a resolver that "
		    "passes DNSSEC records on, or resolvers = {} for recursion",
		    "%s: the root does not validate: %s", path,
		    status.resolver_why[0] != '\0' ? status.resolver_why
						   : "no answer");
	if (status.resolver == PROBE_OK && status.root_key_missing >= 0)
		doctor_say(doctor, DOCTOR_WARNING, "anchor",
		    "update the file (Debian: package dns-root-data), and "
		    "reload: systemctl reload dane-sts-milter",
		    "%s lacks the root's key %d: when the root signs with that "
		    "key alone, domains that require DNSSEC are deferred",
		    doctor->config->trust_anchor, status.root_key_missing);
	session_close(&session);
}

/* --- the daemon ---------------------------------------------------------- */

static bool
take_status(void *arg, const json_t *object, const char *line)
{
	struct doctor *doctor = arg;
	const json_t *resolver = json_object_get(object, "resolver");
	const json_t *policies = json_object_get(object, "policies");
	const char *mode = json_string_value(json_object_get(object, "mode"));
	const char *version =
	    json_string_value(json_object_get(object, "version"));
	const char *state =
	    json_string_value(json_object_get(resolver, "state"));
	json_int_t unwritten =
	    json_integer_value(json_object_get(policies, "unwritten"));

	(void)line;
	if (version != NULL && strcmp(version, PACKAGE_VERSION) != 0)
		doctor_say(doctor, DOCTOR_WARNING, "daemon",
		    "systemctl restart dane-sts-milter",
		    "version %s runs, %s is installed", version,
		    PACKAGE_VERSION);
	else if (mode != NULL && strcmp(mode, "monitor") == 0)
		doctor_say(doctor, DOCTOR_WARNING, "daemon",
		    "mode = \"enforce\", once its log shows no surprise",
		    "it runs in mode monitor: nothing is deferred");
	else
		doctor_say(doctor, DOCTOR_OK, "daemon", "",
		    "version %s runs in mode %s",
		    version != NULL ? version : "?", mode != NULL ? mode : "?");
	if (state != NULL && strcmp(state, "broken") == 0)
		doctor_say(doctor, DOCTOR_ERROR, "daemon",
		    "see \"resolver\" above, and dane-sts status",
		    "its resolver path does not validate");
	if (unwritten > 0)
		doctor_say(doctor, DOCTOR_ERROR, "daemon",
		    "make room on the disk, or look at its permissions",
		    "%lld policies are in memory alone: the store does not "
		    "take them",
		    (long long)unwritten);
	if (json_is_true(json_object_get(policies, "down")))
		doctor_say(doctor, DOCTOR_ERROR, "daemon",
		    "start the server, or correct the option store",
		    "the server with the policies cannot be reached");
	return true;
}

/* True: it runs. */
static bool
check_daemon(struct doctor *doctor)
{
	const struct config *config = doctor->config;
	struct doctor_socket control = {.path = config->control_socket};
	struct remote *remote;
	bool absent;
	int error;

	if (config->control_socket[0] == '\0') {
		doctor_say(doctor, DOCTOR_WARNING, "daemon",
		    "set control_socket",
		    "control_socket is \"\": the daemon cannot be asked");
		return true;
	}
	error = try_socket(&control);
	if (error == EACCES || error == EPERM) {
		doctor_say(doctor, DOCTOR_WARNING, "daemon",
		    "run dane-sts doctor as root", "%s: permission denied",
		    config->control_socket);
		return true;
	}
	if (error != 0) {
		doctor_say(doctor, DOCTOR_ERROR, "daemon",
		    "systemctl start dane-sts-milter, and see its log; or "
		    "name its configuration with -c",
		    "no daemon answers at %s: %s", config->control_socket,
		    strerror(error));
		return false;
	}
	remote = remote_open(config, &absent);
	if (remote == NULL)
		return true;
	(void)remote_ask(remote, json_pack("{s:s}", "command", "status"),
	    take_status, doctor);
	remote_close(&remote);
	return true;
}

/* --- the report ---------------------------------------------------------- */

/* Head and text in two columns: the text is wrapped behind a margin of blanks,
 * in the first of which the head is put. */
static void
print_columns(const char *head, const char *text)
{
	char margin[FIX_COLUMNS + 1];
	char *wrapped = NULL;
	size_t len;
	FILE *out = open_memstream(&wrapped, &len);

	if (out == NULL)
		return;
	memset(margin, ' ', FIX_COLUMNS);
	margin[FIX_COLUMNS] = '\0';
	text_wrap(out, margin, FIX_COLUMNS, WIDTH, text);
	if (fclose(out) == 0 && len > FIX_COLUMNS)
		printf("%-*s%s", FIX_COLUMNS, head, wrapped + FIX_COLUMNS);
	free(wrapped);
}

static void
print_text(const struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->n; i++) {
		const struct doctor_result *result = &doctor->results[i];
		char head[FIX_COLUMNS + 1];

		snprintf(head, sizeof(head), "%-8s %s",
		    level_names[result->level], result->name);
		print_columns(head, result->text);
		if (result->fix[0] != '\0')
			print_columns("                     do:", result->fix);
	}
}

static bool
print_json(const struct doctor *doctor, const char *state)
{
	json_t *list = json_array();

	for (size_t i = 0; i < doctor->n; i++) {
		const struct doctor_result *result = &doctor->results[i];

		(void)json_array_append_new(list,
		    json_pack("{s:s,s:s,s:o,s:o}", "name", result->name,
			"level", level_names[result->level], "text",
			output_string(result->text, strlen(result->text)),
			"fix",
			output_string(result->fix, strlen(result->fix))));
	}
	return output_line(
	    json_pack("{s:s,s:o}", "level", state, "checks", list));
}

/* Prints the first of the gravest results, and the number of further ones. */
static void
print_nagios(const struct doctor *doctor, enum doctor_level worst, int status)
{
	const struct doctor_result *first = NULL;
	size_t n = 0;

	for (size_t i = doctor->n; i-- > 0;)
		if (doctor->results[i].level == worst) {
			first = &doctor->results[i];
			n++;
		}
	printf("DANE-STS %s - ", tool_nagios_word(status));
	if (worst == DOCTOR_OK) {
		printf("%zu checks passed\n", doctor->n);
		return;
	}
	printf("%s: ", first->name);
	text_print(stdout, first->text, strlen(first->text));
	if (n > 1)
		printf(" (and %zu more)", n - 1);
	putchar('\n');
}

static int
examine(struct doctor *doctor, const struct tool_options *options, bool nagios)
{
	static const int statuses[] = {TOOL_OK, TOOL_WARNED, TOOL_NO};
	const char *path = config_choose_path(options->config_path);
	char error[CONFIG_ERROR_SIZE] = "";
	struct config *config = config_load(path, error);
	enum doctor_level worst = DOCTOR_OK;
	void (*check)(struct doctor * doctor, const char *option,
	    const char *spec);
	int status;

	doctor->config = config;
	if (config == NULL) {
		error[strcspn(error, "\n")] = '\0';
		doctor_say(doctor, DOCTOR_ERROR, "configuration",
		    "see dane-sts-milter.conf(5)", "%s", error);
	} else {
		doctor_say(doctor, DOCTOR_OK, "configuration", "", "%s",
		    path != NULL ? path : "there is no file: all defaults");
	}
	check_clock(doctor);
	if (config != NULL) {
		check_files(doctor, path);
		check_resolver(doctor, options);
		check_store(doctor);
		check = check_daemon(doctor) ? check_socket : check_free;
		check(doctor, "socket", config->socket);
		check(doctor, "policy_socket", config->policy_socket);
		check(doctor, "metrics", config->metrics);
		doctor_mta(doctor);
	}
	for (size_t i = 0; i < doctor->n; i++)
		if (doctor->results[i].level > worst)
			worst = doctor->results[i].level;
	status = statuses[worst];
	if (nagios)
		print_nagios(doctor, worst, status);
	else if (!options->json)
		print_text(doctor);
	else if (!print_json(doctor, level_names[worst]))
		status = TOOL_INTERNAL;
	config_free(&config);
	return status;
}

int
tool_doctor(struct tool_options *options, int argc, char **argv)
{
	struct doctor *doctor = calloc(1, sizeof(*doctor));
	bool nagios = false;
	int found, status;

	if (doctor == NULL)
		return tool_no_memory();
	doctor->sendmail_cf = "/etc/mail/sendmail.cf";
	while (
	    (found = tool_getopt(options, argc, argv, doctor_options)) >= 0) {
		if (found == OPTION_NAGIOS)
			nagios = true;
		else if (found == OPTION_POSTFIX)
			doctor->postfix_dir = optarg;
		else
			doctor->sendmail_cf = optarg;
	}
	if (found == TOOL_OPTION_STOP)
		status = options->status;
	else if (optind < argc)
		status = tool_usage(argv[0], "no operand is taken");
	else
		status = examine(doctor, options, nagios);
	free(doctor);
	return nagios ? tool_nagios_status(status) : status;
}
