/*
 * An event with a value of any octets, in both formats: one line, bounded, and
 * what a reader gets back from it is what was put in.
 *
 *	first octet	how much of the rest is the first value, in 1/255
 */
#include "autoconf.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <jansson.h>

#include "fuzz.h"
#include "log/log.h"
#include "log/log_read.h"

#define VALUE_LEN_SURE 120 /* too short to be cut, whatever its escapes */

struct text {
	char octet[LOG_LINE_MAX + 1];
	size_t len;
};

/* A log into memory; the file stays, the log is opened anew. */
static struct log *
open_log(int fd, enum log_format format)
{
	char target[64];
	char error[LOG_ERROR_SIZE];
	struct log_config config = {target, format, LOG_LEVEL_INFO};
	struct log *log;

	MUST(ftruncate(fd, 0) == 0);
	(void)snprintf(target, sizeof(target), "file:/proc/self/fd/%d", fd);
	log = log_open(&config, "fuzz", error);
	MUST(log != NULL);
	return log;
}

static void
write_event(int fd, enum log_format format, const uint8_t *data, size_t size,
    size_t first, struct text *line)
{
	struct log *log = open_log(fd, format);
	struct log_event e;
	ssize_t n;

	log_begin(&e, log, LOG_LEVEL_INFO, "event");
	log_octets(&e, "a", data, first);
	log_int(&e, "n", -1);
	log_octets(&e, "b", data + first, size - first);
	log_bool(&e, "last", true);
	log_end(&e);
	log_close(&log);
	n = pread(fd, line->octet, sizeof(line->octet), 0);
	MUST(n > 0 && n <= LOG_LINE_MAX);
	line->len = (size_t)n;
}

/* What our own reader makes of it: the fields, and in text every octet. */
static void
check_field(const struct log_record *record, const char *key,
    const uint8_t *value, size_t value_len, enum log_format format)
{
	json_t *same = json_stringn((const char *)value, value_len);
	size_t len;
	const char *read = log_record_get(record, key, &len);

	MUST(read != NULL);
	if (format == LOG_FORMAT_TEXT || same != NULL)
		MUST(len == value_len && memcmp(read, value, len) == 0);
	json_decref(same);
}

static void
check_reader(const struct text *line, const uint8_t *data, size_t size,
    size_t first, enum log_format format)
{
	static struct log_record record;

	MUST(log_read(line->octet, line->len - 1, &record) == 0);
	MUST(strcmp(log_record_span(&record, record.event), "event") == 0);
	MUST(strcmp(log_record_span(&record, record.level), "info") == 0);
	MUST(strlen(log_record_span(&record, record.time)) == 24);
	MUST(strcmp(log_record_text(&record, "cut"), "yes") == 0 ||
	    strcmp(log_record_text(&record, "last"), "yes") == 0);
	if (size > VALUE_LEN_SURE)
		return;
	check_field(&record, "a", data, first, format);
	check_field(&record, "b", data + first, size - first, format);
	MUST(strcmp(log_record_text(&record, "n"), "-1") == 0);
}

/* One line; in text nothing but printable ASCII. */
static void
check_line(const struct text *line, enum log_format format)
{
	MUST(line->octet[line->len - 1] == '\n');
	for (size_t i = 0; i + 1 < line->len; i++) {
		uint8_t octet = (uint8_t)line->octet[i];

		MUST(octet >= 0x20 && octet != 0x7f);
		MUST(octet < 0x7f || format == LOG_FORMAT_JSON);
	}
}

static unsigned
hex_digit(char c)
{
	MUST((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* What a reader of logfmt makes of the value at `at`, against what it was.
 * Returns its end. */
static const char *
check_text_value(const char *at, const uint8_t *value, size_t len)
{
	bool quoted = *at == '"';
	size_t n = 0;

	for (at += quoted; quoted ? *at != '"' : *at != ' '; n++) {
		uint8_t octet = (uint8_t)*at++;

		MUST(quoted || (octet != '=' && octet != '\\'));
		if (octet == '\\') {
			octet = (uint8_t)*at++;
			if (octet == 'x') {
				octet = (uint8_t)(hex_digit(at[0]) << 4 |
				    hex_digit(at[1]));
				at += 2;
			} else {
				MUST(octet == '"' || octet == '\\');
			}
		}
		MUST(n < len && octet == value[n]);
	}
	MUST(n == len);
	return at + quoted;
}

/* UTF-8 comes back as it was. */
static void
check_json_value(const json_t *object, const char *key, const uint8_t *value,
    size_t len)
{
	const json_t *read = json_object_get(object, key);
	json_t *same = json_stringn((const char *)value, len);

	MUST(json_is_string(read));
	if (same != NULL)
		MUST(json_equal(read, same));
	json_decref(same);
}

static void
check_json(const struct text *line, const uint8_t *data, size_t size,
    size_t first)
{
	json_error_t error;
	json_t *object = json_loadb(line->octet, line->len,
	    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

	MUST(json_is_object(object));
	MUST(json_is_true(json_object_get(object, "cut")) ||
	    json_is_true(json_object_get(object, "last")));
	if (size <= VALUE_LEN_SURE) {
		check_json_value(object, "a", data, first);
		check_json_value(object, "b", data + first, size - first);
	}
	json_decref(object);
}

static const char *
skip_text(const char *at, const char *text)
{
	MUST(strncmp(at, text, strlen(text)) == 0);
	return at + strlen(text);
}

static void
check_text(struct text *line, const uint8_t *data, size_t size, size_t first)
{
	const char *at;

	line->octet[line->len - 1] = '\0';
	if (size > VALUE_LEN_SURE)
		return;
	at = strstr(line->octet, " event a=");
	MUST(at != NULL);
	at = skip_text(at, " event a=");
	at = check_text_value(at, data, first);
	at = skip_text(at, " n=-1 b=");
	at = check_text_value(at, data + first, size - first);
	MUST(strcmp(at, " last=yes") == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct text line;
	size_t first;

	if (fd < 0)
		fd = memfd_create("log", MFD_CLOEXEC);
	if (size == 0)
		return 0;
	first = (size - 1) * data[0] / 255;
	data++;
	size--;
	write_event(fd, LOG_FORMAT_TEXT, data, size, first, &line);
	check_line(&line, LOG_FORMAT_TEXT);
	check_reader(&line, data, size, first, LOG_FORMAT_TEXT);
	check_text(&line, data, size, first);
	write_event(fd, LOG_FORMAT_JSON, data, size, first, &line);
	check_line(&line, LOG_FORMAT_JSON);
	check_reader(&line, data, size, first, LOG_FORMAT_JSON);
	check_json(&line, data, size, first);
	return 0;
}
