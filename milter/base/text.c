/* Text for people and programs. */
#include "autoconf.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/ascii.h"
#include "base/err.h"

/* Unicode 15, table 3-7: the second octets that may follow a first one; later
 * octets are 80 to BF. */
struct utf8_row {
	uint8_t first_low, first_high;
	uint8_t second_low, second_high;
	uint8_t len;
};

static const struct utf8_row utf8_rows[] = {
    {0x00, 0x7f, 0x00, 0x00, 1},
    {0xc2, 0xdf, 0x80, 0xbf, 2},
    {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3},
    {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4},
    {0xf4, 0xf4, 0x80, 0x8f, 4},
};

#define N_UTF8_ROWS (sizeof(utf8_rows) / sizeof(utf8_rows[0]))

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
#define REPLACEMENT_LEN (sizeof(replacement) - 1)

size_t
text_decode(const uint8_t *octets, size_t len, uint32_t *code)
{
	static const uint8_t first_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	const struct utf8_row *row = utf8_rows;
	const struct utf8_row *end = utf8_rows + N_UTF8_ROWS;
	uint32_t value;

	*code = TEXT_INVALID;
	while (row < end &&
	    (octets[0] < row->first_low || octets[0] > row->first_high))
		row++;
	if (row == end)
		return 1;
	value = octets[0] & first_bits[row->len];
	for (size_t i = 1; i < row->len; i++) {
		if (i == len || octets[i] < (i == 1 ? row->second_low : 0x80) ||
		    octets[i] > (i == 1 ? row->second_high : 0xbf))
			return i;
		value = value << 6 | (octets[i] & 0x3fU);
	}
	*code = value;
	return row->len;
}

/* True if a terminal may get the character. Bidirectional controls could make a
 * line read as something else. */
static bool
is_fit(uint32_t code)
{
	return code != TEXT_INVALID && code >= 0x20 &&
	    (code < 0x7f || code > 0x9f) && code != 0x2028 && code != 0x2029 &&
	    (code < 0x202a || code > 0x202e) &&
	    (code < 0x2066 || code > 0x2069);
}

char *
text_utf8(const void *octets, size_t len)
{
	const uint8_t *in = octets;
	char *out, *end;
	uint32_t code;
	size_t n;

	if (len > (SIZE_MAX - 1) / REPLACEMENT_LEN)
		return NULL;
	out = end = malloc(len * REPLACEMENT_LEN + 1);
	if (out == NULL)
		return NULL;
	for (; len > 0; in += n, len -= n) {
		n = text_decode(in, len, &code);
		if (code == TEXT_INVALID) {
			memcpy(end, replacement, REPLACEMENT_LEN);
			end += REPLACEMENT_LEN;
		} else {
			memcpy(end, in, n);
			end += n;
		}
	}
	*end = '\0';
	return out;
}

void
text_ascii(char *out, size_t size, const void *octets, size_t len)
{
	static const char ellipsis[] = "...";
	const uint8_t *in = octets;
	size_t n = len < size ? len : size - sizeof(ellipsis);

	for (size_t i = 0; i < n; i++)
		out[i] = in[i] >= ' ' && in[i] <= '~' ? (char)in[i] : '?';
	out[n] = '\0';
	if (n < len)
		memcpy(out + n, ellipsis, sizeof(ellipsis));
}

void
text_print(FILE *out, const void *octets, size_t len)
{
	const uint8_t *in = octets;
	uint32_t code;
	size_t i, n;

	for (; len > 0; in += n, len -= n) {
		n = text_decode(in, len, &code);
		if (is_fit(code)) {
			fwrite(in, 1, n, out);
			continue;
		}
		for (i = 0; i < n; i++)
			fprintf(out, "\\x%02x", in[i]);
	}
}

/* The columns that text_print() takes. */
static size_t
columns_of(const char *octets, size_t len)
{
	const uint8_t *in = (const uint8_t *)octets;
	size_t columns = 0, n;
	uint32_t code;

	for (; len > 0; in += n, len -= n) {
		n = text_decode(in, len, &code);
		columns += is_fit(code) ? 1 : n * strlen("\\xNN");
	}
	return columns;
}

void
text_wrap(FILE *out, const char *margin, size_t margin_columns, size_t width,
    const char *text)
{
	size_t column = 0;

	for (text += strspn(text, " "); *text != '\0';
	     text += strspn(text, " ")) {
		size_t len = strcspn(text, " ");
		size_t columns = columns_of(text, len);

		if (column > 0 && column + 1 + columns > width) {
			fputc('\n', out);
			column = 0;
		}
		if (column == 0) {
			fputs(margin, out);
			column = margin_columns + columns;
		} else {
			fputc(' ', out);
			column += 1 + columns;
		}
		text_print(out, text, len);
		text += len;
	}
	if (column > 0)
		fputc('\n', out);
}

