/*
 * Domains that the configuration names, each for good or until a day:
 * exempt_domains with exempt_file, require_domains with require_file,
 * local_domains.
 *
 * Pure. Any thread. Times are wall clock.
 */
#ifndef CORE_DOMAIN_LIST_H
#define CORE_DOMAIN_LIST_H

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

/* By name; of one name, the entry that lapses last comes first. */
void domain_list_sort(struct domain_entry *item, size_t n);

/*
 * The entry in force that covers a canonical domain; NULL: there is none.
 * ".example.net" in place of a domain: the entry that covers all below it.
 */
const struct domain_entry *domain_list_find(const struct domain_list *list,
    const char *domain, int64_t now_s);

/* How many entries are in that state. */
size_t domain_list_count(const struct domain_list *list,
    enum domain_entry_state state, int64_t now_s);

#endif
