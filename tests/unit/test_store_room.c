/*
 * A store on disk, or in memory, that strangers fill: C-16, a policy that binds
 * can always be written and kept, also in the copy as text (C-17). Their
 * policies are what anyone can publish, so that only those without "dnssec:
 * yes" are bounded.
 */
#include "autoconf.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "log/log.h"
#include "store/store.h"
#include "store/store_lmdb.h"
#include "store_sync.h"

#define MIB       ((size_t)1 << 20)
#define SMALL     (16 * MIB)
#define STRANGERS 6000 /* of 4 KB: 24 MB */

static char *dir;
static char *log_dir; /* not on the small disk */
static char *log_path;
static struct log *log_;

static void
set_up(void)
{

	dir = scratch_new();
	log_dir = scratch_new();
	log_path = scratch_path(log_dir, "log");
	log_ = log_to_file(log_path);
}

static void
tear_down(void)
{
	log_close(&log_);
	free(log_path);
	scratch_free(&log_dir);
	scratch_free(&dir);
}

TestSuite(store_room, .init = set_up, .fini = tear_down, .timeout = 300);

static struct store *
open_small(size_t octets_max)
{
	char spec[4096];
	char error[STORE_ERROR_SIZE] = "";
	struct store_options options = {.spec = spec,
	    .log = log_,
	    .octets_max = octets_max};
	struct store *store;

	(void)snprintf(spec, sizeof(spec), "lmdb:%s", dir);
	store = store_open(&options, error);
	cr_assert_not_null(store, "%s", error);
	return store;
}

/* A body of len octets. */
static const char *
body(bool binds, size_t len)
{
	static char out[65536];
	int n = snprintf(out, sizeof(out),
	    "version: STSv1\nmode: enforce\nmax_age: 86400\nmx: *.example\n"
	    "%sx-note: ",
	    binds ? "dnssec: yes\n" : "");

	memset(out + n, 'x', len - (size_t)n);
	out[len] = '\0';
	return out;
}

static int
put(struct store *store, const char *word, size_t i, bool binds, size_t len)
{
	char domain[64];
	struct store_entry entry;

	(void)snprintf(domain, sizeof(domain), "%s%zu.example", word, i);
	entry = sync_entry(domain, "1", body(binds, len));
	return sync_put(store, &entry);
}

static bool
has(struct store *store, const char *word, size_t i)
{
	char domain[64];

	(void)snprintf(domain, sizeof(domain), "%s%zu.example", word, i);
	return sync_find(store, domain) == 0;
}

static size_t
count(struct store *store, const char *word, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += has(store, word, i);
	return found;
}

/* On the store's thread. */
static void
note_error(void *arg, int err)
{
	if (err != 0)
		*(int *)arg = err;
}

/*
 * Many at a time, as synced writes one by one would take minutes. A batch of
 * what binds may be larger than what an eviction has freed: then it is held,
 * and written a moment later.
 */
static void
fill(struct store *store, const char *word, size_t n, bool binds)
{
	int err = 0, last;

	for (size_t i = 0; i + 1 < n; i++) {
		char domain[64];
		struct store_entry entry;

		(void)snprintf(domain, sizeof(domain), "%s%zu.example", word,
		    i);
		entry = sync_entry(domain, "1", body(binds, 4000));
		while (store_put(store, &entry, note_error, &err) == ERR_BUSY)
			(void)usleep(1000);
	}
	/* In the order of the calls: the others are written as well. */
	while ((last = put(store, word, n - 1, binds, 4000)) == ERR_BUSY)
		(void)usleep(1000);
	cr_assert(last == 0 || (binds && last == ERR_FULL), "%s",
	    err_text(last));
	cr_assert(err == 0 || (binds && err == ERR_FULL), "%s", err_text(err));
}

static void
expect_bound(struct store *store, size_t n)
{
	cr_expect_eq(count(store, "bound", n), n);
	cr_expect_eq(store_status(store).unwritten, 0U);
}

