/*
 * Where a Redis server is, who we are to it, and what is said when it will not
 * have us: addresses, credentials, TLS, formats.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "base/err.h"
#include "redis_server.h"
#include "store/redis_link.h"
#include "store_sync.h"

/* --- addresses ------------------------------------------------------------ */

/* clang-format off */
static const struct {
	const char *spec;
	const char *host; /* the last one, or path; NULL: refused */
	const char *port; /* or, when refused, what is said */
	unsigned db;
} addresses[] = {
    {"redis://localhost:6379/0", "localhost", "6379", 0},
    {"redis://redis.example:7000/15", "redis.example", "7000", 15},
    {"redis://redis.example", "redis.example", "6379", 0},
    {"redis://redis.example/", "redis.example", "6379", 0},
    {"redis://redis.example/3", "redis.example", "6379", 3},
    {"rediss://[2001:db8::1]:6380/1", "2001:db8::1", "6380", 1},
    {"rediss://192.0.2.1", "192.0.2.1", "6379", 0},
    {"redis+unix:/run/redis.sock", "/run/redis.sock", "", 0},
    {"redis+unix:/run/redis.sock?db=9999", "/run/redis.sock", "", 9999},
    {"redis+sentinel://a.example/mail", "a.example", "26379", 0},
    {"redis+sentinel://a.example,b.example:7000,[2001:db8::1]:7001/mail/2",
	"2001:db8::1", "7001", 2},
    {"rediss+sentinel://a,b,c,d,e,f,g,h/mail/", "h", "26379", 0},
    {"redis:", NULL, "no host", 0},
    {"redis://", NULL, "no host", 0},
    {"redis://:6379/0", NULL, "no host", 0},
    {"redis:localhost:6379", NULL, "no host", 0},
    {"redis://[2001:db8::1/0", NULL, "no host", 0},
    {"redis://user:secret@localhost", NULL, "store_auth_file", 0},
    {"redis://localhost:", NULL, "port", 0},
    {"redis://localhost:0/0", NULL, "port", 0},
    {"redis://localhost:65536/0", NULL, "port", 0},
    {"redis://localhost:63x9/0", NULL, "port", 0},
    {"redis://localhost/10000", NULL, "database", 0},
    {"redis://localhost/99999999999", NULL, "database", 0},
    {"redis://localhost/-1", NULL, "database", 0},
    {"redis://localhost/1/2", NULL, "database", 0},
    {"redis://a.example,b.example/0", NULL, "database", 0},
    {"redis+unix:run/redis.sock", NULL, "relative", 0},
    {"redis+unix:", NULL, "relative", 0},
    {"redis+unix:/run/redis.sock?db=", NULL, "database", 0},
    {"redis+unix:/run/redis.sock?db=x", NULL, "database", 0},
    {"redis+sentinel://a.example", NULL, "master", 0},
    {"redis+sentinel://a.example/", NULL, "master", 0},
    {"redis+sentinel://a.example,/mail", NULL, "no host", 0},
    {"redis+sentinel://user:secret@a.example/mail", NULL, "store_auth_file", 0},
    {"redis+sentinel://a,b,c,d,e,f,g,h,i/mail", NULL, "8 sentinels", 0},
    {"redis+sentinel://a.example/mail/x", NULL, "database", 0},
};
/* clang-format on */

Test(redis_login, addresses)
{
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct redis_address out;
		char error[STORE_ERROR_SIZE] = "";
		const char *spec = addresses[i].spec;
		int err = redis_address_parse(spec, &out, error);

		if (addresses[i].host == NULL) {
			cr_expect_eq(err, ERR_CONFIG, "%s", spec);
			cr_expect_not_null(strstr(error, addresses[i].port),
			    "%s: %s", spec, error);
			continue;
		}
		cr_expect_eq(err, 0, "%s: %s", spec, error);
		cr_expect_eq(out.tls, strncmp(spec, "rediss", 6) == 0);
		cr_expect_eq(out.master[0] != '\0',
		    strstr(spec, "sentinel") != NULL);
		if (out.path[0] != '\0') {
			cr_expect_str_eq(out.path, addresses[i].host);
		} else {
			cr_expect_str_eq(out.host[out.n_hosts - 1].name,
			    addresses[i].host);
			cr_expect_str_eq(out.host[out.n_hosts - 1].port,
			    addresses[i].port);
		}
		cr_expect_eq(out.db, addresses[i].db, "%s", spec);
	}
}

