/* Events, put together as lines. Most values are plain: they are copied as a
 * whole, and only what has to be escaped is walked through. */
#include "autoconf.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "log/log.h"
#include "log/log_escape.h"
#include "log/log_impl.h"

/* One value takes no more than this, so that a recipient of 4,000 octets
 * does not push the keys behind it off the line. */
#define VALUE_MAX 1024
/* What log_end adds at most: ` cut=yes` or `,"cut":true}`, and the newline. */
#define TAIL_MAX  16
#define LINE_ROOM (LOG_LINE_MAX - TAIL_MAX)

static bool
is_json(const struct log_event *e)
{
	return e->log->format == LOG_FORMAT_JSON;
}

/* All or nothing. */
static bool
append(struct log_event *e, const char *text, size_t len)
{
	if (e->cut || len > LINE_ROOM - e->len) {
		e->cut = true;
		return false;
	}
	memcpy(e->line + e->len, text, len);
	e->len += len;
	return true;
}

static void
append_text(struct log_event *e, const char *text)
{
	append(e, text, strlen(text));
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
		i += is_json(e)
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
	const size_t around = is_json(e) ? 4 : 2;
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
	const size_t quote = is_json(e);

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

static void
append_time(struct log_event *e)
{
	int64_t now_ms = clock_wall_ms();

	log_time(now_ms / 1000, (unsigned)(now_ms % 1000), e->line + e->len);
	e->len += LOG_TIME_LEN;
}

static void
begin_json(struct log_event *e, const char *event)
{
	append_text(e, "{\"time\":\"");
	append_time(e);
	append_text(e, "\",\"level\":\"");
	append_text(e, log_level_name(e->level));
	append_text(e, "\",\"event\":\"");
	append_text(e, event);
	append_text(e, "\"");
}

static void
begin_text(struct log_event *e, const char *event)
{
	/* syslog has both of its own. */
	if (e->log->sink != LOG_SINK_SYSLOG) {
		append_time(e);
		append_text(e, " ");
		append_text(e, log_level_name(e->level));
		append_text(e, " ");
	}
	append_text(e, event);
}

void
log_begin(struct log_event *e, struct log *log, enum log_level level,
    const char *event)
{
	e->log = log_wants(log, level) ? log : NULL;
	e->level = level;
	e->len = 0;
	e->cut = false;
	if (e->log == NULL)
		return;
	if (is_json(e))
		begin_json(e, event);
	else
		begin_text(e, event);
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
	quotes = quotes || is_json(e);
	if (quotes)
		append_text(e, "\"");
	append_units(e, value, len);
	if (quotes)
		append_text(e, "\"");
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

/* The digits end where `end` points to; where they begin. */
static char *
write_digits(char *end, uint64_t value)
{
	do
		*--end = (char)('0' + value % 10);
	while ((value /= 10) > 0);
	return end;
}

void
log_int(struct log_event *e, const char *key, int64_t value)
{
	char text[24];
	char *const end = text + sizeof(text);
	char *at =
	    write_digits(end, value < 0 ? -(uint64_t)value : (uint64_t)value);

	if (value < 0)
		*--at = '-';
	if (e->log != NULL && append_key(e, key))
		append(e, at, (size_t)(end - at));
}

void
log_share(struct log_event *e, const char *key, unsigned n, unsigned of)
{
	char text[32];
	char *const end = text + sizeof(text);
	char *at = write_digits(end, of);

	*--at = '/';
	at = write_digits(at, n);
	if (e->log != NULL && append_key(e, key))
		(void)append_bare(e, at, (size_t)(end - at));
}

void
log_bool(struct log_event *e, const char *key, bool value)
{
	if (e->log == NULL || !append_key(e, key))
		return;
	if (is_json(e))
		append_text(e, value ? "true" : "false");
	else
		append_text(e, value ? "yes" : "no");
}

static void
end_line(struct log_event *e, const char *tail)
{
	size_t len = strlen(tail);

	/* TAIL_MAX was kept free for this. */
	memcpy(e->line + e->len, tail, len);
	e->len += len;
}

void
log_end(struct log_event *e)
{
	if (e->log == NULL)
		return;
	if (is_json(e))
		end_line(e, e->cut ? ",\"cut\":true}" : "}");
	else
		end_line(e, e->cut ? " cut=yes" : "");
	log_emit(e->log, e->level, e->line, e->len);
	e->log = NULL;
}

void
log_msg(struct log *log, enum log_level level, const char *event,
    const char *fmt, ...)
{
	struct log_event e;
	char text[VALUE_MAX];
	va_list ap;

	log_begin(&e, log, level, event);
	if (e.log == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_str(&e, "msg", text);
	log_end(&e);
}