/* --- the largest map ------------------------------------------------------ */

Test(store_room, C_16_strangers_leave_room_for_what_binds)
{
	struct store *store = open_small(SMALL);

	cr_assert_eq(put(store, "bound", 0, true, 4000), 0);
	fill(store, "stranger", STRANGERS, false);
	for (size_t i = 1; i < 100; i++)
		cr_assert_eq(put(store, "bound", i, true, 4000), 0, "%zu", i);
	expect_bound(store, 100);
	cr_expect_eq(lines_with(log_path, "policies that require DNSSEC take"),
	    0U);
	/* A good part is theirs all the same, and it is the latest. */
	cr_expect_gt(count(store, "stranger", STRANGERS), 500U);
	cr_expect(has(store, "stranger", STRANGERS - 1));
	store_close(&store);
	store = open_small(SMALL);
	expect_bound(store, 100);
	store_close(&store);
}

/* What binds takes the place of what does not, up to all of it. */
Test(store_room, C_16_what_binds_displaces_strangers)
{
	const size_t n = 2500; /* 10 MB */
	struct store *store = open_small(SMALL);
	size_t strangers;

	fill(store, "stranger", STRANGERS, false);
	strangers = store_count(store);
	fill(store, "bound", n, true);
	while (store_status(store).unwritten > 0)
		(void)usleep(1000);
	expect_bound(store, n);
	cr_expect_lt(store_count(store) - n, strangers);
	store_close(&store);
}

/*
 * Whatever a write leaves of the map: LMDB writes new pages to delete old ones,
 * and what a commit freed is used two commits later only.
 */
Test(store_room, C_16_no_full_map_is_full_for_good)
{
	const size_t n = 300; /* more than what strangers leave free */

	for (size_t len = 2100; len <= 4000; len += 100) {
		struct store *store = open_small(2 * MIB);

		fill(store, "stranger", 500, false);
		for (size_t i = 0; i < n; i++)
			cr_assert_eq(put(store, "bound", i, true, len), 0,
			    "policy %zu of %zu octets", i, len);
		expect_bound(store, n);
		store_close(&store);
		scratch_free(&dir);
		dir = scratch_new();
	}
}

/* Nothing that binds is evicted, so the administrator is told in time. */
Test(store_room, C_16_a_store_full_of_what_binds_is_told_before)
{
	static const char line[] = " warning limit ";
	static const size_t lengths[] = {200, 1900, 2100, 4000};

	for (size_t row = 0; row < sizeof(lengths) / sizeof(lengths[0]);
	     row++) {
		size_t len = lengths[row];
		struct store *store = open_small(2 * MIB);
		size_t told = 0, n = 0;

		while (put(store, "bound", n, true, len) == 0) {
			n++;
			if (told == 0 && lines_with(log_path, line) == row + 1)
				told = n;
		}
		cr_expect_gt(told, n / 2, "%zu of %zu", told, n);
		cr_expect_lt(told, n * 9 / 10, "%zu of %zu", told, n);
		cr_expect_eq(lines_with(log_path, line), row + 1);
		/* The new one is lost, not those before it. */
		cr_expect_eq(count(store, "bound", n), n);
		store_close(&store);
		scratch_free(&dir);
		dir = scratch_new();
	}
}

/* Policies that recipients are sent to stay longest. */
Test(store_room, C_16_what_is_used_stays)
{
	const struct store_mark used = {.used_s = 2000000000};
	struct store *store = open_small(SMALL);

	for (size_t i = 0; i < 100; i++)
		cr_assert_eq(put(store, "used", i, false, 4000), 0);
	for (size_t i = 0; i < 100; i++) {
		char domain[64];

		(void)snprintf(domain, sizeof(domain), "used%zu.example", i);
		cr_assert_eq(sync_mark(store, domain, &used), 0);
	}
	fill(store, "stranger", STRANGERS, false);
	cr_expect_eq(count(store, "used", 100), 100U);
	store_close(&store);
}

