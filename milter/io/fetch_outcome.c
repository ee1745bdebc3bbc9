#include "autoconf.h"

#include "io/fetch_outcome.h"

#include <stdbool.h>
#include <string.h>

#include "io/fetch_text.h"

/* Codes of libcurl that say enough by themselves; its words come after. */
/* clang-format off */
static const struct {
	CURLcode code;
	enum fetch_failure failure;
	const char *text;
} causes[] = {
	{CURLE_SSL_CONNECT_ERROR, FETCH_FAILURE_TLS, "TLS handshake failed"},
	{CURLE_SSL_CIPHER, FETCH_FAILURE_TLS, "TLS handshake failed"},
	{CURLE_PEER_FAILED_VERIFICATION, FETCH_FAILURE_CERTIFICATE,
	    "certificate refused"},
	{CURLE_UNSUPPORTED_PROTOCOL, FETCH_FAILURE_HTTP, "not HTTP/1"},
	{CURLE_WEIRD_SERVER_REPLY, FETCH_FAILURE_HTTP, "malformed response"},
	{CURLE_GOT_NOTHING, FETCH_FAILURE_HTTP, "no response"},
	{CURLE_SEND_ERROR, FETCH_FAILURE_HTTP, "connection broke off"},
	{CURLE_PARTIAL_FILE, FETCH_FAILURE_SHORT,
	    "body shorter than announced"},
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

	if (t->n_sockets == 0)
		return "waiting for another fetch to end";
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
		if (causes[i].code == code) {
			fail_for_cause(t, causes[i].failure, causes[i].text);
			return;
		}
	fail_for_cause(t, FETCH_FAILURE_INTERNAL, curl_easy_strerror(code));
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
fetch_outcome_cancel(struct fetch_transfer *t)
{
	fetch_transfer_fail(t, FETCH_FAILURE_CANCELLED, "cancelled");
}
