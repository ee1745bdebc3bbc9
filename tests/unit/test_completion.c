/*
 * What the shells offer behind dane-sts is what the tool's tables hold, no
 * more and no less: commands, options and the commands of cache.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "paths.h"
#include "tool/tool.h"

#define TOOL_DIR        SRCDIR "/milter/tool"
#define COMPLETION_BASH SRCDIR "/etc/dane-sts.bash"
#define COMPLETION_ZSH  SRCDIR "/etc/_dane-sts"

#define LIST_SIZE 1024

static const char *const commands[] = {
#define X(name, operands, summary, help) #name,
    TOOL_COMMAND_TABLE(X)
#undef X
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void
add(char *list, const char *before, const char *word, size_t len)
{
	size_t at = strlen(list);

	cr_assert_lt(at + strlen(before) + len + 2, LIST_SIZE);
	snprintf(list + at, LIST_SIZE - at, "%s%s%.*s", at > 0 ? " " : "",
	    before, (int)len, word);
}

/* The names of the rows of a table in a source file; mark tells its rows from
 * those of others. A file that is not there has none. */
static void
add_rows(char *list, const char *file_name, const char *mark,
    const char *before)
{
	char path[512];
	char line[512];
	FILE *file;

	snprintf(path, sizeof(path), TOOL_DIR "/%s.c", file_name);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		const char *at = line + strspn(line, " \t");

		if (strncmp(at, "{\"", 2) == 0 && strstr(at, mark) != NULL)
			add(list, before, at + 2, strcspn(at + 2, "\""));
	}
	if (file != NULL)
		fclose(file);
}

static void
own_options(char *list, const char *command)
{
	const struct option *row = NULL;

	if (strcmp(command, "check") == 0)
		row = check_options;
	else if (strcmp(command, "replay") == 0)
		row = replay_options;
	else if (strcmp(command, "tls") == 0)
		row = tls_options;
	else
		add_rows(list, command, "_argument", "--");
	for (; row != NULL && row->name != NULL; row++)
		add(list, "--", row->name, strlen(row->name));
}

/* What bash offers for the last of the words. */
static void
bash_offers(const char *words, char *list)
{
	char script[1024];
	FILE *pipe;

	list[0] = '\0';
	snprintf(script, sizeof(script),
	    "bash -c '. \"$0\" && COMP_WORDS=(dane-sts %s) && "
	    "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) && _dane_sts && "
	    "echo \"${COMPREPLY[*]}\"' " COMPLETION_BASH,
	    words);
	pipe = popen(script, "re");
	cr_assert(pipe != NULL);
	cr_assert(fgets(list, LIST_SIZE, pipe) != NULL, "%s", words);
	cr_assert_eq(pclose(pipe), 0, "%s", words);
	list[strcspn(list, "\n")] = '\0';
}

/* zsh need not be there: its rows are read. */
static void
expect_zsh_row(const char *command, const char *variable, const char *list)
{
	char row[LIST_SIZE + 64];
	static char text[8192];
	FILE *file = fopen(COMPLETION_ZSH, "re");
	const char *at;
	const char *found;

	cr_assert(file != NULL);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	snprintf(row, sizeof(row), "\n\t%s) ", command);
	at = strstr(text, row);
	cr_assert(at != NULL, "%s", command);
	snprintf(row, sizeof(row), "%s='%s'", variable, list);
	found = strstr(at, row);
	cr_assert(found != NULL && found < strchr(at + 1, '\n'), "%s: %s",
	    command, row);
}

static bool
no_bash(void)
{
	return system("command -v bash >/dev/null") != 0;
}

Test(completion, options)
{
	char expected[LIST_SIZE];
	char own[LIST_SIZE];
	char offered[LIST_SIZE];
	char words[64];

	for (size_t i = 0; i < N_COMMANDS; i++) {
		own[0] = expected[0] = '\0';
		own_options(own, commands[i]);
		expect_zsh_row(commands[i], "own", own);
		if (no_bash())
			continue;
		add_rows(expected, "options", "_argument", "--");
		if (own[0] != '\0')
			add(expected, "", own, strlen(own));
		snprintf(words, sizeof(words), "-c x %s -", commands[i]);
		bash_offers(words, offered);
		cr_expect_str_eq(offered, expected, "%s: %s, not %s",
		    commands[i], offered, expected);
	}
}

Test(completion, commands)
{
	char all[LIST_SIZE] = "";
	char of_cache[LIST_SIZE] = "";
	char offered[LIST_SIZE];

	for (size_t i = 0; i < N_COMMANDS; i++)
		add(all, "", commands[i], strlen(commands[i]));
	add_rows(of_cache, "cache", " cache_", "");
	expect_zsh_row("''", "words_of", all);
	expect_zsh_row("cache", "words_of", of_cache);
	if (no_bash())
		return;
	bash_offers("\"\"", offered);
	cr_expect_str_eq(offered, all, "%s", offered);
	bash_offers("cache \"\"", offered);
	cr_expect_str_eq(offered, of_cache, "%s", offered);
}

Test(completion, bash_takes_the_file)
{
	if (!no_bash())
		cr_expect_eq(system("bash -n " COMPLETION_BASH), 0);
}
