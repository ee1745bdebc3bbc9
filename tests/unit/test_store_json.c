/* io/store_json: policies on the way from one store to another. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "store/store_json.h"

#define NOW_S 1764000000

/* "version: STSv1\nmode: none\nmax_age: 1\n" */
#define BODY "dmVyc2lvbjogU1RTdjEKbW9kZTogbm9uZQptYXhfYWdlOiAxCg=="

static const char body[] =
    "version: STSv1\r\nmode: enforce\nmx: mx.example.org\r\n"
    "x-note: caf\xc3\xa9\nmax_age: 86400\ndnssec: yes";

static const struct store_entry entry = {
    .domain = "xn--bcher-kva.example",
    .id = "20260101",
    .fetched_s = NOW_S - 5000,
    .tried_s = NOW_S - 10,
    .failure = "HTTP status 503 \"busy\"",
    .used_s = NOW_S - 1,
    .body = (const uint8_t *)body,
    .len = sizeof(body) - 1,
};

static struct record *
read_line(const char *line, char error[STORE_JSON_ERROR_SIZE])
{
	struct record *record;
	int err = store_json_read(line, strlen(line), NOW_S, &record, error);

	cr_assert_eq(err == 0, record != NULL);
	return record;
}

Test(store_json, C_13_what_is_written_is_read_to_the_octet)
{
	char error[STORE_JSON_ERROR_SIZE] = "";
	char *line = store_json_write(&entry);
	struct record *record = read_line(line, error);
	const struct store_entry *back;

	cr_assert_not_null(record, "%s", error);
	cr_expect_null(strchr(line, '\n'));
	back = &record->entry;
	cr_expect_str_eq(back->domain, entry.domain);
	cr_expect_str_eq(back->id, entry.id);
	cr_expect_eq(back->fetched_s, entry.fetched_s);
	cr_expect_eq(back->tried_s, entry.tried_s);
	cr_expect_str_eq(back->failure, entry.failure);
	cr_expect_eq(back->used_s, entry.used_s);
	cr_expect_eq(back->len, entry.len);
	cr_expect_eq(memcmp(back->body, body, entry.len), 0);
	record_unref(&record);
	free(line);
}

Test(store_json, a_failure_that_is_not_utf8_is_still_json)
{
	struct store_entry odd = entry;
	char error[STORE_JSON_ERROR_SIZE];
	struct record *record;
	char *line;

	odd.failure = "sad \xff text";
	line = store_json_write(&odd);
	record = read_line(line, error);
	cr_assert_not_null(record);
	cr_expect_str_eq(record->entry.failure, "sad ? text");
	record_unref(&record);
	free(line);
}

Test(store_json, what_may_be_missing)
{
	char error[STORE_JSON_ERROR_SIZE];
	struct record *record =
	    read_line("{\"domain\":\"a.test\",\"id\":\"1\","
		      "\"fetched\":5,\"body\":\"" BODY "\",\"new\":[1],"
		      "\"version\":1}",
		error);

	cr_assert_not_null(record, "%s", error);
	cr_expect_eq(record->entry.tried_s, 0);
	cr_expect_str_eq(record->entry.failure, "");
	record_unref(&record);
}

/* Fetched while the TXT record was suppressed: it must not be lost. */
Test(store_json, T_12_C_17_a_policy_that_no_TXT_record_named)
{
	struct store_entry unnamed = entry;
	char error[STORE_JSON_ERROR_SIZE] = "";
	struct record *record;
	char *line;

	unnamed.id = "";
	line = store_json_write(&unnamed);
	record = read_line(line, error);
	cr_assert_not_null(record, "%s", error);
	cr_expect_str_eq(record->entry.id, "");
	cr_expect_str_eq(record->entry.domain, entry.domain);
	record_unref(&record);
	free(line);
}

#define LINE(domain, id, fetched, text)                             \
	"{\"domain\":" domain ",\"id\":" id ",\"fetched\":" fetched \
	",\"body\":" text "}"
#define GOOD_BODY "\"" BODY "\""

static const struct {
	const char *line;
	const char *error;
} wrong[] = {
  /* clang-format off */
    {"", "expected"},
    {"[]", "not an object"},
    {"{\"domain\":", "expected"},
    {"{\"domain\":\"a.test\",\"domain\":\"b.test\"}", "duplicate"},
    {"{\"id\":\"1\",\"fetched\":5,\"body\":" GOOD_BODY "}", "\"domain\""},
    {"{\"domain\":\"a.test\",\"fetched\":5,\"body\":" GOOD_BODY "}", "\"id\""},
    {"{\"domain\":\"a.test\",\"id\":\"1\",\"body\":" GOOD_BODY "}",
     "\"fetched\""},
    {"{\"domain\":\"a.test\",\"id\":\"1\",\"fetched\":5}", "\"body\""},
    {LINE("7", "\"1\"", "5", GOOD_BODY), "\"domain\""},
    {"{\"version\":2,\"whatever\":[]}", "update this one"},
    {"{\"version\":0}", "\"version\""},
    {"{\"version\":\"1\"}", "\"version\""},
    {LINE("\"A.test\"", "\"1\"", "5", GOOD_BODY), "canonical"},
    {LINE("\"a..test\"", "\"1\"", "5", GOOD_BODY), "canonical"},
    {LINE("\"../a\"", "\"1\"", "5", GOOD_BODY), "canonical"},
    {LINE("\"a.test\\u0000.b\"", "\"1\"", "5", GOOD_BODY), "not allowed"},
    {LINE("\"a.test\"", "\"123456789012345678901234567890123\"", "5",
	 GOOD_BODY),
     "letters and digits"},
    {LINE("\"a.test\"", "\"1 2\"", "5", GOOD_BODY), "letters and digits"},
    {LINE("\"a.test\"", "\"1\"", "-1", GOOD_BODY), "\"fetched\""},
    {LINE("\"a.test\"", "\"1\"", "\"5\"", GOOD_BODY), "\"fetched\""},
    {LINE("\"a.test\"", "\"1\"", "99999999999", GOOD_BODY), "future"},
    {LINE("\"a.test\"", "\"1\"", "1e99", GOOD_BODY), "\"fetched\""},
    {LINE("\"a.test\"", "\"1\"", "5", "\"" BODY "=\""), "base 64"},
    {LINE("\"a.test\"", "\"1\"", "5", "\"Zm9v\""), "not a policy"},
    {LINE("\"a.test\"", "\"1\"", "5", "\"\""), "not a policy"},
  /* clang-format on */
};

Test(store_json, what_is_refused_and_why)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char error[STORE_JSON_ERROR_SIZE] = "";

		cr_expect_null(read_line(wrong[i].line, error), "%s",
		    wrong[i].line);
		cr_expect_not_null(strstr(error, wrong[i].error), "%s: %s",
		    wrong[i].line, error);
	}
}

/* S-06: the clocks of two machines differ a little. */
Test(store_json, S_06_a_fetch_a_moment_ahead_is_taken)
{
	char error[STORE_JSON_ERROR_SIZE];
	struct record *record =
	    read_line(LINE("\"a.test\"", "\"1\"", "1764000060", GOOD_BODY),
		error);

	cr_expect_not_null(record);
	record_unref(&record);
}
