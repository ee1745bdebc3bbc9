/* The world of a scenario. */
#include "autoconf.h"

#include "world.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/tls_policy.h"
#include "engine/ask.h"
#include "log/log.h"

struct config world_config;
static struct engine *engine;
static struct log *world_log;

void
world_reset(void)
{
	script_reset();
	memset(&world_config, 0, sizeof(world_config));
	world_config.loops = 1;
	world_config.enforce_percent = 100;
	world_config.verdict_ttl_min_ms = 5000;
	world_config.verdict_ttl_max_ms = 300000;
	world_config.fetch_backoff_ms = 300000;
	world_config.fetch_timeout_ms = 30000;
	world_config.dns_timeout_ms = 10000;
	world_config.discovery_ttl_max_ms = 300000;
	world_config.rules.on_resolver_failure = RULE_TEMPFAIL;
}

void
world_start(void)
{
	char error[ENGINE_ERROR_SIZE];

	engine = engine_new(&world_config, NULL, world_log, error);
	if (engine == NULL) {
		(void)fprintf(stderr, "engine_new: %s\n", error);
		exit(1);
	}
}

static char log_path[] = "/tmp/scenario-log.XXXXXX";

void
world_start_logging(void)
{
	char target[256], error[LOG_ERROR_SIZE];
	const struct log_config config = {
	    .target = target,
	    .level = LOG_LEVEL_WARNING,
	};
	int fd;

	memcpy(strrchr(log_path, '.'), ".XXXXXX", sizeof(".XXXXXX"));
	fd = mkstemp(log_path);
	CHECK(fd >= 0);
	(void)close(fd);
	(void)snprintf(target, sizeof(target), "file:%s", log_path);
	world_log = log_open(&config, "scenario", error);
	CHECK(world_log != NULL);
	world_start();
}

size_t
world_log_lines(const char *event, const char *text)
{
	FILE *file = fopen(log_path, "r");
	char line[4096];
	size_t n = 0;

	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file) != NULL)
		n += strstr(line, event) != NULL && strstr(line, text) != NULL;
	(void)fclose(file);
	return n;
}

static void
count_set_back(void *arg)
{
	++*(unsigned *)arg;
}

void
world_count_set_back(unsigned *n)
{
	engine_on_set_back(engine, count_set_back, n);
}

void
world_stop(void)
{
	fake_inline(true);
	engine_free(&engine);
	if (world_log != NULL)
		(void)unlink(log_path);
	log_close(&world_log);
	fake_inline(false);
	fake_run(120000); /* what was cancelled frees itself when due */
	fake_reset();
}

void
world_reload(void)
{
	char error[ENGINE_ERROR_SIZE];

	/* it waits for its loops */
	fake_inline(true);
	CHECK(engine_reload(engine, &world_config, error) == 0);
	fake_inline(false);
}

int
world_root_key_missing(void)
{
	struct engine_status status;

	engine_status(engine, &status);
	return status.root_key_missing;
}

void
world_forget(const char *domain)
{
	engine_forget(engine, domain);
}

void
world_forget_unbound(void)
{
	engine_forget(engine, NULL);
}

static void
note_tls(struct asker *asker, const struct answer *answer)
{
	const struct tls_rules rules = {
	    .dane_for_all = world_config.dane_for_all,
	};
	struct tls_policy policy;

	tls_policy_judge(answer->facts, &answer->verdict, &rules, &policy);
	CHECK(tls_policy_format(&policy, &rules, TLS_DIALECT_POSTFIX,
		  asker->tls, sizeof(asker->tls)) == 0);
}

