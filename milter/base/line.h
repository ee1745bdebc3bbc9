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

/* Public so that it can be embedded; its members belong to the module. */
struct line_io {
	int fd;
	int stop_fd;  /* readable: give up at once; -1: there is none */
	size_t max;   /* octets of a line */
	int patience; /* ms without an octet in either direction */
	bool duplex;  /* keeps octets that come while writing, up to max */
	char *buffer;
	size_t size;
	size_t start; /* of the octets that were not handed out yet */
	size_t len;   /* their number */
	bool ended;
};

/* fd stays the caller's and becomes non-blocking. */
void
line_init(struct line_io *io, int fd, int stop_fd, size_t max, int patience_ms);
void line_clear(struct line_io *io);

/*
 * Reads a line, without its end, NUL-terminated; valid until the next call. 0,
 * ERR_NOTFOUND (the other side has closed; an unfinished line is dropped),
 * ERR_TOOLONG, ERR_SYNTAX (holds a NUL; the next call goes on after the line),
 * ERR_CANCELLED (stop_fd), ERR_BUSY (patience is over), ERR_IO or ERR_NOMEM.
 */
int line_read(struct line_io *io, char **line, size_t *len);

/* The same without waiting: ERR_NOTFOUND if no whole line has come. */
int line_next(struct line_io *io, char **line, size_t *len);

/* Writes the whole line and adds its end. The errors of line_read. */
int line_write(struct line_io *io, const char *line, size_t len);

#endif
