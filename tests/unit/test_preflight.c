/*
 * `dane-sts-milter -n` as root tries what the service will meet: as its user,
 * and with the restrictions of the systemd unit. Users, systemd and drop-ins
 * are made up in a mount namespace.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "paths.h"

#define OUTPUT_MAX  65536
#define COMMAND_MAX 4096
#define EX_CONFIG   78

static char directory[] = "/tmp/test_preflight.XXXXXX";
static char output[OUTPUT_MAX];

/* The exit status of a shell script in which $d is the directory; what it
 * printed is in output. */
static int
shell(const char *script)
{
	char command[COMMAND_MAX];
	FILE *pipe;
	size_t n;
	int status;

	cr_assert_lt(snprintf(command, sizeof(command),
			 "exec 2>&1; d=%s; p=%s; %s", directory, DAEMON_PROGRAM,
			 script),
	    (int)sizeof(command));
	pipe = popen(command, "re");
	cr_assert(pipe != NULL);
	n = fread(output, 1, sizeof(output) - 1, pipe);
	output[n] = '\0';
	status = pclose(pipe);
	cr_assert(WIFEXITED(status), "%s", command);
	return WEXITSTATUS(status);
}

static void
set_up(void)
{
	cr_assert(mkdtemp(directory) != NULL);
	cr_assert_eq(chmod(directory, 0755), 0);
	cr_assert_eq(
	    shell(
		"for f in passwd group; do "
		"grep -v ^dane-sts: /etc/$f >$d/$f; done && "
		"echo dane-sts:x:64999:64999::/:/bin/false "
		">>$d/passwd && echo dane-sts:x:64999: >>$d/group && "
		"mkdir -m 0700 $d/closed && touch $d/closed/f && "
		"mkdir -m 0755 $d/open && : >$d/open/f && "
		"echo example.org >$d/list && install -m 0600 $d/list $d/secret "
		"&& ln -s /home $d/home && ln -s /var/log $d/logs && "
		"ln -s /var/spool/postfix $d/spool"),
	    0, "%s", output);
}

static void
tear_down(void)
{
	shell("rm -rf $d");
}

TestSuite(preflight, .init = set_up, .fini = tear_down, .timeout = 120);

/* -n with this configuration, in which $d is the directory. systemd: as where
 * it runs, with this drop-in. */
static int
check(const char *lines, const char *drop_in)
{
	char script[COMMAND_MAX];
	const char *systemd = drop_in == NULL
	    ? ""
	    : "u=/run/systemd/system/dane-sts-milter.service; "
	      "mkdir -p $u.d && : >$u && cp $d/drop-in $u.d/a.conf && ";

	snprintf(script, sizeof(script),
	    "cat >$d/conf <<END\nuser = dane-sts\n%s\nEND\n"
	    "cat >$d/drop-in <<END\n[Service]\n%s\nEND\n"
	    "export d p; exec unshare --mount --propagation private sh -c '"
	    "mount --bind $d/passwd /etc/passwd && "
	    "mount --bind $d/group /etc/group && mount -t tmpfs run /run && "
	    "mount -t tmpfs spool /var/spool && mkdir /var/spool/postfix && "
	    "install -d -o 64999 /var/spool/postfix/dane-sts && "
	    "%s exec $p -n -c $d/conf'",
	    lines, drop_in != NULL ? drop_in : "", systemd);
	return shell(script);
}

static void
need_root(void)
{
	if (geteuid() != 0 || shell("unshare --mount true") != 0)
		cr_skip_test("needs root and mount namespaces");
}

#define GOOD "log = syslog\nstore = \"memory:\"\n"

static const struct {
	const char *lines;
	const char *told; /* with the directory after it; NULL: nothing */
	const char *remedy;
} by_user[] = {
    {GOOD,					      NULL,			       NULL		     },
    {GOOD "exempt_file = $d/list",                      NULL,                               NULL                     },
    {GOOD "exempt_file = $d/secret",
     "conf:4: exempt_file: user dane-sts cannot read ",                                     "chgrp dane-sts "        },
    {GOOD "require_file = $d/closed/f",
     "require_file: user dane-sts may not enter ",                                          "chmod o+x "             },
    {"store = \"memory:\"\nlog = \"file:$d/none/log\"",
     "conf:3: log: user dane-sts cannot write to ",					 "install -d -o dane-sts "},
    {"store = \"lmdb:$d/closed\"",                      "store: user dane-sts cannot use ",
     "install -d -o dane-sts -g dane-sts -m 0700 "								   },
    {GOOD "socket = \"unix:$d/none/sock\"",
     "conf:4: socket: user dane-sts cannot write to ",				      "install -d -o dane-sts "},
 /* Bound before root is given up. */
    {GOOD "socket = \"inet:25@127.0.0.1\"",             NULL,                               NULL                     },
    {GOOD "socket = \"unix:$d/open/sock\"",             NULL,                               NULL                     },
};

