#include "autoconf.h"

#include "io/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "core/err.h"
#include "io/log_escape.h"

/* One value takes no more than this, so that a recipient of 4,000 octets
 * does not push the keys behind it off the line. */
#define VALUE_MAX 1024
/* What log_end adds at most: ` cut=yes` or `,"cut":true}`, and the newline. */
#define TAIL_MAX  16
#define LINE_ROOM (LOG_LINE_MAX - TAIL_MAX)
#define TIME_SIZE 40

#define FILE_PREFIX "file:"

enum log_sink {
	LOG_SINK_SYSLOG,
	LOG_SINK_STDERR,
	LOG_SINK_FILE
};

/* Immutable once opened, but for the level: events are put together on the
 * stack of the thread that logs and written with one call, so that no lock is
 * needed. */
struct log {
	enum log_sink sink;
	enum log_format format;
	atomic_int level; /* enum log_level */
	int fd;           /* of a file or stderr; kept by log_reopen */
	char *path;       /* of a file */
	char *ident;      /* syslog(3) keeps the pointer */
};

static const char *const level_names[] = {
#define X(member, name) [member] = (name),
    LOG_LEVEL_TABLE(X)
#undef X
};

static const int level_priorities[] = {
    [LOG_LEVEL_ERROR] = LOG_ERR,
    [LOG_LEVEL_WARNING] = LOG_WARNING,
    [LOG_LEVEL_INFO] = LOG_INFO,
    [LOG_LEVEL_DEBUG] = LOG_DEBUG,
};

const char *
log_level_name(enum log_level level)
{
	return level_names[level];
}

/* --- opening and closing --- */

static int
parse_target(const char *target, enum log_sink *sink, const char **path)
{
	*path = NULL;
	if (strcmp(target, "syslog") == 0) {
		*sink = LOG_SINK_SYSLOG;
		return 0;
	}
	if (strcmp(target, "stderr") == 0) {
		*sink = LOG_SINK_STDERR;
		return 0;
	}
	if (strncmp(target, FILE_PREFIX, strlen(FILE_PREFIX)) == 0 &&
	    target[strlen(FILE_PREFIX)] == '/') {
		*sink = LOG_SINK_FILE;
		*path = target + strlen(FILE_PREFIX);
		return 0;
	}
	return ERR_CONFIG;
}

int
log_check(const struct log_config *config, char error[LOG_ERROR_SIZE])
{
	enum log_sink sink;
	const char *path;

	if (parse_target(config->target, &sink, &path) == 0)
		return 0;
	snprintf(error, LOG_ERROR_SIZE,
	    "log \"%s\": must be \"syslog\", \"stderr\" or "
	    "\"file:/absolute/path\"",
	    config->target);
	return ERR_CONFIG;
}

static int
open_file(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY,
	    0640);
}

static int
open_sink(struct log *log, const char *path, char error[LOG_ERROR_SIZE])
{
	switch (log->sink) {
	case LOG_SINK_SYSLOG:
		openlog(log->ident, LOG_PID | LOG_NDELAY, LOG_MAIL);
		return 0;
	case LOG_SINK_STDERR:
		log->fd = STDERR_FILENO;
		return 0;
	case LOG_SINK_FILE:
		log->path = strdup(path);
		if (log->path != NULL)
			log->fd = open_file(path);
		if (log->fd >= 0)
			return 0;
		snprintf(error, LOG_ERROR_SIZE, "log file %s: %s", path,
		    strerror(errno));
		return ERR_IO;
	}
	return ERR_CONFIG;
}

struct log *
log_open(const struct log_config *config, const char *ident,
    char error[LOG_ERROR_SIZE])
{
	struct log *log = NULL;
	const char *path = NULL;
	enum log_sink sink = LOG_SINK_SYSLOG;

	if (log_check(config, error) < 0)
		return NULL;
	(void)parse_target(config->target, &sink, &path);
	log = calloc(1, sizeof(*log));
	if (log == NULL)
		goto no_memory;
	log->fd = -1;
	log->sink = sink;
	log->format = config->format;
	atomic_init(&log->level, (int)config->level);
	log->ident = strdup(ident);
	if (log->ident == NULL)
		goto no_memory;
	if (open_sink(log, path, error) < 0)
		log_close(&log);
	return log;

no_memory:
	snprintf(error, LOG_ERROR_SIZE, "log: %s", err_text(ERR_NOMEM));
	log_close(&log);
	return NULL;
}

