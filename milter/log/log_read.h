/*
 * Reads a line of the log back: an event with fields, whose values are as they
 * were before they were escaped. Takes text and JSON, with the prefix that a
 * syslog daemon writes.
 *
 * Any thread. Lines are octets from strangers: other programs write into the
 * same file, and their lines must not pass for ours. So the prefix must name
 * the program. Fields of JSON that hold more than text, a whole number or a
 * boolean are left out: a newer daemon may have some.
 */
#ifndef LOG_LOG_READ_H
#define LOG_LOG_READ_H

#include <stddef.h>
#include <stdint.h>

#define LOG_READ_MAX   8192 /* octets of a line: LOG_LINE_MAX and a prefix */
#define LOG_FIELDS_MAX 32   /* of an event; more are left out */

/* Octets at an offset into text, a NUL behind them. */
struct log_span {
	uint16_t at;
	uint16_t len;
};

/* May be copied. */
struct log_record {
	struct log_span time;  /* as it stands there; empty: none */
	struct log_span level; /* empty: none */
	struct log_span event;
	size_t n;
	struct {
		struct log_span key;
		struct log_span value; /* booleans of JSON: yes, no */
	} field[LOG_FIELDS_MAX];
	size_t len; /* of text */
	char text[2 * LOG_READ_MAX];
};

/*
 * line without its end, any octets. 0, ERR_SYNTAX (none of our events),
 * ERR_TOOLONG, or ERR_NOMEM.
 */
int log_read(const void *line, size_t len, struct log_record *out);

/* NULL: there is no such field. It may hold NULs: then *len tells. */
const char *
log_record_get(const struct log_record *record, const char *key, size_t *len);
/* The same as a string, which ends at the first NUL; "" for none. */
const char *log_record_text(const struct log_record *record, const char *key);
const char *
log_record_span(const struct log_record *record, struct log_span span);

#endif
