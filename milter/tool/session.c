/* An engine of the tool's own, and questions to it. See session.h. */
#include "autoconf.h"

#include "tool/session.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/idn.h"
#include "core/decide.h"
#include "engine/ask.h"
#include "store/store.h"

#define AT_ONCE 64

/* --- the engine ---------------------------------------------------------- */

int
session_configure(struct session *session, const struct tool_options *options)
{
	memset(session, 0, sizeof(*session));
	session->loaded = tool_config(options);
	if (session->loaded == NULL)
		return TOOL_CONFIG;
	/* One look at a domain needs no more than one thread. */
	session->config = *session->loaded;
	session->config.loops = 1;
	session->log_target = "stderr";
	session->log_level = LOG_LEVEL_WARNING;
	session->patience_ms =
	    session->config.fetch_timeout_ms + session->config.dns_timeout_ms;
	(void)pthread_mutex_init(&session->lock, NULL);
	(void)pthread_cond_init(&session->some_done, NULL);
	return TOOL_OK;
}

/* A user who may not read the daemon's store can still ask without it. */
static int
open_store(struct session *session)
{
	const struct config *config = &session->config;
	const struct store_options of_daemon = {
	    .spec = config->store,
	    .access = STORE_READ_ONLY,
	    .may_be_down = true,
	    .auth_file = config->store_auth_file,
	    .tls_ca = config->store_tls_ca,
	    .log = session->log,
	};
	const struct store_options empty = {.spec = "memory:"};
	char error[STORE_ERROR_SIZE] = "";

	/* If the server is down, the store stays in use: whether a domain has a
	 * policy is then unknown, and no domain counts as one without
	 * policy. */
	session->store = store_open(&of_daemon, error);
	if (session->store != NULL)
		return TOOL_OK;
	(void)tool_warn_store(config->store, error);
	tool_warn("going on without the stored policies");
	session->store = store_open(&empty, error);
	if (session->store != NULL)
		return TOOL_OK;
	tool_warn("%s", error);
	return TOOL_INTERNAL;
}

int
session_start(struct session *session)
{
	const struct log_config to_stderr = {
	    .target = session->log_target,
	    .format = LOG_FORMAT_TEXT,
	    .level = session->log_level,
	};
	char log_error[LOG_ERROR_SIZE] = "";
	char engine_error[ENGINE_ERROR_SIZE] = "";
	int status;

	session->log = log_open(&to_stderr, "dane-sts", log_error);
	if (session->log == NULL) {
		tool_warn("%s", log_error);
		return TOOL_INTERNAL;
	}
	status = open_store(session);
	if (status != TOOL_OK)
		return status;
	session->engine = engine_new(&session->config, session->store,
	    session->log, engine_error);
	if (session->engine != NULL)
		return TOOL_OK;
	tool_warn("%s", engine_error);
	return TOOL_UNKNOWN;
}

void
session_close(struct session *session)
{
	engine_free(&session->engine);
	if (session->store != NULL)
		store_close(&session->store);
	if (session->log != NULL)
		log_close(&session->log);
	if (session->loaded == NULL)
		return;
	config_free(&session->loaded);
	(void)pthread_cond_destroy(&session->some_done);
	(void)pthread_mutex_destroy(&session->lock);
}

/* --- a question ---------------------------------------------------------- */

void
query_read(struct batch *batch, struct query *query, const char *name)
{
	const uint8_t *octets = (const uint8_t *)name;
	size_t len = strlen(name);

	memset(query, 0, sizeof(*query));
	query->session = &batch->session;
	query->name = name;
	query->target.port = SCOPE_PORT_SMTP;
	query->address.class = ADDRESS_DOMAIN;
	if (strchr(name, '@') != NULL)
		address_parse(octets, len, idn_to_ascii, &query->address);
	else
		query->wrong = address_domain(octets, len, idn_to_ascii,
				   query->address.domain) != 0;
	query->asked = !query->wrong && query->address.class == ADDRESS_DOMAIN;
	if (query->asked)
		memcpy(query->target.domain, query->address.domain,
		    sizeof(query->target.domain));
}

