/*
 * Runs a fuzz target on files:
 *
 *	fuzz_NAME		all of tests/fuzz/corpus/NAME
 *	fuzz_NAME FILE...	these, such as a finding of `make fuzz`
 *
 * Each in a process of its own, so that all are run and those that fail are
 * named.
 */
#include "autoconf.h"

#include <dirent.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

#define PATH_SIZE     4096
#define INPUT_MAX     (1 << 20)
#define INPUT_SECONDS 60 /* under valgrind too */

/* In a block of just its size, so that a read past its end is seen. */
static uint8_t *
read_file(const char *path, size_t *len)
{
	static uint8_t all[INPUT_MAX];
	FILE *file = fopen(path, "rbe");
	uint8_t *octets;

	if (file == NULL) {
		perror(path);
		return NULL;
	}
	*len = fread(all, 1, sizeof(all), file);
	fclose(file);
	octets = malloc(*len);
	if (octets != NULL && *len > 0)
		memcpy(octets, all, *len);
	return octets;
}

static int
run_child(const char *path)
{
	size_t len = 0;
	uint8_t *octets = read_file(path, &len);

	if (octets == NULL)
		return EXIT_FAILURE;
	(void)alarm(INPUT_SECONDS);
	(void)LLVMFuzzerTestOneInput(octets, len);
	free(octets);
	return EXIT_SUCCESS;
}

static bool
run(const char *path)
{
	int status = 0;
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		exit(run_child(path)); /* looks for leaks */
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		perror("fork");
		return false;
	}
	if (status == 0)
		return true;
	(void)printf("FAILED: %s: %s %d\n", path,
	    WIFSIGNALED(status) ? "signal" : "exit status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return false;
}

static int
is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* false: one failed, or there is none. */
static bool
run_corpus(const char *name)
{
	struct dirent **entries = NULL;
	char dir[PATH_SIZE];
	char path[PATH_SIZE];
	bool good = true;
	int n;

	(void)snprintf(dir, sizeof(dir), "%s/%s", FUZZ_CORPUS, name);
	n = scandir(dir, &entries, is_input, alphasort);
	if (n < 0)
		perror(dir);
	for (int i = 0; i < n; i++) {
		int len = snprintf(path, sizeof(path), "%s/%s", dir,
		    entries[i]->d_name);

		if (len < 0 || (size_t)len >= sizeof(path) || !run(path))
			good = false;
		free(entries[i]);
	}
	free(entries);
	(void)printf("fuzz_%s: %d inputs, %s\n", name, n > 0 ? n : 0,
	    good && n > 0 ? "fine" : "NOT FINE");
	return good && n > 0;
}

int
main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *program = slash != NULL ? slash + 1 : argv[0];
	bool good = true;

	if (argc > 1) {
		for (int i = 1; i < argc; i++)
			good &= run(argv[i]);
	} else if (strncmp(program, "fuzz_", 5) == 0) {
		good = run_corpus(program + 5);
	} else {
		good = false;
	}
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
