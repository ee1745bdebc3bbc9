#include "autoconf.h"

#include "dns/dns_guard.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <unbound-event.h>
#include <unbound.h>

#include "base/text.h"

#define GUARD_API __attribute__((visibility("default"), used))

/* libunbound's words for `sec` in its callback (unbound-event.h). */
enum {
	UB_SEC_BOGUS = 1,
	UB_SEC_SECURE = 2
};
enum {
	RCODE_NOERROR = 0,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3
};

typedef int set_fwd_fn(struct ub_ctx *, const char *);
typedef int resolve_event_fn(struct ub_ctx *, const char *, int, int, void *,
    ub_event_callback_type, int *);

/* Set before the unbound.conf fragment is read, so that the fragment overrides
 * them. */
static const struct {
	const char *name;
	const char *value;
} ub_defaults[] = {
    {"outgoing-range:",         "512"  },
    {"num-queries-per-thread:", "2048" },
    {"outgoing-num-tcp:",       "32"   },
    {"infra-keep-probing:",     "yes"  },
    {"infra-host-ttl:",         "30"   },
    {"infra-cache-numhosts:",   "10000"},
    {"msg-cache-size:",         "4m"   },
    {"rrset-cache-size:",       "8m"   },
    {"key-cache-size:",         "2m"   },
};

/* getdns always passes the same function, which ub_cancel may leave uncalled:
 * there is nothing of ours to free for each lookup. */
static _Atomic(ub_event_callback_type) getdns_callback;

static _Thread_local struct dns_guard *current_guard;
static _Thread_local const struct dns_guard_outcome *current_outcome;

/* Finds libunbound's own function. False: it has none. POSIX lets a function
 * pointer pass through void *, ISO C does not. */
static bool
find_real(struct dns_guard *guard, const char *name, void *function,
    size_t size)
{
	void *symbol = dlsym(RTLD_NEXT, name);

	memcpy(function, &symbol, size);
	if (symbol == NULL && guard != NULL) {
		guard->broken = true;
		(void)snprintf(guard->error, sizeof(guard->error),
		    "there is no %s in libunbound", name);
	}
	return symbol != NULL;
}

/* rc: of libunbound; the first error counts. */
static void
note_error(struct dns_guard *guard, const char *what, int rc)
{
	if (rc != 0 && guard->error[0] == '\0')
		(void)snprintf(guard->error, sizeof(guard->error), "%s: %s",
		    what, ub_strerror(rc));
}

static void
set_option(struct dns_guard *guard, const char *name, const char *value)
{
	note_error(guard, name, ub_ctx_set_option(guard->ctx, name, value));
}

static void
set_up(struct dns_guard *guard, set_fwd_fn *real)
{
	const struct dns_guard_options *o = guard->options;
	size_t i;

	guard->set_up++;
	guard->log = open_memstream(&guard->log_text, &guard->log_len);
	if (guard->log != NULL)
		(void)ub_ctx_debugout(guard->ctx, guard->log);
	for (i = 0; i < sizeof(ub_defaults) / sizeof(ub_defaults[0]); i++)
		set_option(guard, ub_defaults[i].name, ub_defaults[i].value);
	set_option(guard, "local-zone:", DNS_GUARD_TOLD_NAME " static");
	set_option(guard,
	    "local-data:", DNS_GUARD_TOLD_NAME " TXT " DNS_GUARD_TOLD_TEXT);
	if (o->localhost)
		set_option(guard, "do-not-query-localhost:", "no");
	if (o->root_hints != NULL)
		set_option(guard, "root-hints:", o->root_hints);
	for (i = 0; i < o->n_forwarders; i++)
		note_error(guard, o->forwarders[i],
		    real(guard->ctx, o->forwarders[i]));
	if (o->system)
		note_error(guard, "resolv.conf",
		    ub_ctx_resolvconf(guard->ctx, NULL));
	if (o->unbound_conf != NULL)
		note_error(guard, o->unbound_conf,
		    ub_ctx_config(guard->ctx, o->unbound_conf));
	/* After the fragment, which must not undo it. */
	if (o->unvalidated)
		set_option(guard, "module-config:", "iterator");
}

