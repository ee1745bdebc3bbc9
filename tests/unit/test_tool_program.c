/*
 * dane-sts(1) as it is run: the command line, parse, and check as far as no
 * network is needed.
 */
#include "autoconf.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "paths.h"
#include "tool_run.h"

#define ROOT_ANCHOR SRCDIR "/tests/scenario/dns_unguarded.ds"

/* --- parse ---------------------------------------------------------------- */

Test(tool_program, parse_text)
{
	static const struct run_row rows[] = {
	    {{"parse", "<u@EXAMPLE.org>"},                       NULL, 0,
             "domain example.org <u@EXAMPLE.org>\n"                    },
	    {{"parse", "postmaster", "u@[192.0.2.1]", "u@a..b"}, NULL, 0,
             "local - postmaster\nliteral - u@[192.0.2.1]\n"
		"invalid - u@a..b\n"                                   },
	    {{"parse", "--", "-u@example.org"},                  NULL, 0,
             "domain example.org -u@example.org\n"                     },
	    {{"parse", "\"\n\"@example.org"},                    NULL, 0,
             "domain example.org \"\\x0a\"@example.org\n"              },
	    {{"parse", "u@m\xc3\xbcnchen.example"},              NULL, 0,
             "domain xn--mnchen-3ya.example u@m\xc3\xbcnchen.example\n"},
	};

	EXPECT_ROWS(rows);
}

Test(tool_program, parse_json)
{
	static const struct run_row rows[] = {
	    {{"parse", "--json", "<u@EXAMPLE.org>"},              NULL, 0,
             "{\"arg\":\"<u@EXAMPLE.org>\",\"class\":\"domain\","
		"\"domain\":\"example.org\"}\n"                              },
	    {{"--json", "parse", "postmaster", "u@[x]"},          NULL, 0,
             "{\"arg\":\"postmaster\",\"class\":\"local\",\"domain\":\"\"}\n"
		"{\"arg\":\"u@[x]\",\"class\":\"literal\",\"domain\":\"\"}\n"},
	    {{"parse", "u@\xff.example", "--json"},               NULL, 0,
             "{\"arg\":\"u@\\uFFFD.example\",\"class\":\"invalid\","
		"\"domain\":\"\"}\n"					 },
	    {{"parse", "--json", "\xe2\x80\xa8\"\\@example.org"}, NULL, 0,
             "{\"arg\":\"\\u2028\\\"\\\\@example.org\",\"class\":\"local\","
		"\"domain\":\"\"}\n"					 },
	};

	EXPECT_ROWS(rows);
}

/* --- the command line ----------------------------------------------------- */

Test(tool_program, usage_is_64_and_leaves_stdout_alone)
{
	static const struct run_row rows[] = {
	    {{NULL},					   NULL, 64, ""},
	    {{"--json"},				       NULL, 64, ""},
	    {{"nonsense"},				     NULL, 64, ""},
	    {{"--nonsense"},				   NULL, 64, ""},
	    {{"-x"},					   NULL, 64, ""},
	    {{"-c"},					   NULL, 64, ""},
	    {{"--json=1", "parse", "u@x"},                     NULL, 64, ""},
	    {{"parse"},					NULL, 64, ""},
	    {{"parse", "--"},				  NULL, 64, ""},
	    {{"parse", "-u@example.org"},                      NULL, 64, ""},
	    {{"parse", "--host", "x", "u@x"},                  NULL, 64, ""},
	    {{"lint"},					 NULL, 64, ""},
	    {{"lint", "a", "b"},                               NULL, 64, ""},
	    {{"lint", "--host", "x"},                          NULL, 64, ""},
	    {{"lint", "--host"},                               NULL, 64, ""},
	    {{"lint", "--txt", "a", "--host", "b"},            NULL, 64, ""},
	    {{"lint", "--txt", "a", "--domain", "b"},          NULL, 64, ""},
	    {{"lint", "--domain", "b", "c"},                   NULL, 64, ""},
	    {{"lint", "--domain", "a..b"},                     NULL, 64, ""},
	    {{"lint", "--smtp", "-"},                          NULL, 64, ""},
	    {{"check"},					NULL, 64, ""},
	    {{"check", "--deadline", "x", "example.org"},      NULL, 64, ""},
	    {{"check", "--deadline", "0s", "example.org"},     NULL, 64, ""},
	    {{"check", "-c", "/nonexistent", "u@[192.0.2.1]"}, NULL, 78, ""},
	    {{"check", "-f", "/nonexistent"},                  NULL, 66, ""},
	    {{"tls"},					  NULL, 64, ""},
	    {{"tls", "--map", "QUERYX", "example.org"},        NULL, 64, ""},
	    {{"tls", "--deadline", "0s", "example.org"},       NULL, 64, ""},
	    {{"tls", "-c", "/nonexistent", "example.org"},     NULL, 78, ""},
 /* no network is needed for these */
	    {{"tls", ".example.org"},                          NULL, 1,  ""},
	    {{"tls", "[192.0.2.1]:25"},                        NULL, 1,  ""},
	    {{"tls", "--json", ".example.org"},                NULL, 1,
             "{\"nexthop\":\".example.org\",\"map\":\"postfix\","
		"\"level\":\"none\",\"status\":\"NOTFOUND\",\"answer\":\"\","
		"\"reason\":\"\",\"mode\":\"enforce\"}\n"                  },
	    {{"tls", "--json", "--map", "sts", "a, b"},        NULL, 3,
             "{\"nexthop\":\"a, b\",\"map\":\"sts\",\"level\":\"defer\","
		"\"status\":\"TEMP\",\"answer\":\"this next hop cannot be "
		"read\",\"reason\":\"\",\"mode\":\"enforce\"}\n"           },
	};

	EXPECT_ROWS(rows);
}