/* --- times for people ----------------------------------------------------- */

static const struct {
	int64_t seconds;
	const char *name;
} units[] = {
    {86400, "d"  },
    {3600,  "h"  },
    {60,    "min"},
    {1,     "s"  },
};

#define N_UNITS (sizeof(units) / sizeof(units[0]))

void
duration_text(int64_t seconds, char out[DURATION_SIZE])
{
	size_t i = 0;
	int64_t rest;
	int len;

	if (seconds < 0)
		seconds = 0;
	while (i < N_UNITS - 1 && seconds < units[i].seconds)
		i++;
	len = snprintf(out, DURATION_SIZE, "%" PRId64 " %s",
	    seconds / units[i].seconds, units[i].name);
	rest = seconds % units[i].seconds;
	if (i == N_UNITS - 1 || rest / units[i + 1].seconds == 0)
		return;
	(void)snprintf(out + len, DURATION_SIZE - (size_t)len,
	    " %" PRId64 " %s", rest / units[i + 1].seconds, units[i + 1].name);
}

void
moment_text(int64_t wall_s, char out[DURATION_SIZE])
{
	time_t at = (time_t)wall_s;
	struct tm tm;

	if (gmtime_r(&at, &tm) != NULL)
		(void)strftime(out, DURATION_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
	else
		(void)snprintf(out, DURATION_SIZE, "%" PRId64, wall_s);
}

/* --- base 64 -------------------------------------------------------------- */

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_encode(const uint8_t *octets, size_t len, char *out)
{
	for (; len > 0; out += 4) {
		size_t n = len < 3 ? len : 3;
		uint32_t group = (uint32_t)octets[0] << 16;

		if (n > 1)
			group |= (uint32_t)octets[1] << 8;
		if (n > 2)
			group |= octets[2];
		out[0] = alphabet[group >> 18];
		out[1] = alphabet[group >> 12 & 63];
		out[2] = alphabet[group >> 6 & 63];
		out[3] = alphabet[group & 63];
		if (n < 3)
			memset(out + n + 1, '=', 3 - n);
		octets += n;
		len -= n;
	}
	*out = '\0';
}

/* Four characters, the last ones of which may be padding. */
static int
decode_group(const char *text, size_t padding, uint32_t *group)
{
	*group = 0;
	for (size_t i = 0; i < 4; i++) {
		const char *at = i < 4 - padding
		    ? memchr(alphabet, text[i], sizeof(alphabet) - 1)
		    : alphabet;

		if (at == NULL)
			return ERR_SYNTAX;
		*group = *group << 6 | (uint32_t)(at - alphabet);
	}
	/* The unused bits are zero, so that each body has one text. */
	return (*group & ((1U << 8 * padding) - 1)) == 0 ? 0 : ERR_SYNTAX;
}

int
base64_decode(const char *text, size_t len, uint8_t *out, size_t *out_len)
{
	size_t padding = 0;

	*out_len = 0;
	if (len % 4 != 0)
		return ERR_SYNTAX;
	while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
		padding++;
	for (; len > 0; text += 4, len -= 4) {
		size_t n = len > 4 ? 0 : padding;
		uint32_t group;

		if (decode_group(text, n, &group) < 0)
			return ERR_SYNTAX;
		for (size_t i = 0; i < 3 - n; i++)
			out[(*out_len)++] = (uint8_t)(group >> (16 - 8 * i));
	}
	return 0;
}

/* --- netstrings ------------------------------------------------------------
 */

enum netstring_state
netstring_parse(const uint8_t *octets, size_t len, size_t max,
    struct netstring *out)
{
	size_t n = 0;
	size_t at = 0;

	for (; at < len && ascii_is_digit(octets[at]); at++) {
		if (at > 0 && octets[0] == '0')
			return NETSTRING_BAD; /* one form for each length */
		n = n * 10 + (size_t)(octets[at] - '0');
		if (n > max)
			return NETSTRING_BAD;
	}
	if (at == len)
		return NETSTRING_PART;
	if (at == 0 || octets[at] != ':')
		return NETSTRING_BAD;
	at++;
	if (len - at <= n)
		return NETSTRING_PART;
	if (octets[at + n] != ',')
		return NETSTRING_BAD;
	out->data = octets + at;
	out->len = n;
	out->whole = at + n + 1;
	return NETSTRING_WHOLE;
}

size_t
netstring_head(size_t data_len, char out[NETSTRING_HEAD_MAX])
{
	char digits[NETSTRING_HEAD_MAX];
	char *const end = digits + sizeof(digits);
	uint32_t rest = (uint32_t)data_len;
	char *at = end;

	*--at = ':';
	do
		*--at = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	memcpy(out, at, (size_t)(end - at));
	out[end - at] = '\0';
	return (size_t)(end - at);
}
