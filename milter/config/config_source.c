/*
 * The configuration file as text that libConfuse 3.3 gets right.
 *
 * Its scanner counts the lines of comments two or three times, drops '*' and
 * control characters outside of quotes without a word (so that *file* becomes
 * file), and takes the end of the file for the end of a comment. Here, with
 * the same rules for quotes, comments become blanks and the rest an error.
 */
#include "autoconf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/config_internal.h"

#define SOURCE_MAX (1024 * 1024)

enum scan_state {
	SCAN_BETWEEN, /* a token may begin here */
	SCAN_WORD,    /* in an unquoted one */
	SCAN_DOUBLE,  /* in "..." */
	SCAN_SINGLE,  /* in '...' */
	SCAN_LINE,    /* in a comment to the end of the line */
	SCAN_BLOCK    /* in a comment such as this one */
};

struct scan {
	const char *path;
	struct config_errors *errors;
	enum scan_state state;
	unsigned line;
	unsigned opened; /* line in which a quote or comment began */
};

static char *
read_all(FILE *file, size_t *len)
{
	char *text = malloc(SOURCE_MAX + 2);
	size_t n;

	if (text == NULL)
		return NULL;
	n = fread(text, 1, SOURCE_MAX + 1, file);
	if (ferror(file)) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	*len = n;
	return text;
}

static void
stray(struct scan *scan, char octet)
{
	if (octet == '*')
		config_error(scan->errors, scan->path, scan->line,
		    "'*' must stand in quotes");
	else
		config_error(scan->errors, scan->path, scan->line,
		    "control character 0x%02x", (unsigned char)octet);
}

static bool
is_control(char octet)
{
	return ((unsigned char)octet < 0x20 && octet != '\n' &&
		   octet != '\t') ||
	    octet == 0x7f;
}

/* Outside of quotes and comments. */
static void
scan_plain(struct scan *scan, char *at)
{
	bool between = scan->state == SCAN_BETWEEN;

	scan->opened = scan->line;
	if (*at == '#' || (between && at[0] == '/' && at[1] == '/')) {
		scan->state = SCAN_LINE;
		*at = ' ';
	} else if (between && at[0] == '/' && at[1] == '*') {
		scan->state = SCAN_BLOCK;
		*at = ' ';
	} else if (*at == '"') {
		scan->state = SCAN_DOUBLE;
	} else if (*at == '\'') {
		scan->state = SCAN_SINGLE;
	} else if (*at == '\r' && at[1] == '\n') {
		*at = ' ';
		scan->state = SCAN_BETWEEN;
	} else if (*at == '*' || is_control(*at)) {
		stray(scan, *at);
		*at = ' ';
	} else if (strchr(" \t\n{}()=+,", *at) != NULL) {
		scan->state = SCAN_BETWEEN;
	} else {
		scan->state = SCAN_WORD;
	}
}

/* One octet, or two when the second belongs to the first. */
static char *
scan_octet(struct scan *scan, char *at)
{
	switch (scan->state) {
	case SCAN_BETWEEN:
	case SCAN_WORD:
		scan_plain(scan, at);
		/* The second octet of an opening is no closing: / * /. */
		if (scan->state == SCAN_BLOCK)
			*++at = ' ';
		return at;
	case SCAN_DOUBLE:
	case SCAN_SINGLE:
		if (*at == '\\' && at[1] != '\0' && at[1] != '\n')
			return at + 1;
		if (*at == (scan->state == SCAN_DOUBLE ? '"' : '\''))
			scan->state = SCAN_BETWEEN;
		return at;
	case SCAN_LINE:
		if (*at == '\n')
			scan->state = SCAN_BETWEEN;
		else
			*at = ' ';
		return at;
	case SCAN_BLOCK:
		if (at[0] == '*' && at[1] == '/') {
			scan->state = SCAN_BETWEEN;
			*at++ = ' ';
		}
		if (*at != '\n')
			*at = ' ';
		return at;
	}
	return at;
}

static void
blank_comments(char *text, const char *path, struct config_errors *errors)
{
	struct scan scan = {.path = path,
	    .errors = errors,
	    .line = 1,
	    .opened = 1};

	for (char *at = text; *at != '\0'; at++) {
		at = scan_octet(&scan, at);
		if (*at == '\n')
			scan.line++;
	}
	if (scan.state == SCAN_DOUBLE || scan.state == SCAN_SINGLE)
		config_error(errors, path, scan.opened,
		    "the string that begins here has no end");
	if (scan.state == SCAN_BLOCK)
		config_error(errors, path, scan.opened,
		    "the comment that begins here has no end");
}

/* Some editors begin a file with U+FEFF, which no other one shows. */
static char *
after_mark(char *text)
{
	if (strncmp(text, "\xef\xbb\xbf", 3) != 0)
		return text;
	memset(text, ' ', 3);
	return text + 3;
}

char *
config_source_read(const char *path, struct config_errors *errors)
{
	unsigned before = errors->n;
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t len = 0;

	if (file != NULL)
		text = read_all(file, &len);
	if (text == NULL)
		config_error(errors, path, 0, "%s", strerror(errno));
	else if (len > SOURCE_MAX)
		config_error(errors, path, 0, "larger than %d octets",
		    SOURCE_MAX);
	else if (strlen(text) != len)
		config_error(errors, path, 0, "holds a NUL octet");
	else
		blank_comments(after_mark(text), path, errors);
	if (file != NULL)
		fclose(file);
	if (errors->n != before) {
		free(text);
		text = NULL;
	}
	return text;
}
