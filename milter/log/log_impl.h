/* What log/log.c and log/log_event.c share. */
#ifndef LOG_LOG_IMPL_H
#define LOG_LOG_IMPL_H

#include <stdatomic.h>

#include "log/log.h"
#include "log/log_queue.h"

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
	struct log_queue *queue; /* NULL: whoever logs writes himself */
};

/* A whole line, without its newline; log_event.c keeps room for one octet. */
void log_emit(struct log *log, enum log_level level, char *line, size_t len);

#endif
