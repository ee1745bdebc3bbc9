/*
 * The configuration file:
 *
 *	file   = *(name ("=" / "+=") value)
 *	value  = word / "{" [word *("," word) [","]] "}"
 *	word   = 1*(any octet but blanks, controls and "'(){}=+,#*;)
 *	       / "..." / '...'
 *
 * Comments begin with # or // and end with the line, or are those of C. Within
 * a word only # begins one. In double quotes a backslash has the meaning that
 * it has in C; in single quotes it quotes only itself and the single quote.
 * Outside single quotes, ${NAME} is replaced from the environment.
 *
 * After an invalid value, an unknown option or a stray character the parser
 * goes on, so that one run reports all of them. It stops after an error of
 * syntax, as it cannot tell where the next option begins.
 */
#include "autoconf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "config/config_internal.h"

#define SOURCE_MAX (1024 * 1024)

/* A token of one character has the value of that character; APPEND is "+=". */
enum {
	TOKEN_END = 0,
	TOKEN_WORD = 'w',
	TOKEN_APPEND = '+',
	TOKEN_BAD = -1
};

struct parser {
	const char *path;
	struct config_errors *errors;
	struct config *config;
	const char *at;
	unsigned line;
	char *word; /* of TOKEN_WORD */
	size_t len;
	size_t room;
	bool no_memory;
	unsigned *lines; /* of config */
};

/* --- words ---------------------------------------------------------------- */

static void
put(struct parser *p, const char *octets, size_t len)
{
	if (p->room - p->len <= len) {
		size_t room = 2 * p->room + len + 64;
		char *word = realloc(p->word, room);

		if (word == NULL) {
			p->no_memory = true;
			return;
		}
		p->word = word;
		p->room = room;
	}
	memcpy(p->word + p->len, octets, len);
	p->len += len;
	p->word[p->len] = '\0';
}

/* At "${". False: it has no end in this word. */
static bool
put_variable(struct parser *p)
{
	size_t len = strcspn(p->at, "}\n\"");
	char name[256];
	const char *value;

	if (p->at[len] != '}' || len >= sizeof(name))
		return false;
	memcpy(name, p->at + 2, len - 2);
	name[len - 2] = '\0';
	value = getenv(name);
	if (value != NULL)
		put(p, value, strlen(value));
	p->at += len + 1;
	return true;
}

/* At a backslash in double quotes, not before the end of the file. */
static int
put_escape(struct parser *p)
{
	static const char letters[] = "abefnrtv";
	static const char meant[] = "\a\b\033\f\n\r\t\v";
	char digits[4] = "", octet = *++p->at;
	const char *letter = strchr(letters, octet);
	bool octal = octet >= '0' && octet <= '7';
	size_t skip = octet == 'x'; /* before the digits */
	size_t n = 0;

	if (octal || octet == 'x') {
		n = strspn(p->at + skip,
		    octal ? "01234567" : "0123456789abcdefABCDEF");
		n = n < 2U + octal ? n : 2U + octal;
		memcpy(digits, p->at + skip, n);
	}
	if (n > 0) {
		unsigned long value = strtoul(digits, NULL, octal ? 8 : 16);

		/* A NUL would cut the value off. */
		if (value == 0 || value > UINT8_MAX) {
			config_error(p->errors, p->path, p->line,
			    "invalid %s number '\\%.*s'",
			    octal ? "octal" : "hexadecimal", (int)(skip + n),
			    p->at);
			return ERR_SYNTAX;
		}
		octet = (char)value;
	} else if (letter != NULL) {
		octet = meant[letter - letters];
	}
	/* A backslash at the end of a line joins it with the next one. */
	if (*p->at != '\n')
		put(p, &octet, 1);
	p->line += *p->at == '\n';
	p->at += n > 0 ? skip + n : 1;
	return 0;
}

