/*
 * Runs dane-sts(1): arguments and stdin in, exit status, stdout and stderr
 * out. The program is the one just built, or the one that DANE_STS names. Also
 * runs other programs.
 */
#ifndef TESTS_TOOL_RUN_H
#define TESTS_TOOL_RUN_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#define ARGS_MAX 8

struct octets {
	char *at;
	size_t len; /* a NUL follows */
};

struct outcome {
	int status;
	struct octets out;
	struct octets err;
};

void tool_run(const char *const *args, const void *input, size_t len,
    struct outcome *outcome);
void outcome_free(struct outcome *outcome);

/* The same with stdout to a stream of the test's own: its exit status. */
int tool_run_to(FILE *out, const char *const *args);

/*
 * Runs become(arg), which calls exec(), in a child; stdout and stderr go to
 * output, of size octets. The exit status.
 */
int program_run(void (*become)(const void *arg), const void *arg, char *output,
    size_t size);

/* Expects this stdout to the octet. */
struct run_row {
	const char *args[ARGS_MAX + 1];
	const char *input;
	int status;
	const char *out;
};

/* stderr is to hold something exactly when the status is 64 or more. */
void expect_rows(const struct run_row *rows, size_t n);
#define EXPECT_ROWS(rows) expect_rows(rows, sizeof(rows) / sizeof((rows)[0]))

/* stdout as the one JSON object on one line that it is to be. */
json_t *one_object(const struct outcome *got, size_t row);

#endif
