/* Domain lists of the configuration. They are sorted for a binary search, as
 * they may have 100,000 entries. */
#include "autoconf.h"

#include "core/domain_list.h"

#include <stdlib.h>
#include <string.h>

enum domain_entry_state
domain_entry_state(const struct domain_entry *entry, int64_t now_s)
{
	if (entry->until_s == 0)
		return DOMAIN_ENTRY_LIVE;
	if (now_s >= entry->until_s)
		return DOMAIN_ENTRY_LAPSED;
	return entry->until_s - now_s <= DOMAIN_ENTRY_NOTICE_S
	    ? DOMAIN_ENTRY_LAPSES
	    : DOMAIN_ENTRY_LIVE;
}

static int
compare(const void *left, const void *right)
{
	const struct domain_entry *a = left;
	const struct domain_entry *b = right;
	int order = strcmp(a->domain, b->domain);

	if (order != 0 || a->until_s == b->until_s)
		return order;
	if (a->until_s == 0 || b->until_s == 0)
		return a->until_s == 0 ? -1 : 1;
	return a->until_s > b->until_s ? -1 : 1;
}

void
domain_list_sort(struct domain_entry *item, size_t n)
{
	if (n > 0)
		qsort(item, n, sizeof(*item), compare);
}

/* Finds the first entry with exactly this text; NULL: there is none. */
static const struct domain_entry *
first_of(const struct domain_list *list, const char *text)
{
	size_t low = 0;
	size_t high = list->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(list->item[middle].domain, text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == list->n || strcmp(list->item[low].domain, text) != 0)
		return NULL;
	return &list->item[low];
}

const struct domain_entry *
domain_list_find(const struct domain_list *list, const char *domain,
    int64_t now_s)
{
	const char *text = domain;

	if (list->n == 0 || domain[0] == '\0')
		return NULL;
	/* "mx.example.net", ".example.net", ".net" */
	for (; text != NULL; text = strchr(text + 1, '.')) {
		const struct domain_entry *entry = first_of(list, text);

		if (entry != NULL &&
		    domain_entry_state(entry, now_s) != DOMAIN_ENTRY_LAPSED)
			return entry;
	}
	return NULL;
}

size_t
domain_list_count(const struct domain_list *list, enum domain_entry_state state,
    int64_t now_s)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += domain_entry_state(&list->item[i], now_s) == state;
	return n;
}

/* --- shares --- */

#define FNV_OFFSET 0xcbf29ce484222325U
#define FNV_PRIME  0x100000001b3U

unsigned
share_place(const char *domain)
{
	uint64_t h = FNV_OFFSET;

	for (const char *at = domain; *at != '\0'; at++)
		h = (h ^ (uint8_t)*at) * FNV_PRIME;
	/* The last octets hardly affect the upper bits of FNV: mix them. */
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdU;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53U;
	h ^= h >> 33;
	return (unsigned)((h >> 32) * 100 >> 32);
}
