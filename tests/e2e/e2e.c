/*
 * End to end: real Postfix, real DNS servers, real policy hosts, the real
 * daemon. The lab is raised once for all tests; tests run one at a time.
 *
 * With DANE_STS_LAB_DIR set, a lab that is up already is used and left up.
 * Exit status 77: the lab cannot be run on this machine; standard error says
 * why.
 */
#include "autoconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "lab_client.h"

/* 0, or the status to exit with. */
static int
lab_command(const char *command)
{
	const char *const words[] = {command, NULL};
	struct lab_output out;
	int status;

	if (lab_run(words, &out) < 0) {
		fprintf(stderr, "e2e: cannot run %s\n", LAB_PROGRAM);
		return EXIT_FAILURE;
	}
	status = out.status;
	if (status != 0 && status != LAB_UNAVAILABLE)
		fprintf(stderr, "e2e: lab %s: exit status %d\n%s", command,
		    status, out.text);
	free(out.text);
	return status;
}

static int
run_tests(struct criterion_test_set *tests)
{
	int status = lab_command("up");

	/* They share one lab. */
	criterion_options.jobs = 1;
	if (status == 0 && !criterion_run_all_tests(tests))
		status = EXIT_FAILURE;
	if (lab_command("down") != 0 && status == 0)
		status = EXIT_FAILURE;
	return status;
}

static int
run_in_new_lab(struct criterion_test_set *tests)
{
	char dir[] = "/tmp/dane-sts-e2e.XXXXXX";
	int status;

	if (mkdtemp(dir) == NULL || setenv(LAB_DIR_VARIABLE, dir, 1) != 0) {
		perror("e2e: directory for the lab");
		return EXIT_FAILURE;
	}
	status = run_tests(tests);
	if (status == EXIT_FAILURE)
		fprintf(stderr, "e2e: logs are kept in %s/log\n", dir);
	else
		status |= lab_command("remove");
	return status;
}

int
main(int argc, char **argv)
{
	struct criterion_test_set *tests = criterion_initialize();
	int status = 0;

	/* 0: keep what the caller says. */
	setenv("DANE_STS_BINDIR", BINDIR, 0);
	if (criterion_handle_args(argc, argv, true)) {
		if (getenv(LAB_DIR_VARIABLE) != NULL) {
			criterion_options.jobs = 1;
			status = !criterion_run_all_tests(tests);
		} else {
			status = run_in_new_lab(tests);
		}
	}
	criterion_finalize(tests);
	return status;
}
