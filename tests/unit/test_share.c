/* The option enforce_percent: which domains are in a share of all. */
#include "autoconf.h"

#include "core/domain_list.h"

#include <stdio.h>

#include <criterion/criterion.h>

/* From another implementation. Were one of these to change, an update would
 * refuse mail of domains that were let through before: it must not. */
static const struct {
	const char *domain;
	unsigned place;
} places[] = {
    {"",		       93},
    {"a",		      51},
    {"example.org",            80},
    {"example.com",            58},
    {"example.net",            39},
    {"secure.test",            18},
    {"xn--mnchen-3ya.example", 15},
    {"gmail.com",              9 },
    {"posteo.de",              77},
    {"mail.example.org",       20},
};

Test(share, never_changes_A06)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		cr_expect_eq(share_place(places[i].domain), places[i].place,
		    "%s: %u", places[i].domain, share_place(places[i].domain));
}

#define DOMAINS 100000U

/* 1000 a place on average; the standard deviation is 31. */
Test(share, is_even)
{
	static const struct {
		const char *before;
		const char *behind;
	} forms[] = {
	    {"d",       ".example"    },
	    {"",        ".test"       },
	    {"mail.",   ".example.org"},
	    {"example", ".com"        },
	};

	for (size_t f = 0; f < sizeof(forms) / sizeof(forms[0]); f++) {
		unsigned n[SHARE_ALL] = {0};
		char domain[64];

		for (unsigned i = 0; i < DOMAINS; i++) {
			snprintf(domain, sizeof(domain), "%s%u%s",
			    forms[f].before, i, forms[f].behind);
			cr_assert_lt(share_place(domain), SHARE_ALL);
			n[share_place(domain)]++;
		}
		for (unsigned place = 0; place < SHARE_ALL; place++) {
			cr_expect_gt(n[place], 850U, "%s", forms[f].behind);
			cr_expect_lt(n[place], 1150U, "%s", forms[f].behind);
		}
	}
}

Test(share, none_all_and_more_with_every_percent)
{
	char domain[64];

	for (unsigned i = 0; i < 1000; i++) {
		bool had = false;

		snprintf(domain, sizeof(domain), "d%u.example", i);
		cr_assert_not(share_has(0, domain));
		cr_assert(share_has(SHARE_ALL, domain));
		for (unsigned percent = 0; percent <= SHARE_ALL; percent++) {
			cr_assert(!had || share_has(percent, domain));
			had = share_has(percent, domain);
		}
	}
}
