/* domain_list: which entry covers a domain, and when it lapses. */
#include "autoconf.h"

#include "core/domain_list.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/name.h"

#define NOW    1000000
#define N(all) (sizeof(all) / sizeof((all)[0]))

static struct domain_entry entries[] = {
    {"partner.test",  0,       "alone"       },
    {".partner.test", 0,       "and below"   },
    {"old.test",      NOW - 1, "over"        },
    {"now.test",      NOW,     "just over"   },
    {"later.test",    NOW + 1, "not yet over"},
    {"twice.test",    NOW - 9, "over"        },
    {"twice.test",    0,       "for good"    },
    {"twice.test",    NOW + 9, "for a time"  },
    {".below.test",   0,       "below"       },
    {".a.below.test", 0,       "nearer"      },
};

static struct domain_list
sorted(void)
{
	domain_list_sort(entries, N(entries));
	return (struct domain_list){.n = N(entries), .item = entries};
}

Test(domain_list, an_entry_covers_its_domain_or_all_below)
{
	static const struct {
		const char *domain;
		const char *comment; /* of the entry; NULL: none covers it */
	} rows[] = {
	    {"partner.test",         "alone"    },
	    {"mx.partner.test",      "and below"},
	    {"a.b.partner.test",     "and below"},
	    {"notpartner.test",      NULL       },
	    {"below.test",           NULL       },
	    {"a.below.test",         "below"    },
	    {"x.a.below.test",       "nearer"   },
	    {"test",                 NULL       },
	    {"",		     NULL       },
 /* what covers all below a domain */
	    {".partner.test",        "and below"},
	    {".mx.partner.test",     "and below"},
	    {".test",                NULL       },
	    {"sub.partner.test.org", NULL       },
	};
	struct domain_list list = sorted();

	for (size_t i = 0; i < N(rows); i++) {
		const struct domain_entry *entry =
		    domain_list_find(&list, rows[i].domain, NOW);
		const char *comment = entry != NULL ? entry->comment : "none";

		cr_expect_str_eq(comment,
		    rows[i].comment != NULL ? rows[i].comment : "none",
		    "%s: %s", rows[i].domain, comment);
	}
}

Test(domain_list, an_entry_that_has_lapsed_covers_nothing)
{
	struct domain_list list = sorted();

	cr_expect_null(domain_list_find(&list, "old.test", NOW));
	cr_expect_null(domain_list_find(&list, "now.test", NOW));
	cr_expect_not_null(domain_list_find(&list, "now.test", NOW - 1));
	cr_expect_not_null(domain_list_find(&list, "later.test", NOW));
}

Test(domain_list, of_one_name_the_entry_that_lapses_last_counts)
{
	struct domain_list list = sorted();
	const struct domain_entry *entry =
	    domain_list_find(&list, "twice.test", NOW);

	cr_assert_not_null(entry);
	cr_expect_str_eq(entry->comment, "for good");
}

Test(domain_list, an_empty_list_covers_nothing)
{
	const struct domain_list none = {.n = 0};

	domain_list_sort(NULL, 0);
	cr_expect_null(domain_list_find(&none, "example.org", NOW));
}

/* The last day is until the second before until_s, in UTC. */
Test(domain_list, entries_lapse_at_the_second)
{
	const struct domain_entry e = {.domain = "a.example",
	    .until_s = 1798761600};
	const struct domain_entry for_good = {.domain = "a.example"};

	cr_expect_eq(domain_entry_state(&for_good, INT64_MAX),
	    DOMAIN_ENTRY_LIVE);
	cr_expect_eq(domain_entry_state(&e, e.until_s - 7 * 86400 - 1),
	    DOMAIN_ENTRY_LIVE);
	cr_expect_eq(domain_entry_state(&e, e.until_s - 7 * 86400),
	    DOMAIN_ENTRY_LAPSES);
	cr_expect_eq(domain_entry_state(&e, e.until_s - 1),
	    DOMAIN_ENTRY_LAPSES);
	cr_expect_eq(domain_entry_state(&e, e.until_s), DOMAIN_ENTRY_LAPSED);
}

Test(domain_list, entries_are_counted_by_state)
{
	struct domain_list list = sorted();

	cr_expect_eq(domain_list_count(&list, DOMAIN_ENTRY_LAPSED, NOW), 3);
	cr_expect_eq(domain_list_count(&list, DOMAIN_ENTRY_LAPSES, NOW), 2);
	cr_expect_eq(domain_list_count(&list, DOMAIN_ENTRY_LIVE, NOW), 5);
}

/* The obvious way: every entry, one after another. */
static bool
is_covered(const struct domain_list *list, const char *domain)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *name = list->item[i].domain;

		if (domain_entry_state(&list->item[i], NOW) ==
		    DOMAIN_ENTRY_LAPSED)
			continue;
		if (strcmp(name, domain) == 0 ||
		    (name[0] == '.' && name_is_below(domain, name + 1)))
			return true;
	}
	return false;
}

Test(domain_list, finds_what_a_slow_search_finds)
{
	static const char *const labels[] = {"a", "b", "below", "partner",
	    "twice", "old", "later", "test"};
	struct domain_list list = sorted();

	for (size_t i = 0; i < N(labels) * N(labels) * N(labels); i++) {
		char domain[NAME_SIZE];

		snprintf(domain, sizeof(domain), "%s.%s.%s",
		    labels[i % N(labels)], labels[i / N(labels) % N(labels)],
		    labels[i / N(labels) / N(labels)]);
		cr_expect_eq(domain_list_find(&list, domain, NOW) != NULL,
		    is_covered(&list, domain), "%s", domain);
	}
}
