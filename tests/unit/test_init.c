/*
 * What starts the daemon: the files made in init/ from the directories that
 * configure was told. The systemd unit is judged by systemd's own tool, and
 * the sysv script starts and stops a daemon with a configuration, a socket and
 * a PID file of its own.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "paths.h"

#define OUTPUT_MAX    65536
#define COMMAND_MAX   4096
#define NOT_THERE     127
#define LINE_MAX_SIZE 1024

/* The unit may be exposed so much, of 100. */
#define EXPOSURE_MAX 15

#define UNIT INIT_DIR "/dane-sts-milter.service"

static char directory[] = "/tmp/test_init.XXXXXX";
static char output[OUTPUT_MAX];

/* The exit status of a shell command; what it printed is in output. */
static int shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int
shell(const char *fmt, ...)
{
	char command[COMMAND_MAX];
	int prefix = snprintf(command, sizeof(command), "exec 2>&1; ");
	va_list ap;
	FILE *pipe;
	size_t n;
	int status;

	va_start(ap, fmt);
	vsnprintf(command + prefix, sizeof(command) - (size_t)prefix, fmt, ap);
	va_end(ap);
	pipe = popen(command, "re");
	cr_assert(pipe != NULL);
	n = fread(output, 1, sizeof(output) - 1, pipe);
	output[n] = '\0';
	status = pclose(pipe);
	cr_assert(WIFEXITED(status), "%s", command);
	return WEXITSTATUS(status);
}

static bool
is_there(const char *program)
{
	return shell("PATH=$PATH:/sbin:/usr/sbin command -v %s", program) == 0;
}

static void
set_up(void)
{
	cr_assert(mkdtemp(directory) != NULL);
}

static void
tear_down(void)
{
	/* Whatever a test left running has its PID there. */
	shell("test -f %s/rc && sh %s/rc stop", directory, directory);
	shell("rm -rf %s", directory);
}

TestSuite(init, .init = set_up, .fini = tear_down, .timeout = 300);

/* --- systemd --- */

Test(init, systemd_finds_nothing_wrong_with_the_unit)
{
	if (!is_there("systemd-analyze"))
		cr_skip_test("systemd is not installed");
	/* As if it were installed: the programs have to be there, kill(1) as
	 * well (systemd 257). */
	cr_assert_eq(shell("install -D %s %s%s/dane-sts-milter && "
			   "install -D /bin/true %s/usr/bin/kill && "
			   "install -D -m 644 -t %s/etc/systemd/system %s",
			 DAEMON_PROGRAM, directory, SBINDIR, directory,
			 directory, UNIT),
	    0, "%s", output);
	cr_assert_eq(shell("for unit in basic sysinit shutdown network "
			   "nss-lookup time-sync multi-user; do "
			   "printf '[Unit]\\nDescription=none\\n' "
			   ">%s/etc/systemd/system/$unit.target; done",
			 directory),
	    0);
	cr_expect_eq(shell("systemd-analyze --root=%s --man=no verify "
			   "dane-sts-milter.service",
			 directory),
	    0, "%s", output);
	cr_expect(strstr(output, "dane-sts-milter.service") == NULL, "%s",
	    output);
}

static const char *
last_line(void)
{
	size_t len = strlen(output);

	while (len > 0 && output[len - 1] == '\n')
		output[--len] = '\0';
	return strrchr(output, '\n') != NULL ? strrchr(output, '\n') + 1
					     : output;
}

Test(init, the_unit_is_confined)
{
	if (!is_there("systemd-analyze"))
		cr_skip_test("systemd is not installed");
	cr_expect_eq(shell("systemd-analyze security --no-pager "
			   "--offline=yes --threshold=%d %s",
			 EXPOSURE_MAX, UNIT),
	    0, "more exposed than %d of 100:\n%s", EXPOSURE_MAX, output);
	cr_log_info("%s", last_line());
	fprintf(stderr, "test_init: %s\n", last_line());
}

/* --- all files --- */

static const char *const made[] = {"dane-sts-milter.service",
    "sysusers.d/dane-sts-milter.conf", "tmpfiles.d/dane-sts-milter.conf",
    "dane-sts-milter.sysv", "dane-sts-milter.openrc",
    "dane-sts-milter.freebsd"};

/* Directories that configure is told, and those that are so everywhere. */
static const char *const known[] = {SBINDIR "/dane-sts-milter",
    SYSCONFDIR "/dane-sts-milter.conf", SYSCONFDIR "/default/dane-sts-milter",
    LOCALSTATEDIR "/lib/dane-sts-milter", RUNSTATEDIR "/dane-sts-milter",
    RUNSTATEDIR "/dane-sts-milter.pid", "/var/spool/postfix/dane-sts", "/bin",
    "/sbin", "/usr/bin", "/usr/sbin", "/bin/sh", "/sbin/openrc-run",
    "/dev/null", "/etc/rc.conf", "/etc/rc.subr", "/lib/lsb/init-functions"};

