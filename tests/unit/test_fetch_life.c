/* Fetches as such: addresses, numbers, ends, what is left behind. */
#include "autoconf.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "log/log.h"
#include "policyhost.h"
#include "store_sync.h"

#define N(array)        (sizeof(array) / sizeof((array)[0]))
#define CONNECTIONS_MAX 128 /* of fetch.c */

TestSuite(fetch_life, .init = policyhost_start, .fini = policyhost_stop,
    .timeout = 120);

/* --- addresses ------------------------------------------------------------ */

static void
run_one(struct client *client, const char *name, const char *const *addresses,
    struct outcome *outcome)
{
	outcome_clear(outcome);
	cr_assert_eq(client_fetch(client, name, addresses, outcome), 0);
	client_wait(client);
	cr_assert_eq(outcome->calls, 1);
}

Test(fetch_life, F_16_special_addresses_are_refused)
{
	static const struct {
		const char *network;
		const char *addresses[4];
		const char *why; /* NULL: fetched */
	} rows[] = {
	    {"10.0.0.0/8",    {"127.80.9.1"},
             "address 127.80.9.1 is refused (loopback)"             },
	    {"10.0.0.0/8",    {"::1", "127.80.9.1", "fe80::1"},
             "address ::1 is refused (loopback), and 2 more"        },
	    {"10.0.0.0/8",    {"64:ff9b::7f50:901"},
             "address 64:ff9b::7f50:901 is refused (loopback)"      },
	    {"127.80.9.1",    {"127.80.9.1"},                   NULL},
	    {"127.80.8.0/21", {"::1", "127.80.9.1"},            NULL},
	    {"::1",           {"127.80.9.1", "::1"},            NULL},
	    {"127.80.9.200",  {"127.80.9.200", "::1"},
             "cannot connect: Connection refused; address ::1 is refused "
		"(loopback)"					},
	};
	struct outcome outcome = {0};

	for (size_t i = 0; i < N(rows); i++) {
		struct net_prefix network = prefix_of(rows[i].network);
		struct client client;
		unsigned before = policyhost_count("ok", "connections");

		client_start(&client,
		    &(struct fetch_config){.n_networks = 1,
			.networks = &network});
		run_one(&client, "ok", rows[i].addresses, &outcome);
		cr_expect_str_eq(outcome.why,
		    rows[i].why != NULL ? rows[i].why : "");
		cr_expect_eq(policyhost_count("ok", "connections"),
		    before + (rows[i].why == NULL));
		client_stop(&client);
	}
	outcome_clear(&outcome);
}

