/*
 * The least that a socketmap server can do: one thread, epoll, the same answer
 * to every question, all that is due in one write.
 *
 *	socketmap_fixed SOCKET ANSWER
 */
#include "autoconf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "dial.h"

#define INPUT_MAX  8192
#define ANSWER_MAX 512
/* The shortest question that is one: "1:x,". */
#define QUESTIONS_MAX (INPUT_MAX / 4)

/* As a netstring. */
static char answer[ANSWER_MAX + NETSTRING_HEAD_MAX + 1];
static size_t answer_len;

struct client {
	int fd;
	size_t len;
	uint8_t input[INPUT_MAX];
};

static void
client_free(struct client *client)
{
	close(client->fd);
	free(client);
}

static size_t
answer_all(struct client *client, char *out)
{
	struct netstring frame;
	size_t done = 0, len = 0;

	while (done < client->len && len < QUESTIONS_MAX * answer_len &&
	    netstring_parse(client->input + done, client->len - done,
		INPUT_MAX / 2, &frame) == NETSTRING_WHOLE) {
		done += frame.whole;
		memcpy(out + len, answer, answer_len);
		len += answer_len;
	}
	client->len -= done;
	memmove(client->input, client->input + done, client->len);
	return len;
}

static void
serve(struct client *client)
{
	static char out[QUESTIONS_MAX * sizeof(answer)];
	ssize_t n = read(client->fd, client->input + client->len,
	    INPUT_MAX - client->len);
	size_t len;

	if (n <= 0) {
		client_free(client);
		return;
	}
	client->len += (size_t)n;
	len = answer_all(client, out);
	if (len > 0 && write(client->fd, out, len) != (ssize_t)len)
		client_free(client);
}

static void
let_in(int epoll, int listener)
{
	struct client *client = calloc(1, sizeof(*client));
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};

	if (client == NULL)
		exit(1);
	client->fd = accept(listener, NULL, NULL);
	if (client->fd < 0 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event) != 0)
		exit(1);
}

int
main(int argc, char **argv)
{
	struct epoll_event events[256];
	struct epoll_event event = {.events = EPOLLIN};
	int listener, epoll;

	if (argc != 3 || strlen(argv[2]) > ANSWER_MAX) {
		(void)fprintf(stderr, "usage: socketmap_fixed SOCKET ANSWER\n");
		return 64;
	}
	answer_len = netstring_head(strlen(argv[2]), answer);
	answer_len += (size_t)snprintf(answer + answer_len,
	    sizeof(answer) - answer_len, "%s,", argv[2]);
	listener = dial_listen(argv[1]);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (listener < 0 || epoll < 0 ||
	    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0) {
		(void)fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	for (;;) {
		int n = epoll_wait(epoll, events, 256, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				let_in(epoll, listener);
			else
				serve(events[i].data.ptr);
		}
	}
}
