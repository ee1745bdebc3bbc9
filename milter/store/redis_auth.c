/* Credentials for a Redis server. */
#include "autoconf.h"

#include "store/redis_auth.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

#define FILE_MAX 16384

/* clang-format off */
static const struct {
	const char *word;
	size_t offset;
	size_t size;
} items[] = {
    {"user", offsetof(struct redis_auth, user),
	sizeof(((struct redis_auth *)0)->user)},
    {"password", offsetof(struct redis_auth, password),
	sizeof(((struct redis_auth *)0)->password)},
    {"certificate", offsetof(struct redis_auth, certificate),
	sizeof(((struct redis_auth *)0)->certificate)},
    {"key", offsetof(struct redis_auth, key),
	sizeof(((struct redis_auth *)0)->key)},
};
/* clang-format on */

/* --- lines ---------------------------------------------------------------- */

static const char *
skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at;
}

static const char *
trim(const char *at, const char *end)
{
	while (
	    end > at && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	return end;
}

static int
keep(struct redis_auth *auth, size_t item, const char *value, size_t len)
{
	char *field = (char *)auth + items[item].offset;

	if (len == 0 || len >= items[item].size ||
	    memchr(value, '\0', len) != NULL)
		return ERR_SYNTAX;
	memcpy(field, value, len);
	field[len] = '\0';
	return 0;
}

static int
read_line(struct redis_auth *auth, const char *at, const char *end)
{
	const char *word = skip_blanks(at, end);
	const char *value;
	size_t len;

	end = trim(word, end);
	if (word == end || *word == '#')
		return 0;
	for (value = word; value < end && *value != ' ' && *value != '\t';)
		value++;
	len = (size_t)(value - word);
	value = skip_blanks(value, end);
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		if (len == strlen(items[i].word) &&
		    memcmp(word, items[i].word, len) == 0)
			return keep(auth, i, value, (size_t)(end - value));
	}
	return ERR_SYNTAX;
}

static int
read_lines(struct redis_auth *auth, const char *path, const char *text,
    size_t len, char why[REDIS_WHY_SIZE])
{
	const char *end = text + len;
	unsigned number = 1;

	for (const char *at = text; at < end; number++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		if (stop == NULL)
			stop = end;
		if (read_line(auth, at, stop) != 0) {
			snprintf(why, REDIS_WHY_SIZE,
			    "%.200s:%u: must be \"user NAME\", \"password "
			    "SECRET\", \"certificate FILE\" or \"key FILE\"",
			    path, number);
			return ERR_CONFIG;
		}
		at = stop + (stop < end);
	}
	return 0;
}

/* --- the file ------------------------------------------------------------- */

/* A group may read it if it is the one we run as, as packages set it up. */
static int
check_mode(const struct stat *st, const char *path, char why[REDIS_WHY_SIZE])
{
	mode_t open_to = st->st_mode & (S_IRWXO | S_IRWXG);

	if (st->st_gid == getegid())
		open_to &= ~(mode_t)S_IRGRP;
	if (S_ISREG(st->st_mode) && open_to == 0)
		return 0;
	snprintf(why, REDIS_WHY_SIZE,
	    "%.200s: must be a file that no others can read: chmod 0600", path);
	return ERR_CONFIG;
}

/* All of the file into text: its length, or -1. */
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
	return (ssize_t)len;
}

static int
fail(const char *path, char why[REDIS_WHY_SIZE])
{
	snprintf(why, REDIS_WHY_SIZE, "%.200s: %s", path, strerror(errno));
	return ERR_CONFIG;
}

int
redis_auth_read(const char *path, struct redis_auth *out,
    char why[REDIS_WHY_SIZE])
{
	char text[FILE_MAX];
	struct stat st;
	ssize_t len;
	int err;
	int fd;

	memset(out, 0, sizeof(*out));
	if (path == NULL || *path == '\0')
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1)
		return fail(path, why);
	if (fstat(fd, &st) == -1 || (len = read_all(fd, text)) == -1)
		err = fail(path, why);
	else if ((err = check_mode(&st, path, why)) == 0)
		err = read_lines(out, path, text, (size_t)len, why);
	close(fd);
	explicit_bzero(text, sizeof(text));
	if (err != 0)
		redis_auth_forget(out);
	return err;
}

void
redis_auth_forget(struct redis_auth *auth)
{
	explicit_bzero(auth, sizeof(*auth));
}
