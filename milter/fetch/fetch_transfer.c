/* One GET: sets libcurl's options, refuses private networks and name lookups,
 * keeps the body within its limit, and goes on to the next address after a
 * failed one. fetch_outcome.c reads the header and judges the end; fetch.c
 * decides when a transfer runs and for how long. */
#include "autoconf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "fetch/fetch_internal.h"

#define PORT       443
#define BODY_FIRST 4096 /* octets; most policies are smaller */

void
fetch_transfer_fail(struct fetch_transfer *t, enum fetch_failure failure,
    const char *fmt, ...)
{
	va_list ap;

	if (t->result.failure != FETCH_FAILURE_NONE)
		return;
	t->result.failure = failure;
	va_start(ap, fmt);
	vsnprintf(t->result.why, sizeof(t->result.why), fmt, ap);
	va_end(ap);
}

/* --- callbacks of libcurl ------------------------------------------------- */

/* Connects to no private network unless policy_networks names it, because a
 * stranger chooses the address (F-16). */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *sa)
{
	struct fetch_transfer *t = arg;
	struct net_address address;
	char text[NET_ADDRESS_SIZE];
	const char *special;

	(void)purpose;
	t->n_sockets++;
	if (net_address_from_sockaddr(&sa->addr, &address) != 0)
		return CURL_SOCKET_BAD;
	special = net_address_special(&address);
	for (size_t i = 0; special != NULL && i < t->rules->n_networks; i++)
		if (net_prefix_covers(&t->rules->networks[i], &address))
			special = NULL;
	if (special == NULL)
		return socket(sa->family, sa->socktype | SOCK_CLOEXEC,
		    sa->protocol);
	if (t->n_refused++ == 0) {
		net_address_text(&address, text);
		snprintf(t->refused, sizeof(t->refused),
		    "address %s is refused (%s)", text, special);
	}
	return CURL_SOCKET_BAD;
}

/* The addresses were given: looking any up would go round DNSSEC and block. */
static int
refuse_lookup(void *state, void *reserved, void *arg)
{
	(void)state;
	(void)reserved;
	(void)arg;
	return 1;
}

/* F-09: too large is a failure, never a cut-off body. */
static size_t
take_body(char *data, size_t size, size_t n, void *arg)
{
	struct fetch_transfer *t = arg;
	size_t len = size * n;
	size_t room = t->size > 0 ? t->size : BODY_FIRST;

	if (len > t->rules->max_bytes - t->len) {
		fetch_transfer_fail(t, FETCH_FAILURE_SIZE,
		    "body larger than %zu octets", t->rules->max_bytes);
		return 0;
	}
	while (room < t->len + len)
		room *= 2;
	if (room != t->size) {
		uint8_t *body = realloc(t->body, room);

		if (body == NULL) {
			fetch_transfer_fail(t, FETCH_FAILURE_INTERNAL, "%s",
			    err_text(ERR_NOMEM));
			return 0;
		}
		t->body = body;
		t->size = room;
	}
	memcpy(t->body + t->len, data, len);
	t->len += len;
	return len;
}

/* --- set-up --------------------------------------------------------------- */

/* clang-format off */
static const struct {
	CURLoption option;
	long value;
} numbers[] = {
	{CURLOPT_NOSIGNAL,              1},
	{CURLOPT_HTTPGET,               1},
	{CURLOPT_HTTP_VERSION,          CURL_HTTP_VERSION_1_1}, /* ALPN too */
	{CURLOPT_HTTP09_ALLOWED,        0},
	{CURLOPT_HTTP_CONTENT_DECODING, 0},
	{CURLOPT_FOLLOWLOCATION,        0}, /* no redirects: F-06 */
	{CURLOPT_NETRC,                 CURL_NETRC_IGNORED},
	{CURLOPT_SSLVERSION,            CURL_SSLVERSION_TLSv1_2}, /* or more */
	{CURLOPT_SSL_VERIFYPEER,        1},
	{CURLOPT_SSL_VERIFYHOST,        2},
	/* Neither a resumed session nor a connection that is used a second
	 * time would show its certificate again. */
	{CURLOPT_SSL_SESSIONID_CACHE,   0},
	{CURLOPT_FRESH_CONNECT,         1},
	{CURLOPT_FORBID_REUSE,          1},
};

static const struct {
	CURLoption option;
	const char *value;
} strings[] = {
	{CURLOPT_PROTOCOLS_STR,         "https"}, /* F-01: no other */
	{CURLOPT_REDIR_PROTOCOLS_STR,   "https"},
	{CURLOPT_PROXY,                 ""},   /* not the environment's */
	{CURLOPT_NOPROXY,               "*"},
	{CURLOPT_CAINFO,                NULL}, /* rules->roots instead */
	{CURLOPT_CAPATH,                NULL},
	{CURLOPT_USERAGENT,             "dane-sts-milter/" PACKAGE_VERSION},
};
/* clang-format on */

