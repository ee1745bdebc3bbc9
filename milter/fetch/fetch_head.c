#include "autoconf.h"

#include "fetch/fetch_head.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fetch/fetch_text.h"

#define STATUS_OK 200

struct octets {
	const uint8_t *at;
	size_t len;
};

static bool
is_blank(uint8_t octet)
{
	return octet == ' ' || octet == '\t';
}

static uint8_t
lower(uint8_t octet)
{
	return octet >= 'A' && octet <= 'Z' ? (uint8_t)(octet | 0x20) : octet;
}

/* text is in lower case. */
static bool
equals(struct octets octets, const char *text)
{
	if (octets.len != strlen(text))
		return false;
	for (size_t i = 0; i < octets.len; i++)
		if (lower(octets.at[i]) != (uint8_t)text[i])
			return false;
	return true;
}

static struct octets
trimmed(struct octets octets)
{
	while (octets.len > 0 && is_blank(octets.at[0])) {
		octets.at++;
		octets.len--;
	}
	while (octets.len > 0 && is_blank(octets.at[octets.len - 1]))
		octets.len--;
	return octets;
}

/* What stands before the first `mark`; the rest without it goes to *after. */
static struct octets
cut(struct octets octets, uint8_t mark, struct octets *after)
{
	const uint8_t *at = memchr(octets.at, mark, octets.len);
	struct octets before = octets;

	*after = (struct octets){octets.at + octets.len, 0};
	if (at == NULL)
		return before;
	before.len = (size_t)(at - octets.at);
	after->at = at + 1;
	after->len = octets.len - before.len - 1;
	return before;
}

/* --- the headers that matter ---------------------------------------------- */

static void
take_type(struct fetch_head *head, struct octets value)
{
	struct octets parameters;
	struct octets type = trimmed(cut(value, ';', &parameters));

	head->n_types++;
	head->type_is_plain = equals(type, "text/plain");
	fetch_text_octets(head->type, sizeof(head->type), type.at, type.len);
}

/* A coding is kept if it is not the one that is expected. */
static void
take_coding(char coding[FETCH_HEAD_VALUE_SIZE], struct octets value,
    const char *expected)
{
	if (value.len > 0 && !equals(value, expected))
		fetch_text_octets(coding, FETCH_HEAD_VALUE_SIZE, value.at,
		    value.len);
}

static void
take_encoding(struct fetch_head *head, struct octets value)
{
	take_coding(head->encoding, value, "identity");
}

static void
take_transfer(struct fetch_head *head, struct octets value)
{
	head->chunked |= equals(value, "chunked");
	take_coding(head->transfer, value, "chunked");
}

/* RFC 9112 6.3: which one holds nobody can say, and so where the body ends. */
static void
take_length(struct fetch_head *head, struct octets value)
{
	char length[FETCH_HEAD_VALUE_SIZE];

	fetch_text_octets(length, sizeof(length), value.at, value.len);
	if (head->length[0] == '\0')
		memcpy(head->length, length, sizeof(length));
	else if (strcmp(head->length, length) != 0)
		head->lengths_differ = true;
}

static const struct {
	const char *name;
	void (*take)(struct fetch_head *head, struct octets value);
} fields[] = {
    {"content-type",      take_type    },
    {"content-encoding",  take_encoding},
    {"content-length",    take_length  },
    {"transfer-encoding", take_transfer},
};

static void
take_field(struct fetch_head *head, struct octets line)
{
	struct octets value;
	struct octets name = cut(line, ':', &value);

	head->matters = false;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (equals(name, fields[i].name)) {
			fields[i].take(head, trimmed(value));
			head->matters = true;
		}
}

/* --- judgement ------------------------------------------------------------ */

static enum fetch_failure
refuse(enum fetch_failure failure, char why[FETCH_WHY_SIZE], const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

static enum fetch_failure
refuse(enum fetch_failure failure, char why[FETCH_WHY_SIZE], const char *fmt,
    ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, FETCH_WHY_SIZE, fmt, ap);
	va_end(ap);
	return failure;
}

static bool
is_redirect(unsigned status)
{
	return (status >= 301 && status <= 303) || status == 307 ||
	    status == 308;
}

