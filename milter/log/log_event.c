/* Makes lines of events. Most values are plain and copied as a whole; only
 * values that have to be escaped are walked through. */
#include "autoconf.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "log/log_impl.h"

#define LIMIT_PAUSE_MS 60000 /* between two lines about one limit */

/* --- escaping --- */

#define EACH (UINT64_MAX / 255) /* 1 in each octet */
#define HIGH (EACH << 7)

/* Sets the high bit where an octet of word is `octet`, or, wrongly, behind such
 * an octet; sets none if there is none. */
static uint64_t
find(uint64_t word, uint8_t octet)
{
	const uint64_t zero = word ^ EACH * octet;

	return (zero - EACH) & ~zero & HIGH;
}

bool
log_text_needs_quotes(const uint8_t *value, size_t len)
{
	size_t i = 0;

	/* Most values stand for themselves: they are looked at eight octets at
	 * a time. */
	for (; i + 8 <= len; i += 8) {
		uint64_t word, low, high;

		memcpy(&word, value + i, 8);
		/* Below 0x21; 0x7f and above it. */
		low = (word - EACH * 0x21) & ~word & HIGH;
		high = ((word + EACH) | word) & HIGH;
		if ((low | high | find(word, '"') | find(word, '=') |
			find(word, '\\')) != 0)
			break; /* which one does not matter */
	}
	for (; i < len; i++)
		if (value[i] <= ' ' || value[i] >= 0x7f || value[i] == '"' ||
		    value[i] == '=' || value[i] == '\\')
			return true;
	return len == 0;
}

