/* Reads all of an LMDB file in a child process. */
#include "autoconf.h"

#include "store/store_verify.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lmdb.h>

#include "base/err.h"

#define PAGE_OCTETS  4096 /* or less than a page: a stride, no more */
#define EXIT_DAMAGED 2

/* The two trees that every LMDB file has; one may be read like the other. */
enum tree {
	TREE_FREE = 0,
	TREE_MAIN = 1,
	TREE_COUNT
};

/* An octet of every page that the value lies in. */
static void
touch(const MDB_val *value)
{
	const volatile uint8_t *octets = value->mv_data;

	for (size_t i = 0; i < value->mv_size; i += PAGE_OCTETS)
		(void)octets[i];
	if (value->mv_size > 0)
		(void)octets[value->mv_size - 1];
}

static int
walk(MDB_txn *txn, MDB_dbi tree)
{
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	int rc = mdb_cursor_open(txn, tree, &cursor);

	if (rc != 0)
		return rc;
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		touch(&key);
		touch(&value);
	}
	mdb_cursor_close(cursor);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

static bool
is_damage(int rc)
{
	return rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND ||
	    rc == MDB_CURSOR_FULL;
}

/* The child's life; what it opened goes with it. */
static int
read_all(const char *dir)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	int rc;

	if (mdb_env_create(&env) != 0 ||
	    mdb_env_open(env, dir, MDB_RDONLY | MDB_NOTLS, 0600) != 0 ||
	    mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0 ||
	    mdb_dbi_open(txn, NULL, 0, &dbi) != 0)
		return 0;
	for (MDB_dbi tree = TREE_FREE; tree < TREE_COUNT; tree++) {
		rc = walk(txn, tree);
		if (is_damage(rc))
			return EXIT_DAMAGED;
	}
	return 0;
}

/* Dies of a fault quietly, and without a sanitizer's or anyone's handler. */
static void
expect_faults(void)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
	const struct rlimit none = {0, 0};
	int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)setrlimit(RLIMIT_CORE, &none);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		(void)signal(faults[i], SIG_DFL);
	if (null_fd != -1)
		(void)dup2(null_fd, STDERR_FILENO);
}

int
store_verify(const char *dir)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		expect_faults();
		_exit(read_all(dir));
	}
	if (pid == -1)
		return 0;
	while (waitpid(pid, &status, 0) == -1) {
		if (errno != EINTR)
			return 0;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL &&
	    WTERMSIG(status) != SIGTERM)
		return ERR_CORRUPT;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_DAMAGED)
		return ERR_CORRUPT;
	return 0;
}
