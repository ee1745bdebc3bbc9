/*
 * One getdns context, set up as a struct dns_setup says, on one event loop.
 * It has its own cache. GETDNS.md, "Set-up", has the reasons.
 *
 * Belongs to the thread of its event_base.
 */
#ifndef DNS_DNS_CONTEXT_H
#define DNS_DNS_CONTEXT_H

#include <getdns/getdns.h>

#include "dns/dns.h"
#include "dns/dns_setup.h"

struct event_base;
struct dns_context;

/*
 * With one reference. setup is borrowed and must outlive the context. In
 * RECURSING mode libunbound
 * has started and the guard is in force when this returns 0: all files are read
 * by then. Else an error with *error filled in; ERR_LIBRARY: not the
 * configuration's.
 */
int
dns_context_open(struct dns_context **context, const struct dns_setup *setup,
    struct event_base *base, char error[DNS_ERROR_SIZE]);

struct dns_context *dns_context_ref(struct dns_context *context);
/* The last one closes it: no lookup may be under way then; not from inside a
 * callback of getdns. */
void dns_context_unref(struct dns_context **context);

/* It has lived for setup->context_life_ms. */
bool dns_context_is_old(const struct dns_context *context);

/* callback may run inside this call. */
getdns_return_t dns_context_ask(struct dns_context *context, const char *name,
    enum dns_type type, getdns_callback_t callback, void *arg,
    getdns_transaction_t *id);

/* The callback runs inside this call. */
getdns_return_t
dns_context_cancel(struct dns_context *context, getdns_transaction_t id);

/* DNS over TLS: why the latest connection failed; "": it did not, or that is
 * not known. */
const char *dns_context_why(const struct dns_context *context);

/* Whether answers count only with libunbound's verdict (dns_guard.h). */
bool dns_context_is_guarded(const struct dns_context *context);

#endif
