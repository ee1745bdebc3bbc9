/* Schedules fetches: which of them may run (limits on connections, in all and
 * per network; the rest waits), their time limits, and libcurl's multi handle
 * on libevent. fetch_transfer.c makes one fetch, fetch_outcome.c judges its
 * end. */
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
#include <openssl/x509.h>

#include "base/clock.h"
#include "base/err.h"
#include "fetch/fetch_internal.h"
#include "log/log.h"
#include "log/metrics.h"

/* Connections of one fetcher; more fetches wait. A silent host holds its
 * connection until the time-out, so the limit must be hard to exhaust for a
 * stranger with many of them. A connection costs a descriptor (two for a
 * moment) and some 150 KB. */
#define CONNECTIONS_MAX 128
/* Connections to one network: silent hosts of one network leave room for
 * others, and a provider with many customers can still be served. */
#define NETWORK_MAX (CONNECTIONS_MAX / 4)
/* Additional connections that only urgent fetches use, and the share of one
 * network. */
#define URGENT_MAX         (CONNECTIONS_MAX / 8)
#define URGENT_NETWORK_MAX (URGENT_MAX / 4)

/* How long a fetch waits for one of them. */
#define WAIT_MS 120000

/*
 * Hosts whose last fetch ended without an answer in time. Strangers can have
 * any number of them; fetches from other hosts of their network come first
 * (F-17). Of two hosts that share a place the later one is kept.
 */
#define SILENT_PLACES 1024
#define SILENT_US     60000000 /* how long it is remembered */

struct silent {
	struct net_address host; /* net_address_host() */
	uint64_t until_us;       /* monotonic; 0: an empty place */
};

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
	CURLM *multi;
	struct event *curl_timer; /* libcurl's */
	struct fetch_rules rules;
	struct net_prefix *networks;
	struct metrics *metrics;
	struct log *log;
	log_limit_time all_told, network_told;
	TAILQ_HEAD(fetches, fetch) running;
	struct fetches waiting; /* oldest first */
	unsigned wait_ms;
	struct silent silent[SILENT_PLACES];
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

static X509_STORE *
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
	X509_STORE *roots = roots_load(config, error);

	if (roots == NULL)
		return ERR_CONFIG;
	X509_STORE_free(roots);
	return 0;
}

/* --- one fetch ------------------------------------------------------------ */

/* Returns the place of the host in the table; *known: the host is in it.
 * FNV-1a suffices: an attacker whose addresses collide only overwrites entries
 * of his own. */
static struct silent *
silent_place(struct fetcher *fetcher, const struct net_address *address,
    bool *known)
{
	const struct net_address host = net_address_host(address);
	struct silent *place;
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < sizeof(host.octet); i++)
		hash = (hash ^ host.octet[i]) * 16777619U;
	place = &fetcher->silent[hash % SILENT_PLACES];
	*known = memcmp(&place->host, &host, sizeof(host)) == 0;
	return place;
}

static void
fetch_free(struct fetch *f)
{
	if (f->timer != NULL)
		event_free(f->timer);
	fetch_transfer_close(&f->transfer);
	free(f);
}

/* True if a connection is free for the fetch; an urgent one may take a reserved
 * one (f->reserved). The first address of a host stands for its network. */
static bool
may_run(struct fetch *f)
{
	const struct fetch *other;
	unsigned n[2] = {0, 0}, n_near[2] = {0, 0}; /* not reserved, reserved */
	bool has_room;

	TAILQ_FOREACH (other, &f->fetcher->running, entry) {
		n[other->reserved]++;
		n_near[other->reserved] +=
		    net_address_is_near(&other->transfer.addresses[0],
			&f->transfer.addresses[0]);
	}
	has_room = n[false] < CONNECTIONS_MAX && n_near[false] < NETWORK_MAX;
	f->reserved = f->urgent && !has_room;
	return has_room ||
	    (f->reserved && n[true] < URGENT_MAX &&
		n_near[true] < URGENT_NETWORK_MAX);
}

static int
run(struct fetch *f)
{
	struct fetcher *fetcher = f->fetcher;
	const unsigned ms = fetcher->rules.timeout_ms;
	const struct timeval limit = {ms / 1000, ms % 1000 * 1000};

	f->running = true;
	f->begun_us = clock_mono_us();
	TAILQ_INSERT_TAIL(&fetcher->running, f, entry);
	if (event_add(f->timer, &limit) != 0)
		return ERR_NOMEM;
	return curl_multi_add_handle(fetcher->multi, f->transfer.easy) ==
		CURLM_OK
	    ? 0
	    : ERR_LIBRARY;
}

/* The fetch that has waited longest among those that may run; fetches from
 * silent hosts come last. */
