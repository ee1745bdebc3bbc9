/*
 * Declarations that the files of fetch/ share; nothing else includes it.
 *
 * fetch.c            the queue of fetches, the limits on connections, libcurl's
 *                    multi handle on libevent
 * fetch_transfer.c   one GET: what libcurl is told, and what it hands back
 * fetch_outcome.c    which responses and errors mean what
 * fetch_tls.c        what a fetch asks of TLS beyond what libcurl checks
 *
 * Everything belongs to the fetcher's thread, but for the roots, which threads
 * may share.
 */
#ifndef FETCH_FETCH_INTERNAL_H
#define FETCH_FETCH_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>
#include <openssl/x509.h>

#include "base/name.h"
#include "fetch/fetch.h"

/* --- fetch_transfer.c ----------------------------------------------------- */

/* Rules that all transfers of a fetcher share; outlives them. */
struct fetch_rules {
	X509_STORE *roots; /* trusted certificates, read once */
	size_t n_networks;
	const struct net_prefix *networks;
	unsigned timeout_ms;
	unsigned connect_ms; /* TCP and TLS, within timeout_ms */
	size_t max_bytes;
};

struct fetch_tls; /* of fetch_tls.c */

/* Facts about the header that libcurl does not keep. */
struct fetch_head {
	size_t octets; /* of all lines, interim responses and trailers too */
	bool begun;    /* the status line of a response was seen */
	bool ended;    /* the whole header of the final response was seen */
	bool chunked;
	bool matters; /* the line before was a header that is judged */
	bool folded;  /* such a header goes on on a second line */
};

struct fetch_transfer {
	const struct fetch_rules *rules;
	CURL *easy;
	/* The addresses are in a cache of their own that ends with the
	 * transfer: libcurl's common one would grow with every host. */
	CURLSH *cache;
	struct curl_slist *resolve;
	char host[NAME_SIZE];
	struct fetch_tls *tls; /* of the connection; NULL: none */
	bool close_notify;     /* TLS: the peer said that it sends no more */
	char refusal[FETCH_WHY_SIZE]; /* why the certificate is refused */
	struct fetch_head head;
	/* An attempt has one address of each family. libcurl 7.88 accepts all
	 * at once, but driven by events it is late to go on from a silent one
	 * to the next of its family. */
	struct net_address addresses[FETCH_ADDRESSES_MAX];
	size_t n_addresses;
	unsigned attempt;
	unsigned n_attempts;
	unsigned n_sockets; /* opened, or refused to be */
	bool connected;     /* TLS has begun */
	unsigned n_refused; /* of the sockets: special addresses */
	char refused[NET_ADDRESS_SIZE + 64]; /* the first: which and why */
	uint8_t *body;
	size_t len;
	size_t size;
	char curl_text[CURL_ERROR_SIZE];
	struct fetch_result result;
};

/* *t: zeroed memory that stays where it is. 0 or a negative error. */
int
fetch_transfer_open(struct fetch_transfer *t, const struct fetch_rules *rules,
    const char *host, const struct net_address *addresses, size_t n);

/* True if more addresses are left after this end; then the transfer is ready to
 * be started again. */
bool fetch_transfer_retry(struct fetch_transfer *t, CURLcode code);

/* Sets t->result; the first reason counts. */
void fetch_transfer_fail(struct fetch_transfer *t, enum fetch_failure failure,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Frees what t->result points to, too. Also after a failed open. */
void fetch_transfer_close(struct fetch_transfer *t);

/* --- fetch_outcome.c ------------------------------------------------------ */

/* CURLOPT_HEADERFUNCTION; arg: the transfer. Refuses a response as soon as its
 * header says that it is no policy (F-05 to F-07, F-09). */
size_t fetch_outcome_header(char *line, size_t size, size_t n, void *arg);

/* Fills in t->result when libcurl has ended the transfer with code. */
void fetch_outcome_judge(struct fetch_transfer *t, CURLcode code);

/* "in the TLS handshake" */
const char *fetch_outcome_phase(const struct fetch_transfer *t);

/* --- fetch_tls.c: RFC 8461 3.3, RFC 9525; F-03, F-04, F-10 ---------------- */

/* NULL with *error filled in, also if the file holds no certificate. */
X509_STORE *fetch_roots_load(const char *path, char error[FETCH_ERROR_SIZE]);

/* CURLOPT_SSL_CTX_FUNCTION; arg: the transfer. Called before the handshake. */
CURLcode fetch_tls_prepare(CURL *easy, void *ssl_ctx, void *arg);
/* Before the transfer is freed: its connection may live on. */
void fetch_tls_leave(struct fetch_transfer *t);

#endif
