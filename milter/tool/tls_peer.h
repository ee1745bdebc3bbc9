/*
 * Makes a TLS handshake with a server, after SMTP's STARTTLS (RFC 3207) or at
 * once, and checks its certificate twice: by WebPKI as RFC 8461 4.2 asks, and
 * by DANE (RFC 7672). Hides OpenSSL.
 *
 * Blocks the calling thread, no longer than timeout_ms.
 */
#ifndef TOOL_TLS_PEER_H
#define TOOL_TLS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/net.h"

#define TLS_PEER_WHY_SIZE 256
#define TLS_DIGEST_LEN    32

/* RDATA of a TLSA record. */
struct tls_tlsa {
	const uint8_t *data;
	size_t len;
};

struct tls_peer {
	const char *host;   /* SNI, and the name in the certificate */
	const char *domain; /* DANE-TA takes it as well; may be NULL */
	uint16_t port;
	bool starttls;
	size_t n_addresses; /* tried one after the other */
	const struct net_address *addresses;
	size_t n_tlsa; /* those that SMTP cannot use are passed over */
	const struct tls_tlsa *tlsa;
	const char *ca_file; /* "": the system's */
	unsigned timeout_ms;
};

struct tls_certificate {
	int64_t not_after_s;                 /* wall clock; 0: unknown */
	uint8_t spki_sha256[TLS_DIGEST_LEN]; /* TLSA "3 1 1" */
};

enum tls_peer_state {
	TLS_PEER_OK, /* the handshake was completed */
	TLS_PEER_UNREACHABLE,
	TLS_PEER_NO_STARTTLS,
	TLS_PEER_FAILED
};

struct tls_peer_result {
	enum tls_peer_state state;
	char why[TLS_PEER_WHY_SIZE]; /* for people; "" for TLS_PEER_OK */
	/* For TLS_PEER_OK alone; "" where nothing is wrong. */
	char pkix_why[TLS_PEER_WHY_SIZE];
	char dane_why[TLS_PEER_WHY_SIZE];
	bool has_dane; /* there was a usable TLSA record */
	struct tls_certificate certificate;
};

void tls_peer_probe(const struct tls_peer *peer, struct tls_peer_result *out);

/* The result as an object. NULL: no memory. */
json_t *tls_peer_json(const struct tls_peer_result *peer);

/* The first certificate of a PEM file. 0, or ERR_IO or ERR_SYNTAX with *why. */
int tls_certificate_read(const char *path, struct tls_certificate *out,
    char why[TLS_PEER_WHY_SIZE]);

#endif
