/*
 * What an MTA sends to the socketmap server: netstrings, the map's name and
 * the next hop in them, and the answer that is made. The engine is played: a
 * digit in the domain says what it finds.
 *
 *	first octet	where the stream is cut, as it may come
 */
#include "autoconf.h"

#include <stdbool.h>
#include <string.h>

#include "base/name.h"
#include "base/text.h"
#include "config/config.h"
#include "config/snapshot.h"
#include "core/decide.h"
#include "engine/ask.h"
#include "front/tls_lookup.h"
#include "fuzz.h"

#define REQUEST_MAX 512 /* so that inputs can be longer */

/* --- the engine that is played --- */

static const char *const patterns[] = {"mx.example.org", "*.example.net"};

static const struct fact_policy policies[] = {
    {"1", 0, 86400, POLICY_MODE_ENFORCE, true,  2, patterns},
    {"2", 0, 86400, POLICY_MODE_NONE,    true,  0, NULL    },
    {"3", 0, 86400, POLICY_MODE_ENFORCE, false, 2, patterns},
    {"4", 0, 86400, POLICY_MODE_TESTING, false, 2, patterns},
};
#define POLICIES_COUNT (sizeof(policies) / sizeof(*policies))

static void
check_target(const struct target *target)
{
	char canon[NAME_SIZE];

	MUST(name_canon((const uint8_t *)target->domain, strlen(target->domain),
		 canon) == 0);
	MUST(strcmp(canon, target->domain) == 0);
}

void
ask(struct engine *engine, const struct ask_options *options)
{
	const struct target *target = options->target;
	const struct rules rules = {.on_resolver_failure = RULE_TEMPFAIL};
	const char *digit = strpbrk(target->domain, "0123456789");
	unsigned n = digit != NULL ? (unsigned)(*digit - '0') : 9;
	const struct fact_rrset secure = {FACT_SECURE, ANSWER_RECORDS, NULL};
	const struct fact_host host = {
	    .name = target->domain,
	    .a = secure,
	    .aaaa = secure,
	    .tlsa = secure,
	    .tlsa_usable = n % 2 == 0,
	};
	struct facts facts = {
	    .recipient = {.class = ADDRESS_DOMAIN, .domain = target->domain},
	    .no_mx = target->no_mx,
	    .port = target->port,
	    .txt_state = TXT_NONE,
	    .stored = n < 8 ? &policies[n % POLICIES_COUNT] : NULL,
	    .mx = secure,
	    .n_hosts = 1,
	    .hosts = &host,
	};
	struct answer answer = {.delivery = true, .facts = &facts};

	(void)engine;
	check_target(target);
	if (n == 7)
		facts.mx.status = FACT_BOGUS;
	(void)decide(&facts, &rules, DECIDE_FINAL, &answer.verdict);
	options->done(options->arg, n != 8 ? &answer : NULL, false);
}

/* --- requests --- */

struct question {
	struct tls_lookup lookup; /* first */
	unsigned answers;
};

/* In words that both MTAs know, on one line. */
static void
check_answer(const char *answer)
{
	MUST(strncmp(answer, "OK ", 3) == 0 ||
	    strcmp(answer, "NOTFOUND ") == 0 ||
	    strncmp(answer, "TEMP ", 5) == 0);
	MUST(strlen(answer) <= TLS_ANSWER_MAX);
	for (; *answer != '\0'; answer++)
		MUST(*answer >= ' ' && *answer <= '~');
}

static void
answered(struct tls_lookup *lookup, char *answer)
{
	struct question *question = (struct question *)(void *)lookup;

	question->answers++;
	MUST(answer != NULL);
	check_answer(answer);
	free(answer);
}

static struct snapshots *
open_snapshots(void)
{
	char error[CONFIG_ERROR_SIZE];
	struct config *config = config_load(NULL, error);
	struct snapshot *first = config != NULL ? snapshot_new(config) : NULL;
	struct snapshots *all = first != NULL ? snapshots_new(first) : NULL;

	MUST(all != NULL);
	return all;
}

static void
ask_frame(const struct netstring *frame)
{
	static struct snapshots *snapshots;
	static struct tls_counters counters;
	const uint8_t *space =
	    frame->len > 0 ? memchr(frame->data, ' ', frame->len) : NULL;
	struct tls_parts parts = {.counters = &counters};
	struct question question = {
	    .lookup = {.parts = &parts, .done = answered},
	};
	size_t map_len;

	if (snapshots == NULL)
		snapshots = open_snapshots();
	parts.snapshots = snapshots;
	if (space == NULL)
		return;
	map_len = (size_t)(space - frame->data);
	question.lookup.map = tls_map_find((const char *)frame->data, map_len);
	if (question.lookup.map == NULL)
		return;
	tls_lookup_start(&question.lookup, space + 1, frame->len - map_len - 1);
	MUST(question.answers == 1);
}

/* --- frames --- */

/* One form for each, and nothing of it missing. */
static void
check_frame(const struct netstring *frame, const uint8_t *octets, size_t len)
{
	char head[NETSTRING_HEAD_MAX];
	size_t head_len = netstring_head(frame->len, head);

	MUST(frame->len <= REQUEST_MAX && frame->whole <= len);
	MUST(frame->data == octets + head_len);
	MUST(memcmp(octets, head, head_len) == 0);
	MUST(frame->whole == head_len + frame->len + 1);
	MUST(octets[frame->whole - 1] == ',');
}

/* What has come so far of something whole is a part of it; what is bad stays
 * bad. */
static void
check_cut(enum netstring_state state, const struct netstring *frame,
    const uint8_t *octets, size_t len, size_t cut)
{
	struct netstring unused;
	enum netstring_state part =
	    netstring_parse(octets, cut, REQUEST_MAX, &unused);

	if (part == NETSTRING_BAD)
		MUST(state == NETSTRING_BAD);
	if (state == NETSTRING_WHOLE)
		MUST(part ==
		    (cut < frame->whole ? NETSTRING_PART : NETSTRING_WHOLE));
	if (state == NETSTRING_PART)
		MUST(part == NETSTRING_PART);
	MUST(cut <= len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *at = data + 1;
	size_t left = size - 1;
	enum netstring_state state = NETSTRING_WHOLE;
	struct netstring frame;

	if (size == 0)
		return 0;
	while (left > 0 && state == NETSTRING_WHOLE) {
		state = netstring_parse(at, left, REQUEST_MAX, &frame);
		check_cut(state, &frame, at, left, left * data[0] / 256);
		if (state != NETSTRING_WHOLE)
			break;
		check_frame(&frame, at, left);
		ask_frame(&frame);
		at += frame.whole;
		left -= frame.whole;
	}
	return 0;
}
