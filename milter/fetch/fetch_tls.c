/* TLS of a fetch beyond what libcurl checks: reads the trusted roots, explains
 * why a certificate was refused, and notes whether the peer ended TLS properly.
 * fetch_outcome.c turns that into a result. */
#include "autoconf.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "base/text.h"
#include "fetch/fetch_internal.h"

#define NAMES_SHOWN 3
#define NAME_SHOWN  60 /* octets of each */

/* --- roots ---------------------------------------------------------------- */

/* The number of certificates; -1: the file is damaged. */
static int
read_certificates(BIO *bio, X509_STORE *store)
{
	X509 *certificate;
	unsigned long error;
	int n = 0;

	while (
	    (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		int added = X509_STORE_add_cert(store, certificate);

		X509_free(certificate);
		if (!added)
			return -1;
		n++;
	}
	error = ERR_peek_last_error();
	ERR_clear_error();
	return ERR_GET_REASON(error) == PEM_R_NO_START_LINE ? n : -1;
}

X509_STORE *
fetch_roots_load(const char *path, char error[FETCH_ERROR_SIZE])
{
	X509_STORE *store = X509_STORE_new();
	BIO *bio;
	int n = 0;

	if (store == NULL) {
		snprintf(error, FETCH_ERROR_SIZE, "%s", err_text(ERR_NOMEM));
		return NULL;
	}
	errno = 0;
	bio = BIO_new_file(path, "re"); /* e: close-on-exec */
	if (bio == NULL) {
		ERR_clear_error();
		snprintf(error, FETCH_ERROR_SIZE, "ca_file %s: %s", path,
		    strerror(errno));
	} else {
		n = read_certificates(bio, store);
		BIO_free(bio);
		if (n > 0)
			return store;
		snprintf(error, FETCH_ERROR_SIZE, "ca_file %s: %s", path,
		    n == 0 ? "holds no certificate (PEM)"
			   : "holds something that is no certificate");
	}
	X509_STORE_free(store);
	return NULL;
}

/* --- why a certificate was refused ---------------------------------------- */

/* "the certificate is for a.example, b.example and 2 more" */
static void
explain_names(char why[FETCH_WHY_SIZE], const X509 *certificate)
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	char shown[NAMES_SHOWN][NAME_SHOWN + 1] = {"", "", ""};
	char more[40] = "";
	int n_dns = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type != GEN_DNS)
			continue;
		if (n_dns < NAMES_SHOWN) {
			const ASN1_IA5STRING *text = name->d.dNSName;
			int len = ASN1_STRING_length(text);

			text_ascii(shown[n_dns], sizeof(shown[n_dns]),
			    ASN1_STRING_get0_data(text),
			    len > 0 ? (size_t)len : 0);
		}
		n_dns++;
	}
	GENERAL_NAMES_free(names);
	if (n_dns > NAMES_SHOWN)
		(void)snprintf(more, sizeof(more), " and %d more",
		    n_dns - NAMES_SHOWN);
	/* RFC 8461 3.3 asks for a DNS-ID. */
	(void)snprintf(why, FETCH_WHY_SIZE,
	    "the certificate is for %s%s%s%s%s%s",
	    n_dns > 0 ? shown[0] : "no DNS name (a common name does not count)",
	    n_dns > 1 ? ", " : "", shown[1], n_dns > 2 ? ", " : "", shown[2],
	    more);
}

/* --- callbacks of OpenSSL ------------------------------------------------- */

/*
 * The way from a connection to its transfer. It belongs to the SSL_CTX, as
 * libcurl from 8.12 on waits for the peer's end of TLS when the transfer has
 * ended and is freed.
 */
struct fetch_tls {
	struct fetch_transfer *transfer; /* NULL: it goes on without this
					    connection, or has ended */
};

static pthread_once_t place_once = PTHREAD_ONCE_INIT;
static int place; /* of a struct fetch_tls in an SSL_CTX */

