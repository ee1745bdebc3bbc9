/*
 * dane-sts doctor: Postfix and Sendmail, as their own files and postconf(1)
 * show them. dane-sts-milter(8), AT DELIVERY, has the attack behind each line.
 */
#include "autoconf.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool/doctor.h"
#include "tool/tool.h"

#define LINE_SIZE  4096
#define VALUE_SIZE 2048

/* The parameters that matter here; "" if Postfix does not know one. */
#define PARAMETER_TABLE(X)        \
	X(mail_version)           \
	X(compatibility_level)    \
	X(queue_directory)        \
	X(smtpd_milters)          \
	X(smtpd_milter_maps)      \
	X(milter_default_action)  \
	X(smtp_tls_policy_maps)   \
	X(smtp_dns_support_level) \
	X(smtp_tls_CAfile)        \
	X(smtp_tls_CApath)        \
	X(smtp_fallback_relay)    \
	X(tls_required_enable)

struct postfix {
#define X(name) char name[VALUE_SIZE];
	PARAMETER_TABLE(X)
#undef X
	bool smtpd_chroot; /* of a service that asks the filter */
	bool smtp_chroot;
	struct doctor_socket filter; /* the option socket */
	/* Names of services whose -o in master.cf differs from main.cf: */
	char asking[VALUE_SIZE];    /* smtpd_milters names the filter */
	char others[VALUE_SIZE];    /* smtpd_milters does not name it */
	char accepting[VALUE_SIZE]; /* milter_default_action loses the check */
	char service_milters[VALUE_SIZE]; /* of the first that asks */
};

/* --- sockets ------------------------------------------------------------- */

bool
doctor_socket_read(const char *spec, struct doctor_socket *out)
{
	const char *colon = strchr(spec, ':');
	const char *at = strchr(spec, '@');
	int host_len;

	memset(out, 0, sizeof(*out));
	if (colon == NULL)
		return false;
	if (strncmp(spec, "unix:", 5) == 0 || strncmp(spec, "local:", 6) == 0) {
		out->path = colon + 1;
		snprintf(out->name, sizeof(out->name), "unix:%s", out->path);
		return true;
	}
	if (strncmp(spec, "inet", 4) == 0) {
		if (at == NULL)
			return false;
		snprintf(out->host, sizeof(out->host), "%s", at + 1);
		snprintf(out->port, sizeof(out->port), "%.*s",
		    (int)(at - colon - 1), colon + 1);
		snprintf(out->name, sizeof(out->name), "inet:%s:%s", out->host,
		    out->port);
		return true;
	}
	/* HOST:PORT, [ADDRESS]:PORT */
	colon = strrchr(spec, ':');
	host_len = (int)(colon - spec);
	if (spec[0] == '[' && host_len > 2) {
		spec++;
		host_len -= 2;
	}
	snprintf(out->host, sizeof(out->host), "%.*s", host_len, spec);
	snprintf(out->port, sizeof(out->port), "%s", colon + 1);
	return true;
}

/* Where a list of main.cf names a socket: "inet:HOST:PORT" with its port, or
 * "unix:PATH", which may be below the chroot. NULL: nowhere. */
static const char *
find_socket(const char *list, const struct doctor_socket *socket,
    const char *queue_directory)
{
	char word[256];
	size_t queue = strlen(queue_directory);
	const char *path = socket->path, *at;

	if (path == NULL) {
		snprintf(word, sizeof(word), ":%s", socket->port);
		for (at = strstr(list, word); at != NULL;
		     at = strstr(at + 1, word))
			if (strchr(" ,:}\t", at[strlen(word)]) != NULL)
				return at;
		return NULL;
	}
	at = strstr(list, path);
	if (at == NULL && strncmp(path, queue_directory, queue) == 0 &&
	    path[queue] == '/')
		at = strstr(list, path + queue + 1);
	return at;
}

/* --- postconf ------------------------------------------------------------ */

static const struct {
	const char *name;
	size_t offset;
} parameters[] = {
#define X(name) {#name, offsetof(struct postfix, name)},
    PARAMETER_TABLE(X)
#undef X
};

#define N_PARAMETERS (sizeof(parameters) / sizeof(parameters[0]))

