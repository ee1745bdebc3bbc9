/* Lines over a stream socket. */
#include "autoconf.h"

#include "base/line.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"

void
line_init(struct line_io *io, int fd, int stop_fd, size_t max, int patience_ms)
{
	memset(io, 0, sizeof(*io));
	io->fd = fd;
	io->stop_fd = stop_fd;
	io->max = max;
	io->patience = patience_ms;
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void
line_clear(struct line_io *io)
{
	free(io->buffer);
	io->buffer = NULL;
	io->size = io->start = io->len = 0;
}

/* Waits until the socket is ready for one of events. 0 or a negative error. */
static int
await(const struct line_io *io, short events, short *seen)
{
	struct pollfd fds[2] = {
	    {.fd = io->fd,      .events = events},
	    {.fd = io->stop_fd, .events = POLLIN},
	};
	int n;

	do
		n = poll(fds, 2, io->patience);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return ERR_IO;
	if (n == 0)
		return ERR_BUSY;
	if (fds[1].revents != 0)
		return ERR_CANCELLED;
	*seen = fds[0].revents;
	return 0;
}

/* --- reading ------------------------------------------------------------ */

/* Makes room for at least one more octet. */
static int
make_room(struct line_io *io)
{
	size_t size = io->size > 0 ? io->size * 2 : LINE_SIZE_MIN;
	char *larger;

	if (io->start > 0 && io->start + io->len == io->size) {
		memmove(io->buffer, io->buffer + io->start, io->len);
		io->start = 0;
	}
	if (io->start + io->len < io->size)
		return 0;
	if (io->len > io->max)
		return ERR_TOOLONG;
	larger = realloc(io->buffer, size);
	if (larger == NULL)
		return ERR_NOMEM;
	io->buffer = larger;
	io->size = size;
	return 0;
}

/* Reads the octets that have come, without waiting. */
static int
fill(struct line_io *io)
{
	int err = make_room(io);
	ssize_t n;

	if (err != 0)
		return err;
	n = recv(io->fd, io->buffer + io->start + io->len,
	    io->size - io->start - io->len, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : ERR_IO;
	io->ended = n == 0;
	io->len += (size_t)n;
	return 0;
}

int
line_next(struct line_io *io, char **line, size_t *len)
{
	char *start;
	char *end;

	if (io->len == 0)
		return ERR_NOTFOUND; /* there may be no buffer yet */
	start = io->buffer + io->start;
	end = memchr(start, '\n', io->len);
	if (end == NULL)
		return io->len > io->max ? ERR_TOOLONG : ERR_NOTFOUND;
	*line = start;
	*len = (size_t)(end - start);
	*end = '\0';
	io->start += *len + 1;
	io->len -= *len + 1;
	if (*len > io->max)
		return ERR_TOOLONG;
	return memchr(start, '\0', *len) == NULL ? 0 : ERR_SYNTAX;
}

int
line_read(struct line_io *io, char **line, size_t *len)
{
	int err = line_next(io, line, len);
	short seen;

	while (err == ERR_NOTFOUND && !io->ended) {
		err = await(io, POLLIN, &seen);
		if (err == 0)
			err = fill(io);
		if (err == 0)
			err = line_next(io, line, len);
	}
	return err;
}

/* --- writing ------------------------------------------------------------ */

int
line_write(struct line_io *io, const char *line, size_t len)
{
	size_t sent = 0;
	int err = 0;

	/* Sends the line, then the octet that ends it. */
	while (err == 0 && sent <= len) {
		short events = POLLOUT, seen;
		ssize_t n;

		if (io->duplex && !io->ended)
			events |= POLLIN;
		err = await(io, events, &seen);
		if (err == 0 && (seen & POLLIN) != 0)
			err = fill(io);
		if (err != 0 || (seen & ~POLLIN) == 0)
			continue;
		n = sent < len
		    ? send(io->fd, line + sent, len - sent, MSG_NOSIGNAL)
		    : send(io->fd, "\n", 1, MSG_NOSIGNAL);
		if (n >= 0)
			sent += (size_t)n;
		else if (errno != EAGAIN && errno != EINTR)
			err = ERR_IO;
	}
	return err;
}
