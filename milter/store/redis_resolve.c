/* The system's resolver with a deadline. */
#include "autoconf.h"

#include "store/redis_resolve.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "base/err.h"
#include "store/redis_address.h"
#include "store/redis_wait.h"

struct query {
	struct gaicb cb;
	struct addrinfo hints;
	char host[NAME_SIZE];
	char port[REDIS_PORT_SIZE];
};

static struct query *
query_new(const char *host, const char *port)
{
	struct query *q = calloc(1, sizeof(*q));
	struct gaicb *list[1];

	if (q == NULL)
		return NULL;
	snprintf(q->host, sizeof(q->host), "%s", host);
	snprintf(q->port, sizeof(q->port), "%s", port);
	q->hints.ai_socktype = SOCK_STREAM;
	q->hints.ai_flags = AI_NUMERICSERV;
	q->cb.ar_name = q->host;
	q->cb.ar_service = q->port;
	q->cb.ar_request = &q->hints;
	list[0] = &q->cb;
	if (getaddrinfo_a(GAI_NOWAIT, list, 1, NULL) == 0)
		return q;
	free(q);
	return NULL;
}

/* The result of a query that is over. */
static int
query_result(struct query *q, struct addrinfo **out, const char **why)
{
	int rc = gai_error(&q->cb);

	*out = q->cb.ar_result;
	*why = gai_strerror(rc);
	return rc == 0 ? 0 : ERR_IO;
}

static void
query_wait(struct query *q, uint64_t deadline_ms)
{
	const struct gaicb *list[1] = {&q->cb};
	uint64_t now_ms = redis_now_ms();

	while (gai_error(&q->cb) == EAI_INPROGRESS && now_ms < deadline_ms) {
		uint64_t left_ms = deadline_ms - now_ms;
		struct timespec left = {(time_t)(left_ms / 1000),
		    (long)(left_ms % 1000) * 1000000};

		(void)gai_suspend(list, 1, &left);
		now_ms = redis_now_ms();
	}
}

int
redis_resolve(struct redis_resolver *resolver, const char *host,
    const char *port, uint64_t deadline_ms, struct addrinfo **out,
    const char **why)
{
	int err;

	*out = NULL;
	*why = "out of memory";
	if (resolver->running == NULL)
		resolver->running = query_new(host, port);
	if (resolver->running == NULL)
		return ERR_IO;
	query_wait(resolver->running, deadline_ms);
	if (gai_error(&resolver->running->cb) == EAI_INPROGRESS)
		return ERR_BUSY;
	err = query_result(resolver->running, out, why);
	free(resolver->running);
	resolver->running = NULL;
	return err;
}

void
redis_resolver_clear(struct redis_resolver *resolver)
{
	struct query *q = resolver->running;

	resolver->running = NULL;
	if (q == NULL)
		return;
	/* Under way: glibc still writes to it, so that it must stay. */
	if (gai_cancel(&q->cb) == EAI_NOTCANCELED)
		return;
	if (gai_error(&q->cb) == 0 && q->cb.ar_result != NULL)
		freeaddrinfo(q->cb.ar_result);
	free(q);
}
