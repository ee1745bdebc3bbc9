/* TLS to a Redis server. */
#include "autoconf.h"

#include "store/redis_tls.h"

#include <poll.h>
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "store/redis_wait.h"

/* --- what we know of the server ------------------------------------------- */

static int
fail(const char *what, const char *file, char why[REDIS_WHY_SIZE])
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	snprintf(why, REDIS_WHY_SIZE, "TLS: %s%s%.200s: %s", what,
	    *file != '\0' ? " " : "", file, reason != NULL ? reason : "failed");
	return ERR_CONFIG;
}

static int
load_ca(SSL_CTX *ctx, const char *ca, char why[REDIS_WHY_SIZE])
{
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (ca == NULL || *ca == '\0')
		return SSL_CTX_set_default_verify_paths(ctx) == 1
		    ? 0
		    : fail("system's certificates", "", why);
	return SSL_CTX_load_verify_locations(ctx, ca, NULL) == 1
	    ? 0
	    : fail("store_tls_ca", ca, why);
}

static int
load_own(SSL_CTX *ctx, const struct redis_auth *auth, char why[REDIS_WHY_SIZE])
{
	if (auth->certificate[0] == '\0')
		return 0;
	if (SSL_CTX_use_certificate_chain_file(ctx, auth->certificate) != 1)
		return fail("certificate", auth->certificate, why);
	if (SSL_CTX_use_PrivateKey_file(ctx, auth->key, SSL_FILETYPE_PEM) != 1)
		return fail("key", auth->key, why);
	return 0;
}

static SSL_CTX *
new_context(const char *ca, const struct redis_auth *auth,
    char why[REDIS_WHY_SIZE])
{
	SSL_CTX *ctx;

	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_client_method());
	if (ctx == NULL) {
		fail("context", "", why);
		return NULL;
	}
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	    load_ca(ctx, ca, why) == 0 && load_own(ctx, auth, why) == 0)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

/* The name, or the address, that the certificate must hold. */
static int
expect_host(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1)
		return 0;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) == 1 &&
		SSL_set_tlsext_host_name(ssl, host) == 1
	    ? 0
	    : ERR_NOMEM;
}

/* --- moving octets -------------------------------------------------------- */

/* Waits for what the last call wanted. 0: call again. */
static int
wait_for_more(const SSL *ssl, int rc, uint64_t deadline_ms)
{
	switch (SSL_get_error(ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return redis_wait(SSL_get_fd(ssl), POLLIN, deadline_ms);
	case SSL_ERROR_WANT_WRITE:
		return redis_wait(SSL_get_fd(ssl), POLLOUT, deadline_ms);
	default:
		return ERR_IO;
	}
}

static int
handshake(SSL *ssl, uint64_t deadline_ms, char why[REDIS_WHY_SIZE])
{
	long verdict;
	int err = 0;
	int rc;

	while (err == 0) {
		ERR_clear_error();
		rc = SSL_connect(ssl);
		if (rc == 1)
			return 0;
		err = wait_for_more(ssl, rc, deadline_ms);
	}
	verdict = SSL_get_verify_result(ssl);
	if (verdict != X509_V_OK) {
		snprintf(why, REDIS_WHY_SIZE, "TLS: certificate: %s",
		    X509_verify_cert_error_string(verdict));
		return ERR_CONFIG;
	}
	(void)fail("handshake", "", why);
	return err;
}

int
redis_tls_send(SSL *ssl, const void *data, size_t len, uint64_t deadline_ms,
    size_t *done)
{
	int err = 0;
	int rc;

	while (err == 0) {
		ERR_clear_error();
		rc = SSL_write_ex(ssl, data, len, done);
		if (rc == 1)
			return 0;
		err = wait_for_more(ssl, rc, deadline_ms);
	}
	return err;
}

int
redis_tls_receive(SSL *ssl, void *out, size_t size, uint64_t deadline_ms,
    size_t *done)
{
	int err = 0;
	int rc;

	while (err == 0) {
		ERR_clear_error();
		rc = SSL_read_ex(ssl, out, size, done);
		if (rc == 1)
			return 0;
		err = wait_for_more(ssl, rc, deadline_ms);
	}
	return err;
}

int
redis_tls_start(int fd, const char *host, const char *ca,
    const struct redis_auth *auth, uint64_t deadline_ms, SSL **out,
    char why[REDIS_WHY_SIZE])
{
	SSL_CTX *ctx = new_context(ca, auth, why);
	SSL *ssl;
	int err;

	*out = NULL;
	if (ctx == NULL)
		return ERR_CONFIG;
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 ||
	    expect_host(ssl, host) != 0) {
		snprintf(why, REDIS_WHY_SIZE, "TLS: out of memory");
		SSL_free(ssl);
		return ERR_IO;
	}
	SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
	err = handshake(ssl, deadline_ms, why);
	if (err != 0)
		SSL_free(ssl);
	else
		*out = ssl;
	return err;
}
