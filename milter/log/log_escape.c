#include "autoconf.h"

#include "log/log_escape.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static bool
octet_is_plain(uint8_t octet)
{
	return octet > 0x20 && octet < 0x7f && octet != '"' && octet != '\\';
}

#define EACH (UINT64_MAX / 255) /* 1 in each octet */
#define HIGH (EACH << 7)

/* A high bit is set where an octet of word is `octet`, or (wrongly) behind
 * such a one; none if there is none. */
static uint64_t
find(uint64_t word, uint8_t octet)
{
	const uint64_t zero = word ^ EACH * octet;

	return (zero - EACH) & ~zero & HIGH;
}

/* Whether eight octets stand for themselves: most are looked at eight at a
 * time. */
static bool
are_bare(uint64_t word)
{
	/* Below 0x21, 0x7f, above it. */
	const uint64_t low = (word - EACH * 0x21) & ~word & HIGH;
	const uint64_t high = ((word + EACH) | word) & HIGH;

	return (low | high | find(word, '"') | find(word, '=') |
		   find(word, '\\')) == 0;
}

bool
log_text_needs_quotes(const uint8_t *value, size_t len)
{
	size_t i = 0;

	for (; i + 8 <= len; i += 8) {
		uint64_t word;

		memcpy(&word, value + i, 8);
		if (!are_bare(word))
			break; /* which one does not matter */
	}
	for (; i < len; i++) {
		if (!octet_is_plain(value[i]) || value[i] == '=')
			return true;
	}
	return len == 0;
}

static size_t
put(const char *form, size_t form_len, char out[LOG_ESCAPE_MAX],
    size_t *out_len)
{
	memcpy(out, form, form_len);
	*out_len = form_len;
	return 1;
}

/* '"' and '\' are escaped alike in both formats. */
static size_t
put_backslashed(uint8_t octet, char out[LOG_ESCAPE_MAX], size_t *out_len)
{
	char form[2] = {'\\', (char)octet};

	return put(form, sizeof(form), out, out_len);
}

size_t
log_text_unit(const uint8_t *value, size_t len, char out[LOG_ESCAPE_MAX],
    size_t *out_len)
{
	uint8_t octet = value[0];

	(void)len;
	if (octet == '"' || octet == '\\')
		return put_backslashed(octet, out, out_len);
	if (octet == ' ' || octet_is_plain(octet)) {
		out[0] = (char)octet;
		*out_len = 1;
		return 1;
	}
	*out_len = (size_t)snprintf(out, LOG_ESCAPE_MAX, "\\x%02x", octet);
	return 1;
}

size_t
log_json_unit(const uint8_t *value, size_t len, char out[LOG_ESCAPE_MAX],
    size_t *out_len)
{
	static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
	uint8_t octet = value[0];
	uint32_t code;
	size_t taken;

	if (octet == '"' || octet == '\\')
		return put_backslashed(octet, out, out_len);
	if (octet < 0x20 || octet == 0x7f) {
		*out_len =
		    (size_t)snprintf(out, LOG_ESCAPE_MAX, "\\u%04x", octet);
		return 1;
	}
	if (octet < 0x80) {
		out[0] = (char)octet;
		*out_len = 1;
		return 1;
	}
	taken = text_decode(value, len, &code);
	if (code == TEXT_INVALID)
		return put(replacement, sizeof(replacement) - 1, out, out_len);
	memcpy(out, value, taken);
	*out_len = taken;
	return taken;
}

static void
put_digits(char *out, unsigned value, unsigned digits)
{
	while (digits > 0) {
		out[--digits] = (char)('0' + value % 10);
		value /= 10;
	}
}

/* Years begin in March here, so that the leap day is the last one. */
static void
put_date(char out[10], int64_t days)
{
	const unsigned since_0000 = (unsigned)(days + 719468);
	const unsigned era = since_0000 / 146097; /* of 400 years */
	const unsigned day = since_0000 % 146097;
	const unsigned year =
	    (day - day / 1460 + day / 36524 - day / 146096) / 365;
	const unsigned of_year = day - (365 * year + year / 4 - year / 100);
	const unsigned month = (5 * of_year + 2) / 153; /* 0: March */

	put_digits(out, era * 400 + year + (month >= 10), 4);
	out[4] = '-';
	put_digits(out + 5, month < 10 ? month + 3 : month - 9, 2);
	out[7] = '-';
	put_digits(out + 8, of_year - (153 * month + 2) / 5 + 1, 2);
}

void
log_time(int64_t time_s, unsigned ms, char out[LOG_TIME_LEN])
{
	const unsigned second = (unsigned)(time_s % 86400);

	memcpy(out, "0000-00-00T00:00:00.000Z", LOG_TIME_LEN);
	put_date(out, time_s / 86400);
	put_digits(out + 11, second / 3600, 2);
	put_digits(out + 14, second / 60 % 60, 2);
	put_digits(out + 17, second % 60, 2);
	put_digits(out + 20, ms, 3);
}
