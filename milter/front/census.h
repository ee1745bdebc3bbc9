/*
 * What the policy store holds, summed up: how many policies bind, which of
 * them expire next.
 *
 * Pure. Any thread.
 */
#ifndef FRONT_CENSUS_H
#define FRONT_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/name.h"
#include "core/policy.h"
#include "core/txt.h"

struct store_entry;

#define CENSUS_LISTED_MAX 100

struct census_policy {
	char domain[NAME_SIZE];
	char id[TXT_ID_SIZE];
	enum policy_mode mode;
	int64_t fetched_s; /* wall clock, as all times here */
	int64_t expires_s;
	bool failing; /* the last refresh did */
};

/* Zeroed memory with now_s set has seen nothing. */
struct census {
	int64_t now_s;
	size_t live;               /* policies that are not expired */
	size_t binding;            /* of those: with the flag */
	size_t failing;            /* of the binding: the last refresh failed */
	int64_t failing_expires_s; /* the next of the failing; 0: none fails */
	size_t n;                  /* listed */
	/* The binding ones that expire next, in that order. */
	struct census_policy listed[CENSUS_LISTED_MAX];
};

void census_add(struct census *census, const struct store_entry *entry);

#endif
