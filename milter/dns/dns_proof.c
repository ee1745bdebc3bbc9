/*
 * Makes the first lookups of a context. They prove that getdns and libunbound,
 * as they were loaded, do what the guard (dns_guard.h) relies on:
 *
 *  - what getdns asks of libunbound goes through the guard;
 *  - the libunbound that answers is the one that the guard has set up;
 *  - libunbound's own verdict on an answer is known when getdns reports it;
 *  - getdns uses nothing of a packet that the guard has dropped.
 *
 * libunbound answers all of them by itself, without the network.
 */
#include "autoconf.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unbound.h>

#include "base/err.h"
#include "dns/dns_internal.h"

/* --- the libraries ---------------------------------------------------------
 */

/*
 * Checks getdns and libunbound as they were loaded. The packages of a system
 * may be updated under a program that was built with others, and the guard
 * (dns_guard.h) relies on behaviour that no interface of theirs promises.
 *
 * A version number alone proves little: an unknown version is accepted if the
 * proof below finds that it behaves as needed. Versions that cannot work are
 * rejected here.
 */

#define TEXT(number) #number
#define VALUE(macro) TEXT(macro)
#define UNBOUND_BUILT                \
	VALUE(UNBOUND_VERSION_MAJOR) \
	"." VALUE(UNBOUND_VERSION_MINOR) "." VALUE(UNBOUND_VERSION_MICRO)
#define MAJOR_SHIFT 24 /* of getdns's version number */

void
dns_libraries_text(char text[DNS_LIBRARIES_SIZE])
{
	const char *getdns = getdns_get_version(), *unbound = ub_version();
	const bool same = strcmp(getdns, GETDNS_VERSION) == 0;
	const bool same_unbound = strcmp(unbound, UNBOUND_BUILT) == 0;

	(void)snprintf(text, DNS_LIBRARIES_SIZE, "getdns %s%s, libunbound %s%s",
	    getdns, same ? "" : " (built with " GETDNS_VERSION ")", unbound,
	    same_unbound ? "" : " (built with " UNBOUND_BUILT ")");
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

/* ERR_LIBRARY; *error: what, then which libraries there are and which were
 * there at the build, then what to do. */
static int
blame(const char *what, char error[DNS_ERROR_SIZE])
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
	return blame(what, error);
}

/* --- versions ------------------------------------------------------------- */

int
dns_libraries_check(char error[DNS_ERROR_SIZE])
{
	int err;

	if (getdns_get_version_number() >> MAJOR_SHIFT !=
	    GETDNS_NUMERIC_VERSION >> MAJOR_SHIFT)
		return blame("another getdns altogether", error);
	if (strtol(ub_version(), NULL, 10) != UNBOUND_VERSION_MAJOR)
		return blame("another libunbound altogether", error);
	err = check_copies("libunbound.so", error);
	if (err == 0)
		err = check_copies("libgetdns.so", error);
	return err;
}

/* --- the proof -------------------------------------------------------------
 */

#define FIRST_TXT "/replies_tree/0/answer/0/rdata/txt_strings/0"

/* The result of one lookup. */
struct trial {
	bool finished;
	bool has_outcome; /* libunbound's own verdict was known */
	bool bogus;       /* that verdict */
	bool has_reply;
	bool has_text; /* DNS_GUARD_TOLD_TEXT */
};

static void
tried(getdns_context *context, getdns_callback_type_t type,
    getdns_dict *response, void *arg, getdns_transaction_t id)
{
	const struct dns_guard_outcome *outcome = dns_guard_outcome();
	struct trial *trial = arg;
	getdns_bindata *text;
	getdns_dict *reply;

	(void)context;
	(void)id;
	trial->finished = true;
	trial->has_outcome = outcome != NULL;
	trial->bogus = outcome != NULL && outcome->bogus;
	if (type == GETDNS_CALLBACK_COMPLETE && response != NULL) {
		trial->has_reply =
		    getdns_dict_get_dict(response, "/replies_tree/0", &reply) ==
		    GETDNS_RETURN_GOOD;
		trial->has_text = getdns_dict_get_bindata(response, FIRST_TXT,
				      &text) == GETDNS_RETURN_GOOD &&
		    text->size == strlen(DNS_GUARD_TOLD_TEXT) &&
		    memcmp(text->data, DNS_GUARD_TOLD_TEXT, text->size) == 0;
	}
	getdns_dict_destroy(response);
}

/* An unbound.conf fragment can make libunbound ask the network; such a lookup
 * is cancelled. */
static getdns_return_t
try_name(struct dns_context *context, const char *name, enum dns_type type,
    struct trial *trial)
{
	getdns_transaction_t id = 0;
	getdns_return_t r;

	*trial = (struct trial){.finished = false};
	r = dns_context_ask(context, name, type, tried, trial, &id);
	if (r == GETDNS_RETURN_GOOD && !trial->finished)
		(void)getdns_cancel_callback(context->getdns, id);
	return r;
}

/* libunbound starts with the first lookup. */
static int
start(struct dns_context *context, const struct dns_guard *guard,
    char error[DNS_ERROR_SIZE])
{
	struct trial trial;
	getdns_return_t r = try_name(context, "localhost", DNS_A, &trial);
	const char *failed = guard->error[0] != '\0' ? guard->error : NULL;

	if (guard->broken)
		return blame(failed, error);
	if (failed != NULL) {
		(void)snprintf(error, DNS_ERROR_SIZE, "%s", failed);
		return ERR_CONFIG;
	}
	if (guard->set_up == 0 || guard->asked == 0)
		return blame(
		    "the guard around libunbound is not in force, getdns does "
		    "not call it through this program",
		    error);
	return r == GETDNS_RETURN_GOOD
	    ? 0
	    : blame("getdns cannot look up anything", error);
}

int
dns_proof(struct dns_context *context, struct dns_guard *guard,
    char error[DNS_ERROR_SIZE])
{
	struct trial trial;
	int err = start(context, guard, error);

	if (err != 0)
		return err;
	(void)try_name(context, DNS_GUARD_TOLD_NAME, DNS_TXT, &trial);
	if (trial.finished && !trial.has_outcome)
		return blame(
		    "getdns reports answers without libunbound's word on them",
		    error);
	if (!trial.has_text || trial.bogus)
		return blame("libunbound does not answer what it was told to",
		    error);
	guard->pretend_bogus = true;
	(void)try_name(context, DNS_GUARD_TOLD_NAME, DNS_TXT, &trial);
	guard->pretend_bogus = false;
	if (!trial.bogus || !trial.has_text)
		return blame(
		    "getdns does not report a bogus answer with libunbound's "
		    "verdict on it",
		    error);
	guard->pretend_failed = true;
	(void)try_name(context, DNS_GUARD_TOLD_NAME, DNS_TXT, &trial);
	guard->pretend_failed = false;
	if (!trial.finished || trial.has_reply)
		return blame(
		    "getdns makes an answer of what the guard has dropped",
		    error);
	return 0;
}
