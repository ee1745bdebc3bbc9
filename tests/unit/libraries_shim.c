/*
 * Loaded before libunbound and getdns, as LD_PRELOAD: what another version of
 * theirs might do. The environment says which:
 *
 *	SHIM=getdns2	another major version of getdns
 *	SHIM=unbound2	another one of libunbound
 *	SHIM=foreign	a libunbound that answers whatever it is asked with an
 *			empty insecure NOERROR, once the file SHIM_FROM is there
 *
 * Without it all calls are passed on; xb_* are those of a getdns that was made
 * to call past the program (test_libraries.c).
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <getdns/getdns_extra.h>
#include <unbound-event.h>
#include <unbound.h>

#define SHIM_API __attribute__((visibility("default")))

typedef int resolve_event_fn(struct ub_ctx *, const char *, int, int, void *,
    ub_event_callback_type, int *);
typedef int set_fwd_fn(struct ub_ctx *, const char *);
typedef const char *version_fn(void);
typedef uint32_t number_fn(void);

SHIM_API resolve_event_fn xb_resolve_event;
SHIM_API set_fwd_fn xb_ctx_set_fwd;

static int
is_wanted(const char *what)
{
	const char *shim = getenv("SHIM");
	const char *from = getenv("SHIM_FROM");

	return shim != NULL && strcmp(shim, what) == 0 &&
	    (from == NULL || access(from, F_OK) == 0);
}

static void
find_real(const char *name, void *function, size_t size)
{
	void *symbol = dlsym(RTLD_NEXT, name);

	if (symbol == NULL)
		abort();
	memcpy(function, &symbol, size);
}

/* A question for the root and no answer: getdns takes it. */
static int
answer_nothing(void *arg, ub_event_callback_type callback)
{
	unsigned char packet[] = {0, 0, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0,
	    0, 1, 0, 1};

	callback(arg, 0, packet, sizeof(packet), 0, NULL, 0);
	return 0;
}

SHIM_API int
ub_resolve_event(struct ub_ctx *ctx, const char *name, int rrtype, int rrclass,
    void *arg, ub_event_callback_type callback, int *id)
{
	resolve_event_fn *real;

	if (is_wanted("foreign"))
		return answer_nothing(arg, callback);
	find_real("ub_resolve_event", &real, sizeof(real));
	return real(ctx, name, rrtype, rrclass, arg, callback, id);
}

int
xb_resolve_event(struct ub_ctx *ctx, const char *name, int rrtype, int rrclass,
    void *arg, ub_event_callback_type callback, int *id)
{
	resolve_event_fn *real;

	find_real("ub_resolve_event", &real, sizeof(real));
	return real(ctx, name, rrtype, rrclass, arg, callback, id);
}

int
xb_ctx_set_fwd(struct ub_ctx *ctx, const char *addr)
{
	set_fwd_fn *real;

	find_real("ub_ctx_set_fwd", &real, sizeof(real));
	return real(ctx, addr);
}

SHIM_API uint32_t
getdns_get_version_number(void)
{
	number_fn *real;

	if (is_wanted("getdns2"))
		return 0x02000000;
	find_real("getdns_get_version_number", &real, sizeof(real));
	return real();
}

SHIM_API const char *
ub_version(void)
{
	version_fn *real;

	if (is_wanted("unbound2"))
		return "2.0.0";
	find_real("ub_version", &real, sizeof(real));
	return real();
}
