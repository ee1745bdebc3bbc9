/* Records over a store: their bounds, and what is pending. */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/overlay.h"
#include "store_sync.h"

static const char policy[] = "version: STSv1\nmode: none\nmax_age: 86400\n";

static struct record *
new_record(const char *domain, const char *id)
{
	struct store_entry entry = sync_entry(domain, id, policy);
	struct record *record;

	cr_assert_eq(record_new(&entry, &record), 0);
	return record;
}

static struct record *
new_big(const char *domain)
{
	struct store_entry entry = sync_entry(domain, "1", "");
	struct record *record;

	entry.len = RECORD_BODY_MAX;
	entry.body = calloc(1, entry.len);
	cr_assert_not_null(entry.body);
	cr_assert_eq(record_new(&entry, &record), 0);
	free((void *)(uintptr_t)entry.body);
	return record;
}

static bool
put(struct overlay *o, struct record *record, bool pending)
{
	bool kept = overlay_put(o, record, pending);

	record_unref(&record);
	return kept;
}

/* Whether it is there, and counts as used by that. */
static bool
has(struct overlay *o, const char *domain)
{
	struct record *record = overlay_get(o, domain, NULL);
	bool found = record != NULL;

	record_unref(&record);
	return found;
}

Test(overlay, later_record_takes_the_place)
{
	struct overlay *o =
	    overlay_new(OVERLAY_ENTRIES_MAX, OVERLAY_OCTETS_MAX);
	struct record *record;
	bool pending = true;

	cr_assert(put(o, new_record("example.org", "1"), true));
	cr_assert(put(o, new_record("example.org", "2"), false));
	cr_expect_eq(overlay_size(o).n, 1);
	cr_expect_eq(overlay_size(o).pending, 0);
	record = overlay_get(o, "example.org", &pending);
	cr_expect_str_eq(record->entry.id, "2");
	cr_expect_not(pending);
	record_unref(&record);
	overlay_remove(o, "example.org");
	overlay_remove(o, "example.net");
	cr_expect_not(has(o, "example.org"));
	overlay_free(&o);
	cr_expect_null(o);
}

/* Another thread may have put a record since this one has looked. */
Test(overlay, record_is_replaced_only_if_it_is_the_expected_one)
{
	struct overlay *o =
	    overlay_new(OVERLAY_ENTRIES_MAX, OVERLAY_OCTETS_MAX);
	struct record *first = new_record("example.org", "1");
	struct record *later = new_record("example.org", "2");
	struct record *late = new_record("example.org", "3");

	cr_expect(overlay_replace(o, "example.org", NULL, first, false));
	cr_expect_not(overlay_replace(o, "example.org", NULL, late, false));
	cr_expect(overlay_replace(o, "example.org", first, first, true));
	cr_expect_eq(overlay_size(o).pending, 1);
	cr_assert(overlay_put(o, later, true));
	cr_expect_not(overlay_replace(o, "example.org", first, late, false));
	cr_expect_not(overlay_replace(o, "example.org", first, NULL, false));
	cr_expect_eq(overlay_size(o).pending, 1);
	cr_expect(overlay_replace(o, "example.org", later, NULL, false));
	cr_expect_not(has(o, "example.org"));
	cr_expect(overlay_replace(o, "example.org", NULL, NULL, false));
	record_unref(&first);
	record_unref(&later);
	record_unref(&late);
	overlay_free(&o);
}

static void
fill(struct overlay *o, size_t n, bool pending)
{
	char domain[64];

	for (size_t i = 0; i < n; i++) {
		snprintf(domain, sizeof(domain), "d%zu.example", i);
		(void)put(o, new_record(domain, "1"), pending);
	}
}

Test(overlay, least_recently_used_goes_first)
{
	struct overlay *o =
	    overlay_new(OVERLAY_ENTRIES_MAX, OVERLAY_OCTETS_MAX);

	fill(o, OVERLAY_ENTRIES_MAX, false);
	cr_expect(has(o, "d0.example"));
	cr_assert(put(o, new_record("new.example", "1"), false));
	cr_expect_eq(overlay_size(o).n, OVERLAY_ENTRIES_MAX);
	cr_expect(has(o, "new.example"));
	cr_expect(has(o, "d0.example"), "it was just used");
	cr_expect_not(has(o, "d1.example"));
	cr_expect(has(o, "d2.example"));
	overlay_free(&o);
}

Test(overlay, octets_are_bounded)
{
	struct overlay *o =
	    overlay_new(OVERLAY_ENTRIES_MAX, OVERLAY_OCTETS_MAX);
	char domain[64];

	for (int i = 0; i < 8; i++) {
		snprintf(domain, sizeof(domain), "d%d.example", i);
		cr_expect(put(o, new_big(domain), false));
	}
	cr_expect_eq(overlay_size(o).n,
	    OVERLAY_OCTETS_MAX / RECORD_BODY_MAX - 1, "%zu", overlay_size(o).n);
	cr_expect_not(has(o, "d0.example"));
	cr_expect(has(o, "d7.example"));
	overlay_free(&o);
}

