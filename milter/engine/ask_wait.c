/*
 * ask_wait() blocks the calling thread until a loop answers. If the loop is
 * late, which should never happen, the calling thread reads the store itself,
 * so that a domain that requires DNSSEC does not pass.
 */
#include "autoconf.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "core/policy.h"
#include "engine/cache.h"
#include "engine/engine_impl.h"
#include "log/log.h"
#include "store/store.h"

/* How late a loop may be, and how long the store may take after that. */
#define LATE_MS  500
#define STORE_MS 300

/* Shared by the thread that asks and the one that answers; the last one frees
 * it. */
struct rendezvous {
	pthread_mutex_t lock;
	pthread_cond_t come;
	unsigned holders;
	bool done;
	const struct answer *answer; /* of ask */
	/* of the store */
	bool found;
	struct fact_policy policy;
	int64_t now_s;
};

static struct rendezvous *
rendezvous_new(void)
{
	struct rendezvous *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->holders = 2;
	(void)pthread_mutex_init(&r->lock, NULL);
	thread_cond_init(&r->come);
	return r;
}

/* Wakes the other side and drops one of the two holds. Called with the lock
 * held; releases it. */
static void
leave(struct rendezvous *r)
{
	bool last = --r->holders == 0;

	r->done = true;
	(void)pthread_cond_signal(&r->come);
	(void)pthread_mutex_unlock(&r->lock);
	if (!last)
		return;
	answer_unref(&r->answer);
	(void)pthread_cond_destroy(&r->come);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

/* Waits until the other side has left. Takes the lock and keeps it. */
static void
wait_until(struct rendezvous *r, uint64_t mono_ms)
{
	(void)pthread_mutex_lock(&r->lock);
	while (!r->done && thread_wait_until(&r->come, &r->lock, mono_ms))
		continue;
}

static void
answered(void *arg, const struct answer *answer, bool cached)
{
	struct rendezvous *r = arg;

	(void)cached;
	(void)pthread_mutex_lock(&r->lock);
	if (answer != NULL)
		r->answer = answer_ref(answer);
	leave(r);
}

/* --- without the loop --------------------------------------------------- */

static void
stored(void *arg, int err, const struct store_entry *entry)
{
	struct rendezvous *r = arg;
	struct policy *policy = NULL;

	(void)pthread_mutex_lock(&r->lock);
	if (err == 0 &&
	    policy_parse(entry->body, entry->len, NULL, NULL, &policy) == 0) {
		r->found = true;
		r->policy =
		    fact_policy_of(policy, "", r->now_s - entry->fetched_s);
		r->policy.n_mx = 0; /* freed, and not needed */
		r->policy.mx = NULL;
		policy_free(&policy);
	}
	leave(r);
}

/* True: *policy is what the store holds. */
static bool
read_store(struct engine *engine, const char *domain,
    struct fact_policy *policy)
{
	struct rendezvous *r = rendezvous_new();
	bool found;

	if (r == NULL)
		return false;
	r->now_s = clock_wall_s();
	if (store_get(engine->store, domain, stored, r) != 0) {
		r->holders--; /* nobody else will come */
		r->done = true;
	}
	wait_until(r, clock_mono_ms() + STORE_MS);
	found = r->found;
	*policy = r->policy;
	leave(r);
	return found;
}

/* Judges the stored policy as an internal error (D-20). Allocates the answer
 * first, so that a policy that is found cannot be lost for want of memory.
 * NULL: no memory, and nothing is known. */
static const struct answer *
answer_from_store(struct engine *engine, const struct target *target)
{
	struct fact_policy policy = {.id = ""};
	struct facts facts = {
	    .recipient = {.class = ADDRESS_DOMAIN, .domain = target->domain},
	    .pinned = engine_pins(engine, target->domain),
	    .internal_error = true,
	    .internal_why = "the resolver thread did not answer",
	    .stored = &policy,
	};
	struct answer *answer;
	struct rules rules;
	bool settled;

	(void)pthread_mutex_lock(&engine->lock);
	rules = engine->rules;
	(void)pthread_mutex_unlock(&engine->lock);
	log_msg(engine->log, LOG_LEVEL_ERROR, "internal",
	    "no answer about %s from its loop: judged by the policy store "
	    "alone",
	    target->domain);
	answer = answer_new(&facts, &rules, DECIDE_FINAL, &settled);
	if (answer == NULL)
		return NULL;
	if (read_store(engine, target->domain, &policy))
		*(struct fact_policy *)(uintptr_t)answer->facts->stored =
		    policy;
	else
		answer->facts->stored = NULL;
	(void)decide(answer->facts, &rules, DECIDE_FINAL, &answer->verdict);
	return answer;
}

const struct answer *
ask_wait(struct engine *engine, const struct target *target,
    uint64_t deadline_ms, void (*before_wait)(void), bool *cached)
{
	const struct answer *answer = ask_cache(engine, target);
	struct rendezvous *r;

	*cached = answer != NULL;
	if (answer != NULL)
		return answer;
	r = rendezvous_new();
	if (r != NULL) {
		ask_loop(engine,
		    &(struct ask_options){
			.target = target,
			.deadline_ms = deadline_ms,
			.done = answered,
			.arg = r,
		    });
		if (before_wait != NULL)
			before_wait();
		wait_until(r, deadline_ms + LATE_MS);
		answer = r->answer;
		r->answer = NULL;
		leave(r);
	}
	return answer != NULL ? answer : answer_from_store(engine, target);
}
