/*
 * dane-sts check: what the filter would do now, and why. Domains are asked
 * about at once, within bounds, and told in the order they were given.
 */
#include "autoconf.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "core/decide.h"
#include "core/tls_policy.h"
#include "text/facts_json.h"
#include "text/tree.h"
#include "tool/batch.h"
#include "tool/output.h"
#include "tool/style.h"
#include "tool/tool.h"

enum {
	OPTION_DEADLINE = 256
};

static const struct option check_options[] = {
    {"deadline", required_argument, NULL, OPTION_DEADLINE},
    {"file",      required_argument, NULL, 'f'},
    {0	 },
};

struct check {
	struct batch batch; /* first: a batch is its check */
	struct tree_style style;
};

/* --- telling ------------------------------------------------------------- */

/* What the map "postfix" answers; whether verdicts are enforced or only watched
 * is left out here as it is for the verdict. NULL: no memory. */
static char *
answer_at_delivery(const struct check *check, const struct facts *facts,
    const struct verdict *verdict, enum tls_policy_kind *kind)
{
	const struct tls_map *map = tls_map_find("postfix", strlen("postfix"));
	struct tls_rules rules =
	    config_tls_rules(&check->batch.session.config, map);

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
	if (!query->asked)
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

	if (answer != NULL && !check->batch.options->json)
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
	if (check->batch.options->json &&
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

	(void)decide(&facts, &check->batch.session.config.rules, DECIDE_FINAL,
	    &verdict);
	return tell(check, query, &facts, &verdict);
}

static int
tell_answer(struct check *check, const struct query *query)
{
	struct facts facts;
	struct verdict verdict;

	if (query->answer == NULL) {
		tool_warn("%s: out of memory", query->name);
		return TOOL_INTERNAL;
	}
	batch_judge(&check->batch, query, &facts, &verdict);
	return tell(check, query, &facts, &verdict);
}

static int
tell_query(struct batch *batch, const struct query *query)
{
	struct check *check = (struct check *)batch;

	if (query > batch->queries && !batch->options->json)
		putchar('\n');
	if (query->wrong)
		return tell_wrong(check, query);
	return query->asked ? tell_answer(check, query)
			    : tell_class(check, query);
}

static void
read_query(struct batch *batch, struct query *query, const char *name)
{
	query_read(query, &batch->set, name);
}

int
tool_check(struct tool_options *options, int argc, char **argv)
{
	struct check check = {
	    .batch = {.options = options,
		      .read = read_query,
		      .tell = tell_query},
	};
	struct names names;
	const char *path = NULL;
	int found, status;

	while ((found = tool_getopt(options, argc, argv, check_options)) >= 0) {
		if (found == 'f')
			path = optarg;
		else if (!batch_read_deadline(optarg, &check.batch.patience_ms))
			return tool_usage(argv[0],
			    "\"%s\" is not a time such as 10s", optarg);
	}
	if (found == TOOL_OPTION_STOP)
		return options->status;
	if (path == NULL && optind == argc)
		return tool_usage(argv[0], "a domain or address is missing");
	style_detect(stdout, &check.style);
	status = names_read(&names, argc - optind, argv + optind, path);
	if (status == TOOL_OK && names.n > 0)
		status = batch_run(&check.batch, &names, path != NULL);
	names_clear(&names);
	return status;
}
