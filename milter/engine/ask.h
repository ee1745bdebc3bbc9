/*
 * The engine's one entry: ask() looks up what the policy and DNSSEC say about a
 * domain.
 *
 * All asks about a domain share one lookup (S-04). It runs to its end even when
 * nobody waits any more, so that the sender's retry finds the answer in the
 * cache. Every ask is completed exactly once, no later than its deadline plus a
 * moment.
 *
 * lookup_limit.c limits the lookups. The callers limit how many of them wait: a
 * connection of the MTA has one ask under way, a connection of the socketmap
 * SOCKETMAP_UNDER_WAY, and a client of the status page or the control socket
 * one. Callers that wait for the same domain cost one lookup together, so none
 * of them is turned away because they are many.
 */
#ifndef ENGINE_ASK_H
#define ENGINE_ASK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/decide.h"
#include "core/facts.h"
#include "core/scope.h"
#include "core/verdict.h"
#include "engine/probe.h"

struct config;
struct engine;
struct log;
struct metrics;
struct store;

#define ENGINE_ERROR_SIZE 512

/* Immutable and shared; held by reference. */
struct answer {
	atomic_uint refs;
	unsigned generation;    /* of the configuration that judged */
	unsigned epoch;         /* of the domain, see engine/cache.h */
	unsigned unbound_epoch; /* of all domains, see engine/cache.h */
	uint64_t expires_ms;    /* clock_mono_ms(); keep it no longer */
	uint64_t renew_ms;      /* from then on it is looked up anew if used */
	atomic_bool renewed;
	bool delivery;          /* good for ASK_DELIVERY */
	size_t size;            /* octets in all, for the cache's bound */
	struct verdict verdict; /* points into *facts */
	struct facts *facts;
};

/*
 * The store stays the caller's and must outlive the engine; so must the
 * configuration, for its pins, until engine_reload has taken another one.
 * NULL with *error filled in.
 */
struct engine *engine_new(const struct config *config, struct store *store,
    struct log *log, char error[ENGINE_ERROR_SIZE]);

/*
 * Takes the new configuration: rules, resolver, trust anchor, CA file, time
 * limits. Lookups under way end under the old one; verdicts made under it are
 * no longer used. The number of loops stays. Not on a loop; one call at a time.
 * 0, or ERR_CONFIG with *error filled in: then nothing has changed.
 */
int engine_reload(struct engine *engine, const struct config *config,
    char error[ENGINE_ERROR_SIZE]);

/*
 * Called when the wall clock was set back: cached answers would be kept too
 * long (S-05), and engine_reload with the configuration in force discards them.
 * fn runs on a loop and under a lock: it is short and calls no engine. NULL:
 * removes it; after the return it no longer runs. Any thread.
 */
typedef void engine_set_back_fn(void *arg);
void
engine_on_set_back(struct engine *engine, engine_set_back_fn *fn, void *arg);

/* Any thread. The engine's counters, which others may use as well. They end
 * with the engine. */
struct metrics *engine_metrics(struct engine *engine);

/*
 * True if every loop has gone round since the last call, and at the first call.
 * Not on a loop; one call at a time. Never blocks.
 */
bool engine_alive(struct engine *engine);

/* Lookups under way are broken off; their askers get internal-error. */
void engine_free(struct engine **engine);

/* The state of the engine, for status and metrics. Any thread. */
struct engine_status {
	unsigned generation; /* of the configuration: 1, and 1 more a reload */
	enum probe_state resolver;
	int64_t resolver_since_s; /* wall clock; 0: as long as UNKNOWN */
	char resolver_why[PROBE_WHY_SIZE]; /* BROKEN: for people */
	int root_key_missing; /* tag of a key without trust anchor; -1: none */
	size_t loops;
	size_t lookups; /* under way */
	size_t askers;  /* callers that wait for them */
	size_t verdicts;
	size_t verdict_octets;
};

void engine_status(struct engine *engine, struct engine_status *out);

/* Waits for the probe's first result, until deadline_ms at most; not on a
 * loop. */
enum probe_state
engine_await_probe(struct engine *engine, uint64_t deadline_ms);

/* Discards the verdicts on the domain, whose policy was changed by hand or by
 * another host. NULL: discards all verdicts without a policy that requires
 * DNSSEC, as any of these domains may have one now. */
void engine_forget(struct engine *engine, const char *domain);

/* done runs exactly once, on a loop's thread or inside the call. answer is
 * borrowed: take a reference to keep it. NULL: no memory for a lookup, or the
 * engine ends; whether the domain requires DNSSEC is not known. */
typedef void ask_done_fn(void *arg, const struct answer *answer, bool cached);

enum ask_what {
	/* The earliest verdict that is certain. */
	ASK_VERDICT,
	/*
	 * For the moment of delivery: the verdict on all the evidence, as the
	 * verdict cache keeps it. MX, addresses and TLSA are also looked up for
	 * a policy that does not require DNSSEC but is in mode enforce, so that
	 * MTA-STS does not override DANE (S-01). The verdict stays the same
	 * (D-01).
	 */
	ASK_DELIVERY,
	/* For tools: the same, past the verdict cache. */
	ASK_EVIDENCE,
	/*
	 * Fetches the stored policy of the target's domain anew, whatever its
	 * TXT says, and stores the result; a failure is noted there and warned
	 * about (C-11, C-12). No records of delivery are looked up, and answer
	 * is NULL. Has no deadline.
	 */
	ASK_REFRESH
};

struct ask_options {
	enum ask_what what;
	const struct target *target; /* borrowed during the call */
	uint64_t deadline_ms;        /* clock_mono_ms() */
	ask_done_fn *done;           /* NULL: no callback */
	void *arg;
};

/* Any thread. Never blocks. */
void ask(struct engine *engine, const struct ask_options *options);

/*
 * ASK_VERDICT for a thread that may block; not a loop's. Blocks until
 * deadline_ms, or 800 ms longer if the loop is late and the store has to be
 * read instead. *cached tells whether the verdict cache answered; if it did
 * not, before_wait is called (unless NULL) once the lookup is under way. Never
 * NULL but when memory is out; release with answer_unref.
 */
const struct answer *
ask_wait(struct engine *engine, const struct target *target,
    uint64_t deadline_ms, void (*before_wait)(void), bool *cached);

const struct answer *answer_ref(const struct answer *answer);
void answer_unref(const struct answer **answer); /* NULL is fine */

#endif
