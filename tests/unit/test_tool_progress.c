/* The bar on stderr: there on a terminal, and nowhere else. */
#include "autoconf.h"

#include "tool/output.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
two_steps(int err)
{
	int before = dup(STDERR_FILENO);
	struct progress progress;

	dup2(err, STDERR_FILENO);
	progress_init(&progress, 2);
	progress_wipe(&progress);
	progress_step(&progress);
	progress_wipe(&progress);
	progress_step(&progress);
	fflush(stderr);
	dup2(before, STDERR_FILENO);
	close(before);
}

Test(tool_progress, bar_on_a_terminal)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	char text[256] = "";
	size_t len = 0;
	ssize_t n = 1;
	int slave;

	cr_assert_geq(master, 0);
	cr_assert_eq(grantpt(master), 0);
	cr_assert_eq(unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	cr_assert_geq(slave, 0);
	two_steps(slave);
	while (strchr(text, '\n') == NULL && n > 0) {
		n = read(master, text + len, sizeof(text) - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	close(slave);
	close(master);
	cr_expect_str_eq(text,
	    "\r[####################                    ] 1/2"
	    "\r\033[K"
	    "\r[########################################] 2/2\r\n");
}

Test(tool_progress, none_in_a_file)
{
	FILE *file = tmpfile();

	cr_assert(file != NULL);
	two_steps(fileno(file));
	fseek(file, 0, SEEK_END);
	cr_expect_eq(ftell(file), 0);
	fclose(file);
}
