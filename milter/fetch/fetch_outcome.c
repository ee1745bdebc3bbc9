#include "autoconf.h"

#include "fetch/fetch_outcome.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "fetch/fetch_text.h"

/*
 * F-18: every error code of libcurl up to the newest known here, by ranges;
 * libcurl never changes what a number means. A text of NULL is libcurl's own,
 * and stands for what the policy host cannot bring about. judge_error() looks
 * more closely at some codes before it comes here.
 */
#define CURLE_TOO_LARGE_8_6    100
#define CURLE_ECH_REQUIRED_8_8 101

/* clang-format off */
static const struct {
	unsigned first;
	unsigned last;
	enum fetch_failure failure;
	const char *text;
} causes[] = {
	{CURLE_UNSUPPORTED_PROTOCOL, CURLE_UNSUPPORTED_PROTOCOL,
	    FETCH_FAILURE_HTTP, "not HTTP/1"},
	{CURLE_FAILED_INIT, CURLE_COULDNT_RESOLVE_HOST,
	    FETCH_FAILURE_INTERNAL, NULL},
	{CURLE_COULDNT_CONNECT, CURLE_COULDNT_CONNECT,
	    FETCH_FAILURE_CONNECT, "cannot connect"},
	{CURLE_WEIRD_SERVER_REPLY, CURLE_WEIRD_SERVER_REPLY,
	    FETCH_FAILURE_HTTP, "malformed response"},
	{CURLE_REMOTE_ACCESS_DENIED, CURLE_FTP_CANT_GET_HOST,
	    FETCH_FAILURE_INTERNAL, NULL},
	{CURLE_HTTP2, CURLE_HTTP2, FETCH_FAILURE_HTTP, "not HTTP/1"},
	{CURLE_FTP_COULDNT_SET_TYPE, CURLE_FTP_COULDNT_SET_TYPE,
	    FETCH_FAILURE_INTERNAL, NULL},
	{CURLE_PARTIAL_FILE, CURLE_PARTIAL_FILE,
	    FETCH_FAILURE_SHORT, "body shorter than announced"},
	{CURLE_FTP_COULDNT_RETR_FILE, CURLE_QUOTE_ERROR,
	    FETCH_FAILURE_INTERNAL, NULL},
	{CURLE_HTTP_RETURNED_ERROR, CURLE_HTTP_RETURNED_ERROR,
	    FETCH_FAILURE_STATUS, "HTTP status"},
	{CURLE_WRITE_ERROR, CURLE_WRITE_ERROR,
	    FETCH_FAILURE_HTTP, "response that cannot be read"},
	{24, CURLE_OUT_OF_MEMORY, FETCH_FAILURE_INTERNAL, NULL},
	{CURLE_OPERATION_TIMEDOUT, CURLE_OPERATION_TIMEDOUT,
	    FETCH_FAILURE_TIMEOUT, "no connection in time"},
	{29, 34, FETCH_FAILURE_INTERNAL, NULL},
	{CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CONNECT_ERROR,
	    FETCH_FAILURE_TLS, "TLS handshake failed"},
	{CURLE_BAD_DOWNLOAD_RESUME, 46, FETCH_FAILURE_INTERNAL, NULL},
	{CURLE_TOO_MANY_REDIRECTS, CURLE_TOO_MANY_REDIRECTS,
	    FETCH_FAILURE_STATUS, "redirected"},
	{CURLE_UNKNOWN_OPTION, 51, FETCH_FAILURE_INTERNAL, NULL},
	{CURLE_GOT_NOTHING, CURLE_GOT_NOTHING,
	    FETCH_FAILURE_HTTP, "no response"},
	{CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED,
	    FETCH_FAILURE_INTERNAL, NULL},
	{CURLE_SEND_ERROR, CURLE_RECV_ERROR,
	    FETCH_FAILURE_HTTP, "connection broke off"},
	{57, CURLE_SSL_CERTPROBLEM, FETCH_FAILURE_INTERNAL, NULL},
	{CURLE_SSL_CIPHER, CURLE_SSL_CIPHER,
	    FETCH_FAILURE_TLS, "TLS handshake failed"},
	{CURLE_PEER_FAILED_VERIFICATION, CURLE_PEER_FAILED_VERIFICATION,
	    FETCH_FAILURE_CERTIFICATE, "certificate refused"},
	{CURLE_BAD_CONTENT_ENCODING, CURLE_BAD_CONTENT_ENCODING,
	    FETCH_FAILURE_HTTP, "encoding that was not asked for"},
	{62, 62, FETCH_FAILURE_INTERNAL, NULL},
	{CURLE_FILESIZE_EXCEEDED, CURLE_FILESIZE_EXCEEDED,
	    FETCH_FAILURE_SIZE, "body too large"},
	{CURLE_USE_SSL_FAILED, CURLE_USE_SSL_FAILED,
	    FETCH_FAILURE_TLS, "TLS handshake failed"},
	{CURLE_SEND_FAIL_REWIND, CURLE_SSH, FETCH_FAILURE_INTERNAL, NULL},
	{CURLE_SSL_SHUTDOWN_FAILED, CURLE_SSL_SHUTDOWN_FAILED,
	    FETCH_FAILURE_SHORT, "TLS was not shut down"},
	{CURLE_AGAIN, CURLE_SSL_CRL_BADFILE, FETCH_FAILURE_INTERNAL, NULL},
	{CURLE_SSL_ISSUER_ERROR, CURLE_SSL_ISSUER_ERROR,
	    FETCH_FAILURE_CERTIFICATE, "certificate refused"},
	{CURLE_FTP_PRET_FAILED, CURLE_NO_CONNECTION_AVAILABLE,
	    FETCH_FAILURE_INTERNAL, NULL},
	{CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS,
	    FETCH_FAILURE_CERTIFICATE, "certificate refused"},
	{CURLE_HTTP2_STREAM, CURLE_HTTP2_STREAM,
	    FETCH_FAILURE_HTTP, "not HTTP/1"},
	{CURLE_RECURSIVE_API_CALL, CURLE_AUTH_ERROR,
	    FETCH_FAILURE_INTERNAL, NULL},
	{CURLE_HTTP3, CURLE_QUIC_CONNECT_ERROR,
	    FETCH_FAILURE_HTTP, "not HTTP/1"},
	{CURLE_PROXY, CURLE_PROXY, FETCH_FAILURE_INTERNAL, NULL},
	{CURLE_SSL_CLIENTCERT, CURLE_SSL_CLIENTCERT,
	    FETCH_FAILURE_TLS, "the host wants a client certificate"},
	{99, 99, FETCH_FAILURE_INTERNAL, NULL},
	{CURLE_TOO_LARGE_8_6, CURLE_TOO_LARGE_8_6,
	    FETCH_FAILURE_SIZE, "header too large"},
	{CURLE_ECH_REQUIRED_8_8, CURLE_ECH_REQUIRED_8_8,
	    FETCH_FAILURE_TLS, "TLS handshake failed"},
};
/* clang-format on */

