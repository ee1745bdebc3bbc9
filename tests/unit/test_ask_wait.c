/*
 * ask_wait() when the loop has no answer: the asker reads the store by himself
 * (D-20), and what is known to bind does not pass. Loop and store are played.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "engine/engine_impl.h"
#include "log/log.h"
#include "store/store.h"

#define BINDING                                              \
	"version: STSv1\nmode: enforce\nmx: *.example.org\n" \
	"max_age: 86400\ndnssec: yes\n"

static struct engine engine = {.lock = PTHREAD_MUTEX_INITIALIZER};
static struct {
	const char *body; /* stored; NULL: nothing */
	int err;          /* of the store */
	bool refuses;     /* the store takes no request */
	bool pinned;
	bool no_memory; /* from the loop's answer on */
	bool refuse_memory;
	unsigned reads;
	unsigned waits;
} played;

/* --- memory --------------------------------------------------------------- */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *
__wrap_malloc(size_t size)
{
	return played.refuse_memory ? NULL : __real_malloc(size);
}

/* --- waiting -------------------------------------------------------------- */

bool __real_thread_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock,
    uint64_t mono_ms);
bool __wrap_thread_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock,
    uint64_t mono_ms);

bool
__wrap_thread_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock,
    uint64_t mono_ms)
{
	played.waits++;
	return __real_thread_wait_until(cond, lock, mono_ms);
}

/* --- the rest of the engine ----------------------------------------------- */

const struct answer *
ask_cache(struct engine *asked, const struct target *target)
{
	(void)asked;
	(void)target;
	return NULL;
}

void
ask_loop(struct engine *asked, const struct ask_options *options)
{
	(void)asked;
	played.refuse_memory = played.no_memory;
	options->done(options->arg, NULL, false);
}

bool
engine_pins(struct engine *asked, const char *domain)
{
	(void)asked;
	(void)domain;
	return played.pinned;
}

int
store_get(struct store *store, const char *domain, store_got_fn *got, void *arg)
{
	struct store_entry entry = {
	    .domain = domain,
	    .id = "1",
	    .fetched_s = clock_wall_s() - 100,
	    .body = (const uint8_t *)played.body,
	};

	(void)store;
	played.reads++;
	if (played.refuses)
		return ERR_BUSY;
	if (played.err != 0) {
		got(arg, played.err, NULL);
	} else if (played.body == NULL) {
		got(arg, ERR_NOTFOUND, NULL);
	} else {
		entry.len = strlen(played.body);
		got(arg, 0, &entry);
	}
	return 0;
}

void
log_msg(struct log *log, enum log_level level, const char *event,
    const char *fmt, ...)
{
	(void)log;
	(void)level;
	(void)event;
	(void)fmt;
}

/* --- tests ---------------------------------------------------------------- */

static const struct answer *
asked(void)
{
	struct target target = {.domain = "example.org",
	    .port = SCOPE_PORT_SMTP};
	const struct answer *answer;
	bool cached;

	answer =
	    ask_wait(&engine, &target, clock_mono_ms() + 60000, NULL, &cached);
	played.refuse_memory = false;
	cr_assert_not(cached);
	return answer;
}

static void
expect(enum verdict_kind kind)
{
	const struct answer *answer = asked();

	cr_assert_not_null(answer);
	cr_expect_eq(answer->verdict.kind, kind);
	cr_expect_eq(answer->verdict.reason, REASON_INTERNAL_ERROR);
	cr_assert_not_null(answer->verdict.decided_by.why);
	cr_expect_not_null(
	    strstr(answer->verdict.decided_by.why, "did not answer"));
	cr_expect_str_eq(answer->facts->recipient.domain, "example.org");
	answer_unref(&answer);
	cr_expect_eq(played.reads, 1U);
	played.reads = 0;
}

Test(ask_wait, D_20_what_is_stored_and_binds_is_deferred)
{
	played.body = BINDING;
	expect(VERDICT_DEFER);
}

Test(ask_wait, C_15_what_is_not_known_to_bind_obeys_the_option)
{
	expect(VERDICT_PASS);
	played.err = ERR_DOWN;
	expect(VERDICT_PASS);
	engine.rules.on_discovery_failure = RULE_TEMPFAIL;
	expect(VERDICT_DEFER);
	played.err = 0;
	expect(VERDICT_DEFER);
}

/* A request that the store does not take is answered by nobody. */
Test(ask_wait, C_15_a_store_that_takes_no_request_is_not_waited_for)
{
	played.refuses = true;
	engine.rules.on_discovery_failure = RULE_TEMPFAIL;
	expect(VERDICT_DEFER);
	cr_expect_eq(played.waits, 0U);
}

Test(ask_wait, T_14_D_20_what_is_pinned_is_deferred)
{
	played.pinned = true;
	expect(VERDICT_DEFER);
}

/* Without memory for an answer the store is not read: nothing is known. */
Test(ask_wait, C_15_no_memory_for_an_answer_is_told)
{
	played.body = BINDING;
	played.no_memory = true;
	cr_assert_null(asked());
	cr_expect_eq(played.reads, 0U);
}
