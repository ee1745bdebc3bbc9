/*
 * dane-sts tls: what the maps of policy_socket would answer now, and nothing
 * else; as `postmap -q` prints it.
 */
#include "autoconf.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/idn.h"
#include "config/config.h"
#include "core/tls_policy.h"
#include "tool/output.h"
#include "tool/session.h"
#include "tool/tool.h"

enum {
	OPTION_DEADLINE = 256,
	OPTION_MAP
};

static const struct option tls_options[] = {
    {"deadline",         required_argument, NULL, OPTION_DEADLINE},
    {"file",	      required_argument, NULL, 'f'},
    {"map",		  required_argument, NULL, OPTION_MAP},
    {0},
};

struct tls {
	struct batch batch; /* first: a batch is its tls */
	const struct tls_map *map;
	bool several; /* each line begins with the next hop */
};

/* An answer of the map, in the parts that JSON has. */
struct server_reply {
	enum tls_policy_kind kind;
	const char *reason; /* NULL: no domain was judged */
	bool monitor;
	char *text; /* NULL: no memory */
};

/* --- the answer ---------------------------------------------------------- */

static enum scope_key
read_key(const struct tls *tls, const char *name, struct scope *scope)
{
	return scope_read_key(&tls->batch.session.config.scope,
	    (const uint8_t *)name, strlen(name), idn_to_ascii, clock_wall_s(),
	    scope);
}

static void
read_query(struct batch *batch, struct query *query, const char *name)
{
	struct scope scope;

	query_read(query, &batch->session, name);
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

/* --- printing ------------------------------------------------------------ */

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
tell_query(struct batch *batch, const struct query *query)
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
		if (tls->several)
			printf("%s\t", query->name);
		puts(reply.text + 3);
	}
	free(reply.text);
	return status;
}

/* --- the command --------------------------------------------------------- */

int
tool_tls(struct tool_options *options, int argc, char **argv)
{
	struct tls tls = {
	    .batch = {.options = options,
		      .read = read_query,
		      .tell = tell_query},
	    .map = tls_map_find("postfix", strlen("postfix")),
	};
	const char *path = NULL;
	int found, status = TOOL_OK;

	while (status == TOOL_OK &&
	    (found = tool_getopt(options, argc, argv, tls_options)) >= 0) {
		if (found == 'f')
			path = optarg;
		else if (found == OPTION_DEADLINE)
			status =
			    batch_take_deadline(&tls.batch, argv[0], optarg);
		else if ((tls.map = tls_map_find(optarg, strlen(optarg))) ==
		    NULL)
			status = tool_usage(argv[0], "\"%s\" is not one of %s",
			    optarg, tls_map_names());
	}
	if (status != TOOL_OK)
		return status;
	if (found == TOOL_OPTION_STOP)
		return options->status;
	if (path == NULL && optind == argc)
		return tool_usage(argv[0], "a next hop is missing");
	tls.several = path != NULL || argc - optind > 1;
	return batch_run(&tls.batch, argc, argv, path);
}
