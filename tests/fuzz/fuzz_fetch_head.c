/*
 * The header of an HTTP response, line by line as libcurl hands it over. What
 * is let through is looked for in the lines in the plainest way.
 */
#include "autoconf.h"

#include <string.h>
#include <strings.h>

#include "fetch/fetch_head.h"
#include "fuzz.h"

/* What a line by itself says; of the final response. */
struct seen {
	unsigned plain; /* Content-Type: text/plain */
	unsigned types; /* any Content-Type */
};

static bool
starts(const char *line, const char *text)
{
	return strncasecmp(line, text, strlen(text)) == 0;
}

static void
take_line(struct seen *seen, const char *line)
{
	const char *value;

	if (!starts(line, "content-type:"))
		return;
	seen->types++;
	value = line + strlen("content-type:");
	value += strspn(value, " \t");
	if (starts(value, "text/plain"))
		seen->plain++;
}

/* Bounded, and for a log. */
static void
check_why(const char *why)
{
	size_t len = strnlen(why, FETCH_WHY_SIZE);

	MUST(len > 0 && len < FETCH_WHY_SIZE);
	for (size_t i = 0; i < len; i++)
		MUST(why[i] >= ' ' && why[i] <= '~');
}

/* F-05, F-07 */
static void
check_accepted(const struct fetch_head *head, const struct seen *seen)
{
	MUST(head->status == 200);
	MUST(head->encoding[0] == '\0' && head->transfer[0] == '\0');
	MUST(seen->types == 1 && seen->plain == 1);
}

static enum fetch_failure
take(struct fetch_head *head, struct seen *seen, const uint8_t *line,
    size_t len)
{
	char why[FETCH_WHY_SIZE];
	bool ended = head->ended;
	char *text = malloc(len + 1);
	uint8_t *octets = malloc(len);
	enum fetch_failure failure;

	MUST(text != NULL && octets != NULL);
	memcpy(text, line, len);
	memcpy(octets, line, len);
	text[len] = '\0';
	memset(why, 'x', sizeof(why));
	if (head->status == 0)
		*seen = (struct seen){.types = 0}; /* a response begins */
	else if (!ended)
		take_line(seen, text);
	failure = fetch_head_line(head, octets, len, why);
	if (failure != FETCH_FAILURE_NONE)
		check_why(why);
	else if (head->ended && !ended)
		check_accepted(head, seen);
	free(text);
	free(octets);
	return failure;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fetch_head head = {.octets = 0};
	struct seen seen = {.types = 0};
	const uint8_t *end = data + size;
	size_t octets = 0;

	while (data < end) {
		const uint8_t *lf = memchr(data, '\n', (size_t)(end - data));
		const uint8_t *next = lf != NULL ? lf + 1 : end;
		size_t len = (size_t)(next - data);

		if (take(&head, &seen, data, len) != FETCH_FAILURE_NONE)
			return 0;
		octets += len;
		MUST(head.octets == octets);
		MUST(octets <= FETCH_HEADERS_MAX);
		data = next;
	}
	return 0;
}
