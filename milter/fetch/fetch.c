#include "autoconf.h"

#include "fetch/fetch.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <curl/curl.h>
#include <event2/event.h>

#include "base/clock.h"
#include "base/err.h"
#include "fetch/fetch_event.h"
#include "fetch/fetch_outcome.h"
#include "fetch/fetch_silent.h"
#include "fetch/fetch_tls.h"
#include "fetch/fetch_transfer.h"
#include "log/metrics.h"

/* Of one fetcher; what is more waits. Silent hosts hold a connection for as
 * long as they are let, so a stranger who has many of them should find it hard
 * to use all up. Each costs a descriptor (two for a moment) and some 150 KB. */
#define CONNECTIONS_MAX 128
/* Of them to one network: silent hosts of one place leave room for others, and
 * a provider with many customers can do with it. */
#define NETWORK_MAX (CONNECTIONS_MAX / 4)
/* Beyond those, for fetches that are urgent; each network has its share of them
 * likewise. */
#define URGENT_MAX         (CONNECTIONS_MAX / 8)
#define URGENT_NETWORK_MAX (URGENT_MAX / 4)

/* How long a fetch waits for one of them. */
#define WAIT_MS 120000

struct fetch {
	TAILQ_ENTRY(fetch) entry;
	bool running; /* in fetcher->running, else in fetcher->waiting */
	bool urgent;
	bool reserved; /* runs on one of the connections for urgent ones */
	struct fetcher *fetcher;
	struct fetch_transfer transfer;
	struct event *timer; /* F-17, while it waits; then F-08 */
	uint64_t begun_us;   /* when it began to run */
	fetch_done_fn *done;
	void *arg;
};

struct fetcher {
	struct event_base *base;
	struct fetch_event *event;
	struct fetch_rules rules;
	struct net_prefix *networks;
	struct metrics *metrics;
	TAILQ_HEAD(fetches, fetch) running;
	struct fetches waiting; /* oldest first */
	unsigned wait_ms;
	struct fetch_silent silent;
	size_t n_fetches;
	bool closing;
};

static const char *const tlsrpt_names[] = {
#define X(member, name, tlsrpt) [member] = tlsrpt,
    FETCH_FAILURE_TABLE(X)
#undef X
};

const char *
fetch_failure_tlsrpt(enum fetch_failure failure)
{
	return tlsrpt_names[failure];
}

/* --- the library ---------------------------------------------------------- */

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static CURLcode global_rc;

static void
global_start(void)
{
	struct sigaction action;

	global_rc = curl_global_init(CURL_GLOBAL_DEFAULT);
	/* OpenSSL writes to sockets that the peer may have closed. */
	if (sigaction(SIGPIPE, NULL, &action) == 0 &&
	    action.sa_handler == SIG_DFL)
		(void)signal(SIGPIPE, SIG_IGN);
}

static struct fetch_roots *
roots_load(const struct fetch_config *config, char error[FETCH_ERROR_SIZE])
{
	const char *path = config->ca_file;

	pthread_once(&global_once, global_start);
	if (global_rc != CURLE_OK) {
		snprintf(error, FETCH_ERROR_SIZE, "libcurl: %s",
		    curl_easy_strerror(global_rc));
		return NULL;
	}
	if (path == NULL || path[0] == '\0')
		path = curl_version_info(CURLVERSION_NOW)->cainfo;
	return fetch_roots_load(path, error);
}

int
fetch_check(const struct fetch_config *config, char error[FETCH_ERROR_SIZE])
{
	struct fetch_roots *roots = roots_load(config, error);

	if (roots == NULL)
		return ERR_CONFIG;
	fetch_roots_free(&roots);
	return 0;
}

/* --- one fetch ------------------------------------------------------------ */

static void
fetch_free(struct fetch *f)
{
	if (f->timer != NULL)
		event_free(f->timer);
	fetch_transfer_close(&f->transfer);
	free(f);
}

static void
fetch_count(const struct fetch *f)
{
	struct metrics *metrics = f->fetcher->metrics;

	metrics_count(metrics, METRICS_FETCHES, f->transfer.result.failure, 0);
	/* What is cancelled, or never ran, says nothing about policy hosts. */
	if (f->running && f->transfer.result.failure != FETCH_FAILURE_CANCELLED)
		metrics_time(metrics, METRICS_FETCH_TIME,
		    clock_mono_us() - f->begun_us);
}

