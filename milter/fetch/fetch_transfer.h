/*
 * One GET of a policy: what libcurl is told, and what it hands back.
 *
 * Belongs to the fetcher's thread.
 */
#ifndef FETCH_FETCH_TRANSFER_H
#define FETCH_FETCH_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "base/name.h"
#include "fetch/fetch.h"
#include "fetch/fetch_head.h"
#include "fetch/fetch_tls.h"

/* What all transfers of a fetcher share; outlives them. */
struct fetch_rules {
	struct fetch_roots *roots;
	size_t n_networks;
	const struct net_prefix *networks;
	unsigned timeout_ms;
	unsigned connect_ms; /* TCP and TLS, within timeout_ms */
	size_t max_bytes;
};

struct fetch_transfer {
	const struct fetch_rules *rules;
	CURL *easy;
	/* The addresses are in a cache of their own that ends with the
	 * transfer: libcurl's common one would grow with every host. */
	CURLSH *cache;
	struct curl_slist *resolve;
	char host[NAME_SIZE];
	struct fetch_tls tls;
	struct fetch_head head;
	/* An attempt has one address of each family. libcurl 7.88 could have
	 * them all, but driven by events it is late to go on from a silent
	 * one to the next of its family. */
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

/* Whether more addresses are left after this end; then the transfer is ready
 * to be started again. */
bool fetch_transfer_retry(struct fetch_transfer *t, CURLcode code);

/* Sets t->result; the first reason counts. */
void fetch_transfer_fail(struct fetch_transfer *t, enum fetch_failure failure,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* What t->result points to goes too. Also after a failed open. */
void fetch_transfer_close(struct fetch_transfer *t);

#endif