Test(tool_program, unknown_command_names_the_known)
{
	static const char *const args[] = {"stats", "list", NULL};
	struct outcome got;

	tool_run(args, "", 0, &got);
	cr_expect_neq(
	    strstr(got.err.at,
		"known are: check doctor explain lint publish parse replay "
		"tls status reload cache\n"),
	    NULL, "%s", got.err.at);
	outcome_free(&got);
}

Test(tool_program, help_and_version)
{
	static const struct run_row rows[] = {
	    {{"-V"},                 NULL, 0, "dane-sts " PACKAGE_VERSION "\n"},
	    {{"parse", "--version"}, NULL, 0, "dane-sts " PACKAGE_VERSION "\n"},
	};
	static const char *const commands[] = {"check", "lint", "parse",
	    "replay", "tls", "status", "reload", "cache"};
	struct outcome got;
	size_t i;

	EXPECT_ROWS(rows);
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const char *const args[] = {commands[i], "--help", NULL};

		tool_run(args, "", 0, &got);
		cr_expect_eq(got.status, 0);
		cr_expect_eq(strncmp(got.out.at, "usage: dane-sts ", 16), 0);
		cr_expect_neq(strstr(got.out.at, commands[i]), NULL);
		cr_expect_eq(got.err.len, 0);
		outcome_free(&got);
	}
}

Test(tool_program, full_disk_is_not_success)
{
	static const char *const args[] = {"parse", "u@example.org", NULL};
	FILE *full = fopen("/dev/full", "w");

	cr_assert(full != NULL);
	cr_expect_eq(tool_run_to(full, args), 74);
	fclose(full);
}

/* `cache list | head` is no failure, and nothing is said about it. */
Test(tool_program, closed_pipe_ends_quietly)
{
	static const char script[] =
	    "d=$(mktemp -d) && cd $d || exit 1\n"
	    "for n in $(seq 2000); do echo \"{\\\"domain\\\":\\\"d$n.example.org"
	    "\\\",\\\"id\\\":\\\"1\\\",\\\"fetched\\\":$(date +%s),\\\"body\\\":\\\""
	    "dmVyc2lvbjogU1RTdjEKbW9kZTogbm9uZQptYXhfYWdlOiA4NjQwMAo=\\\"}\"; "
	    "done | '" TOOL_PROGRAM "' cache import --store lmdb:$d/s >out\n"
	    "{ '" TOOL_PROGRAM "' cache list --store lmdb:$d/s; echo $? "
	    ">status; } 2>err | head -1 >out\n"
	    "test \"$(cat status)\" = 0 && test ! -s err && grep -q example.org "
	    "out\n"
	    "status=$?; cd /; rm -r $d; exit $status\n";

	cr_expect_eq(system(script), 0);
}