Test(redis_login, path_too_long_for_a_socket)
{
	static const char scheme[] = "redis+unix:";
	struct redis_address out;
	char error[STORE_ERROR_SIZE] = "";
	char spec[sizeof(scheme) + REDIS_PATH_SIZE];

	memset(spec, 'x', sizeof(spec));
	memcpy(spec, "redis+unix:/", sizeof(scheme));
	spec[sizeof(spec) - 1] = '\0';
	cr_expect_eq(redis_address_parse(spec, &out, error), ERR_CONFIG);
	spec[sizeof(spec) - 2] = '\0';
	cr_expect_eq(redis_address_parse(spec, &out, error), 0);
}

/* --- the file of credentials ---------------------------------------------- */

static char *dir;

static char *
write_file(const char *name, const char *text, mode_t mode)
{
	char *path = scratch_path(dir, name);
	FILE *out = fopen(path, "w");

	cr_assert_not_null(out);
	fputs(text, out);
	fclose(out);
	cr_assert_eq(chmod(path, mode), 0);
	return path;
}

static const struct {
	const char *text;
	const char *user; /* NULL: refused */
	const char *password;
	const char *key;
} files[] = {
    {"",					    "",     "",       ""  },
    {"# none\n\n  \n",			      "",     "",       ""  },
    {"password secret\n",			   "",     "secret", ""  },
    {"user mail\npassword two words # all of it\n", "mail",
     "two words # all of it",					 ""  },
    {"\tuser\tmail \r\n password  x\r\nkey /k\n",   "mail", "x",      "/k"},
    {"password secret",			     "",     "secret", ""  },
    {"password\n",				  NULL,   NULL,     NULL},
    {"passwords secret\n",                          NULL,   NULL,     NULL},
    {"secret\n",				    NULL,   NULL,     NULL},
};

Test(redis_login, auth_files)
{
	dir = scratch_new();
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char *path = write_file("auth", files[i].text, 0600);
		struct redis_auth auth;
		char why[REDIS_WHY_SIZE] = "";
		int err = redis_auth_read(path, &auth, why);

		if (files[i].user == NULL) {
			cr_expect_eq(err, ERR_CONFIG, "row %zu", i);
			cr_expect_not_null(strstr(why, "auth:1: "), "%s", why);
			cr_expect_null(strstr(why, "secret"),
			    "what is in the file goes into no log");
		} else {
			cr_expect_eq(err, 0, "row %zu: %s", i, why);
			cr_expect_str_eq(auth.user, files[i].user);
			cr_expect_str_eq(auth.password, files[i].password);
			cr_expect_str_eq(auth.key, files[i].key);
		}
		free(path);
	}
	scratch_free(&dir);
}

static const struct {
	mode_t mode;
	bool fine;
} modes[] = {
    {0600, true },
    {0400, true },
    {0640, true }, /* of the group that we run as */
    {0660, false},
    {0604, false},
    {0644, false},
    {0602, false},
};

Test(redis_login, auth_file_is_closed_to_others)
{
	dir = scratch_new();
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		char *path = write_file("auth", "password x\n", modes[i].mode);
		struct redis_auth auth;
		char why[REDIS_WHY_SIZE] = "";
		int err;

		cr_assert_eq(chown(path, (uid_t)-1, getegid()), 0);
		err = redis_auth_read(path, &auth, why);
		cr_expect_eq(err, modes[i].fine ? 0 : ERR_CONFIG, "%o",
		    modes[i].mode);
		cr_expect_str_eq(auth.password, modes[i].fine ? "x" : "");
		if (!modes[i].fine)
			cr_expect_not_null(strstr(why, "chmod"), "%s", why);
		free(path);
	}
	scratch_free(&dir);
}

