/*
 * Answers: immutable, shared by reference between the verdict cache, lookups
 * and askers. struct answer itself is public, see engine/ask.h.
 *
 * Any thread.
 */
#ifndef ENGINE_ANSWER_H
#define ENGINE_ANSWER_H

#include "engine/ask.h"

/*
 * Judges a copy of the facts. NULL with *settled false: an answer that is
 * still missing could change the verdict (DECIDE_PARTIAL). NULL with *settled
 * true: no memory. The one reference is the caller's.
 */
struct answer *answer_new(const struct facts *facts, const struct rules *rules,
    enum decide_when when, bool *settled);

/* The longest time that a renewal ahead of expiry may take. */
#define ANSWER_RENEWAL_MS 30000

/* How long the answer may be kept, from now on; on the loop, before it is
 * shared. */
void answer_set_life(struct answer *answer, uint64_t now_ms, uint64_t life_ms);

/* True once, to one caller, in the last tenth of the answer's life: it is for
 * the caller to see that there is a new one in time. */
bool answer_take_renewal(const struct answer *answer, uint64_t now_ms);

#endif
