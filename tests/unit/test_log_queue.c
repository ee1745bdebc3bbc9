/*
 * io/log_queue: what is logged is written, in order, many lines at once, and
 * nothing is dropped when the disk is slow. The writer is played by this file:
 * it can be held up.
 */
#include "autoconf.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/log.h"
#include "log/log_impl.h"

#define TEXT_MAX (4 * 1024 * 1024)

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool held;   /* a write does not return */
	bool inside; /* one is under way */
	unsigned calls;
	size_t len;
	char *text;
} writer = {.lock = PTHREAD_MUTEX_INITIALIZER,
    .changed = PTHREAD_COND_INITIALIZER};

static void
take(void *arg, const char *lines, size_t len)
{
	(void)arg;
	pthread_mutex_lock(&writer.lock);
	writer.inside = true;
	writer.calls++;
	pthread_cond_broadcast(&writer.changed);
	while (writer.held)
		pthread_cond_wait(&writer.changed, &writer.lock);
	cr_assert_leq(writer.len + len, (size_t)TEXT_MAX);
	memcpy(writer.text + writer.len, lines, len);
	writer.len += len;
	writer.inside = false;
	pthread_mutex_unlock(&writer.lock);
}

static void
hold(bool held)
{
	pthread_mutex_lock(&writer.lock);
	writer.held = held;
	pthread_cond_broadcast(&writer.changed);
	pthread_mutex_unlock(&writer.lock);
}

static void
await_write(void)
{
	pthread_mutex_lock(&writer.lock);
	while (!writer.inside)
		pthread_cond_wait(&writer.changed, &writer.lock);
	pthread_mutex_unlock(&writer.lock);
}

static void
set_up(void)
{
	writer.text = malloc(TEXT_MAX);
	cr_assert(writer.text != NULL);
}

static void
tear_down(void)
{
	free(writer.text);
}

TestSuite(log_queue, .init = set_up, .fini = tear_down, .timeout = 60);

static void
put(struct log_queue *queue, unsigned number)
{
	char line[32];
	int len = snprintf(line, sizeof(line), "line %06u\n", number);

	log_queue_put(queue, "a", 1, line, (size_t)len, false);
}

#define LINE_LEN 13

/* These and no others, in order. */
static void
check_lines(unsigned n)
{
	char want[32];

	cr_assert_eq(writer.len, (size_t)n * LINE_LEN);
	for (unsigned i = 0; i < n; i++) {
		snprintf(want, sizeof(want), "aline %06u\n", i);
		cr_assert_eq(memcmp(writer.text + i * LINE_LEN, want, LINE_LEN),
		    0, "line %u", i);
	}
}

Test(log_queue, lines_that_come_during_a_write_share_the_next_one)
{
	struct log_queue *queue = log_queue_start(take, NULL);

	cr_assert(queue != NULL);
	hold(true);
	put(queue, 0);
	await_write();
	for (unsigned i = 1; i < 1000; i++)
		put(queue, i);
	hold(false);
	log_queue_stop(&queue);
	check_lines(1000);
	cr_assert_eq(writer.calls, 2U, "%u writes", writer.calls);
}

static void *
put_many(void *arg)
{
	for (unsigned i = 0; i < 200000; i++)
		put(arg, i);
	return NULL;
}

/* More than both buffers hold, while the disk hangs. */
Test(log_queue, nothing_is_dropped_when_it_is_full)
{
	struct log_queue *queue = log_queue_start(take, NULL);
	pthread_t thread;

	cr_assert(queue != NULL);
	hold(true);
	cr_assert_eq(pthread_create(&thread, NULL, put_many, queue), 0);
	await_write();
	hold(false);
	pthread_join(thread, NULL);
	log_queue_stop(&queue);
	check_lines(200000);
}

Test(log_queue, after_a_flush_all_is_written)
{
	struct log_queue *queue = log_queue_start(take, NULL);

	cr_assert(queue != NULL);
	log_queue_flush(queue); /* nothing to wait for */
	for (unsigned i = 0; i < 100; i++) {
		put(queue, i);
		log_queue_flush(queue);
		check_lines(i + 1);
	}
	log_queue_stop(&queue);
	cr_assert_eq(writer.calls, 100U);
}