/* A word of those that a path is made of, and no more. */
static size_t
path_length(const char *at)
{
	return strspn(at,
	    "/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789.-_+");
}

static bool
is_known(const char *path, size_t len)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strlen(known[i]) == len && memcmp(known[i], path, len) == 0)
			return true;
	}
	return false;
}

static bool
begins_path(const char *line, const char *at)
{
	return *at == '/' && path_length(at) > 1 &&
	    (at == line || strchr(" \t\"=-:!'", at[-1]) != NULL);
}

static size_t
expect_known_paths(const char *file, const char *line)
{
	size_t n = 0;

	cr_expect(strstr(line, "dir@") == NULL, "%s: %s", file, line);
	for (const char *at = line; *at != '\0'; at++) {
		size_t len = path_length(at);

		if (!begins_path(line, at))
			continue;
		cr_expect(is_known(at, len), "%s: %s", file, line);
		at += len - 1;
		n++;
	}
	return n;
}

Test(init, every_path_is_one_that_configure_was_told)
{
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		char name[LINE_MAX_SIZE];
		char line[LINE_MAX_SIZE];
		size_t n = 0;
		FILE *file;

		snprintf(name, sizeof(name), "%s/%s", INIT_DIR, made[i]);
		file = fopen(name, "re");
		cr_assert(file != NULL, "%s", name);
		while (fgets(line, sizeof(line), file) != NULL)
			n += expect_known_paths(made[i], line);
		fclose(file);
		/* That of users has none. */
		cr_expect(n >= 3 || strncmp(made[i], "sysusers", 8) == 0,
		    "%s: %zu paths", made[i], n);
	}
}

Test(init, scripts_are_ones_to_the_shell)
{
	for (size_t i = 3; i < sizeof(made) / sizeof(made[0]); i++)
		cr_expect_eq(shell("sh -n %s/%s", INIT_DIR, made[i]), 0, "%s",
		    output);
}

static void
write_conf(const char *more)
{
	char name[64];
	FILE *file;

	snprintf(name, sizeof(name), "%s/conf", directory);
	file = fopen(name, "we");
	cr_assert(file != NULL);
	fprintf(file,
	    "socket = \"unix:%s/run/milter\"\nuser = \"daemon\"\n"
	    "store = \"lmdb:%s/state\"\nlog = \"file:%s/log\"\n"
	    "control_socket = \"\"\n"
	    "trust_anchor = \"%s\"\nresolvers = {\"127.0.0.1@9\"}\n%s",
	    directory, directory, directory, ROOT_KEY, more);
	fclose(file);
}

/* Variables and commands for those who source a script are none it sees. */
Test(init, shellcheck_finds_nothing_in_the_scripts)
{
	if (!is_there("shellcheck"))
		cr_skip_test("shellcheck is not installed");
	for (size_t i = 3; i < sizeof(made) / sizeof(made[0]); i++)
		cr_expect_eq(shell("shellcheck -s sh -e "
				   "SC1091,SC2034,SC2223 %s/%s",
				 INIT_DIR, made[i]),
		    0, "%s", output);
}

/* Its words are for openrc-run: here is what they call. */
Test(init, the_openrc_script_checks_the_file_that_it_was_given)
{
	/* What start_pre would have made. */
	cr_assert_eq(shell("chmod 755 %s && mkdir %s/run %s/state && "
			   "{ test $(id -u) -ne 0 || chown daemon %s/*; }",
			 directory, directory, directory, directory),
	    0, "%s", output);
	write_conf("mode = nonsense\n");
	cr_expect_neq(
	    shell("ebegin() { :; }; eend() { return $1; }; RC_SVCNAME=x; "
		  "command_args='-c %s/conf'; . %s/dane-sts-milter.openrc; "
		  "command=%s; check",
		directory, INIT_DIR, DAEMON_PROGRAM),
	    0);
	cr_expect_not_null(strstr(output, "nonsense"), "%s", output);
	write_conf("");
	cr_expect_eq(
	    shell("ebegin() { :; }; eend() { return $1; }; RC_SVCNAME=x; "
		  "command_args='-c %s/conf'; . %s/dane-sts-milter.openrc; "
		  "command=%s; check",
		directory, INIT_DIR, DAEMON_PROGRAM),
	    0, "%s", output);
}

Test(init, the_sysv_script_has_what_the_LSB_asks_for)
{
	static const char *const fields[] = {"Provides:", "Required-Start:",
	    "Required-Stop:", "Default-Start:", "Default-Stop:",
	    "Short-Description:", "Description:"};

	cr_assert_eq(shell("sed -n '/^### BEGIN INIT INFO$/,"
			   "/^### END INIT INFO$/p' %s/dane-sts-milter.sysv",
			 INIT_DIR),
	    0);
	cr_expect(strstr(output, "### END INIT INFO") != NULL);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		cr_expect(strstr(output, fields[i]) != NULL, "%s", fields[i]);
}

