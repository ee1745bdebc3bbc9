#include "autoconf.h"

#include "front/http_request.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/ascii.h"

#define BAD_REQUEST        400
#define METHOD_NOT_ALLOWED 405
#define TARGET_TOO_LONG    414
#define HEAD_TOO_LARGE     431
#define BAD_VERSION        505
#define OK                 200

#define HOST_SIZE 256

/* --- octets --- */

bool
http_text_is(const struct http_text *text, const char *word)
{
	return text->len == strlen(word) &&
	    memcmp(text->at, word, text->len) == 0;
}

bool
http_text_begins(const struct http_text *text, const char *prefix,
    struct http_text *rest)
{
	size_t len = strlen(prefix);

	if (text->len < len || memcmp(text->at, prefix, len) != 0)
		return false;
	*rest = (struct http_text){text->at + len, text->len - len};
	return true;
}

bool
http_is_of_other_site(const struct http_request *request)
{
	const struct http_text *site = &request->site;

	return site->len > 0 && !http_text_is(site, "same-origin") &&
	    !http_text_is(site, "none");
}

static bool
is_word(const struct http_text *text, const char *word)
{
	if (text->len != strlen(word))
		return false;
	for (size_t i = 0; i < text->len; i++)
		if (ascii_lower(text->at[i]) != ascii_lower((uint8_t)word[i]))
			return false;
	return true;
}

