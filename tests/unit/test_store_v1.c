/*
 * Stores that version 1 left are read by whatever the program has become since:
 * the files of tests/unit/store_v1, which no line of it has written.
 * REQUIREMENTS C-01, C-13.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/err.h"
#include "core/policy.h"
#include "paths.h"
#include "redis_server.h"
#include "store/store_record.h"
#include "store/store_redis.h"
#include "store_sync.h"

#define STORE_V1 SRCDIR "/tests/unit/store_v1"

#define FILE_MAX_OCTETS 65536

struct file {
	size_t len;
	uint8_t octets[FILE_MAX_OCTETS];
};

static struct file file;

static void
read_fixture(const char *name)
{
	char path[4096];
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", STORE_V1, name);
	in = fopen(path, "rb");
	cr_assert_not_null(in, "%s", path);
	file.len = fread(file.octets, 1, sizeof(file.octets), in);
	cr_assert(file.len > 0 && file.len < sizeof(file.octets));
	fclose(in);
}

/* --- what must be read in them -------------------------------------------- */

#define LINES                                          \
	"version: STSv1\r\nmode: enforce\r\n"          \
	"mx: mx1.example.org\r\nmx: *.example.net\r\n" \
	"max_age: 31557600\r\ndnssec: yes\r\n"

static void
expect_example(const struct got *got)
{
	cr_assert_eq(got->err, 0, "%d", got->err);
	cr_expect_str_eq(got->id, "20260101");
	cr_expect_eq(got->fetched_s, 1764000000);
	cr_expect_eq(got->tried_s, 1764086400);
	cr_expect_str_eq(got->failure, "HTTP status 503");
	cr_expect_eq(got->used_s, 1764090000);
	cr_assert_eq(got->len, strlen(LINES));
	cr_expect_arr_eq(got->body, LINES, strlen(LINES));
}

static void
expect_all(struct store *store)
{
	struct policy *policy;
	struct got got;
	char list[128];

	cr_expect_eq(sync_list(store, list, sizeof(list)), 0);
	cr_expect_str_eq(list,
	    "example.org long.example xn--bcher-kva.example ");
	cr_expect_eq(store_count(store), 3);
	sync_get(store, "example.org", &got);
	expect_example(&got);
	cr_assert_eq(policy_parse(got.body, got.len, NULL, NULL, &policy), 0);
	cr_expect(policy->dnssec);
	policy_free(&policy);
	sync_get(store, "long.example", &got);
	cr_assert_eq(got.err, 0);
	cr_expect_eq(got.fetched_s, 1764000001);
	cr_expect_eq(got.len, strlen(LINES) + 8 + 3000 + 2);
	sync_get(store, "xn--bcher-kva.example", &got);
	cr_assert_eq(got.err, 0);
	cr_expect_str_eq(got.id, "abc");
	cr_expect_eq(got.used_s, 1764000004);
}

/* --- a record ------------------------------------------------------------- */

Test(store_v1, record_is_read)
{
	struct store_entry entry;

	read_fixture("record");
	cr_assert_eq(format_read("example.org", file.octets, file.len, &entry),
	    0);
	cr_expect_str_eq(entry.id, "20260101");
	cr_expect_str_eq(entry.failure, "HTTP status 503");
	cr_expect_eq(entry.fetched_s, 1764000000);
	cr_expect_eq(entry.tried_s, 1764086400);
	cr_expect_eq(entry.used_s, 1764090000);
	cr_assert_eq(entry.len, strlen(LINES));
	cr_expect_eq(memcmp(entry.body, LINES, entry.len), 0);
}

/* --- LMDB ----------------------------------------------------------------- */

static char *
lay_store(void)
{
	char *dir = scratch_new();
	char *data = scratch_path(dir, "data.mdb");
	FILE *out = fopen(data, "wb");

	read_fixture("data.mdb");
	cr_assert_not_null(out);
	cr_assert_eq(fwrite(file.octets, 1, file.len, out), file.len);
	cr_assert_eq(fclose(out), 0);
	free(data);
	return dir;
}

/* LMDB's own file is another on such a machine. */
static bool
is_other_machine(void)
{
	const uint16_t one = 1;

	return sizeof(size_t) != 8 || *(const uint8_t *)&one != 1;
}

Test(store_v1, lmdb_is_read)
{
	struct store *store;
	char *dir;

	if (is_other_machine())
		cr_skip_test("the file is of a 64-bit little-endian machine");
	dir = lay_store();
	store = open_lmdb(dir, STORE_READ_ONLY);
	expect_all(store);
	store_close(&store);
	scratch_free(&dir);
}

/* And goes on: what is changed is, and nothing else. */
Test(store_v1, lmdb_is_kept_up)
{
	const struct store_mark mark = {.used_s = 1764100000};
	struct store_entry sample = sync_entry("new.example", "1", "x");
	struct store *store;
	struct got got;
	char *dir;

	if (is_other_machine())
		cr_skip_test("the file is of a 64-bit little-endian machine");
	dir = lay_store();
	store = open_lmdb(dir, STORE_READ_WRITE);
	expect_all(store);
	cr_expect_eq(sync_put(store, &sample), 0);
	cr_expect_eq(sync_mark(store, "long.example", &mark), 0);
	cr_expect_eq(sync_delete(store, "new.example"), 0);
	store_close(&store);
	store = open_lmdb(dir, STORE_READ_WRITE);
	expect_all(store);
	sync_get(store, "long.example", &got);
	cr_expect_eq(got.used_s, 1764100000);
	store_close(&store);
	scratch_free(&dir);
}

/* --- Redis ---------------------------------------------------------------- */

/* As the server was left: its format, a policy, and word of one that is gone.
 */
Test(store_v1, redis_is_read_and_kept_up)
{
	struct store_entry new = sync_entry("example.org", "2", LINES);
	const uint8_t gone[12] = "GONE\x00\x79\x24\x69";
	struct redis_server server;
	struct store *store;
	struct got got;
	char list[64];

	if (!redis_server_is_installed())
		cr_skip_test("redis-server is not installed");
	read_fixture("record");
	redis_server_start(&server, 0, NULL);
	redis_server_tell(&server, "SET dane-sts:format 1");
	redis_server_tell(&server, "SET dane-sts:1:policy:example.org %b",
	    file.octets, file.len);
	redis_server_tell(&server, "SET dane-sts:1:policy:gone.example %b",
	    gone, sizeof(gone));
	store = redis_server_open(&server);
	cr_expect_eq(sync_list(store, list, sizeof(list)), 0);
	cr_expect_str_eq(list, "example.org ");
	sync_get(store, "example.org", &got);
	expect_example(&got);
	cr_expect_eq(sync_find(store, "gone.example"), ERR_NOTFOUND);
	cr_expect_eq(sync_put(store, &new), 0);
	store_close(&store);
	store = redis_server_open(&server);
	sync_get(store, "example.org", &got);
	cr_expect_str_eq(got.id, "2");
	store_close(&store);
	redis_server_end(&server);
}
