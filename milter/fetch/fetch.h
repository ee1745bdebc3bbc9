/*
 * Fetches policy bodies over HTTPS (RFC 8461 3.3; REQUIREMENTS F-01 to F-16).
 * Hides libcurl and OpenSSL. The addresses come from the caller: nothing is
 * looked up here.
 *
 * A struct fetcher belongs to one thread, that of its event_base. From its
 * first use on the process ignores SIGPIPE, unless it has a handler: OpenSSL
 * may write to a socket that the peer has closed.
 */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/net.h"

struct event_base;
struct fetcher;
struct log;
struct metrics;

#define FETCH_ERROR_SIZE    512
#define FETCH_WHY_SIZE      256
#define FETCH_ADDRESSES_MAX 16
#define FETCH_HEADERS_MAX   65536 /* octets of all header lines */

/* Borrowed while fetcher_new runs, not after. */
struct fetch_config {
	const char *ca_file; /* "" or NULL: the system's */
	size_t n_networks;   /* special addresses that are allowed (F-16) */
	const struct net_prefix *networks;
	unsigned timeout_ms; /* from the start of the connection on (F-08) */
	unsigned wait_ms;    /* for a connection; 0: the default (F-17) */
	size_t max_bytes;    /* of a body; more is a failure (F-09) */
	struct metrics *metrics; /* NULL: not counted */
	struct log *log;         /* for limits that are reached */
};

/* X(member, name in metrics, TLSRPT result type). F-18: a row without a result
 * type is no failure of the fetch. F-17: "queue" says nothing about the policy
 * host, as no connection was free to reach it. */
#define FETCH_FAILURE_TABLE(X)                                            \
	X(FETCH_FAILURE_NONE, "ok", "")                                   \
	X(FETCH_FAILURE_ADDRESS, "address", "sts-policy-fetch-error")     \
	X(FETCH_FAILURE_CONNECT, "connect", "sts-policy-fetch-error")     \
	X(FETCH_FAILURE_TLS, "tls", "sts-webpki-invalid")                 \
	X(FETCH_FAILURE_CERTIFICATE, "certificate", "sts-webpki-invalid") \
	X(FETCH_FAILURE_HTTP, "http", "sts-policy-fetch-error")           \
	X(FETCH_FAILURE_STATUS, "status", "sts-policy-fetch-error")       \
	X(FETCH_FAILURE_TYPE, "type", "sts-policy-fetch-error")           \
	X(FETCH_FAILURE_SIZE, "size", "sts-policy-fetch-error")           \
	X(FETCH_FAILURE_SHORT, "short", "sts-policy-fetch-error")         \
	X(FETCH_FAILURE_TIMEOUT, "timeout", "sts-policy-fetch-error")     \
	X(FETCH_FAILURE_QUEUE, "queue", "")                               \
	X(FETCH_FAILURE_CANCELLED, "cancelled", "")                       \
	X(FETCH_FAILURE_INTERNAL, "internal", "sts-policy-fetch-error")

enum fetch_failure {
#define X(member, name, tlsrpt) member,
	FETCH_FAILURE_TABLE(X)
#undef X
};

struct fetch_result {
	enum fetch_failure failure;
	char why[FETCH_WHY_SIZE]; /* for people; "" on success */
	const uint8_t *body;      /* success only */
	size_t len;
};

/* The result is the caller's to read until the callback returns. It may start
 * other fetches. */
typedef void fetch_done_fn(void *arg, const struct fetch_result *result);

/* Checks that the CA file can be used. 0 or ERR_CONFIG. Any thread. */
int
fetch_check(const struct fetch_config *config, char error[FETCH_ERROR_SIZE]);

/* base must outlive the fetcher. NULL with *error filled in. */
struct fetcher *fetcher_new(const struct fetch_config *config,
    struct event_base *base, char error[FETCH_ERROR_SIZE]);

/* Fetches under way are completed as FETCH_FAILURE_CANCELLED first; no new ones
 * can be started then. Not to be called by a fetch_done_fn. */
void fetcher_free(struct fetcher **fetcher);

/*
 * GET https://<host>/.well-known/mta-sts.txt. host: canonical policy host
 * ("mta-sts.example.org"). addresses: tried as happy eyeballs has it, no more
 * than FETCH_ADDRESSES_MAX, 1 at least; special ones outside `networks` are not
 * connected to. While no connection is free, the fetch waits. The oldest starts
 * first, but fetches from recently silent addresses start after all others.
 * urgent: the fetch may also use connections that are reserved for urgent
 * fetches, so that silent hosts of strangers do not hold it up. done is called
 * exactly once, never from inside this call. 0 or a negative error; then done
 * is not called.
 */
int fetch_start(struct fetcher *fetcher, const char *host,
    const struct net_address *addresses, size_t n, bool urgent,
    fetch_done_fn *done, void *arg);

size_t fetch_pending(const struct fetcher *fetcher);

const char *fetch_failure_tlsrpt(enum fetch_failure failure);

#endif
