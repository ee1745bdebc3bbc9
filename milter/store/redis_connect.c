/*
 * Connections to Redis servers: names are looked up, sockets connected and TLS
 * begun, all by one deadline.
 */
#include "autoconf.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/redis_link.h"
#include "store/store_backend.h"

#define KEEPALIVE_S 60 /* before a firewall forgets the connection */

int
redis_wait(int fd, short events, uint64_t deadline_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n;

	do {
		uint64_t now_ms = clock_mono_ms();
		uint64_t left_ms =
		    deadline_ms > now_ms ? deadline_ms - now_ms : 0;

		n = poll(&p, 1, left_ms < INT_MAX ? (int)left_ms : INT_MAX);
		if (n == 0 && left_ms == 0)
			return ERR_BUSY;
	} while (n == 0 || (n == -1 && errno == EINTR));
	return n > 0 ? 0 : ERR_IO; /* an error shows in what comes next */
}

/* --- names ---------------------------------------------------------------- */

struct redis_query {
	struct gaicb cb;
	struct addrinfo hints;
	struct redis_host host;
};

void
redis_resolver_clear(struct redis_resolver *resolver)
{
	struct redis_query *q = resolver->running;

	resolver->running = NULL;
	/* A query under way must stay allocated: glibc still writes to it. */
	if (q == NULL || gai_cancel(&q->cb) == EAI_NOTCANCELED)
		return;
	if (gai_error(&q->cb) == 0 && q->cb.ar_result != NULL)
		freeaddrinfo(q->cb.ar_result);
	free(q);
}

static struct redis_query *
query_new(const struct redis_host *host)
{
	struct redis_query *q = calloc(1, sizeof(*q));
	struct gaicb *list[1];

	if (q == NULL)
		return NULL;
	q->host = *host;
	q->hints.ai_socktype = SOCK_STREAM;
	q->hints.ai_flags = AI_NUMERICSERV;
	q->cb.ar_name = q->host.name;
	q->cb.ar_service = q->host.port;
	q->cb.ar_request = &q->hints;
	list[0] = &q->cb;
	if (getaddrinfo_a(GAI_NOWAIT, list, 1, NULL) == 0)
		return q;
	free(q);
	return NULL;
}

/* 0 with *out for freeaddrinfo; ERR_BUSY; ERR_IO. */
static int
resolve(struct redis_resolver *resolver, const struct redis_host *host,
    uint64_t deadline_ms, struct addrinfo **out, char why[REDIS_WHY_SIZE])
{
	static const struct addrinfo address = {
	    .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	    .ai_socktype = SOCK_STREAM,
	};
	struct redis_query *q = resolver->running;
	const struct gaicb *list[1];
	int rc = EAI_MEMORY;

	*out = NULL;
	/* An address needs no query, and no thread of glibc's for it. */
	if (getaddrinfo(host->name, host->port, &address, out) == 0)
		return 0;
	/* An answer for another host is of no use. */
	if (q != NULL &&
	    (strcmp(q->host.name, host->name) != 0 ||
		strcmp(q->host.port, host->port) != 0))
		redis_resolver_clear(resolver);
	if (resolver->running == NULL)
		resolver->running = query_new(host);
	q = resolver->running;
	/* Wait for the answer. If it does not come in time, the query stays for
	 * the next call. */
	if (q != NULL) {
		list[0] = &q->cb;
		for (uint64_t now_ms = clock_mono_ms();
		     (rc = gai_error(&q->cb)) == EAI_INPROGRESS &&
		     now_ms < deadline_ms;
		     now_ms = clock_mono_ms()) {
			uint64_t left_ms = deadline_ms - now_ms;
			struct timespec left = {(time_t)(left_ms / 1000),
			    (long)(left_ms % 1000) * 1000000};

			(void)gai_suspend(list, 1, &left);
		}
	}
	if (rc == EAI_INPROGRESS) {
		snprintf(why, REDIS_WHY_SIZE,
		    "%.100s: its address does not come in time", host->name);
		return ERR_BUSY;
	}
	if (rc == 0)
		*out = q->cb.ar_result;
	else
		snprintf(why, REDIS_WHY_SIZE, "%.100s: %s", host->name,
		    gai_strerror(rc));
	free(q);
	resolver->running = NULL;
	return rc == 0 ? 0 : ERR_IO;
}

/* --- sockets -------------------------------------------------------------- */

/* 0 with *out, or an error with errno. */
static int
connect_to(const struct sockaddr *sa, socklen_t len, uint64_t deadline_ms,
    int *out)
{
	int fd = socket(sa->sa_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int failure = 0;
	socklen_t size = sizeof(failure);
	int err = 0;

	*out = -1;
	if (fd == -1)
		return ERR_IO;
	/* A unix socket says EAGAIN when its queue is full. */
	if (connect(fd, sa, len) == -1) {
		failure = errno;
		err = ERR_IO;
	}
	if (failure == EINPROGRESS) {
		err = redis_wait(fd, POLLOUT, deadline_ms);
		failure = ETIMEDOUT;
		if (err == 0 &&
		    (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) ==
			    -1 ||
			failure != 0))
			err = ERR_IO;
	}
	if (err == 0) {
		*out = fd;
		return 0;
	}
	close(fd);
	errno = failure;
	return err;
}