Test(preflight, what_the_user_may_not_is_told_with_a_remedy)
{
	need_root();
	for (size_t i = 0; i < sizeof(by_user) / sizeof(by_user[0]); i++) {
		int code = check(by_user[i].lines, NULL);

		cr_expect_eq(code, by_user[i].told != NULL ? EX_CONFIG : 0,
		    "%s: %d: %s", by_user[i].lines, code, output);
		cr_expect(strstr(output, "warning") == NULL, "%s", output);
		if (by_user[i].told == NULL)
			continue;
		cr_expect(strstr(output, by_user[i].told) != NULL, "%s: %s",
		    by_user[i].lines, output);
		cr_expect(strstr(output, by_user[i].remedy) != NULL, "%s: %s",
		    by_user[i].lines, output);
	}
}

static const struct {
	const char *lines;
	const char *told;
	const char *drop_in; /* that mends it */
	int status;          /* with the drop-in */
} by_unit[] = {
    {GOOD "exempt_file = $d/list",
     "exempt_file: the systemd unit hides /tmp (PrivateTmp=yes)",		    "PrivateTmp=no",			    0        },
    {"store = \"memory:\"\nlog = \"file:/var/log/x/log\"",
     "log: /var/log/x is read-only to the systemd unit: set LogsDirectory=x",	"LogsDirectory=x",                          0        },
    {"store = \"memory:\"\nlog = \"file:/var/log/log\"",
     "log: /var/log is read-only to the systemd unit: set ReadWritePaths=/var/log ",
     "ReadWritePaths=/var/log",												  EX_CONFIG},
    {GOOD "socket = \"unix:$d/home/none/sock\"",
     "socket: the systemd unit hides /home (ProtectHome=yes)",		       "ProtectHome=no",			   EX_CONFIG},
    {GOOD "metrics = \"127.0.0.1:80\"",
     "metrics: the systemd unit may not bind port 80",			       "AmbientCapabilities=CAP_NET_BIND_SERVICE", 0        },
    {GOOD "socket = \"inet:25@127.0.0.1\"",
     "socket: the systemd unit may not bind port 25",				"AmbientCapabilities=CAP_NET_BIND_SERVICE", 0        },
};

Test(preflight, what_the_unit_forbids_is_told_with_the_drop_in_that_allows_it)
{
	need_root();
	for (size_t i = 0; i < sizeof(by_unit) / sizeof(by_unit[0]); i++) {
		(void)check(by_unit[i].lines, "");
		cr_expect(strstr(output, by_unit[i].told) != NULL, "%s: %s",
		    by_unit[i].lines, output);
		cr_expect_eq(check(by_unit[i].lines, by_unit[i].drop_in),
		    by_unit[i].status, "%s: %s", by_unit[i].lines, output);
		cr_expect(strstr(output, by_unit[i].told) == NULL, "%s: %s",
		    by_unit[i].lines, output);
	}
}

/* The unit starts it as its user, so that root binds nothing before; and
 * it makes its own directories. */
Test(preflight, under_systemd_root_opens_nothing)
{
	need_root();
	cr_expect_eq(check(GOOD "socket = \"unix:$d/open/sock\"", ""),
	    EX_CONFIG, "%s", output);
	cr_expect(strstr(output, "socket: user dane-sts cannot write to ") !=
		NULL,
	    "%s", output);
	check("store = \"memory:\"\nlog = syslog\n"
	      "socket = \"unix:" RUNSTATEDIR "/dane-sts-milter/milter.sock\"",
	    "PrivateTmp=no");
	cr_expect(strstr(output, "socket:") == NULL, "%s", output);
}

/* Also where the last directories and the file are made later. */
Test(preflight, links_to_the_directories_of_the_unit_are_followed)
{
	need_root();
	cr_expect_eq(check(GOOD "socket = \"unix:$d/spool/dane-sts/sock\"",
			 "PrivateTmp=no"),
	    0, "%s", output);
	cr_expect(strstr(output, "warning") == NULL, "%s", output);
	cr_expect_eq(check("store = \"memory:\"\n"
			   "log = \"file:$d/logs/none/log\"",
			 "PrivateTmp=no\nLogsDirectory=none"),
	    0, "%s", output);
	cr_expect(strstr(output, "warning") == NULL, "%s", output);
}