/* A listener whose queue is full: the kernel answers no SYN any more. */
static int
silent_listener(const char *address, int *fill_fd)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(443)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*fill_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, address, &sa.sin_addr);
	cr_assert_eq(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	cr_assert_eq(listen(fd, 0), 0);
	cr_assert_eq(connect(*fill_fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

Test(fetch_life, other_addresses_are_tried)
{
	static const struct {
		const char *addresses[4];
		const char *why; /* NULL: fetched */
	} rows[] = {
	    {{"::1"},					NULL				},
	    {{"127.80.9.200", "127.80.9.1"},                 NULL                                },
	    {{"::2", "127.80.9.1"},                          NULL                                },
	    {{"127.80.9.200", "::1"},                        NULL                                },
	    {{"127.80.9.201", "127.80.9.1"},                 NULL                                },
	    {{"127.80.9.201", "127.80.9.200", "127.80.9.1"}, NULL                                },
	    {{"127.80.9.201", "::1"},                        NULL                                },
	    {{"127.80.9.200"},			       "cannot connect: Connection refused"},
	    {{"127.80.9.201"},			       "no connection in time, connecting" },
	};
	struct net_prefix networks[] = {prefix_of("127.0.0.0/8"),
	    prefix_of("::/126")};
	struct outcome outcome = {0};
	struct client client;
	int fill_fd;
	int fd = silent_listener("127.80.9.201", &fill_fd);

	client_start(&client,
	    &(struct fetch_config){.timeout_ms = 3000,
		.n_networks = N(networks),
		.networks = networks});
	for (size_t i = 0; i < N(rows); i++) {
		run_one(&client, "ok", rows[i].addresses, &outcome);
		cr_expect_str_eq(outcome.why,
		    rows[i].why != NULL ? rows[i].why : "");
	}
	outcome_clear(&outcome);
	client_stop(&client);
	close(fill_fd);
	close(fd);
}

/* --- numbers -------------------------------------------------------------- */

/* More than may be connected at a time. */
#define MANY (CONNECTIONS_MAX + 22)

Test(fetch_life, many_at_once_are_all_fetched)
{
	static struct outcome outcomes[MANY];
	struct client client;

	client_start(&client, &(struct fetch_config){0});
	for (size_t i = 0; i < MANY; i++)
		cr_assert_eq(client_fetch(&client, "ok", NULL, &outcomes[i]),
		    0);
	cr_expect_eq(fetch_pending(client.fetcher), MANY);
	client_wait(&client);
	for (size_t i = 0; i < MANY; i++) {
		cr_expect_eq(outcomes[i].calls, 1);
		cr_expect_eq(outcomes[i].failure, FETCH_FAILURE_NONE, "%s",
		    outcomes[i].why);
		outcome_clear(&outcomes[i]);
	}
	cr_expect_eq(policyhost_count("ok", "requests"), MANY);
	client_stop(&client);
}

static unsigned
peak(void)
{
	json_t *answer = policyhost_ask("{\"peak\": true}");
	json_int_t n = json_integer_value(json_object_get(answer, "peak"));

	json_decref(answer);
	return (unsigned)n;
}

/* From the networks in turn, so that no one's share counts. */
static void
start_stalled(struct client *client, struct outcome *outcomes, size_t n)
{
	static const char *const networks[] = {POLICYHOST_IPV4,
	    POLICYHOST_IPV4_B, POLICYHOST_IPV4_C, POLICYHOST_IPV4_D,
	    POLICYHOST_IPV6};

	for (size_t i = 0; i < n; i++) {
		const char *addresses[4] = {networks[i % N(networks)]};

		cr_assert_eq(client_fetch(client, "stall-request", addresses,
				 &outcomes[i]),
		    0);
	}
}

Test(fetch_life, connections_are_bounded_and_free_cancels)
{
	static struct outcome outcomes[MANY];
	struct client client;

	client_start(&client, &(struct fetch_config){0});
	start_stalled(&client, outcomes, MANY);
	client_wait_count(&client, "stall-request", "requests",
	    CONNECTIONS_MAX);
	cr_expect_eq(peak(), CONNECTIONS_MAX);
	cr_expect_eq(fetch_pending(client.fetcher), MANY);
	client_stop(&client);
	for (size_t i = 0; i < MANY; i++) {
		cr_expect_eq(outcomes[i].calls, 1);
		cr_expect_eq(outcomes[i].failure, FETCH_FAILURE_CANCELLED);
		cr_expect_str_eq(outcomes[i].why, "cancelled");
	}
	cr_expect_eq(peak(), CONNECTIONS_MAX);
}

/* All connections are taken, twice over, by hosts that use up their time. */
Test(fetch_life, F_17_time_does_not_run_while_a_fetch_waits)
{
	enum {
		TIMEOUT_MS = 1000
	};
	static struct outcome silent[2 * CONNECTIONS_MAX];
	struct outcome last = {0};
	struct client client;
	uint64_t begun_ms = clock_mono_ms();
	size_t ran = 0;

	client_start(&client, &(struct fetch_config){.timeout_ms = TIMEOUT_MS});
	start_stalled(&client, silent, N(silent));
	cr_assert_eq(client_fetch(&client, "ok", NULL, &last), 0);
	client_wait(&client);
	for (size_t i = 0; i < N(silent); i++)
		cr_expect_eq(silent[i].failure, FETCH_FAILURE_TIMEOUT);
	/* The second half began when the first had ended, with all its time: at
	 * least half of it, which is for connecting. Where the machine is too
	 * slow to connect in time, nothing can be said. */
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		ran += strncmp(silent[i].why, "no end", 6) == 0;
	if (ran == CONNECTIONS_MAX)
		cr_expect_geq(clock_mono_ms() - begun_ms, TIMEOUT_MS * 3 / 2);
	cr_expect_neq(last.failure, FETCH_FAILURE_QUEUE, "%s", last.why);
	client_stop(&client);
	outcome_clear(&last);
}

/* A fetch that never ran says nothing about its policy host. */
Test(fetch_life, F_17_waiting_is_bounded_and_no_failure_of_the_host)
{
	static struct outcome outcomes[CONNECTIONS_MAX + 1];
	struct outcome *last = &outcomes[CONNECTIONS_MAX];
	struct client client;

	client_start(&client, &(struct fetch_config){.wait_ms = 1000});
	start_stalled(&client, outcomes, N(outcomes));
	while (last->calls == 0)
		event_base_loop(client.base, EVLOOP_ONCE);
	cr_expect_eq(last->failure, FETCH_FAILURE_QUEUE);
	cr_expect_str_eq(fetch_failure_tlsrpt(last->failure), "");
	cr_expect_eq(strncmp(last->why, "no connection was free for 1000 ms",
			 34),
	    0, "%s", last->why);
	client_stop(&client);
}

/* Strangers have any number of silent hosts in the network of one that answers:
 * it does not wait until all of them have had their turn. */
Test(fetch_life, F_17_silent_hosts_wait_behind_others_of_their_network)
{
	enum {
		SHARE = CONNECTIONS_MAX / 4
	};
	static const char *const near[4] = {POLICYHOST_NEAR};
	static struct outcome silent[10 * SHARE];
	struct outcome last = {0};
	struct client client;

	client_start(&client, &(struct fetch_config){.timeout_ms = 2000});
	for (size_t i = 0; i < N(silent); i++)
		cr_assert_eq(client_fetch(&client, "stall-request", NULL,
				 &silent[i]),
		    0);
	client_wait_count(&client, "stall-request", "requests", SHARE);
	cr_assert_eq(client_fetch(&client, "ok", near, &last), 0);
	while (last.calls == 0)
		event_base_loop(client.base, EVLOOP_ONCE);
	cr_expect_eq(last.failure, FETCH_FAILURE_NONE, "%s", last.why);
	/* Two shares of them on an idle machine. */
	cr_expect_lt(policyhost_count("stall-request", "requests"),
	    N(silent) / 2);
	client_stop(&client);
	outcome_clear(&last);
}

/* Whoever has silent hosts in one network holds up nobody else's. */
Test(fetch_life, silent_hosts_of_one_network_leave_room)
{
	enum {
		SHARE = CONNECTIONS_MAX / 4
	};
	static const char *const elsewhere[4] = {POLICYHOST_IPV4_B};
	static struct outcome silent[SHARE + 10];
	struct outcome near = {0}, far = {0};
	char *dir = scratch_new(), *path = scratch_path(dir, "log");
	struct log *log = log_to_file(path);
	struct client client;

	client_start(&client, &(struct fetch_config){.log = log});
	for (size_t i = 0; i < N(silent); i++)
		cr_assert_eq(client_fetch(&client, "stall-request", NULL,
				 &silent[i]),
		    0);
	client_wait_count(&client, "stall-request", "requests", SHARE);
	cr_assert_eq(client_fetch(&client, "ok", NULL, &near), 0);
	cr_assert_eq(client_fetch(&client, "ok", elsewhere, &far), 0);
	while (far.calls == 0)
		event_base_loop(client.base, EVLOOP_ONCE);
	cr_expect_eq(far.failure, FETCH_FAILURE_NONE, "%s", far.why);
	cr_expect_eq(near.calls, 0);
	cr_expect_eq(policyhost_count("stall-request", "requests"), SHARE);
	client_stop(&client);
	cr_expect_eq(near.failure, FETCH_FAILURE_CANCELLED);
	log_close(&log);
	cr_expect_eq(lines_with(path,
			 "warning limit msg=\"32 connections of "
			 "one loop to policy hosts in one network "
			 "are open: "),
	    1);
	cr_expect_eq(lines_with(path, " limit "), 1, "once a minute at most");
	outcome_clear(&near);
	outcome_clear(&far);
	free(path);
	scratch_free(&dir);
}

/* Nor does whoever has them everywhere, for what is urgent; and who has urgent
 * ones of his own in one network, no other network's. */
Test(fetch_life, silent_hosts_leave_room_for_what_is_urgent)
{
	enum {
		RESERVE = CONNECTIONS_MAX / 8,
		SHARE = RESERVE / 4
	};
	static const char *const far[4] = {POLICYHOST_IPV4_B};
	static struct outcome silent[CONNECTIONS_MAX + 2], urgent[SHARE + 1];
	struct outcome first = {0}, second = {0};
	char *dir = scratch_new(), *path = scratch_path(dir, "log");
	struct log *log = log_to_file(path);
	struct client client;

	client_start(&client, &(struct fetch_config){.log = log});
	start_stalled(&client, silent, N(silent));
	client_wait_count(&client, "stall-request", "requests",
	    CONNECTIONS_MAX);
	client.urgent = true;
	cr_assert_eq(client_fetch(&client, "ok", NULL, &first), 0);
	while (first.calls == 0)
		event_base_loop(client.base, EVLOOP_ONCE);
	cr_expect_eq(first.failure, FETCH_FAILURE_NONE, "%s", first.why);
	for (size_t i = 0; i < N(urgent); i++)
		cr_assert_eq(client_fetch(&client, "stall-request", NULL,
				 &urgent[i]),
		    0);
	client_wait_count(&client, "stall-request", "requests",
	    CONNECTIONS_MAX + SHARE);
	cr_assert_eq(client_fetch(&client, "ok", far, &second), 0);
	while (second.calls == 0)
		event_base_loop(client.base, EVLOOP_ONCE);
	cr_expect_eq(second.failure, FETCH_FAILURE_NONE, "%s", second.why);
	cr_expect_eq(policyhost_count("stall-request", "requests"),
	    CONNECTIONS_MAX + SHARE);
	client_stop(&client);
	log_close(&log);
	cr_expect_eq(lines_with(path,
			 "warning limit msg=\"128 connections of "
			 "one loop to policy hosts are open: "),
	    1);
	outcome_clear(&first);
	outcome_clear(&second);
	free(path);
	scratch_free(&dir);
}

/* --- ends ----------------------------------------------------------------- */

/* Connecting, in the handshake, in the header, in the body. */
Test(fetch_life, free_cancels_in_every_phase)
{
	static const char *const names[] = {"stall-accept", "stall-handshake",
	    "drip-head", "stall-body"};
	struct outcome outcomes[N(names) + 1] = {0};
	struct client client;

	client_start(&client, &(struct fetch_config){0});
	for (size_t i = 0; i < N(names); i++)
		cr_assert_eq(client_fetch(&client, names[i], NULL,
				 &outcomes[i]),
		    0);
	client_wait_count(&client, "stall-accept", "connections", 1);
	client_wait_count(&client, "stall-handshake", "handshakes", 1);
	client_wait_count(&client, "drip-head", "requests", 1);
	client_wait_count(&client, "stall-body", "requests", 1);
	/* And one that has not begun. */
	cr_assert_eq(client_fetch(&client, "ok", NULL, &outcomes[N(names)]), 0);
	client_stop(&client);
	for (size_t i = 0; i < N(outcomes); i++) {
		cr_expect_eq(outcomes[i].calls, 1);
		cr_expect_eq(outcomes[i].failure, FETCH_FAILURE_CANCELLED);
	}
}

struct chain {
	struct client *client;
	unsigned left;
	unsigned failed;
	int rc;
};

static void next_in_chain(void *arg, const struct fetch_result *result);

static void
start_chain(struct chain *chain)
{
	struct net_address address = address_of(POLICYHOST_IPV4);

	chain->rc = fetch_start(chain->client->fetcher,
	    "mta-sts.ok.policy.test", &address, 1, false, next_in_chain, chain);
}

static void
next_in_chain(void *arg, const struct fetch_result *result)
{
	struct chain *chain = arg;

	chain->failed += result->failure != FETCH_FAILURE_NONE;
	if (--chain->left > 0)
		start_chain(chain);
}

Test(fetch_life, done_may_start_the_next)
{
	struct client client;
	struct chain chain = {.client = &client, .left = 5};

	client_start(&client, &(struct fetch_config){0});
	start_chain(&chain);
	client_wait(&client);
	cr_expect_eq(chain.left, 0);
	cr_expect_eq(chain.failed, 0);
	cr_expect_eq(chain.rc, 0);
	client_stop(&client);
}

/* From 8.12 on libcurl reads the end of TLS after the fetch is freed, which
 * AddressSanitizer and valgrind would see (seen with 8.14 and 8.22). */
Test(fetch_life, the_end_of_TLS_may_come_after_the_fetch)
{
	const struct timeval later = {0, 300000};
	struct outcome outcome = {0};
	struct client client;

	client_start(&client, &(struct fetch_config){0});
	run_one(&client, "ok-late", NULL, &outcome);
	cr_expect_str_eq(outcome.why, "");
	cr_assert_eq(event_base_loopexit(client.base, &later), 0);
	cr_assert_eq(event_base_dispatch(client.base), 0);
	cr_expect_eq(outcome.calls, 1);
	outcome_clear(&outcome);
	client_stop(&client);
}

Test(fetch_life, nothing_starts_once_free_has_begun)
{
	struct client client;
	struct chain chain = {.client = &client, .left = 5};

	client_start(&client, &(struct fetch_config){0});
	start_chain(&chain);
	client_stop(&client);
	cr_expect_eq(chain.left, 4);
	cr_expect_eq(chain.failed, 1);
	cr_expect_eq(chain.rc, ERR_CANCELLED);
}

static void
never(void *arg, const struct fetch_result *result)
{
	(void)arg;
	cr_assert_fail("done was called: %s", result->why);
}

Test(fetch_life, F_01_F_02_only_canonical_hosts)
{
	static char long_name[300];
	static const struct {
		const char *host;
		int rc;
	} rows[] = {
	    {"",			 ERR_SYNTAX },
	    {".",			ERR_SYNTAX },
	    {"MTA-STS.example.org",      ERR_SYNTAX },
	    {"mta-sts.example.org.",     ERR_SYNTAX },
	    {"mta-sts.example.org:8443", ERR_SYNTAX },
	    {"mta-sts.example.org/x",    ERR_SYNTAX },
	    {"user@mta-sts.example.org", ERR_SYNTAX },
	    {"mta-sts.example.org\r\nX", ERR_SYNTAX },
	    {"mta-sts.m\xc3\xbc.test",   ERR_SYNTAX },
	    {"[::1]",                    ERR_SYNTAX },
	    {"127.0.0.1",                ERR_SYNTAX },
	    {long_name,                  ERR_TOOLONG},
	};
	struct net_address address = address_of(POLICYHOST_IPV4);
	struct client client;

	memset(long_name, 'a', sizeof(long_name) - 1);
	for (size_t i = 50; i < sizeof(long_name) - 1; i += 50)
		long_name[i] = '.';
	client_start(&client, &(struct fetch_config){0});
	for (size_t i = 0; i < N(rows); i++)
		cr_expect_eq(fetch_start(client.fetcher, rows[i].host, &address,
				 1, false, never, NULL),
		    rows[i].rc, "%s", rows[i].host);
	cr_expect_eq(fetch_start(client.fetcher, "mta-sts.example.org",
			 &address, 0, false, never, NULL),
	    ERR_RANGE);
	cr_expect_eq(fetch_pending(client.fetcher), 0);
	client_stop(&client);
}

/* --- what is left behind -------------------------------------------------- */

/* Each descriptor above standard error is handed to each. */
static unsigned
each_descriptor(void (*each)(int fd))
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	unsigned n = 0;

	cr_assert_not_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		int fd = (int)strtol(entry->d_name, NULL, 10);

		if (fd <= STDERR_FILENO || fd == dirfd(dir))
			continue;
		n++;
		if (each != NULL)
			each(fd);
	}
	closedir(dir);
	return n;
}

static unsigned n_tcp;

static void
expect_close_on_exec(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0 ||
	    domain == AF_UNIX)
		return;
	n_tcp++;
	cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

Test(fetch_life, sockets_close_on_exec_and_in_the_end)
{
	unsigned before = each_descriptor(NULL);
	struct outcome outcomes[3] = {0};
	struct client client;

	client_start(&client, &(struct fetch_config){0});
	run_one(&client, "ok", NULL, &outcomes[0]);
	run_one(&client, "short-notify", NULL, &outcomes[1]);
	each_descriptor(expect_close_on_exec);
	cr_expect_eq(n_tcp, 0, "no connection is kept");
	cr_assert_eq(client_fetch(&client, "stall-body", NULL, &outcomes[2]),
	    0);
	client_wait_count(&client, "stall-body", "requests", 1);
	each_descriptor(expect_close_on_exec);
	cr_expect_eq(n_tcp, 1);
	client_stop(&client);
	cr_expect_eq(each_descriptor(NULL), before);
	outcome_clear(&outcomes[0]);
}

/* Hosts that differ, so that any memory of them shows. */
static void
run_hosts(struct client *client, unsigned from, unsigned to)
{
	static const char *const refused[] = {"10.0.0.1", NULL};
	char name[32];

	for (unsigned i = from; i < to; i++) {
		struct outcome outcome = {0};

		snprintf(name, sizeof(name), "host-%u", i);
		run_one(client, name, refused, &outcome);
		cr_assert_eq(outcome.failure, FETCH_FAILURE_ADDRESS);
	}
}

Test(fetch_life, memory_does_not_grow_with_hosts)
{
	struct client client;
	size_t before;

	client_start(&client, &(struct fetch_config){0});
	run_hosts(&client, 0, 1000);
	before = mallinfo2().uordblks;
	run_hosts(&client, 1000, 6000);
	cr_expect_lt(mallinfo2().uordblks, before + 50000);
	client_stop(&client);
}

/* --- CA file -------------------------------------------------------------- */

static const char *
file_with(const char *name, const char *text)
{
	const char *path = policyhost_path(name);
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

static void
expect_ca(const char *path, const char *error_end)
{
	struct fetch_config config = {.ca_file = path};
	struct event_base *base = event_base_new();
	char error[FETCH_ERROR_SIZE] = "";
	char expected[FETCH_ERROR_SIZE];

	snprintf(expected, sizeof(expected), "ca_file %s: %s", path, error_end);
	cr_expect_eq(fetch_check(&config, error), ERR_CONFIG);
	cr_expect_str_eq(error, expected);
	cr_expect_null(fetcher_new(&config, base, error));
	cr_expect_str_eq(error, expected);
	event_base_free(base);
}

Test(fetch_life, F_03_ca_file)
{
	struct fetch_config config = {.ca_file = policyhost_ca_file()};
	char error[FETCH_ERROR_SIZE] = "";

	cr_expect_eq(fetch_check(&config, error), 0, "%s", error);
	expect_ca(policyhost_path("missing"), "No such file or directory");
	expect_ca(file_with("empty", ""), "holds no certificate (PEM)");
	expect_ca(file_with("text", "hello\n"), "holds no certificate (PEM)");
	expect_ca(policyhost_path("ca/root.key.pem"),
	    "holds no certificate (PEM)");
	expect_ca(file_with("broken",
		      "-----BEGIN CERTIFICATE-----\nAAAA\n"
		      "-----END CERTIFICATE-----\n"),
	    "holds something that is no certificate");
}

Test(fetch_life, tlsrpt_names)
{
	cr_expect_str_eq(fetch_failure_tlsrpt(FETCH_FAILURE_NONE), "");
	cr_expect_str_eq(fetch_failure_tlsrpt(FETCH_FAILURE_STATUS),
	    "sts-policy-fetch-error");
	cr_expect_str_eq(fetch_failure_tlsrpt(FETCH_FAILURE_CERTIFICATE),
	    "sts-webpki-invalid");
	cr_expect_str_eq(fetch_failure_tlsrpt(FETCH_FAILURE_CANCELLED), "");
}
