#include "autoconf.h"

#include "front/api.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/idn.h"
#include "config/config.h"
#include "config/snapshot.h"
#include "core/decide.h"
#include "core/scope.h"
#include "core/tls_policy.h"
#include "engine/ask.h"
#include "engine/loop.h"
#include "text/facts_json.h"

#define NAME_MAX_OCTETS 1024
#define ERROR_SIZE      256

struct api_question {
	struct loop_task task; /* first: a task is its question */
	TAILQ_ENTRY(api_question) link;
	struct api *api;
	struct http_client *client;
	struct target target;
	uint64_t start_ms;
	const struct answer *answer; /* NULL when answered: no memory */
};

struct api {
	struct engine *engine;
	struct loop *loop;
	struct snapshots *snapshots;
	TAILQ_HEAD(, api_question) under_way;
	size_t n_under_way;
};

/* --- answers --- */

void
api_error(struct http_client *client, unsigned status, const char *words)
{
	struct http_answer answer = {.status = status, .type = API_TYPE};
	char text[ERROR_SIZE];

	(void)snprintf(text, sizeof(text), "{\"error\":\"%s\"}\n", words);
	answer.body = text;
	answer.len = strlen(text);
	http_answer(client, &answer);
}

void
api_answer(struct http_client *client, char *text)
{
	struct http_answer answer = {.status = 200, .type = API_TYPE};
	size_t len = text != NULL ? strlen(text) : 0;
	char *line = text != NULL ? realloc(text, len + 2) : NULL;

	if (line == NULL) {
		free(text);
		api_error(client, 500, "out of memory");
		return;
	}
	memcpy(line + len, "\n", 2);
	answer.body = line;
	answer.len = len + 1;
	http_answer(client, &answer);
	free(line);
}

/* As the map "postfix" answers: a domain that is only watched is not found. */
static char *
write_answer(const struct api_question *question)
{
	const struct answer *answer = question->answer;
	struct snapshot *snapshot = snapshot_acquire(question->api->snapshots);
	const struct config *config = snapshot->config;
	const struct tls_map *map = tls_map_find("postfix", strlen("postfix"));
	struct tls_rules rules = config_tls_rules(config, map);
	bool monitor = config_only_watches(config, question->target.domain);
	enum tls_policy_kind kind;
	char *tls, *text = NULL;

	snapshot_release(&snapshot);
	tls = tls_answer(answer->facts, &answer->verdict, &rules, map->dialect,
	    &kind);
	if (tls != NULL)
		text = facts_json_write_tls(answer->facts, &answer->verdict,
		    (int64_t)(clock_mono_ms() - question->start_ms),
		    monitor ? TLS_POLICY_NONE : kind,
		    monitor ? "NOTFOUND " : tls);
	free(tls);
	return text;
}

/* Without a lookup: no domain, a literal, an exemption. */
static void
answer_passed(struct http_client *client, const struct scope *scope)
{
	struct facts facts = {
	    .recipient = {.class = scope->class,
			  .domain = scope->target.domain},
	};
	struct verdict verdict = {
	    .kind = VERDICT_PASS,
	    .reason = scope->reason,
	    .policy_known = true,
	};

	api_answer(client,
	    facts_json_write_tls(&facts, &verdict, 0, TLS_POLICY_NONE,
		"NOTFOUND "));
}

/* --- the engine's answer --- */

static void
question_free(struct api_question *question)
{
	TAILQ_REMOVE(&question->api->under_way, question, link);
	question->api->n_under_way--;
	answer_unref(&question->answer);
	free(question);
}

static void
take_answer(struct loop_task *task)
{
	struct api_question *question = (struct api_question *)task;

	if (question->answer != NULL)
		api_answer(question->client, write_answer(question));
	else
		api_error(question->client, 500, "out of memory");
	question_free(question);
}

/* On a loop of the engine's, or inside ask(). */
static void
answered(void *arg, const struct answer *answer, bool cached)
{
	struct api_question *question = arg;

	(void)cached;
	if (answer != NULL)
		question->answer = answer_ref(answer);
	question->task.run = take_answer;
	loop_post(question->api->loop, &question->task);
}

/* --- the question --- */

static void
ask_engine(struct api *api, const struct target *target, uint64_t patience_ms,
    struct http_client *client)
{
	struct api_question *question;

	if (api->n_under_way >= API_UNDER_WAY) {
		api_error(client, 503, "too many questions at a time");
		return;
	}
	question = calloc(1, sizeof(*question));
	if (question == NULL) {
		api_error(client, 500, "out of memory");
		return;
	}
	question->api = api;
	question->client = client;
	question->target = *target;
	question->start_ms = clock_mono_ms();
	TAILQ_INSERT_TAIL(&api->under_way, question, link);
	api->n_under_way++;
	ask(api->engine,
	    &(struct ask_options){
		.what = ASK_DELIVERY,
		.target = target,
		.deadline_ms = question->start_ms + patience_ms,
		.done = answered,
		.arg = question,
	    });
}

void
api_domain(struct api *api, const struct http_request *request,
    const struct http_text *name, struct http_client *client)
{
	char key[NAME_MAX_OCTETS + 1];
	struct snapshot *snapshot;
	struct scope scope;
	enum scope_key kind;
	uint64_t patience_ms;

	if (http_is_of_other_site(request)) {
		api_error(client, 403, API_OTHER_SITE);
		return;
	}
	if (!http_path_decode(name, key, sizeof(key))) {
		api_error(client, 400, "no domain, or one that is too long");
		return;
	}
	snapshot = snapshot_acquire(api->snapshots);
	patience_ms = snapshot->config->deadline_ms;
	kind = scope_read_key(&snapshot->config->scope, (const uint8_t *)key,
	    strlen(key), idn_to_ascii, clock_wall_s(), &scope);
	if (kind != SCOPE_KEY_NEXT_HOP)
		api_error(client, 400, "no domain, and no other next hop");
	else if (scope.kind == SCOPE_PASS)
		answer_passed(client, &scope);
	else
		ask_engine(api, &scope.target, patience_ms, client);
	snapshot_release(&snapshot);
}

/* --- life --- */

struct api *
api_new(struct engine *engine, struct loop *loop, struct snapshots *snapshots)
{
	struct api *api = calloc(1, sizeof(*api));

	if (api == NULL)
		return NULL;
	api->engine = engine;
	api->loop = loop;
	api->snapshots = snapshots;
	TAILQ_INIT(&api->under_way);
	return api;
}

void
api_free(struct api **api)
{
	struct api_question *question;

	if (*api == NULL)
		return;
	/* Those answered after the loop had stopped. */
	while ((question = TAILQ_FIRST(&(*api)->under_way)) != NULL)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): taken out */
		question_free(question);
	free(*api);
	*api = NULL;
}
