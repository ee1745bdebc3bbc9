/*
 * The resolver probe checks whether our own path to the DNS validates. It looks
 * up the DNSKEY of the root, past every cache, at start and every minute, so
 * that "our resolver strips DNSSEC" is never mistaken for "that domain is under
 * attack". It warns of a key of the root that no trust anchor matches.
 */
#ifndef ENGINE_PROBE_H
#define ENGINE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/names.h"

struct dns;
struct log;
struct loop;
struct probe;

#define PROBE_INTERVAL_MS 60000
#define PROBE_RETRY_MS    5000 /* while the path is broken */

/* X(member, name in log and status) */
#define PROBE_STATE_TABLE(X)        \
	X(PROBE_UNKNOWN, "unknown") \
	X(PROBE_OK, "ok")           \
	X(PROBE_BROKEN, "broken")

enum probe_state {
	PROBE_STATE_TABLE(NAMES_MEMBER)
};

/* NULL: no memory. */
struct probe *probe_new(struct log *log);
/* On the loop. Takes dns over, which must be uncached. The first probe begins
 * at once. */
void probe_start(struct probe *probe, struct loop *loop, struct dns *dns);
/* On the loop: no probe begins any more, the one under way is cancelled. */
void probe_stop(struct probe *probe);
/* After probe_stop. */
void probe_free(struct probe **probe);

/* Any thread. False until the first result. NULL is fine. */
bool probe_broken(const struct probe *probe);
#define PROBE_WHY_SIZE 256
/* Any thread. *since_s: wall clock, 0 until the first result. why: the error of
 * the last probe, "" if there was none. */
enum probe_state
probe_state(struct probe *probe, int64_t *since_s, char why[PROBE_WHY_SIZE]);
/* Any thread but the loop's: waits for the first result, until deadline_ms
 * (clock_mono_ms()) at most. */
enum probe_state probe_await(struct probe *probe, uint64_t deadline_ms);
/* Any thread. Of the last good probe, see dns_root_key_missing(); -1: none. */
int probe_key_missing(const struct probe *probe);
const char *probe_state_name(enum probe_state state);

#endif