static void
completed(void *arg, const struct answer *answer, bool cached)
{
	struct asker *asker = arg;

	asker->completions++;
	asker->at_ms = clock_mono_ms() - asker->asked_ms;
	asker->cached = cached;
	asker->none = answer == NULL;
	if (asker->none)
		return;
	asker->verdict = answer->verdict.kind;
	asker->reason = answer->verdict.reason;
	asker->from = answer->verdict.policy_from;
	asker->txt = answer->facts->txt_status;
	asker->policy_known = answer->verdict.policy_known;
	asker->pinned = answer->verdict.pinned;
	note_tls(asker, answer);
	evidence_text(&answer->verdict.decided_by, asker->decided_by);
	if (answer->verdict.decided_by.why != NULL)
		(void)snprintf(asker->why, sizeof(asker->why), "%s",
		    answer->verdict.decided_by.why);
}

static void
ask_target(struct asker *asker, enum ask_what what, const struct target *target,
    uint64_t patience_ms)
{
	memset(asker, 0, sizeof(*asker));
	asker->asked_ms = clock_mono_ms();
	ask(engine,
	    &(struct ask_options){
		.what = what,
		.target = target,
		.deadline_ms = asker->asked_ms + patience_ms,
		.done = completed,
		.arg = asker,
	    });
}

static void
ask_for(struct asker *asker, enum ask_what what, const char *domain,
    uint64_t patience_ms)
{
	struct target target = {.port = SCOPE_PORT_SMTP};

	(void)snprintf(target.domain, sizeof(target.domain), "%s", domain);
	ask_target(asker, what, &target, patience_ms);
}

void
ask_domain(struct asker *asker, const char *domain, uint64_t patience_ms)
{
	ask_for(asker, ASK_VERDICT, domain, patience_ms);
}

void
ask_tls(struct asker *asker, const char *domain, uint64_t patience_ms)
{
	ask_for(asker, ASK_DELIVERY, domain, patience_ms);
}

void
ask_host(struct asker *asker, const char *host, uint16_t port)
{
	struct target target = {.port = port, .no_mx = true};

	(void)snprintf(target.domain, sizeof(target.domain), "%s", host);
	ask_target(asker, ASK_VERDICT, &target, 4000);
}

void
ask_port(struct asker *asker, const char *domain, uint16_t port)
{
	struct target target = {.port = port};

	(void)snprintf(target.domain, sizeof(target.domain), "%s", domain);
	ask_target(asker, ASK_VERDICT, &target, 4000);
}

static void
count_refresh(void *arg, const struct answer *answer, bool cached)
{
	unsigned *completions = arg;

	(void)cached;
	CHECK(answer == NULL);
	(*completions)++;
}

void
refresh_domain(const char *domain)
{
	struct target target = {.port = SCOPE_PORT_SMTP};
	unsigned completions = 0;

	(void)snprintf(target.domain, sizeof(target.domain), "%s", domain);
	ask(engine,
	    &(struct ask_options){
		.what = ASK_REFRESH,
		.target = &target,
		.done = count_refresh,
		.arg = &completions,
	    });
	fake_run(60000);
	CHECK(completions == 1);
}

static struct asker
asked_for(enum ask_what what, const char *domain)
{
	struct asker asker;

	ask_for(&asker, what, domain, 4000);
	fake_run(4000);
	CHECK(asker.completions == 1);
	return asker;
}

struct asker
asked(const char *domain)
{
	return asked_for(ASK_VERDICT, domain);
}

struct asker
asked_tls(const char *domain)
{
	return asked_for(ASK_DELIVERY, domain);
}

struct asker
asked_evidence(const char *domain)
{
	return asked_for(ASK_EVIDENCE, domain);
}

void
check_verdict(const char *file, int line, struct asker asker,
    enum verdict_kind verdict, enum reason reason)
{
	if (asker.completions == 1 && !asker.none && asker.verdict == verdict &&
	    asker.reason == reason)
		return;
	(void)fprintf(stderr,
	    "%s:%d: want one %s %s, have %u x %s %s (%s: %s)\n", file, line,
	    verdict_name(verdict), reason_name(reason), asker.completions,
	    verdict_name(asker.verdict), reason_name(asker.reason),
	    asker.decided_by, asker.why);
	exit(1);
}
