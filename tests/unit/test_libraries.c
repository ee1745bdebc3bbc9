/*
 * getdns and libunbound replaced under the programs: a daemon, and a tool, that
 * could not tell secure from forged do not run, and say why and what to do.
 * REQUIREMENTS D-20.
 *
 * The libraries are copies of the system's in which a name was changed, or
 * libraries_shim.c says what they do.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <getdns/getdns_extra.h>

#include "paths.h"
#include "tool_run.h"

#define SHIM BUILDDIR "/tests/unit/libraries_shim.so"

#define LIBRARY_MAX (16 << 20)
#define OUTPUT_MAX  65536

static char directory[] = "/tmp/test_libraries.XXXXXX";
static char output[OUTPUT_MAX];
static pid_t daemon_pid;

static const char *
in_directory(const char *name)
{
	static char paths[4][sizeof(directory) + 32];
	static size_t next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

/* --- copies --------------------------------------------------------------- */

static uint8_t library[LIBRARY_MAX];

/* The file that the function comes from. */
static size_t
read_library(const char *function)
{
	Dl_info info;
	void *at = dlsym(RTLD_DEFAULT, function);
	FILE *in;
	size_t len;

	cr_assert_not_null(at, "%s", function);
	cr_assert_neq(dladdr(at, &info), 0);
	in = fopen(info.dli_fname, "rb");
	cr_assert_not_null(in, "%s", info.dli_fname);
	len = fread(library, 1, sizeof(library), in);
	fclose(in);
	cr_assert(len > 0 && len < sizeof(library));
	return len;
}

/* Names in a library's table of symbols end with a NUL. */
static void
rename_symbol(size_t len, const char *from, const char *to)
{
	size_t size = strlen(from) + 1;
	uint8_t *at = memmem(library, len, from, size);

	cr_assert_eq(strlen(to) + 1, size);
	cr_assert_not_null(at, "%s", from);
	memcpy(at, to, size);
}

static void
write_library(const char *name, size_t len)
{
	FILE *out = fopen(in_directory(name), "wb");

	cr_assert_not_null(out);
	cr_assert_eq(fwrite(library, 1, len, out), len);
	cr_assert_eq(fclose(out), 0);
	cr_assert_eq(chmod(in_directory(name), 0755), 0);
}

static void
copy_library(const char *function, const char *name, const char *from,
    const char *to)
{
	size_t len = read_library(function);

	if (from != NULL)
		rename_symbol(len, from, to);
	write_library(name, len);
}

#define COPY_GETDNS(from, to) \
	copy_library("getdns_get_version", GETDNS_SONAME, from, to)
#define COPY_UNBOUND(from, to) \
	copy_library("ub_version", UNBOUND_SONAME, from, to)
#define GETDNS_SONAME  "libgetdns.so.10"
#define UNBOUND_SONAME "libunbound.so.8"
#define UNBOUND_OTHER  "libunbound.so.9"

/* --- programs ------------------------------------------------------------- */

static void
write_conf(void)
{
	FILE *file = fopen(in_directory("conf"), "we");

	cr_assert_not_null(file);
	fprintf(file,
	    "socket = \"unix:%s\"\n"
	    "control_socket = \"\"\nlog = \"file:%s\"\nuser = \"\"\n"
	    "store = \"memory:\"\ntrust_anchor = \"" ROOT_KEY "\"\n"
	    "resolvers = {\"127.0.0.1@9\"}\n",
	    in_directory("milter"), in_directory("log"));
	fclose(file);
}

/* Who is left out leaves nothing behind. */
static void
set_up(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	cr_skip_test("a sanitizer must be loaded first");
#endif
	if (dlopen(GETDNS_SONAME, RTLD_NOW | RTLD_GLOBAL) == NULL ||
	    dlopen(UNBOUND_SONAME, RTLD_NOW | RTLD_GLOBAL) == NULL)
		cr_skip_test("other libraries than this test knows");
	cr_assert_not_null(mkdtemp(directory));
	write_conf();
}

