/* Many names at once. See batch.h. */
#include "autoconf.h"

#include "tool/batch.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "core/decide.h"
#include "engine/answer.h"
#include "engine/status.h"

#define AT_ONCE         64
#define DEADLINE_MAX_MS 3600000

/* The larger status is the graver one. Nobody looks at what is found once
 * stdout cannot be written. */
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
		query_clear(&batch->queries[i]);
		worst = status > worst ? status : worst;
	}
	return worst;
}

/* True: there is one to ask the engine about. */
static bool
read_all(struct batch *batch, const struct names *names)
{
	bool any = false;

	for (size_t i = 0; i < names->n; i++) {
		batch->read(batch, &batch->queries[i], names->name[i]);
		any = any || batch->queries[i].asked;
	}
	batch->n = names->n;
	return any;
}

static int
run(struct batch *batch, const struct names *names)
{
	int status = session_configure(&batch->session, batch->options);

	if (status == TOOL_OK && read_all(batch, names))
		status = session_start(&batch->session);
	batch->set.engine = batch->session.engine;
	batch->set.patience_ms = batch->patience_ms != 0
	    ? batch->patience_ms
	    : session_patience_ms(&batch->session);
	batch->probe_deadline_ms = clock_mono_ms() +
	    batch->session.config.dns_timeout_ms + PROBE_RETRY_MS;
	if (status == TOOL_OK)
		status = tell_all(batch);
	session_close(&batch->session);
	/* Those that nobody waited for are answered by now. */
	for (size_t i = 0; i < batch->n; i++)
		query_clear(&batch->queries[i]);
	return status;
}

int
batch_run(struct batch *batch, const struct names *names, bool from_file)
{
	int status;

	batch->queries = calloc(names->n, sizeof(*batch->queries));
	if (batch->queries == NULL) {
		tool_warn("out of memory");
		return TOOL_INTERNAL;
	}
	query_set_init(&batch->set);
	/* A few names on the command line need no bar. */
	progress_init(&batch->progress, from_file ? names->n : 0);
	status = run(batch, names);
	free(batch->queries);
	query_set_clear(&batch->set);
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

bool
batch_read_deadline(const char *text, uint64_t *deadline_ms)
{
	int64_t ms;

	if (config_parse_duration(text, &ms) != 0 || ms <= 0 ||
	    ms > DEADLINE_MAX_MS)
		return false;
	*deadline_ms = (uint64_t)ms;
	return true;
}
