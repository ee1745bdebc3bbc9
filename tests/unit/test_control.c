/*
 * front/control: the protocol on the control socket, and clients that do not
 * keep to it. The store is a real one in memory; the engine is played below.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <lmdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "config/config.h"
#include "config/snapshot.h"
#include "engine/ask.h"
#include "front/control.h"
#include "front/recipient.h"
#include "front/tls_lookup.h"
#include "log/metrics.h"
#include "store/store.h"
#include "store/store_record.h"

#define ANSWER_MAX 262144

/* --- the engine that is played -------------------------------------------- */

static atomic_uint forgotten;
static atomic_uint asked;
static ask_done_fn *held_done; /* of held.test */
static void *held_arg;
static atomic_bool is_held;

static const struct fact_policy policy = {.id = "1",
    .max_age_s = 86400,
    .mode = POLICY_MODE_ENFORCE,
    .dnssec = true};
static struct facts facts;
static struct answer answer = {
    .facts = &facts,
    .verdict = {.reason = REASON_SECURE,
		.policy = &policy,
		.policy_known = true}
};

void
engine_status(struct engine *engine, struct engine_status *out)
{
	(void)engine;
	*out = (struct engine_status){.generation = 7,
	    .resolver = PROBE_BROKEN,
	    .resolver_since_s = 1764000000,
	    .resolver_why = "nothing listens on 192.0.2.1",
	    .loops = 2};
}

const char *
probe_state_name(enum probe_state state)
{
	return state == PROBE_BROKEN ? "broken" : "other";
}

void
engine_forget(struct engine *engine, const char *domain)
{
	(void)engine;
	(void)domain;
	atomic_fetch_add(&forgotten, 1);
}

const struct answer *
answer_ref(const struct answer *held)
{
	atomic_fetch_add(&answer.refs, 1);
	return held;
}

void
answer_unref(const struct answer **held)
{
	if (*held != NULL)
		atomic_fetch_sub(&answer.refs, 1);
	*held = NULL;
}

void
ask(struct engine *engine, const struct ask_options *options)
{
	(void)engine;
	atomic_fetch_add(&asked, 1);
	if (strcmp(options->target->domain, "held.test") != 0) {
		options->done(options->arg, &answer, false);
		return;
	}
	held_done = options->done;
	held_arg = options->arg;
	atomic_store(&is_held, true);
}

/* --- the daemon ------------------------------------------------------------
 */

static char directory[] = "/tmp/test_control.XXXXXX";
static char socket_path[sizeof(directory) + 16];
static char config_path[sizeof(directory) + 16];
static struct metrics *metrics;
static struct snapshot *started;
static struct snapshots *snapshots;
static struct store *store;
static struct control *control;
static char text[ANSWER_MAX];
static size_t text_len;

static int
reload(struct reloader *reloader, char error[CONFIG_ERROR_SIZE])
{
	(void)reloader;
	snprintf(error, CONFIG_ERROR_SIZE, "conf:3: bad\nconf:4: worse");
	return ERR_CONFIG;
}

static const struct tls_counters *tls; /* NULL: without policy_socket */

static const char *config_text = ""; /* beside what every test needs */

static void
load(void)
{
	char error[CONFIG_ERROR_SIZE];
	FILE *file = fopen(config_path, "we");
	struct config *config;

	cr_assert_not_null(file);
	fprintf(file, "control_socket = \"%s\"\nuser = \"\"\n%s", socket_path,
	    config_text);
	fclose(file);
	config = config_load(config_path, error);
	cr_assert_not_null(config, "%s", error);
	started = snapshot_new(config);
	snapshots = snapshots_new(snapshot_hold(started));
}

static const char *store_spec = "memory:";

