/*
 * Lists of domains, from options and from files. A file has an entry a line:
 *
 *	DOMAIN [until YYYY-MM-DD] [# reason]
 *
 * The date is the last day on which the entry counts (UTC).
 */
#include "autoconf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/config_internal.h"

#define LINE_LEN_MAX 1024
#define ENTRIES_MAX  100000

int
config_domains_add(struct config_domains *list, const char *domain,
    int64_t until_s, const char *comment)
{
	struct domain_entry *item;

	if (list->n == ENTRIES_MAX)
		return ERR_TOOLONG;
	item = arena_extend(list->arena, list->item, list->n, sizeof(*item));
	if (item == NULL)
		return ERR_NOMEM;
	list->item = item;
	item += list->n;
	item->until_s = until_s;
	item->domain = arena_strdup(list->arena, domain, strlen(domain));
	item->comment = comment != NULL
	    ? arena_strdup(list->arena, comment, strlen(comment))
	    : NULL;
	if (item->domain == NULL || (comment != NULL && item->comment == NULL))
		return ERR_NOMEM;
	list->n++;
	return 0;
}

/* The next word of a line that ends in a NUL; false: none is left. */
static bool
next_word(const char **cursor, const char **word, size_t *len)
{
	*word = *cursor + strspn(*cursor, " \t");
	*len = strcspn(*word, " \t");
	*cursor = *word + *len;
	return *len > 0;
}

/* Cuts the comment off and returns it; NULL: there is none. */
static char *
split_comment(char *line)
{
	char *hash = strchr(line, '#');
	size_t len;

	if (hash == NULL)
		return NULL;
	*hash++ = '\0';
	hash += strspn(hash, " \t");
	len = strlen(hash);
	while (len > 0 && (hash[len - 1] == ' ' || hash[len - 1] == '\t'))
		hash[--len] = '\0';
	return hash;
}

static const char *
parse_until(const char *cursor, int64_t *until_s)
{
	const char *word;
	size_t len;

	*until_s = 0;
	if (!next_word(&cursor, &word, &len))
		return NULL;
	if (len != strlen("until") || memcmp(word, "until", len) != 0)
		return "only \"until YYYY-MM-DD\" may follow the domain";
	if (!next_word(&cursor, &word, &len) ||
	    config_parse_date(word, len, until_s) < 0)
		return "\"until\" needs a date such as 2026-12-31";
	if (next_word(&cursor, &word, &len))
		return "nothing may follow the date but \"# reason\"";
	return NULL;
}

/* Returns NULL, or a static text that describes the error. */
static const char *
parse_line(struct config_domains *list, char *line)
{
	char domain[NAME_SIZE + 1];
	const char *comment = split_comment(line);
	const char *cursor = line;
	const char *word;
	const char *wrong;
	size_t len;
	int64_t until_s;
	int err;

	if (!next_word(&cursor, &word, &len))
		return NULL;
	if (config_listed_domain(word, len, domain) < 0)
		return "this is no domain";
	wrong = parse_until(cursor, &until_s);
	if (wrong != NULL)
		return wrong;
	err = config_domains_add(list, domain, until_s, comment);
	return err < 0 ? err_text(err) : NULL;
}

/* Removes the line end. Returns NULL, or a static text that describes the
 * error. */
static const char *
trim_line(char *line, size_t len)
{
	if (len > 0 && line[len - 1] == '\n')
		line[--len] = '\0';
	if (len > 0 && line[len - 1] == '\r')
		line[--len] = '\0';
	if (len > LINE_LEN_MAX)
		return "the line is too long";
	if (strlen(line) != len)
		return "the line holds a NUL octet";
	return NULL;
}

int
config_domains_read(struct config_domains *list, const char *path,
    struct config_errors *errors)
{
	unsigned before = errors->n;
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int failed = 0;

	if (file == NULL)
		return ERR_IO;
	for (unsigned n = 1; (len = getline(&line, &size, file)) >= 0; n++) {
		const char *wrong = trim_line(line, (size_t)len);

		if (wrong == NULL)
			wrong = parse_line(list, line);
		if (wrong != NULL)
			config_error(errors, path, n, "%s", wrong);
	}
	if (ferror(file))
		failed = errno;
	free(line);
	fclose(file);
	errno = failed;
	if (failed != 0)
		return ERR_IO;
	return errors->n == before ? 0 : ERR_CONFIG;
}
