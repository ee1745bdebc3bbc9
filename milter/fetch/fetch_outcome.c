/* Translates responses and errors of libcurl to the failures of fetch.h, with
 * words for people. */
#include "autoconf.h"

#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/text.h"
#include "fetch/fetch_internal.h"

/* --- the header of a response --------------------------------------------- */

#define STATUS_OK       200
#define STATUS_LINE_LEN 12 /* without a reason: "HTTP/1.1 200" */
#define VALUES_MAX      4  /* of one header: libcurl walks all lines for each */
#define VALUE_SHOWN     64

struct value {
	const char *text;
	size_t len;
};

/* The values that a header has in the final response, as many as there is room
 * for. Returns how many there are. */
static size_t
values_of(const struct fetch_transfer *t, const char *name,
    struct value value[VALUES_MAX])
{
	struct curl_header *header;
	size_t n = 0, amount = 0;

	for (; n < VALUES_MAX &&
	     curl_easy_header(t->easy, name, n, CURLH_HEADER, -1, &header) ==
		 CURLHE_OK;
	     n++) {
		size_t len = strlen(header->value);

		/* libcurl 7.88 takes the CR of an empty value for the value. */
		while (len > 0 && header->value[len - 1] == '\r')
			len--;
		amount = header->amount;
		value[n] = (struct value){header->value, len};
	}
	return amount;
}

static bool
is_value(const struct value *value, const char *text)
{
	return value->len == strlen(text) &&
	    ascii_same(value->text, text, value->len);
}

/* Refuses any value of the header but `expected`. True if the header is
 * there. */
static bool
judge_coding(struct fetch_transfer *t, const char *name, const char *expected)
{
	struct value value[VALUES_MAX] = {0};
	size_t n = values_of(t, name, value);
	bool found = false;

	if (n > VALUES_MAX)
		fetch_transfer_fail(t, FETCH_FAILURE_HTTP, "%zu %s headers", n,
		    name);
	for (size_t i = 0; i < n && i < VALUES_MAX; i++) {
		char text[VALUE_SHOWN];

		if (is_value(&value[i], expected)) {
			found = true;
		} else if (value[i].len > 0) {
			text_ascii(text, sizeof(text), value[i].text,
			    value[i].len);
			fetch_transfer_fail(t, FETCH_FAILURE_HTTP,
			    "%s %s was not asked for", name, text);
		}
	}
	return found;
}

/* RFC 9112 6.3: differing lengths leave it open where the body ends. */
static void
judge_length(struct fetch_transfer *t)
{
	struct value value[VALUES_MAX] = {0};
	size_t n = values_of(t, "Content-Length", value);

	if (n > VALUES_MAX)
		fetch_transfer_fail(t, FETCH_FAILURE_HTTP,
		    "%zu Content-Length headers", n);
	for (size_t i = 1; i < n && i < VALUES_MAX; i++)
		if (!is_value(&value[i], value[0].text))
			fetch_transfer_fail(t, FETCH_FAILURE_HTTP,
			    "Content-Length headers that differ");
}

/* RFC 8461 3.2: text/plain, with any parameters. */
static void
judge_type(struct fetch_transfer *t)
{
	struct value value[VALUES_MAX] = {0};
	size_t n = values_of(t, "Content-Type", value);
	char text[VALUE_SHOWN];
	const char *end;

	if (n == 0)
		fetch_transfer_fail(t, FETCH_FAILURE_TYPE,
		    "no Content-Type; it has to be text/plain");
	if (n > 1)
		fetch_transfer_fail(t, FETCH_FAILURE_TYPE,
		    "%zu Content-Type headers", n);
	if (n != 1)
		return;
	end = memchr(value[0].text, ';', value[0].len);
	if (end != NULL)
		value[0].len = (size_t)(end - value[0].text);
	while (value[0].len > 0 &&
	    ascii_is_wsp((uint8_t)value[0].text[value[0].len - 1]))
		value[0].len--;
	if (is_value(&value[0], "text/plain"))
		return;
	text_ascii(text, sizeof(text), value[0].text, value[0].len);
	fetch_transfer_fail(t, FETCH_FAILURE_TYPE,
	    "Content-Type is \"%s\", not text/plain", text);
}

/* The whole header is there. The first reason to refuse it counts. */
static void
judge_header(struct fetch_transfer *t)
{
	long status = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 100 && status <= 199 && status != 101) {
		/* An interim response (RFC 9110 15.2); another one follows. */
		t->head = (struct fetch_head){.octets = t->head.octets};
		return;
	}
	t->head.ended = true;
	/* RFC 8461 3.3: "HTTP 3xx redirects MUST NOT be followed". */
	if ((status >= 301 && status <= 303) || status == 307 || status == 308)
		fetch_transfer_fail(t, FETCH_FAILURE_STATUS,
		    "redirect (%ld) is not followed", status);
	if (status != STATUS_OK)
		fetch_transfer_fail(t, FETCH_FAILURE_STATUS, "HTTP status %ld",
		    status);
	if (t->head.folded)
		fetch_transfer_fail(t, FETCH_FAILURE_HTTP,
		    "a header that matters is folded");
	(void)judge_coding(t, "Content-Encoding", "identity");
	t->head.chunked = judge_coding(t, "Transfer-Encoding", "chunked");
	judge_length(t);
	judge_type(t);
}

