/*
 * dane-sts(1): the commands, and what they share. A command gets its own part
 * of the command line, argv[0] being its name, and returns the exit status.
 *
 * Single-threaded. stdout carries the result and nothing else (with --json
 * one object a line); faults of the command line, the configuration or a file
 * are reported on stderr.
 */
#ifndef TOOL_TOOL_H
#define TOOL_TOOL_H

#include <getopt.h>
#include <stdbool.h>

struct config;
struct facts;
struct verdict;

/* X(name, operands, summary, help) */
/* clang-format off */
#define TOOL_COMMAND_TABLE(X)                                                  \
	X(check, "[--deadline TIME] [-f FILE] [DOMAIN|ADDRESS]...",            \
	    "look now, and show the evidence",                                 \
	    "  --deadline TIME   wait no longer than this, such as 10s\n"      \
	    "  -f, --file FILE   read more names from FILE, one a line\n"      \
	    "Exit status: 0 all pass, 1 some would be deferred, 3 could not\n" \
	    "be determined.\n")                                                \
	X(doctor, "[--nagios] [--postfix DIR] [--sendmail-cf FILE]",           \
	    "examine this host, the daemon and the MTA",                       \
	    "  --nagios          print one line; exit with 0 OK, 1 WARNING,\n" \
	    "                    2 CRITICAL or 3 UNKNOWN\n"                    \
	    "  --postfix DIR     the directory of main.cf\n"                   \
	    "  --sendmail-cf FILE\n"                                           \
	    "                    instead of /etc/mail/sendmail.cf\n"           \
	    "Exit status: 0 all is well, 1 errors, 2 warnings.\n")             \
	X(explain, "QUEUEID|DOMAIN|ADDRESS [FILE|-]",                          \
	    "tell in sentences what the log says",                             \
	    "  --log FILE        read this log, not the one of the\n"          \
	    "                    configuration; - is stdin\n"                  \
	    "Exit status: 0 all were let through, 1 some were deferred,\n"     \
	    "rejected or held, 3 the log has no line of it, 66 it cannot be\n" \
	    "read.\n")                                                         \
	X(lint, "[--host HOST]... FILE|- | --txt RECORD... |"                  \
	    " --domain DOMAIN [--smtp] [--nagios]",                            \
	    "check what a domain publishes",                                   \
	    "  FILE              a policy body; - reads stdin\n"               \
	    "  --host HOST       does an mx pattern of it cover HOST?\n"       \
	    "  --txt RECORD...   the TXT records at _mta-sts, one an\n"        \
	    "                    argument, as dig +short prints them\n"        \
	    "  --domain DOMAIN   what DOMAIN publishes now, and whether its\n" \
	    "                    \"dnssec: yes\" would hold\n"                 \
	    "  --smtp            look at STARTTLS of each MX host, too\n"      \
	    "  --nagios          print one line; exit with 0 OK, 1 WARNING,\n" \
	    "                    2 CRITICAL or 3 UNKNOWN\n"                    \
	    "Exit status: 0 valid, 1 invalid, 2 valid with warnings.\n")       \
	X(publish, "[OPTION]... DOMAIN",                                       \
	    "write what a domain has to publish",                              \
	    "  --mode MODE       testing (the default), enforce or none\n"     \
	    "  --dnssec          with \"dnssec: yes\"; the last step\n"        \
	    "  --max-age TIME    such as 28d\n"                                \
	    "  --mx HOST         an MX host, instead of those in the DNS\n"    \
	    "  --cert [HOST=]FILE\n"                                           \
	    "                    TLSA records of this certificate (PEM)\n"     \
	    "  --from-server     TLSA records of what the MX hosts present\n"  \
	    "  --dir DIR         write files, not to stdout\n")                \
	X(parse, "[--] ADDRESS...",                                            \
	    "show what the filter makes of a recipient", "")                   \
	X(replay, "FILE|-",                                                    \
	    "judge recorded facts again",                                      \
	    "  --hosts WORD, --tlsa WORD, --mx-patterns WORD, --action WORD,\n" \
	    "  --on-discovery-failure WORD, --on-bogus-discovery WORD,\n"      \
	    "  --on-resolver-failure WORD\n"                                   \
	    "                    instead of what the configuration says\n"     \
	    "Exit status: 0 all could be judged, 1 some could not be read.\n") \
	X(tls, "[--map NAME] [--deadline TIME] [-f FILE] [NEXTHOP]...",        \
	    "show the answer of policy_socket alone",                          \
	    "  --map NAME        postfix (the default), postfix-tlsrpt or\n"   \
	    "                    sts\n"                                        \
	    "  --deadline TIME   wait no longer than this, such as 10s\n"      \
	    "  -f, --file FILE   read more next hops from FILE, one a line\n"  \
	    "Exit status: 0 all have an answer, 1 some are not found, 3 some\n" \
	    "are deferred.\n")                                                 \
	X(status, "",                                                          \
	    "show the daemon's status",                                        \
	    "Exit status: 0 all is well, 1 the resolver path does not\n"       \
	    "validate or the store does not work, 69 no daemon answers.\n")    \
	X(reload, "",                                                          \
	    "have the daemon load its configuration again",                    \
	    "Exit status: 0 taken, 1 rejected, 69 no daemon answers.\n")       \
	X(cache, "list | show DOMAIN | export | import [FILE|-] |"             \
	    " purge DOMAIN... | warm FILE|-",                                  \
	    "the stored policies",                                             \
	    "  list              one policy a line\n"                          \
	    "  show DOMAIN       one policy, with its body\n"                  \
	    "  export            all of them, one JSON object a line\n"        \
	    "  import FILE|-     take what was exported; of two policies of\n" \
	    "                    one domain the one fetched later stays\n"     \
	    "  purge DOMAIN...   forget, as though never fetched\n"            \
	    "  warm FILE|-       look the domains in FILE up, one a line\n"    \
	    "  --store SPEC      work on this store, not through the daemon\n" \
	    "Exit status: 0 done, 1 some were rejected or not found, 69 no\n"  \
	    "daemon answers.\n")