/* What the store does not have yet must not be lost for what it has. */
Test(overlay, pending_stays_within_its_own_bound)
{
	struct overlay *o =
	    overlay_new(OVERLAY_ENTRIES_MAX, OVERLAY_OCTETS_MAX);

	fill(o, OVERLAY_PENDING_MAX, true);
	cr_expect_eq(overlay_size(o).pending, OVERLAY_PENDING_MAX);
	cr_expect_not(put(o, new_record("more.example", "1"), true),
	    "as pending it cannot be kept");
	cr_expect(has(o, "more.example"));
	cr_expect_eq(overlay_size(o).pending, OVERLAY_PENDING_MAX);
	for (size_t i = 0; i < OVERLAY_ENTRIES_MAX; i++) {
		char domain[64];

		snprintf(domain, sizeof(domain), "other%zu.example", i);
		(void)put(o, new_record(domain, "1"), false);
	}
	cr_expect_eq(overlay_size(o).n, OVERLAY_ENTRIES_MAX);
	cr_expect_eq(overlay_size(o).pending, OVERLAY_PENDING_MAX);
	cr_expect(has(o, "d0.example"));
	overlay_free(&o);
}

static struct record *
new_expendable(const char *domain)
{
	struct store_entry entry = sync_entry(domain, "1", policy);
	struct record *record;

	entry.expendable = true;
	cr_assert_eq(record_new(&entry, &record), 0);
	return record;
}

static void
flood(struct overlay *o, size_t n, bool pending)
{
	char domain[64];

	for (size_t i = 0; i < n; i++) {
		snprintf(domain, sizeof(domain), "stranger%zu.example", i);
		(void)put(o, new_expendable(domain), pending);
	}
}

/* What strangers have brought drives out nothing that protects. */
Test(overlay, C_16_what_does_not_bind_goes_first)
{
	struct overlay *o =
	    overlay_new(OVERLAY_ENTRIES_MAX, OVERLAY_OCTETS_MAX);

	fill(o, 1000, false);
	flood(o, 2 * OVERLAY_ENTRIES_MAX, false);
	cr_expect_eq(overlay_size(o).n, OVERLAY_ENTRIES_MAX);
	for (size_t i = 0; i < 1000; i++) {
		char domain[64];

		snprintf(domain, sizeof(domain), "d%zu.example", i);
		cr_assert(has(o, domain), "%s", domain);
	}
	overlay_free(&o);
}

Test(overlay, C_16_what_binds_can_always_be_pending)
{
	struct overlay *o =
	    overlay_new(OVERLAY_ENTRIES_MAX, OVERLAY_OCTETS_MAX);
	struct record *first[1];

	flood(o, OVERLAY_PENDING_MAX, true);
	cr_expect_eq(overlay_size(o).pending, OVERLAY_PENDING_MAX / 4);
	fill(o, OVERLAY_PENDING_MAX, true);
	cr_expect_eq(overlay_size(o).pending, OVERLAY_PENDING_MAX);
	cr_expect(has(o, "d0.example"));
	cr_expect_not(put(o, new_expendable("more.example"), true));
	/* And is written first. */
	overlay_remove(o, "d0.example");
	cr_expect(put(o, new_expendable("more.example"), true));
	cr_expect_eq(overlay_pending(o, first, 1), 1);
	cr_expect_not(first[0]->entry.expendable);
	record_unref(&first[0]);
	overlay_free(&o);
}

Test(overlay, pending_octets_are_bounded)
{
	struct overlay *o =
	    overlay_new(OVERLAY_ENTRIES_MAX, OVERLAY_OCTETS_MAX);

	cr_expect(put(o, new_big("a.example"), true));
	cr_expect_not(put(o, new_big("b.example"), true));
	cr_expect(has(o, "b.example"));
	cr_expect_eq(overlay_size(o).pending, 1);
	overlay_free(&o);
}

Test(overlay, only_the_record_that_was_written_is_settled)
{
	struct overlay *o =
	    overlay_new(OVERLAY_ENTRIES_MAX, OVERLAY_OCTETS_MAX);
	struct record *old;
	struct record *rows[4];

	cr_assert(put(o, new_record("example.org", "1"), true));
	cr_assert_eq(overlay_pending(o, rows, 4), 1);
	old = rows[0];
	cr_assert(put(o, new_record("example.org", "2"), true));
	overlay_settle(o, old);
	cr_expect_eq(overlay_size(o).pending, 1, "the new one still waits");
	record_unref(&old);
	cr_assert_eq(overlay_pending(o, rows, 4), 1);
	cr_expect_str_eq(rows[0]->entry.id, "2");
	overlay_settle(o, rows[0]);
	cr_expect_eq(overlay_size(o).pending, 0);
	cr_expect(has(o, "example.org"));
	record_unref(&rows[0]);
	overlay_free(&o);
}

Test(overlay, snapshot_is_in_order_of_domain)
{
	static const char *const domains[] = {"b.example", "a.example",
	    "c.example"};
	static const char *const sorted[] = {"a.example", "b.example",
	    "c.example"};
	struct overlay *o =
	    overlay_new(OVERLAY_ENTRIES_MAX, OVERLAY_OCTETS_MAX);
	struct record **rows;
	size_t n;

	for (size_t i = 0; i < 3; i++)
		(void)put(o, new_record(domains[i], "1"), i == 1);
	cr_assert_eq(overlay_snapshot(o, &rows, &n), 0);
	cr_assert_eq(n, 3);
	for (size_t i = 0; i < n; i++)
		cr_expect_str_eq(rows[i]->entry.domain, sorted[i]);
	overlay_snapshot_free(rows, n);
	overlay_free(&o);
}
