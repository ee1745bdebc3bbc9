/*
 * front/control: who may connect to the control socket, and what may
 * stand in its place.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "config/config.h"
#include "front/control.h"
#include "front/listen.h"

#define OWNER "nobody" /* in every system's files */

static char directory[] = "/tmp/test_control_socket.XXXXXX";
static char socket_path[sizeof(directory) + 16];
static char other_path[sizeof(directory) + 16];
static struct config *config;

static void
load(const char *user)
{
	char error[CONFIG_ERROR_SIZE];
	FILE *file = fopen(other_path, "we");

	cr_assert_not_null(file);
	fprintf(file, "control_socket = \"%s\"\nuser = \"%s\"\n", socket_path,
	    user);
	fclose(file);
	config = config_load(other_path, error);
	cr_assert_not_null(config, "%s", error);
	unlink(other_path);
}

/* Others may pass through the directory: the socket alone keeps them out. */
static void
set_up(void)
{
	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(chmod(directory, 0755), 0);
	snprintf(socket_path, sizeof(socket_path), "%s/socket", directory);
	snprintf(other_path, sizeof(other_path), "%s/other", directory);
	umask(0);
}

static void
tear_down(void)
{
	config_free(&config);
	unlink(socket_path);
	unlink(other_path);
	rmdir(directory);
}

TestSuite(control_socket, .init = set_up, .fini = tear_down, .timeout = 60);

/* What connect(2) says to somebody of that user and group: 0 or errno. */
static int
connect_as(uid_t uid, gid_t gid)
{
	int status;
	pid_t child = fork();

	cr_assert_geq(child, 0);
	if (child == 0) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		snprintf(address.sun_path, sizeof(address.sun_path), "%s",
		    socket_path);
		if (fd < 0 || setgroups(0, NULL) != 0 || setgid(gid) != 0 ||
		    setuid(uid) != 0)
			_exit(255);
		_exit(connect(fd, (const struct sockaddr *)&address,
			  sizeof(address)) == 0
			? 0
			: errno);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

Test(control_socket, others_are_kept_out)
{
	char error[CONTROL_ERROR_SIZE];
	struct stat status;
	int fd;

	if (geteuid() != 0)
		cr_skip_test("only root becomes somebody else");
	load(OWNER);
	cr_assert_eq(control_listen(config, &fd, error), 0, "%s", error);
	cr_assert_eq(lstat(socket_path, &status), 0);
	cr_expect_eq(status.st_mode & 07777, 0660);
	cr_expect_neq(status.st_uid, 0);
	cr_expect_eq(connect_as(status.st_uid, 12345), 0, "its owner");
	cr_expect_eq(connect_as(12345, status.st_gid), 0, "its group");
	cr_expect_eq(connect_as(12345, 12345), EACCES, "anybody");
	close(fd);
}

/* Nor when the default ACL or the mask of a directory says otherwise. */
Test(control_socket, the_mode_is_set_where_it_is_another)
{
	struct stat status;
	char error[CONTROL_ERROR_SIZE];
	int fd;

	load("");
	cr_assert_eq(control_listen(config, &fd, error), 0, "%s", error);
	cr_assert_eq(listen_unix_set_mode(socket_path, 0600), 0);
	cr_assert_eq(lstat(socket_path, &status), 0);
	cr_expect_eq(status.st_mode & 07777, 0600);
	close(fd);
}

static void
expect_untouched(mode_t mode)
{
	struct stat status;

	cr_assert_eq(stat(other_path, &status), 0);
	cr_expect_eq(status.st_mode & 07777, mode);
	cr_expect_eq(status.st_size, 0);
}

/* Whoever owns the directory would have a file of his choice opened to him. */
Test(control_socket, a_link_in_its_place_is_not_followed)
{
	char error[CONTROL_ERROR_SIZE];
	int fd = open(other_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0);
	close(fd);
	cr_assert_eq(symlink(other_path, socket_path), 0);
	cr_expect_eq(listen_unix_set_mode(socket_path, 0660), ERR_IO);
	expect_untouched(0600);
	unlink(other_path);
	load("");
	cr_expect_eq(control_listen(config, &fd, error), ERR_IO);
	cr_expect_not_null(strstr(error, "no socket"), "%s", error);
	cr_expect_eq(access(other_path, F_OK), -1, "nothing was made there");
}

Test(control_socket, a_file_in_its_place_is_left)
{
	char error[CONTROL_ERROR_SIZE];
	struct stat status;
	int fd;

	load("");
	fd = open(socket_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	close(fd);
	cr_expect_eq(control_listen(config, &fd, error), ERR_IO);
	cr_expect_not_null(strstr(error, "no socket"), "%s", error);
	cr_expect_eq(lstat(socket_path, &status), 0);
	cr_expect(S_ISREG(status.st_mode));
}
