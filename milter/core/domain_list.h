/*
 * Lists of domains from the configuration, each entry for good or until a day:
 * exempt_domains with exempt_file, require_domains with require_file,
 * local_domains.
 *
 * Pure. Any thread. Times are wall clock.
 */
#ifndef CORE_DOMAIN_LIST_H
#define CORE_DOMAIN_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct domain_entry {
	const char *domain;  /* canonical; ".example.net": only names below */
	int64_t until_s;     /* a midnight in UTC; 0: for good */
	const char *comment; /* may be NULL */
};

#define DOMAIN_ENTRY_NOTICE_S (7 * 86400)

enum domain_entry_state {
	DOMAIN_ENTRY_LIVE,
	DOMAIN_ENTRY_LAPSES, /* still in force, for DOMAIN_ENTRY_NOTICE_S */
	DOMAIN_ENTRY_LAPSED  /* from until_s on */
};

enum domain_entry_state
domain_entry_state(const struct domain_entry *entry, int64_t now_s);

/* In the order of domain_list_sort(). */
struct domain_list {
	size_t n;
	const struct domain_entry *item;
};

/* Sorts by name; of equal names, the entry that lapses last comes first. */
void domain_list_sort(struct domain_entry *item, size_t n);

/*
 * Finds the entry in force that covers a canonical domain; NULL: there is none.
 * For ".example.net" in place of a domain, the entry that covers all domains
 * below it.
 */
const struct domain_entry *domain_list_find(const struct domain_list *list,
    const char *domain, int64_t now_s);

/* Counts the entries in that state. */
size_t domain_list_count(const struct domain_list *list,
    enum domain_entry_state state, int64_t now_s);

/*
 * A share of all domains, for a gradual start: the option enforce_percent. A
 * domain is in the share if its place is less than the percentage.
 *
 * The place depends on the name alone: it is the same on every host, in every
 * version and after every restart, and a larger share holds all of a smaller
 * one. The tests have values that must never change.
 */

#define SHARE_ALL 100U /* percent */

/*
 * 0 to 99, evenly spread. Hashes the octets of the canonical name with 64-bit
 * FNV-1a, mixes the bits by h ^= h >> 33 and multiplications with
 * 0xff51afd7ed558ccd and 0xc4ceb9fe1a85ec53, and scales the upper 32 bits to
 * 100.
 */
unsigned share_place(const char *domain);

/* No domain is in a share of 0, every domain in one of SHARE_ALL. */
static inline bool
share_has(unsigned percent, const char *domain)
{
	return share_place(domain) < percent;
}

#endif
