/*
 * How the octets of strangers look in a log line: pieces that log/log.c puts
 * together. An octet string is walked in units (an octet of text, a character
 * of UTF-8), so that a value that is too long is cut between two of them.
 *
 * Pure. Any thread. No allocation.
 */
#ifndef LOG_LOG_ESCAPE_H
#define LOG_LOG_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_ESCAPE_MAX 8 /* the longest form of one unit, and a NUL */

/* Whether a value of logfmt needs quotes: blank, quote, '=', backslash,
 * control or non-ASCII octets, or nothing at all. */
bool log_text_needs_quotes(const uint8_t *value, size_t len);

/* Writes the form of the unit at value[0]. Returns the octets of value that
 * it took, at least 1; *out_len is the length of the form. */
size_t log_text_unit(const uint8_t *value, size_t len, char out[LOG_ESCAPE_MAX],
    size_t *out_len);
/* The same inside a JSON string. What is not UTF-8 becomes U+FFFD. */
size_t log_json_unit(const uint8_t *value, size_t len, char out[LOG_ESCAPE_MAX],
    size_t *out_len);

#define LOG_TIME_LEN 24

/* "2026-01-01T00:00:00.000Z" without a NUL; time_s: since 1970, not negative,
 * before the year 10000. By hand: gmtime(3) takes a lock, and with strftime(3)
 * half of the time that a line takes. */
void log_time(int64_t time_s, unsigned ms, char out[LOG_TIME_LEN]);

#endif
