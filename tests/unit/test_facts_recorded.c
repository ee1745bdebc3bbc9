/*
 * Facts that another version has recorded: what is not known is ignored or
 * named, what is not there was not looked up. The lines of check_v1.json are
 * what "dane-sts check --json" of version 0.1.0 said of domains of the lab; all
 * later ones read them.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "core/decide.h"
#include "paths.h"
#include "text/facts_json.h"
#include "world.h"

#define CHECK_V1 SRCDIR "/tests/unit/check_v1.json"

typedef void line_fn(json_t *recorded);

static void
each_recorded(line_fn *fn)
{
	FILE *in = fopen(CHECK_V1, "r");
	static char line[65536];
	unsigned n = 0;

	cr_assert_not_null(in, "%s", CHECK_V1);
	for (; fgets(line, sizeof(line), in) != NULL; n++) {
		json_t *recorded = json_loads(line, 0, NULL);

		cr_assert_not_null(recorded);
		fn(recorded);
		json_decref(recorded);
	}
	fclose(in);
	cr_expect_eq(n, 8);
}

static struct facts *
read_json(json_t *json)
{
	char *text = json_dumps(json, 0);
	char error[FACTS_JSON_ERROR_SIZE];
	struct facts *facts = NULL;

	cr_assert_eq(facts_json_read(text, strlen(text), &facts, error), 0,
	    "%s: %s", text, error);
	free(text);
	return facts;
}

/* As it was judged when it was recorded, by the rules as they are by default.
 */
static void
expect_judged(json_t *json, json_t *recorded)
{
	static const char *const fields[] = {"verdict", "reason", "decided_by",
	    "policy"};
	struct facts *facts = read_json(json);
	struct world world;
	struct verdict verdict;
	json_t *now;
	char *line;

	world_make(&world, "", "");
	decide(facts, &world.rules, DECIDE_FINAL, &verdict);
	line = facts_json_write(NULL, &verdict, -1, TLS_POLICY_NONE, NULL);
	now = json_loads(line, 0, NULL);
	cr_assert_not_null(now);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		cr_expect(json_equal(json_object_get(now, fields[i]),
			      json_object_get(recorded, fields[i])),
		    "%s: %s", fields[i], line);
	json_decref(now);
	free(line);
	free(facts);
}

static void
expect_as_recorded(json_t *recorded)
{
	expect_judged(recorded, recorded);
}

Test(facts_recorded, recorded_facts_are_judged_as_they_were)
{
	each_recorded(expect_as_recorded);
}

/* A member of each kind into every object at any depth; how many objects. */
static size_t
add_unknown(json_t *json)
{
	size_t n = 0;
	json_t *value;
	const char *key;
	void *next;
	size_t i;

	json_object_foreach_safe(json, next, key, value) n +=
	    add_unknown(value);
	json_array_foreach(json, i, value) n += add_unknown(value);
	if (!json_is_object(json))
		return n;
	json_object_update_new(json,
	    json_pack("{s:{s:[n,i]},s:[{},s],s:n,s:b,s:i,s:f,s:s}", "z-object",
		"status", 7, "z-array", "x", "z-null", "z-true", 1, "z-int", -1,
		"z-real", 0.5, "z-text", "bogus"));
	return n + 1;
}

static void
expect_unknown_ignored(json_t *recorded)
{
	json_t *more = json_deep_copy(recorded);

	cr_expect_geq(add_unknown(more), 4);
	expect_judged(more, recorded);
	json_decref(more);
}

Test(facts_recorded, unknown_members_of_every_object_are_ignored)
{
	each_recorded(expect_unknown_ignored);
}

/* Without one member of one object at a time: the nth of all there are. False:
 * there are not so many. */
static bool
remove_member(json_t *json, size_t *n)
{
	const char *key;
	json_t *value;
	void *next;
	size_t i;

	json_object_foreach_safe(json, next, key, value)
	{
		/* The one thing that a host must have. */
		bool needed = strcmp(key, "name") == 0;

		if (!needed && (*n)-- == 0)
			return json_object_del(json, key) == 0;
		if (remove_member(value, n))
			return true;
	}
	json_array_foreach(json, i, value)
	{
		if (remove_member(value, n))
			return true;
	}
	return false;
}

static void
expect_less_is_read(json_t *recorded)
{
	for (size_t i = 0;; i++) {
		json_t *less = json_deep_copy(recorded);
		size_t n = i;
		bool removed = remove_member(less, &n);

		if (removed)
			free(read_json(less));
		json_decref(less);
		if (!removed) {
			cr_expect_geq(i, 20);
			return;
		}
	}
}

Test(facts_recorded, recordings_that_lack_a_member_are_read)
{
	each_recorded(expect_less_is_read);
}

/* A word of a version that knows more: said by its place, never guessed. */
static const char *const worded[] = {"class", "resolver", "state", "mode",
    "status", "answer"};

static size_t
replace_word(json_t *json, size_t *n, const char **replaced)
{
	const char *key;
	json_t *value;
	void *next;
	size_t i;

	json_object_foreach_safe(json, next, key, value)
	{
		for (i = 0; i < sizeof(worded) / sizeof(worded[0]); i++) {
			if (strcmp(key, worded[i]) != 0 || (*n)-- != 0)
				continue;
			*replaced = worded[i];
			json_string_set(value, "novel");
			return 1;
		}
		if (replace_word(value, n, replaced))
			return 1;
	}
	json_array_foreach(json, i, value)
	{
		if (replace_word(value, n, replaced))
			return 1;
	}
	return 0;
}

static void
expect_words_named(json_t *recorded)
{
	for (size_t i = 0;; i++) {
		json_t *other = json_deep_copy(recorded);
		const char *key = NULL;
		size_t n = i;
		char want[64];
		char error[FACTS_JSON_ERROR_SIZE] = "";
		struct facts *facts;
		char *text;

		if (!replace_word(other, &n, &key)) {
			json_decref(other);
			cr_expect_geq(i, 3);
			return;
		}
		text = json_dumps(other, 0);
		cr_expect_eq(facts_json_read(text, strlen(text), &facts, error),
		    ERR_SYNTAX, "%s", text);
		snprintf(want, sizeof(want), ".%s: unknown word \"novel\"",
		    key);
		cr_expect_not_null(strstr(error, want), "%s", error);
		cr_expect_eq(strncmp(error, "facts.", 6), 0, "%s", error);
		free(text);
		json_decref(other);
	}
}

Test(facts_recorded, unknown_words_are_told_by_their_place)
{
	each_recorded(expect_words_named);
}