static void
start(int patience_ms)
{
	const struct store_options options = {.spec = store_spec};
	char error[CONTROL_ERROR_SIZE];
	char store_error[STORE_ERROR_SIZE];
	struct control_parts parts = {
	    .metrics = metrics,
	    .tls = tls,
	    .reload = reload,
	    .started_s = clock_wall_s(),
	    .patience_ms = patience_ms,
	};
	int fd;

	load();
	store = store_open(&options, store_error);
	cr_assert_not_null(store, "%s", store_error);
	parts.snapshots = snapshots;
	parts.store = store;
	cr_assert_eq(control_listen(started->config, &fd, error), 0, "%s",
	    error);
	control = control_new(fd, &parts);
	cr_assert_not_null(control);
}

static void
set_up(void)
{
	cr_assert_not_null(mkdtemp(directory));
	snprintf(socket_path, sizeof(socket_path), "%s/socket", directory);
	snprintf(config_path, sizeof(config_path), "%s/conf", directory);
}

static void
tear_down(void)
{
	control_free(&control);
	if (store != NULL)
		store_close(&store);
	snapshots_free(&snapshots);
	snapshot_release(&started);
	unlink(socket_path);
	unlink(config_path);
	rmdir(directory);
}

TestSuite(control, .init = set_up, .fini = tear_down, .timeout = 120);

/* --- a client --------------------------------------------------------------
 */

static int
connect_client(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	cr_assert_eq(connect(fd, (const struct sockaddr *)&address,
			 sizeof(address)),
	    0);
	return fd;
}

