#include "autoconf.h"

#include "io/idn.h"

#include <stdbool.h>
#include <string.h>

#include <idn2.h>

#include "core/err.h"

/* No SMTP command line is longer. */
#define IDN_INPUT_MAX 2048

/* A name of full length with its final dot. */
struct name_text {
	size_t len;
	uint8_t octet[NAME_LEN_MAX + 1];
};

static int
append(struct name_text *name, const void *octets, size_t len)
{
	if (len > sizeof(name->octet) - name->len)
		return ERR_SYNTAX;
	memcpy(name->octet + name->len, octets, len);
	name->len += len;
	return 0;
}

/* What stands between two ASCII dots; other full stops may be in it. */
static int
append_converted(struct name_text *name, const uint8_t *part, size_t len)
{
	char text[IDN_INPUT_MAX + 1];
	char *ascii = NULL;
	int err = ERR_SYNTAX;

	memcpy(text, part, len);
	text[len] = '\0';
	if (idn2_to_ascii_8z(text, &ascii,
		IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK)
		err = append(name, ascii, strlen(ascii));
	idn2_free(ascii);
	return err;
}

static bool
is_plain(const uint8_t *part, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (part[i] > 127)
			return false;
	return true;
}

/*
 * Part by part, as the library would judge plain labels by the rules of
 * IDNA, under which many that are in the DNS are none ("r3---sn", "_x").
 */
int
idn_to_ascii(const uint8_t *utf8, size_t len, char out[NAME_SIZE])
{
	struct name_text name = {0};
	size_t start = 0;

	out[0] = '\0';
	if (len > IDN_INPUT_MAX || memchr(utf8, '\0', len) != NULL)
		return ERR_SYNTAX;
	for (size_t i = 0; i <= len; i++) {
		int err = 0;

		if (i < len && utf8[i] != '.')
			continue;
		if (is_plain(utf8 + start, i - start))
			err = append(&name, utf8 + start, i - start);
		else
			err = append_converted(&name, utf8 + start, i - start);
		if (err == 0 && i < len)
			err = append(&name, ".", 1);
		if (err != 0)
			return err;
		start = i + 1;
	}
	return name_canon(name.octet, name.len, out) == 0 ? 0 : ERR_SYNTAX;
}
