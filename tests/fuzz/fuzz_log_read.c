/*
 * A line of any octets through the reader of `dane-sts explain`: what it finds
 * lies within bounds, and no value is longer than the line.
 */
#include "autoconf.h"

#include <string.h>

#include "fuzz.h"
#include "log/log_read.h"

static void
check_span(const struct log_record *record, struct log_span span, size_t size)
{
	MUST(span.at + span.len < sizeof(record->text));
	MUST(record->text[span.at + span.len] == '\0');
	MUST(span.len <= size);
}

/* Of a key or an event: what may be printed as it is. */
static void
check_word(const struct log_record *record, struct log_span span, size_t size)
{
	const char *word = log_record_span(record, span);

	check_span(record, span, size);
	MUST(span.len > 0);
	MUST(
	    strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789_-") == span.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct log_record record;
	int err = log_read(data, size, &record);

	MUST((err == 0) <= (size <= LOG_READ_MAX));
	if (err != 0)
		return 0;
	check_word(&record, record.event, size);
	check_span(&record, record.time, size);
	check_span(&record, record.level, size);
	MUST(record.n <= LOG_FIELDS_MAX);
	for (size_t i = 0; i < record.n; i++) {
		const char *key = log_record_span(&record, record.field[i].key);
		size_t len;

		check_word(&record, record.field[i].key, size);
		check_span(&record, record.field[i].value, size);
		MUST(log_record_get(&record, key, &len) != NULL);
	}
	return 0;
}