/* The store's directory has to stay the daemon's. */
Test(tool_program, a_user_who_may_not_read_the_store_is_told_to_be_root)
{
	static const char script[] =
	    "test $(id -u) = 0 && setpriv --reuid 65534 --clear-groups test -x "
	    "'" TOOL_PROGRAM "' || exit 0\n"
	    "d=$(mktemp -d) && cd $d && chmod 755 $d || exit 1\n"
	    "'" TOOL_PROGRAM
	    "' cache import --store lmdb:$d/s </dev/null >out\n"
	    "chmod 700 s\n"
	    "setpriv --reuid 65534 --clear-groups '" TOOL_PROGRAM
	    "' cache list "
	    "--store lmdb:$d/s 2>err; test $? = 69 && grep -q 'permission "
	    "denied: run it as root' err && ! grep -q give err\n"
	    "status=$?; cat err; cd /; rm -r $d; exit $status\n";

	cr_expect_eq(system(script), 0);
}

/* As with `| head`: what nobody reads is not looked up. */
Test(tool_program, check_ends_when_nobody_reads)
{
	static const char script[] =
	    "'" TOOL_PROGRAM "' check 'u@[192.0.2.1]' a..b 2>&1 >/dev/full | "
	    "grep -q 'a..b: not a domain'";

	cr_expect_neq(system(script), 0);
}

Test(tool_program, a_store_that_is_not_there_is_not_an_empty_one)
{
	static const char *const commands[] = {"list", "export"};

	for (size_t i = 0; i < 2; i++) {
		const char *const args[] = {"cache", "--store",
		    "lmdb:/nonexistent/store", commands[i], NULL};
		struct outcome got;

		tool_run(args, "", 0, &got);
		cr_expect_eq(got.status, 69);
		cr_expect_not_null(
		    strstr(got.err.at, "/nonexistent/store does not exist"));
		outcome_free(&got);
	}
}

/* Nothing that is said may end in a file that got the number of a stream. */
Test(tool_program, closed_streams_leave_the_store_alone)
{
	static const char script[] =
	    "d=$(mktemp -d) && cd $d && echo garbage >lines &&\n"
	    "'" TOOL_PROGRAM "' cache import --store lmdb:$d/store lines "
	    "<&- >&- 2>&-\n"
	    "'" TOOL_PROGRAM "' cache list --store lmdb:$d/store\n"
	    "status=$?; rm -r $d; exit $status\n";

	cr_expect_eq(system(script), 0);
}

/* C-17: nor a Redis server's policies are out of reach without the daemon. */
Test(tool_program, C_17_export_works_without_the_daemon)
{
	static const char script[] =
	    "which redis-server >/dev/null || exit 0\n"
	    "d=$(mktemp -d) && cd $d || exit 1\n"
	    "redis-server --port 0 --unixsocket $d/redis --save '' "
	    "--dir $d >/dev/null & pid=$!\n"
	    "while ! redis-cli -s $d/redis ping >/dev/null 2>&1; do :; done\n"
	    "echo '{\"domain\":\"example.org\",\"id\":\"1\",\"fetched\":'$(date +%s)',"
	    "\"body\":\"dmVyc2lvbjogU1RTdjEKbW9kZTogbm9uZQptYXhfYWdlOiA4NjQwMAo="
	    "\"}' >line\n"
	    "for store in lmdb:$d/store redis+unix:$d/redis; do\n"
	    "  printf 'store = \"%s\"\ncontrol_socket = \"%s\"\n' $store "
	    "$d/none >conf\n"
	    "  '" TOOL_PROGRAM "' cache import --store $store line >/dev/null\n"
	    "  '" TOOL_PROGRAM "' -c conf cache export >got || break\n"
	    "  grep -q '\"domain\":\"example.org\"' got || break\n"
	    "  store=done\n"
	    "done\n"
	    "kill $pid; wait $pid; cd /; rm -r $d; test $store = done\n";

	cr_expect_eq(system(script), 0);
}