static void
say(int fd, const char *request)
{
	size_t len = strlen(request);

	cr_assert_eq(send(fd, request, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Into text, up to the line that ends an answer. False: the daemon hung up. */
static bool
hear(int fd)
{
	text_len = 0;
	text[0] = '\0';
	for (;;) {
		ssize_t n =
		    recv(fd, text + text_len, sizeof(text) - 1 - text_len, 0);
		const char *last;

		if (n <= 0)
			return false;
		text_len += (size_t)n;
		text[text_len] = '\0';
		if (text[text_len - 1] != '\n')
			continue;
		text[text_len - 1] = '\0';
		last = strrchr(text, '\n');
		last = last != NULL ? last + 1 : text;
		text[text_len - 1] = '\n';
		if (strncmp(last, "{\"done\":true", 12) == 0 ||
		    strncmp(last, "{\"error\":", 9) == 0)
			return true;
	}
}

/* The next line of an answer. */
static void
hear_line(int fd)
{
	for (text_len = 0; text_len == 0 || text[text_len - 1] != '\n';
	     text_len++)
		cr_assert_eq(recv(fd, text + text_len, 1, 0), 1);
	text[text_len] = '\0';
}

#define EXPECT(part)       cr_expect_not_null(strstr(text, part), "%s", text)
#define EXPECT_TEXT(whole) cr_expect_str_eq(text, whole, "%s", text)

static void
ask_once(const char *request)
{
	int fd = connect_client();

	say(fd, request);
	cr_assert(hear(fd), "%s: hung up", request);
	close(fd);
}

static void
put(const char *domain, int64_t fetched_s, size_t len)
{
	static const char start_of_body[] =
	    "version: STSv1\nmode: none\nmax_age: 86400\n";
	char *body = calloc(1, len + sizeof(start_of_body) + 3);
	struct store_entry entry = {.domain = domain,
	    .id = "1",
	    .fetched_s = fetched_s,
	    .failure = "",
	    .body = (const uint8_t *)body};
	struct store_writes *writes = store_writes_new(store, NULL, NULL);
	size_t kept;
	size_t failed;

	strcat(body, start_of_body);
	if (len > 0) {
		strcat(body, "x:");
		memset(body + strlen(body), 'y', len);
	}
	entry.len = strlen(body);
	cr_assert_eq(store_writes_put_later(writes, &entry), 0);
	cr_assert_eq(store_writes_end(&writes, &failed, &kept), 0);
	free(body);
}

/* --- requests ---------------------------------------------------------------
 */

static const struct {
	const char *request;
	const char *answer;
} wrong[] = {
    /* clang-format off */
    {"\n",							"{\"error\":\"not a request"},
    {"status\n",						  "{\"error\":\"not a request"},
    {"{\"command\":\n",					   "{\"error\":\"not a request"},
    {"[\"status\"]\n",					    "{\"error\":\"not a request"},
    {"{\"command\":7}\n",					 "{\"error\":\"not a request"},
    {"{\"command\":\"halt\"}\n",				  "\\\"halt\\\" is not known" },
    {"{\"command\":\"status\",\"command\":\"status\"}\n",         "not a request"             },
    {"{\"command\":\"cache purge\"}\n",                           "is not a domain"           },
    {"{\"command\":\"cache purge\",\"domain\":\"a..b\"}\n",       "is not a domain"           },
    {"{\"command\":\"cache export\",\"domain\":[]}\n",            "is not a domain"           },
    {"{\"command\":\"cache export\",\"domain\":\"none.test\"}\n",
     "no policy of none.test is stored"						       },
};

/* The connection stays, and what is asked next is answered. */
Test(control, wrong_requests_are_told_why)
{
	int fd;

	start(0);
	fd = connect_client();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		say(fd, wrong[i].request);
		cr_assert(hear(fd), "%s", wrong[i].request);
		EXPECT(wrong[i].answer);
	}
	say(fd, "{\"command\":\"status\"}\n");
	cr_assert(hear(fd));
	EXPECT("{\"done\":true}");
	close(fd);
}

Test(control, a_NUL_octet_is_no_end)
{
	static const char request[] = "{\"command\":\"status\"}\0\n";
	int fd;

	start(0);
	fd = connect_client();
	cr_assert_eq(send(fd, request, sizeof(request) - 1, 0),
	    (ssize_t)sizeof(request) - 1);
	cr_assert(hear(fd));
	EXPECT_TEXT("{\"error\":\"the line holds a NUL octet\"}\n");
	close(fd);
}

Test(control, a_line_that_comes_in_pieces_is_one)
{
	static const char request[] = "{\"command\":\"reload\"}\n";
	int fd;

	start(0);
	fd = connect_client();
	for (size_t i = 0; i < sizeof(request) - 1; i++)
		cr_assert_eq(send(fd, request + i, 1, 0), 1);
	cr_assert(hear(fd));
	EXPECT_TEXT("{\"error\":\"conf:3: bad\\nconf:4: worse\"}\n");
	close(fd);
}

Test(control, requests_that_come_together_are_answered_in_order)
{
	int fd;

	start(0);
	fd = connect_client();
	say(fd, "{\"command\":\"one\"}\n{\"command\":\"two\"}\n");
	cr_assert(hear(fd));
	if (strstr(text, "two") == NULL)
		cr_assert(hear(fd));
	EXPECT("two");
	close(fd);
}

/* Half a line is nothing that was asked for. */
Test(control, half_a_line_is_not_carried_out)
{
	int fd;

	start(0);
	put("a.test", 1000, 0);
	fd = connect_client();
	say(fd, "{\"command\":\"cache purge\",\"domain\":\"a.test\"}");
	cr_assert_eq(shutdown(fd, SHUT_WR), 0);
	cr_expect_not(hear(fd));
	cr_expect_eq(text_len, 0);
	cr_expect_eq(store_count(store), 1);
	close(fd);
}

Test(control, an_oversize_line_ends_the_connection)
{
	static char octets[65536];
	ssize_t sent = 0;
	int fd;

	start(0);
	memset(octets, 'x', sizeof(octets));
	fd = connect_client();
	for (int i = 0; i < 64 && sent >= 0; i++)
		sent = send(fd, octets, sizeof(octets), MSG_NOSIGNAL);
	(void)hear(fd);
	if (text_len > 0)
		EXPECT("too long");
	close(fd);
	ask_once("{\"command\":\"status\"}\n");
	EXPECT("{\"done\":true}");
}

/* --- commands ---------------------------------------------------------------
 */

Test(control, status_tells_what_the_daemon_is_about)
{
	metrics = metrics_new();
	cr_assert_not_null(metrics);
	start(0);
	put("a.test", clock_wall_s(), 0);
	metrics_count(metrics, METRICS_RECIPIENTS, REASON_MX_BOGUS,
	    VERDICT_DEFER);
	metrics_count(metrics, METRICS_ANSWERS, RECIPIENT_REFUSE, 0);
	ask_once("{\"command\":\"status\"}\n");
	EXPECT("\"version\":\"" PACKAGE_VERSION "\"");
	EXPECT("\"mode\":\"enforce\"");
	EXPECT("\"generation\":7");
	EXPECT("\"resolver\":{\"state\":\"broken\",\"since\":1764000000,\"why\":\"nothing listens on 192.0.2.1\"}");
	EXPECT("\"policies\":{\"total\":1,\"bound\":0,\"failing\":0,"
	       "\"unwritten\":0,\"down\":false,"
	       "\"next_expiry\":{\"domain\":\"a.test\",\"left\":864");
	EXPECT("\"total\":1,\"refused\":1,\"held\":0,"
	       "\"reasons\":{\"mx-bogus\":1}");
	cr_expect_null(strstr(text, "deliveries"), "%s", text);
	metrics_free(&metrics);
}

Test(control, T_14_status_lists_exemptions_and_pins)
{
	config_text = "exempt_domains = {x.test}\n"
		      "require_domains = {b.test, .a.test}\n";
	start(0);
	ask_once("{\"command\":\"status\"}\n");
	EXPECT("\"exemptions\":{\"total\":1,\"lapsing\":0,\"lapsed\":0,"
	       "\"list\":[{\"domain\":\"x.test\"}]}");
	EXPECT("\"pins\":{\"total\":2,\"lapsing\":0,\"lapsed\":0,\"list\":["
	       "{\"domain\":\".a.test\"},{\"domain\":\"b.test\"}]}");
}

Test(control, status_counts_what_was_answered_at_delivery)
{
	static struct tls_counters counters;

	metrics = metrics_new();
	cr_assert_not_null(metrics);
	atomic_store(&counters.answers[TLS_POLICY_NONE], 5);
	atomic_store(&counters.answers[TLS_POLICY_DEFER], 2);
	atomic_store(&counters.answers[TLS_POLICY_DANE_ONLY], 1);
	atomic_store(&counters.malformed, 3);
	tls = &counters;
	start(0);
	ask_once("{\"command\":\"status\"}\n");
	EXPECT("\"deliveries\":{\"total\":8,\"malformed\":3,\"answers\":"
	       "{\"none\":5,\"defer\":2,\"dane-only\":1}}");
	metrics_free(&metrics);
}

#define IMPORT "{\"command\":\"cache import\"}\n"
#define END    "{\"end\":true}\n"
/* "version: STSv1\nmode: none\nmax_age: 1\n" */
#define BODY "dmVyc2lvbjogU1RTdjEKbW9kZTogbm9uZQptYXhfYWdlOiAxCg=="
#define POLICY(domain, fetched)                                        \
	"{\"domain\":\"" domain "\",\"id\":\"1\",\"fetched\":" fetched \
	",\"body\":\"" BODY "\"}\n"

Test(control, what_is_imported_is_exported)
{
	start(0);
	ask_once(IMPORT POLICY("a.test", "5") POLICY("b.test", "6") END);
	EXPECT_TEXT("{\"done\":true,\"imported\":2,\"kept\":0,\"bad\":0}\n");
	cr_expect_eq(atomic_load(&forgotten), 2);
	ask_once("{\"command\":\"cache export\"}\n");
	EXPECT("{\"domain\":\"a.test\",\"id\":\"1\",\"fetched\":5,\"tried\":0,"
	       "\"failure\":\"\",\"used\":0,\"body\":\"" BODY "\"}\n"
	       "{\"domain\":\"b.test\",\"id\":\"1\",\"fetched\":6,");
	ask_once("{\"command\":\"cache export\",\"domain\":\"B.test\"}\n");
	EXPECT("b.test");
	cr_expect_null(strstr(text, "a.test"), "%s", text);
}

static pthread_mutex_t writer = PTHREAD_MUTEX_INITIALIZER;

static void
hold_writer(void *arg, int err)
{
	(void)arg;
	(void)err;
	(void)pthread_mutex_lock(&writer);
	(void)pthread_mutex_unlock(&writer);
}

/* Before that, a verdict could be made anew by what was there, and stay. */
Test(control, import_forgets_verdicts_once_the_policy_is_stored)
{
	const struct store_entry entry = {.domain = "first.test",
	    .id = "1",
	    .failure = "",
	    .body = (const uint8_t *)"x",
	    .len = 1};
	int fd;

	start(0);
	(void)pthread_mutex_lock(&writer);
	cr_assert_eq(store_put(store, &entry, hold_writer, NULL), 0);
	fd = connect_client();
	say(fd, IMPORT POLICY("a.test", "5") "bad\n");
	hear_line(fd);
	EXPECT("\"line\":2");
	cr_expect_eq(atomic_load(&forgotten), 0, "the store has yet to get it");
	(void)pthread_mutex_unlock(&writer);
	say(fd, END);
	cr_assert(hear(fd));
	EXPECT("\"imported\":1");
	cr_expect_eq(atomic_load(&forgotten), 1);
	close(fd);
}

/* What is kept is as it was. */
Test(control, import_forgets_no_verdict_of_what_is_kept)
{
	start(0);
	put("a.test", 1000, 0);
	ask_once(IMPORT POLICY("a.test", "5") END);
	EXPECT("\"kept\":1");
	cr_expect_eq(atomic_load(&forgotten), 0);
}

/* C-05: what was saved once must not bring back an old policy. */
Test(control, C_05_import_keeps_what_was_fetched_later)
{
	start(0);
	put("a.test", 1000, 0);
	put("b.test", 1000, 0);
	put("c.test", 1000, 0);
	ask_once(IMPORT POLICY("a.test", "999") POLICY("b.test", "1000")
		POLICY("c.test", "1001") END);
	EXPECT_TEXT("{\"done\":true,\"imported\":1,\"kept\":2,\"bad\":0}\n");
	ask_once("{\"command\":\"cache export\"}\n");
	EXPECT("{\"domain\":\"a.test\",\"id\":\"1\",\"fetched\":1000,");
	EXPECT("{\"domain\":\"c.test\",\"id\":\"1\",\"fetched\":1001,");
}

Test(control, import_names_bad_lines_and_goes_on)
{
	start(0);
	ask_once(IMPORT "rubbish\n" POLICY("a.test",
	    "5") "\n"
		 "{\"domain\":\"x\"}\n" POLICY("b.test", "5") END);
	EXPECT("{\"line\":1,\"error\":");
	EXPECT("{\"line\":3,\"error\":");
	EXPECT("{\"line\":4,\"error\":");
	EXPECT("{\"done\":true,\"imported\":2,\"kept\":0,\"bad\":3}\n");
	cr_expect_eq(store_count(store), 2);
}

/* What had come before the client went is kept. */
Test(control, an_import_that_breaks_off_keeps_whole_lines)
{
	int fd;

	start(0);
	fd = connect_client();
	say(fd, IMPORT POLICY("a.test", "5") "{\"domain\":\"b.te");
	cr_assert_eq(shutdown(fd, SHUT_WR), 0);
	cr_expect_not(hear(fd));
	close(fd);
	cr_expect_eq(store_count(store), 1);
}

Test(control, purge_forgets_one_domain)
{
	start(0);
	put("a.test", 1000, 0);
	put("b.test", 1000, 0);
	ask_once("{\"command\":\"cache purge\",\"domain\":\"a.test\"}\n");
	EXPECT_TEXT("{\"purged\":true}\n{\"done\":true}\n");
	cr_expect_eq(atomic_load(&forgotten), 1);
	ask_once("{\"command\":\"cache purge\",\"domain\":\"a.test\"}\n");
	EXPECT_TEXT("{\"purged\":false}\n{\"done\":true}\n");
	cr_expect_eq(store_count(store), 1);
}

#define WARM "{\"command\":\"cache warm\"}\n"

/* A record as a newer version would leave it. */
static void
lay_newer(const char *dir)
{
	char key[] = "newer.test";
	char record[] = "DSTS\2\0 of another form";
	MDB_val k = {strlen(key), key};
	MDB_val v = {sizeof(record), record};
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	cr_assert_eq(mdb_env_create(&env), 0);
	cr_assert_eq(mdb_env_open(env, dir, 0, 0600), 0);
	cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
	cr_assert_eq(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
	cr_assert_eq(mdb_put(txn, dbi, &k, &v, 0), 0);
	cr_assert_eq(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

/* Whoever purges means it, and is told that it was there. */
Test(control, purge_forgets_what_cannot_be_read_too)
{
	char dir[sizeof(directory) + 16], spec[sizeof(dir) + 8];
	char path[sizeof(dir) + 16], error[STORE_ERROR_SIZE];
	const struct store_options options = {.spec = spec};

	snprintf(dir, sizeof(dir), "%s/store", directory);
	snprintf(spec, sizeof(spec), "lmdb:%s", dir);
	store = store_open(&options, error);
	cr_assert_not_null(store, "%s", error);
	store_close(&store);
	lay_newer(dir);
	store_spec = spec;
	start(0);
	ask_once("{\"command\":\"cache export\"}\n");
	EXPECT("a newer version wrote them");
	ask_once("{\"command\":\"cache purge\",\"domain\":\"newer.test\"}\n");
	EXPECT("{\"purged\":true}\n");
	ask_once("{\"command\":\"cache purge\",\"domain\":\"newer.test\"}\n");
	EXPECT("{\"purged\":false}\n");
	ask_once("{\"command\":\"cache export\"}\n");
	EXPECT("{\"done\":true");
	snprintf(path, sizeof(path), "%s/data.mdb", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/lock.mdb", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/policies.jsonl", dir);
	unlink(path);
	rmdir(dir);
}

/* What this host does not know of is somewhere else, not absent. */
Test(control, status_says_that_the_store_is_down)
{
	store_spec = "redis+unix:/nonexistent/socket";
	start(0);
	ask_once("{\"command\":\"status\"}\n");
	EXPECT("\"total\":0");
	EXPECT("\"down\":true");
}

Test(control, warm_asks_about_every_domain)
{
	int fd;

	start(0);
	fd = connect_client();
	say(fd, WARM);
	for (int i = 0; i < 100; i++) {
		char line[64];

		snprintf(line, sizeof(line), "{\"domain\":\"d%d.test\"}\n", i);
		say(fd, line);
	}
	say(fd, "{\"domain\":\"..\"}\n[]\n" END);
	cr_assert(hear(fd));
	close(fd);
	cr_expect_eq(atomic_load(&asked), 100);
	EXPECT(
	    "{\"domain\":\"d99.test\",\"policy\":\"enforce\",\"stored\":true,"
	    "\"dnssec\":true,\"verdict\":\"pass\",\"reason\":\"secure\"}");
	EXPECT("{\"domain\":\"..\",\"error\":\"not a domain\"}");
	EXPECT("{\"domain\":\"\",\"error\":\"not a domain\"}");
	cr_expect_eq(atomic_load(&answer.refs), 0);
}

static void
await(atomic_bool *flag)
{
	while (!atomic_load(flag))
		(void)poll(NULL, 0, 1);
}

/* The lookup ends when nobody waits for it any more. */
Test(control, a_stop_does_not_wait_for_what_is_warmed)
{
	int fd;

	start(0);
	fd = connect_client();
	say(fd, WARM "{\"domain\":\"held.test\"}\n" END);
	await(&is_held);
	control_free(&control);
	cr_expect_not(hear(fd));
	close(fd);
	held_done(held_arg, &answer, false);
	cr_expect_eq(atomic_load(&answer.refs), 0);
}

/* --- clients that do not behave ---------------------------------------------
 */

Test(control, so_many_clients_and_no_more)
{
	int fds[CONTROL_CLIENTS_MAX];
	int fd;

	start(0);
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		fds[i] = connect_client();
		say(fds[i], "{\"command\":\"reload\"}\n");
		cr_assert(hear(fds[i]));
	}
	fd = connect_client();
	cr_assert(hear(fd));
	EXPECT_TEXT("{\"error\":\"too many clients\"}\n");
	close(fd);
	/* One leaves, and there is room again, as soon as that is noticed. */
	close(fds[0]);
	do {
		fd = connect_client();
		(void)!send(fd, "{\"command\":\"reload\"}\n", 21, MSG_NOSIGNAL);
		(void)hear(fd);
		close(fd);
	} while (strstr(text, "conf:3") == NULL);
	for (int i = 1; i < CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
}

/* It is left alone after a while; meanwhile others are served. */
Test(control, a_client_that_never_reads_holds_up_nobody)
{
	struct pollfd hung_up;
	int fd;

	start(300);
	for (int i = 0; i < 100; i++) {
		char domain[32];

		snprintf(domain, sizeof(domain), "d%d.test", i);
		put(domain, 1000, 60000);
	}
	fd = connect_client();
	say(fd, "{\"command\":\"cache export\"}\n");
	ask_once("{\"command\":\"cache purge\",\"domain\":\"d5.test\"}\n");
	EXPECT("\"purged\":true");
	hung_up = (struct pollfd){.fd = fd};
	cr_expect_eq(poll(&hung_up, 1, 60000), 1);
	cr_expect_neq(hung_up.revents & POLLHUP, 0);
	close(fd);
}

Test(control, a_client_that_says_nothing_is_left_alone)
{
	int fd;

	start(100);
	fd = connect_client();
	cr_expect_not(hear(fd));
	cr_expect_eq(text_len, 0);
	close(fd);
}

/* --- the socket
 * --------------------------------------------------------------- */

Test(control, the_socket_is_for_its_owner_and_group)
{
	struct stat status;

	start(0);
	cr_assert_eq(stat(socket_path, &status), 0);
	cr_expect_eq(status.st_mode & 07777, 0660);
}

Test(control, a_live_socket_is_refused_and_a_stale_one_replaced)
{
	char error[CONTROL_ERROR_SIZE];
	int fd;

	start(0);
	cr_expect_eq(control_listen(started->config, &fd, error), ERR_IO);
	cr_expect_not_null(strstr(error, "another instance"), "%s", error);
	control_free(&control);
	/* Its file stays, as after kill -9. */
	cr_expect_eq(access(socket_path, F_OK), 0);
	cr_expect_eq(control_listen(started->config, &fd, error), 0, "%s",
	    error);
	close(fd);
	control_remove(started->config);
	cr_expect_eq(access(socket_path, F_OK), -1);
}

Test(control, a_directory_that_is_missing_is_made_by_root)
{
	char error[CONTROL_ERROR_SIZE];
	char parent[sizeof(directory) + 8];
	int fd, err;

	snprintf(parent, sizeof(parent), "%s/run", directory);
	snprintf(socket_path, sizeof(socket_path), "%s/s", parent);
	load();
	err = control_listen(started->config, &fd, error);
	if (geteuid() == 0)
		cr_expect_eq(err, 0, "%s", error);
	else
		cr_expect_eq(err, ERR_IO);
	if (err == 0)
		close(fd);
	unlink(socket_path);
	rmdir(parent);
}