/* Notes on what is there need no room of their own. */
Test(store_room, C_16_a_note_evicts_nobody)
{
	const struct store_mark used = {.used_s = 2000000000};
	struct store *store = open_small(SMALL);
	size_t before;

	fill(store, "stranger", STRANGERS, false);
	before = store_count(store);
	cr_assert_eq(sync_mark(store, "stranger5999.example", &used), 0);
	cr_expect(has(store, "stranger", STRANGERS - 1));
	cr_expect_eq(store_count(store), before);
	store_close(&store);
}

/* C-07: a weaker policy for which there is no room does not leave the old one
 * in force. */
Test(store_room, C_07_a_policy_that_is_not_kept_still_replaces)
{
	struct store *store = open_small(1 * MIB);

	/* All of it binds, up to the reserve. */
	for (size_t i = 0; i < 60; i++)
		(void)put(store, "bound", i, true, 12000);
	cr_assert_eq(put(store, "changed", 0, true, 200), 0);
	cr_assert_eq(put(store, "changed", 0, false, 4000), 0);
	if (has(store, "changed", 0)) {
		struct got got;

		sync_get(store, "changed0.example", &got);
		cr_expect_eq(got.len, 4000U);
	}
	store_close(&store);
}

/* --- a small disk --------------------------------------------------------- */

/* Over the scratch directory, in name spaces of this process. */
static void
mount_small(void)
{
	char options[32];

	(void)snprintf(options, sizeof(options), "size=%zu", SMALL);
	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("small", dir, "tmpfs", 0, options) != 0)
		cr_skip("cannot mount a small file system here");
}

/* What others leave of the disk, to the last octet. */
static void
fill_disk(void)
{
	static char octets[4096];
	char *path = scratch_path(dir, "others");
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	cr_assert_geq(fd, 0);
	while (write(fd, octets, sizeof(octets)) > 0)
		continue;
	close(fd);
	free(path);
}

/* C-17: a store built anew from the copy as text has what binds, which alone
 * had room in the copy. */
static void
expect_copy_of_what_binds(size_t n)
{
	char *copy = scratch_path(dir, BACKUP_NAME);
	char *data = scratch_path(dir, "data.mdb");
	struct store *store;

	cr_expect_eq(lines_with(copy, "\"domain\":\"bound"), n);
	cr_expect_eq(lines_with(copy, "\"domain\":\"stranger"), 0U);
	cr_expect_eq(lines_with(log_path, "state=no-backup"), 0U);
	cr_expect_geq(lines_with(log_path,
			  "file=policies.jsonl why=\"no space left for all"),
	    1U);
	cr_assert_eq(unlink(data), 0);
	store = open_small(0);
	cr_expect_eq(lines_with(log_path, "state=restored"), 1U);
	expect_bound(store, n);
	store_close(&store);
	free(copy);
	free(data);
}

Test(store_room, C_16_C_17_a_disk_that_strangers_filled_has_room)
{
	struct store *store;

	mount_small();
	store = open_small(0);
	fill(store, "stranger", STRANGERS, false);
	for (size_t i = 0; i < 100; i++)
		cr_assert_eq(put(store, "bound", i, true, 4000), 0, "%zu", i);
	expect_bound(store, 100);
	store_close(&store);
	store = open_small(0);
	expect_bound(store, 100);
	store_close(&store);
	expect_copy_of_what_binds(100);
	cr_expect_eq(umount2(dir, MNT_DETACH), 0);
}

/* And when others have filled the rest. */
Test(store_room, C_16_on_a_full_disk_strangers_make_room)
{
	struct store *store;

	mount_small();
	store = open_small(0);
	fill(store, "stranger", STRANGERS, false);
	fill_disk();
	for (size_t i = 0; i < 100; i++)
		cr_assert_eq(put(store, "bound", i, true, 4000), 0, "%zu", i);
	expect_bound(store, 100);
	store_close(&store);
	store = open_small(0);
	expect_bound(store, 100);
	store_close(&store);
	cr_expect_eq(umount2(dir, MNT_DETACH), 0);
}

