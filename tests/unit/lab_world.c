#include "autoconf.h"

#include "lab_world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "paths.h"

#define LAB_WORLD LAB_DIR "/world.py"

#define LAB_ENV "DANE_STS_LAB"

static pid_t world_pid = -1;
static int world_input = -1; /* its end is the world's */

static _Noreturn void
die(const char *what)
{
	perror(what);
	exit(1);
}

static _Noreturn void
become_world(int input, int output)
{
	if (dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0)
		(void)execl(LAB_WORLD, LAB_WORLD, "-", "run", (char *)NULL);
	perror(LAB_WORLD);
	_exit(127);
}

/* Reads its info up to "ready". */
static void
await_world(int output)
{
	static const char dir[] = "dir=";
	FILE *f = fdopen(output, "r");
	char line[512];
	int ready = 0;

	if (f == NULL)
		die("fdopen");
	while (!ready && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, dir, strlen(dir)) == 0)
			(void)setenv(LAB_ENV, line + strlen(dir), 1);
		ready = strcmp(line, "ready") == 0;
	}
	(void)fclose(f);
	if (!ready) {
		(void)fputs("the lab's DNS did not start\n", stderr);
		exit(1);
	}
}

void
lab_start(void)
{
	int input[2];
	int output[2];

	if (getenv(LAB_ENV) != NULL)
		return;
	if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0)
		die("pipe");
	world_pid = fork();
	if (world_pid < 0)
		die("fork");
	if (world_pid == 0)
		become_world(input[0], output[1]);
	(void)close(input[0]);
	(void)close(output[1]);
	world_input = input[1];
	await_world(output[0]);
}

void
lab_stop(void)
{
	if (world_pid < 0)
		return;
	(void)close(world_input);
	(void)waitpid(world_pid, NULL, 0);
	(void)unsetenv(LAB_ENV);
	world_pid = -1;
}

const char *
lab_info(const char *key)
{
	static char line[512];
	size_t len = strlen(key);
	char path[512];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/info", getenv(LAB_ENV));
	f = fopen(path, "re");
	if (f == NULL)
		die(path);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, key, len) != 0 || line[len] != '=')
			continue;
		line[strcspn(line, "\n")] = '\0';
		(void)fclose(f);
		return line + len + 1;
	}
	(void)fprintf(stderr, "%s: no %s\n", path, key);
	exit(1);
}