/* At the opening quote. */
static int
take_quoted(struct parser *p)
{
	const unsigned opened = p->line;
	const char quote = *p->at++;

	while (*p->at != quote) {
		if (*p->at == '\0' || (*p->at == '\\' && p->at[1] == '\0')) {
			config_error(p->errors, p->path, opened,
			    "the string that begins here has no end");
			return TOKEN_BAD;
		}
		if (quote == '"' && *p->at == '\\') {
			if (put_escape(p) < 0)
				return TOKEN_BAD;
			continue;
		}
		if (quote == '"' && strncmp(p->at, "${", 2) == 0 &&
		    put_variable(p))
			continue;
		if (quote == '\'' && *p->at == '\\' &&
		    (p->at[1] == '\'' || p->at[1] == '\\'))
			p->at++;
		p->line += *p->at == '\n';
		put(p, p->at++, 1);
	}
	p->at++;
	return TOKEN_WORD;
}

static bool
is_control(char octet)
{
	return ((unsigned char)octet < 0x20 && octet != '\0') || octet == 0x7f;
}

static int
take_word(struct parser *p)
{
	while (
	    !is_control(*p->at) && strchr(" \"'(){}=+,#*;", *p->at) == NULL) {
		if (strncmp(p->at, "${", 2) == 0 && put_variable(p))
			continue;
		put(p, p->at++, 1);
	}
	return TOKEN_WORD;
}

/* --- tokens --------------------------------------------------------------- */

/* At slash and star. False: the comment has no end. */
static bool
skip_comment(struct parser *p)
{
	const char *end = strstr(p->at + 2, "*/");

	if (end == NULL) {
		config_error(p->errors, p->path, p->line,
		    "the comment that begins here has no end");
		return false;
	}
	for (end += 2; p->at < end; p->at++)
		p->line += *p->at == '\n';
	return true;
}

static void
report_stray(struct parser *p)
{
	const char octet = *p->at++;

	if (is_control(octet))
		config_error(p->errors, p->path, p->line,
		    "control character 0x%02x", (unsigned char)octet);
	else if (octet == ';')
		config_error(p->errors, p->path, p->line,
		    "';' must stand in quotes; none is needed at the end of a "
		    "line");
	else
		config_error(p->errors, p->path, p->line,
		    "'%c' must stand in quotes", octet);
}

static int
next_token(struct parser *p)
{
	p->len = 0;
	put(p, "", 0);
	for (;;) {
		const char *at = p->at;

		if (*at == '\0' || p->no_memory)
			return p->no_memory ? TOKEN_BAD : TOKEN_END;
		if (*at == '\n' || *at == ' ' || *at == '\t' ||
		    (at[0] == '\r' && at[1] == '\n')) {
			p->line += *at == '\n';
			p->at++;
		} else if (*at == '#' || (at[0] == '/' && at[1] == '/')) {
			p->at += strcspn(at, "\n");
		} else if (at[0] == '/' && at[1] == '*') {
			if (!skip_comment(p))
				return TOKEN_BAD;
		} else if (at[0] == '+' && at[1] == '=') {
			p->at += 2;
			return TOKEN_APPEND;
		} else if (strchr("={},()", *at) != NULL) {
			return *p->at++;
		} else if (*at == '"' || *at == '\'') {
			return take_quoted(p);
		} else if (is_control(*at) || strchr("*+;", *at) != NULL) {
			report_stray(p);
		} else {
			return take_word(p);
		}
	}
}

static int
unexpected(struct parser *p, int token)
{
	if (token == TOKEN_END)
		config_error(p->errors, p->path, p->line,
		    "premature end of file");
	else if (token == TOKEN_WORD)
		config_error(p->errors, p->path, p->line,
		    "unexpected word \"%.64s\"", p->word);
	else if (token != TOKEN_BAD)
		config_error(p->errors, p->path, p->line,
		    "unexpected token '%s%c'", token == TOKEN_APPEND ? "+" : "",
		    token == TOKEN_APPEND ? '=' : token);
	return ERR_SYNTAX;
}

/* --- options -------------------------------------------------------------- */

/* p->word is a value. option NULL: of an unknown one. */
static void
take_value(struct parser *p, const struct option *option)
{
	char why[CONFIG_WHY_SIZE];
	unsigned *line;
	int err;

	if (option == NULL)
		return;
	err = option_add(option, p->config, p->word, why);
	p->no_memory |= err == ERR_NOMEM;
	if (err == ERR_CONFIG)
		config_error(p->errors, p->path, p->line, "%s: %s",
		    option->name, why);
	line = &p->lines[option - config_options];
	if (option->kind != OPTION_LIST && *line != 0)
		config_error(p->errors, p->path, p->line,
		    "%s: set in line %u before", option->name, *line);
	*line = p->line;
}

