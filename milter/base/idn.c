#include "autoconf.h"

#include "base/idn.h"

#include <pthread.h>
#include <string.h>

#include <unicode/uidna.h>

#include "base/err.h"

/* No SMTP command line is longer. */
#define IDN_INPUT_MAX 2048

/* A name of full length with its final dot. */
struct name_text {
	size_t len;
	uint8_t octet[NAME_LEN_MAX + 1];
};

/* Never freed: immutable, and all threads share it. */
static const UIDNA *converter;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
open_converter(void)
{
	UErrorCode status = U_ZERO_ERROR;

	/* As in Postfix, without the checks of IDNA2008 for bidirectional
	 * labels and joiners, and without those of STD 3. */
	converter = uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII, &status);
	if (U_FAILURE(status))
		converter = NULL;
}

int
idn_open(void)
{
	(void)pthread_once(&once, open_converter);
	return converter != NULL ? 0 : ERR_LIBRARY;
}

static int
append(struct name_text *name, const void *octets, size_t len)
{
	if (len > sizeof(name->octet) - name->len)
		return ERR_SYNTAX;
	memcpy(name->octet + name->len, octets, len);
	name->len += len;
	return 0;
}

/*
 * Appends a part between two ASCII dots; it may hold other full stops. A part
 * of ASCII alone is not converted: the library would reject names that are in
 * the DNS but not valid in IDNA ("r3---sn", "xn--0"). Postfix does not route
 * such names when another label is a U-label, but judging them does no harm.
 */
static int
append_part(struct name_text *name, const uint8_t *part, size_t len)
{
	UIDNAInfo info = UIDNA_INFO_INITIALIZER;
	UErrorCode status = U_ZERO_ERROR;
	char ascii[NAME_SIZE];
	int32_t ascii_len;
	size_t n_ascii = 0;

	while (n_ascii < len && part[n_ascii] <= 127)
		n_ascii++;
	if (n_ascii == len)
		return append(name, part, len);
	if (idn_open() < 0)
		return ERR_SYNTAX;
	ascii_len = uidna_nameToASCII_UTF8(converter, (const char *)part,
	    (int32_t)len, ascii, sizeof(ascii), &info, &status);
	if (U_FAILURE(status) || info.errors != 0)
		return ERR_SYNTAX;
	return append(name, ascii, (size_t)ascii_len);
}

int
idn_to_ascii(const uint8_t *utf8, size_t len, char out[NAME_SIZE])
{
	struct name_text name = {0};
	size_t start = 0;

	out[0] = '\0';
	if (len > IDN_INPUT_MAX || memchr(utf8, '\0', len) != NULL)
		return ERR_SYNTAX;
	for (size_t i = 0; i <= len; i++) {
		int err;

		if (i < len && utf8[i] != '.')
			continue;
		err = append_part(&name, utf8 + start, i - start);
		if (err == 0 && i < len)
			err = append(&name, ".", 1);
		if (err != 0)
			return err;
		start = i + 1;
	}
	return name_canon(name.octet, name.len, out) == 0 ? 0 : ERR_SYNTAX;
}