/*
 * Interposed. getdns calls this once for each context, with NULL, before
 * libunbound is finalised: the one moment at which it can be configured.
 */
GUARD_API int
ub_ctx_set_fwd(struct ub_ctx *ctx, const char *addr)
{
	struct dns_guard *guard = current_guard;
	set_fwd_fn *real = NULL;
	int rc;

	if (!find_real(guard, "ub_ctx_set_fwd", &real, sizeof(real)))
		return UB_INITFAIL;
	rc = real(ctx, addr);
	if (rc != 0 || addr != NULL || guard == NULL)
		return rc;
	guard->ctx = ctx;
	set_up(guard, real);
	return 0;
}

/*
 * getdns gets a packet only where libunbound has an answer. That of a bogus
 * answer is passed on as if it were unsigned, so that getdns does not validate
 * it again; dns.c reads libunbound's own verdict from the outcome.
 */
static void
pass_on(void *arg, int rcode, void *packet, int len, int sec, char *why,
    int was_ratelimited)
{
	struct dns_guard_outcome outcome;
	ub_event_callback_type callback = atomic_load(&getdns_callback);

	if (current_guard != NULL && current_guard->pretend_bogus)
		sec = UB_SEC_BOGUS;
	if (current_guard != NULL && current_guard->pretend_failed)
		rcode = RCODE_SERVFAIL;
	outcome.rcode = rcode;
	outcome.secure = sec == UB_SEC_SECURE;
	outcome.bogus = sec == UB_SEC_BOGUS;
	outcome.why[0] = '\0';
	/* The text quotes names and addresses of strangers. */
	if (why != NULL)
		text_ascii(outcome.why, sizeof(outcome.why), why, strlen(why));
	if (rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN) {
		rcode = RCODE_SERVFAIL;
		packet = NULL;
		len = 0;
		sec = 0;
	} else if (outcome.bogus) {
		sec = 0;
	}
	current_outcome = &outcome;
	callback(arg, rcode, packet, len, sec, why, was_ratelimited);
	current_outcome = NULL;
}

/* Interposed: getdns hands every lookup to libunbound here. */
GUARD_API int
ub_resolve_event(struct ub_ctx *ctx, const char *name, int rrtype, int rrclass,
    void *mydata, ub_event_callback_type callback, int *async_id)
{
	struct dns_guard *guard = current_guard;
	resolve_event_fn *real = NULL;
	int rc;

	if (!find_real(guard, "ub_resolve_event", &real, sizeof(real)))
		return UB_INITFAIL;
	atomic_store(&getdns_callback, callback);
	rc = real(ctx, name, rrtype, rrclass, mydata, pass_on, async_id);
	if (guard == NULL)
		return rc;
	guard->asked++;
	/* libunbound starts here; only its log names the file that it
	 * rejects. */
	note_error(guard,
	    guard->options->unbound_conf != NULL ? guard->options->unbound_conf
						 : "libunbound",
	    rc);
	return rc;
}

void
dns_guard_enter(struct dns_guard *guard)
{
	current_guard = guard;
}

void
dns_guard_leave(struct dns_guard *guard)
{
	static const char mark[] = "error: ";
	size_t len = strlen(guard->error);
	const char *line;

	current_guard = NULL;
	if (guard->log == NULL)
		return;
	(void)ub_ctx_debugout(guard->ctx, stderr);
	(void)fclose(guard->log);
	guard->log = NULL;
	if (guard->log_text == NULL)
		return;
	/* libunbound reports the cause in a log line only: keep the first. */
	line = strstr(guard->log_text, mark);
	if (len == 0)
		(void)fputs(guard->log_text, stderr);
	else if (line != NULL && len + 3 < sizeof(guard->error))
		(void)snprintf(guard->error + len, sizeof(guard->error) - len,
		    ": %.*s", (int)strcspn(line + strlen(mark), "\n"),
		    line + strlen(mark));
	free(guard->log_text);
	guard->log_text = NULL;
}

const struct dns_guard_outcome *
dns_guard_outcome(void)
{
	return current_outcome;
}