/* Behind "=" or "+=". */
static int
take_values(struct parser *p, const struct option *option)
{
	int token = next_token(p);

	if (token == TOKEN_WORD) {
		take_value(p, option);
		return 0;
	}
	if (token != '{' || (option != NULL && option->kind != OPTION_LIST))
		return unexpected(p, token);
	if (option != NULL)
		p->lines[option - config_options] = p->line;
	token = next_token(p);
	while (token == TOKEN_WORD) {
		take_value(p, option);
		token = next_token(p);
		if (token != ',')
			break;
		token = next_token(p);
	}
	return token == '}' ? 0 : unexpected(p, token);
}

/* p->word is the name. */
static int
take_option(struct parser *p)
{
	const struct option *option = option_by_name(p->word);
	const char *nearest = option_nearest(p->word);
	char name[64];
	int token;

	(void)snprintf(name, sizeof(name), "%s", p->word);
	if (name[0] == '\0') {
		config_error(p->errors, p->path, p->line, "syntax error");
		return ERR_SYNTAX;
	}
	if (option == NULL && nearest != NULL)
		config_error(p->errors, p->path, p->line,
		    "there is no option \"%s\"; did you mean \"%s\"?", name,
		    nearest);
	else if (option == NULL)
		config_error(p->errors, p->path, p->line,
		    "there is no option \"%s\"", name);
	token = next_token(p);
	if (token == TOKEN_END || token == TOKEN_BAD)
		return unexpected(p, token);
	if (token != '=' && token != TOKEN_APPEND) {
		config_error(p->errors, p->path, p->line,
		    "missing equal sign after option '%s'", name);
		return ERR_SYNTAX;
	}
	/* "=" puts a list in the place of the default, "+=" adds to it. */
	if (option != NULL && option->kind == OPTION_LIST) {
		if (token == '=')
			*(struct config_list *)(void *)((char *)p->config +
			    option->offset) = (struct config_list){0, NULL};
	} else if (option != NULL && token == TOKEN_APPEND) {
		config_error(p->errors, p->path, p->line,
		    "attempt to append to non-list option '%s'", name);
		return ERR_SYNTAX;
	}
	return take_values(p, option);
}

/* --- the file ------------------------------------------------------------- */

/* NULL: reported. Free with free(). */
static char *
read_source(const char *path, struct config_errors *errors)
{
	FILE *file = fopen(path, "re");
	char *text = calloc(1, SOURCE_MAX + 2);
	size_t len = 0;
	bool good = false;

	if (file != NULL && text != NULL)
		len = fread(text, 1, SOURCE_MAX + 1, file);
	if (file == NULL || text == NULL || ferror(file))
		config_error(errors, path, 0, "%s", strerror(errno));
	else if (len > SOURCE_MAX)
		config_error(errors, path, 0, "larger than %d octets",
		    SOURCE_MAX);
	else if (strlen(text) != len)
		config_error(errors, path, 0, "holds a NUL octet");
	else
		good = true;
	if (file != NULL)
		(void)fclose(file);
	if (good)
		return text;
	free(text);
	return NULL;
}

int
config_file_parse(const char *path, struct config *config, unsigned *lines,
    struct config_errors *errors)
{
	const unsigned before = errors->n;
	struct parser p = {.path = path,
	    .errors = errors,
	    .config = config,
	    .line = 1,
	    .lines = lines};
	char *text = read_source(path, errors);
	int err = 0, token;

	if (text == NULL)
		return ERR_CONFIG;
	/* Some editors begin a file with U+FEFF, which no other one shows. */
	p.at = text + (strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
	while (err == 0 && (token = next_token(&p)) != TOKEN_END)
		err = token == TOKEN_WORD ? take_option(&p)
					  : unexpected(&p, token);
	free(p.word);
	free(text);
	if (p.no_memory) {
		config_error(errors, path, 0, "%s", err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	return errors->n == before ? 0 : ERR_CONFIG;
}
