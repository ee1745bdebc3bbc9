/*
 * io/log: what strangers' octets look like on a line, and where lines go.
 * S-02: bounded, whatever the values hold.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "log/log.h"
#include "log/log_impl.h"

#define FILE_MAX 262144

static char directory[] = "/tmp/test_log.XXXXXX";
static char path[sizeof(directory) + 16];
static char text[FILE_MAX];

static void
set_up(void)
{
	cr_assert(mkdtemp(directory) != NULL);
	snprintf(path, sizeof(path), "%s/log", directory);
}

static void
tear_down(void)
{
	unlink(path);
	rmdir(directory);
}

static struct log *
open_log(enum log_format format, enum log_level level)
{
	char target[sizeof(path) + 8];
	char error[LOG_ERROR_SIZE] = "";
	struct log_config config = {.target = target,
	    .format = format,
	    .level = level};
	struct log *log;

	snprintf(target, sizeof(target), "file:%s", path);
	log = log_open(&config, "test", error);
	cr_assert(log != NULL, "%s", error);
	return log;
}

/* The file's octets, NUL-terminated; where they are is static. */
static size_t
read_file(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	cr_assert(fd >= 0);
	n = read(fd, text, sizeof(text) - 1);
	cr_assert(n >= 0);
	close(fd);
	text[n] = '\0';
	return (size_t)n;
}

/* Behind "2026-01-01T00:00:00.000Z info ". */
static const char *
after_time(const char *line)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ ";

	for (size_t i = 0; shape[i] != '\0'; i++) {
		bool digit = line[i] >= '0' && line[i] <= '9';

		cr_assert(shape[i] == 'd' ? digit : line[i] == shape[i],
		    "octet %zu of %s", i, line);
	}
	return line + strlen(shape);
}

TestSuite(log, .init = set_up, .fini = tear_down);

struct value_row {
	const char *value;
	size_t len;
	const char *in_text;
	const char *in_json;
};

#define V(literal) literal, sizeof(literal) - 1

