#include "autoconf.h"

#include "base/name.h"

#include <string.h>

#include "base/ascii.h"
#include "base/err.h"

/* RFC 3696 2: the last label of a name is not all digits. */
static int
label_check(const uint8_t *label, size_t len, bool is_last)
{
	size_t n_digits = 0;

	if (len == 0)
		return ERR_SYNTAX;
	if (len > LABEL_LEN_MAX)
		return ERR_TOOLONG;
	for (size_t i = 0; i < len; i++) {
		if (!ascii_is_alnum(label[i]) && label[i] != '-' &&
		    label[i] != '_')
			return ERR_SYNTAX;
		n_digits += ascii_is_digit(label[i]);
	}
	return is_last && n_digits == len ? ERR_SYNTAX : 0;
}

int
name_canon(const uint8_t *octets, size_t len, char out[NAME_SIZE])
{
	size_t start = 0;

	out[0] = '\0';
	if (len > 0 && octets[len - 1] == '.')
		len--;
	if (len > NAME_LEN_MAX)
		return ERR_TOOLONG;
	for (size_t i = 0; i <= len; i++) {
		int err;

		if (i < len && octets[i] != '.')
			continue;
		err = label_check(octets + start, i - start, i == len);
		if (err != 0)
			return err;
		start = i + 1;
	}
	for (size_t i = 0; i < len; i++)
		out[i] = (char)ascii_lower(octets[i]);
	out[len] = '\0';
	return 0;
}

bool
name_is_below(const char *name, const char *parent)
{
	size_t name_len = strlen(name);
	size_t parent_len = strlen(parent);

	return parent_len > 0 && name_len > parent_len + 1 &&
	    name[name_len - parent_len - 1] == '.' &&
	    memcmp(name + name_len - parent_len, parent, parent_len) == 0;
}
