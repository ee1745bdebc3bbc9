/* The argument of RCPT TO, with the conversion of U-labels as it is used. */
#include "autoconf.h"

#include <string.h>

#include "base/err.h"
#include "base/idn.h"
#include "base/name.h"
#include "core/address.h"
#include "fuzz.h"

#define ARGUMENT_SIZE (NAME_SIZE + 16)

static void
parse(const void *argument, size_t len, struct address *out)
{
	/* What was there before must not show. */
	memset(out, 0xa5, sizeof(*out));
	address_parse(argument, len, idn_to_ascii, out);
	MUST(memchr(out->domain, '\0', sizeof(out->domain)) != NULL);
	MUST(address_class_by_name(address_class_name(out->class)) ==
	    (int)out->class);
	MUST((out->domain[0] != '\0') == (out->class == ADDRESS_DOMAIN));
}

/* R-12, R-14, R-11 */
static void
check_name(const char *name)
{
	char again[NAME_SIZE];
	size_t len = strlen(name);

	MUST(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == len);
	MUST(strstr(name, "..") == NULL);
	MUST(name[0] != '.' && name[len - 1] != '.');
	MUST(name_canon((const uint8_t *)name, len, again) == 0);
	MUST(strcmp(name, again) == 0);
}

/* The same domain however it is addressed. */
static void
check_written(const char *before, const char *domain, const char *after)
{
	char argument[ARGUMENT_SIZE];
	struct address a;

	(void)snprintf(argument, sizeof(argument), "%s%s%s", before, domain,
	    after);
	parse(argument, strlen(argument), &a);
	MUST(a.class == ADDRESS_DOMAIN);
	MUST(strcmp(a.domain, domain) == 0);
}

static void
check_domain(const char *domain)
{
	check_name(domain);
	check_written("u@", domain, "");
	check_written("<u@", domain, ">");
	check_written("<@r:\"u@v\"@", domain, ".>");
}

static void
check_bare(const uint8_t *data, size_t size)
{
	char domain[NAME_SIZE];
	char plain[NAME_SIZE];

	memset(domain, 'x', sizeof(domain));
	if (address_domain(data, size, idn_to_ascii, domain) != 0) {
		MUST(domain[0] == '\0');
		return;
	}
	check_domain(domain);
	/* Without the library: the same name, or none. */
	if (address_domain(data, size, NULL, plain) == 0)
		MUST(strcmp(plain, domain) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct address a;
	struct address b;

	parse(data, size, &a);
	parse(data, size, &b);
	MUST(a.class == b.class);
	MUST(strcmp(a.domain, b.domain) == 0);
	if (a.class == ADDRESS_DOMAIN)
		check_domain(a.domain);
	check_bare(data, size);
	return 0;
}