/* Of a host with addresses in several networks the first counts. */
static bool
has_room(const struct fetcher *fetcher, const struct fetch *f, bool reserved)
{
	const struct fetch *other;
	unsigned n = 0, n_near = 0;

	TAILQ_FOREACH (other, &fetcher->running, entry) {
		if (other->reserved != reserved)
			continue;
		n++;
		n_near += net_address_is_near(&other->transfer.addresses[0],
		    &f->transfer.addresses[0]);
	}
	return reserved ? n < URGENT_MAX && n_near < URGENT_NETWORK_MAX
			: n < CONNECTIONS_MAX && n_near < NETWORK_MAX;
}

static bool
may_run(struct fetch *f)
{
	f->reserved = false;
	if (has_room(f->fetcher, f, false))
		return true;
	f->reserved = f->urgent;
	return f->urgent && has_room(f->fetcher, f, true);
}

static int
timer_set(const struct fetch *f, unsigned ms)
{
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};

	return event_add(f->timer, &tv) == 0 ? 0 : ERR_NOMEM;
}

static int
run(struct fetch *f)
{
	struct fetcher *fetcher = f->fetcher;

	f->running = true;
	f->begun_us = clock_mono_us();
	TAILQ_INSERT_TAIL(&fetcher->running, f, entry);
	if (timer_set(f, fetcher->rules.timeout_ms) != 0)
		return ERR_NOMEM;
	return fetch_event_add(fetcher->event, f->transfer.easy);
}

/* The one that waited longest of those that may run, silent ones last. */
static struct fetch *
find_next(const struct fetcher *fetcher)
{
	uint64_t now_us = clock_mono_us();
	struct fetch *silent = NULL;
	struct fetch *f;

	TAILQ_FOREACH (f, &fetcher->waiting, entry) {
		bool is_silent = fetch_silent_is(&fetcher->silent,
		    &f->transfer.addresses[0], now_us);

		if ((is_silent && silent != NULL) || !may_run(f))
			continue;
		if (!is_silent)
			return f;
		silent = f;
	}
	/* may_run has been asked about others since. */
	return silent != NULL && may_run(silent) ? silent : NULL;
}

/* One has ended, so that one may begin. If that cannot, it ends when its time
 * is up. */
static void
run_next(struct fetcher *fetcher)
{
	struct fetch *f = fetcher->closing ? NULL : find_next(fetcher);

	if (f == NULL)
		return;
	TAILQ_REMOVE(&fetcher->waiting, f, entry);
	(void)run(f);
}

/* No answer came from there within the time. */
static void
note_silence(const struct fetch *f)
{
	if (f->running && f->transfer.result.failure != FETCH_FAILURE_CANCELLED)
		fetch_silent_note(&f->fetcher->silent,
		    &f->transfer.addresses[0],
		    f->transfer.result.failure == FETCH_FAILURE_TIMEOUT,
		    clock_mono_us());
}

static void
unlink_fetch(struct fetch *f)
{
	struct fetcher *fetcher = f->fetcher;

	fetcher->n_fetches--;
	if (!f->running) {
		TAILQ_REMOVE(&fetcher->waiting, f, entry);
		return;
	}
	TAILQ_REMOVE(&fetcher->running, f, entry);
	fetch_event_remove(fetcher->event, f->transfer.easy);
}

/* The one place where a fetch ends. transfer.result says how. */
static void
fetch_end(struct fetch *f)
{
	struct fetcher *fetcher = f->fetcher;
	bool leaves_room = f->running;

	unlink_fetch(f);
	note_silence(f);
	fetch_count(f);
	f->done(f->arg, &f->transfer.result);
	fetch_free(f);
	if (leaves_room)
		run_next(fetcher);
}

static bool
go_on(struct fetch *f, CURLcode code)
{
	CURL *easy = f->transfer.easy;

	if (!fetch_transfer_retry(&f->transfer, code))
		return false;
	fetch_event_remove(f->fetcher->event, easy);
	return fetch_event_add(f->fetcher->event, easy) == 0;
}

static void
on_done(CURL *easy, CURLcode code)
{
	void *private = NULL;
	struct fetch *f;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
	f = private;
	if (go_on(f, code))
		return;
	fetch_outcome_judge(&f->transfer, code);
	fetch_end(f);
}

static void
on_expiry(evutil_socket_t fd, short what, void *arg)
{
	struct fetch *f = arg;

	(void)fd;
	(void)what;
	if (f->running)
		fetch_outcome_expire(&f->transfer);
	else
		fetch_outcome_queue(&f->transfer, f->fetcher->wait_ms);
	fetch_end(f);
}