/* RFC 9110 5.6.2 */
static bool
is_token_octet(uint8_t c)
{
	return ascii_is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static bool
is_token(const struct http_text *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (!is_token_octet(text->at[i]))
			return false;
	return text->len > 0;
}

static struct http_text
trim(struct http_text text)
{
	while (text.len > 0 && ascii_is_wsp(text.at[0])) {
		text.at++;
		text.len--;
	}
	while (text.len > 0 && ascii_is_wsp(text.at[text.len - 1]))
		text.len--;
	return text;
}

/* What comes before the first c, which is taken from rest as well. False:
 * there is none. */
static bool
split(struct http_text *rest, uint8_t c, struct http_text *out)
{
	const uint8_t *at =
	    rest->len > 0 ? memchr(rest->at, c, rest->len) : NULL;

	if (at == NULL)
		return false;
	*out = (struct http_text){rest->at, (size_t)(at - rest->at)};
	rest->len -= out->len + 1;
	rest->at = at + 1;
	return true;
}

/* A line without its end, which may be LF alone (RFC 9112 2.2). */
static bool
take_line(struct http_text *rest, struct http_text *line)
{
	if (!split(rest, '\n', line))
		return false;
	if (line->len > 0 && line->at[line->len - 1] == '\r')
		line->len--;
	return true;
}

/* --- the request line --- */

static unsigned
read_method(const struct http_text *method, struct http_request *out)
{
	if (!is_token(method))
		return BAD_REQUEST;
	out->head = http_text_is(method, "HEAD");
	if (!out->head && !http_text_is(method, "GET"))
		return METHOD_NOT_ALLOWED;
	return OK;
}

/* origin-form alone: this is no proxy (RFC 9112 3.2.1). */
static unsigned
read_target(struct http_text target, struct http_request *out)
{
	if (target.len == 0 || target.at[0] != '/')
		return BAD_REQUEST;
	if (target.len > HTTP_TARGET_MAX)
		return TARGET_TOO_LONG;
	for (size_t i = 0; i < target.len; i++)
		if (target.at[i] <= ' ' || target.at[i] >= 0x7f)
			return BAD_REQUEST;
	if (!split(&target, '?', &out->path))
		out->path = target;
	else
		out->query = target;
	return OK;
}

static unsigned
read_version(const struct http_text *version, bool *needs_host)
{
	static const char name[] = "HTTP/";

	if (version->len != strlen("HTTP/1.1") ||
	    memcmp(version->at, name, strlen(name)) != 0)
		return BAD_REQUEST;
	if (memcmp(version->at, "HTTP/1.", strlen("HTTP/1.")) != 0)
		return BAD_VERSION;
	*needs_host = version->at[7] != '0';
	return ascii_is_digit(version->at[7]) ? OK : BAD_REQUEST;
}

static unsigned
read_request_line(struct http_text line, struct http_request *out,
    bool *needs_host)
{
	struct http_text method;
	struct http_text target;
	unsigned status;

	if (!split(&line, ' ', &method) || !split(&line, ' ', &target))
		return BAD_REQUEST;
	status = read_version(&line, needs_host);
	if (status == OK)
		status = read_method(&method, out);
	if (status == OK)
		status = read_target(target, out);
	return status;
}

/* --- fields --- */

static bool
is_field_value(const struct http_text *value)
{
	for (size_t i = 0; i < value->len; i++)
		if (value->at[i] == 0x7f ||
		    (value->at[i] < ' ' && value->at[i] != '\t'))
			return false;
	return true;
}

/* A line that goes on (RFC 9112 5.2) has a blank in its name and is refused. */
static unsigned
read_field(struct http_text line, struct http_request *out)
{
	struct http_text name;

	if (!split(&line, ':', &name) || !is_token(&name))
		return BAD_REQUEST;
	line = trim(line);
	if (!is_field_value(&line))
		return BAD_REQUEST;
	if (is_word(&name, "Sec-Fetch-Site"))
		out->site = line;
	if (!is_word(&name, "Host"))
		return OK;
	if (out->has_host)
		return BAD_REQUEST;
	out->has_host = true;
	out->host = line;
	return OK;
}

static unsigned
incomplete(size_t len)
{
	return len >= HTTP_HEAD_MAX ? HEAD_TOO_LARGE : 0;
}

unsigned
http_request_parse(const uint8_t *octets, size_t len, struct http_request *out)
{
	struct http_text rest = {octets, len};
	struct http_text line;
	bool needs_host = false;
	unsigned status;

	*out = (struct http_request){.head = false};
	if (!take_line(&rest, &line))
		return incomplete(len);
	status = read_request_line(line, out, &needs_host);
	while (status == OK) {
		if (!take_line(&rest, &line))
			return incomplete(len);
		if (line.len == 0)
			break;
		status = read_field(line, out);
	}
	if (status != OK)
		return status;
	if (len - rest.len > HTTP_HEAD_MAX)
		return HEAD_TOO_LARGE;
	return needs_host && !out->has_host ? BAD_REQUEST : OK;
}

/* --- what is made of it --- */

/* "[ADDRESS]" without the brackets; else as it is. A port is left out. */
static bool
host_name(struct http_text host, char out[HOST_SIZE], int *family)
{
	struct http_text name;

	*family = AF_INET;
	if (host.len > 0 && host.at[0] == '[') {
		host.at++;
		host.len--;
		if (!split(&host, ']', &name) ||
		    (host.len > 0 && host.at[0] != ':'))
			return false;
		*family = AF_INET6;
	} else if (!split(&host, ':', &name)) {
		name = host;
	}
	if (name.len == 0 || name.len >= HOST_SIZE)
		return false;
	memcpy(out, name.at, name.len);
	out[name.len] = '\0';
	return memchr(out, '\0', name.len) == NULL;
}

bool
http_host_is_ours(const struct http_text *host, const char *own)
{
	char name[HOST_SIZE];
	struct in6_addr address;
	struct http_text text;
	int family;

	if (!host_name(*host, name, &family))
		return false;
	if (inet_pton(family, name, &address) == 1)
		return true;
	text = (struct http_text){(const uint8_t *)name, strlen(name)};
	return family == AF_INET &&
	    (is_word(&text, "localhost") || is_word(&text, own));
}

static int
hex_value(uint8_t c)
{
	if (ascii_is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The next octet of an encoded value; -1: half an escape. plus: for '+'. */
static int
next_octet(struct http_text *rest, char plus)
{
	uint8_t c = *rest->at++;
	int high;
	int low;

	rest->len--;
	if (c == '+')
		return plus;
	if (c != '%')
		return c;
	if (rest->len < 2)
		return -1;
	high = hex_value(rest->at[0]);
	low = hex_value(rest->at[1]);
	rest->at += 2;
	rest->len -= 2;
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool
decode(struct http_text value, char plus, char *out, size_t size)
{
	size_t n = 0;
	int c;

	while (value.len > 0) {
		c = next_octet(&value, plus);
		if (c <= 0 || n + 1 >= size)
			return false;
		out[n++] = (char)c;
	}
	out[n] = '\0';
	return true;
}

bool
http_query_field(const struct http_text *query, const char *name, char *out,
    size_t size)
{
	struct http_text rest = *query;
	struct http_text field;
	struct http_text key;

	while (rest.len > 0) {
		if (!split(&rest, '&', &field)) {
			field = rest;
			rest.len = 0;
		}
		if (split(&field, '=', &key) && http_text_is(&key, name))
			return decode(field, ' ', out, size);
	}
	return false;
}

bool
http_path_decode(const struct http_text *part, char *out, size_t size)
{
	return part->len > 0 && decode(*part, '+', out, size);
}