/* Deletes the entry of a domain as soon as the pipe's other end is closed. */
static pid_t
delete_in_child(const char *domain, int fds[2])
{
	struct store *store;
	char octet;
	pid_t child;

	cr_assert_eq(pipe(fds), 0);
	child = fork();
	if (child != 0) {
		close(fds[0]);
		return child;
	}
	close(fds[1]);
	if (read(fds[0], &octet, 1) != 0)
		_exit(1);
	store = open_small(0);
	if (sync_delete(store, domain) != 0)
		_exit(1);
	store_close(&store);
	_exit(0);
}

/* Another process has removed all strangers, so that there is nothing to evict:
 * then the last pages are for what binds. */
Test(store_room, C_16_without_strangers_what_binds_takes_the_last_pages)
{
	struct store *store;
	int fds[2];
	int status = 1;
	pid_t child;

	mount_small();
	child = delete_in_child("stranger0.example", fds);
	store = open_small(0);
	cr_assert_eq(put(store, "stranger", 0, false, 400), 0);
	for (size_t i = 0; i < 10; i++)
		cr_assert_eq(put(store, "bound", i, true, 400), 0);
	close(fds[1]);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
	fill_disk();
	cr_expect_eq(put(store, "bound", 10, true, 400), 0);
	expect_bound(store, 11);
	store_close(&store);
	cr_expect_eq(umount2(dir, MNT_DETACH), 0);
}

/* --- in memory ------------------------------------------------------------ */

static struct store *
open_memory(void)
{
	char error[STORE_ERROR_SIZE] = "";
	struct store *store =
	    store_open(&(struct store_options){.spec = "memory:",
			   .octets_max = MIB},
		error);

	cr_assert_not_null(store, "%s", error);
	return store;
}

/* What was not used for longest goes first. */
Test(store_room, C_16_in_memory_strangers_make_room)
{
	const size_t strangers = 500; /* 2 MB */
	struct store *store = open_memory();

	cr_assert_eq(put(store, "bound", 0, true, 4000), 0);
	fill(store, "early", 100, false);
	cr_assert(has(store, "early", 0));
	fill(store, "stranger", 200, false);
	cr_expect(has(store, "early", 0), "it was used");
	cr_expect_not(has(store, "early", 1));
	fill(store, "stranger", strangers, false);
	for (size_t i = 1; i < 100; i++)
		cr_assert_eq(put(store, "bound", i, true, 4000), 0, "%zu", i);
	expect_bound(store, 100);
	cr_expect(has(store, "stranger", strangers - 1));
	cr_expect_gt(count(store, "stranger", strangers), 100U);
	store_close(&store);
}

Test(store_room, C_16_C_07_in_full_memory_policies_are_replaced)
{
	struct store *store = open_memory();
	size_t n = 0, small = 0;

	cr_assert_eq(put(store, "changed", 0, true, 200), 0);
	while (put(store, "bound", n, true, 4000) == 0)
		n++;
	while (put(store, "small", small, true, 200) == 0)
		small++;
	cr_expect_gt(n, 200U);
	cr_expect_eq(put(store, "bound", 0, true, 4000), 0);
	cr_expect_eq(put(store, "small", 0, true, 199), 0);
	/* There is no room for this one, but the stored one goes. */
	cr_expect_eq(put(store, "changed", 0, false, 4000), 0);
	cr_expect_not(has(store, "changed", 0));
	cr_expect_eq(put(store, "stranger", 0, false, 4000), 0);
	cr_expect_not(has(store, "stranger", 0));
	expect_bound(store, n);
	cr_expect_eq(count(store, "small", small), small);
	store_close(&store);
}
