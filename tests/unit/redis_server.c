/* A redis-server for a test. */
#include "autoconf.h"

#include "redis_server.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "store_sync.h"

#define PROGRAM  "redis-server"
#define START_MS 10000

/* --- is it there ---------------------------------------------------------- */

bool
redis_server_is_installed(void)
{
	const char *path = getenv("PATH");
	char file[4096];

	while (path != NULL && *path != '\0') {
		size_t len = strcspn(path, ":");

		snprintf(file, sizeof(file), "%.*s/%s", (int)len, path,
		    PROGRAM);
		if (access(file, X_OK) == 0)
			return true;
		path += len + (path[len] == ':');
	}
	return false;
}

unsigned
redis_server_free_port(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_neq(fd, -1);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sin, len), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	close(fd);
	return ntohs(sin.sin_port);
}

/* --- starting ------------------------------------------------------------- */

static void
run(const struct redis_server *server, int out)
{
	char port[16];
	const char *sentinel[] = {PROGRAM, server->unix_path, "--sentinel",
	    NULL};
	const char *argv[40] = {PROGRAM, "--port", port, "--bind", "127.0.0.1",
	    "--unixsocket", server->unix_path, "--save", "", "--appendonly",
	    "no", "--dir", server->dir, "--daemonize", "no", "--databases",
	    "16", "--maxmemory", "1gb"};
	size_t n = 0;

	while (argv[n] != NULL)
		n++;
	for (size_t i = 0; server->args[i] != NULL; i++)
		argv[n++] = server->args[i];
	snprintf(port, sizeof(port), "%u", server->port);
	/* It must not outlive a test that dies. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execvp(PROGRAM,
	    (char *const *)(uintptr_t)(server->sentinel ? sentinel : argv));
	_exit(127);
}

static bool
connects(int family, const void *address, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool done = fd != -1 && connect(fd, address, len) == 0;

	if (fd != -1)
		close(fd);
	return done;
}

static bool
serves(const struct redis_server *server)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons((uint16_t)server->port)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", server->unix_path);
	return (server->sentinel || connects(AF_UNIX, &un, sizeof(un))) &&
	    (server->port == 0 || connects(AF_INET, &in, sizeof(in)));
}

/* Whatever it prints when it is ready (Redis 7.0 and 8.0 word it differently),
 * it listens by then. What it printed is shown if it never does. */
static void
await_ready(const struct redis_server *server, int out)
{
	struct pollfd ready = {.fd = out, .events = POLLIN};
	char text[8192];
	size_t len = 0;

	do {
		ssize_t n = poll(&ready, 1, START_MS) == 1
		    ? read(out, text + len, sizeof(text) - 1 - len)
		    : 0;

		text[len + (n > 0 ? (size_t)n : 0)] = '\0';
		cr_assert_gt(n, 0, "redis-server does not start: %s", text);
		len += (size_t)n;
	} while (!serves(server));
}

static void
start(struct redis_server *server)
{
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	server->pid = fork();
	cr_assert_neq(server->pid, -1);
	if (server->pid == 0)
		run(server, ends[1]);
	close(ends[1]);
	await_ready(server, ends[0]);
	close(ends[0]);
}

void
redis_server_start(struct redis_server *server, unsigned port,
    const char *const *args)
{
	*server = (struct redis_server){.port = port, .dir = scratch_new()};
	server->unix_path = scratch_path(server->dir, "socket");
	for (size_t i = 0; args != NULL && args[i] != NULL; i++) {
		cr_assert_lt(i, REDIS_SERVER_ARGS_MAX - 1);
		server->args[i] = args[i];
	}
	start(server);
}

void
redis_server_start_sentinel(struct redis_server *server, unsigned port,
    unsigned master_port)
{
	FILE *file;

	*server = (struct redis_server){.port = port,
	    .dir = scratch_new(),
	    .sentinel = true};
	server->unix_path = scratch_path(server->dir, "sentinel.conf");
	file = fopen(server->unix_path, "we");
	cr_assert_not_null(file);
	fprintf(file,
	    "port %u\nbind 127.0.0.1\ndir %s\n"
	    "sentinel monitor mail 127.0.0.1 %u 2\n"
	    "sentinel down-after-milliseconds mail 500\n"
	    "sentinel failover-timeout mail 2000\n",
	    port, server->dir, master_port);
	fclose(file);
	start(server);
}

void
redis_server_restart(struct redis_server *server)
{
	cr_assert_eq(server->pid, 0);
	start(server);
}

/* --- ending --------------------------------------------------------------- */

void
redis_server_kill(struct redis_server *server)
{
	if (server->pid == 0)
		return;
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

void
redis_server_pause(struct redis_server *server)
{
	int status;

	kill(server->pid, SIGSTOP);
	cr_assert_eq(waitpid(server->pid, &status, WUNTRACED), server->pid);
	cr_assert(WIFSTOPPED(status));
}

void
redis_server_resume(struct redis_server *server)
{
	kill(server->pid, SIGCONT);
}

void
redis_server_end(struct redis_server *server)
{
	redis_server_kill(server);
	free(server->unix_path);
	server->unix_path = NULL;
	scratch_free(&server->dir);
}

/* --- asking --------------------------------------------------------------- */

static struct redisReply *
ask(const struct redis_server *server, const char *format, va_list ap)
{
	redisContext *context = redisConnectUnix(server->unix_path);
	struct redisReply *reply;

	cr_assert_not_null(context);
	cr_assert_eq(context->err, 0, "%s", context->errstr);
	reply = redisvCommand(context, format, ap);
	cr_assert_not_null(reply, "%s", context->errstr);
	cr_assert_neq(reply->type, REDIS_REPLY_ERROR, "%s: %s", format,
	    reply->str);
	redisFree(context);
	return reply;
}

struct redisReply *
redis_server_ask(const struct redis_server *server, const char *format, ...)
{
	struct redisReply *reply;
	va_list ap;

	va_start(ap, format);
	reply = ask(server, format, ap);
	va_end(ap);
	return reply;
}

long long
redis_server_ask_integer(const struct redis_server *server, const char *format,
    ...)
{
	struct redisReply *reply;
	long long value;
	va_list ap;

	va_start(ap, format);
	reply = ask(server, format, ap);
	va_end(ap);
	cr_assert_eq(reply->type, REDIS_REPLY_INTEGER, "%s", format);
	value = reply->integer;
	freeReplyObject(reply);
	return value;
}

void
redis_server_tell(const struct redis_server *server, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	freeReplyObject(ask(server, format, ap));
	va_end(ap);
}

struct store *
redis_server_open(const struct redis_server *server)
{
	char error[STORE_ERROR_SIZE] = "";
	char spec[256];
	struct store *store;

	snprintf(spec, sizeof(spec), "redis+unix:%s", server->unix_path);
	store = store_open(&(struct store_options){.spec = spec}, error);
	cr_assert_not_null(store, "%s", error);
	return store;
}
