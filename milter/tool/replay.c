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
#include "tool/rule_options.h"
#include "tool/tool.h"

#define REPLAY_FILE_MAX (256U << 20) /* octets */

/* Only to find the end of an object: what it holds is read afterwards. */
#define SPLIT_FLAGS (JSON_DISABLE_EOF_CHECK | JSON_DECODE_INT_AS_REAL)

struct replay {
	const char *path;
	struct rules rules;
	const char *at; /* what is not read yet */
	size_t len;
	size_t number; /* of the object at hand, from 1 */
	int status;
};

static void
advance(struct replay *replay, size_t n)
{
	replay->at += n;
	replay->len -= n;
}

static void
skip_blanks(struct replay *replay)
{
	while (replay->len > 0 && memchr(" \t\r\n", *replay->at, 4) != NULL)
		advance(replay, 1);
}

/* After what is no JSON: the next line that could begin an object. */
static void
skip_broken(struct replay *replay)
{
	const char *end;

	do {
		end = memchr(replay->at, '\n', replay->len);
		advance(replay,
		    end == NULL ? replay->len : (size_t)(end - replay->at) + 1);
	} while (replay->len > 0 && *replay->at != '{');
}

static void
keep_status(struct replay *replay, int status)
{
	if (status > replay->status)
		replay->status = status;
}

static void
refuse(struct replay *replay, const char *why)
{
	tool_warn("%s: object %zu: %s", replay->path, replay->number, why);
	keep_status(replay, TOOL_NO);
}

static void
judge(struct replay *replay, const struct facts *facts)
{
	struct verdict verdict;
	char *line;

	decide(facts, &replay->rules, DECIDE_FINAL, &verdict);
	line = facts_json_write(NULL, &verdict, -1);
	if (line == NULL) {
		tool_warn("%s", err_text(ERR_NOMEM));
		keep_status(replay, TOOL_INTERNAL);
		return;
	}
	puts(line);
	free(line);
}

static void
replay_object(struct replay *replay, size_t len)
{
	char error[FACTS_JSON_ERROR_SIZE];
	struct facts *facts;
	int err = facts_json_read(replay->at, len, &facts, error);

	if (err != 0) {
		refuse(replay, error);
		if (err == ERR_NOMEM)
			keep_status(replay, TOOL_INTERNAL);
		return;
	}
	judge(replay, facts);
	free(facts);
}

static void
replay_next(struct replay *replay)
{
	json_error_t error;
	json_t *json = json_loadb(replay->at, replay->len, SPLIT_FLAGS, &error);

	replay->number++;
	if (json == NULL) {
		refuse(replay, error.text);
		skip_broken(replay);
		return;
	}
	json_decref(json);
	replay_object(replay, (size_t)error.position);
	advance(replay, (size_t)error.position);
}

static int
replay_file(struct replay *replay)
{
	uint8_t *octets;
	int err =
	    input_read(replay->path, REPLAY_FILE_MAX, &octets, &replay->len);

	if (err != 0) {
		if (err != ERR_IO) /* that has been said */
			tool_warn("%s: %s", replay->path, err_text(err));
		return err == ERR_NOMEM ? TOOL_INTERNAL : TOOL_NO_INPUT;
	}
	replay->at = (const char *)octets;
	for (skip_blanks(replay); replay->len > 0; skip_blanks(replay))
		replay_next(replay);
	free(octets);
	return replay->status;
}

static int
parse_options(struct tool_options *options, int argc, char **argv,
    struct rule_choice *choice)
{
	int val;

	while ((val = tool_getopt(options, argc, argv, rule_options)) >= 0) {
		const char *known = rule_choice_take(choice, val, optarg);

		if (known == NULL)
			continue;
		options->status =
		    tool_usage(argv[0], "%s is not one of %s", optarg, known);
		return TOOL_OPTION_STOP;
	}
	if (val == TOOL_OPTION_END && argc - optind != 1) {
		options->status = tool_usage(argv[0], "one file is needed");
		return TOOL_OPTION_STOP;
	}
	return val;
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
	rule_choice_apply(&choice, &replay.rules);
	return replay_file(&replay);
}
