/*
 * Short runs of tests/e2e/torture, in the lab that is up: nothing that was
 * used is lost, whatever ends the daemon or befalls its store. `make torture`
 * has the long ones.
 */
#include "autoconf.h"

#include <stdlib.h>
#include <sys/wait.h>

#include <criterion/criterion.h>

#include "lab_client.h"

/* The words are ours, and the lab's directory stands in the environment. */
#define RUN(words) \
	run(TORTURE_PROGRAM " --lab \"$" LAB_DIR_VARIABLE "\" " words)

TestSuite(crash, .timeout = 300);

static void
run(const char *command)
{
	int status = system(command);

	cr_assert(WIFEXITED(status), "%s: status %d", command, status);
	if (WEXITSTATUS(status) == LAB_UNAVAILABLE)
		cr_skip_test("%s: cannot be run here", command);
	cr_expect_eq(WEXITSTATUS(status), 0, "%s: exit status %d", command,
	    WEXITSTATUS(status));
}

Test(crash, C_01_SIGKILL_under_load_loses_no_policy_that_was_used)
{
	RUN("--rounds 20 kill");
}

Test(crash, C_01_a_full_disk_keeps_what_was_stored)
{
	RUN("diskfull");
}

Test(crash, C_16_a_disk_that_strangers_fill_has_room_for_what_binds)
{
	RUN("crowded");
}

Test(crash, C_01_a_read_only_store_is_told)
{
	RUN("readonly");
}

Test(crash, C_01_a_store_that_cannot_be_used_is_told_and_left_alone)
{
	RUN("unusable");
}

Test(crash, C_01_a_redis_server_that_fails_keeps_nobody_waiting)
{
	RUN("--rounds 1 redis");
}

Test(crash, C_01_a_policy_that_one_host_learns_binds_on_the_others)
{
	RUN("fleet");
}

Test(crash, S_02_strangers_without_end_push_out_nobody_that_is_bound)
{
	RUN("--strangers 3000 strangers");
}

Test(crash, D_20_C_01_a_storm_of_all_of_it_passes_nobody_and_loses_nothing)
{
	RUN("--seconds 8 --seed storm chaos");
}
