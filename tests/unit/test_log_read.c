/* Lines of the log, read back: io/log_read. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "log/log_read.h"

static struct log_record record;

static int
read_line(const char *line)
{
	return log_read(line, strlen(line), &record);
}

/* What may stand before an event, and what of it is read. */
static const struct {
	const char *line;
	const char *time;
	const char *level;
} good[] = {
    {"rcpt qid=1",								"",			 ""    },
    {"2026-11-25T12:00:00.123Z warning rcpt qid=1",                               "2026-11-25T12:00:00.123Z",
     "warning"												      },
    {"Nov 25 12:00:00 mail dane-sts-milter[47]: rcpt qid=1",                      "Nov 25 12:00:00",
     ""													     },
    {"Nov  5 12:00:00 mail dane-sts-milter: rcpt qid=1",                          "Nov  5 12:00:00",          ""    },
    {"2026-11-25T12:00:00+01:00 mail dane-sts-milter[47]: rcpt qid=1",
     "2026-11-25T12:00:00+01:00",									     ""    },
    {"dane-sts-milter[47]: rcpt qid=1",					   "",                         ""    },
    {"{\"event\":\"rcpt\",\"qid\":\"1\"}",                                        "",                         ""    },
    {"{\"time\":\"T\",\"level\":\"info\",\"event\":\"rcpt\",\"qid\":1}",          "T",
     "info"													 },
    {"Nov 25 12:00:00 mail dane-sts-milter[47]: "
     "{\"time\":\"T\",\"level\":\"info\",\"event\":\"rcpt\",\"qid\":\"1\"}", "T",			"info"},
};

Test(log_read, text_and_json_with_what_stands_before_it)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cr_assert_eq(read_line(good[i].line), 0, "%s", good[i].line);
		cr_expect_str_eq(log_record_span(&record, record.event),
		    "rcpt");
		cr_expect_str_eq(log_record_text(&record, "qid"), "1");
		cr_expect_str_eq(log_record_span(&record, record.time),
		    good[i].time, "%s", good[i].line);
		cr_expect_str_eq(log_record_span(&record, record.level),
		    good[i].level, "%s", good[i].line);
	}
}

/* What others log, with what a stranger made them log, is none of ours. */
static const char *const bad[] = {
    "",
    "rcpt",
    "qid=1",
    "Nov 25 12:00:00 mail postfix/smtpd[1]: rcpt qid=1",
    "Nov 25 12:00:00 mail postfix/smtpd[1]: x dane-sts-milter[1]: rcpt qid=1",
    "Nov 25 12:00:00 mail other: {\"event\":\"rcpt\",\"qid\":\"1\"}",
    "Nov 25 12:00:00 mail rcpt qid=1",
    "Nov 25 12:00:00 mail dane-sts-milter-not[1]: rcpt qid=1",
    "Nov 25 12:00:00 mail dane-sts-milter[1]: somebody said rcpt qid=1",
    "warning warning rcpt qid=1",
    "rcpt qid=1 more",
    "rcpt qid=",
    "rcpt qid= to=x",
    "rcpt qid=\"1",
    "rcpt qid=\"1\"2",
    "rcpt qid=\"\\n\"",
    "rcpt qid=\"\\x0\"",
    "rcpt qid=\"\\xAB\"",
    "RCPT qid=1",
    "{\"event\":\"rcpt\",\"qid\":\"1\"",
    "{\"event\":\"rcpt\",\"qid\":\"1\",\"qid\":\"2\"}",
    "{\"event\":[\"rcpt\"],\"qid\":\"1\"}",
    "{\"event\":\"\",\"qid\":\"1\"}",
    "{\"qid\":\"1\"}",
    "[\"rcpt\"]",
};

Test(log_read, what_is_none_of_ours_S02)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(read_line(bad[i]), ERR_SYNTAX, "%s", bad[i]);
}

Test(log_read, octets_come_back_as_they_were)
{
	static const char want[] = "\0\xff \"\\=";
	size_t len;
	const char *value;

	cr_assert_eq(read_line("rcpt to=\"\\x00\\xff \\\"\\\\=\" last=yes"), 0);
	value = log_record_get(&record, "to", &len);
	cr_assert_eq(len, sizeof(want) - 1);
	cr_assert_eq(memcmp(value, want, sizeof(want)), 0);
	cr_expect_str_eq(log_record_text(&record, "last"), "yes");
	cr_expect(log_record_get(&record, "none", &len) == NULL);
	cr_expect_str_eq(log_record_text(&record, "none"), "");
}

Test(log_read, booleans_and_numbers_of_json_as_in_text)
{
	cr_assert_eq(read_line("{\"event\":\"rcpt\",\"a\":true,\"b\":false,"
			       "\"c\":-9223372036854775808}"),
	    0);
	cr_expect_str_eq(log_record_text(&record, "a"), "yes");
	cr_expect_str_eq(log_record_text(&record, "b"), "no");
	cr_expect_str_eq(log_record_text(&record, "c"), "-9223372036854775808");
}

/* What a newer daemon may add hides nothing. */
Test(log_read, unknown_fields_of_any_kind)
{
	size_t len;

	cr_assert_eq(read_line("{\"event\":\"rcpt\",\"new\":{\"a\":[1]},"
			       "\"more\":[{}],\"none\":null,\"half\":0.5,"
			       "\"qid\":\"1\",\"word\":\"w\"}"),
	    0);
	cr_expect_str_eq(log_record_text(&record, "qid"), "1");
	cr_expect_str_eq(log_record_text(&record, "word"), "w");
	cr_expect_eq(record.n, 2);
	cr_expect_null(log_record_get(&record, "new", &len));
	cr_assert_eq(read_line("rcpt new={\"a\":[1]} qid=1 word=w"), 0);
	cr_expect_str_eq(log_record_text(&record, "qid"), "1");
	cr_expect_str_eq(log_record_text(&record, "word"), "w");
}

Test(log_read, bounds)
{
	char *line = malloc(LOG_READ_MAX + 2);
	size_t len = 0;

	cr_assert(line != NULL);
	memset(line, 'x', LOG_READ_MAX + 1);
	memcpy(line, "rcpt a=", 7);
	cr_expect_eq(log_read(line, LOG_READ_MAX, &record), 0);
	(void)log_record_get(&record, "a", &len);
	cr_expect_eq(len, LOG_READ_MAX - 7U);
	cr_expect_eq(log_read(line, LOG_READ_MAX + 1, &record), ERR_TOOLONG);
	/* As many fields as a line can hold. */
	memcpy(line, "rcpt", 4);
	for (len = 4; len + 4 <= LOG_READ_MAX; len += 4)
		memcpy(line + len, " a=b", 4);
	cr_expect_eq(log_read(line, len, &record), 0);
	cr_expect_eq(record.n, LOG_FIELDS_MAX);
	free(line);
}