/* On a loop's thread. */
static void
answered(void *arg, const struct answer *answer, bool cached)
{
	struct query *query = arg;
	struct session *session = query->session;

	(void)cached;
	(void)pthread_mutex_lock(&session->lock);
	query->answer = answer != NULL ? answer_ref(answer) : NULL;
	query->ms = clock_mono_ms() - query->started_ms;
	query->done = true;
	(void)pthread_cond_signal(&session->some_done);
	(void)pthread_mutex_unlock(&session->lock);
}

void
query_start(struct query *query)
{
	if (!query->asked)
		return;
	query->started_ms = clock_mono_ms();
	ask(query->session->engine,
	    &(struct ask_options){
		.what = ASK_EVIDENCE,
		.target = &query->target,
		.deadline_ms = query->started_ms + query->session->patience_ms,
		.done = answered,
		.arg = query,
	    });
}

void
query_wait(struct query *query)
{
	struct session *session = query->session;

	if (!query->asked)
		return;
	(void)pthread_mutex_lock(&session->lock);
	while (!query->done)
		(void)pthread_cond_wait(&session->some_done, &session->lock);
	(void)pthread_mutex_unlock(&session->lock);
}

/* --- many questions ------------------------------------------------------ */

/* The larger status is the graver one. The loop ends early when stdout cannot
 * be written: nobody reads the rest. */
static int
tell_all(struct batch *batch)
{
	int worst = TOOL_OK, status;
	size_t started = 0, i;

	for (i = 0; i < batch->n && ferror(stdout) == 0; i++) {
		while (started < batch->n && started < i + AT_ONCE)
			query_start(&batch->queries[started++]);
		query_wait(&batch->queries[i]);
		progress_wipe(&batch->progress);
		status = batch->tell(batch, &batch->queries[i]);
		fflush(stdout);
		progress_step(&batch->progress);
		answer_unref(&batch->queries[i].answer);
		worst = status > worst ? status : worst;
	}
	return worst;
}

static int
run(struct batch *batch, const struct names *names)
{
	struct session *session = &batch->session;
	int status = session_configure(session, batch->options);
	bool any = false;

	for (size_t i = 0; status == TOOL_OK && i < names->n; i++) {
		batch->read(batch, &batch->queries[i], names->name[i]);
		any = any || batch->queries[i].asked;
		batch->n++;
	}
	/* Addresses without a domain are judged without an engine. */
	if (any)
		status = session_start(session);
	if (batch->patience_ms != 0)
		session->patience_ms = batch->patience_ms;
	batch->probe_deadline_ms =
	    clock_mono_ms() + session->config.dns_timeout_ms + PROBE_RETRY_MS;
	if (status == TOOL_OK)
		status = tell_all(batch);
	session_close(session);
	/* The engine is gone: nothing writes to the remaining queries. */
	for (size_t i = 0; i < batch->n; i++)
		answer_unref(&batch->queries[i].answer);
	return status;
}

int
batch_run(struct batch *batch, int argc, char **argv, const char *file)
{
	struct names names;
	int status = names_read(&names, argc - optind, argv + optind, file);

	if (status == TOOL_OK && names.n > 0) {
		batch->queries = calloc(names.n, sizeof(*batch->queries));
		progress_init(&batch->progress, file != NULL ? names.n : 0);
		if (batch->queries != NULL) {
			status = run(batch, &names);
		} else
			status = tool_no_memory();
		free(batch->queries);
	}
	names_clear(&names);
	return status;
}

void
batch_judge(struct batch *batch, const struct query *query, struct facts *facts,
    struct verdict *verdict)
{
	*facts = *query->answer->facts;
	facts->resolver_broken = engine_await_probe(batch->session.engine,
				     batch->probe_deadline_ms) == PROBE_BROKEN;
	(void)decide(facts, &batch->session.config.rules, DECIDE_FINAL,
	    verdict);
}
