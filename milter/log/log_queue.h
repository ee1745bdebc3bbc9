/*
 * Lines on their way to the log, so that who logs does not wait for the disk
 * and many lines cost one write. One thread hands them over, at once while they
 * are few, and else what has come in a moment together; when it cannot keep up,
 * those who log wait: no line is dropped.
 *
 * Any thread, but for start and stop.
 */
#ifndef LOG_LOG_QUEUE_H
#define LOG_LOG_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct log_queue;

/* Lines, each with its newline, in the order in which they came. On the
 * queue's thread. */
typedef void log_queue_write_fn(void *arg, const char *lines, size_t len);

/* NULL: no memory or no thread. */
struct log_queue *log_queue_start(log_queue_write_fn *write, void *arg);
/* head (may be empty) and line, as one. Waits while the queue is full. len:
 * less than LOG_LINE_MAX. */
void log_queue_put(struct log_queue *queue, const char *head, size_t head_len,
    const char *line, size_t len);
/* What was put before is written now, without gathering more. Does not wait. */
void log_queue_hurry(struct log_queue *queue);
/* Until all that was put before is written. */
void log_queue_flush(struct log_queue *queue);
/* Writes what there is and frees. Nobody may put meanwhile. */
void log_queue_stop(struct log_queue **queue);

#endif
