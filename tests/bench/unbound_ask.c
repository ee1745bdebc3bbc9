/*
 * The look-ups that a first verdict takes, by libunbound and nothing else: its
 * documented asynchronous interface, with a thread.
 *
 *	unbound_ask CONFIG ANCHOR FORWARDER SECONDS SUFFIX
 *
 * Asks for TXT of _mta-sts.uN.SUFFIX, ten at a time, N rising. Prints one line:
 * answers=N rate=R cpu_us=C
 */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unbound.h>

#define AT_ONCE 10

struct run {
	struct ub_ctx *ctx;
	const char *suffix;
	unsigned long asked;
	unsigned long answered;
};

static _Noreturn void
die(const char *what)
{
	(void)fprintf(stderr, "unbound_ask: %s\n", what);
	exit(1);
}

static void
must(int err)
{
	if (err != 0)
		die(ub_strerror(err));
}

static double
now_s(void)
{
	struct timespec ts = {0, 0};

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double
cpu_s(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	    (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void
answered(void *arg, int err, struct ub_result *result)
{
	struct run *run = arg;

	must(err);
	if (result->rcode != 3)
		die("a name is there, or the resolver failed");
	ub_resolve_free(result);
	run->answered++;
}

static void
ask(struct run *run)
{
	char name[256];

	(void)snprintf(name, sizeof(name), "_mta-sts.u%lu.%s", run->asked++,
	    run->suffix);
	must(ub_resolve_async(run->ctx, name, 16, 1, run, answered, NULL));
}

int
main(int argc, char **argv)
{
	struct run run = {.ctx = ub_ctx_create()};
	double start_s, end_s, cpu;

	if (argc != 6 || run.ctx == NULL) {
		(void)fprintf(stderr,
		    "usage: unbound_ask CONFIG ANCHOR FORWARDER SECONDS "
		    "SUFFIX\n");
		return 64;
	}
	must(ub_ctx_config(run.ctx, argv[1]));
	must(ub_ctx_add_ta_file(run.ctx, argv[2]));
	must(ub_ctx_set_fwd(run.ctx, argv[3]));
	must(ub_ctx_set_option(run.ctx, "do-not-query-localhost:", "no"));
	must(ub_ctx_async(run.ctx, 1));
	run.suffix = argv[5];
	ask(&run); /* the chain */
	must(ub_wait(run.ctx));
	start_s = now_s();
	cpu = cpu_s();
	end_s = start_s + strtod(argv[4], NULL);
	run.answered = 0;
	run.asked = 1;
	while (now_s() < end_s) {
		while (run.asked - 1 - run.answered < AT_ONCE)
			ask(&run);
		must(ub_process(run.ctx));
	}
	must(ub_wait(run.ctx));
	cpu = cpu_s() - cpu;
	printf("answers=%lu rate=%.1f cpu_us=%.3f\n", run.answered,
	    (double)run.answered / (now_s() - start_s),
	    cpu * 1e6 / (double)run.answered);
	ub_ctx_delete(run.ctx);
	return 0;
}