Test(redis_login, auth_file_that_is_not_there)
{
	struct redis_auth auth;
	char why[REDIS_WHY_SIZE] = "";

	cr_expect_eq(redis_auth_read("/nonexistent/auth", &auth, why),
	    ERR_CONFIG);
	cr_expect_not_null(strstr(why, "/nonexistent/auth: No such file"), "%s",
	    why);
	cr_expect_eq(redis_auth_read("", &auth, why), 0);
	cr_expect_eq(redis_auth_read(NULL, &auth, why), 0);
}

/* --- what the server says --------------------------------------------------
 */

static const struct {
	const char *reply;
	int err;
	const char *words;
} replies[] = {
    {"OOM command not allowed when used memory > 'maxmemory'. script: 0abc, on "
     "@user_script:44.",					     ERR_FULL,     "its memory is full: raise its maxmemory"},
    {"ERR Error running script (call to f_0abc): @user_script:44: -OOM command "
     "not allowed when used memory > 'maxmemory'.",		  ERR_FULL,     "its memory is full"                     },
    {"READONLY You can't write against a read only replica.",             ERR_READONLY,
     "it is a replica"													   },
    {"MISCONF Redis is configured to save RDB snapshots, but",            ERR_READONLY,
     "look at its log and its disk"											      },
    {"NOREPLICAS Not enough good replicas to write.",                     ERR_READONLY,
     "too few replicas"													  },
    {"LOADING Redis is loading the dataset in memory",                    ERR_IO,
     "still loads its data"												      },
    {"MASTERDOWN Link with MASTER is down and",                           ERR_IO,       "lost its master"                        },
    {"BUSY Redis is busy running a script.",                              ERR_IO,       "SCRIPT KILL"                            },
    {"MOVED 3999 127.0.0.1:6381",					 ERR_CONFIG,   "cluster"                                },
    {"NOAUTH Authentication required.",                                   ERR_CONFIG,   "asks for a password"                    },
    {"WRONGPASS invalid username-password pair or user is disabled.",
     ERR_CONFIG,									"are wrong"                              },
    {"NOPERM this user has no permissions to run the 'get' command",      ERR_CONFIG,
     "A STORE FOR MANY HOSTS"												    },
    {"WRONGTYPE Operation against a key holding the wrong kind of value",
     ERR_CORRUPT,								       "none of ours"                           },
    {"ERR something\001new",					      ERR_IO,       "ERR something?new"                      },
};

Test(redis_login, errors_come_in_words)
{
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		struct redisReply reply = {.type = REDIS_REPLY_ERROR,
		    .str = (char *)(uintptr_t)replies[i].reply,
		    .len = strlen(replies[i].reply)};
		char words[REDIS_WHY_SIZE];

		redis_reply_words(&reply, words);
		cr_expect_eq(redis_reply_error(&reply), replies[i].err, "%s",
		    replies[i].reply);
		cr_expect_not_null(strstr(words, replies[i].words), "%s: %s",
		    replies[i].reply, words);
		cr_expect_null(strstr(words, "script: 0abc"), "%s", words);
	}
}

/* --- logging in ----------------------------------------------------------- */

static struct redis_server server;

static void
teardown(void)
{
	if (server.dir != NULL)
		redis_server_end(&server);
}

TestSuite(redis_server, .fini = teardown);

#define NEEDS_SERVER()                                                 \
	do {                                                           \
		if (!redis_server_is_installed())                      \
			cr_skip_test("redis-server is not installed"); \
	} while (0)

/* Opens and closes it. says NULL: must succeed; else what is said. */
static void
try_open(const struct store_options *options, const char *says)
{
	char error[STORE_ERROR_SIZE] = "";
	struct store *store = store_open(options, error);

	if (says == NULL) {
		cr_assert_not_null(store, "%s", error);
		cr_expect_eq(sync_find(store, "example.org"), ERR_NOTFOUND);
	} else {
		cr_expect_null(store, "%s", options->spec);
		cr_expect_not_null(strstr(error, says), "%s", error);
		cr_expect_not_null(strstr(error, options->spec), "%s", error);
		cr_expect_null(strstr(error, "secret"), "%s", error);
	}
	store_close(&store);
}

