/*
 * A response through libcurl to the judge of its header. What is accepted is
 * looked for in the lines in the plainest way.
 */
#include "autoconf.h"

#include <string.h>
#include <strings.h>

#include "fetch_response.h"
#include "fuzz.h"

/* What the lines by themselves say, of the final response. */
struct seen {
	unsigned status;
	unsigned plain; /* Content-Type: text/plain */
	unsigned types; /* any Content-Type */
};

static bool
starts(const char *line, const char *text)
{
	return strncasecmp(line, text, strlen(text)) == 0;
}

static unsigned
status_of(const char *line)
{
	unsigned status = 0;

	if (strlen(line) < 12 || line[8] != ' ')
		return 0;
	for (size_t i = 9; i < 12; i++)
		status = 10 * status + (unsigned)(line[i] - '0');
	return status;
}

/* False: the header has ended. */
static bool
take_line(struct seen *seen, const char *line)
{
	const char *value;

	if (line[strspn(line, "\r\n")] == '\0' && line[0] != '\0') {
		if (seen->status >= 200)
			return false;
		seen->status = 0;
		return true;
	}
	if (seen->status == 0) {
		*seen = (struct seen){.status = status_of(line)};
	} else if (starts(line, "content-type:")) {
		seen->types++;
		value = line + strlen("content-type:");
		value += strspn(value, " \t");
		seen->plain += starts(value, "text/plain");
	}
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fetch_transfer t;
	const uint8_t *end = data + size;
	struct seen seen = {.status = 0};
	bool more = true;
	size_t why_len;

	if (size > FETCH_HEADERS_MAX + 4096)
		return 0;
	fetch_response(&t, data, size);
	why_len = strnlen(t.result.why, FETCH_WHY_SIZE);
	MUST(why_len < FETCH_WHY_SIZE);
	MUST((why_len > 0) == (t.result.failure != FETCH_FAILURE_NONE));
	for (size_t i = 0; i < why_len; i++)
		MUST(t.result.why[i] >= ' ' && t.result.why[i] <= '~');
	if (t.result.failure != FETCH_FAILURE_NONE)
		return 0;
	/* F-05, F-07 */
	MUST(t.head.ended && t.head.octets <= FETCH_HEADERS_MAX);
	while (data < end && more) {
		const uint8_t *lf = memchr(data, '\n', (size_t)(end - data));
		const uint8_t *next = lf != NULL ? lf + 1 : end;
		size_t len = (size_t)(next - data);
		char *line = malloc(len + 1);

		MUST(line != NULL);
		memcpy(line, data, len);
		line[len] = '\0';
		more = take_line(&seen, line);
		free(line);
		data = next;
	}
	MUST(seen.status == 200 && seen.types == 1 && seen.plain == 1);
	return 0;
}