/* "name = value" of postconf. */
static void
take_parameter(struct postfix *postfix, char *line)
{
	size_t len = strcspn(line, " =");
	const char *value = line + len + strspn(line + len, " =");

	for (size_t i = 0; i < N_PARAMETERS; i++)
		if (strlen(parameters[i].name) == len &&
		    strncmp(line, parameters[i].name, len) == 0)
			snprintf((char *)postfix + parameters[i].offset,
			    VALUE_SIZE, "%s", value);
}

/* The field "chroot" of a service. Its default "-" is "n" unless Postfix keeps
 * to what it did before 3.0. */
static bool
is_in_chroot(const struct postfix *postfix, const char *field)
{
	if (strcmp(field, "-") == 0)
		return strtol(postfix->compatibility_level, NULL, 10) < 1;
	return strcmp(field, "y") == 0;
}

/* "submission inet n - y - - smtpd ..." of postconf -M. */
static void
take_service(struct postfix *postfix, char *line)
{
	char *rest = line, *field[8];
	size_t n = 0;

	for (; n < 8 && *rest != '\0'; n++) {
		field[n] = rest + strspn(rest, " \t");
		rest = field[n] + strcspn(field[n], " \t");
		if (*rest != '\0')
			*rest++ = '\0';
	}
	if (n < 8)
		return;
	if (strcmp(field[7], "smtpd") == 0 && is_in_chroot(postfix, field[4]))
		postfix->smtpd_chroot = true;
	if (strcmp(field[0], "smtp") == 0 && strcmp(field[1], "unix") == 0)
		postfix->smtp_chroot = is_in_chroot(postfix, field[4]);
}

/* Recipients are accepted unchecked while the filter is stopped. */
static bool
loses_the_check(const char *action)
{
	return strncmp(action, "accept", 6) == 0 ||
	    strncmp(action, "quarantine", 10) == 0;
}

static void
add_name(char *names, const char *name)
{
	size_t len = strlen(names);

	snprintf(names + len, VALUE_SIZE - len, "%s%s", len > 0 ? ", " : "",
	    name);
}

/* "submission/inet/smtpd_milters = VALUE" of postconf -P: what a service sets
 * for itself, by the last of several -o. */
static void
take_own_parameter(struct postfix *postfix, char *line)
{
	size_t len = strcspn(line, " =");
	const char *value = line + len + strspn(line + len, " =");
	char *parameter, *type;

	line[len] = '\0';
	parameter = strrchr(line, '/');
	if (parameter == NULL)
		return;
	*parameter++ = '\0';
	type = strrchr(line, '/');
	if (type != NULL)
		*type = '\0';
	if (strcmp(parameter, "milter_default_action") == 0 &&
	    loses_the_check(value))
		add_name(postfix->accepting, line);
	if (strcmp(parameter, "smtpd_milters") != 0)
		return;
	if (find_socket(value, &postfix->filter, postfix->queue_directory) ==
	    NULL) {
		add_name(postfix->others, line);
		return;
	}
	if (postfix->asking[0] == '\0')
		snprintf(postfix->service_milters, VALUE_SIZE, "%s", value);
	add_name(postfix->asking, line);
}

/* Each line that the program prints. False: it could not be run. */
static bool
run(const char *const *argv, struct postfix *postfix,
    void (*take)(struct postfix *postfix, char *line))
{
	posix_spawn_file_actions_t actions;
	char line[LINE_SIZE];
	int ends[2], err, status = 0;
	char *const *args;
	FILE *in;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, ends[1],
	    STDOUT_FILENO);
	(void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO,
	    "/dev/null", O_WRONLY, 0);
	/* posix_spawn() does not write to them, but says so only in POSIX. */
	memcpy(&args, &argv, sizeof(args));
	err = posix_spawnp(&pid, args[0], &actions, NULL, args, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	in = fdopen(ends[0], "re");
	while (
	    err == 0 && in != NULL && fgets(line, sizeof(line), in) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		take(postfix, line);
	}
	if (in != NULL)
		fclose(in);
	else
		close(ends[0]);
	if (err == 0)
		(void)waitpid(pid, &status, 0);
	return err == 0 && WIFEXITED(status) && WEXITSTATUS(status) != 127;
}

