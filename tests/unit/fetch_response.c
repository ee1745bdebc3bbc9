#include "autoconf.h"

#include "fetch_response.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static size_t
drop_body(char *data, size_t size, size_t n, void *arg)
{
	(void)data;
	(void)arg;
	return size * n;
}

/* An abstract socket, which libcurl connects to; name is for libcurl. */
static int
listen_at(char *name, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int len;

	(void)snprintf(name, size, "fetch-response-%d", (int)getpid());
	len = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "%s",
	    name);
	if (fd < 0 ||
	    bind(fd, (const struct sockaddr *)&address,
		(socklen_t)offsetof(struct sockaddr_un, sun_path) + 1 +
		    (socklen_t)len) != 0 ||
	    listen(fd, 1) != 0)
		abort();
	return fd;
}

/* -1: nobody has connected yet. libcurl's request is not read. */
static int
answer(int listener, const void *octets, size_t len)
{
	const int room = (int)len + 65536;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (len > 0 && send(fd, octets, len, MSG_NOSIGNAL) != (ssize_t)len)
		abort();
	(void)shutdown(fd, SHUT_WR);
	return fd;
}

void
fetch_response(struct fetch_transfer *t, const void *octets, size_t len)
{
	CURL *easy = curl_easy_init();
	CURLM *multi = curl_multi_init();
	CURLMsg *message = NULL;
	char name[64];
	int listener = listen_at(name, sizeof(name));
	int fd = -1, n;

	*t = (struct fetch_transfer){.easy = easy};
	(void)curl_easy_setopt(easy, CURLOPT_URL, "http://policy.test/");
	(void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(easy, CURLOPT_ABSTRACT_UNIX_SOCKET, name);
	(void)curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
	(void)curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop_body);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION,
	    fetch_outcome_header);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	(void)curl_multi_add_handle(multi, easy);
	while (message == NULL) {
		(void)curl_multi_perform(multi, &n);
		message = curl_multi_info_read(multi, &n);
		if (fd < 0)
			fd = answer(listener, octets, len);
		if (message == NULL)
			(void)curl_multi_poll(multi, NULL, 0, 10, NULL);
	}
	/* With an error in the body libcurl still handed over the header. */
	if (!t->head.ended)
		fetch_outcome_judge(t, message->data.result);
	(void)curl_multi_remove_handle(multi, easy);
	(void)curl_multi_cleanup(multi);
	curl_easy_cleanup(easy);
	t->easy = NULL;
	(void)close(listener);
	if (fd >= 0)
		(void)close(fd);
}
