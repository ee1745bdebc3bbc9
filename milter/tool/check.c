/*
 * dane-sts check: what the filter would do now, and why. Domains are asked
 * about at once, within bounds, and told in the order they were given.
 */
#include "autoconf.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "core/decide.h"
#include "core/tls_policy.h"
#include "core/tree.h"
#include "engine/answer.h"
#include "engine/clock.h"
#include "engine/status.h"
#include "io/facts_json.h"
#include "tool/names.h"
#include "tool/output.h"
#include "tool/progress.h"
#include "tool/query.h"
#include "tool/session.h"
#include "tool/style.h"
#include "tool/tool.h"

#define CHECK_AT_ONCE   64
#define DEADLINE_MAX_MS 3600000

enum {
	OPTION_DEADLINE = 256
};

static const struct option check_options[] = {
    {"deadline", required_argument, NULL, OPTION_DEADLINE},
    {"file",      required_argument, NULL, 'f'},
    {0	 },
};

struct check {
	const struct tool_options *options;
	struct session session;
	struct tree_style style;
	struct query_set set;
	struct progress progress;
	uint64_t probe_deadline_ms;
	size_t n;
	struct query *queries;
};

/* --- telling ------------------------------------------------------------- */

/* What the map "postfix" answers; whether verdicts are enforced or only watched
 * is left out here as it is for the verdict. NULL: no memory. */
static char *
answer_at_delivery(const struct check *check, const struct facts *facts,
    const struct verdict *verdict, enum tls_policy_kind *kind)
{
	const struct tls_map *map = tls_map_find("postfix", strlen("postfix"));
	struct tls_rules rules = config_tls_rules(&check->session.config, map);

	return tls_answer(facts, verdict, &rules, map->dialect, kind);
}

static bool
print_json(const struct facts *facts, const struct verdict *verdict, int64_t ms,
    enum tls_policy_kind kind, const char *answer)
{
	char *line = facts_json_write_tls(facts, verdict, ms, kind, answer);

	if (line != NULL)
		puts(line);
	free(line);
	return line != NULL;
}

static void
print_text(const struct check *check, const struct query *query,
    const struct facts *facts, const struct verdict *verdict,
    const char *answer)
{
	tree_print(stdout, &check->style, query->name, facts, verdict);
	if (!query_is_asked(query))
		return;
	tls_answer_print(stdout, answer);
	putchar('\n');
}

static int
tell(const struct check *check, const struct query *query,
    const struct facts *facts, const struct verdict *verdict)
{
	enum tls_policy_kind kind;
	char *answer = answer_at_delivery(check, facts, verdict, &kind);
	int status = tool_verdict_status(facts, verdict);

	if (answer != NULL && !check->options->json)
		print_text(check, query, facts, verdict, answer);
	else if (answer == NULL ||
	    !print_json(facts, verdict, (int64_t)query->ms, kind, answer)) {
		tool_warn("out of memory");
		status = TOOL_INTERNAL;
	}
	free(answer);
	return status;
}

static int
tell_wrong(const struct check *check, const struct query *query)
{
	tool_warn("%s: not a domain name", query->name);
	if (check->options->json &&
	    !output_line(json_pack("{s:o,s:s}", "arg",
		output_string(query->name, strlen(query->name)), "error",
		"not a domain name")))
		return TOOL_INTERNAL;
	return TOOL_UNKNOWN;
}

/* An address without a domain to ask about is judged by its class alone. */
static int
tell_class(const struct check *check, const struct query *query)
{
	struct facts facts = {
	    .recipient = {.class = query->address.class, .domain = ""},
	};
	struct verdict verdict;

	(void)decide(&facts, &check->session.config.rules, DECIDE_FINAL,
	    &verdict);
	return tell(check, query, &facts, &verdict);
}

/*
 * Judged again once the probe has a result: a resolver that is dead, or does
 * not validate, must not be blamed on the domain.
 */
static int
tell_answer(const struct check *check, const struct query *query)
{
	struct facts facts = *query->answer->facts;
	struct verdict verdict;

	facts.resolver_broken = engine_await_probe(check->session.engine,
				    check->probe_deadline_ms) == PROBE_BROKEN;
	(void)decide(&facts, &check->session.config.rules, DECIDE_FINAL,
	    &verdict);
	return tell(check, query, &facts, &verdict);
}

