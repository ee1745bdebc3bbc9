/* engine/recent.h: F-12, C-09, P-19. */
#include "autoconf.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#include "engine/recent.h"

Test(backoff, F_12_same_id_waits_other_does_not)
{
	struct lru b = {0};

	cr_expect_null(backoff_error(&b, "example.org", "1", 0));
	backoff_add(&b, "example.org", "1", 100, "HTTP status 500");
	cr_expect_str_eq(backoff_error(&b, "example.org", "1", 99),
	    "HTTP status 500");
	cr_expect_null(backoff_error(&b, "example.org", "1", 100));
	cr_expect_null(backoff_error(&b, "example.org", "2", 99));
	cr_expect_null(backoff_error(&b, "example.net", "1", 99));
	backoff_remove(&b, "example.org");
	cr_expect_null(backoff_error(&b, "example.org", "1", 99));
	backoff_remove(&b, "example.org");
	lru_clear(&b, free);
}

Test(backoff, P_19_first_failure_of_an_id_is_told)
{
	struct lru b = {0};

	cr_expect(backoff_add(&b, "example.org", "1", 100, "a"));
	cr_expect_not(backoff_add(&b, "example.org", "1", 200, "b"));
	cr_expect(backoff_add(&b, "example.org", "2", 300, "c"));
	lru_clear(&b, free);
}

Test(backoff, oldest_is_forgotten_at_the_bound)
{
	struct lru b = {0};
	char domain[32];

	for (unsigned i = 0; i <= BACKOFF_ENTRIES_MAX; i++) {
		(void)snprintf(domain, sizeof(domain), "d%u.example", i);
		backoff_add(&b, domain, "1", 100, "no");
	}
	cr_expect_null(backoff_error(&b, "d0.example", "1", 0));
	cr_expect_not_null(backoff_error(&b, "d1.example", "1", 0));
	cr_expect_not_null(backoff_error(&b, domain, "1", 0));
	lru_clear(&b, free);
}
