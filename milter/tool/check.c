/*
 * dane-sts check: what the filter would do now, and why. dane-sts parse: how it
 * reads an address.
 */
#include "autoconf.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/idn.h"
#include "base/text.h"
#include "config/config.h"
#include "core/address.h"
#include "core/decide.h"
#include "core/tls_policy.h"
#include "text/facts_json.h"
#include "text/tree.h"
#include "tool/output.h"
#include "tool/resolve.h"
#include "tool/session.h"
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
	struct resolve *resolve; /* NULL: not needed yet */
};

/* --- check --------------------------------------------------------------- */

/* The engine asks for no hosts once the MX records are not secure; their names
 * help to see which records arrived. */
static void
print_tree(struct check *check, const struct query *query,
    const struct facts *facts, const struct verdict *verdict)
{
	struct facts shown = *facts;
	struct fact_host hosts[FACTS_HOSTS_MAX] = {0};
	struct resolved mx = {0};

	if (facts->mx.answer == ANSWER_RECORDS && facts->n_hosts == 0) {
		if (check->resolve == NULL)
			check->resolve =
			    resolve_new(&check->batch.session.config);
		if (check->resolve != NULL) {
			resolve_ask(check->resolve, query->target.domain,
			    DNS_MX, &mx);
			resolve_wait(check->resolve);
		}
		shown.hosts = hosts;
		for (size_t i = 0; i < mx.n && i < FACTS_HOSTS_MAX; i++) {
			hosts[i].name = mx.records[i].name;
			hosts[i].preference = mx.records[i].preference;
			hosts[i].unusable = mx.records[i].unusable;
			shown.n_hosts++;
		}
	}
	tree_print(stdout, &check->style, query->name, &shown, verdict);
	resolve_clear(&mx);
}

/*
 * The verdict, the evidence and what the map "postfix" answers. Whether
 * verdicts are enforced or only watched is left out of both.
 */
static int
tell_verdict(struct check *check, const struct query *query,
    const struct facts *facts, const struct verdict *verdict)
{
	const struct tls_map *map = tls_map_find("postfix", strlen("postfix"));
	struct tls_rules rules =
	    config_tls_rules(&check->batch.session.config, map);
	enum tls_policy_kind kind;
	char *answer = tls_answer(facts, verdict, &rules, map->dialect, &kind);
	int status = tool_verdict_status(facts, verdict);
	char *line = NULL;

	if (answer != NULL && check->batch.options->json)
		line = facts_json_write_tls(facts, verdict, (int64_t)query->ms,
		    kind, answer);
	if (line != NULL) {
		puts(line);
	} else if (answer == NULL || check->batch.options->json) {
		tool_warn("out of memory");
		status = TOOL_INTERNAL;
	} else {
		print_tree(check, query, facts, verdict);
		if (query->asked) {
			putchar('\n');
			tls_answer_print(stdout, answer);
			putchar('\n');
		}
	}
	free(line);
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

static int
tell_query(struct batch *batch, const struct query *query)
{
	struct check *check = (struct check *)batch;
	struct facts facts = {
	    .recipient = {.class = query->address.class, .domain = ""},
	};
	struct verdict verdict;

	if (query > batch->queries && !batch->options->json)
		putchar('\n');
	if (query->wrong)
		return tell_wrong(check, query);
	if (query->asked && query->answer == NULL) {
		tool_warn("%s: out of memory", query->name);
		return TOOL_INTERNAL;
	}
	/* An address without a domain is judged by its class alone. */
	if (query->asked)
		batch_judge(batch, query, &facts, &verdict);
	else
		(void)decide(&facts, &batch->session.config.rules, DECIDE_FINAL,
		    &verdict);
	return tell_verdict(check, query, &facts, &verdict);
}

static void
read_query(struct batch *batch, struct query *query, const char *name)
{
	query_read(query, &batch->session, name);
}

int
tool_check(struct tool_options *options, int argc, char **argv)
{
	struct check check = {
	    .batch = {.options = options,
		      .read = read_query,
		      .tell = tell_query},
	};
	const char *path = NULL;
	int found, status = TOOL_OK;

	while (status == TOOL_OK &&
	    (found = tool_getopt(options, argc, argv, check_options)) >= 0) {
		if (found == 'f')
			path = optarg;
		else
			status =
			    batch_take_deadline(&check.batch, argv[0], optarg);
	}
	if (status != TOOL_OK)
		return status;
	if (found == TOOL_OPTION_STOP)
		return options->status;
	if (path == NULL && optind == argc)
		return tool_usage(argv[0], "a domain or address is missing");
	style_detect(stdout, &check.style);
	status = batch_run(&check.batch, argc, argv, path);
	resolve_free(&check.resolve);
	return status;
}

/* --- parse --------------------------------------------------------------- */

/* Shows how the filter reads envelope recipients. */
int
tool_parse(struct tool_options *options, int argc, char **argv)
{
	struct address address;

	if (tool_getopt(options, argc, argv, NULL) == TOOL_OPTION_STOP)
		return options->status;
	if (optind == argc)
		return tool_usage(argv[0], "an address is missing");
	for (; optind < argc; optind++) {
		const char *arg = argv[optind];
		const char *class;

		address_parse((const uint8_t *)arg, strlen(arg), idn_to_ascii,
		    &address);
		class = address_class_name(address.class);
		if (options->json) {
			if (!output_line(json_pack("{s:o,s:s,s:s}", "arg",
				output_string(arg, strlen(arg)), "class", class,
				"domain", address.domain)))
				return TOOL_INTERNAL;
			continue;
		}
		/* The argument comes last, as it can hold blanks. */
		printf("%s %s ", class,
		    address.domain[0] != '\0' ? address.domain : "-");
		text_print(stdout, arg, strlen(arg));
		putchar('\n');
	}
	return TOOL_OK;
}