static int
tell_query(const struct check *check, const struct query *query)
{
	if (query->wrong)
		return tell_wrong(check, query);
	if (!query_is_asked(query))
		return tell_class(check, query);
	if (query->answer == NULL) {
		tool_warn("%s: out of memory", query->name);
		return TOOL_INTERNAL;
	}
	return tell_answer(check, query);
}

/* --- asking -------------------------------------------------------------- */

/* The larger status is the graver one. Nobody looks at what is found once
 * stdout cannot be written. */
static int
run_queries(struct check *check)
{
	int worst = TOOL_OK, status;
	size_t started = 0, i;

	for (i = 0; i < check->n && ferror(stdout) == 0; i++) {
		while (started < check->n && started < i + CHECK_AT_ONCE)
			query_start(&check->queries[started++]);
		query_wait(&check->queries[i]);
		progress_wipe(&check->progress);
		if (i > 0 && !check->options->json)
			putchar('\n');
		status = tell_query(check, &check->queries[i]);
		fflush(stdout);
		progress_step(&check->progress);
		query_clear(&check->queries[i]);
		worst = status > worst ? status : worst;
	}
	return worst;
}

/* True: there is one to ask the engine about. */
static bool
read_queries(struct check *check, const struct names *names)
{
	bool any = false;
	size_t i;

	for (i = 0; i < names->n; i++) {
		query_read(&check->queries[i], &check->set, names->name[i]);
		any = any || query_is_asked(&check->queries[i]);
	}
	check->n = names->n;
	return any;
}

static int
run_check(struct check *check, const struct names *names)
{
	int status;

	check->queries = calloc(names->n, sizeof(*check->queries));
	if (check->queries == NULL) {
		tool_warn("out of memory");
		return TOOL_INTERNAL;
	}
	status = session_configure(&check->session, check->options);
	if (status == TOOL_OK && read_queries(check, names))
		status = session_start(&check->session);
	check->set.engine = check->session.engine;
	if (check->set.patience_ms == 0)
		check->set.patience_ms = session_patience_ms(&check->session);
	check->probe_deadline_ms = clock_mono_ms() +
	    check->session.config.dns_timeout_ms + PROBE_RETRY_MS;
	if (status == TOOL_OK)
		status = run_queries(check);
	session_close(&check->session);
	/* Those that nobody waited for are answered by now. */
	for (size_t i = 0; i < check->n; i++)
		query_clear(&check->queries[i]);
	return status;
}

static int
check_names(const struct tool_options *options, const struct names *names,
    uint64_t patience_ms, bool from_file)
{
	struct check check = {.options = options};
	int status;

	query_set_init(&check.set);
	check.set.patience_ms = patience_ms;
	style_detect(stdout, &check.style);
	/* A few names on the command line need no bar. */
	progress_init(&check.progress, from_file ? names->n : 0);
	status = run_check(&check, names);
	free(check.queries);
	query_set_clear(&check.set);
	return status;
}

static bool
read_deadline(const char *text, uint64_t *deadline_ms)
{
	int64_t ms;

	if (config_parse_duration(text, &ms) != 0 || ms <= 0 ||
	    ms > DEADLINE_MAX_MS)
		return false;
	*deadline_ms = (uint64_t)ms;
	return true;
}

int
tool_check(struct tool_options *options, int argc, char **argv)
{
	struct names names;
	const char *path = NULL;
	uint64_t deadline_ms = 0;
	int found, status;

	while ((found = tool_getopt(options, argc, argv, check_options)) >= 0) {
		if (found == 'f')
			path = optarg;
		else if (!read_deadline(optarg, &deadline_ms))
			return tool_usage(argv[0],
			    "\"%s\" is not a time such as 10s", optarg);
	}
	if (found == TOOL_OPTION_STOP)
		return options->status;
	if (path == NULL && optind == argc)
		return tool_usage(argv[0], "a domain or address is missing");
	status = names_read(&names, argc - optind, argv + optind, path);
	if (status == TOOL_OK && names.n > 0)
		status =
		    check_names(options, &names, deadline_ms, path != NULL);
	names_clear(&names);
	return status;
}