static struct fetch *
find_next(struct fetcher *fetcher)
{
	uint64_t now_us = clock_mono_us();
	struct fetch *silent = NULL;
	struct fetch *f;

	TAILQ_FOREACH (f, &fetcher->waiting, entry) {
		bool is_silent;
		const struct silent *place = silent_place(fetcher,
		    &f->transfer.addresses[0], &is_silent);

		is_silent &= place->until_us > now_us;
		if ((is_silent && silent != NULL) || !may_run(f))
			continue;
		if (!is_silent)
			return f;
		silent = f;
	}
	return silent;
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
	(void)curl_multi_remove_handle(fetcher->multi, f->transfer.easy);
}

/* Counts a fetch that ran, and remembers whether its host was silent. */
static void
note_end(const struct fetch *f)
{
	const struct net_address *address = &f->transfer.addresses[0];
	enum fetch_failure failure = f->transfer.result.failure;
	uint64_t now_us = clock_mono_us();
	bool known;
	struct silent *place = silent_place(f->fetcher, address, &known);

	metrics_time(f->fetcher->metrics, METRICS_FETCH_TIME,
	    now_us - f->begun_us);
	if (failure == FETCH_FAILURE_TIMEOUT)
		*place = (struct silent){net_address_host(address),
		    now_us + SILENT_US};
	else if (known)
		place->until_us = 0;
}

/* The one place where a fetch ends. transfer.result says how. */
static void
fetch_end(struct fetch *f)
{
	struct fetcher *fetcher = f->fetcher;
	enum fetch_failure failure = f->transfer.result.failure;
	bool leaves_room = f->running;

	unlink_fetch(f);
	if (f->running && failure != FETCH_FAILURE_CANCELLED)
		note_end(f);
	metrics_count(fetcher->metrics, METRICS_FETCHES, failure, 0);
	f->done(f->arg, &f->transfer.result);
	fetch_free(f);
	if (!leaves_room || fetcher->closing)
		return;
	f = find_next(fetcher);
	if (f == NULL)
		return;
	/* If it cannot begin, its timer ends it. */
	TAILQ_REMOVE(&fetcher->waiting, f, entry);
	(void)run(f);
}

/* Called from the event loop alone, where every function of libcurl is
 * allowed. */
static void
transfer_ended(CURL *easy, CURLcode code)
{
	void *private = NULL;
	struct fetch *f;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
	f = private;
	if (fetch_transfer_retry(&f->transfer, code)) {
		(void)curl_multi_remove_handle(f->fetcher->multi, easy);
		if (curl_multi_add_handle(f->fetcher->multi, easy) == CURLM_OK)
			return;
	}
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
		fetch_transfer_fail(&f->transfer, FETCH_FAILURE_TIMEOUT,
		    "no end after %u ms, %s", f->fetcher->rules.timeout_ms,
		    fetch_outcome_phase(&f->transfer));
	else
		fetch_transfer_fail(&f->transfer, FETCH_FAILURE_QUEUE,
		    "no connection was free for %u ms, as other policy hosts "
		    "were slow",
		    f->fetcher->wait_ms);
	fetch_end(f);
}

/* Logs why a fetch has to wait. */
static void
tell_limit(struct fetcher *fetcher)
{
	const struct fetch *f;
	unsigned n = 0;

	TAILQ_FOREACH (f, &fetcher->running, entry)
		n += !f->reserved;
	if (n < CONNECTIONS_MAX)
		log_limit(fetcher->log, &fetcher->network_told,
		    "%d connections of one loop to policy hosts in one network "
		    "are open: the next fetch from there waits",
		    NETWORK_MAX);
	else
		log_limit(fetcher->log, &fetcher->all_told,
		    "%d connections of one loop to policy hosts are open: the "
		    "next fetch waits",
		    CONNECTIONS_MAX);
}

