/*
 * Lines over a stream socket, bounded in length and in time, both ways.
 *
 * One thread at a time.
 */
#ifndef BASE_LINE_H
#define BASE_LINE_H

#include <stdbool.h>
#include <stddef.h>

#define LINE_SIZE_MIN 4096 /* of the buffer, at first */

/* Public for embedding; what is inside is the module's. */
struct line_io {
	int fd;
	int stop_fd;  /* readable: give up at once; -1: there is none */
	size_t max;   /* octets of a line */
	int patience; /* ms without an octet going either way */
	bool duplex;  /* what comes while writing is kept, up to max */
	char *buffer;
	size_t size;
	size_t start; /* of what has not been handed out */
	size_t len;   /* of that */
	bool ended;
};

/* fd stays the caller's and becomes non-blocking. */
void
line_init(struct line_io *io, int fd, int stop_fd, size_t max, int patience_ms);
void line_clear(struct line_io *io);

/*
 * The next line, without its end, NUL-terminated, until the next call. 0,
 * ERR_NOTFOUND (the other side has ended; half a line is none), ERR_TOOLONG,
 * ERR_SYNTAX (holds a NUL; the next call goes on behind it), ERR_CANCELLED
 * (stop_fd), ERR_BUSY (patience is at its end), ERR_IO or ERR_NOMEM.
 */
int line_read(struct line_io *io, char **line, size_t *len);

/* The same, but only what has come already: ERR_NOTFOUND at once. */
int line_next(struct line_io *io, char **line, size_t *len);

/* Writes the whole line and adds its end. The errors of line_read. */
int line_write(struct line_io *io, const char *line, size_t len);

#endif
