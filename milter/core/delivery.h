/*
 * Judges the way to a domain that requires DNSSEC: MX, then A, AAAA and TLSA of
 * every host (REQUIREMENTS D-05 to D-19). Part of decide().
 *
 * Pure. Any thread.
 */
#ifndef CORE_DELIVERY_H
#define CORE_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/decide.h"
#include "core/facts.h"
#include "core/verdict.h"

enum delivery_state {
	DELIVERY_GOOD, /* for reason; nothing can change it */
	DELIVERY_BAD,  /* nothing can make it good */
	DELIVERY_OPEN  /* bad only because answers are missing */
};

struct delivery {
	enum delivery_state state;
	enum reason reason;
	struct evidence decided_by;
	struct evidence worst; /* of the hosts */
	unsigned hosts_good;
	unsigned hosts_total;
	bool more; /* answers are missing that could be worse still */
};

/* policy NULL: not known, its mx patterns are not looked at. */
void delivery_judge(const struct facts *facts, const struct rules *rules,
    const struct fact_policy *policy, struct delivery *out);

/*
 * Whether a TLSA record is one that SMTP can use (RFC 7672 3.1). rdata: usage,
 * selector, matching type, data (RFC 6698 2.1), any octets.
 */
bool tlsa_is_usable(const uint8_t *rdata, size_t len);

#endif
