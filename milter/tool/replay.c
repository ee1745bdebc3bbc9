/*
 * dane-sts replay: recorded facts through the same decide(), without a
 * lookup. The input is one object or several, each on one line or many.
 */
#include "autoconf.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/config.h"
#include "core/decide.h"
#include "text/facts_json.h"
#include "tool/input.h"
#include "tool/tool.h"

#define REPLAY_FILE_MAX (256U << 20) /* octets */

/* Only to find the end of an object: what it holds is read afterwards. */
#define SPLIT_FLAGS (JSON_DISABLE_EOF_CHECK | JSON_DECODE_INT_AS_REAL)

/* The decision options of dane-sts-milter.conf(5) on the command line, where
 * they override the configuration: --hosts any, --tlsa required and so on. */

/* X(option, member of struct rules, words in the order of its enum) */
/* clang-format off */
#define RULE_OPTION_TABLE(X)                                                   \
	X("hosts", hosts, "all, any")                                          \
	X("tlsa", tlsa, "checked, required, ignored")                          \
	X("mx-patterns", mx_patterns, "ignore, enforce")                       \
	X("on-discovery-failure", on_discovery_failure, "pass, tempfail")      \
	X("on-bogus-discovery", on_bogus_discovery, "pass, tempfail")          \
	X("on-resolver-failure", on_resolver_failure, "pass, tempfail")        \
	X("action", action, "tempfail, reject, quarantine")
/* clang-format on */

enum {
	RULE_OPTION_BEFORE = 255,
#define X(option, member, words) RULE_OPTION_##member,
	RULE_OPTION_TABLE(X)
#undef X
};

/* clang-format off */
const struct option replay_options[] = {
#define X(option, member, words)                                               \
	{option, required_argument, NULL, RULE_OPTION_##member},
	RULE_OPTION_TABLE(X)
#undef X
	{NULL, 0, NULL, 0}
};
/* clang-format on */

/* The chosen word of each option: its number from 1; 0: none. */
struct rule_choice {
#define X(option, member, words) unsigned member;
	RULE_OPTION_TABLE(X)
#undef X
};

struct replay {
	const char *path;
	struct rules rules;
	const char *at; /* what is not read yet */
	size_t len;
	size_t number; /* of the current object, from 1 */
	int status;
};

/* --- objects ------------------------------------------------------------- */

static void
advance(struct replay *replay, size_t n)
{
	replay->at += n;
	replay->len -= n;
}

static void
fail(struct replay *replay, int status, const char *why)
{
	tool_warn("%s: object %zu: %s", replay->path, replay->number, why);
	if (status > replay->status)
		replay->status = status;
}

static void
replay_object(struct replay *replay, size_t len)
{
	char error[FACTS_JSON_ERROR_SIZE];
	struct facts *facts;
	struct verdict verdict;
	char *line;
	int err = facts_json_read(replay->at, len, &facts, error);

	if (err != 0) {
		fail(replay, err == ERR_NOMEM ? TOOL_INTERNAL : TOOL_NO, error);
		return;
	}
	decide(facts, &replay->rules, DECIDE_FINAL, &verdict);
	line = facts_json_write(NULL, &verdict, -1, TLS_POLICY_NONE, NULL);
	if (line != NULL)
		puts(line);
	else
		fail(replay, TOOL_INTERNAL, err_text(ERR_NOMEM));
	free(line);
	free(facts);
}

static void
replay_next(struct replay *replay)
{
	json_error_t error;
	json_t *json = json_loadb(replay->at, replay->len, SPLIT_FLAGS, &error);
	const char *end;

	replay->number++;
	if (json != NULL) {
		json_decref(json);
		replay_object(replay, (size_t)error.position);
		advance(replay, (size_t)error.position);
		return;
	}
	fail(replay, TOOL_NO, error.text);
	/* Go on with the next line that could begin an object. */
	do {
		end = memchr(replay->at, '\n', replay->len);
		advance(replay,
		    end == NULL ? replay->len : (size_t)(end - replay->at) + 1);
	} while (replay->len > 0 && *replay->at != '{');
}

static int
replay_file(struct replay *replay)
{
	uint8_t *octets;
	int err =
	    input_read(replay->path, REPLAY_FILE_MAX, &octets, &replay->len);

	if (err != 0) {
		if (err != ERR_IO) /* that was reported */
			tool_warn("%s: %s", replay->path, err_text(err));
		return err == ERR_NOMEM ? TOOL_INTERNAL : TOOL_NO_INPUT;
	}
	replay->at = (const char *)octets;
	while (replay->len > 0) {
		if (memchr(" \t\r\n", *replay->at, 4) != NULL)
			advance(replay, 1);
		else
			replay_next(replay);
	}
	free(octets);
	return replay->status;
}

/* --- the command --------------------------------------------------------- */

/* NULL and the number of the word, or the words that are known. */
static const char *
choose(unsigned *number, const char *words, const char *word)
{
	const char *at = words;
	size_t len = strlen(word);

	for (*number = 1;; ++*number) {
		size_t n = strcspn(at, ",");

		if (n == len && memcmp(at, word, n) == 0)
			return NULL;
		if (at[n] == '\0')
			return words;
		at += n + strlen(", ");
	}
}

static int
parse_options(struct tool_options *options, int argc, char **argv,
    struct rule_choice *choice)
{
	const char *known = NULL;
	int val = TOOL_OPTION_END;

	while (known == NULL &&
	    (val = tool_getopt(options, argc, argv, replay_options)) >= 0)
		switch (val) {
#define X(option, member, words)                                \
	case RULE_OPTION_##member:                              \
		known = choose(&choice->member, words, optarg); \
		break;
			RULE_OPTION_TABLE(X)
#undef X
		}
	if (val == TOOL_OPTION_STOP)
		return TOOL_OPTION_STOP;
	if (known == NULL && argc - optind == 1)
		return TOOL_OPTION_END;
	options->status = known != NULL
	    ? tool_usage(argv[0], "%s is not one of %s", optarg, known)
	    : tool_usage(argv[0], "one file is needed");
	return TOOL_OPTION_STOP;
}

int
tool_replay(struct tool_options *options, int argc, char **argv)
{
	struct rule_choice choice = {0};
	struct replay replay = {.status = TOOL_OK};
	struct config *config;

	if (parse_options(options, argc, argv, &choice) == TOOL_OPTION_STOP)
		return options->status;
	replay.path = argv[optind];
	config = tool_config(options);
	if (config == NULL)
		return TOOL_CONFIG;
	replay.rules = config->rules;
	config_free(&config);
#define X(option, member, words) \
	if (choice.member != 0)  \
		replay.rules.member = choice.member - 1;
	RULE_OPTION_TABLE(X)
#undef X
	return replay_file(&replay);
}
