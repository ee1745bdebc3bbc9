/*
 * Policies that the disk has no room for: held, and written later.
 * REQUIREMENTS C-01, C-05, C-07.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "log/log.h"
#include "store/overlay.h"
#include "store_sync.h"

static const char policy[] = "version: STSv1\nmode: enforce\n"
			     "mx: mx.example.org\nmax_age: 86400\n"
			     "dnssec: yes\n";

/* --- a disk that is full at will ------------------------------------------ */

static char *dir;
static char *log_path;
static char spec[4096];
static struct log *log_;
static struct store *store;
static uint64_t calm_ms; /* 0: as usual */

static void
open_store(void)
{
	char error[STORE_ERROR_SIZE] = "";

	store = store_open(&(struct store_options){.spec = spec,
			       .log = log_,
			       .calm_ms = calm_ms},
	    error);
	cr_assert_not_null(store, "%s", error);
}

static void
setup(void)
{
	char *path;

	/* Then a write beyond the limit fails like one on a full disk. */
	cr_assert_neq(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
	dir = scratch_new();
	log_path = scratch_path(dir, "log");
	log_ = log_to_file(log_path);
	path = scratch_path(dir, "store");
	snprintf(spec, sizeof(spec), "lmdb:%s", path);
	free(path);
	open_store();
}

static void
set_limit(rlim_t octets)
{
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = octets < limit.rlim_max ? octets : limit.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* LMDB's first two pages, and the log, are below it. */
static void
fill(void)
{
	set_limit(8192);
}

static void
make_room(void)
{
	set_limit(RLIM_INFINITY);
}

static void
teardown(void)
{
	make_room();
	store_close(&store);
	log_close(&log_);
	free(log_path);
	scratch_free(&dir);
}

TestSuite(write_retry, .init = setup, .fini = teardown, .timeout = 60);

/* The test's own time limit ends what never comes true. */
static void
await_lines(const char *text, unsigned n)
{
	const struct timespec nap = {0, 5000000};

	while (lines_with(log_path, text) < n)
		nanosleep(&nap, NULL);
}

static void
await_line(const char *text)
{
	await_lines(text, 1);
}

static int
put(const char *domain, const char *id)
{
	struct store_entry entry = sync_entry(domain, id, policy);

	return sync_put(store, &entry);
}

static void
expect_id(const char *domain, const char *id, const char *what)
{
	struct got got;

	sync_get(store, domain, &got);
	cr_expect_eq(got.err, 0, "%s: %s: %s", what, domain, err_text(got.err));
	cr_expect_str_eq(got.id, id, "%s: %s: %s", what, domain, got.id);
}

static void
expect_list(const char *expected, const char *what)
{
	char list[1024];

	cr_expect_eq(sync_list(store, list, sizeof(list)), 0);
	cr_expect_str_eq(list, expected, "%s: %s", what, list);
}

/* What a new process would find. */
static void
reopen(void)
{
	store_close(&store);
	open_store();
}

/* --- tests ---------------------------------------------------------------- */

Test(write_retry, C_05_unwritten_policy_binds_and_is_written_later)
{
	cr_assert_eq(put("b.example", "1"), 0);
	fill();
	cr_expect_eq(put("b.example", "2"), ERR_FULL, "is not durable");
	cr_expect_eq(put("a.example", "1"), ERR_FULL);
	cr_expect_eq(put("c.example", "1"), ERR_FULL);
	expect_id("a.example", "1", "held");
	expect_id("b.example", "2", "held over what is stored");
	expect_list("a.example b.example c.example ", "full");
	make_room();
	await_line("state=writes"); /* with no other change */
	expect_list("a.example b.example c.example ", "room");
	cr_expect_eq(store_count(store), 3);
	reopen();
	expect_id("a.example", "1", "written");
	expect_id("b.example", "2", "written");
	cr_expect_eq(lines_with(log_path, "state=no-writes"), 1);
	cr_expect_eq(lines_with(log_path, "state=writes"), 1);
	cr_expect_eq(lines_with(log_path, ""), 2, "and nothing else");
}

/* Another program reads the file; it has the first policy once the second
 * change is made. */
Test(write_retry, next_change_takes_the_others_along)
{
	struct store *reader;

	fill();
	cr_expect_eq(put("a.example", "1"), ERR_FULL);
	make_room();
	cr_expect_eq(put("b.example", "1"), 0);
	reader = open_lmdb(spec + strlen("lmdb:"), STORE_READ_ONLY);
	cr_expect_eq(sync_find(reader, "a.example"), 0);
	store_close(&reader);
	cr_expect_eq(lines_with(log_path, "state=writes"), 1);
}

Test(write_retry, C_07_later_change_takes_the_place_of_what_is_held)
{
	cr_assert_eq(put("a.example", "1"), 0);
	cr_assert_eq(put("b.example", "1"), 0);
	fill();
	cr_expect_eq(put("a.example", "2"), ERR_FULL);
	cr_expect_eq(put("a.example", "3"), ERR_FULL);
	cr_expect_eq(put("b.example", "2"), ERR_FULL);
	cr_expect_eq(sync_delete(store, "b.example"), ERR_FULL);
	cr_expect_eq(put("c.example", "1"), ERR_FULL);
	expect_id("a.example", "3", "held");
	cr_expect_eq(sync_find(store, "b.example"), ERR_NOTFOUND);
	expect_list("a.example c.example ", "full");
	make_room();
	cr_expect_eq(put("a.example", "4"), 0);
	cr_expect_eq(sync_delete(store, "c.example"), 0);
	await_line("state=writes");
	expect_list("a.example ", "room");
	reopen();
	expect_id("a.example", "4", "written");
	expect_list("a.example ", "reopened");
}

/* They would crowd out what matters; with a policy that is held they go. */
Test(write_retry, notes_are_held_with_their_policy_alone)
{
	const struct store_mark mark = {.used_s = 4000000000};
	struct got got;

	cr_assert_eq(put("stored.example", "1"), 0);
	fill();
	cr_expect_eq(sync_mark(store, "stored.example", &mark), ERR_FULL);
	cr_expect_eq(lines_with(log_path, ""), 0, "nothing is lost by that");
	cr_expect_eq(put("held.example", "1"), ERR_FULL);
	cr_expect_eq(sync_mark(store, "held.example", &mark), ERR_FULL);
	cr_expect_eq(sync_mark(store, "none.example", &mark), ERR_NOTFOUND);
	sync_get(store, "stored.example", &got);
	cr_expect_neq(got.used_s, mark.used_s);
	sync_get(store, "held.example", &got);
	cr_expect_eq(got.used_s, mark.used_s);
	make_room();
	await_line("state=writes");
	reopen();
	sync_get(store, "held.example", &got);
	cr_expect_eq(got.used_s, mark.used_s);
}

Test(write_retry, what_is_held_is_bounded_and_said, .timeout = 60)
{
	char domain[32];

	fill();
	for (unsigned i = 0; i < OVERLAY_PENDING_MAX + 3; i++) {
		snprintf(domain, sizeof(domain), "d%u.example", i);
		cr_assert_eq(put(domain, "1"), ERR_FULL);
	}
	cr_expect_eq(store_count(store), OVERLAY_PENDING_MAX);
	cr_expect_eq(lines_with(log_path, "than can be held"), 1);
	cr_expect_eq(sync_find(store, "d0.example"), 0);
	cr_expect_eq(sync_find(store, domain), ERR_NOTFOUND);
	store_close(&store);
	cr_expect_eq(lines_with(log_path, "8192 policies could not be written"),
	    1);
	make_room();
	open_store();
	cr_expect_eq(store_count(store), 0);
}

/* A full disk, and strangers: what they bring takes a quarter at most. */
Test(write_retry, C_16_strangers_leave_room_to_hold_what_binds)
{
	static const char free_policy[] =
	    "version: STSv1\nmode: none\nmax_age: 86400\n";
	char domain[32];

	fill();
	for (unsigned i = 0; i < OVERLAY_PENDING_MAX; i++) {
		struct store_entry entry = sync_entry("", "1", free_policy);

		snprintf(domain, sizeof(domain), "s%u.example", i);
		entry.domain = domain;
		cr_assert_eq(sync_put(store, &entry), ERR_FULL);
	}
	cr_expect_eq(store_status(store).unwritten, OVERLAY_PENDING_MAX / 4);
	cr_expect_eq(lines_with(log_path, "than can be held"), 0);
	for (unsigned i = 0; i < OVERLAY_PENDING_MAX; i++) {
		snprintf(domain, sizeof(domain), "d%u.example", i);
		cr_assert_eq(put(domain, "1"), ERR_FULL);
	}
	cr_expect_eq(lines_with(log_path, "than can be held"), 0);
	make_room();
	await_line("state=writes");
	reopen();
	cr_expect_eq(sync_find(store, "d0.example"), 0);
	cr_expect_eq(sync_find(store, domain), 0);
	cr_expect_eq(store_count(store), OVERLAY_PENDING_MAX);
}

/* C-07: a policy that is too large to keep removes the stored one. */
Test(write_retry, C_16_deletions_by_strangers_leave_room_to_hold_what_binds)
{
	enum {
		STRANGERS = OVERLAY_PENDING_MAX / 4 + 10
	};
	static char body[32768] =
	    "version: STSv1\nmode: none\nmax_age: 86400\n";
	char domain[32];

	for (unsigned i = 0; i < STRANGERS; i++) {
		struct store_entry entry = sync_entry(domain, "1", policy);

		snprintf(domain, sizeof(domain), "s%u.example", i);
		cr_assert_eq(store_put(store, &entry, NULL, NULL), 0);
	}
	cr_assert_eq(put("last.example", "1"), 0);
	fill();
	for (size_t len = strlen(body); len < sizeof(body) - 32;)
		len += (size_t)snprintf(body + len, sizeof(body) - len,
		    "mx: mx%zu.example.org\n", len);
	for (unsigned i = 0; i < STRANGERS; i++) {
		struct store_entry entry = sync_entry(domain, "2", body);

		snprintf(domain, sizeof(domain), "s%u.example", i);
		cr_assert_eq(sync_put(store, &entry), ERR_FULL);
	}
	cr_expect_eq(sync_find(store, "s0.example"), ERR_NOTFOUND);
	cr_expect_eq(store_status(store).unwritten, OVERLAY_PENDING_MAX / 4);
	cr_expect_eq(lines_with(log_path, "than can be held"), 0);
}

/* The refresher asks for them again. One takes the place of a held policy. */
Test(write_retry, C_16_deletions_of_expired_policies_are_not_held)
{
	const int64_t now_s = 4000000000;

	cr_assert_eq(put("stored.example", "1"), 0);
	cr_assert_eq(put("held.example", "1"), 0);
	fill();
	cr_expect_eq(sync_delete_expired(store, "stored.example", now_s),
	    ERR_FULL);
	cr_expect_eq(store_status(store).unwritten, 0);
	cr_expect_eq(lines_with(log_path, ""), 0, "nothing is lost by that");
	cr_expect_eq(put("held.example", "2"), ERR_FULL);
	cr_expect_eq(sync_delete_expired(store, "held.example", now_s),
	    ERR_FULL);
	expect_list("stored.example ", "full");
	make_room();
	await_line("state=writes");
	cr_expect_eq(sync_delete_expired(store, "stored.example", now_s), 0);
	reopen();
	expect_list("", "reopened");
}

/* Whether it is on the disk. In a child: LMDB 0.9.31 destroys the mutexes of a
 * store when a second environment of the same process closes. */
static bool
is_on_disk(const char *domain)
{
	pid_t child = fork();
	int status;

	cr_assert_neq(child, -1);
	if (child == 0) {
		struct store *reader =
		    open_lmdb(spec + strlen("lmdb:"), STORE_READ_ONLY);
		int err = sync_find(reader, domain);

		/* Not exit(): to valgrind, what the writer's thread has in its
		 * hands in the parent is a leak of the child. */
		execl("/bin/sh", "sh", "-c",
		    err == 0                  ? "exit 1"
			: err == ERR_NOTFOUND ? "exit 0"
					      : "exit 2",
		    (char *)NULL);
		_exit(2);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) < 2, "%d", status);
	return WEXITSTATUS(status) == 1;
}

/* One that is too large for what is left keeps no other off the disk. */
Test(write_retry, a_large_one_does_not_stop_small_ones)
{
	static uint8_t body[4 << 20];
	struct store_entry large = sync_entry("large.example", "1", "");

	large.body = body;
	large.len = sizeof(body);
	fill();
	cr_expect_eq(sync_put(store, &large), ERR_FULL);
	cr_expect_eq(put("a.example", "1"), ERR_FULL);
	set_limit(1 << 20);
	cr_expect_eq(put("b.example", "1"), 0);
	cr_expect(is_on_disk("a.example"));
	cr_expect_not(is_on_disk("large.example"));
	cr_expect_eq(sync_find(store, "large.example"), 0);
	cr_expect_eq(lines_with(log_path, "state=writes"), 0);
	make_room();
	await_line("state=writes");
	cr_expect_eq(sync_find(store, "large.example"), 0);
}

Test(write_retry, what_is_held_is_counted)
{
	cr_assert_eq(put("a.example", "1"), 0);
	cr_assert_eq(put("c.example", "1"), 0);
	cr_expect_eq(store_status(store).unwritten, 0);
	fill();
	cr_expect_eq(put("a.example", "2"), ERR_FULL);
	cr_expect_eq(put("b.example", "1"), ERR_FULL);
	cr_expect_eq(sync_delete(store, "c.example"), ERR_FULL);
	cr_expect_eq(store_status(store).unwritten, 3);
	make_room();
	await_line("state=writes");
	cr_expect_eq(store_status(store).unwritten, 0);
}

/* --- a disk that is nearly full ------------------------------------------- */

static void
be_full_for_a_moment(const char *domain)
{
	fill();
	cr_expect_eq(put(domain, "1"), ERR_FULL);
	make_room();
	cr_expect_eq(put(domain, "2"), 0);
}

Test(write_retry, outages_in_turn_are_told_as_one)
{
	for (unsigned i = 0; i < 20; i++)
		be_full_for_a_moment("a.example");
	cr_expect_eq(lines_with(log_path, "state=no-writes"), 2);
	cr_expect_eq(lines_with(log_path, "state=writes"), 1,
	    "the second goes on");
	store_close(&store);
	cr_expect_eq(lines_with(log_path, "state=writes"), 2,
	    "all was written");
	cr_expect_eq(lines_with(log_path, ""), 4, "and nothing else");
}

Test(write_retry, outage_ends_when_it_has_been_over_for_a_while)
{
	calm_ms = 500;
	reopen();
	be_full_for_a_moment("a.example");
	be_full_for_a_moment("a.example");
	await_lines("state=writes", 2); /* with no other change */
	cr_expect_eq(lines_with(log_path, "state=no-writes"), 2);
}
