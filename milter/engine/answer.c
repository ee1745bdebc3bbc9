/* Answers: immutable, counted by reference. */
#include "autoconf.h"

#include "engine/answer.h"

#include <stdlib.h>

struct answer *
answer_new(const struct facts *facts, const struct rules *rules,
    enum decide_when when, bool *settled)
{
	struct answer *answer = NULL;
	struct facts *copy = NULL;
	struct verdict verdict;
	size_t size = 0;

	/* Cheaper than a copy that is thrown away. */
	*settled = decide(facts, rules, when, &verdict);
	if (!*settled)
		goto out;
	copy = facts_copy(facts, &size);
	if (copy == NULL)
		goto out;
	answer = calloc(1, sizeof(*answer));
	if (answer == NULL)
		goto out;
	atomic_init(&answer->refs, 1);
	(void)decide(copy, rules, when, &answer->verdict);
	answer->facts = copy;
	answer->size = size + sizeof(*answer);
	copy = NULL;
out:
	free(copy);
	return answer;
}

void
answer_set_life(struct answer *answer, uint64_t now_ms, uint64_t life_ms)
{
	answer->expires_ms = now_ms + life_ms;
	answer->renew_ms = answer->expires_ms - life_ms / 10;
}

bool
answer_take_renewal(const struct answer *answer, uint64_t now_ms)
{
	struct answer *taken = (struct answer *)(uintptr_t)answer;

	/* Read first: a busy answer must not be written to each time. */
	return now_ms >= answer->renew_ms &&
	    !atomic_load_explicit(&taken->renewed, memory_order_relaxed) &&
	    !atomic_exchange(&taken->renewed, true);
}

const struct answer *
answer_ref(const struct answer *answer)
{
	/* The count is the one thing about an answer that changes. */
	struct answer *counted = (struct answer *)(uintptr_t)answer;

	(void)atomic_fetch_add_explicit(&counted->refs, 1,
	    memory_order_relaxed);
	return answer;
}

void
answer_unref(const struct answer **answer)
{
	struct answer *counted = (struct answer *)(uintptr_t)*answer;

	*answer = NULL;
	if (counted == NULL ||
	    atomic_fetch_sub_explicit(&counted->refs, 1,
		memory_order_acq_rel) != 1)
		return;
	free(counted->facts);
	free(counted);
}
