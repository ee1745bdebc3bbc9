#include "autoconf.h"

#include "lab_client.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#define WORDS_MAX 256

/* --- running it ---------------------------------------------------------- */

static int
read_all(int fd, struct lab_output *out)
{
	size_t size = 4096;
	ssize_t n;

	out->len = 0;
	out->text = malloc(size);
	while (out->text != NULL) {
		n = read(fd, out->text + out->len, size - out->len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		out->len += (size_t)n;
		if (size - out->len > 1)
			continue;
		size *= 2;
		out->text = realloc(out->text, size);
	}
	if (out->text == NULL)
		return -1;
	out->text[out->len] = '\0';
	return 0;
}

/* The child's standard output is the pipe, its standard error ours. */
static int
spawn_into(int fd, char *const *argv, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int error;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -1;
	error = posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
	if (error == 0)
		error =
		    posix_spawn(pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return error == 0 ? 0 : -1;
}

static int
wait_status(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* posix_spawn takes its words as char *, but leaves them alone. */
static char *
word(const char *text)
{
	union {
		const char *in;
		char *out;
	} u = {text};

	return u.out;
}

int
lab_run(const char *const *words, struct lab_output *out)
{
	char *argv[WORDS_MAX] = {word(LAB_PROGRAM), getenv(LAB_DIR_VARIABLE)};
	int fds[2];
	pid_t pid;
	size_t n = 2;
	int error;

	while (*words != NULL && n < WORDS_MAX - 1)
		argv[n++] = word(*words++);
	if (*words != NULL || argv[1] == NULL || pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	error = spawn_into(fds[1], argv, &pid);
	close(fds[1]);
	if (error == 0) {
		error = read_all(fds[0], out);
		out->status = wait_status(pid);
	}
	close(fds[0]);
	return error;
}

char *
lab_must(const char *const *words)
{
	struct lab_output out;

	cr_assert_eq(lab_run(words, &out), 0, "cannot run " LAB_PROGRAM);
	cr_assert_eq(out.status, 0, "lab %s: exit status %d\n%s", words[0],
	    out.status, out.text);
	return out.text;
}

/* --- SMTP ---------------------------------------------------------------- */

char *
lab_ask(const char *const *recipients)
{
	const char *words[WORDS_MAX] = {"smtp", "--rset"};
	struct lab_output out;
	size_t n = 2;

	while (*recipients != NULL && n < WORDS_MAX - 2) {
		words[n++] = "--to";
		words[n++] = *recipients++;
	}
	cr_assert_null(*recipients, "too many recipients at once");
	cr_assert_eq(lab_run(words, &out), 0, "cannot run " LAB_PROGRAM);
	/* 1: some were refused, which is what the tests are about. */
	cr_assert(out.status == 0 || out.status == 1, "lab smtp: status %d\n%s",
	    out.status, out.text);
	return out.text;
}

static void
copy_line(const char *from, size_t len, char out[LAB_LINE_SIZE])
{
	if (len >= LAB_LINE_SIZE)
		len = LAB_LINE_SIZE - 1;
	memcpy(out, from, len);
	out[len] = '\0';
}

void
lab_reply(const char *transcript, const char *recipient,
    char out[LAB_LINE_SIZE])
{
	char command[LAB_LINE_SIZE];
	const char *at;

	out[0] = '\0';
	snprintf(command, sizeof(command), "C: RCPT TO:<%s>\nS: ", recipient);
	at = strstr(transcript, command);
	if (at == NULL)
		return;
	at += strlen(command);
	copy_line(at, strcspn(at, "\n"), out);
}

/* --- the log ------------------------------------------------------------- */

char *
lab_log(const char *const *terms)
{
	const char *words[WORDS_MAX] = {"log", "--newest", "--"};
	size_t n = 3;

	while (*terms != NULL && n < WORDS_MAX - 1)
		words[n++] = *terms++;
	return lab_must(words);
}

void
lab_field(const char *line, const char *key, char out[LAB_LINE_SIZE])
{
	char start[LAB_LINE_SIZE];
	const char *at;

	out[0] = '\0';
	snprintf(start, sizeof(start), " %s=", key);
	at = strstr(line, start);
	if (at == NULL)
		return;
	at += strlen(start);
	if (*at == '"')
		copy_line(at + 1, strcspn(at + 1, "\""), out);
	else
		copy_line(at, strcspn(at, " \n"), out);
}

/* --- the daemon ---------------------------------------------------------- */

void
lab_fresh(const char *const *options)
{
	const char *words[WORDS_MAX] = {"daemon", "fresh", "--"};
	size_t n = 3;

	while (*options != NULL && n < WORDS_MAX - 1)
		words[n++] = *options++;
	LAB("tamper", "clear");
	free(lab_must(words));
}

/* --- mail ---------------------------------------------------------------- */

void
lab_send(const char *recipient)
{
	LAB("smtp", "--to", recipient);
}

void
lab_expect_delivered(const char *recipient, const char *tls)
{
	char term[LAB_LINE_SIZE];

	snprintf(term, sizeof(term), "X-Recipient: <%s>", recipient);
	LAB("mail", "--timeout", "60", term, tls);
}

void
lab_expect_not_delivered(const char *recipient)
{
	char term[LAB_LINE_SIZE];
	struct lab_output out;

	snprintf(term, sizeof(term), "X-Recipient: <%s>", recipient);
	cr_assert_eq(lab_run((const char *const[]){"mail", "--timeout", "0",
				 term, NULL},
			 &out),
	    0);
	cr_expect_neq(out.status, 0, "%s", out.text);
	free(out.text);
}

void
lab_expect_deferred(const char *recipient, const char *reason)
{
	char *message =
	    LAB_TEXT("queue", "--timeout", "60", recipient, "delay_reason");

	cr_expect_not_null(strstr(message, reason), "%s: %s", reason, message);
	free(message);
	lab_expect_not_delivered(recipient);
}

void
lab_expect_answer(const char *domain, const char *answer)
{
	char domain_term[LAB_LINE_SIZE], answer_term[LAB_LINE_SIZE];

	snprintf(domain_term, sizeof(domain_term), "domain=%s", domain);
	snprintf(answer_term, sizeof(answer_term), "answer=%s", answer);
	free(LAB_LOG("tls-policy", domain_term, answer_term));
}
