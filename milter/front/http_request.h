/*
 * The head of an HTTP/1 request: octets in, what was asked for out. As much of
 * RFC 9110 and 9112 as GET and HEAD of a few paths take; what is malformed is
 * refused and never guessed at.
 *
 * Pure. Any thread. No allocation.
 */
#ifndef FRONT_HTTP_REQUEST_H
#define FRONT_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX   8192 /* octets, the empty line included */
#define HTTP_TARGET_MAX 2048

/* Octets of the head; not a string. */
struct http_text {
	const uint8_t *at;
	size_t len;
};

struct http_request {
	bool head; /* HEAD, not GET */
	struct http_text path;
	struct http_text query; /* what follows '?' */
	bool has_host;          /* HTTP/1.0 may do without */
	struct http_text host;  /* with the port */
	/* of Sec-Fetch-Site: what site a browser was on; empty: not said */
	struct http_text site;
};

/*
 * 0: the head is not complete yet. 200: it is, *out points into it. Else the
 * status to refuse it with.
 */
unsigned
http_request_parse(const uint8_t *octets, size_t len, struct http_request *out);

bool http_text_is(const struct http_text *text, const char *word);
/* Whether it begins with the prefix; *rest is what follows. */
bool http_text_begins(const struct http_text *text, const char *prefix,
    struct http_text *rest);

/* A browser says so when a page of another site makes it ask. */
bool http_is_of_other_site(const struct http_request *request);

/*
 * Whether a server that was reached by address may answer. A page of a
 * stranger whose name leads here (DNS rebinding) is told by the name in Host:
 * only address literals, "localhost" and own are ours. own: the name that the
 * server was configured with, without port.
 */
bool http_host_is_ours(const struct http_text *host, const char *own);

/*
 * The first field of that name in a query, percent-decoded, as a string.
 * False: there is none, it does not fit, or it is no text (NUL, half an
 * escape).
 */
bool http_query_field(const struct http_text *query, const char *name,
    char *out, size_t size);

/* The same of a part of the path, where '+' is itself. False also if empty. */
bool http_path_decode(const struct http_text *part, char *out, size_t size);

#endif
