/* The resolver probe. */
#include "autoconf.h"

#include "engine/probe.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/thread.h"
#include "core/names.h"
#include "dns/dns.h"
#include "engine/loop.h"
#include "log/log.h"

struct probe {
	atomic_int state; /* enum probe_state */
	struct log *log;
	struct loop *loop;
	struct dns *dns;
	struct loop_timer timer;
	bool told;              /* of key_missing, since probe_start() */
	atomic_int key_missing; /* see dns_root_key_missing() */
	pthread_mutex_t lock;   /* guards the members below */
	pthread_cond_t known;   /* probe_await() waits for it */
	int64_t since_s;
	char why[PROBE_WHY_SIZE];
};

NAMES(probe_state, enum probe_state, PROBE_STATE_TABLE)

static void begin(struct loop_timer *timer);

/* Takes the result of a probe, logs a change, and sets the timer for the next
 * one. */
static void
settle(struct probe *probe, enum probe_state now, const char *why)
{
	bool ok = now == PROBE_OK;
	bool changed;
	struct log_event e;

	(void)pthread_mutex_lock(&probe->lock);
	(void)snprintf(probe->why, sizeof(probe->why), "%s", why);
	/* The text may quote a server, and the status is JSON. */
	for (char *c = probe->why; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	changed = atomic_exchange(&probe->state, (int)now) != (int)now;
	if (changed) {
		probe->since_s = clock_wall_s();
		(void)pthread_cond_broadcast(&probe->known);
	}
	(void)pthread_mutex_unlock(&probe->lock);

	if (changed) {
		log_begin(&e, probe->log, ok ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR,
		    "resolver");
		log_str(&e, "state", probe_state_name(now));
		if (!ok)
			log_str(&e, "why", why);
		log_str(&e, "msg",
		    ok ? "the resolver path validates"
		       : "the root's DNSKEY does not validate over our own "
			 "resolver path: every domain that requires DNSSEC is "
			 "treated by on_resolver_failure; check resolvers, "
			 "trust_anchor, the clock and the network");
		log_end(&e);
	}
	if (probe->dns != NULL)
		(void)loop_timer_set(probe->loop, &probe->timer,
		    clock_mono_ms() + (ok ? PROBE_INTERVAL_MS : PROBE_RETRY_MS),
		    begin);
}

/* The root has a key without a trust anchor. Warns once after each start and
 * reload: validation works until the root signs with that key alone. */
static void
warn_of_key(struct probe *probe, int tag)
{
	struct log_event e;
	char why[80];

	if (probe->told)
		return;
	probe->told = true;
	(void)snprintf(why, sizeof(why),
	    "trust_anchor has neither DNSKEY nor DS of the root's key %d", tag);
	log_begin(&e, probe->log, LOG_LEVEL_WARNING, "resolver");
	log_str(&e, "why", why);
	log_str(&e, "msg",
	    "the resolver path validates, but when the root signs with that "
	    "key alone, every domain that requires DNSSEC will be treated by "
	    "on_resolver_failure, by default deferred; update the trust anchor "
	    "file (Debian: package dns-root-data) and reload");
	log_end(&e);
}

static void
answered(void *arg, const struct dns_answer *answer)
{
	struct probe *probe = arg;
	int missing;

	if (probe->dns == NULL)
		return; /* stopped */
	if (answer->status != FACT_SECURE || answer->answer != ANSWER_RECORDS) {
		settle(probe, PROBE_BROKEN,
		    answer->why[0] != '\0' ? answer->why
					   : fact_status_name(answer->status));
		return;
	}
	missing = dns_root_key_missing(probe->dns, answer);
	/* Before settle(), which wakes probe_await(). */
	atomic_store(&probe->key_missing, missing);
	settle(probe, PROBE_OK, "");
	if (missing >= 0)
		warn_of_key(probe, missing);
}

static void
begin(struct loop_timer *timer)
{
	struct probe *probe = LOOP_OWNER(timer, struct probe, timer);
	int err = dns_ask(probe->dns, ".", DNS_DNSKEY, answered, probe);

	if (err != 0)
		settle(probe, PROBE_BROKEN, err_text(err));
}

struct probe *
probe_new(struct log *log)
{
	struct probe *probe = calloc(1, sizeof(*probe));

	if (probe == NULL)
		return NULL;
	probe->log = log;
	atomic_init(&probe->key_missing, -1);
	(void)pthread_mutex_init(&probe->lock, NULL);
	thread_cond_init(&probe->known);
	return probe;
}

void
probe_start(struct probe *probe, struct loop *loop, struct dns *dns)
{
	probe->loop = loop;
	probe->dns = dns;
	probe->told = false;
	atomic_store(&probe->key_missing, -1);
	begin(&probe->timer);
}

void
probe_stop(struct probe *probe)
{
	struct dns *dns = probe->dns;

	if (dns == NULL)
		return;
	loop_timer_clear(probe->loop, &probe->timer);
	probe->dns = NULL;
	dns_free(&dns);
}

void
probe_free(struct probe **probe)
{
	struct probe *p = *probe;

	*probe = NULL;
	if (p == NULL)
		return;
	(void)pthread_cond_destroy(&p->known);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

bool
probe_broken(const struct probe *probe)
{
	return probe != NULL && atomic_load(&probe->state) == PROBE_BROKEN;
}

enum probe_state
probe_await(struct probe *probe, uint64_t deadline_ms)
{
	(void)pthread_mutex_lock(&probe->lock);
	while (atomic_load(&probe->state) == PROBE_UNKNOWN &&
	    thread_wait_until(&probe->known, &probe->lock, deadline_ms))
		continue;
	(void)pthread_mutex_unlock(&probe->lock);
	return (enum probe_state)atomic_load(&probe->state);
}

enum probe_state
probe_state(struct probe *probe, int64_t *since_s, char why[PROBE_WHY_SIZE])
{
	enum probe_state state;

	(void)pthread_mutex_lock(&probe->lock);
	state = (enum probe_state)atomic_load(&probe->state);
	*since_s = probe->since_s;
	memcpy(why, probe->why, PROBE_WHY_SIZE);
	(void)pthread_mutex_unlock(&probe->lock);
	return state;
}

int
probe_key_missing(const struct probe *probe)
{
	return atomic_load(&probe->key_missing);
}
