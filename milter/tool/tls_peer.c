/* Makes a TLS handshake and judges the certificate. See tls_peer.h. */
#include "autoconf.h"

#include "tool/tls_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "core/decide.h"
#include "tool/output.h"

#define REPLY_SIZE      1024 /* of a line; RFC 5321 4.5.3.1.5: 512 */
#define REPLY_LINES_MAX 100

struct probe {
	const struct tls_peer *peer;
	struct tls_peer_result *out;
	uint64_t deadline_ms;
	int fd;
};

/* --- the connection ------------------------------------------------------ */

/* 0, or -1 when time is up, with errno set. */
static int
wait_for(const struct probe *probe, short events)
{
	struct pollfd pollfd = {.fd = probe->fd, .events = events};
	uint64_t now_ms = clock_mono_ms();
	int n = 0;

	if (now_ms < probe->deadline_ms)
		n = poll(&pollfd, 1, (int)(probe->deadline_ms - now_ms));
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0 ? 0 : -1;
}

static int
connect_to(struct probe *probe, const struct net_address *address)
{
	struct sockaddr_in6 in6 = {
	    .sin6_family = AF_INET6,
	    .sin6_port = htons(probe->peer->port),
	};
	struct sockaddr_in in4 = {
	    .sin_family = AF_INET,
	    .sin_port = htons(probe->peer->port),
	};
	bool is4 = net_address_is_ipv4(address);
	int error = 0;
	socklen_t len = sizeof(error);

	memcpy(&in6.sin6_addr, address->octet, sizeof(address->octet));
	memcpy(&in4.sin_addr, address->octet + 12, 4);
	probe->fd = socket(is4 ? AF_INET : AF_INET6,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe->fd < 0)
		return -1;
	if (connect(probe->fd,
		is4 ? (const struct sockaddr *)&in4
		    : (const struct sockaddr *)&in6,
		is4 ? sizeof(in4) : sizeof(in6)) == 0)
		return 0;
	if (errno != EINPROGRESS || wait_for(probe, POLLOUT) != 0)
		return -1;
	if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return -1;
	errno = error;
	return error == 0 ? 0 : -1;
}

/* --- SMTP ---------------------------------------------------------------- */

/* One octet at a time, so that nothing is read that belongs to TLS. */
static int
read_line(const struct probe *probe, char line[REPLY_SIZE])
{
	size_t len = 0;
	ssize_t n;
	char octet;

	for (;;) {
		if (wait_for(probe, POLLIN) != 0)
			return -1;
		n = recv(probe->fd, &octet, 1, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n == 0)
			errno = ECONNRESET;
		if (n <= 0)
			return -1;
		if (octet == '\n')
			break;
		if (octet != '\r' && octet != '\0' && len + 1 < REPLY_SIZE)
			line[len++] = octet;
	}
	line[len] = '\0';
	return 0;
}

/* Sends a command (NULL: none) and reads a reply of the code that is expected.
 * word: text that one of its lines must hold; may be NULL. */
static bool
talk(const struct probe *probe, const char *command, const char *expected,
    const char *word)
{
	char line[REPLY_SIZE] = "";
	bool has_word = word == NULL;
	const char *after = command != NULL ? command : "the connection";
	int lines = 0;

	if (command != NULL &&
	    (wait_for(probe, POLLOUT) != 0 ||
		send(probe->fd, command, strlen(command), MSG_NOSIGNAL) !=
		    (ssize_t)strlen(command)))
		goto lost;
	do {
		if (read_line(probe, line) != 0 || ++lines > REPLY_LINES_MAX)
			goto lost;
		if (word != NULL && strlen(line) > 4 &&
		    strcasecmp(line + 4, word) == 0)
			has_word = true;
	} while (strlen(line) > 3 && line[3] == '-');
	if (strncmp(line, expected, strlen(expected)) != 0) {
		snprintf(probe->out->why, TLS_PEER_WHY_SIZE,
		    "SMTP, after %.*s: %.200s", (int)strcspn(after, "\r\n"),
		    after, line);
		return false;
	}
	if (!has_word)
		snprintf(probe->out->why, TLS_PEER_WHY_SIZE,
		    "the server does not offer %s", word);
	return has_word;
lost:
	snprintf(probe->out->why, TLS_PEER_WHY_SIZE, "SMTP, after %.*s: %s",
	    (int)strcspn(after, "\r\n"), after, strerror(errno));
	return false;
}