/* libcurl unfolds lines (RFC 9112 5.2), which servers may read differently. */
static void
note_folding(struct fetch_head *head, const char *line, size_t len)
{
	static const char *const names[] = {"content-type:",
	    "content-encoding:", "content-length:", "transfer-encoding:"};

	if (ascii_is_wsp((uint8_t)line[0])) {
		head->folded |= head->matters;
		return;
	}
	head->matters = false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		head->matters |= len >= strlen(names[i]) &&
		    ascii_same(line, names[i], strlen(names[i]));
}

size_t
fetch_outcome_header(char *line, size_t size, size_t n, void *arg)
{
	struct fetch_transfer *t = arg;
	size_t len = size * n;

	t->head.octets += len;
	if (len > 0 && line[len - 1] == '\n')
		len--;
	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (t->head.octets > FETCH_HEADERS_MAX)
		fetch_transfer_fail(t, FETCH_FAILURE_SIZE,
		    "header larger than %d octets", FETCH_HEADERS_MAX);
	else if (t->head.ended)
		; /* a trailer says nothing about the body */
	else if (!t->head.begun) {
		/* RFC 9112 4. libcurl lets more pass, such as a tab. */
		if (len < STATUS_LINE_LEN || !ascii_same(line, "HTTP/1.", 7))
			fetch_transfer_fail(t, FETCH_FAILURE_HTTP,
			    "not HTTP/1");
		else if (len > STATUS_LINE_LEN && line[STATUS_LINE_LEN] != ' ')
			fetch_transfer_fail(t, FETCH_FAILURE_HTTP,
			    "malformed status line");
		t->head.begun = true;
	} else if (len == 0)
		judge_header(t);
	else
		note_folding(&t->head, line, len);
	return t->result.failure == FETCH_FAILURE_NONE ? size * n : 0;
}

/* --- errors of libcurl ---------------------------------------------------- */

/*
 * F-18: every error code of libcurl up to the newest known here, by ranges;
 * libcurl never changes what a number means. Text NULL: libcurl's own text is
 * used, as the policy host cannot cause the error. judge_error() looks more
 * closely at some codes before it comes here.
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
fail_to_connect(struct fetch_transfer *t)
{
	long error = 0;

	if (t->n_refused > 0 && t->n_refused == t->n_sockets) {
		char more[32] = "";

		if (t->n_refused > 1)
			(void)snprintf(more, sizeof(more), ", and %u more",
			    t->n_refused - 1);
		fetch_transfer_fail(t, FETCH_FAILURE_ADDRESS, "%s%s",
		    t->refused, more);
		return;
	}
	(void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &error);
	fetch_transfer_fail(t, FETCH_FAILURE_CONNECT, "cannot connect%s%s%s%s",
	    error != 0 ? ": " : "", error != 0 ? strerror((int)error) : "",
	    t->n_refused > 0 ? "; " : "", t->refused);
}

const char *
fetch_outcome_phase(const struct fetch_transfer *t)
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
	enum fetch_failure failure = FETCH_FAILURE_INTERNAL;
	char number[128], words[CURL_ERROR_SIZE];
	const char *text = number;

	if (t->refusal[0] != '\0') {
		fetch_transfer_fail(t, FETCH_FAILURE_CERTIFICATE, "%s",
		    t->refusal);
		return;
	}
	if (code == CURLE_COULDNT_CONNECT) {
		fail_to_connect(t);
		return;
	}
	if (code == CURLE_OPERATION_TIMEDOUT) {
		fetch_transfer_fail(t, FETCH_FAILURE_TIMEOUT,
		    "no connection in time, %s", fetch_outcome_phase(t));
		return;
	}
	/* libcurl refuses a line of more than 100 KB in this way. */
	if (code == CURLE_OUT_OF_MEMORY && t->head.begun && !t->head.ended) {
		fetch_transfer_fail(t, FETCH_FAILURE_SIZE,
		    "header larger than %d octets", FETCH_HEADERS_MAX);
		return;
	}
	/* A newer libcurl has numbers that are in no row. */
	(void)snprintf(number, sizeof(number), "libcurl error %d, %s",
	    (int)code, curl_easy_strerror(code));
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (code >= causes[i].first && code <= causes[i].last) {
			failure = causes[i].failure;
			text = causes[i].text != NULL
			    ? causes[i].text
			    : curl_easy_strerror(code);
		}
	if (code == CURLE_RECV_ERROR && t->head.ended) {
		/* Reset, or a TLS alert instead of data. */
		failure = FETCH_FAILURE_SHORT;
		text = "connection broke off in the body";
	}
	/* libcurl's text may quote the server. */
	text_ascii(words, sizeof(words), t->curl_text, strlen(t->curl_text));
	fetch_transfer_fail(t, failure, "%s%s%s", text,
	    words[0] != '\0' ? ": " : "", words);
}

void
fetch_outcome_judge(struct fetch_transfer *t, CURLcode code)
{
	static const uint8_t nothing[1];
	curl_off_t announced = -1;

	(void)curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
	    &announced);
	if (code != CURLE_OK)
		judge_error(t, code);
	else if (!t->head.ended)
		fetch_transfer_fail(t, FETCH_FAILURE_HTTP,
		    "connection closed in the response header");
	else if (!t->head.chunked && announced < 0 && !t->close_notify)
		/* F-10: is the end that libcurl saw the end of the body? */
		fetch_transfer_fail(t, FETCH_FAILURE_SHORT,
		    "connection closed in the body, without close_notify");
	if (t->result.failure != FETCH_FAILURE_NONE)
		return;
	t->result.body = t->body != NULL ? t->body : nothing;
	t->result.len = t->len;
}
