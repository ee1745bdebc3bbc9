/*
 * What a policy body says, by the ABNF of RFC 8461 3.2 and our reading of it
 * (P-01 to P-18, K3 to K7). Slow and obvious, and without a line of
 * core/policy*.c, whose answers it is compared with.
 */
#ifndef FUZZ_ORACLE_POLICY_H
#define FUZZ_ORACLE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/policy.h"

struct oracle_policy {
	bool valid;
	enum policy_mode mode;
	uint32_t max_age_s;
	bool dnssec;
	size_t n_mx;
	char **mx;
};

void oracle_policy(const uint8_t *body, size_t len, struct oracle_policy *out);
void oracle_policy_free(struct oracle_policy *policy);

/* Fails if core has another opinion. */
void oracle_policy_compare(const uint8_t *body, size_t len);

#endif