int
fetch_start(struct fetcher *fetcher, const char *host,
    const struct net_address *addresses, size_t n, bool urgent,
    fetch_done_fn *done, void *arg)
{
	const unsigned ms = fetcher->wait_ms;
	const struct timeval wait = {ms / 1000, ms % 1000 * 1000};
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
	if (rc == 0 && (f->timer == NULL || event_add(f->timer, &wait) != 0))
		rc = ERR_NOMEM;
	if (rc != 0) {
		fetch_free(f);
		return rc;
	}
	fetcher->n_fetches++;
	/* Run it now if a connection is free, or else when one becomes free. */
	if (!may_run(f)) {
		tell_limit(fetcher);
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

/* --- from libevent to libcurl --------------------------------------------- */

/* After an error here the timers of the fetches end the fetches. */
static void
drive(struct fetcher *fetcher, curl_socket_t fd, int what)
{
	CURLMsg *msg;
	int n;

	(void)curl_multi_socket_action(fetcher->multi, fd, what, &n);
	while ((msg = curl_multi_info_read(fetcher->multi, &n)) != NULL)
		if (msg->msg == CURLMSG_DONE)
			transfer_ended(msg->easy_handle, msg->data.result);
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	int action = 0;

	if (what & EV_READ)
		action |= CURL_CSELECT_IN;
	if (what & EV_WRITE)
		action |= CURL_CSELECT_OUT;
	drive(arg, fd, action);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* --- from libcurl to libevent --------------------------------------------- */

/* libcurl calls this from inside its functions: curl_multi_assign is the only
 * one that may be called here. watched: the struct event of this socket; NULL:
 * none yet. */
static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *watched)
{
	struct fetcher *fetcher = arg;
	struct event *event = watched;
	short flags = EV_PERSIST;

	(void)easy;
	if (event != NULL)
		event_free(event);
	/* Forget it before anything can fail. */
	(void)curl_multi_assign(fetcher->multi, fd, NULL);
	if (what == CURL_POLL_REMOVE)
		return 0;
	if (what & CURL_POLL_IN)
		flags |= EV_READ;
	if (what & CURL_POLL_OUT)
		flags |= EV_WRITE;
	event = event_new(fetcher->base, fd, flags, on_socket, fetcher);
	if (event == NULL)
		return -1;
	if (event_add(event, NULL) != 0) {
		event_free(event);
		return -1;
	}
	(void)curl_multi_assign(fetcher->multi, fd, event);
	return 0;
}

/* A timer that is due at once also goes through the event loop. */
static int
watch_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct fetcher *fetcher = arg;
	struct timeval tv = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

	(void)multi;
	if (timeout_ms < 0)
		return event_del(fetcher->curl_timer);
	return event_add(fetcher->curl_timer, &tv);
}

/* Opens the multi handle and connects it with the event loop. False: no
 * memory. */
static bool
multi_open(struct fetcher *fetcher)
{
	bool failed = false; /* libcurl refuses a multi handle of NULL */
	CURLM *multi = curl_multi_init();

	fetcher->multi = multi;
	fetcher->curl_timer = evtimer_new(fetcher->base, on_timer, fetcher);
	failed |= fetcher->curl_timer == NULL;
	failed |= curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, fetcher);
	failed |=
	    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	failed |= curl_multi_setopt(multi, CURLMOPT_TIMERDATA, fetcher);
	failed |= curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, watch_timer);
	/* may_run() limits the fetches. libcurl from 8.12 on also counts
	 * connections that wait for the peer's end of TLS: they get as many of
	 * their own, so that no fetch waits for them while its time runs. */
	failed |= curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
	    2 * (long)(CONNECTIONS_MAX + URGENT_MAX));
	failed |= curl_multi_setopt(multi, CURLMOPT_PIPELINING,
	    (long)CURLPIPE_NOTHING);
	return !failed;
}

/* --- the fetcher ---------------------------------------------------------- */

struct fetcher *
fetcher_new(const struct fetch_config *config, struct event_base *base,
    char error[FETCH_ERROR_SIZE])
{
	X509_STORE *roots = roots_load(config, error);
	const size_t networks_size =
	    config->n_networks * sizeof(*config->networks);
	struct fetcher *fetcher;

	if (roots == NULL)
		return NULL;
	fetcher = calloc(1, sizeof(*fetcher));
	if (fetcher == NULL) {
		X509_STORE_free(roots);
		goto nomem;
	}
	TAILQ_INIT(&fetcher->running);
	TAILQ_INIT(&fetcher->waiting);
	fetcher->base = base;
	fetcher->metrics = config->metrics;
	fetcher->log = config->log;
	fetcher->rules.roots = roots;
	fetcher->networks = malloc(networks_size + 1);
	if (!multi_open(fetcher) || fetcher->networks == NULL)
		goto nomem;
	if (networks_size > 0)
		memcpy(fetcher->networks, config->networks, networks_size);
	fetcher->rules.networks = fetcher->networks;
	fetcher->rules.n_networks = config->n_networks;
	fetcher->rules.timeout_ms = config->timeout_ms;
	fetcher->wait_ms = config->wait_ms != 0 ? config->wait_ms : WAIT_MS;
	/* Shorter, so that a host that accepts no connection is reported as
	 * such. */
	fetcher->rules.connect_ms = config->timeout_ms / 2 + 1;
	fetcher->rules.max_bytes = config->max_bytes;
	return fetcher;
nomem:
	snprintf(error, FETCH_ERROR_SIZE, "%s", err_text(ERR_NOMEM));
	fetcher_free(&fetcher);
	return NULL;
}

void
fetcher_free(struct fetcher **fetcher)
{
	struct fetcher *doomed = *fetcher;
	struct fetch *f;

	if (doomed == NULL)
		return;
	doomed->closing = true;
	while ((f = TAILQ_FIRST(&doomed->running)) != NULL ||
	    (f = TAILQ_FIRST(&doomed->waiting)) != NULL) {
		fetch_transfer_fail(&f->transfer, FETCH_FAILURE_CANCELLED,
		    "cancelled");
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): taken out */
		fetch_end(f);
	}
	/* Closing connections still calls watch_socket. */
	(void)curl_multi_cleanup(doomed->multi);
	if (doomed->curl_timer != NULL)
		event_free(doomed->curl_timer);
	X509_STORE_free(doomed->rules.roots);
	free(doomed->networks);
	free(doomed);
	*fetcher = NULL;
}

size_t
fetch_pending(const struct fetcher *fetcher)
{
	return fetcher->n_fetches;
}
