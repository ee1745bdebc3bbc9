#include "autoconf.h"

#include "txt_input.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define STRING_MAX 255

/* One character-string; returns where the next one goes. */
static uint8_t *
put_string(uint8_t *to, const uint8_t *octets, size_t len)
{
	*to++ = (uint8_t)len;
	memcpy(to, octets, len);
	return to + len;
}

/* A line. What is too long for one string goes on in the next. */
static uint8_t *
put_record(uint8_t *to, const uint8_t *line, size_t len)
{
	for (;;) {
		const uint8_t *bar = memchr(line, '|', len);
		size_t n = bar != NULL ? (size_t)(bar - line) : len;

		if (n > STRING_MAX) {
			to = put_string(to, line, STRING_MAX);
			line += STRING_MAX;
			len -= STRING_MAX;
			continue;
		}
		to = put_string(to, line, n);
		if (bar == NULL)
			return to;
		line = bar + 1;
		len -= n + 1;
	}
}

static void
add(struct txt_input *input, const uint8_t *rdata, const uint8_t *end)
{
	input->record[input->n].data = rdata;
	input->record[input->n].len = (size_t)(end - rdata);
	input->n++;
}

void
txt_input_make(const uint8_t *octets, size_t len, struct txt_input *out)
{
	const uint8_t *end = octets + len;
	uint8_t *to = malloc(2 * len + 2 * TXT_INPUT_RECORDS_MAX);

	MUST(to != NULL);
	out->n = 0;
	out->rdata = to;
	if (len > 0 && octets[0] == 0) {
		memcpy(to, octets + 1, len - 1);
		add(out, to, to + len - 1);
		return;
	}
	while (octets < end && out->n < TXT_INPUT_RECORDS_MAX) {
		size_t left = (size_t)(end - octets);
		const uint8_t *lf = memchr(octets, '\n', left);
		size_t n = lf != NULL ? (size_t)(lf - octets) : left;
		const uint8_t *rdata = to;

		to = put_record(to, octets, n);
		add(out, rdata, to);
		octets += lf != NULL ? n + 1 : n;
	}
}

void
txt_input_free(struct txt_input *input)
{
	free(input->rdata);
	input->rdata = NULL;
}