/* clang-format off */
static const struct value_row values[] = {
    {V("plain"), "plain", "\"plain\""},
    {V("<u@example.org>"), "<u@example.org>", "\"<u@example.org>\""},
    {V("%s%n"), "%s%n", "\"%s%n\""},
    {V("-"), "-", "\"-\""},
    {V(""), "\"\"", "\"\""},
    {V("two words"), "\"two words\"", "\"two words\""},
    {V("a=b"), "\"a=b\"", "\"a=b\""},
    {V("say \"hi\""), "\"say \\\"hi\\\"\"", "\"say \\\"hi\\\"\""},
    {V("back\\slash"), "\"back\\\\slash\"", "\"back\\\\slash\""},
    {V("line\r\nrcpt qid=forged"), "\"line\\x0d\\x0arcpt qid=forged\"",
	"\"line\\u000d\\u000arcpt qid=forged\""},
    {V("nul\0octet"), "\"nul\\x00octet\"", "\"nul\\u0000octet\""},
    {V("\t\x1b[31m\x7f"), "\"\\x09\\x1b[31m\\x7f\"",
	"\"\\u0009\\u001b[31m\\u007f\""},
    {V("m\xc3\xbcnchen"), "\"m\\xc3\\xbcnchen\"", "\"m\xc3\xbcnchen\""},
    {V("\xe2\x82\xac \xf0\x9f\x93\xa7"),
	"\"\\xe2\\x82\\xac \\xf0\\x9f\\x93\\xa7\"",
	"\"\xe2\x82\xac \xf0\x9f\x93\xa7\""},
    /* not UTF-8: lone, cut, overlong, surrogate, beyond U+10FFFF */
    {V("\xfcx"), "\"\\xfcx\"", "\"\xef\xbf\xbdx\""},
    {V("\xe2\x82"), "\"\\xe2\\x82\"", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    {V("\xc0\xaf"), "\"\\xc0\\xaf\"", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    {V("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"",
	"\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    {V("\xf4\x90\x80\x80"), "\"\\xf4\\x90\\x80\\x80\"",
	"\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
};
/* clang-format on */

#define N_VALUES (sizeof(values) / sizeof(values[0]))

static void
check_value(const struct value_row *row, enum log_format format)
{
	struct log *log = open_log(format, LOG_LEVEL_INFO);
	struct log_event e;
	char want[512];

	log_begin(&e, log, LOG_LEVEL_INFO, "event");
	log_octets(&e, "key", row->value, row->len);
	log_end(&e);
	log_close(&log);
	read_file(path);
	if (format == LOG_FORMAT_JSON) {
		snprintf(want, sizeof(want),
		    "\",\"level\":\"info\",\"event\":\"event\",\"key\":%s}\n",
		    row->in_json);
		cr_assert_str_eq(strstr(text, "\",\"level\""), want);
	} else {
		snprintf(want, sizeof(want), "info event key=%s\n",
		    row->in_text);
		cr_assert_str_eq(after_time(text), want);
	}
	unlink(path);
}

Test(log, values_are_escaped_as_text_S02)
{
	for (size_t i = 0; i < N_VALUES; i++)
		check_value(&values[i], LOG_FORMAT_TEXT);
}

Test(log, values_are_escaped_as_json_S02)
{
	for (size_t i = 0; i < N_VALUES; i++)
		check_value(&values[i], LOG_FORMAT_JSON);
}

Test(log, fields_keep_their_order_and_types)
{
	static const struct {
		enum log_format format;
		const char *want;
	} rows[] = {
	    {LOG_FORMAT_TEXT,
             "warning refresh domain=example.org left_s=-3 "
		"least=-9223372036854775808 hosts=0/12 mx=secure ok=no bad=yes\n"  },
	    {LOG_FORMAT_JSON,
             "\"warning\",\"event\":\"refresh\",\"domain\":\"example.org\","
		"\"left_s\":-3,\"least\":-9223372036854775808,"
		"\"hosts\":\"0/12\",\"mx\":\"secure\",\"ok\":false,\"bad\":true}\n"},
	};

	for (size_t i = 0; i < 2; i++) {
		struct log *log = open_log(rows[i].format, LOG_LEVEL_INFO);
		struct log_event e;

		log_begin(&e, log, LOG_LEVEL_WARNING, "refresh");
		log_str(&e, "domain", "example.org");
		log_int(&e, "left_s", -3);
		log_int(&e, "least", INT64_MIN);
		log_share(&e, "hosts", 0, 12);
		log_word(&e, "mx", "secure");
		log_bool(&e, "ok", false);
		log_bool(&e, "bad", true);
		log_end(&e);
		log_close(&log);
		read_file(path);
		cr_assert(strstr(text, rows[i].want) != NULL, "%s", text);
		unlink(path);
	}
}

Test(log, json_begins_with_the_time)
{
	struct log *log = open_log(LOG_FORMAT_JSON, LOG_LEVEL_INFO);

	log_msg(log, LOG_LEVEL_INFO, "event", "%d%%", 7);
	log_close(&log);
	read_file(path);
	cr_assert_eq(strncmp(text, "{\"time\":\"20", 11), 0);
	cr_assert(strstr(text,
		      "Z\",\"level\":\"info\",\"event\":\"event\","
		      "\"msg\":\"7%\"}\n") != NULL,
	    "%s", text);
}

/* One value that is too long does not push the others off the line. */
Test(log, a_long_value_is_cut_and_the_next_key_stays_S02)
{
	static char value[100000];

	memset(value, '"', sizeof(value));
	for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON;
	     format++) {
		struct log *log =
		    open_log((enum log_format)format, LOG_LEVEL_INFO);
		struct log_event e;

		log_begin(&e, log, LOG_LEVEL_INFO, "rcpt");
		log_octets(&e, "to", value, sizeof(value));
		log_str(&e, "client", "192.0.2.1");
		log_end(&e);
		log_close(&log);
		cr_assert_leq(read_file(path), (size_t)LOG_LINE_MAX);
		cr_assert(strstr(text, "\\\"...\"") != NULL, "%s", text);
		cr_assert(strstr(text, "192.0.2.1") != NULL, "%s", text);
		unlink(path);
	}
}

Test(log, a_line_is_bounded_and_says_that_it_was_cut_S02)
{
	static char value[2000];
	static const char *const tail[] = {" cut=yes\n", ",\"cut\":true}\n"};

	memset(value, '\x01', sizeof(value));
	for (int format = LOG_FORMAT_TEXT; format <= LOG_FORMAT_JSON;
	     format++) {
		struct log *log =
		    open_log((enum log_format)format, LOG_LEVEL_INFO);
		struct log_event e;
		size_t len;

		log_begin(&e, log, LOG_LEVEL_INFO, "event");
		for (int i = 0; i < 50; i++)
			log_octets(&e, "key", value, sizeof(value));
		log_end(&e);
		log_close(&log);
		len = read_file(path);
		cr_assert_leq(len, (size_t)LOG_LINE_MAX);
		cr_assert_str_eq(text + len - strlen(tail[format]),
		    tail[format]);
		cr_assert_eq(strchr(text, '\n'), text + len - 1);
		unlink(path);
	}
}

Test(log, levels_below_the_configured_are_dropped)
{
	struct log *log = open_log(LOG_FORMAT_TEXT, LOG_LEVEL_WARNING);

	cr_assert(log_wants(log, LOG_LEVEL_ERROR));
	cr_assert(log_wants(log, LOG_LEVEL_WARNING));
	cr_assert_not(log_wants(log, LOG_LEVEL_INFO));
	log_msg(log, LOG_LEVEL_INFO, "dropped", "x");
	log_msg(log, LOG_LEVEL_ERROR, "kept", "x");
	log_close(&log);
	read_file(path);
	cr_assert_str_eq(after_time(text), "error kept msg=x\n");
}

Test(log, without_a_log_nothing_happens)
{
	struct log_event e;

	cr_assert_not(log_wants(NULL, LOG_LEVEL_ERROR));
	log_begin(&e, NULL, LOG_LEVEL_ERROR, "event");
	log_str(&e, "key", "value");
	log_end(&e);
	log_msg(NULL, LOG_LEVEL_ERROR, "event", "x");
	log_reopen(NULL);
}

Test(log, C_16_a_limit_is_logged_once_a_minute)
{
	struct log *log = open_log(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	log_limit_time one = 0, other = 0;
	const char *line;

	log_limit(log, &one, "%d of one", 7);
	log_limit(log, &one, "%d of one, again", 7);
	log_limit(log, &other, "another");
	/* A minute ago by this clock, which never goes back. */
	one -= 60000;
	log_limit(log, &one, "of one, later");
	log_close(&log);
	read_file(path);
	line = strstr(text, " warning limit msg=\"7 of one\"\n");
	cr_assert_not_null(line, "%s", text);
	line = strstr(line, " warning limit msg=another\n");
	cr_assert_not_null(line, "%s", text);
	cr_expect_not_null(
	    strstr(line, " warning limit msg=\"of one, later\"\n"));
	cr_expect_null(strstr(text, "again"));
}

Test(log, the_file_is_private_and_appended_to)
{
	struct log *log;
	struct stat status;
	int flags;

	umask(0);
	log = open_log(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	log_msg(log, LOG_LEVEL_INFO, "one", "x");
	log_close(&log);
	log = open_log(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	log_msg(log, LOG_LEVEL_INFO, "two", "x");
	log_close(&log);
	cr_assert_eq(stat(path, &status), 0);
	flags = (int)(status.st_mode & 0777);
	cr_assert_eq(flags, 0640);
	read_file(path);
	cr_assert(strstr(text, "one") != NULL && strstr(text, "two") != NULL);
}

Test(log, reopen_follows_a_rotation)
{
	struct log *log = open_log(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	char old[sizeof(path) + 4];

	snprintf(old, sizeof(old), "%s.1", path);
	log_msg(log, LOG_LEVEL_INFO, "one", "x");
	cr_assert_eq(rename(path, old), 0);
	log_msg(log, LOG_LEVEL_INFO, "two", "x");
	log_reopen(log);
	log_msg(log, LOG_LEVEL_INFO, "three", "x");
	log_close(&log);
	read_file(old);
	cr_assert(strstr(text, "one") != NULL && strstr(text, "two") != NULL);
	read_file(path);
	cr_assert_str_eq(after_time(text), "info three msg=x\n");
	unlink(old);
}

/* The file that is open goes on being used. */
Test(log, a_reopen_that_fails_loses_nothing)
{
	struct log *log = open_log(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	char old[sizeof(path) + 4];

	snprintf(old, sizeof(old), "%s.1", path);
	cr_assert_eq(rename(path, old), 0);
	cr_assert_eq(mkdir(path, 0700), 0);
	log_reopen(log);
	log_msg(log, LOG_LEVEL_INFO, "after", "x");
	log_close(&log);
	read_file(old);
	cr_assert(strstr(text, "log-reopen") != NULL, "%s", text);
	cr_assert(strstr(text, "info after msg=x\n") != NULL, "%s", text);
	rmdir(path);
	unlink(old);
}

static void
write_file(const char *octets)
{
	FILE *file = fopen(path, "we");

	cr_assert_not_null(file);
	fputs(octets, file);
	cr_assert_eq(fclose(file), 0);
}

static const struct {
	const char *before;
	const char *after;
} ends[] = {
    {"{\"event\":\"rc", "{\"event\":\"rc\n"},
    {"whole\n",         "whole\n"          },
    {"whole\ntorn",     "whole\ntorn\n"    },
    {"",		""		 },
};

/* After SIGKILL the file may end in the middle of a line. */
Test(log, a_torn_line_is_ended_at_the_start)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct log *log;

		write_file(ends[i].before);
		log = open_log(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
		log_msg(log, LOG_LEVEL_INFO, "one", "x");
		log_msg(log, LOG_LEVEL_INFO, "two", "x");
		log_close(&log);
		read_file(path);
		cr_expect_eq(strncmp(text, ends[i].after,
				 strlen(ends[i].after)),
		    0, "%zu: %s", i, text);
		cr_expect(strncmp(after_time(text + strlen(ends[i].after)),
			      "info one msg=x\n2", 16) == 0,
		    "%zu: %s", i, text);
	}
}

Test(log, a_torn_line_is_ended_at_a_reopen)
{
	struct log *log = open_log(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);

	cr_assert_eq(unlink(path), 0);
	write_file("torn");
	log_reopen(log);
	log_msg(log, LOG_LEVEL_INFO, "one", "x");
	log_close(&log);
	read_file(path);
	cr_expect_eq(strncmp(text, "torn\n2", 6), 0, "%s", text);
}

/* A file that may not grow stands in for a full disk. */
static void
limit_files(rlim_t octets)
{
	struct rlimit limit;

	(void)signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = octets;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(log, a_line_that_a_full_disk_tore_is_ended)
{
	struct log *log;

	write_file("0123456789\n");
	log = open_log(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	limit_files(20);
	log_msg(log, LOG_LEVEL_INFO, "one", "x");
	log_msg(log, LOG_LEVEL_INFO, "two", "x");
	cr_assert_eq(read_file(path), 20U);
	limit_files(RLIM_INFINITY);
	log_msg(log, LOG_LEVEL_INFO, "three", "x");
	log_msg(log, LOG_LEVEL_INFO, "four", "x");
	log_close(&log);
	cr_assert_gt(read_file(path), 20U);
	cr_expect_eq(text[20], '\n', "%s", text);
	cr_expect_not_null(strstr(text, " three msg=x\n2"), "%s", text);
}

static const struct {
	const char *target;
	bool good;
} targets[] = {
    {"syslog",          true },
    {"stderr",          true },
    {"file:/tmp/x/log", true },
    {"",		false},
    {"syslo",           false},
    {"syslog:mail",     false},
    {"file:",           false},
    {"file:relative",   false},
    {"/var/log/x",      false},
};

Test(log, targets_are_checked)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		struct log_config config = {.target = targets[i].target};
		char error[LOG_ERROR_SIZE] = "";
		int err = log_check(&config, error);

		cr_assert_eq(err, targets[i].good ? 0 : ERR_CONFIG, "%s",
		    targets[i].target);
		cr_assert_eq(error[0] != '\0', !targets[i].good);
	}
}

Test(log, a_file_that_cannot_be_opened_is_an_error)
{
	struct log_config config = {.target = "file:/nonexistent/log"};
	char error[LOG_ERROR_SIZE] = "";

	cr_assert_null(log_open(&config, "test", error));
	cr_assert(strstr(error, "/nonexistent/log: No such file") != NULL, "%s",
	    error);
}

#define WRITERS 4
#define LINES   200

/* Root opens it where the daemon's user may make links. */
Test(log, a_link_of_another_user_is_not_followed)
{
	struct log_config config = {.level = LOG_LEVEL_INFO};
	char error[LOG_ERROR_SIZE] = "";
	char target[sizeof(path) + 8];
	char prize[sizeof(path) + 8];
	struct log *log;

	if (geteuid() != 0)
		cr_skip_test("only root gives links away");
	snprintf(target, sizeof(target), "file:%s", path);
	config.target = target;
	snprintf(prize, sizeof(prize), "%s.prize", path);
	cr_assert_eq(symlink(prize, path), 0);
	cr_assert_eq(lchown(path, 1, 1), 0);
	cr_assert_null(log_open(&config, "test", error));
	cr_expect_not_null(strstr(error, "a link that another user has made"));
	cr_expect_lt(access(prize, F_OK), 0);
	/* Such as /dev/stdout. */
	cr_assert_eq(lchown(path, 0, 0), 0);
	log = log_open(&config, "test", error);
	cr_expect_not_null(log, "%s", error);
	log_close(&log);
	cr_expect_eq(access(prize, F_OK), 0);
	unlink(prize);
}

static void *
write_lines(void *arg)
{
	for (int i = 0; i < LINES; i++)
		log_msg(arg, LOG_LEVEL_INFO, "line",
		    "0123456789012345678901234567890123456789");
	return NULL;
}

Test(log, lines_of_several_threads_do_not_mix)
{
	struct log *log = open_log(LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
	pthread_t writers[WRITERS];
	size_t lines = 0;
	size_t len;

	for (size_t i = 0; i < WRITERS; i++)
		cr_assert_eq(pthread_create(&writers[i], NULL, write_lines,
				 log),
		    0);
	for (size_t i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	log_close(&log);
	len = read_file(path);
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	cr_assert_eq(lines, (size_t)WRITERS * LINES);
	cr_assert_eq(len % lines, 0U); /* all of one length */
}

/* Every day of eight centuries, and every second of one day. */
static void
check_time(time_t time_s)
{
	char want[32], have[LOG_TIME_LEN + 1] = "";
	struct tm tm;

	gmtime_r(&time_s, &tm);
	strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.042Z", &tm);
	log_time(time_s, 42, have);
	cr_assert_str_eq(have, want);
}

Test(log, times_are_those_of_the_calendar)
{
	for (time_t day = 0; day < (time_t)800 * 366; day++)
		check_time(day * 86400 + 86399);
	for (time_t second = 0; second < 86400; second++)
		check_time((time_t)20000 * 86400 + second);
}

/* What stands for itself, octet by octet. */
static bool
is_bare(uint8_t octet)
{
	return octet > 0x20 && octet < 0x7f && strchr("\"=\\", octet) == NULL;
}

/* Every octet at every place among others, for they are looked at eight at a
 * time. S-02 */
Test(log, one_octet_of_any_kind_is_enough_for_quotes_S02)
{
	static const uint8_t others[] = {'!', 'a', '~', '<', '>', '#', '^'};
	uint8_t value[19];

	for (size_t o = 0; o < sizeof(others); o++)
		for (size_t at = 0; at < sizeof(value); at++)
			for (unsigned octet = 0; octet < 256; octet++) {
				memset(value, others[o], sizeof(value));
				value[at] = (uint8_t)octet;
				cr_assert_eq(log_text_needs_quotes(value,
						 sizeof(value)),
				    !is_bare((uint8_t)octet), "%u at %zu",
				    octet, at);
			}
	cr_assert(log_text_needs_quotes(value, 0));
}