static void
fail_for_cause(struct fetch_transfer *t, enum fetch_failure failure,
    const char *text)
{
	char words[CURL_ERROR_SIZE];

	/* Servers can have their say in these. */
	fetch_text_octets(words, sizeof(words), (const uint8_t *)t->curl_text,
	    strlen(t->curl_text));
	fetch_transfer_fail(t, failure, "%s%s%s", text,
	    words[0] != '\0' ? ": " : "", words);
}

static void
fail_to_connect(struct fetch_transfer *t)
{
	long error = 0;

	if (t->n_refused > 1 && t->n_refused == t->n_sockets) {
		fetch_transfer_fail(t, FETCH_FAILURE_ADDRESS, "%s, and %u more",
		    t->refused, t->n_refused - 1);
		return;
	}
	if (t->n_refused == 1 && t->n_refused == t->n_sockets) {
		fetch_transfer_fail(t, FETCH_FAILURE_ADDRESS, "%s", t->refused);
		return;
	}
	(void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &error);
	fetch_transfer_fail(t, FETCH_FAILURE_CONNECT, "cannot connect%s%s%s%s",
	    error != 0 ? ": " : "", error != 0 ? strerror((int)error) : "",
	    t->n_refused > 0 ? "; " : "", t->refused);
}

/* Reset, or a TLS alert instead of data. */
static void
fail_to_receive(struct fetch_transfer *t)
{
	if (t->head.ended)
		fail_for_cause(t, FETCH_FAILURE_SHORT,
		    "connection broke off in the body");
	else
		fail_for_cause(t, FETCH_FAILURE_HTTP, "connection broke off");
}

