/* Runs dane-sts(1). See tool_run.h. */
#include "autoconf.h"

#include "tool_run.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "paths.h"

static const char *
program(void)
{
	const char *path = getenv("DANE_STS");

	return path != NULL ? path : TOOL_PROGRAM;
}

static struct octets
read_back(FILE *file)
{
	struct octets octets = {NULL, 0};
	long size;

	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	octets.at = calloc(1, (size_t)size + 1);
	cr_assert(octets.at != NULL);
	octets.len = fread(octets.at, 1, (size_t)size, file);
	fclose(file);
	return octets;
}

static void
run_child(const char *const *args, FILE *in, FILE *out, FILE *err)
{
	char *argv[ARGS_MAX + 2] = {NULL};
	size_t i;

	argv[0] = strdup("dane-sts");
	for (i = 0; i < ARGS_MAX && args[i] != NULL; i++)
		argv[i + 1] = strdup(args[i]);
	dup2(fileno(in), 0);
	dup2(fileno(out), 1);
	dup2(fileno(err), 2);
	setenv("LC_ALL", "C.UTF-8", 1);
	execv(program(), argv);
	_exit(127);
}

static int
run_streams(const char *const *args, FILE *in, FILE *out, FILE *err)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		run_child(args, in, out, err);
	cr_assert_gt(child, 0);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status), "killed by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

void
tool_run(const char *const *args, const void *input, size_t len,
    struct outcome *outcome)
{
	FILE *in = tmpfile(), *out = tmpfile(), *err = tmpfile();

	cr_assert(in != NULL && out != NULL && err != NULL);
	fwrite(input, 1, len, in);
	rewind(in);
	outcome->status = run_streams(args, in, out, err);
	outcome->out = read_back(out);
	outcome->err = read_back(err);
	fclose(in);
}

int
tool_run_to(FILE *out, const char *const *args)
{
	FILE *in = tmpfile(), *err = tmpfile();
	int status;

	cr_assert(in != NULL && err != NULL);
	status = run_streams(args, in, out, err);
	fclose(in);
	fclose(err);
	return status;
}

int
program_run(void (*become)(const void *arg), const void *arg, char *output,
    size_t size)
{
	int ends[2];
	int status = 0;
	size_t len = 0;
	ssize_t n;
	pid_t child;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		become(arg);
		_exit(127);
	}
	close(ends[1]);
	while ((n = read(ends[0], output + len, size - 1 - len)) > 0)
		len += (size_t)n;
	output[len] = '\0';
	close(ends[0]);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status), "%s", output);
	return WEXITSTATUS(status);
}

void
outcome_free(struct outcome *outcome)
{
	free(outcome->out.at);
	free(outcome->err.at);
}

void
expect_rows(const struct run_row *rows, size_t n)
{
	struct outcome got;
	size_t i;

	for (i = 0; i < n; i++) {
		const char *input = rows[i].input ? rows[i].input : "";

		tool_run(rows[i].args, input, strlen(input), &got);
		cr_expect_eq(got.status, rows[i].status, "row %zu: %d, %s", i,
		    got.status, got.err.at);
		cr_expect_str_eq(got.out.at, rows[i].out, "row %zu: %s", i,
		    got.out.at);
		cr_expect_eq(got.err.len > 0, rows[i].status >= 64, "row %zu",
		    i);
		outcome_free(&got);
	}
}

json_t *
one_object(const struct outcome *got, size_t row)
{
	json_t *object;

	cr_assert_gt(got->out.len, 0, "row %zu", row);
	cr_assert_eq(strchr(got->out.at, '\n'), got->out.at + got->out.len - 1,
	    "row %zu: one line", row);
	object = json_loads(got->out.at, JSON_REJECT_DUPLICATES, NULL);
	cr_assert(json_is_object(object), "row %zu: %s", row, got->out.at);
	return object;
}
