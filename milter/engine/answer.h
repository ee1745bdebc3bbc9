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

#endif