static void
tear_down(void)
{
	static const char *const names[] = {"conf", "log", "milter", "notify",
	    "from", GETDNS_SONAME, UNBOUND_SONAME, UNBOUND_OTHER};

	if (daemon_pid > 0) {
		kill(daemon_pid, SIGKILL);
		waitpid(daemon_pid, NULL, 0);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(in_directory(names[i]));
	rmdir(directory);
}

TestSuite(libraries, .init = set_up, .fini = tear_down, .timeout = 30);

struct world {
	const char *shim;    /* what it does; NULL: nothing */
	bool plain;          /* without the shim */
	const char *preload; /* a library in the directory; NULL: none */
};

struct program {
	const struct world *world;
	const char *const *args;
};

static void
become(const void *arg)
{
	const struct program *program = arg;
	const struct world *world = program->world;
	char preload[4096];

	snprintf(preload, sizeof(preload), "%s %s", world->plain ? "" : SHIM,
	    world->preload != NULL ? in_directory(world->preload) : "");
	setenv("LD_LIBRARY_PATH", directory, 1);
	setenv("LD_PRELOAD", preload, 1);
	if (world->shim != NULL)
		setenv("SHIM", world->shim, 1);
	execv(program->args[0], (char *const *)(uintptr_t)program->args);
}

static int
run(const struct world *world, const char *const *args)
{
	const struct program program = {world, args};

	return program_run(become, &program, output, OUTPUT_MAX);
}

#define RUN(world, ...) run(world, (const char *const[]){__VA_ARGS__, NULL})

static void
expect_said(const char *says)
{
	cr_expect_not_null(strstr(output, says), "%s", output);
	cr_expect_not_null(strstr(output, "reinstall their packages"), "%s",
	    output);
	cr_expect_not_null(strstr(output, "built with " GETDNS_VERSION), "%s",
	    output);
}

/* Neither program runs; one line says why. */
static void
expect_refused(const struct world *world, const char *says)
{
	const char *conf = in_directory("conf");

	cr_assert_eq(RUN(world, DAEMON_PROGRAM, "-n", "-c", conf), 70, "%s",
	    output);
	expect_said(says);
	cr_expect_null(strstr(output, conf), "it is not to blame: %s", output);
	cr_expect_eq(RUN(world, DAEMON_PROGRAM, "-c", conf), 70, "%s", output);
	expect_said(says);
	cr_expect_eq(access(in_directory("milter"), F_OK), -1);
	cr_expect_eq(RUN(world, TOOL_PROGRAM, "-c", conf, "check",
			 "example.org"),
	    3, "%s", output);
	expect_said(says);
}

/* --- what is found -------------------------------------------------------- */

/* Copies and shim alone are not what is found elsewhere. */
Test(libraries, copies_that_do_the_same_are_taken)
{
	const struct world world = {.shim = NULL};

	COPY_GETDNS(NULL, NULL);
	COPY_UNBOUND(NULL, NULL);
	cr_expect_eq(RUN(&world, DAEMON_PROGRAM, "-n", "-c",
			 in_directory("conf")),
	    0, "%s", output);
	cr_expect_not_null(strstr(output, "configuration is good"), "%s",
	    output);
}

Test(libraries, D_20_getdns_that_asks_past_the_guard)
{
	const struct world world = {.shim = NULL};

	COPY_GETDNS("ub_resolve_event", "xb_resolve_event");
	expect_refused(&world, "not in force");
	cr_expect_not_null(strstr(output, in_directory(GETDNS_SONAME)), "%s",
	    output);
}

Test(libraries, D_20_getdns_that_sets_up_past_the_guard)
{
	const struct world world = {.shim = NULL};

	COPY_GETDNS("ub_ctx_set_fwd", "xb_ctx_set_fwd");
	expect_refused(&world, "not in force");
}

Test(libraries, D_20_libunbound_without_a_function)
{
	const struct world world = {.plain = true};

	COPY_UNBOUND("ub_resolve_event", "xb_resolve_event");
	expect_refused(&world, "there is no ub_resolve_event in libunbound");
}

Test(libraries, D_20_libunbound_that_is_not_the_one_set_up)
{
	const struct world world = {.shim = "foreign"};

	expect_refused(&world, "libunbound does not answer what it was told");
}

Test(libraries, D_20_other_major_versions)
{
	expect_refused(&(struct world){.shim = "getdns2"},
	    "another getdns altogether");
	expect_refused(&(struct world){.shim = "unbound2"},
	    "another libunbound altogether");
	cr_expect_not_null(strstr(output, "libunbound 2.0.0"), "%s", output);
	cr_expect_eq(RUN(&(struct world){.shim = "unbound2"}, DAEMON_PROGRAM,
			 "-V"),
	    0);
	cr_expect_not_null(strstr(output,
			       "getdns " GETDNS_VERSION
			       ", libunbound 2.0.0 (built with "),
	    "%s", output);
}

/* One that the program was built with, and one that getdns was. */
Test(libraries, D_20_two_of_them)
{
	const struct world world = {.plain = true, .preload = UNBOUND_OTHER};

	copy_library("ub_version", UNBOUND_OTHER, UNBOUND_SONAME,
	    UNBOUND_OTHER);
	expect_refused(&world, "loaded twice");
	cr_expect_not_null(strstr(output, in_directory(UNBOUND_OTHER)), "%s",
	    output);
}

/* --- at a reload ---------------------------------------------------------- */

/* The socket that plays systemd: READY=1 at the start, and after a reload. */
static int
open_notify(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s",
	    in_directory("notify"));
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
	return fd;
}

static void
await_ready(int fd)
{
	char state[64] = "";

	while (strstr(state, "READY=1") == NULL) {
		ssize_t n = recv(fd, state, sizeof(state) - 1, 0);

		cr_assert_geq(n, 0);
		state[n] = '\0';
	}
}

static void
read_log(void)
{
	FILE *in = fopen(in_directory("log"), "r");
	size_t n;

	cr_assert_not_null(in);
	n = fread(output, 1, sizeof(output) - 1, in);
	output[n] = '\0';
	fclose(in);
}

/* What was loaded at the start goes on; nothing else is taken into use. */
Test(libraries, D_20_reload_is_refused_and_the_old_ones_go_on)
{
	const struct world world = {.shim = "foreign"};
	int fd = open_notify();
	int status;
	FILE *from;

	setenv("SHIM_FROM", in_directory("from"), 1);
	daemon_pid = fork();
	cr_assert_geq(daemon_pid, 0);
	if (daemon_pid == 0) {
		const char *const args[] = {DAEMON_PROGRAM, "-c",
		    in_directory("conf"), NULL};

		become(&(const struct program){&world, args});
		_exit(127);
	}
	await_ready(fd);
	from = fopen(in_directory("from"), "we");
	cr_assert_not_null(from);
	fclose(from);
	cr_assert_eq(kill(daemon_pid, SIGUSR1), 0);
	await_ready(fd);
	cr_assert_eq(kill(daemon_pid, SIGTERM), 0);
	cr_assert_eq(waitpid(daemon_pid, &status, 0), daemon_pid);
	daemon_pid = 0;
	cr_expect_eq(status, 0);
	read_log(); /* all of it is there when the daemon has ended */
	expect_said("libunbound does not answer what it was told");
	cr_expect_not_null(strstr(output, " error reload "), "%s", output);
	close(fd);
}