static bool
read_postfix(const struct doctor *doctor, struct postfix *postfix)
{
	/* postconf is in sbin, which ordinary users may not have in PATH. */
	static const char *const programs[] = {"postconf", "/usr/sbin/postconf",
	    "/usr/local/sbin/postconf"};
	const char *argv[8 + N_PARAMETERS];

	(void)doctor_socket_read(doctor->config->socket, &postfix->filter);
	for (size_t i = 0; i < 3; i++) {
		size_t n = 0, options;

		argv[n++] = programs[i];
		if (doctor->postfix_dir != NULL) {
			argv[n++] = "-c";
			argv[n++] = doctor->postfix_dir;
		}
		options = n;
		argv[n++] = "-x";
		for (size_t p = 0; p < N_PARAMETERS; p++)
			argv[n++] = parameters[p].name;
		argv[n] = NULL;
		if (!run(argv, postfix, take_parameter) ||
		    postfix->mail_version[0] == '\0')
			continue;
		argv[options] = "-M";
		argv[options + 1] = NULL;
		(void)run(argv, postfix, take_service);
		argv[options] = "-P";
		argv[options + 1] = "-x";
		argv[options + 2] = NULL;
		(void)run(argv, postfix, take_own_parameter);
		return true;
	}
	return false;
}

/* --- what of it is ours -------------------------------------------------- */

static void
check_milter(struct doctor *doctor, const struct postfix *postfix)
{
	const char *queue = postfix->queue_directory;
	const char *action = postfix->milter_default_action;
	const struct doctor_socket *socket = &postfix->filter;
	const char *at, *own;
	char fix[DOCTOR_TEXT_SIZE];
	bool main_cf;

	at = find_socket(postfix->smtpd_milters, socket, queue);
	main_cf = at != NULL;
	if (at == NULL)
		at = find_socket(postfix->service_milters, socket, queue);
	if (at == NULL) {
		snprintf(fix, sizeof(fix), "main.cf: smtpd_milters = %.400s%s",
		    socket->name,
		    postfix->smtpd_milters[0] != '\0'
			? ", beside those that are there"
			: "");
		doctor_say(doctor, DOCTOR_ERROR, "postfix", fix,
		    "smtpd_milters does not name the filter (socket = %s)",
		    doctor->config->socket);
		return;
	}
	if (!main_cf)
		doctor_say(doctor, DOCTOR_OK, "postfix", "",
		    "smtpd_milters names the filter for %.400s alone "
		    "(master.cf)",
		    postfix->asking);
	else if (postfix->others[0] != '\0')
		doctor_say(doctor, DOCTOR_OK, "postfix", "",
		    "smtpd_milters names the filter, but not for %.400s "
		    "(master.cf)",
		    postfix->others);
	else
		doctor_say(doctor, DOCTOR_OK, "postfix", "",
		    "smtpd_milters names the filter");
	/* "{ inet:127.0.0.1:8894, default_action=tempfail }" */
	own = strstr(at, "default_action=");
	if (own != NULL && memchr(at, '}', (size_t)(own - at)) == NULL)
		action = own + strlen("default_action=");
	if (loses_the_check(action))
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "main.cf: milter_default_action = tempfail",
		    "milter_default_action is %.20s: recipients are accepted "
		    "unchecked while the filter is stopped",
		    action);
	else if (postfix->accepting[0] != '\0')
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "master.cf: milter_default_action=tempfail",
		    "milter_default_action of %.400s (master.cf) accepts "
		    "recipients unchecked while the filter is stopped",
		    postfix->accepting);
	if (socket->path != NULL && postfix->smtpd_chroot &&
	    strncmp(socket->path, queue, strlen(queue)) != 0) {
		snprintf(fix, sizeof(fix),
		    "socket = \"unix:%.150s/dane-sts/milter.sock\", and "
		    "unix:dane-sts/milter.sock in smtpd_milters",
		    queue);
		doctor_say(doctor, DOCTOR_ERROR, "postfix", fix,
		    "smtpd runs in a chroot below %s and cannot see %s", queue,
		    socket->path);
	}
}