/* Tries one address after the other; each gets its share of the time. */
static int
connect_any(const struct addrinfo *list, uint64_t deadline_ms, int *fd)
{
	const int on = 1;
	const int idle_s = KEEPALIVE_S;
	unsigned left = 0;
	int err = ERR_IO;

	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next)
		left++;
	for (; list != NULL && err != 0; list = list->ai_next, left--) {
		uint64_t now_ms = clock_mono_ms();
		uint64_t time_ms =
		    deadline_ms > now_ms ? (deadline_ms - now_ms) / left : 0;

		err = connect_to(list->ai_addr, list->ai_addrlen,
		    now_ms + time_ms, fd);
	}
	if (err != 0)
		return err;
	/* Without these options, a dead connection is noticed later. */
	(void)setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(*fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(*fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s,
	    sizeof(idle_s));
	return 0;
}

/* --- TLS ------------------------------------------------------------------ */

static int
tls_failure(const char *what, const char *file, char why[REDIS_WHY_SIZE])
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	snprintf(why, REDIS_WHY_SIZE, "TLS: %s%s%.200s: %s", what,
	    *file != '\0' ? " " : "", file, reason != NULL ? reason : "failed");
	return ERR_CONFIG;
}

/* Version 1.2 or later. The certificate is always verified, because a forged
 * server could write policies, which decide where mail goes. 0 or ERR_CONFIG.
 */
static int
tls_context(const char *ca, const struct redis_auth *auth, SSL_CTX **out,
    char why[REDIS_WHY_SIZE])
{
	bool system_ca = ca == NULL || *ca == '\0';
	SSL_CTX *ctx;

	ERR_clear_error();
	*out = ctx = SSL_CTX_new(TLS_client_method());
	if (ctx == NULL ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		return tls_failure("context", "", why);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (system_ca && SSL_CTX_set_default_verify_paths(ctx) != 1)
		return tls_failure("system's certificates", "", why);
	if (!system_ca && SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1)
		return tls_failure("store_tls_ca", ca, why);
	if (auth->certificate[0] == '\0')
		return 0;
	if (SSL_CTX_use_certificate_chain_file(ctx, auth->certificate) != 1)
		return tls_failure("certificate", auth->certificate, why);
	if (SSL_CTX_use_PrivateKey_file(ctx, auth->key, SSL_FILETYPE_PEM) != 1)
		return tls_failure("key", auth->key, why);
	return 0;
}

static int
handshake(SSL *ssl, uint64_t deadline_ms, char why[REDIS_WHY_SIZE])
{
	long verdict;
	int err = 0;

	while (err == 0) {
		int rc;

		ERR_clear_error();
		rc = SSL_connect(ssl);
		if (rc == 1)
			return 0;
		rc = SSL_get_error(ssl, rc);
		if (rc == SSL_ERROR_WANT_READ)
			err = redis_wait(SSL_get_fd(ssl), POLLIN, deadline_ms);
		else if (rc == SSL_ERROR_WANT_WRITE)
			err = redis_wait(SSL_get_fd(ssl), POLLOUT, deadline_ms);
		else
			err = ERR_IO;
	}
	verdict = SSL_get_verify_result(ssl);
	if (verdict == X509_V_OK) {
		(void)tls_failure("handshake", "", why);
		return err;
	}
	snprintf(why, REDIS_WHY_SIZE, "TLS: certificate: %s",
	    X509_verify_cert_error_string(verdict));
	return ERR_CONFIG;
}

static int
tls_start(int fd, const char *host, const char *ca,
    const struct redis_auth *auth, uint64_t deadline_ms, SSL **out,
    char why[REDIS_WHY_SIZE])
{
	SSL_CTX *ctx;
	SSL *ssl = NULL;
	int err = tls_context(ca, auth, &ctx, why);

	if (err == 0) {
		snprintf(why, REDIS_WHY_SIZE, "TLS: out of memory");
		ssl = SSL_new(ctx);
		err = ssl != NULL && SSL_set_fd(ssl, fd) == 1 ? 0 : ERR_IO;
	}
	/* The certificate must hold this address, or this name. */
	if (err == 0 &&
	    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) != 1) {
		SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		if (SSL_set1_host(ssl, host) != 1 ||
		    SSL_set_tlsext_host_name(ssl, host) != 1)
			err = ERR_IO;
	}
	SSL_CTX_free(ctx);
	if (err == 0) {
		SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
		err = handshake(ssl, deadline_ms, why);
	}
	if (err == 0)
		*out = ssl;
	else
		SSL_free(ssl);
	return err;
}

/* --- all of it ------------------------------------------------------------ */

int
redis_connect(const struct redis_host *host, const char *path, const char *ca,
    const struct redis_auth *auth, struct redis_resolver *resolver,
    uint64_t deadline_ms, int *fd, struct ssl_st **ssl,
    char why[REDIS_WHY_SIZE])
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct addrinfo *list = NULL;
	int err;

	*fd = -1;
	if (path[0] != '\0') {
		snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
		err = connect_to((const struct sockaddr *)&sun, sizeof(sun),
		    deadline_ms, fd);
	} else {
		err = resolve(resolver, host, deadline_ms, &list, why);
		if (err != 0)
			return err;
		err = connect_any(list, deadline_ms, fd);
	}
	if (err != 0)
		snprintf(why, REDIS_WHY_SIZE, "connect: %s", strerror(errno));
	if (list != NULL)
		freeaddrinfo(list);
	if (err == 0 && ssl != NULL)
		err =
		    tls_start(*fd, host->name, ca, auth, deadline_ms, ssl, why);
	if (err != 0 && *fd != -1) {
		close(*fd);
		*fd = -1;
	}
	return err;
}
