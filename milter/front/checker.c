#include "autoconf.h"

#include "front/checker.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/idn.h"
#include "config/config.h"
#include "config/snapshot.h"
#include "core/address.h"
#include "core/tls_policy.h"
#include "engine/ask.h"
#include "engine/loop.h"
#include "front/page.h"
#include "text/html.h"

#define ASKED_SIZE 512

struct checker {
	struct loop_task task; /* first: a task is its checker */
	struct engine *engine;
	struct loop *loop;
	struct snapshots *snapshots;
	uint64_t next_ms;           /* no question before */
	struct http_client *client; /* NULL: nobody waits */
	char asked[ASKED_SIZE];
	const struct answer *answer;
};

/* --- pages --- */

static void
say(struct http_client *client, unsigned status, const char *asked,
    const struct answer *found, const char *tls, const char *problem)
{
	struct http_answer answer = {.status = status, .type = HTML_TYPE};
	char *text = NULL;
	FILE *out = open_memstream(&text, &answer.len);

	if (out != NULL)
		page_write_check(out, asked, found, tls, problem);
	if (out == NULL || fclose(out) != 0) {
		http_answer_text(client, 500, "out of memory\n");
	} else {
		answer.body = text;
		answer.fields = html_policy_field;
		http_answer(client, &answer);
	}
	free(text);
}

static void
say_problem(struct http_client *client, unsigned status, const char *asked,
    const char *problem)
{
	say(client, status, asked, NULL, NULL, problem);
}

/* NULL: no memory. */
static char *
answer_at_delivery(const struct checker *checker, const struct answer *answer)
{
	struct snapshot *snapshot = snapshot_acquire(checker->snapshots);
	const struct tls_map *map = tls_map_find("postfix", strlen("postfix"));
	struct tls_rules rules = config_tls_rules(snapshot->config, map);
	enum tls_policy_kind kind;

	snapshot_release(&snapshot);
	return tls_answer(answer->facts, &answer->verdict, &rules, map->dialect,
	    &kind);
}

/* --- the engine's answer --- */

static void
take_answer(struct loop_task *task)
{
	struct checker *checker = (struct checker *)task;
	struct http_client *client = checker->client;
	const struct answer *answer = checker->answer;
	char *tls = NULL;

	checker->client = NULL;
	if (answer != NULL)
		tls = answer_at_delivery(checker, answer);
	if (tls != NULL)
		say(client, 200, checker->asked, answer, tls, NULL);
	else
		say_problem(client, 500, checker->asked, "Out of memory.");
	free(tls);
	answer_unref(&checker->answer);
}

/* On a loop of the engine's, or inside ask(). */
static void
answered(void *arg, const struct answer *answer, bool cached)
{
	struct checker *checker = arg;

	(void)cached;
	if (answer != NULL)
		checker->answer = answer_ref(answer);
	checker->task.run = take_answer;
	loop_post(checker->loop, &checker->task);
}

/* --- the question --- */

/* A domain, or an address for the domain in it. */
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

static void
ask_engine(struct checker *checker, struct http_client *client,
    const struct target *target)
{
	uint64_t now_ms = clock_mono_ms();

	checker->client = client;
	checker->next_ms = now_ms + CHECKER_PAUSE_MS;
	ask(checker->engine,
	    &(struct ask_options){
		.what = ASK_EVIDENCE,
		.target = target,
		.deadline_ms = now_ms + CHECKER_WAIT_MS,
		.done = answered,
		.arg = checker,
	    });
}

void
checker_handle(struct checker *checker, const struct http_request *request,
    struct http_client *client)
{
	char asked[ASKED_SIZE];
	struct target target;

	if (request->query.len == 0) {
		say_problem(client, 200, "", NULL);
	} else if (http_is_of_other_site(request)) {
		say_problem(client, 403, "",
		    "A page of another site has sent you here.");
	} else if (!http_query_field(&request->query, "domain", asked,
		       sizeof(asked))) {
		say_problem(client, 400, "",
		    "No domain was given, or one that is too long.");
	} else if (!read_domain(asked, &target)) {
		say_problem(client, 400, asked, "That is no domain.");
	} else if (checker->client != NULL ||
	    clock_mono_ms() < checker->next_ms) {
		say_problem(client, 429, asked,
		    "Another domain is being checked: try again in a moment.");
	} else {
		memcpy(checker->asked, asked, sizeof(asked));
		ask_engine(checker, client, &target);
	}
}

/* --- life --- */

struct checker *
checker_new(struct engine *engine, struct loop *loop,
    struct snapshots *snapshots)
{
	struct checker *checker = calloc(1, sizeof(*checker));

	if (checker == NULL)
		return NULL;
	checker->engine = engine;
	checker->loop = loop;
	checker->snapshots = snapshots;
	return checker;
}

void
checker_free(struct checker **checker)
{
	if (*checker == NULL)
		return;
	/* One that came after the loop had stopped. */
	answer_unref(&(*checker)->answer);
	free(*checker);
	*checker = NULL;
}
