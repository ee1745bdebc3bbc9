/*
 * What a policy fetch asks of TLS beyond what libcurl checks (RFC 8461 3.3,
 * RFC 9525; REQUIREMENTS F-03, F-04, F-10). Hides OpenSSL.
 *
 * The roots may be shared by all threads; the rest belongs to the fetch's.
 */
#ifndef FETCH_FETCH_TLS_H
#define FETCH_FETCH_TLS_H

#include <stdbool.h>

#include "fetch/fetch.h"

/* Trusted certificates, read once. */
struct fetch_roots;

/* NULL with *error filled in, also if the file holds no certificate. */
struct fetch_roots *
fetch_roots_load(const char *path, char error[FETCH_ERROR_SIZE]);
void fetch_roots_free(struct fetch_roots **roots);

/* One connection. Must outlive it. */
struct fetch_tls {
	const char *host;
	struct fetch_roots *roots;
	bool close_notify;        /* the peer said that it sends no more */
	char why[FETCH_WHY_SIZE]; /* certificate refused: for people */
};

/*
 * Prepares an SSL_CTX before the handshake. 0 or ERR_LIBRARY. It keeps
 * pointers to *tls.
 */
int fetch_tls_prepare(void *ssl_ctx, struct fetch_tls *tls);

#endif
