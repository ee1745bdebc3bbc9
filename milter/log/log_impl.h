/*
 * Inside of the log: an event becomes a line (log_event.c), which goes to the
 * target at once or through a queue (log.c).
 */
#ifndef LOG_LOG_IMPL_H
#define LOG_LOG_IMPL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "log/log.h"

enum log_sink {
	LOG_SINK_SYSLOG,
	LOG_SINK_STDERR,
	LOG_SINK_FILE
};

/* Immutable once threads use it, but for the atomic members: events are put
 * together on the stack of the thread that logs. */
struct log {
	enum log_sink sink;
	enum log_format format;
	atomic_int level;        /* enum log_level */
	atomic_bool torn;        /* the last octet written ends no line */
	int fd;                  /* of a file or stderr; kept by log_reopen */
	char *path;              /* of a file */
	char *ident;             /* syslog(3) keeps the pointer */
	struct log_queue *queue; /* NULL: the caller of log_end() writes */
};

/* A whole line, without its newline; log_event.c keeps room for one octet. */
void log_emit(struct log *log, enum log_level level, char *line, size_t len);

/* --- the queue --- */

/*
 * Queues lines, so that the caller does not wait for the disk and many lines
 * cost one write. One thread writes them: each at once while they are few, or
 * else all that came within a moment together. When it cannot keep up, the
 * callers wait: no line is dropped.
 *
 * Any thread, but for start and stop.
 */
struct log_queue;

/* Lines, each with its newline, in the order in which they came. On the
 * queue's thread. */
typedef void log_queue_write_fn(void *arg, const char *lines, size_t len);

/* NULL: no memory or no thread. */
struct log_queue *log_queue_start(log_queue_write_fn *write, void *arg);
/* Queues head (may be empty) and line as one line. Waits while the queue is
 * full. len: less than LOG_LINE_MAX. urgent: write it now, without gathering
 * more. */
void log_queue_put(struct log_queue *queue, const char *head, size_t head_len,
    const char *line, size_t len, bool urgent);
/* Waits until all lines queued before are written. */
void log_queue_flush(struct log_queue *queue);
/* Writes what there is and frees. Nobody may put meanwhile. */
void log_queue_stop(struct log_queue **queue);

/* --- escaping --- */

/*
 * How the octets of strangers look in a log line. An octet string is walked in
 * units (an octet of text, a character of UTF-8), so that a value that is too
 * long is cut between two of them.
 *
 * Pure. Any thread. No allocation.
 */

#define LOG_ESCAPE_MAX 8 /* the longest form of one unit, and a NUL */

/* True if a value of logfmt needs quotes: blank, quote, '=', backslash, control
 * or non-ASCII octets, or nothing at all. */
bool log_text_needs_quotes(const uint8_t *value, size_t len);

/* Writes the form of the unit at value[0]. Returns the octets of value that
 * it took, at least 1; *out_len is the length of the form. */
size_t log_text_unit(const uint8_t *value, size_t len, char out[LOG_ESCAPE_MAX],
    size_t *out_len);
/* The same inside a JSON string. Octets that are not UTF-8 become U+FFFD. */
size_t log_json_unit(const uint8_t *value, size_t len, char out[LOG_ESCAPE_MAX],
    size_t *out_len);

#define LOG_TIME_LEN 24

/* "2026-01-01T00:00:00.000Z" without a NUL; time_s: since 1970, not negative,
 * before the year 10000. By hand: gmtime(3) takes a lock, and with strftime(3)
 * half of the time that a line takes. */
void log_time(int64_t time_s, unsigned ms, char out[LOG_TIME_LEN]);

#endif
