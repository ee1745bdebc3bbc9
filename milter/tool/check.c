/*
 * dane-sts check: what the filter would do now, and why. dane-sts tls: what the
 * maps of policy_socket would answer now, as `postmap -q` prints it. dane-sts
 * parse: how the filter reads an address.
 */
#include "autoconf.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
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

#define DEADLINE_MAX_MS 3600000

enum {
	OPTION_DEADLINE = 256,
	OPTION_MAP
};

/* clang-format off */
const struct option check_options[] = {
    {"deadline", required_argument, NULL, OPTION_DEADLINE},
    {"file", required_argument, NULL, 'f'},
    {0},
};

const struct option tls_options[] = {
    {"deadline", required_argument, NULL, OPTION_DEADLINE},
    {"file", required_argument, NULL, 'f'},
    {"map", required_argument, NULL, OPTION_MAP},
    {0},
};
/* clang-format on */

/* Takes the options and works on the names. map: the value of --map; NULL:
 * that option is not known. */
static int
run_batch(struct batch *batch, struct tool_options *options, int argc,
    char **argv, const struct tls_map **map, const char *missing)
{
	const struct option *rows = map != NULL ? tls_options : check_options;
	const char *path = NULL;
	int64_t ms;
	int found;

	batch->options = options;
	while ((found = tool_getopt(options, argc, argv, rows)) >= 0) {
		if (found == 'f') {
			path = optarg;
		} else if (found == OPTION_DEADLINE) {
			if (config_parse_duration(optarg, &ms) != 0 ||
			    ms <= 0 || ms > DEADLINE_MAX_MS)
				return tool_usage(argv[0],
				    "\"%s\" is not a time such as 10s", optarg);
			batch->patience_ms = (uint64_t)ms;
		} else {
			*map = tls_map_find(optarg, strlen(optarg));
			if (*map == NULL)
				return tool_usage(argv[0],
				    "\"%s\" is not one of %s", optarg,
				    tls_map_names());
		}
	}
	if (found == TOOL_OPTION_STOP)
		return options->status;
	if (path == NULL && optind == argc)
		return tool_usage(argv[0], "%s is missing", missing);
	batch->several = path != NULL || argc - optind > 1;
	return batch_run(batch, argc, argv, path);
}

/* --- check --------------------------------------------------------------- */

struct check {
	struct batch batch; /* first: a batch is its check */
	struct tree_style style;
	struct resolve *resolve; /* NULL: not needed yet */
};

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
		line = facts_json_write(facts, verdict, (int64_t)query->ms,
		    kind, answer);
	if (line != NULL) {
		puts(line);
	} else if (answer == NULL || check->batch.options->json)
		status = tool_no_memory();
	else {
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

int
tool_check(struct tool_options *options, int argc, char **argv)
{
	struct check check = {
	    .batch = {.read = query_read, .tell = tell_query},
	};
	int status;

	style_detect(stdout, &check.style);
	status = run_batch(&check.batch, options, argc, argv, NULL,
	    "a domain or address");
	resolve_free(&check.resolve);
	return status;
}

/* --- tls ----------------------------------------------------------------- */

struct tls {
	struct batch batch; /* first: a batch is its tls */
	const struct tls_map *map;
};

/* An answer of the map, in the parts that JSON has. */
struct server_reply {
	enum tls_policy_kind kind;
	const char *reason; /* NULL: no domain was judged */
	bool monitor;
	char *text; /* NULL: no memory */
};

static enum scope_key
read_key(const struct tls *tls, const char *name, struct scope *scope)
{
	return scope_read_key(&tls->batch.session.config.scope,
	    (const uint8_t *)name, strlen(name), idn_to_ascii, clock_wall_s(),
	    scope);
}

static void
read_next_hop(struct batch *batch, struct query *query, const char *name)
{
	struct scope scope;

	query_read(batch, query, name);
	query->asked =
	    read_key((struct tls *)batch, name, &scope) == SCOPE_KEY_NEXT_HOP &&
	    scope.kind == SCOPE_ASK;
	query->target = scope.target;
}

static void
answer_engine(struct tls *tls, const struct query *query,
    struct server_reply *out)
{
	const struct config *config = &tls->batch.session.config;
	struct tls_rules rules = config_tls_rules(config, tls->map);
	struct facts facts;
	struct verdict verdict;

	if (query->answer == NULL)
		return;
	batch_judge(&tls->batch, query, &facts, &verdict);
	out->reason = reason_name(verdict.reason);
	out->monitor = config_only_watches(config, query->target.domain);
	out->text =
	    tls_answer(&facts, &verdict, &rules, tls->map->dialect, &out->kind);
}

/* As front/tls_lookup.c answers, monitor mode and exemptions included. */
static void
answer(struct tls *tls, const struct query *query, struct server_reply *out)
{
	const struct config *config = &tls->batch.session.config;
	struct scope scope;

	*out = (struct server_reply){.kind = TLS_POLICY_NONE};
	if (query->asked) {
		answer_engine(tls, query, out);
	} else if (read_key(tls, query->name, &scope) == SCOPE_KEY_UNREADABLE) {
		out->kind = TLS_POLICY_DEFER;
		out->monitor = config_only_watches(config, "");
		out->text = strdup("TEMP " SCOPE_UNREADABLE_KEY);
	} else {
		if (scope.reason != REASON_NO_DOMAIN)
			out->reason = reason_name(scope.reason);
		out->text = strdup("NOTFOUND ");
	}
	if (out->text != NULL && out->monitor) {
		out->kind = TLS_POLICY_NONE;
		free(out->text);
		out->text = strdup("NOTFOUND ");
	}
}

static bool
print_json(const struct tls *tls, const struct query *query,
    const struct server_reply *reply)
{
	const char *text = reply->text;
	int len = (int)strcspn(text, " ");
	json_t *json = json_pack("{s:o,s:s,s:s,s:s%,s:s,s:s,s:s}", "nexthop",
	    output_string(query->name, strlen(query->name)), "map",
	    tls->map->name, "level", tls_policy_name(reply->kind), "status",
	    text, len, "answer", text + len + 1, "reason",
	    reply->reason != NULL ? reply->reason : "", "mode",
	    reply->monitor ? "monitor" : "enforce");

	return output_line(json);
}

static int
tell_answer(struct batch *batch, const struct query *query)
{
	struct tls *tls = (struct tls *)batch;
	struct server_reply reply;
	bool deferred, found;
	int status;

	answer(tls, query, &reply);
	if (reply.text == NULL) {
		tool_warn("%s: out of memory", query->name);
		return TOOL_INTERNAL;
	}
	deferred = strncmp(reply.text, "TEMP ", 5) == 0;
	found = strncmp(reply.text, "OK ", 3) == 0;
	status = deferred ? TOOL_UNKNOWN : found ? TOOL_OK : TOOL_NO;
	if (batch->options->json) {
		if (!print_json(tls, query, &reply))
			status = TOOL_INTERNAL;
	} else if (deferred) {
		tool_warn("%s: a temporary error, the mail waits: %s",
		    query->name, reply.text + 5);
	} else if (found) {
		/* Nothing is on stdout where postmap prints nothing. */
		if (batch->several)
			printf("%s\t", query->name);
		puts(reply.text + 3);
	}
	free(reply.text);
	return status;
}

int
tool_tls(struct tool_options *options, int argc, char **argv)
{
	struct tls tls = {
	    .batch = {.read = read_next_hop, .tell = tell_answer},
	    .map = tls_map_find("postfix", strlen("postfix")),
	};

	return run_batch(&tls.batch, options, argc, argv, &tls.map,
	    "a next hop");
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
