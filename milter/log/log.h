/*
 * Events with fields, as text (logfmt) or JSON, to syslog, stderr or a file.
 *
 *	struct log_event e;
 *	log_begin(&e, log, LOG_LEVEL_WARNING, "refresh");
 *	log_str(&e, "domain", domain);
 *	log_int(&e, "left_s", left_s);
 *	log_end(&e);
 *
 * prints `refresh domain=example.org left_s=3600` or
 * `{"time":"...","level":"warning","event":"refresh","domain":...}`.
 *
 * Any thread. Values are octets from strangers: they are escaped, and an event
 * is one line of bounded length whatever they hold.
 */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log;

#define LOG_LINE_MAX   4096
#define LOG_ERROR_SIZE 512

/* X(member, name) in order of verbosity, the tersest first */
#define LOG_LEVEL_TABLE(X)              \
	X(LOG_LEVEL_ERROR, "error")     \
	X(LOG_LEVEL_WARNING, "warning") \
	X(LOG_LEVEL_INFO, "info")       \
	X(LOG_LEVEL_DEBUG, "debug")

enum log_level {
#define X(member, name) member,
	LOG_LEVEL_TABLE(X)
#undef X
};

enum log_format {
	LOG_FORMAT_TEXT,
	LOG_FORMAT_JSON
};

struct log_config {
	const char *target; /* "syslog", "stderr", "file:PATH" */
	enum log_format format;
	enum log_level level;
};

struct log_event {
	struct log *log; /* NULL: the event is below the level */
	enum log_level level;
	bool json;
	size_t len;
	bool cut;
	char line[LOG_LINE_MAX];
};

/* NULL with *error filled in. ident: the program's name for syslog. */
struct log *log_open(const struct log_config *config, const char *ident,
    char error[LOG_ERROR_SIZE]);
/* Checks that target has a known form. 0 or ERR_CONFIG. */
int log_check(const struct log_config *config, char error[LOG_ERROR_SIZE]);
/* The descriptor of the file, the log's own; -1: the target is none. */
int log_file(const struct log *log);
/* After a rotation. A file that cannot be opened anew is kept. */
void log_reopen(struct log *log);
/* Takes effect at once. */
void log_set_level(struct log *log, enum log_level level);
/*
 * Starts the log's own thread, which gathers lines for some milliseconds before
 * it writes them; an error is written at once. When it cannot keep up, the
 * threads that log wait. Call it before other threads log; after a later fork
 * the child must not log. 0; ERR_NOMEM: the log goes on as before.
 */
int log_start(struct log *log);
/* Waits until all earlier lines are written. log may be NULL. */
void log_flush(struct log *log);
/* Writes the remaining lines. Nobody may log meanwhile. */
void log_close(struct log **log);

/* log may be NULL: nothing is logged. */
bool log_wants(const struct log *log, enum log_level level);
void log_begin(struct log_event *e, struct log *log, enum log_level level,
    const char *event);
void log_str(struct log_event *e, const char *key, const char *value);
/* The same with "-" for NULL and "". */
void log_str_or_dash(struct log_event *e, const char *key, const char *value);
/* One of our own words: no octet of it needs to be escaped. */
void log_word(struct log_event *e, const char *key, const char *word);
void
log_octets(struct log_event *e, const char *key, const void *value, size_t len);
void log_int(struct log_event *e, const char *key, int64_t value);
void log_share(struct log_event *e, const char *key, unsigned n,
    unsigned of);                                                /* n/of */
void log_bool(struct log_event *e, const char *key, bool value); /* yes, no */
void log_end(struct log_event *e);

/* An event with one field `msg`, for people. */
void log_msg(struct log *log, enum log_level level, const char *event,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* When a limit was logged last: clock_mono_ms(); 0: never. */
typedef atomic_uint_fast64_t log_limit_time;
/* Event limit, a warning: a bound is reached. Logs once a minute at most. Any
 * thread. */
void log_limit(struct log *log, log_limit_time *told_ms, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