static void
check_map(struct doctor *doctor, const struct postfix *postfix)
{
	const char *list = postfix->smtp_tls_policy_maps;
	char fix[DOCTOR_TEXT_SIZE];
	struct doctor_socket socket;
	const char *at;

	if (doctor->config->policy_socket[0] == '\0') {
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "policy_socket = \"inet:8461@127.0.0.1\", and main.cf: "
		    "smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:"
		    "postfix",
		    "policy_socket is empty: nothing is checked at delivery, "
		    "hours after RCPT or behind aliases");
		return;
	}
	if (!doctor_socket_read(doctor->config->policy_socket, &socket))
		return;
	at = find_socket(list, &socket, postfix->queue_directory);
	if (at == NULL) {
		snprintf(fix, sizeof(fix),
		    "main.cf: smtp_tls_policy_maps = socketmap:%.400s:postfix%s",
		    socket.name,
		    list[0] != '\0' ? ", before the tables that are there"
				    : "");
		doctor_say(doctor, DOCTOR_WARNING, "postfix", fix,
		    "smtp_tls_policy_maps does not name policy_socket (%s)",
		    doctor->config->policy_socket);
		return;
	}
	/* The socketmap has to be the first table of the list. */
	if (memchr(list, ',', (size_t)(at - list)) != NULL ||
	    memchr(list, ' ', (size_t)(at - list)) != NULL)
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "put the socketmap first in smtp_tls_policy_maps",
		    "another table of smtp_tls_policy_maps decides before "
		    "policy_socket");
	else
		doctor_say(doctor, DOCTOR_OK, "postfix", "",
		    "smtp_tls_policy_maps asks policy_socket first");
	/* Without these, Postfix cannot carry out the answers of the map. */
	if (strcmp(postfix->smtp_dns_support_level, "dnssec") != 0)
		doctor_say(doctor, DOCTOR_ERROR, "postfix",
		    "main.cf: smtp_dns_support_level = dnssec",
		    "smtp_dns_support_level is \"%.40s\": mail to domains that "
		    "policy_socket answers with dane-only stays in the queue",
		    postfix->smtp_dns_support_level);
	if (postfix->smtp_tls_CAfile[0] == '\0' &&
	    postfix->smtp_tls_CApath[0] == '\0')
		doctor_say(doctor, DOCTOR_ERROR, "postfix",
		    "main.cf: smtp_tls_CApath = /etc/ssl/certs",
		    "neither smtp_tls_CAfile nor smtp_tls_CApath is set: mail "
		    "to domains with MTA-STS stays in the queue");
}

static void
check_holes(struct doctor *doctor, const struct postfix *postfix)
{
	if (postfix->smtpd_milter_maps[0] != '\0')
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "name the filter in smtpd_milter_maps as well, except for "
		    "clients whose recipients need no check",
		    "smtpd_milter_maps is %.100s: for the clients that it "
		    "lists, smtpd_milters does not count",
		    postfix->smtpd_milter_maps);
	if (strcmp(postfix->tls_required_enable, "yes") == 0)
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "main.cf: tls_required_enable = no",
		    "tls_required_enable is yes: a header line of the sender "
		    "(TLS-Required: No) skips policy_socket");
	if (postfix->smtp_fallback_relay[0] != '\0')
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "main.cf: smtp_fallback_relay =, unless that host runs "
		    "this filter",
		    "smtp_fallback_relay is %.100s: mail that TLS or "
		    "policy_socket defers goes there",
		    postfix->smtp_fallback_relay);
}

/* Checks that Postfix sees the results of a validating resolver on this
 * host. */
static void
check_resolv_conf(struct doctor *doctor, const struct postfix *postfix)
{
	char path[VALUE_SIZE + 32], line[LINE_SIZE];
	bool trusts = false, local = true;
	FILE *in;

	snprintf(path, sizeof(path), "%s/etc/resolv.conf",
	    postfix->smtp_chroot ? postfix->queue_directory : "");
	in = fopen(path, "re");
	if (in == NULL) {
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "copy /etc/resolv.conf there, or run the service smtp "
		    "outside the chroot",
		    "%s: %s", path, strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), in) != NULL) {
		char *value = line + strcspn(line, " \t");

		value += strspn(value, " \t");
		value[strcspn(value, "\r\n")] = '\0';
		if (strncmp(line, "nameserver", 10) == 0 &&
		    strncmp(value, "127.", 4) != 0 && strcmp(value, "::1") != 0)
			local = false;
		if (strncmp(line, "options", 7) == 0 &&
		    strstr(value, "trust-ad") != NULL)
			trusts = true;
	}
	fclose(in);
	if (!local)
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "run a validating resolver on this host, and name nothing "
		    "but 127.0.0.1 or ::1 there",
		    "%s names a resolver on another host: what it says of "
		    "DNSSEC can be forged on the way to Postfix",
		    path);
	else if (!trusts)
		doctor_say(doctor, DOCTOR_WARNING, "postfix",
		    "add the line \"options trust-ad\"",
		    "%s does not say trust-ad: with the GNU C library Postfix "
		    "does not see what was validated, and dane-only defers",
		    path);
	else
		doctor_say(doctor, DOCTOR_OK, "postfix", "",
		    "%s: a resolver on this host, trust-ad", path);
}

