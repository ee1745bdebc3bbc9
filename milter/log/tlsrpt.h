/*
 * Results for a TLSRPT collector (RFC 8460), in the form of libtlsrpt: one
 * JSON object in one datagram, to a unix socket. The collector counts and
 * reports; nothing comes back.
 *
 * Any thread. Never blocks.
 */
#ifndef LOG_TLSRPT_H
#define LOG_TLSRPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/facts.h"

struct tlsrpt;

#define TLSRPT_DATAGRAM_MAX 16384
#define TLSRPT_RECORD_MAX   2048

struct tlsrpt_report {
	const char *domain;
	const char *record;               /* the TXT of _smtp._tls.<domain> */
	const struct fact_policy *policy; /* NULL: none was found */
	const char *result;               /* as RFC 8460 4.3 names it */
	const char *reason;               /* in our words */
	const char *host; /* MX host; NULL: none in particular */
	bool failed;      /* there was no session */
};

/* NULL: no memory, no descriptors, or the path is too long. */
struct tlsrpt *tlsrpt_open(const char *path);
void tlsrpt_close(struct tlsrpt **tlsrpt); /* NULL is fine */

/* 0, ERR_SYNTAX (no such result), ERR_TOOLONG or ERR_IO (no collector takes
 * it). */
int
tlsrpt_send(const struct tlsrpt *tlsrpt, const struct tlsrpt_report *report);

/* The datagram as text. 0, ERR_SYNTAX, ERR_TOOLONG or ERR_NOMEM. */
int tlsrpt_write(const struct tlsrpt_report *report, char *out, size_t size);

/*
 * A TXT record's RDATA joined, if it is one of TLSRPT (RFC 8460 3): *out holds
 * it. Any octets.
 */
bool
tlsrpt_record(const uint8_t *rdata, size_t len, char out[TLSRPT_RECORD_MAX]);

#endif