Test(redis_server, password)
{
	static const char *const args[] = {"--requirepass", "secret", NULL};
	struct store_options options;
	char spec[256];
	char *right;
	char *wrong;

	NEEDS_SERVER();
	redis_server_start(&server, 0, args);
	dir = server.dir;
	right = write_file("right", "password secret\n", 0600);
	wrong = write_file("wrong", "password secrets\n", 0600);
	snprintf(spec, sizeof(spec), "redis+unix:%s", server.unix_path);
	options = (struct store_options){.spec = spec, .auth_file = right};
	try_open(&options, NULL);
	options.auth_file = wrong;
	try_open(&options,
	    "AUTH: user or password of the store_auth_file are wrong");
	options.auth_file = NULL;
	try_open(&options, "it asks for a password");
	options.auth_file = "/nonexistent/auth";
	try_open(&options, "No such file");
	free(right);
	free(wrong);
}

/* The manual's list of commands and keys is enough. */
Test(redis_server, user_with_the_rights_in_the_manual)
{
	struct store_options options;
	struct store_entry entry = sync_entry("example.org", "1", "");
	char error[STORE_ERROR_SIZE] = "";
	char spec[256];
	char list[64];
	char *auth;
	struct store *store;

	NEEDS_SERVER();
	redis_server_start(&server, 0, NULL);
	redis_server_tell(&server,
	    "ACL SETUSER mail on >secret ~dane-sts:* &dane-sts:* +eval +get "
	    "+set +del +incr +pttl +pexpireat +time +scan +getrange +info "
	    "+dbsize +select +publish +subscribe +role");
	dir = server.dir;
	auth = write_file("auth", "user mail\npassword secret\n", 0600);
	snprintf(spec, sizeof(spec), "redis+unix:%s?db=2", server.unix_path);
	options = (struct store_options){.spec = spec, .auth_file = auth};
	store = store_open(&options, error);
	cr_assert_not_null(store, "%s", error);
	cr_expect_eq(sync_put(store, &entry), 0);
	cr_expect_eq(sync_find(store, "example.org"), 0);
	cr_expect_eq(sync_list(store, list, sizeof(list)), 0);
	cr_expect_eq(store_count(store), 1);
	cr_expect_eq(sync_delete(store, "example.org"), 0);
	store_close(&store);
	redis_server_tell(&server, "ACL SETUSER mail -get");
	try_open(&options, "NOPERM");
	free(auth);
}

Test(redis_server, databases_are_apart)
{
	struct store_entry entry = sync_entry("example.org", "1", "");
	char error[STORE_ERROR_SIZE] = "";
	char spec[128];
	struct store_options options = {.spec = spec};
	struct store *store;

	NEEDS_SERVER();
	redis_server_start(&server, redis_server_free_port(), NULL);
	snprintf(spec, sizeof(spec), "redis://127.0.0.1:%u/3", server.port);
	store = store_open(&options, error);
	cr_assert_not_null(store, "%s", error);
	cr_expect_eq(sync_put(store, &entry), 0);
	cr_expect_eq(store_count(store), 1);
	store_close(&store);
	cr_expect_eq(redis_server_ask_integer(&server, "DBSIZE"), 0);
	snprintf(spec, sizeof(spec), "redis://localhost:%u", server.port);
	try_open(&options, NULL);
	snprintf(spec, sizeof(spec), "redis://127.0.0.1:%u/16", server.port);
	try_open(&options, "SELECT: it has no database of that number");
}

Test(redis_server, newer_format_is_refused)
{
	char spec[256];
	struct store_options options = {.spec = spec};

	NEEDS_SERVER();
	redis_server_start(&server, 0, NULL);
	snprintf(spec, sizeof(spec), "redis+unix:%s", server.unix_path);
	try_open(&options, NULL);
	redis_server_tell(&server, "SET dane-sts:format 2");
	try_open(&options, "a newer version wrote it; upgrade");
	redis_server_tell(&server, "DEL dane-sts:format");
	redis_server_tell(&server, "LPUSH dane-sts:format x");
	try_open(&options, "WRONGTYPE");
}