/* --- the sysv script, for real --- */

/* The script as it is, in directories of this test. */
static void
install_script(void)
{
	cr_assert_eq(
	    shell("d=%s && chmod 755 $d && mkdir -p $d/default $d/lib && "
		  "sed -e 's|%s/dane-sts-milter|%s|' "
		  "-e \"s|^PIDFILE=.*|PIDFILE=$d/pid|\" "
		  "-e \"s|^RUNDIR=.*|RUNDIR=$d/run|\" "
		  "-e \"s|^STATEDIR=.*|STATEDIR=$d/state|\" "
		  "-e \"s|%s/default|$d/default|\" "
		  "%s/dane-sts-milter.sysv >$d/rc && "
		  "printf 'USER=daemon\\nDAEMON_OPTS=\"-c %%s/conf\"\\n' $d "
		  ">$d/default/dane-sts-milter",
		directory, SBINDIR, DAEMON_PROGRAM, SYSCONFDIR, INIT_DIR),
	    0, "%s", output);
}

enum preparation {
	NOTHING,
	BREAK_CONFIGURATION,
	MEND_CONFIGURATION,
	KILL_DAEMON,
};

static void
prepare(enum preparation preparation)
{
	switch (preparation) {
	case NOTHING:
		break;
	case BREAK_CONFIGURATION:
		write_conf("mode = nonsense\n");
		break;
	case MEND_CONFIGURATION:
		write_conf("");
		break;
	case KILL_DAEMON:
		cr_assert_eq(shell("pid=$(cat %s/pid) && kill -9 $pid && "
				   "while kill -0 $pid; do :; done",
				 directory),
		    0, "%s", output);
		break;
	}
}

/* One after the other. Codes: LSB core, "Init Script Actions". */
static const struct {
	enum preparation preparation;
	const char *action;
	int code;
} steps[] = {
    {NOTHING,             "status",       3},
    {NOTHING,             "stop",         0},
    {NOTHING,             "try-restart",  0},
    {NOTHING,             "status",       3},
    {NOTHING,             "reload",       7},
    {NOTHING,             "start",        0},
    {NOTHING,             "status",       0},
    {NOTHING,             "start",        0},
    {NOTHING,             "reload",       0},
    {NOTHING,             "force-reload", 0},
    {NOTHING,             "status",       0},
    {NOTHING,             "restart",      0},
    {NOTHING,             "status",       0},
    {NOTHING,             "try-restart",  0},
    {NOTHING,             "status",       0},
    {BREAK_CONFIGURATION, "reload",       6},
    {NOTHING,             "restart",      6},
    {NOTHING,             "status",       0},
    {NOTHING,             "stop",         0},
    {NOTHING,             "status",       3},
    {NOTHING,             "start",        6},
    {MEND_CONFIGURATION,  "start",        0},
    {KILL_DAEMON,         "status",       1},
    {NOTHING,             "start",        0},
    {NOTHING,             "status",       0},
    {NOTHING,             "stop",         0},
    {NOTHING,             "stop",         0},
    {NOTHING,             "status",       3},
    {NOTHING,             "nonsense",     2},
    {NOTHING,             "",             2},
};

static bool
socket_answers(void)
{
	return shell("test -S %s/run/milter", directory) == 0;
}

Test(init, the_sysv_script_starts_and_stops_with_the_codes_of_the_LSB)
{
	if (geteuid() != 0)
		cr_skip_test("only root starts services");
	if (!is_there("start-stop-daemon"))
		cr_skip_test("start-stop-daemon is not installed");
	install_script();
	write_conf("");
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int code;

		prepare(steps[i].preparation);
		code = shell("sh %s/rc %s", directory, steps[i].action);
		cr_assert_eq(code, steps[i].code, "step %zu, %s: %d\n%s", i,
		    steps[i].action, code, output);
		if (strcmp(steps[i].action, "status") == 0)
			cr_assert_eq(socket_answers(), code != 3);
	}
}

Test(init, the_sysv_script_tells_what_only_root_may_do)
{
	install_script();
	write_conf("");
	if (geteuid() == 0) {
		cr_assert_eq(shell("setpriv --reuid=daemon --clear-groups "
				   "sh %s/rc start",
				 directory),
		    4, "%s", output);
		cr_assert_eq(
		    shell("sed -i 's|^DAEMON=.*|DAEMON=/nonexistent|' %s/rc; "
			  "sh %s/rc start",
			directory, directory),
		    5, "%s", output);
		cr_assert_eq(shell("sh %s/rc stop", directory), 0);
	} else {
		cr_assert_eq(shell("sh %s/rc start", directory), 4, "%s",
		    output);
	}
}