/* D-20: whether a domain has a policy there is not known. */
Test(tool_program, D_20_check_says_that_the_store_is_down)
{
	static const char script[] =
	    "d=$(mktemp -d) && cd $d || exit 1\n"
	    "printf 'store = \"redis+unix:%s/none\"\n"
	    "resolvers = {\"127.0.0.1@9\"}\ndns_timeout = \"500ms\"\n"
	    "control_socket = \"\"\n' $d >conf\n"
	    "'" TOOL_PROGRAM "' -c conf check --json --deadline 2s "
	    "example.org >got 2>err\n"
	    "grep -q '\"internal_error\":true' got &&\n"
	    "grep -q 'policy store, read: the server cannot be reached' got &&\n"
	    "grep -q 'state=down' err && ! grep -q 'going on without' err\n"
	    "status=$?; cat got err; cd /; rm -r $d; exit $status\n";

	cr_expect_eq(system(script), 0);
}

/* --- check, as far as no network is needed -------------------------------- */

struct class_row {
	const char *name;
	const char *class;
	const char *reason;
};

Test(tool_program, check_judges_addresses_by_class)
{
	static const struct class_row rows[] = {
	    {"u@[192.0.2.1]", "literal", "literal"        },
	    {"u@a..b",        "invalid", "invalid-address"},
	    {"<u@>",          "invalid", "invalid-address"},
	};
	struct outcome got;
	json_t *object, *recipient;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const args[] = {"check", "--json", "--",
		    rows[i].name, NULL};

		tool_run(args, "", 0, &got);
		object = one_object(&got, i);
		recipient = json_object_get(json_object_get(object, "facts"),
		    "recipient");
		cr_expect_eq(got.status, 0, "row %zu: %d", i, got.status);
		cr_expect_str_eq(json_string_value(
				     json_object_get(recipient, "class")),
		    rows[i].class);
		cr_expect_str_eq(json_string_value(
				     json_object_get(object, "verdict")),
		    "pass");
		cr_expect_str_eq(json_string_value(
				     json_object_get(object, "reason")),
		    rows[i].reason);
		json_decref(object);
		outcome_free(&got);
	}
}

Test(tool_program, check_names_what_is_no_domain)
{
	static const char *const args[] = {"check", "--json", "-f", "-",
	    "a..b\xff", NULL};
	static const char names[] = "# a comment\n\n  u@[192.0.2.1] \r\na\0b\n";
	static const char *const expected[] = {"a..b\\uFFFD", "",
	    "a\x7f"
	    "b"};
	struct outcome got;
	char line[256];
	char *rest;
	size_t i;

	tool_run(args, names, sizeof(names) - 1, &got);
	cr_expect_eq(got.status, 3, "%d", got.status);
	rest = got.out.at;
	for (i = 0; i < 3; i++) {
		size_t len = strcspn(rest, "\n");

		snprintf(line, sizeof(line),
		    "{\"arg\":\"%s\",\"error\":\"not a domain name\"}",
		    expected[i]);
		if (expected[i][0] != '\0')
			cr_expect(strlen(line) == len &&
				strncmp(rest, line, len) == 0,
			    "line %zu: %s", i, rest);
		rest += len + 1;
	}
	cr_expect_eq(rest, got.out.at + got.out.len);
	cr_expect_neq(strstr(got.err.at, "not a domain name"), NULL);
	outcome_free(&got);
}

/* --- a resolver that is dead --------------------------------------------- */

/* Nothing listens on the discard port of the loopback address. The domain is
 * not to blame, and what was asked first must not be told before the probe of
 * the root has given up. */
Test(tool_program, check_blames_a_dead_resolver_and_not_the_domain)
{
	char path[] = "/tmp/dane-sts-test.XXXXXX";
	const char *const args[] = {"-c", path, "check", "example.org", NULL};
	int fd = mkstemp(path);
	struct outcome got;

	cr_assert_geq(fd, 0);
	cr_assert_gt(dprintf(fd,
			 "resolvers = {\"127.0.0.1@9\"}\n"
			 "dns_timeout = \"500ms\"\n"
			 "store = \"memory:\"\n"
			 "trust_anchor = \"%s\"\n",
			 ROOT_ANCHOR),
	    0);
	cr_assert_eq(close(fd), 0);
	tool_run(args, "", 0, &got);
	cr_expect_eq(got.status, 3);
	cr_expect_not_null(strstr(got.out.at, "Look at your own resolver"),
	    "%s", got.out.at);
	cr_expect_not_null(strstr(got.err.at, "state=broken"), "%s",
	    got.err.at);
	outcome_free(&got);
	cr_assert_eq(unlink(path), 0);
}