static const char *
phase(const struct fetch_transfer *t)
{
	curl_off_t secured_us = 0;

	if (!t->connected)
		return "connecting";
	(void)curl_easy_getinfo(t->easy, CURLINFO_APPCONNECT_TIME_T,
	    &secured_us);
	if (secured_us == 0)
		return "in the TLS handshake";
	if (!t->head.ended)
		return "waiting for the response";
	return "in the body";
}

static void
judge_error(struct fetch_transfer *t, CURLcode code)
{
	char text[128];

	if (t->tls.why[0] != '\0') {
		fetch_transfer_fail(t, FETCH_FAILURE_CERTIFICATE, "%s",
		    t->tls.why);
		return;
	}
	if (code == CURLE_COULDNT_CONNECT) {
		fail_to_connect(t);
		return;
	}
	if (code == CURLE_RECV_ERROR) {
		fail_to_receive(t);
		return;
	}
	if (code == CURLE_OPERATION_TIMEDOUT) {
		fetch_transfer_fail(t, FETCH_FAILURE_TIMEOUT,
		    "no connection in time, %s", phase(t));
		return;
	}
	/* How libcurl refuses a line of more than 100 KB. */
	if (code == CURLE_OUT_OF_MEMORY && t->head.status != 0 &&
	    !t->head.ended) {
		fetch_transfer_fail(t, FETCH_FAILURE_SIZE,
		    "header larger than %d octets", FETCH_HEADERS_MAX);
		return;
	}
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (code >= causes[i].first && code <= causes[i].last) {
			fail_for_cause(t, causes[i].failure,
			    causes[i].text != NULL ? causes[i].text
						   : curl_easy_strerror(code));
			return;
		}
	/* A newer libcurl. Told as it is, with the number to look up. */
	(void)snprintf(text, sizeof(text), "libcurl error %d, %s", (int)code,
	    curl_easy_strerror(code));
	fail_for_cause(t, FETCH_FAILURE_INTERNAL, text);
}

/* F-10: whether the end that libcurl saw is the end of the body. */
static bool
is_whole(const struct fetch_transfer *t)
{
	curl_off_t announced = -1;

	(void)curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
	    &announced);
	return t->head.chunked || announced >= 0 || t->tls.close_notify;
}

void
fetch_outcome_judge(struct fetch_transfer *t, CURLcode code)
{
	static const uint8_t nothing[1];

	if (code != CURLE_OK)
		judge_error(t, code);
	else if (!t->head.ended)
		fetch_transfer_fail(t, FETCH_FAILURE_HTTP,
		    "connection closed in the response header");
	else if (!is_whole(t))
		fetch_transfer_fail(t, FETCH_FAILURE_SHORT,
		    "connection closed in the body, without close_notify");
	if (t->result.failure != FETCH_FAILURE_NONE)
		return;
	t->result.body = t->body != NULL ? t->body : nothing;
	t->result.len = t->len;
}

void
fetch_outcome_expire(struct fetch_transfer *t)
{
	fetch_transfer_fail(t, FETCH_FAILURE_TIMEOUT, "no end after %u ms, %s",
	    t->rules->timeout_ms, phase(t));
}

void
fetch_outcome_queue(struct fetch_transfer *t, unsigned wait_ms)
{
	fetch_transfer_fail(t, FETCH_FAILURE_QUEUE,
	    "no connection was free for %u ms, as other policy hosts were slow",
	    wait_ms);
}

void
fetch_outcome_cancel(struct fetch_transfer *t)
{
	fetch_transfer_fail(t, FETCH_FAILURE_CANCELLED, "cancelled");
}
