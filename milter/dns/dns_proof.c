#include "autoconf.h"

#include "dns/dns_proof.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "dns/dns_libraries.h"

#define FIRST_TXT "/replies_tree/0/answer/0/rdata/txt_strings/0"

/* What came of one lookup. */
struct trial {
	bool finished;
	bool has_outcome; /* libunbound's own word was at hand */
	bool bogus;       /* says that word */
	bool has_reply;
	bool has_text; /* DNS_GUARD_TOLD_TEXT */
};

static bool
holds_text(const getdns_dict *response)
{
	getdns_bindata *text;

	return getdns_dict_get_bindata(response, FIRST_TXT, &text) ==
	    GETDNS_RETURN_GOOD &&
	    text->size == strlen(DNS_GUARD_TOLD_TEXT) &&
	    memcmp(text->data, DNS_GUARD_TOLD_TEXT, text->size) == 0;
}

static void
tried(getdns_context *context, getdns_callback_type_t type,
    getdns_dict *response, void *arg, getdns_transaction_t id)
{
	const struct dns_guard_outcome *outcome = dns_guard_outcome();
	struct trial *trial = arg;
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
		trial->has_text = holds_text(response);
	}
	getdns_dict_destroy(response);
}

/* What goes out to the network after all, by a fragment's will, is broken
 * off. */
static getdns_return_t
try_name(struct dns_context *context, const char *name, enum dns_type type,
    struct trial *trial)
{
	getdns_transaction_t id = 0;
	getdns_return_t r;

	*trial = (struct trial){.finished = false};
	r = dns_context_ask(context, name, type, tried, trial, &id);
	if (r == GETDNS_RETURN_GOOD && !trial->finished)
		(void)dns_context_cancel(context, id);
	return r;
}

/* libunbound starts with the first lookup. */
static int
start(struct dns_context *context, const struct dns_guard *guard,
    char error[DNS_ERROR_SIZE])
{
	struct trial trial;
	getdns_return_t r = try_name(context, "localhost", DNS_A, &trial);
	const char *failed = dns_guard_failed(guard);

	if (guard->broken)
		return dns_libraries_blame(failed, error);
	if (failed != NULL) {
		(void)snprintf(error, DNS_ERROR_SIZE, "%s", failed);
		return ERR_CONFIG;
	}
	if (!dns_guard_in_force(guard))
		return dns_libraries_blame(
		    "the guard around libunbound is not in force, getdns does "
		    "not call it through this program",
		    error);
	return r == GETDNS_RETURN_GOOD
	    ? 0
	    : dns_libraries_blame("getdns cannot look up anything", error);
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
		return dns_libraries_blame(
		    "getdns reports answers without libunbound's word on them",
		    error);
	if (!trial.has_text || trial.bogus)
		return dns_libraries_blame(
		    "libunbound does not answer what it was told to", error);
	guard->pretend_bogus = true;
	(void)try_name(context, DNS_GUARD_TOLD_NAME, DNS_TXT, &trial);
	guard->pretend_bogus = false;
	if (!trial.bogus || !trial.has_text)
		return dns_libraries_blame(
		    "getdns does not report a bogus answer with libunbound's "
		    "verdict on it",
		    error);
	guard->pretend_failed = true;
	(void)try_name(context, DNS_GUARD_TOLD_NAME, DNS_TXT, &trial);
	guard->pretend_failed = false;
	if (!trial.finished || trial.has_reply)
		return dns_libraries_blame(
		    "getdns makes an answer of what the guard has dropped",
		    error);
	return 0;
}