size_t
log_text_unit(const uint8_t *value, size_t len, char out[LOG_ESCAPE_MAX],
    size_t *out_len)
{
	uint8_t octet = value[0];

	(void)len;
	if (octet == '"' || octet == '\\') {
		out[0] = '\\';
		out[1] = (char)octet;
		*out_len = 2;
	} else if (octet >= ' ' && octet < 0x7f) {
		out[0] = (char)octet;
		*out_len = 1;
	} else {
		*out_len =
		    (size_t)snprintf(out, LOG_ESCAPE_MAX, "\\x%02x", octet);
	}
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

	/* '"' and '\' are escaped alike in both formats. */
	if (octet == '"' || octet == '\\')
		return log_text_unit(value, len, out, out_len);
	if (octet < 0x20 || octet == 0x7f) {
		*out_len =
		    (size_t)snprintf(out, LOG_ESCAPE_MAX, "\\u%04x", octet);
		return 1;
	}
	taken = text_decode(value, len, &code);
	if (code == TEXT_INVALID) {
		*out_len = sizeof(replacement) - 1;
		memcpy(out, replacement, *out_len);
		return 1;
	}
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

/* --- events --- */

/* One value takes no more than this, so that a recipient of 4,000 octets
 * does not push the keys behind it off the line. */
#define VALUE_MAX 1024
/* log_end() adds at most this: ` cut=yes` or `,"cut":true}`, and the newline.
 */
#define TAIL_MAX  16
#define LINE_ROOM (LOG_LINE_MAX - TAIL_MAX)

static const char *const level_names[] = {
#define X(member, name) [member] = (name),
    LOG_LEVEL_TABLE(X)
#undef X
};

/* All or nothing. */
static void
append(struct log_event *e, const char *text)
{
	const size_t len = strlen(text);

	if (len > LINE_ROOM - e->len)
		e->cut = true;
	if (e->cut)
		return;
	memcpy(e->line + e->len, text, len);
	e->len += len;
}

/* The units of a value. One that takes too much room ends in "...". */
static void
append_units(struct log_event *e, const uint8_t *value, size_t len)
{
	const size_t room = LINE_ROOM - e->len;
	const size_t limit = e->len + (room < VALUE_MAX ? room : VALUE_MAX);
	char unit[LOG_ESCAPE_MAX];
	size_t unit_len;

	/* 4: the dots and the quote that closes. */
	for (size_t i = 0; i < len;) {
		i += e->json
		    ? log_json_unit(value + i, len - i, unit, &unit_len)
		    : log_text_unit(value + i, len - i, unit, &unit_len);
		if (e->len + unit_len + 4 > limit) {
			memcpy(e->line + e->len, "...", 3);
			e->len += 3;
			return;
		}
		memcpy(e->line + e->len, unit, unit_len);
		e->len += unit_len;
	}
}

/* ` key=` or `,"key":`, if there is room for a value worth having. */
static bool
append_key(struct log_event *e, const char *key)
{
	const size_t key_len = strlen(key);
	const size_t around = e->json ? 4 : 2;
	char *at = e->line + e->len;

	if (e->cut || around + key_len + 32 > LINE_ROOM - e->len) {
		e->cut = true;
		return false;
	}
	if (around == 4)
		*at++ = ',';
	*at++ = around == 4 ? '"' : ' ';
	memcpy(at, key, key_len);
	at += key_len;
	if (around == 4)
		*at++ = '"';
	*at = around == 4 ? ':' : '=';
	e->len += around + key_len;
	return true;
}

/* A value that looks alike in both formats, quotes aside. False: it may be too
 * long. */
static bool
append_bare(struct log_event *e, const void *value, size_t len)
{
	const size_t quote = e->json;

	if (len >= VALUE_MAX - 4 || len + 4 > LINE_ROOM - e->len)
		return false;
	if (quote > 0)
		e->line[e->len++] = '"';
	memcpy(e->line + e->len, value, len);
	e->len += len;
	if (quote > 0)
		e->line[e->len++] = '"';
	return true;
}

void
log_begin(struct log_event *e, struct log *log, enum log_level level,
    const char *event)
{
	int64_t now_ms;

	e->log = log_wants(log, level) ? log : NULL;
	e->level = level;
	e->len = 0;
	e->cut = false;
	if (e->log == NULL)
		return;
	e->json = log->format == LOG_FORMAT_JSON;
	if (e->json)
		append(e, "{\"time\":\"");
	/* syslog adds time and level itself. */
	if (e->json || log->sink != LOG_SINK_SYSLOG) {
		now_ms = clock_wall_ms();
		log_time(now_ms / 1000, (unsigned)(now_ms % 1000),
		    e->line + e->len);
		e->len += LOG_TIME_LEN;
		append(e, e->json ? "\",\"level\":\"" : " ");
		append(e, level_names[level]);
		append(e, e->json ? "\",\"event\":\"" : " ");
	}
	append(e, event);
	if (e->json)
		append(e, "\"");
}

void
log_octets(struct log_event *e, const char *key, const void *value, size_t len)
{
	bool quotes;

	if (e->log == NULL || !append_key(e, key))
		return;
	quotes = log_text_needs_quotes(value, len);
	if (!quotes && append_bare(e, value, len))
		return;
	quotes = quotes || e->json;
	if (quotes)
		append(e, "\"");
	append_units(e, value, len);
	if (quotes)
		append(e, "\"");
}

void
log_word(struct log_event *e, const char *key, const char *word)
{
	if (e->log != NULL && append_key(e, key))
		(void)append_bare(e, word, strlen(word));
}

void
log_str(struct log_event *e, const char *key, const char *value)
{
	log_octets(e, key, value, strlen(value));
}

void
log_str_or_dash(struct log_event *e, const char *key, const char *value)
{
	log_str(e, key, value != NULL && value[0] != '\0' ? value : "-");
}

/* Writes value in decimal in front of end, without a NUL. Returns where it
 * begins. Each recipient's line has several numbers, and printf() is slow. */
static char *
number_before(char *end, int64_t value)
{
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do
		*--end = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	if (value < 0)
		*--end = '-';
	return end;
}

void
log_int(struct log_event *e, const char *key, int64_t value)
{
	char text[24] = "";

	if (e->log != NULL && append_key(e, key))
		append(e, number_before(text + sizeof(text) - 1, value));
}

void
log_share(struct log_event *e, const char *key, unsigned n, unsigned of)
{
	char text[32] = "";
	char *at;

	if (e->log == NULL)
		return;
	at = number_before(text + sizeof(text) - 1, of);
	*--at = '/';
	log_word(e, key, number_before(at, n));
}

void
log_bool(struct log_event *e, const char *key, bool value)
{
	if (e->log == NULL || !append_key(e, key))
		return;
	if (e->json)
		append(e, value ? "true" : "false");
	else
		append(e, value ? "yes" : "no");
}

void
log_end(struct log_event *e)
{
	const char *tail;

	if (e->log == NULL)
		return;
	if (e->json)
		tail = e->cut ? ",\"cut\":true}" : "}";
	else
		tail = e->cut ? " cut=yes" : "";
	/* TAIL_MAX was kept free for this. */
	memcpy(e->line + e->len, tail, strlen(tail));
	e->len += strlen(tail);
	log_emit(e->log, e->level, e->line, e->len);
	e->log = NULL;
}

static void
log_text(struct log *log, enum log_level level, const char *event,
    const char *fmt, va_list ap)
{
	struct log_event e;
	char text[VALUE_MAX];

	log_begin(&e, log, level, event);
	if (e.log == NULL)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	log_str(&e, "msg", text);
	log_end(&e);
}

void
log_msg(struct log *log, enum log_level level, const char *event,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_text(log, level, event, fmt, ap);
	va_end(ap);
}

void
log_limit(struct log *log, log_limit_time *told_ms, const char *fmt, ...)
{
	const uint_fast64_t now_ms = clock_mono_ms();
	uint_fast64_t before_ms = atomic_load(told_ms);
	va_list ap;

	if ((before_ms != 0 && now_ms - before_ms < LIMIT_PAUSE_MS) ||
	    !atomic_compare_exchange_strong(told_ms, &before_ms, now_ms))
		return;
	va_start(ap, fmt);
	log_text(log, LOG_LEVEL_WARNING, "limit", fmt, ap);
	va_end(ap);
}