/* Called for every SSL_CTX of the process. */
static void
free_tls(void *ctx, void *data, CRYPTO_EX_DATA *all, int index, long n,
    void *arg)
{
	struct fetch_tls *tls = data;

	(void)ctx;
	(void)all;
	(void)index;
	(void)n;
	(void)arg;
	if (tls != NULL && tls->transfer != NULL)
		tls->transfer->tls = NULL;
	free(tls);
}

static void
find_place(void)
{
	place = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_tls);
}

static int
on_verify(X509_STORE_CTX *ctx, void *arg)
{
	struct fetch_transfer *t = ((struct fetch_tls *)arg)->transfer;
	const X509 *certificate;
	int error;

	if (t == NULL)
		return 0;
	if (X509_verify_cert(ctx) == 1)
		return 1;
	certificate = X509_STORE_CTX_get0_cert(ctx);
	error = X509_STORE_CTX_get_error(ctx);
	if (error == X509_V_ERR_HOSTNAME_MISMATCH && certificate != NULL)
		explain_names(t->refusal, certificate);
	else
		snprintf(t->refusal, sizeof(t->refusal),
		    "certificate refused: %s%s",
		    X509_verify_cert_error_string(error),
		    error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
			? " (unknown authority, or an intermediate is not "
			  "sent)"
			: "");
	return 0;
}

/*
 * libcurl 7.88 takes the end of the TCP stream for the end of the body, with or
 * without a close_notify: its BIO does not report an end of file to OpenSSL.
 */
static void
on_message(int sent, int version, int type, const void *data, size_t len,
    SSL *ssl, void *arg)
{
	struct fetch_transfer *t = ((struct fetch_tls *)arg)->transfer;
	const uint8_t *alert = data; /* level, description */

	(void)version;
	(void)ssl;
	if (t != NULL && !sent && type == SSL3_RT_ALERT && len == 2 &&
	    alert[1] == SSL_AD_CLOSE_NOTIFY)
		t->close_notify = true;
}

void
fetch_tls_leave(struct fetch_transfer *t)
{
	if (t->tls != NULL)
		t->tls->transfer = NULL;
	t->tls = NULL;
}

/* Gives the connection a way to its transfer, and takes it from an earlier one.
 * False: no memory. */
static bool
join(struct fetch_transfer *t, SSL_CTX *ctx)
{
	struct fetch_tls *tls = calloc(1, sizeof(*tls));

	fetch_tls_leave(t);
	(void)pthread_once(&place_once, find_place);
	if (tls == NULL || !SSL_CTX_set_ex_data(ctx, place, tls)) {
		free(tls);
		return false;
	}
	tls->transfer = t;
	t->tls = tls;
	return true;
}

CURLcode
fetch_tls_prepare(CURL *easy, void *ssl_ctx, void *arg)
{
	struct fetch_transfer *t = arg;
	SSL_CTX *ctx = ssl_ctx;
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

	(void)easy;
	t->connected = true;
	/* RFC 9525 6.3: no common name; "*" only as a whole label. */
	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
		X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (!X509_VERIFY_PARAM_set1_host(param, t->host, 0) ||
	    !X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER) ||
	    !SSL_CTX_set1_verify_cert_store(ctx, t->rules->roots) ||
	    !join(t, ctx)) {
		fetch_transfer_fail(t, FETCH_FAILURE_INTERNAL,
		    "TLS cannot be set up");
		return CURLE_ABORTED_BY_CALLBACK;
	}
	SSL_CTX_set_cert_verify_callback(ctx, on_verify, t->tls);
	SSL_CTX_set_msg_callback(ctx, on_message);
	SSL_CTX_set_msg_callback_arg(ctx, t->tls);
#ifdef SSL_OP_IGNORE_UNEXPECTED_EOF
	SSL_CTX_clear_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
#endif
	return CURLE_OK;
}