/* --- doctor --------------------------------------------------------------- */

/* A host with the configuration of a file, and a postconf that prints main.cf,
 * master.cf and the latter's parameters of the test: "$main", "$master" and
 * "$own". It prints what doctor says of Postfix. The resolver is dead, so that
 * nothing leaves the host. */
#define DOCTOR_HOST                                                              \
	"d=$(mktemp -d) && cd $d || exit 1\n"                                    \
	"main='mail_version = 3.10.1\nqueue_directory = /spool\n"                \
	"milter_default_action = tempfail\nsmtp_tls_CApath = /certs\n"           \
	"smtp_dns_support_level = dnssec\n"                                      \
	"smtpd_milters = inet:127.0.0.1:8894\n"                                  \
	"smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix'\n"        \
	"master='smtp inet n - n - - smtpd\nsmtp unix - - n - - smtp'\n"         \
	"conf='policy_socket = \"inet:8461@127.0.0.1\"'\n"                       \
	"doctor() {\n"                                                           \
	"  printf '#!/bin/sh\\ncase \"$*\" in *-M*) cat %s/master;; *-P*) "      \
	"cat %s/own;; *) cat %s/main;; esac\\n' $d $d $d >postconf\n"            \
	"  chmod +x postconf\n"                                                  \
	"  echo \"$main\" >main; echo \"$master\" >master; echo \"$own\" >own\n" \
	"  { echo 'resolvers = {\"127.0.0.1@9\"}'; echo 'dns_timeout = "         \
	"\"500ms\"'; echo \"control_socket = \\\"$d/none\\\"\"; echo "           \
	"\"store = \\\"lmdb:$d/none\\\"\"; echo \"$conf\"; } >conf\n"            \
	"  PATH=$d:$PATH '" TOOL_PROGRAM "' -c conf doctor --sendmail-cf "       \
	"$d/sendmail.cf \"$@\" >out 2>err; status=$?\n"                          \
	"  tr -s ' \\n' ' ' <out >all\n"                                         \
	"}\n"                                                                    \
	"end() { cd /; rm -r $d; exit $1; }\n"                                   \
	"expect() { grep -qF -- \"$1\" all || { echo \"no $1 in:\"; cat out "    \
	"err; end 1; }; }\n"                                                     \
	"never() { if grep -qF -- \"$1\" all; then cat out; end 1; fi; }\n"

Test(tool_doctor, the_lines_of_Postfix)
{
	static const char script[] = DOCTOR_HOST
	    "doctor; test $status = 1 && test ! -s err || end 1\n"
	    "expect 'ok postfix smtpd_milters names the filter'\n"
	    "expect 'ok postfix smtp_tls_policy_maps asks policy_socket first'\n"
	    "expect 'error resolver 127.0.0.1@9: the root does not validate'\n"
	    "expect \"warning store $d/none does not exist\"\n"
	    "expect \"error daemon no daemon answers at $d/none: \"\n"
	    "never 'error postfix'; never 'warning postfix t'\n"
	    "test \"$(awk 'length > 79' out)\" = '' || end 1\n"
	    "good=$main\n"
	    "main=$(echo \"$good\" | sed 's/8894/11332/; s/tempfail/accept/')\n"
	    "doctor; expect 'error postfix smtpd_milters does not name the "
	    "filter (socket = inet:8894@127.0.0.1)'\n"
	    "expect 'do: main.cf: smtpd_milters = inet:127.0.0.1:8894, beside'\n"
	    "main=$(echo \"$good\" | sed 's/tempfail/accept/; "
	    "s/= dnssec/= enabled/; /CApath/d; s/maps =/maps = hash:x,/')\n"
	    "main=\"$main\ntls_required_enable = yes\n"
	    "smtp_fallback_relay = [relay.example.org]\n"
	    "smtpd_milter_maps = cidr:/etc/postfix/clients\"\n"
	    "doctor\n"
	    "expect 'warning postfix milter_default_action is accept'\n"
	    "expect 'warning postfix another table of smtp_tls_policy_maps'\n"
	    "expect 'error postfix smtp_dns_support_level is \"enabled\"'\n"
	    "expect 'error postfix neither smtp_tls_CAfile nor'\n"
	    "expect 'warning postfix tls_required_enable is yes'\n"
	    "expect 'warning postfix smtp_fallback_relay is [relay.example.org]'\n"
	    "expect 'warning postfix smtpd_milter_maps is cidr:'\n"
	    "end 0\n";

	cr_expect_eq(system(script), 0);
}

