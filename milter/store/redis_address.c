/* Addresses of Redis servers, and the file of credentials. */
#include "autoconf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "store/redis_link.h"

#define DEFAULT_PORT          "6379"
#define DEFAULT_SENTINEL_PORT "26379"
#define DB_MARK               "?db="
#define FILE_MAX              16384

/* --- addresses ------------------------------------------------------------ */

static const char not_a_database[] = "the database is no number up to 9999";

enum form {
	FORM_HOST,
	FORM_PATH,
	FORM_SENTINELS
};

static const char *const form_text[] = {
    [FORM_HOST] = "//HOST:PORT/DB",
    [FORM_PATH] = "PATH or PATH?db=DB, PATH being absolute",
    [FORM_SENTINELS] = "//HOST:PORT,HOST:PORT,HOST:PORT/MASTER/DB",
};

static const struct {
	const char *scheme;
	enum form form;
	bool tls;
} schemes[] = {
    {"redis:",           FORM_HOST,      false},
    {"rediss:",          FORM_HOST,      true },
    {"redis+unix:",      FORM_PATH,      false},
    {"redis+sentinel:",  FORM_SENTINELS, false},
    {"rediss+sentinel:", FORM_SENTINELS, true },
};

/* All of the text. 0, ERR_SYNTAX or ERR_RANGE. */
static int
parse_number(const char *at, unsigned max, unsigned *out)
{
	unsigned value = 0;

	if (*at == '\0')
		return ERR_SYNTAX;
	for (; *at != '\0'; at++) {
		if (*at < '0' || *at > '9')
			return ERR_SYNTAX;
		value = value * 10 + (unsigned)(*at - '0');
		if (value > max)
			return ERR_RANGE;
	}
	*out = value;
	return 0;
}

/* From *at up to one of the octets in stop, or to the end, into out. */
static int
take(const char **at, const char *stop, char *out, size_t size)
{
	size_t len = strcspn(*at, stop);

	if (len == 0 || len >= size)
		return ERR_SYNTAX;
	memcpy(out, *at, len);
	out[len] = '\0';
	*at += len;
	return 0;
}

/* A name, an IPv4 address, or an IPv6 address in brackets; and a port. */
static int
take_host(const char **at, const char *default_port, struct redis_host *out,
    const char **why)
{
	bool bracket = **at == '[';
	unsigned port;

	*why = "it has no host";
	*at += bracket;
	if (take(at, bracket ? "]" : ":/,[]@", out->name, NAME_SIZE) != 0 ||
	    (bracket && **at != ']'))
		return ERR_SYNTAX;
	*at += bracket;
	*why = "the port is none";
	if (**at != ':') {
		snprintf(out->port, sizeof(out->port), "%s", default_port);
		return 0;
	}
	++*at;
	if (take(at, "/,", out->port, sizeof(out->port)) != 0 ||
	    parse_number(out->port, 65535, &port) != 0 || port == 0)
		return ERR_SYNTAX;
	return 0;
}

static int
take_hosts(const char *at, enum form form, struct redis_address *out,
    const char **why)
{
	bool sentinels = form == FORM_SENTINELS;
	int err;

	*why = "it has no host";
	if (strncmp(at, "//", 2) != 0)
		return ERR_SYNTAX;
	*why = "user and password go into the store_auth_file";
	if (strchr(at, '@') != NULL)
		return ERR_SYNTAX;
	do {
		at += out->n_hosts == 0 ? 2 : 1;
		err = take_host(&at,
		    sentinels ? DEFAULT_SENTINEL_PORT : DEFAULT_PORT,
		    &out->host[out->n_hosts++], why);
	} while (err == 0 && sentinels && *at == ',' &&
	    out->n_hosts < REDIS_HOSTS_MAX);
	if (err != 0)
		return err;
	if (sentinels) {
		*why = *at == ',' ? "it has more than 8 sentinels"
				  : "the name of the master is missing";
		if (*at++ != '/' ||
		    take(&at, "/", out->master, REDIS_MASTER_SIZE) != 0)
			return ERR_SYNTAX;
	}
	*why = not_a_database;
	if (*at == '\0' || strcmp(at, "/") == 0)
		return 0;
	return *at == '/' ? parse_number(at + 1, REDIS_DB_MAX, &out->db)
			  : ERR_SYNTAX;
}

static int
take_path(const char *at, struct redis_address *out, const char **why)
{
	const char *mark = strstr(at, DB_MARK);
	size_t len = mark != NULL ? (size_t)(mark - at) : strlen(at);

	*why = "the path is relative, or too long for a socket";
	if (*at != '/' || len >= REDIS_PATH_SIZE)
		return ERR_SYNTAX;
	memcpy(out->path, at, len);
	*why = not_a_database;
	return mark == NULL
	    ? 0
	    : parse_number(mark + strlen(DB_MARK), REDIS_DB_MAX, &out->db);
}

