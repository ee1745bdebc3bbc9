#include "autoconf.h"

#include "tool/postconf.h"

#include <fcntl.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_SIZE 4096

/* --- sockets ------------------------------------------------------------- */

const char *
postfix_find_socket(const char *list, const struct doctor_socket *socket,
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
    POSTFIX_PARAMETERS(X)
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
			    POSTFIX_VALUE, "%s", value);
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

bool
postfix_loses_the_check(const char *action)
{
	return strncmp(action, "accept", 6) == 0 ||
	    strncmp(action, "quarantine", 10) == 0;
}

static void
add_name(char *names, const char *name)
{
	size_t len = strlen(names);

	snprintf(names + len, POSTFIX_VALUE - len, "%s%s", len > 0 ? ", " : "",
	    name);
}

/* What a service that delivers sets for itself. */
static void
take_delivery(struct postfix *postfix, const char *service,
    const char *parameter, const char *value)
{
	/* The map has to be the first table. */
	if (strcmp(parameter, "smtp_tls_policy_maps") == 0 &&
	    postfix->map.name[0] != '\0') {
		const char *at = postfix_find_socket(value, &postfix->map,
		    postfix->queue_directory);

		if (at == NULL || strcspn(value, ", ") < (size_t)(at - value))
			add_name(postfix->unmapped, service);
	}
	if (strcmp(parameter, "smtp_dns_support_level") == 0 &&
	    strcmp(value, "dnssec") != 0)
		add_name(postfix->undnssec, service);
	if (strcmp(parameter, "smtp_fallback_relay") == 0 && value[0] != '\0')
		add_name(postfix->falling_back, service);
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
	take_delivery(postfix, line, parameter, value);
	if (strcmp(parameter, "milter_default_action") == 0 &&
	    postfix_loses_the_check(value))
		add_name(postfix->accepting, line);
	if (strcmp(parameter, "smtpd_milters") != 0)
		return;
	if (postfix_find_socket(value, &postfix->filter,
		postfix->queue_directory) == NULL) {
		add_name(postfix->others, line);
		return;
	}
	if (postfix->asking[0] == '\0')
		snprintf(postfix->service_milters, POSTFIX_VALUE, "%s", value);
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

bool
postfix_read(const struct doctor *doctor, struct postfix *postfix)
{
	/* postconf is in sbin, which ordinary users may not have in PATH. */
	static const char *const programs[] = {"postconf", "/usr/sbin/postconf",
	    "/usr/local/sbin/postconf"};
	const char *argv[8 + N_PARAMETERS];

	(void)doctor_socket_read(doctor->config->socket, &postfix->filter);
	(void)doctor_socket_read(doctor->config->policy_socket, &postfix->map);
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
