#include "autoconf.h"

#include "dns/dns_libraries.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <getdns/getdns_extra.h>
#include <unbound.h>

#include "base/err.h"

#define TEXT(number) #number
#define VALUE(macro) TEXT(macro)
#define UNBOUND_BUILT                \
	VALUE(UNBOUND_VERSION_MAJOR) \
	"." VALUE(UNBOUND_VERSION_MINOR) "." VALUE(UNBOUND_VERSION_MICRO)
#define MAJOR_SHIFT 24 /* of getdns's version number */

static void
put_version(FILE *out, const char *name, const char *loaded, const char *built)
{
	(void)fprintf(out, "%s %s", name, loaded);
	if (strcmp(loaded, built) != 0)
		(void)fprintf(out, " (built with %s)", built);
}

void
dns_libraries_text(char text[DNS_LIBRARIES_SIZE])
{
	FILE *out = fmemopen(text, DNS_LIBRARIES_SIZE, "w");

	text[0] = '\0';
	if (out == NULL)
		return;
	put_version(out, "getdns", getdns_get_version(), GETDNS_VERSION);
	(void)fputs(", ", out);
	put_version(out, "libunbound", ub_version(), UNBOUND_BUILT);
	(void)fclose(out);
	text[DNS_LIBRARIES_SIZE - 1] = '\0';
}

/* The file that a function comes from. */
static const char *
file_of(const char *function)
{
	Dl_info info;
	void *at = dlsym(RTLD_DEFAULT, function);

	return at != NULL && dladdr(at, &info) != 0 && info.dli_fname != NULL
	    ? info.dli_fname
	    : "?";
}

int
dns_libraries_blame(const char *what, char error[DNS_ERROR_SIZE])
{
	(void)snprintf(error, DNS_ERROR_SIZE,
	    "%.140s: no DNSSEC verdict could be relied upon with getdns %.16s "
	    "(%.64s, built with " GETDNS_VERSION ") and libunbound %.16s "
	    "(%.64s, built with " UNBOUND_BUILT "): reinstall their packages, "
	    "or build this program anew with those that are there",
	    what, getdns_get_version(), file_of("getdns_get_version"),
	    ub_version(), file_of("ub_version"));
	return ERR_LIBRARY;
}

/* --- copies --------------------------------------------------------------- */

#define COPIES_MAX 2

struct copies {
	const char *prefix;
	size_t n;
	const char *path[COPIES_MAX];
};

static int
count_copy(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct copies *copies = arg;
	const char *slash = strrchr(info->dlpi_name, '/');
	const char *name = slash != NULL ? slash + 1 : info->dlpi_name;

	(void)size;
	if (strncmp(name, copies->prefix, strlen(copies->prefix)) == 0 &&
	    copies->n < COPIES_MAX)
		copies->path[copies->n++] = info->dlpi_name;
	return 0;
}

static int
check_copies(const char *prefix, char error[DNS_ERROR_SIZE])
{
	struct copies copies = {.prefix = prefix};
	char what[160];

	(void)dl_iterate_phdr(count_copy, &copies);
	if (copies.n < COPIES_MAX)
		return 0;
	(void)snprintf(what, sizeof(what), "loaded twice, %.60s and %.60s",
	    copies.path[0], copies.path[1]);
	return dns_libraries_blame(what, error);
}

/* --- versions ------------------------------------------------------------- */

static int
check_majors(char error[DNS_ERROR_SIZE])
{
	if (getdns_get_version_number() >> MAJOR_SHIFT !=
	    GETDNS_NUMERIC_VERSION >> MAJOR_SHIFT)
		return dns_libraries_blame("another getdns altogether", error);
	if (strtol(ub_version(), NULL, 10) != UNBOUND_VERSION_MAJOR)
		return dns_libraries_blame("another libunbound altogether",
		    error);
	return 0;
}

int
dns_libraries_check(char error[DNS_ERROR_SIZE])
{
	int err = check_majors(error);

	if (err == 0)
		err = check_copies("libunbound.so", error);
	if (err == 0)
		err = check_copies("libgetdns.so", error);
	return err;
}