/* RFC 3207. */
static bool
start_smtp_tls(const struct probe *probe)
{
	char name[256] = "localhost";
	char ehlo[300];

	probe->out->state = TLS_PEER_UNREACHABLE;
	(void)gethostname(name, sizeof(name) - 1);
	snprintf(ehlo, sizeof(ehlo), "EHLO %s\r\n", name);
	if (!talk(probe, NULL, "220", NULL))
		return false;
	probe->out->state = TLS_PEER_NO_STARTTLS;
	return talk(probe, ehlo, "250", "STARTTLS") &&
	    talk(probe, "STARTTLS\r\n", "220", NULL);
}

/* --- TLS ----------------------------------------------------------------- */

static void
read_certificate(X509 *x509, struct tls_certificate *out)
{
	struct tm tm;
	uint8_t *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der);
	unsigned n;

	if (len > 0)
		(void)EVP_Digest(der, (size_t)len, out->spki_sha256, &n,
		    EVP_sha256(), NULL);
	OPENSSL_free(der);
	if (ASN1_TIME_to_tm(X509_get0_notAfter(x509), &tm) == 1)
		out->not_after_s = (int64_t)timegm(&tm);
}

int
tls_certificate_read(const char *path, struct tls_certificate *out,
    char why[TLS_PEER_WHY_SIZE])
{
	FILE *file = fopen(path, "re");
	X509 *x509;

	memset(out, 0, sizeof(*out));
	if (file == NULL) {
		snprintf(why, TLS_PEER_WHY_SIZE, "%s", strerror(errno));
		return ERR_IO;
	}
	x509 = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	if (x509 == NULL) {
		ERR_clear_error();
		snprintf(why, TLS_PEER_WHY_SIZE, "no certificate (PEM) in it");
		return ERR_SYNTAX;
	}
	read_certificate(x509, out);
	X509_free(x509);
	return 0;
}

/* RFC 8461 4.2: a trusted authority, and a name that is the MX host's. */
static void
judge_pkix(const struct probe *probe, SSL *ssl, X509 *leaf)
{
	X509_STORE *store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	char *why = probe->out->pkix_why;
	int error;

	snprintf(why, TLS_PEER_WHY_SIZE, "%s", err_text(ERR_LIBRARY));
	if (ctx == NULL ||
	    !X509_STORE_CTX_init(ctx, store, leaf,
		SSL_get_peer_cert_chain(ssl)))
		goto out;
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
		X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (!X509_VERIFY_PARAM_set1_host(param, probe->peer->host, 0) ||
	    !X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER))
		goto out;
	why[0] = '\0';
	if (X509_verify_cert(ctx) != 1) {
		error = X509_STORE_CTX_get_error(ctx);
		snprintf(why, TLS_PEER_WHY_SIZE, "%s",
		    error == X509_V_ERR_HOSTNAME_MISMATCH
			? "the certificate is for another name"
			: X509_verify_cert_error_string(error));
	}
out:
	X509_STORE_CTX_free(ctx);
}

/* OpenSSL judges by the TLSA records during the handshake. */
static bool
prepare_dane(const struct probe *probe, SSL *ssl)
{
	const struct tls_peer *peer = probe->peer;

	if (SSL_dane_enable(ssl, peer->host) <= 0)
		return false;
	if (peer->domain != NULL && SSL_add1_host(ssl, peer->domain) != 1)
		return false;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	/* RFC 7672 3.1.1: the key alone counts with usage 3. */
	(void)SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	for (size_t i = 0; i < peer->n_tlsa; i++) {
		const struct tls_tlsa *tlsa = &peer->tlsa[i];

		if (!tlsa_is_usable(tlsa->data, tlsa->len))
			continue;
		if (SSL_dane_tlsa_add(ssl, tlsa->data[0], tlsa->data[1],
			tlsa->data[2], tlsa->data + 3, tlsa->len - 3) > 0)
			probe->out->has_dane = true;
	}
	return true;
}

static bool
handshake(const struct probe *probe, SSL *ssl)
{
	char *why = probe->out->why;
	const char *reason;
	int done, how;

	for (;;) {
		ERR_clear_error();
		errno = 0;
		done = SSL_connect(ssl);
		if (done == 1)
			return true;
		how = SSL_get_error(ssl, done);
		if (how != SSL_ERROR_WANT_READ && how != SSL_ERROR_WANT_WRITE)
			break;
		if (wait_for(probe,
			how == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT) != 0)
			break;
	}
	/* OpenSSL has no words for an error of the system. */
	reason = ERR_reason_error_string(ERR_peek_error());
	if (reason == NULL)
		reason = errno != 0 ? strerror(errno) : "the server hung up";
	snprintf(why, TLS_PEER_WHY_SIZE, "TLS: %s", reason);
	ERR_clear_error();
	return false;
}