int
redis_address_parse(const char *spec, struct redis_address *out,
    char error[STORE_ERROR_SIZE])
{
	const char *why;
	size_t i = 0;
	int err;

	memset(out, 0, sizeof(*out));
	/* The store has chosen this backend by the scheme, so one of them fits.
	 */
	while (strncmp(spec, schemes[i].scheme, strlen(schemes[i].scheme)) != 0)
		i++;
	out->tls = schemes[i].tls;
	err = schemes[i].form == FORM_PATH
	    ? take_path(spec + strlen(schemes[i].scheme), out, &why)
	    : take_hosts(spec + strlen(schemes[i].scheme), schemes[i].form, out,
		  &why);
	if (err == 0)
		return 0;
	snprintf(error, STORE_ERROR_SIZE,
	    "store \"%.200s\": %s; \"%s\" is followed by %s", spec, why,
	    schemes[i].scheme, form_text[schemes[i].form]);
	return ERR_CONFIG;
}

/* --- credentials ---------------------------------------------------------- */

#define ITEM(field)                                         \
	{                                                   \
#field, offsetof(struct redis_auth, field), \
		    sizeof(((struct redis_auth *)0)->field) \
	}

static const struct {
	const char *word;
	size_t offset;
	size_t size;
} items[] = {
    ITEM(user),
    ITEM(password),
    ITEM(sentinel_user),
    ITEM(sentinel_password),
    ITEM(certificate),
    ITEM(key),
};

static int
read_line(struct redis_auth *auth, char *line)
{
	static const char blanks[] = " \t\r";
	char *word = line + strspn(line, blanks);
	char *end = word + strlen(word);
	size_t word_len;
	char *value;

	while (end > word && strchr(blanks, end[-1]) != NULL)
		*--end = '\0';
	if (*word == '\0' || *word == '#')
		return 0;
	word_len = strcspn(word, " \t");
	value = word + word_len;
	value += strspn(value, " \t");
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		size_t len = strlen(value);

		if (word_len != strlen(items[i].word) ||
		    memcmp(word, items[i].word, word_len) != 0)
			continue;
		if (len == 0 || len >= items[i].size)
			return ERR_SYNTAX;
		memcpy((char *)auth + items[i].offset, value, len + 1);
		return 0;
	}
	return ERR_SYNTAX;
}

/* text: len octets and a NUL. */
static int
read_lines(struct redis_auth *auth, const char *path, char *text, size_t len,
    char why[REDIS_WHY_SIZE])
{
	char *end = text + len;
	unsigned number = 1;

	for (char *at = text; at < end; number++) {
		char *stop = memchr(at, '\n', (size_t)(end - at));

		if (stop == NULL)
			stop = end;
		*stop = '\0';
		if (strlen(at) != (size_t)(stop - at) ||
		    read_line(auth, at) != 0) {
			snprintf(why, REDIS_WHY_SIZE,
			    "%.200s:%u: must be \"user NAME\", \"password "
			    "SECRET\", \"sentinel_user NAME\", "
			    "\"sentinel_password SECRET\", \"certificate "
			    "FILE\" or \"key FILE\"",
			    path, number);
			return ERR_CONFIG;
		}
		at = stop + 1;
	}
	return 0;
}

/* All of the file into text: its length, or -1 with errno. */
static ssize_t
read_all(int fd, char text[FILE_MAX])
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text + len, FILE_MAX - len)) != 0) {
		if (n > 0)
			len += (size_t)n;
		else if (errno != EINTR)
			return -1;
		if (len == FILE_MAX) {
			errno = EFBIG;
			return -1;
		}
	}
	text[len] = '\0';
	return (ssize_t)len;
}

int
redis_auth_read(const char *path, struct redis_auth *out,
    char why[REDIS_WHY_SIZE])
{
	char text[FILE_MAX];
	struct stat st;
	mode_t open_to;
	ssize_t len = -1;
	int err = ERR_CONFIG;
	int fd;

	memset(out, 0, sizeof(*out));
	if (path == NULL || *path == '\0')
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd != -1 && fstat(fd, &st) == 0)
		len = read_all(fd, text);
	if (len == -1) {
		snprintf(why, REDIS_WHY_SIZE, "%.200s: %s", path,
		    strerror(errno));
		goto out;
	}
	/* The group that this process runs as may read it: packages set it up
	 * like that. */
	open_to = st.st_mode & (S_IRWXO | S_IRWXG);
	if (st.st_gid == getegid())
		open_to &= ~(mode_t)S_IRGRP;
	if (S_ISREG(st.st_mode) && open_to == 0)
		err = read_lines(out, path, text, (size_t)len, why);
	else
		snprintf(why, REDIS_WHY_SIZE,
		    "%.200s: must be a file that no others can read: chmod 0600",
		    path);
out:
	if (fd != -1)
		close(fd);
	explicit_bzero(text, sizeof(text));
	if (err != 0)
		explicit_bzero(out, sizeof(*out));
	return err;
}