/* A transport of master.cf may deliver past the map. */
Test(tool_doctor, services_of_Postfix_that_deliver)
{
	static const char script[] = DOCTOR_HOST
	    "own='relay/unix/smtp_fallback_relay =\n"
	    "relay/unix/smtp_tls_policy_maps = "
	    "socketmap:inet:127.0.0.1:8461:postfix, hash:x\n"
	    "relay/unix/smtp_dns_support_level = dnssec'\n"
	    "doctor; never '(master.cf)'\n"
	    "own=\"$own\nslow/unix/smtp_tls_policy_maps =\n"
	    "bulk/unix/smtp_tls_policy_maps = hash:x "
	    "socketmap:inet:127.0.0.1:8461:postfix\n"
	    "slow/unix/smtp_dns_support_level = enabled\n"
	    "bulk/unix/smtp_fallback_relay = [relay.example.org]\"\n"
	    "doctor\n"
	    "expect 'warning postfix smtp_tls_policy_maps of slow, bulk "
	    "(master.cf) does not ask policy_socket first'\n"
	    "expect 'error postfix smtp_dns_support_level of slow "
	    "(master.cf) is not dnssec: '\n"
	    "expect 'warning postfix smtp_fallback_relay of bulk "
	    "(master.cf) is set: '\n"
	    "end 0\n";

	cr_expect_eq(system(script), 0);
}

Test(tool_doctor, services_and_chroot_of_Postfix)
{
	static const char script[] = DOCTOR_HOST
	    "good=$main\n"
	    "main=$(echo \"$good\" | sed 's/^smtpd_milters.*/smtpd_milters = "
	    "{ inet:127.0.0.1:8894, default_action=accept }/')\n"
	    "doctor; expect 'warning postfix milter_default_action is accept'\n"
	    "main=$(echo \"$good\" | sed '/^smtpd_milters/d')\n"
	    "own='submission/inet/smtpd_milters = inet:127.0.0.1:8894'\n"
	    "doctor\n"
	    "expect 'names the filter for submission alone (master.cf)'\n"
	    "own=\"$own\n127.0.0.1:10025/inet/smtpd_milters =\n"
	    "first/inet/non_smtpd_milters = inet:127.0.0.1:8894\"\n"
	    "doctor\n"
	    "expect 'names the filter for submission alone (master.cf)'\n"
	    "never 'error postfix'; never 'warning postfix milter_default'\n"
	    "own=\"$own\nsmtps/inet/smtpd_milters = "
	    "inet:127.0.0.1:1,inet:127.0.0.1:8894\n"
	    "smtps/inet/milter_default_action = accept\"\n"
	    "doctor; expect 'names the filter for submission, smtps alone'\n"
	    "expect 'warning postfix milter_default_action of smtps "
	    "(master.cf) accepts'\n"
	    "expect 'do: master.cf: milter_default_action=tempfail'\n"
	    "main=$good; own='127.0.0.1:10025/inet/smtpd_milters ='\n"
	    "doctor; expect 'ok postfix smtpd_milters names the filter, but "
	    "not for 127.0.0.1:10025 (master.cf)'\n"
	    "own=\n"
	    "conf='socket = \"unix:/run/x/milter.sock\"'\n"
	    "master='smtp inet n - - - - smtpd'\n"
	    "main=$(echo \"$good\" | sed 's/^smtpd_milters.*/smtpd_milters = "
	    "unix:\\/run\\/x\\/milter.sock/')\n"
	    "doctor; expect 'error postfix smtpd runs in a chroot below /spool "
	    "and cannot see /run/x/milter.sock'\n"
	    "expect 'do: socket = \"unix:/spool/dane-sts/milter.sock\"'\n"
	    "main=\"$main\ncompatibility_level = 3.6\"\n"
	    "doctor; never 'runs in a chroot'\n"
	    "master='smtp inet n - y - - smtpd'\n"
	    "doctor; expect 'runs in a chroot'\n"
	    "expect 'warning postfix policy_socket is empty'\n"
	    "conf='socket = \"unix:/spool/x/milter.sock\"'\n"
	    "main=$(echo \"$good\" | sed 's/^smtpd_milters.*/smtpd_milters = "
	    "unix:x\\/milter.sock/')\n"
	    "doctor; expect 'ok postfix smtpd_milters names the filter'\n"
	    "never 'runs in a chroot'\n"
	    "end 0\n";

	cr_expect_eq(system(script), 0);
}