static void
look_at_tls(const struct probe *probe, SSL_CTX *ctx)
{
	struct tls_peer_result *out = probe->out;
	SSL *ssl = SSL_new(ctx);
	X509 *leaf = NULL;

	out->state = TLS_PEER_FAILED;
	snprintf(out->why, sizeof(out->why), "%s", err_text(ERR_LIBRARY));
	if (ssl == NULL || !SSL_set_fd(ssl, probe->fd) ||
	    !prepare_dane(probe, ssl) ||
	    !SSL_set_tlsext_host_name(ssl, probe->peer->host))
		goto out;
	if (!handshake(probe, ssl))
		goto out;
	leaf = SSL_get_peer_certificate(ssl);
	if (leaf == NULL) {
		snprintf(out->why, sizeof(out->why),
		    "TLS: the server sent no certificate");
		goto out;
	}
	out->state = TLS_PEER_OK;
	out->why[0] = '\0';
	read_certificate(leaf, &out->certificate);
	judge_pkix(probe, ssl, leaf);
	if (out->has_dane && SSL_get0_dane_authority(ssl, NULL, NULL) < 0)
		snprintf(out->dane_why, sizeof(out->dane_why),
		    "no TLSA record matches the certificate");
	(void)SSL_shutdown(ssl);
out:
	X509_free(leaf);
	SSL_free(ssl);
}

static SSL_CTX *
new_context(const struct tls_peer *peer)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	bool ok = ctx != NULL && SSL_CTX_dane_enable(ctx) > 0;

	if (ok && peer->ca_file != NULL && peer->ca_file[0] != '\0')
		ok = SSL_CTX_load_verify_locations(ctx, peer->ca_file, NULL) ==
		    1;
	else if (ok)
		ok = SSL_CTX_set_default_verify_paths(ctx) == 1;
	if (ok) {
		/* The handshake goes on; what is wrong is reported. */
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
		return ctx;
	}
	ERR_clear_error();
	SSL_CTX_free(ctx);
	return NULL;
}

void
tls_peer_probe(const struct tls_peer *peer, struct tls_peer_result *out)
{
	struct probe probe = {
	    .peer = peer,
	    .out = out,
	    .fd = -1,
	};
	const uint64_t deadline_ms = clock_mono_ms() + peer->timeout_ms;
	SSL_CTX *ctx = new_context(peer);

	memset(out, 0, sizeof(*out));
	out->state = TLS_PEER_UNREACHABLE;
	snprintf(out->why, sizeof(out->why), "%s",
	    ctx == NULL ? "the certificates of ca_file cannot be loaded"
			: "no address");
	for (size_t i = 0; ctx != NULL && i < peer->n_addresses; i++) {
		char text[NET_ADDRESS_SIZE];
		uint64_t now_ms = clock_mono_ms();
		int err;

		/* A silent address must leave time for those after it. */
		probe.deadline_ms = deadline_ms;
		if (now_ms < deadline_ms)
			probe.deadline_ms = now_ms +
			    (deadline_ms - now_ms) / (peer->n_addresses - i);
		err = connect_to(&probe, &peer->addresses[i]);
		probe.deadline_ms = deadline_ms;
		net_address_text(&peer->addresses[i], text);
		if (err != 0)
			snprintf(out->why, sizeof(out->why), "%s port %u: %s",
			    text, (unsigned)peer->port, strerror(errno));
		else if (!peer->starttls || start_smtp_tls(&probe))
			look_at_tls(&probe, ctx);
		if (probe.fd >= 0)
			close(probe.fd);
		probe.fd = -1;
		/* The next address only if this one did not answer. */
		if (out->state != TLS_PEER_UNREACHABLE)
			break;
	}
	SSL_CTX_free(ctx);
}

json_t *
tls_peer_json(const struct tls_peer_result *peer)
{
	static const char *const states[] = {
	    [TLS_PEER_OK] = "ok",
	    [TLS_PEER_UNREACHABLE] = "unreachable",
	    [TLS_PEER_NO_STARTTLS] = "no-starttls",
	    [TLS_PEER_FAILED] = "failed",
	};
	char date[DURATION_SIZE];

	if (peer->state != TLS_PEER_OK)
		return json_pack("{s:s,s:o}", "state", states[peer->state],
		    "why", output_string(peer->why, strlen(peer->why)));
	moment_text(peer->certificate.not_after_s, date);
	return json_pack("{s:s,s:s,s:s,s:s?}", "state", states[peer->state],
	    "certificate_ends", date, "pkix",
	    peer->pkix_why[0] == '\0' ? "valid" : peer->pkix_why, "dane",
	    !peer->has_dane                 ? NULL
		: peer->dane_why[0] == '\0' ? "valid"
					    : peer->dane_why);
}