static enum fetch_failure
judge(const struct fetch_head *head, char why[FETCH_WHY_SIZE])
{
	/* RFC 8461 3.3: "HTTP 3xx redirects MUST NOT be followed". */
	if (is_redirect(head->status))
		return refuse(FETCH_FAILURE_STATUS, why,
		    "redirect (%u) is not followed", head->status);
	if (head->status != STATUS_OK)
		return refuse(FETCH_FAILURE_STATUS, why, "HTTP status %u",
		    head->status);
	if (head->folded)
		return refuse(FETCH_FAILURE_HTTP, why,
		    "a header that matters is folded");
	if (head->encoding[0] != '\0')
		return refuse(FETCH_FAILURE_HTTP, why,
		    "Content-Encoding %s was not asked for", head->encoding);
	if (head->transfer[0] != '\0')
		return refuse(FETCH_FAILURE_HTTP, why,
		    "Transfer-Encoding %s was not asked for", head->transfer);
	if (head->lengths_differ)
		return refuse(FETCH_FAILURE_HTTP, why,
		    "Content-Length headers that differ");
	if (head->n_types == 0)
		return refuse(FETCH_FAILURE_TYPE, why,
		    "no Content-Type; it has to be text/plain");
	if (head->n_types > 1)
		return refuse(FETCH_FAILURE_TYPE, why,
		    "%u Content-Type headers", head->n_types);
	if (!head->type_is_plain)
		return refuse(FETCH_FAILURE_TYPE, why,
		    "Content-Type is \"%s\", not text/plain", head->type);
	return FETCH_FAILURE_NONE;
}

/* --- lines ---------------------------------------------------------------- */

/* Forgets an interim response (RFC 9110 15.2), but not how much there was. */
static void
start_response(struct fetch_head *head)
{
	*head = (struct fetch_head){.octets = head->octets};
}

static bool
take_status(struct fetch_head *head, struct octets status)
{
	if (status.len != 3)
		return false;
	for (size_t i = 0; i < status.len; i++) {
		if (status.at[i] < '0' || status.at[i] > '9')
			return false;
		head->status = 10 * head->status + (status.at[i] - '0');
	}
	return head->status >= 100;
}

/* "HTTP/1.1 200 OK", "HTTP/1.1 200". RFC 9112 4 */
static enum fetch_failure
take_status_line(struct fetch_head *head, struct octets line,
    char why[FETCH_WHY_SIZE])
{
	struct octets rest;
	struct octets reason;
	struct octets version = cut(line, ' ', &rest);
	struct octets status = cut(rest, ' ', &reason);

	start_response(head);
	if (!equals(version, "http/1.1") && !equals(version, "http/1.0"))
		return refuse(FETCH_FAILURE_HTTP, why, "not HTTP/1");
	if (!take_status(head, status))
		return refuse(FETCH_FAILURE_HTTP, why, "malformed status line");
	return FETCH_FAILURE_NONE;
}

static enum fetch_failure
end_response(struct fetch_head *head, char why[FETCH_WHY_SIZE])
{
	if (head->status >= 100 && head->status <= 199 && head->status != 101) {
		start_response(head);
		return FETCH_FAILURE_NONE;
	}
	head->ended = true;
	return judge(head, why);
}

static struct octets
without_line_end(const uint8_t *line, size_t len)
{
	if (len > 0 && line[len - 1] == '\n')
		len--;
	if (len > 0 && line[len - 1] == '\r')
		len--;
	return (struct octets){line, len};
}

enum fetch_failure
fetch_head_line(struct fetch_head *head, const uint8_t *line, size_t len,
    char why[FETCH_WHY_SIZE])
{
	struct octets octets = without_line_end(line, len);

	head->octets += len;
	if (head->octets > FETCH_HEADERS_MAX)
		return refuse(FETCH_FAILURE_SIZE, why,
		    "header larger than %d octets", FETCH_HEADERS_MAX);
	if (head->ended)
		return FETCH_FAILURE_NONE; /* a trailer says nothing to us */
	if (head->status == 0)
		return take_status_line(head, octets, why);
	if (octets.len == 0)
		return end_response(head, why);
	if (is_blank(octets.at[0]))
		head->folded |= head->matters; /* RFC 9112 5.2 */
	else
		take_field(head, octets);
	return FETCH_FAILURE_NONE;
}