/* What keeps a daemon from starting. */
Test(tool_doctor, sockets_that_cannot_be_made)
{
	char script[4096];
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, len), 0);
	cr_assert_eq(listen(fd, 8), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	snprintf(script, sizeof(script),
	    "%s"
	    "conf='socket = \"unix:/nonexistent/d/milter.sock\"\n"
	    "metrics = \"127.0.0.1:%u\"'\n"
	    "doctor; expect 'error socket socket: the directory "
	    "/nonexistent/d does not exist'\n"
	    "expect 'do: install -d -o dane-sts -m 0755 /nonexistent/d'\n"
	    "expect 'error socket metrics: 127.0.0.1:%u: another program "
	    "listens there'\n"
	    "end 0\n",
	    DOCTOR_HOST, ntohs(address.sin_port), ntohs(address.sin_port));
	cr_expect_eq(system(script), 0);
	close(fd);
}

Test(tool_doctor, sendmail_cf)
{
	static const char script[] = DOCTOR_HOST
	    "printf 'O InputMailFilters=dane-sts\\nXdane-sts, "
	    "S=inet:8894@127.0.0.1, F=T, T=R:10s\\n' >sendmail.cf\n"
	    "doctor; expect 'ok sendmail '\n"
	    "expect 'warning sendmail '$d/sendmail.cf' does not name "
	    "policy_socket'\n"
	    "echo 'Ksts socket -d5 -T<TMPF> inet:8461@127.0.0.1' "
	    ">>sendmail.cf\n"
	    "doctor; never 'does not name policy_socket'\n"
	    "sed -i 's/F=T, //' sendmail.cf\n"
	    "doctor; expect 'warning sendmail the filter dane-sts has no F=T'\n"
	    "echo >sendmail.cf\n"
	    "doctor; expect 'error sendmail '\n"
	    "conf='socket = \"unix:/run/x/milter.sock\"\n"
	    "policy_socket = \"unix:/run/x/policy.sock\"'\n"
	    "printf 'O InputMailFilters=dane-sts\\nXdane-sts, "
	    "S=local:/run/x/milter.sock, F=T\\nKsts socket "
	    "local:/run/x/policy.sock\\n' >sendmail.cf\n"
	    "doctor; expect 'ok sendmail '\n"
	    "never 'sendmail.cf does not name'\n"
	    "end 0\n";

	cr_expect_eq(system(script), 0);
}

Test(tool_doctor, for_programs)
{
	static const char script[] = DOCTOR_HOST
	    "doctor --json; test $status = 1 || end 1\n"
	    "expect '{\"level\":\"error\",\"checks\":[{\"name\":"
	    "\"configuration\",\"level\":\"ok\",\"text\":\"conf\",\"fix\":"
	    "\"\"},'\n"
	    "doctor --nagios; test $status = 2 || end 1\n"
	    "expect 'DANE-STS CRITICAL - resolver: 127.0.0.1@9: the root does "
	    "not validate: '\n"
	    "expect '(and 1 more)'\n"
	    "conf='nonsense = 1'\n"
	    "doctor --nagios; test $status = 2 || end 1\n"
	    "expect 'DANE-STS CRITICAL - configuration: conf:'\n"
	    "doctor operand; test $status = 64 || end 1\n"
	    "end 0\n";

	cr_expect_eq(system(script), 0);
}