static void *
flush(void *arg)
{
	log_queue_flush(arg);
	cr_assert_eq(writer.len, (size_t)2 * LINE_LEN);
	return NULL;
}

Test(log_queue, a_flush_waits_for_the_write_under_way)
{
	struct log_queue *queue = log_queue_start(take, NULL);
	pthread_t thread;

	cr_assert(queue != NULL);
	hold(true);
	put(queue, 0);
	await_write();
	put(queue, 1);
	cr_assert_eq(pthread_create(&thread, NULL, flush, queue), 0);
	hold(false);
	pthread_join(thread, NULL);
	check_lines(2);
	log_queue_stop(&queue);
}

/* --- in the log ---------------------------------------------------------- */

static char path[] = "/tmp/test_log_queue.XXXXXX";

static struct log *
open_log(void)
{
	char target[sizeof(path) + 8];
	char error[LOG_ERROR_SIZE];
	struct log_config config = {.target = target, .level = LOG_LEVEL_INFO};
	struct log *log;
	int fd = mkstemp(path);

	cr_assert(fd >= 0);
	close(fd);
	snprintf(target, sizeof(target), "file:%s", path);
	log = log_open(&config, "test", error);
	cr_assert(log != NULL, "%s", error);
	cr_assert_eq(log_start(log), 0);
	return log;
}

static size_t
count_lines(const char *name)
{
	FILE *file = fopen(name, "re");
	size_t lines = 0;
	int c;

	cr_assert(file != NULL);
	while ((c = getc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

Test(log_queue, an_error_is_written_though_nothing_comes_after_it)
{
	struct log *log = open_log();

	log_msg(log, LOG_LEVEL_INFO, "event", "before it");
	log_msg(log, LOG_LEVEL_ERROR, "event", "the last words");
	while (count_lines(path) < 2)
		usleep(1000);
	log_close(&log);
	unlink(path);
}

/* A pipe that nobody reads from stands for a disk that hangs. */
static int
fill_pipe(const char *name)
{
	int fd = open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	char block[4096] = {0};

	cr_assert(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	cr_assert_eq(errno, EAGAIN);
	return fd;
}

static void
drain_pipe(int fd)
{
	char block[4096];

	while (read(fd, block, sizeof(block)) > 0)
		;
}

/* Loops log errors, too. The time limit of the suite is what fails it. */
Test(log_queue, who_logs_an_error_does_not_wait_for_a_disk_that_hangs)
{
	struct log_config config = {.level = LOG_LEVEL_INFO};
	char error[LOG_ERROR_SIZE], target[sizeof(path) + 8];
	struct log *log;
	int fd, reader;

	fd = mkstemp(path);
	cr_assert(fd >= 0);
	close(fd);
	unlink(path);
	cr_assert_eq(mkfifo(path, 0600), 0);
	reader = fill_pipe(path);
	snprintf(target, sizeof(target), "file:%s", path);
	config.target = target;
	log = log_open(&config, "test", error);
	cr_assert(log != NULL, "%s", error);
	cr_assert_eq(log_start(log), 0);
	log_msg(log, LOG_LEVEL_ERROR, "event", "the disk hangs");
	log_msg(log, LOG_LEVEL_ERROR, "event", "it still does");
	drain_pipe(reader);
	log_close(&log);
	close(reader);
	unlink(path);
}

Test(log_queue, a_close_writes_what_is_left)
{
	struct log *log = open_log();

	for (int i = 0; i < 5000; i++)
		log_msg(log, LOG_LEVEL_INFO, "event", "%d", i);
	log_close(&log);
	cr_assert_eq(count_lines(path), 5000U);
	unlink(path);
}

Test(log_queue, what_came_before_a_rotation_is_in_the_old_file)
{
	struct log *log = open_log();
	char old[sizeof(path) + 4];

	snprintf(old, sizeof(old), "%s.1", path);
	cr_assert_eq(rename(path, old), 0);
	log_msg(log, LOG_LEVEL_INFO, "event", "old");
	log_reopen(log);
	cr_assert_eq(count_lines(old), 1U);
	log_msg(log, LOG_LEVEL_INFO, "event", "new");
	log_close(&log);
	cr_assert_eq(count_lines(old), 1U);
	cr_assert_eq(count_lines(path), 1U);
	unlink(path);
	unlink(old);
}
