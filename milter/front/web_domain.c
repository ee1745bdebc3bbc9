#include "autoconf.h"

#include "front/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/clock.h"
#include "base/idn.h"
#include "config/config.h"
#include "config/snapshot.h"
#include "core/address.h"
#include "core/decide.h"
#include "core/scope.h"
#include "core/tls_policy.h"
#include "text/facts_json.h"
#include "text/html.h"

#define NAME_MAX_OCTETS 1024
#define ASKED_SIZE      512

struct question {
	TAILQ_ENTRY(question) link;
	struct web_domain *domain;
	struct http_request *request;
	http_handler_fn *finish;
	struct target target;
	char asked[ASKED_SIZE]; /* of /check: as it was typed */
	uint64_t start_ms;
	const struct answer *answer; /* NULL when answered: no memory */
};

struct web_domain {
	struct engine *engine;
	struct snapshots *snapshots;
	TAILQ_HEAD(, question) under_way;
	size_t n_under_way; /* of /api/v1/domain */
	bool checking;
	uint64_t next_check_ms; /* no question of /check before */
};

/* --- answers --- */

void
web_error(struct http_request *request, unsigned status, const char *words)
{
	char *text = NULL;
	int len = asprintf(&text, "{\"error\":\"%s\"}\n", words);

	http_answer(request, status, WEB_TYPE_JSON, len >= 0 ? text : NULL,
	    (size_t)len);
}

void
web_answer_json(struct http_request *request, char *json)
{
	size_t len = json != NULL ? strlen(json) : 0;
	char *line = json != NULL ? realloc(json, len + 2) : NULL;

	if (line == NULL) {
		free(json);
		web_error(request, 500, "out of memory");
		return;
	}
	memcpy(line + len, "\n", 2);
	http_answer(request, 200, WEB_TYPE_JSON, line, len + 1);
}

/* See page_write_check(). */
static void
answer_page(struct http_request *request, unsigned status, const char *asked,
    const struct answer *found, const char *tls, const char *problem)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (out != NULL) {
		page_write_check(out, asked, found, tls, problem);
		(void)fclose(out);
	}
	http_answer(request, status, HTML_TYPE, text, len);
}

/* --- the engine's answer --- */

static void
question_free(struct question *question)
{
	TAILQ_REMOVE(&question->domain->under_way, question, link);
	answer_unref(&question->answer);
	free(question);
}

/* The answer of the map "postfix". NULL: no memory. */
static char *
answer_at_delivery(const struct question *question, enum tls_policy_kind *kind)
{
	struct snapshot *snapshot =
	    snapshot_acquire(question->domain->snapshots);
	const struct tls_map *map = tls_map_find("postfix", strlen("postfix"));
	struct tls_rules rules = config_tls_rules(snapshot->config, map);
	const struct answer *answer = question->answer;

	snapshot_release(&snapshot);
	return tls_answer(answer->facts, &answer->verdict, &rules, map->dialect,
	    kind);
}

static void
finish_check(void *arg, struct http_request *request)
{
	struct question *question = arg;
	enum tls_policy_kind kind = TLS_POLICY_NONE;
	char *tls = NULL;

	question->domain->checking = false;
	if (question->answer != NULL)
		tls = answer_at_delivery(question, &kind);
	if (tls != NULL)
		answer_page(request, 200, question->asked, question->answer,
		    tls, NULL);
	else
		answer_page(request, 500, question->asked, NULL, NULL,
		    "Out of memory.");
	free(tls);
	question_free(question);
}

/* A domain in monitor mode gets the answer "not found", as from the map. */
static void
finish_json(void *arg, struct http_request *request)
{
	struct question *question = arg;
	const struct answer *answer = question->answer;
	struct snapshot *snapshot =
	    snapshot_acquire(question->domain->snapshots);
	bool monitor =
	    config_only_watches(snapshot->config, question->target.domain);
	enum tls_policy_kind kind = TLS_POLICY_NONE;
	char *tls = NULL, *json = NULL;

	snapshot_release(&snapshot);
	question->domain->n_under_way--;
	if (answer != NULL)
		tls = answer_at_delivery(question, &kind);
	if (tls != NULL)
		json = facts_json_write(answer->facts, &answer->verdict,
		    (int64_t)(clock_mono_ms() - question->start_ms),
		    monitor ? TLS_POLICY_NONE : kind,
		    monitor ? "NOTFOUND " : tls);
	free(tls);
	web_answer_json(request, json);
	question_free(question);
}

/* On a loop of the engine's, or inside ask(). */
static void
answered(void *arg, const struct answer *answer, bool cached)
{
	struct question *question = arg;

	(void)cached;
	if (answer != NULL)
		question->answer = answer_ref(answer);
	http_resume(question->request, question->finish, question);
}

/* --- questions --- */

/* Asks the engine; finish answers the request. asked: what was typed, shorter
 * than ASKED_SIZE. options->deadline_ms: from now on. False: no memory. */