/* --- Sendmail ------------------------------------------------------------ */

/* Whether a line of sendmail.cf names the socket: Sendmail also takes
 * "local:PATH" for "unix:PATH". */
static bool
names_socket(const char *line, const char *spec)
{
	struct doctor_socket socket;

	if (doctor_socket_read(spec, &socket) && socket.path != NULL)
		spec = socket.path;
	return strstr(line, spec) != NULL;
}

/* "Xdane-sts, S=inet:8894@127.0.0.1, F=T" and "O InputMailFilters=..." */
static void
check_sendmail(struct doctor *doctor, FILE *cf)
{
	char line[LINE_SIZE], name[128] = "", filters[LINE_SIZE] = "";
	const char *policy_socket = doctor->config->policy_socket;
	bool has_flag = false, has_map = false;

	while (fgets(line, sizeof(line), cf) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "O InputMailFilters=", 19) == 0)
			snprintf(filters, sizeof(filters), "%s", line + 19);
		/* "Ksts socket -d5 -T<TMPF> inet:8461@127.0.0.1" */
		if (line[0] == 'K' && policy_socket[0] != '\0' &&
		    names_socket(line, policy_socket))
			has_map = true;
		if (line[0] != 'X' ||
		    !names_socket(line, doctor->config->socket))
			continue;
		snprintf(name, sizeof(name), "%.*s",
		    (int)strcspn(line + 1, ", \t"), line + 1);
		has_flag = strstr(line, "F=T") != NULL ||
		    strstr(line, "F=4") != NULL || strstr(line, "F=R") != NULL;
	}
	if (name[0] == '\0' || strstr(filters, name) == NULL)
		doctor_say(doctor, DOCTOR_ERROR, "sendmail",
		    "sendmail.mc: INPUT_MAIL_FILTER(`dane-sts', `S=..., F=T') "
		    "with the value of socket; then make sendmail.cf anew",
		    "%s does not name the filter (socket = %s)",
		    doctor->sendmail_cf, doctor->config->socket);
	else if (!has_flag)
		doctor_say(doctor, DOCTOR_WARNING, "sendmail",
		    "sendmail.mc: add F=T to its INPUT_MAIL_FILTER",
		    "the filter %s has no F=T: recipients are accepted "
		    "unchecked while it is stopped",
		    name);
	else
		doctor_say(doctor, DOCTOR_OK, "sendmail", "",
		    "%s names the filter, with F=", doctor->sendmail_cf);
	if (policy_socket[0] != '\0' && !has_map)
		doctor_say(doctor, DOCTOR_WARNING, "sendmail",
		    "sendmail.mc: FEATURE(`sts', `socket -d5 -T<TMPF> ...') "
		    "with the value of policy_socket, unless mail leaves over "
		    "a relay",
		    "%s does not name policy_socket (%s)", doctor->sendmail_cf,
		    policy_socket);
}

/* --- both ---------------------------------------------------------------- */

void
doctor_mta(struct doctor *doctor)
{
	struct postfix *postfix = calloc(1, sizeof(*postfix));
	FILE *cf = fopen(doctor->sendmail_cf, "re");
	bool has_postfix = postfix != NULL && read_postfix(doctor, postfix);

	if (has_postfix) {
		check_milter(doctor, postfix);
		check_map(doctor, postfix);
		check_holes(doctor, postfix);
		check_resolv_conf(doctor, postfix);
	}
	/* Debian's Postfix brings a sendmail(1), but no sendmail.cf. */
	if (cf != NULL)
		check_sendmail(doctor, cf);
	if (!has_postfix && cf == NULL)
		doctor_say(doctor, DOCTOR_OK, "mta", "",
		    "neither Postfix nor Sendmail is on this host: their "
		    "lines are not checked");
	if (cf != NULL)
		fclose(cf);
	free(postfix);
}