/* --- TLS ------------------------------------------------------------------ */

/* A self-signed certificate NAME.pem for 127.0.0.1, and NAME.key. */
static void
make_certificate(const char *name)
{
	char command[4096];

	snprintf(command, sizeof(command),
	    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
	    "-nodes -days 2 -subj /CN=%s -addext subjectAltName=IP:127.0.0.1 "
	    "-keyout %s/%s.key -out %s/%s.pem >%s/openssl.log 2>&1",
	    name, dir, name, dir, name, dir);
	cr_assert_eq(system(command), 0, "openssl");
}

static void
start_tls(const char *clients)
{
	static char port[16];
	static char certificate[300];
	static char key[300];
	const char *args[] = {"--tls-port", port, "--tls-cert-file",
	    certificate, "--tls-key-file", key, "--tls-ca-cert-file",
	    certificate, "--tls-auth-clients", clients, NULL};

	snprintf(port, sizeof(port), "%u", redis_server_free_port());
	snprintf(certificate, sizeof(certificate), "%s/server.pem", dir);
	snprintf(key, sizeof(key), "%s/server.key", dir);
	redis_server_start(&server, 0, args);
}

static void
tls_setup(void)
{
	dir = scratch_new();
	make_certificate("server");
	make_certificate("other");
}

static void
tls_teardown(void)
{
	teardown();
	scratch_free(&dir);
}

TestSuite(redis_tls, .init = tls_setup, .fini = tls_teardown);

Test(redis_tls, certificate_is_checked)
{
	char *ca = scratch_path(dir, "server.pem");
	char *other = scratch_path(dir, "other.pem");
	char spec[128];
	struct store_options options = {.spec = spec, .tls_ca = ca};
	struct store_entry entry = sync_entry("example.org", "1", "");
	char error[STORE_ERROR_SIZE] = "";
	struct store *store;

	NEEDS_SERVER();
	start_tls("no");
	snprintf(spec, sizeof(spec), "rediss://127.0.0.1:%s", server.args[1]);
	try_open(&options, NULL);
	store = store_open(&options, error);
	cr_assert_not_null(store, "%s", error);
	cr_expect_eq(sync_put(store, &entry), 0);
	cr_expect_eq(sync_find(store, "example.org"), 0);
	store_close(&store);
	options.tls_ca = other;
	try_open(&options, "TLS: certificate: ");
	options.tls_ca = NULL;
	try_open(&options, "TLS: certificate: ");
	options.tls_ca = "/nonexistent/ca";
	try_open(&options, "store_tls_ca /nonexistent/ca");
	options.tls_ca = ca;
	snprintf(spec, sizeof(spec), "rediss://localhost:%s", server.args[1]);
	try_open(&options, "hostname mismatch");
	free(ca);
	free(other);
}

Test(redis_tls, own_certificate)
{
	char *ca = scratch_path(dir, "server.pem");
	char spec[128];
	char text[600];
	struct store_options options = {.spec = spec, .tls_ca = ca};
	char *auth;

	NEEDS_SERVER();
	start_tls("yes");
	snprintf(text, sizeof(text),
	    "certificate %s/server.pem\nkey %s/server.key\n", dir, dir);
	auth = write_file("auth", text, 0600);
	snprintf(spec, sizeof(spec), "rediss://127.0.0.1:%s", server.args[1]);
	options.auth_file = auth;
	try_open(&options, NULL);
	free(auth);
	free(ca);
}

/* Nothing is sent in the clear, and the wait comes to an end. */
Test(redis_tls, server_without_tls)
{
	char *ca = scratch_path(dir, "server.pem");
	char error[STORE_ERROR_SIZE] = "";
	char spec[128];
	struct store_options options = {.spec = spec,
	    .access = STORE_READ_ONLY,
	    .tls_ca = ca};

	NEEDS_SERVER();
	redis_server_start(&server, redis_server_free_port(), NULL);
	snprintf(spec, sizeof(spec), "rediss://127.0.0.1:%u", server.port);
	cr_expect_null(store_open(&options, error));
	cr_expect_not_null(strstr(error, "TLS: handshake"), "%s", error);
	free(ca);
}