int
fetch_start(struct fetcher *fetcher, const char *host,
    const struct net_address *addresses, size_t n, bool urgent,
    fetch_done_fn *done, void *arg)
{
	struct fetch *f;
	int rc;

	if (n == 0)
		return ERR_RANGE;
	if (fetcher->closing)
		return ERR_CANCELLED;
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return ERR_NOMEM;
	f->fetcher = fetcher;
	f->urgent = urgent;
	f->done = done;
	f->arg = arg;
	rc = fetch_transfer_open(&f->transfer, &fetcher->rules, host, addresses,
	    n);
	if (rc == 0 &&
	    curl_easy_setopt(f->transfer.easy, CURLOPT_PRIVATE, f) != CURLE_OK)
		rc = ERR_LIBRARY;
	f->timer = evtimer_new(fetcher->base, on_expiry, f);
	if (rc == 0 && f->timer == NULL)
		rc = ERR_NOMEM;
	if (rc == 0)
		rc = timer_set(f, fetcher->wait_ms);
	if (rc != 0) {
		fetch_free(f);
		return rc;
	}
	fetcher->n_fetches++;
	if (!may_run(f)) {
		TAILQ_INSERT_TAIL(&fetcher->waiting, f, entry);
		return 0;
	}
	rc = run(f);
	if (rc != 0) {
		unlink_fetch(f);
		fetch_free(f);
	}
	return rc;
}

/* --- the fetcher ---------------------------------------------------------- */

static int
networks_copy(struct fetcher *fetcher, const struct fetch_config *config)
{
	if (config->n_networks == 0)
		return 0;
	fetcher->networks =
	    calloc(config->n_networks, sizeof(*fetcher->networks));
	if (fetcher->networks == NULL)
		return ERR_NOMEM;
	memcpy(fetcher->networks, config->networks,
	    config->n_networks * sizeof(*fetcher->networks));
	return 0;
}

struct fetcher *
fetcher_new(const struct fetch_config *config, struct event_base *base,
    char error[FETCH_ERROR_SIZE])
{
	struct fetch_roots *roots = roots_load(config, error);
	struct fetcher *fetcher;

	if (roots == NULL)
		return NULL;
	fetcher = calloc(1, sizeof(*fetcher));
	if (fetcher == NULL) {
		fetch_roots_free(&roots);
		goto nomem;
	}
	TAILQ_INIT(&fetcher->running);
	TAILQ_INIT(&fetcher->waiting);
	fetcher->base = base;
	fetcher->metrics = config->metrics;
	fetcher->rules.roots = roots;
	fetcher->event =
	    fetch_event_new(base, CONNECTIONS_MAX + URGENT_MAX, on_done);
	if (fetcher->event == NULL || networks_copy(fetcher, config) != 0)
		goto nomem;
	fetcher->rules.networks = fetcher->networks;
	fetcher->rules.n_networks = config->n_networks;
	fetcher->rules.timeout_ms = config->timeout_ms;
	fetcher->wait_ms = config->wait_ms != 0 ? config->wait_ms : WAIT_MS;
	/* A host that cannot even be connected to shall say so as such. */
	fetcher->rules.connect_ms = config->timeout_ms / 2 + 1;
	fetcher->rules.max_bytes = config->max_bytes;
	return fetcher;
nomem:
	snprintf(error, FETCH_ERROR_SIZE, "%s", err_text(ERR_NOMEM));
	fetcher_free(&fetcher);
	return NULL;
}

static struct fetch *
any_fetch(const struct fetcher *fetcher)
{
	struct fetch *f = TAILQ_FIRST(&fetcher->running);

	return f != NULL ? f : TAILQ_FIRST(&fetcher->waiting);
}

void
fetcher_free(struct fetcher **fetcher)
{
	struct fetcher *doomed = *fetcher;
	struct fetch *f;

	if (doomed == NULL)
		return;
	doomed->closing = true;
	while ((f = any_fetch(doomed)) != NULL) {
		fetch_outcome_cancel(&f->transfer);
		fetch_end(f);
	}
	fetch_event_free(&doomed->event);
	fetch_roots_free(&doomed->rules.roots);
	free(doomed->networks);
	free(doomed);
	*fetcher = NULL;
}

size_t
fetch_pending(const struct fetcher *fetcher)
{
	return fetcher->n_fetches;
}