static bool
set_options(struct fetch_transfer *t)
{
	CURL *easy = t->easy;
	char url[NAME_SIZE + 64];
	bool failed = false;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		failed |=
		    curl_easy_setopt(easy, numbers[i].option, numbers[i].value);
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		failed |=
		    curl_easy_setopt(easy, strings[i].option, strings[i].value);
	(void)snprintf(url, sizeof(url), "https://%s/.well-known/mta-sts.txt",
	    t->host);
	failed |= curl_easy_setopt(easy, CURLOPT_URL, url);
	failed |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
	    (long)(t->rules->connect_ms / t->n_attempts) + 1);
	failed |= curl_share_setopt(t->cache, CURLSHOPT_SHARE,
		      CURL_LOCK_DATA_DNS) != CURLSHE_OK;
	failed |= curl_easy_setopt(easy, CURLOPT_SHARE, t->cache);
	failed |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
	failed |=
	    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	failed |= curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION,
	    refuse_lookup);
	failed |= curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, t);
	failed |=
	    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, fetch_tls_prepare);
	failed |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	failed |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION,
	    fetch_outcome_header);
	failed |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	failed |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	failed |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->curl_text);
	return !failed;
}

/* Tells libcurl the addresses of this attempt: "HOST:PORT:ADDRESS,[ADDRESS]",
 * the family first that the caller put first. */
static bool
set_attempt(struct fetch_transfer *t)
{
	char entry[NAME_SIZE + 8 + 2 * (NET_ADDRESS_SIZE + 3)];
	size_t len =
	    (size_t)snprintf(entry, sizeof(entry), "%s:%d:", t->host, PORT);
	bool ipv4 = net_address_is_ipv4(&t->addresses[0]);
	const char *comma = "";

	for (unsigned family = 0; family < 2; family++, ipv4 = !ipv4) {
		unsigned nth = t->attempt;

		for (size_t i = 0; i < t->n_addresses; i++) {
			char text[NET_ADDRESS_SIZE];

			if (net_address_is_ipv4(&t->addresses[i]) != ipv4 ||
			    nth-- != 0)
				continue;
			net_address_text(&t->addresses[i], text);
			len +=
			    (size_t)snprintf(entry + len, sizeof(entry) - len,
				ipv4 ? "%s%s" : "%s[%s]", comma, text);
			comma = ",";
		}
	}
	curl_slist_free_all(t->resolve);
	t->resolve = curl_slist_append(NULL, entry);
	return t->resolve != NULL &&
	    curl_easy_setopt(t->easy, CURLOPT_RESOLVE, t->resolve) == CURLE_OK;
}

static void
take_addresses(struct fetch_transfer *t, const struct net_address *addresses,
    size_t n)
{
	unsigned n_ipv4 = 0;
	unsigned n_ipv6;

	t->n_addresses = n < FETCH_ADDRESSES_MAX ? n : FETCH_ADDRESSES_MAX;
	for (size_t i = 0; i < t->n_addresses; i++) {
		t->addresses[i] = addresses[i];
		n_ipv4 += net_address_is_ipv4(&addresses[i]);
	}
	n_ipv6 = (unsigned)t->n_addresses - n_ipv4;
	t->n_attempts = n_ipv4 > n_ipv6 ? n_ipv4 : n_ipv6;
}

int
fetch_transfer_open(struct fetch_transfer *t, const struct fetch_rules *rules,
    const char *host, const struct net_address *addresses, size_t n)
{
	int rc = name_canon((const uint8_t *)host, strlen(host), t->host);

	if (rc != 0)
		return rc;
	if (strcmp(host, t->host) != 0)
		return ERR_SYNTAX;
	t->rules = rules;
	take_addresses(t, addresses, n);
	t->easy = curl_easy_init();
	t->cache = curl_share_init();
	if (t->easy == NULL || t->cache == NULL)
		return ERR_NOMEM;
	return set_options(t) && set_attempt(t) ? 0 : ERR_LIBRARY;
}

bool
fetch_transfer_retry(struct fetch_transfer *t, CURLcode code)
{
	if (code != CURLE_COULDNT_CONNECT && code != CURLE_OPERATION_TIMEDOUT)
		return false;
	if (t->attempt + 1 == t->n_attempts)
		return false;
	t->attempt++;
	t->connected = false;
	return set_attempt(t);
}

void
fetch_transfer_close(struct fetch_transfer *t)
{
	/* In this order: each uses what comes after it. */
	curl_easy_cleanup(t->easy);
	fetch_tls_leave(t);
	(void)curl_share_cleanup(t->cache);
	curl_slist_free_all(t->resolve);
	free(t->body);
}
