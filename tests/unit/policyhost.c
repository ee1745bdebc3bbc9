#include "autoconf.h"

#include "policyhost.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <net/if.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/name.h"
#include "paths.h"

#define SUFFIX        "policy.test"
#define ADDRESSES_MAX 4
#define PATIENCE_S    60 /* then something is broken */

static struct {
	char dir[64];
	char path[256];
	pid_t pid;
	int stdin_fd; /* the server ends when it is closed */
} server;

/* --- the server ----------------------------------------------------------- */

static void
private_network(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd;

	if (unshare(CLONE_NEWNET) != 0)
		return;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_assert_geq(fd, 0);
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	cr_assert_eq(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

const char *
policyhost_path(const char *name)
{
	snprintf(server.path, sizeof(server.path), "%s/%s", server.dir, name);
	return server.path;
}

const char *
policyhost_ca_file(void)
{
	return policyhost_path("ca/root.pem");
}

static void
spawn(const char *const *argv, int stdin_fd, int stdout_fd)
{
	posix_spawn_file_actions_t actions;
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, stdin_fd, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, stdout_fd, STDOUT_FILENO);
	rc = posix_spawn(&server.pid, argv[0], &actions, NULL,
	    (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	cr_assert_eq(rc, 0, "%s: %s", argv[0], strerror(rc));
}

void
policyhost_start(void)
{
	char ca[96];
	char control[96];
	char ready[8] = "";
	int to[2];
	int from[2];
	FILE *output;
	const char *const argv[] = {"/usr/bin/python3", "-B",
	    LAB_DIR "/policyhost.py", "--ca", ca, "--control", control,
	    "--catalogue", SUFFIX, "--until-eof", "--listen",
	    POLICYHOST_IPV4 ":443", POLICYHOST_IPV4_B ":443",
	    POLICYHOST_IPV4_C ":443", POLICYHOST_IPV4_D ":443",
	    POLICYHOST_NEAR ":443", "[" POLICYHOST_IPV6 "]:443", NULL};

	private_network();
	snprintf(server.dir, sizeof(server.dir), "/tmp/test-fetch.XXXXXX");
	cr_assert_not_null(mkdtemp(server.dir));
	snprintf(ca, sizeof(ca), "%s/ca", server.dir);
	snprintf(control, sizeof(control), "%s/control", server.dir);
	cr_assert_eq(pipe2(to, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(from, O_CLOEXEC), 0);
	spawn(argv, to[0], from[1]);
	close(to[0]);
	close(from[1]);
	server.stdin_fd = to[1];
	output = fdopen(from[0], "r");
	cr_assert_not_null(output);
	cr_assert_not_null(fgets(ready, sizeof(ready), output),
	    "the policy host does not start");
	cr_assert_str_eq(ready, "ready\n");
	fclose(output);
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void
policyhost_stop(void)
{
	int status;

	close(server.stdin_fd);
	cr_assert_eq(waitpid(server.pid, &status, 0), server.pid);
	nftw(server.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

json_t *
policyhost_ask(const char *command)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	FILE *lines;
	json_t *answer;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/control", server.dir);
	cr_assert_eq(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	lines = fdopen(fd, "r+");
	cr_assert_not_null(lines);
	fprintf(lines, "%s\n", command);
	fflush(lines);
	answer = json_loadf(lines, JSON_DISABLE_EOF_CHECK, NULL);
	fclose(lines);
	cr_assert(json_is_true(json_object_get(answer, "ok")), "%s", command);
	return answer;
}

unsigned
policyhost_count(const char *name, const char *what)
{
	char command[NAME_SIZE + 64];
	json_t *answer;
	json_int_t n;

	snprintf(command, sizeof(command),
	    "{\"count\": \"mta-sts.%s." SUFFIX "\"}", name);
	answer = policyhost_ask(command);
	n = json_integer_value(json_object_get(answer, what));
	json_decref(answer);
	return (unsigned)n;
}

/* --- the client ----------------------------------------------------------- */

struct net_prefix
prefix_of(const char *text)
{
	struct net_prefix prefix;

	cr_assert_eq(net_prefix_parse(text, &prefix), 0, "%s", text);
	return prefix;
}

struct net_address
address_of(const char *text)
{
	return prefix_of(text).address;
}

void
client_start(struct client *client, const struct fetch_config *config)
{
	struct fetch_config c = *config;
	struct net_prefix loopback[] = {prefix_of("127.0.0.0/8"),
	    prefix_of("::1")};
	char error[FETCH_ERROR_SIZE];

	client->urgent = false;
	if (c.ca_file == NULL)
		c.ca_file = policyhost_ca_file();
	if (c.networks == NULL) {
		c.n_networks = 2;
		c.networks = loopback;
	}
	if (c.timeout_ms == 0)
		c.timeout_ms = PATIENCE_S * 1000;
	if (c.max_bytes == 0)
		c.max_bytes = 65536;
	client->base = event_base_new();
	cr_assert_not_null(client->base);
	client->fetcher = fetcher_new(&c, client->base, error);
	cr_assert_not_null(client->fetcher, "%s", error);
}

void
client_stop(struct client *client)
{
	fetcher_free(&client->fetcher);
	cr_assert_null(client->fetcher);
	event_base_free(client->base);
}

static void
on_done(void *arg, const struct fetch_result *result)
{
	struct outcome *outcome = arg;

	outcome->calls++;
	outcome->failure = result->failure;
	memcpy(outcome->why, result->why, sizeof(outcome->why));
	if (result->failure != FETCH_FAILURE_NONE)
		return;
	/* A copy with nothing after it, so that a sanitizer sees its end. */
	outcome->body = malloc(result->len);
	if (result->len > 0)
		memcpy(outcome->body, result->body, result->len);
	outcome->len = result->len;
}

int
client_fetch(struct client *client, const char *name,
    const char *const *addresses, struct outcome *outcome)
{
	static const char *const usual[] = {POLICYHOST_IPV4, NULL};
	struct net_address address[ADDRESSES_MAX];
	char host[NAME_SIZE + 64];
	size_t n = 0;
	int rc;

	if (addresses == NULL)
		addresses = usual;
	for (; addresses[n] != NULL; n++)
		address[n] = address_of(addresses[n]);
	snprintf(host, sizeof(host), "mta-sts.%s." SUFFIX, name);
	rc = fetch_start(client->fetcher, host, address, n, client->urgent,
	    on_done, outcome);
	cr_assert_eq(outcome->calls, 0, "done inside fetch_start");
	return rc;
}

static void
on_impatience(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	cr_assert_fail("nothing happens");
}

static void
round_of_loop(struct client *client, int flags)
{
	struct timeval tv = {PATIENCE_S, 0};
	struct event *alarm = evtimer_new(client->base, on_impatience, NULL);

	event_add(alarm, &tv);
	event_base_loop(client->base, flags);
	event_free(alarm);
}

void
client_wait(struct client *client)
{
	while (fetch_pending(client->fetcher) > 0)
		round_of_loop(client, EVLOOP_ONCE);
	/* What would come too much would come now. */
	event_base_loop(client->base, EVLOOP_NONBLOCK);
}

void
client_wait_count(struct client *client, const char *name, const char *what,
    unsigned n)
{
	while (policyhost_count(name, what) < n)
		event_base_loop(client->base, EVLOOP_NONBLOCK);
}

void
outcome_clear(struct outcome *outcome)
{
	free(outcome->body);
	*outcome = (struct outcome){0};
}