static bool
put_question(struct web_domain *domain, struct http_request *request,
    const char *asked, const struct ask_options *options,
    http_handler_fn *finish)
{
	struct question *question = calloc(1, sizeof(*question));
	struct ask_options own = *options;

	if (question == NULL)
		return false;
	question->domain = domain;
	question->request = request;
	question->finish = finish;
	question->target = *options->target;
	memcpy(question->asked, asked, strlen(asked) + 1);
	question->start_ms = clock_mono_ms();
	TAILQ_INSERT_TAIL(&domain->under_way, question, link);
	own.target = &question->target;
	own.deadline_ms += question->start_ms;
	own.done = answered;
	own.arg = question;
	ask(domain->engine, &own);
	return true;
}

/* Takes a domain, or an address for the domain in it. */
static bool
read_domain(const char *asked, struct target *target)
{
	const uint8_t *octets = (const uint8_t *)asked;
	struct address address;

	*target = (struct target){.port = SCOPE_PORT_SMTP};
	if (strchr(asked, '@') == NULL)
		return address_domain(octets, strlen(asked), idn_to_ascii,
			   target->domain) == 0;
	address_parse(octets, strlen(asked), idn_to_ascii, &address);
	if (address.class != ADDRESS_DOMAIN)
		return false;
	memcpy(target->domain, address.domain, sizeof(target->domain));
	return true;
}

void
web_domain_check(struct web_domain *domain, struct http_request *request)
{
	const char *asked = http_query(request, "domain");
	struct target target;
	const struct ask_options options = {
	    .what = ASK_EVIDENCE,
	    .target = &target,
	    .deadline_ms = WEB_CHECK_WAIT_MS,
	};

	if (asked == NULL) {
		answer_page(request, 200, "", NULL, NULL, NULL);
	} else if (request->other_site) {
		answer_page(request, 403, "", NULL, NULL,
		    "A page of another site has sent you here.");
	} else if (strlen(asked) >= ASKED_SIZE) {
		answer_page(request, 400, "", NULL, NULL,
		    "This domain is too long.");
	} else if (!read_domain(asked, &target)) {
		answer_page(request, 400, asked, NULL, NULL,
		    "This is not a domain.");
	} else if (domain->checking ||
	    clock_mono_ms() < domain->next_check_ms) {
		answer_page(request, 429, asked, NULL, NULL,
		    "Another domain is being checked: try again in a moment.");
	} else {
		domain->checking = true;
		domain->next_check_ms = clock_mono_ms() + WEB_CHECK_PAUSE_MS;
		if (put_question(domain, request, asked, &options,
			finish_check))
			return;
		domain->checking = false;
		answer_page(request, 500, asked, NULL, NULL, "Out of memory.");
	}
}

/* Answers where no lookup is needed: no domain, a literal, an exemption. */
static void
answer_passed(struct http_request *request, const struct scope *scope)
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

	web_answer_json(request,
	    facts_json_write(&facts, &verdict, 0, TLS_POLICY_NONE,
		"NOTFOUND "));
}

void
web_domain_json(struct web_domain *domain, struct http_request *request,
    const char *name)
{
	const size_t len = strlen(name);
	struct snapshot *snapshot;
	struct scope scope;
	enum scope_key kind;
	struct ask_options options = {
	    .what = ASK_DELIVERY,
	    .target = &scope.target,
	};

	if (request->other_site) {
		web_error(request, 403, "a page of another site asks");
		return;
	}
	if (len == 0 || len > NAME_MAX_OCTETS) {
		web_error(request, 400, "no domain, or one that is too long");
		return;
	}
	snapshot = snapshot_acquire(domain->snapshots);
	options.deadline_ms = snapshot->config->deadline_ms;
	kind = scope_read_key(&snapshot->config->scope, (const uint8_t *)name,
	    len, idn_to_ascii, clock_wall_s(), &scope);
	if (kind != SCOPE_KEY_NEXT_HOP) {
		web_error(request, 400, "no domain, and no other next hop");
	} else if (scope.kind == SCOPE_PASS) {
		answer_passed(request, &scope);
	} else if (domain->n_under_way >= WEB_DOMAIN_UNDER_WAY) {
		web_error(request, 503, "too many questions at a time");
	} else {
		domain->n_under_way++;
		if (!put_question(domain, request, "", &options, finish_json)) {
			domain->n_under_way--;
			web_error(request, 500, "out of memory");
		}
	}
	snapshot_release(&snapshot);
}

/* --- life --- */

struct web_domain *
web_domain_new(struct engine *engine, struct snapshots *snapshots)
{
	struct web_domain *domain = calloc(1, sizeof(*domain));

	if (domain == NULL)
		return NULL;
	domain->engine = engine;
	domain->snapshots = snapshots;
	TAILQ_INIT(&domain->under_way);
	return domain;
}

void
web_domain_free(struct web_domain **domain)
{
	struct question *question;

	if (*domain == NULL)
		return;
	/* Frees those that were answered after the server had stopped. */
	while ((question = TAILQ_FIRST(&(*domain)->under_way)) != NULL)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): taken out */
		question_free(question);
	free(*domain);
	*domain = NULL;
}