/* clang-format on */

enum tool_exit {
	TOOL_OK = 0,
	TOOL_NO = 1,      /* check: deferred; lint, replay: invalid */
	TOOL_WARNED = 2,  /* lint: valid, with warnings */
	TOOL_UNKNOWN = 3, /* check: could not be determined */
	TOOL_USAGE = 64,
	TOOL_NO_INPUT = 66,    /* a file that cannot be read */
	TOOL_UNAVAILABLE = 69, /* the daemon or a store does not answer */
	TOOL_INTERNAL = 70,
	TOOL_NO_OUTPUT = 74, /* stdout cannot be written */
	TOOL_CONFIG = 78
};

struct tool_options {
	const char *config_path; /* -c; NULL: the default, if it is there */
	bool json;               /* --json */
	int status;              /* for TOOL_OPTION_STOP */
};

#define X(name, operands, summary, help) \
	int tool_##name(struct tool_options *options, int argc, char **argv);
TOOL_COMMAND_TABLE(X)
#undef X

/* For the test of the shell completion. */
extern const struct option check_options[];
extern const struct option replay_options[];
extern const struct option tls_options[];

enum {
	TOOL_OPTION_END = -1,
	TOOL_OPTION_STOP = -2
};

/*
 * The next option of a command: a `val` of `own` (rows that end in one of
 * zeros, or NULL; a val below 256 is a short option, too; others are below
 * 512), TOOL_OPTION_END with optind at the first operand, or TOOL_OPTION_STOP:
 * return options->status. The options that every command has (-c, --json, -h,
 * -V) are handled inside.
 */
int tool_getopt(struct tool_options *options, int argc, char **argv,
    const struct option *own);

/* Takes the options before the command, and runs that. The exit status. */
int tool_run(int argc, char **argv);

/*
 * Reports the mistake, and how to use `command` (NULL: the program). Returns
 * TOOL_USAGE.
 */
int tool_usage(const char *command, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* "dane-sts: ..." on stderr, on one line whatever octets it holds. */
void tool_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Reports that there is no memory. Returns TOOL_INTERNAL. */
int tool_no_memory(void);

/*
 * Why a store could not be opened. Where this user may not read it, the advice
 * is to be root: the directory has to stay the daemon's. True: that was it.
 */
bool tool_warn_store(const char *spec, const char *error);

/* A warning for each line of text. */
void tool_warn_lines(const char *text);

/*
 * The exit status for a verdict: TOOL_OK, TOOL_NO or, where the fault is on
 * this side or time ran out, TOOL_UNKNOWN.
 */
int
tool_verdict_status(const struct facts *facts, const struct verdict *verdict);

/*
 * For plugins of Nagios and its kin: converts an exit status of lint and doctor
 * to 0 OK, 1 WARNING, 2 CRITICAL or 3 UNKNOWN.
 */
int tool_nagios_status(int status);
const char *tool_nagios_word(int status);

/*
 * The configuration that -c names; without -c that of the default path, or
 * the defaults if there is no such file. NULL: the reason is on stderr; return
 * TOOL_CONFIG. Free with config_free.
 */
struct config *tool_config(const struct tool_options *options);

#endif
