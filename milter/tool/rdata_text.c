/* A TXT record as text. See rdata_text.h. */
#include "autoconf.h"

#include "tool/rdata_text.h"

#include <stdbool.h>
#include <string.h>

#include "base/err.h"

#define STRING_LEN_MAX 255

struct cursor {
	const uint8_t *at;
	const uint8_t *end;
	const char *why;
};

static int
wrong(struct cursor *in, int err, const char *why)
{
	in->why = why;
	return err;
}

static bool
is_digit(uint8_t octet)
{
	return octet >= '0' && octet <= '9';
}

/* What follows a backslash: three digits, or the octet meant. */
static int
take_escape(struct cursor *in, uint8_t *out)
{
	unsigned value;

	if (in->at == in->end)
		return wrong(in, ERR_SYNTAX, "nothing follows the backslash");
	if (!is_digit(*in->at)) {
		*out = *in->at++;
		return 0;
	}
	if (in->end - in->at < 3 || !is_digit(in->at[1]) ||
	    !is_digit(in->at[2]))
		return wrong(in, ERR_SYNTAX,
		    "a backslash and a digit: three digits are wanted");
	value = (in->at[0] - '0') * 100U + (in->at[1] - '0') * 10U +
	    (in->at[2] - '0');
	if (value > 255)
		return wrong(in, ERR_SYNTAX, "\\DDD is larger than 255");
	in->at += 3;
	*out = (uint8_t)value;
	return 0;
}

/* One quoted character-string; the cursor stands behind the opening quote.
 * out has its length octet first. */
static int
take_string(struct cursor *in, uint8_t *out)
{
	uint8_t len = 0, octet;

	while (in->at < in->end) {
		octet = *in->at++;
		if (octet == '"') {
			out[0] = len;
			return 0;
		}
		if (octet == '\\' && take_escape(in, &octet) != 0)
			return ERR_SYNTAX;
		if (len == STRING_LEN_MAX)
			return wrong(in, ERR_TOOLONG,
			    "a character-string is longer than 255 octets");
		out[++len] = octet;
	}
	return wrong(in, ERR_SYNTAX, "the closing quote is missing");
}

static void
skip_blanks(struct cursor *in)
{
	while (in->at < in->end && (*in->at == ' ' || *in->at == '\t'))
		in->at++;
}

static int
take_quoted(struct cursor *in, uint8_t *rdata, size_t *rdata_len)
{
	int err;

	while (in->at < in->end) {
		if (*in->at++ != '"')
			return wrong(in, ERR_SYNTAX,
			    "text stands outside the quotes");
		err = take_string(in, rdata + *rdata_len);
		if (err != 0)
			return err;
		*rdata_len += 1U + rdata[*rdata_len];
		skip_blanks(in);
	}
	return 0;
}

/* An empty text is one empty string, as a TXT record holds at least one. */
static void
take_bare(struct cursor *in, uint8_t *rdata, size_t *rdata_len)
{
	size_t left, n;

	do {
		left = (size_t)(in->end - in->at);
		n = left < STRING_LEN_MAX ? left : STRING_LEN_MAX;
		rdata[*rdata_len] = (uint8_t)n;
		memcpy(rdata + *rdata_len + 1, in->at, n);
		*rdata_len += 1 + n;
		in->at += n;
	} while (in->at < in->end);
}

size_t
rdata_text_bound(size_t len)
{
	return len + len / STRING_LEN_MAX + 2;
}

int
rdata_from_text(const uint8_t *text, size_t len, uint8_t *rdata,
    size_t *rdata_len, const char **why)
{
	struct cursor in = {.at = text, .end = text + len, .why = ""};
	int err = 0;

	*rdata_len = 0;
	if (len > 0 && text[0] == '"')
		err = take_quoted(&in, rdata, rdata_len);
	else
		take_bare(&in, rdata, rdata_len);
	if (err == 0 && *rdata_len > RDATA_LEN_MAX)
		err = wrong(&in, ERR_TOOLONG,
		    "the record is longer than 65535 octets");
	*why = in.why;
	return err;
}