void
log_reopen(struct log *log)
{
	int fd;

	if (log == NULL || log->sink != LOG_SINK_FILE)
		return;
	fd = open_file(log->path);
	if (fd < 0) {
		log_msg(log, LOG_LEVEL_ERROR, "log-reopen", "%s: %s", log->path,
		    strerror(errno));
		return;
	}
	/* In place, so that a thread in write() never sees a closed one. */
	if (dup3(fd, log->fd, O_CLOEXEC) < 0)
		log_msg(log, LOG_LEVEL_ERROR, "log-reopen", "%s: %s", log->path,
		    strerror(errno));
	close(fd);
}

void
log_set_level(struct log *log, enum log_level level)
{
	atomic_store_explicit(&log->level, (int)level, memory_order_relaxed);
}

void
log_close(struct log **log)
{
	struct log *old = *log;

	*log = NULL;
	if (old == NULL)
		return;
	if (old->sink == LOG_SINK_SYSLOG)
		closelog();
	if (old->sink == LOG_SINK_FILE && old->fd >= 0)
		close(old->fd);
	free(old->path);
	free(old->ident);
	free(old);
}

/* --- putting a line together --- */

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
	size_t start = e->len;
	bool json = is_json(e);

	append_text(e, json ? ",\"" : " ");
	append_text(e, key);
	append_text(e, json ? "\":" : "=");
	if (!e->cut && LINE_ROOM - e->len >= 32)
		return true;
	e->len = start;
	e->cut = true;
	return false;
}

static void
append_time(struct log_event *e)
{
	struct timespec now;
	struct tm tm;
	char text[TIME_SIZE];
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, sizeof(text) - len, ".%03ldZ",
	    now.tv_nsec / 1000000);
	append_text(e, text);
}

static void
begin_json(struct log_event *e, const char *event)
{
	append_text(e, "{\"time\":\"");
	append_time(e);
	append_text(e, "\",\"level\":\"");
	append_text(e, level_names[e->level]);
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
		append_text(e, level_names[e->level]);
		append_text(e, " ");
	}
	append_text(e, event);
}

bool
log_wants(const struct log *log, enum log_level level)
{
	return log != NULL &&
	    (int)level <=
	    atomic_load_explicit(&log->level, memory_order_relaxed);
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
	quotes = is_json(e) || log_text_needs_quotes(value, len);
	if (quotes)
		append_text(e, "\"");
	append_units(e, value, len);
	if (quotes)
		append_text(e, "\"");
}

void
log_str(struct log_event *e, const char *key, const char *value)
{
	log_octets(e, key, value, strlen(value));
}

void
log_int(struct log_event *e, const char *key, int64_t value)
{
	char text[24];

	if (e->log == NULL || !append_key(e, key))
		return;
	snprintf(text, sizeof(text), "%" PRId64, value);
	append_text(e, text);
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

/* --- writing it --- */

static void
write_line(const struct log_event *e)
{
	ssize_t n;

	/* A log that cannot be written has nobody to tell. */
	do
		n = write(e->log->fd, e->line, e->len);
	while (n < 0 && errno == EINTR);
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
	int saved = errno;

	if (e->log == NULL)
		return;
	if (is_json(e))
		end_line(e, e->cut ? ",\"cut\":true}" : "}");
	else
		end_line(e, e->cut ? " cut=yes" : "");
	if (e->log->sink == LOG_SINK_SYSLOG) {
		syslog(level_priorities[e->level], "%.*s", (int)e->len,
		    e->line);
	} else {
		end_line(e, "\n");
		write_line(e);
	}
	e->log = NULL;
	errno = saved;
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
