/*
 * Memory and errors of the configuration.
 */
#include "autoconf.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_internal.h"

/* Kept free for "... and N more errors". */
#define ERRORS_TAIL 64

/* Snapshots are small and made once: a list of blocks will do. */
struct arena_block {
	struct arena_block *next;
	alignas(max_align_t) unsigned char data[];
};

struct arena {
	struct arena_block *blocks;
};

struct arena *
arena_new(void)
{
	return calloc(1, sizeof(struct arena));
}

void
arena_free(struct arena **arena)
{
	struct arena *old = *arena;

	*arena = NULL;
	if (old == NULL)
		return;
	while (old->blocks != NULL) {
		struct arena_block *block = old->blocks;

		old->blocks = block->next;
		free(block);
	}
	free(old);
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	struct arena_block *block;

	if (size > SIZE_MAX - sizeof(*block))
		return NULL;
	block = calloc(1, sizeof(*block) + size);
	if (block == NULL)
		return NULL;
	block->next = arena->blocks;
	arena->blocks = block;
	return block->data;
}

char *
arena_strndup(struct arena *arena, const char *text, size_t len)
{
	char *copy = arena_alloc(arena, len + 1);

	if (copy != NULL)
		memcpy(copy, text, len);
	return copy;
}

char *
arena_strdup(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

void
config_errors_init(struct config_errors *errors, char text[CONFIG_ERROR_SIZE])
{
	*errors = (struct config_errors){.text = text};
	text[0] = '\0';
}

/* The file was written by anybody; the error goes to a terminal. */
static void
replace_unprintable(char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char octet = (unsigned char)*text;

		if (octet < 0x20 || octet == 0x7f)
			*text = '?';
	}
}

void
config_verror(struct config_errors *errors, const char *file, unsigned line,
    const char *fmt, va_list ap)
{
	char text[CONFIG_ERROR_SIZE];
	char where[CONFIG_ERROR_SIZE] = "";
	const size_t room = CONFIG_ERROR_SIZE - ERRORS_TAIL - errors->len;
	int len;

	errors->n++;
	vsnprintf(text, sizeof(text), fmt, ap);
	replace_unprintable(text);
	if (file != NULL && line > 0)
		snprintf(where, sizeof(where), "%s:%u: ", file, line);
	else if (file != NULL)
		snprintf(where, sizeof(where), "%s: ", file);
	len = snprintf(errors->text + errors->len, room, "%s%s%s",
	    errors->len > 0 ? "\n" : "", where, text);
	if (len >= 0 && (size_t)len < room) {
		errors->len += (size_t)len;
		return;
	}
	/* The first is worth having even when it has to be cut. */
	if (errors->len == 0)
		errors->len = strlen(errors->text);
	else
		errors->dropped++;
	errors->text[errors->len] = '\0';
}

void
config_error(struct config_errors *errors, const char *file, unsigned line,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	config_verror(errors, file, line, fmt, ap);
	va_end(ap);
}

void
config_errors_end(struct config_errors *errors)
{
	if (errors->dropped > 0)
		snprintf(errors->text + errors->len, ERRORS_TAIL,
		    "\n... and %u more errors", errors->dropped);
}
