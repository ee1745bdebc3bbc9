/* The log's targets, and the queue before them. */
#include "autoconf.h"

#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/thread.h"
#include "log/log_impl.h"

#define FILE_PREFIX     "file:"
#define FILE_PREFIX_LEN (sizeof(FILE_PREFIX) - 1)

static const int level_priorities[] = {
    [LOG_LEVEL_ERROR] = LOG_ERR,
    [LOG_LEVEL_WARNING] = LOG_WARNING,
    [LOG_LEVEL_INFO] = LOG_INFO,
    [LOG_LEVEL_DEBUG] = LOG_DEBUG,
};

bool
log_wants(const struct log *log, enum log_level level)
{
	return log != NULL &&
	    (int)level <=
	    atomic_load_explicit(&log->level, memory_order_relaxed);
}

/* --- opening --- */

int
log_check(const struct log_config *config, char error[LOG_ERROR_SIZE])
{
	if (strcmp(config->target, "syslog") == 0 ||
	    strcmp(config->target, "stderr") == 0 ||
	    strncmp(config->target, FILE_PREFIX "/", FILE_PREFIX_LEN + 1) == 0)
		return 0;
	snprintf(error, LOG_ERROR_SIZE,
	    "log \"%s\": must be \"syslog\", \"stderr\" or "
	    "\"file:/absolute/path\"",
	    config->target);
	return ERR_CONFIG;
}

#define WRITE_FLAGS (O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY)
#define READ_FLAGS  (O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
#define FILE_MODE   0640

/* Root opens the file, and its directory may belong to the filter's user: a
 * link that this user made there would give it any file. Links of root, such as
 * /dev/stdout, and our own are followed. */
static int
open_file(const char *path, int flags, const char **why)
{
	struct stat link;
	int fd = open(path, flags | O_NOFOLLOW, FILE_MODE);

	if (fd < 0 && (errno == ELOOP || errno == EMLINK)) {
		*why = "is a link that another user has made";
		if (lstat(path, &link) != 0 ||
		    (link.st_uid != 0 && link.st_uid != geteuid()))
			return -1;
		fd = open(path, flags, FILE_MODE);
	}
	if (fd < 0 && errno != ELOOP)
		*why = strerror(errno);
	return fd;
}

/* True if fd is a file that ends in the middle of a line, as SIGKILL or a full
 * disk may leave it. It is open for writing only, so the path is opened again;
 * if that leads to another file by now, the end counts as whole. */
static bool
ends_torn(int fd, const char *path)
{
	struct stat written, found;
	const char *why = "";
	char last = '\n';
	int again;

	if (fstat(fd, &written) != 0 || !S_ISREG(written.st_mode) ||
	    written.st_size == 0)
		return false;
	again = open_file(path, READ_FLAGS, &why);
	if (again < 0)
		return false;
	if (fstat(again, &found) == 0 && found.st_dev == written.st_dev &&
	    found.st_ino == written.st_ino)
		(void)!pread(again, &last, 1, written.st_size - 1);
	close(again);
	return last != '\n';
}

struct log *
log_open(const struct log_config *config, const char *ident,
    char error[LOG_ERROR_SIZE])
{
	struct log *log = NULL;
	const char *why = "";

	if (log_check(config, error) < 0)
		return NULL;
	log = calloc(1, sizeof(*log));
	if (log == NULL)
		goto no_memory;
	log->fd = -1;
	log->format = config->format;
	atomic_init(&log->level, (int)config->level);
	log->ident = strdup(ident);
	if (log->ident == NULL)
		goto no_memory;
	if (strcmp(config->target, "syslog") == 0) {
		log->sink = LOG_SINK_SYSLOG;
		openlog(log->ident, LOG_PID | LOG_NDELAY, LOG_MAIL);
		return log;
	}
	if (strcmp(config->target, "stderr") == 0) {
		log->sink = LOG_SINK_STDERR;
		log->fd = STDERR_FILENO;
		return log;
	}
	log->sink = LOG_SINK_FILE;
	log->path = strdup(config->target + FILE_PREFIX_LEN);
	if (log->path == NULL)
		goto no_memory;
	log->fd = open_file(log->path, WRITE_FLAGS, &why);
	if (log->fd >= 0) {
		log->torn = ends_torn(log->fd, log->path);
		return log;
	}
	snprintf(error, LOG_ERROR_SIZE, "log file %s: %s", log->path, why);
	log_close(&log);
	return NULL;

no_memory:
	snprintf(error, LOG_ERROR_SIZE, "log: %s", err_text(ERR_NOMEM));
	log_close(&log);
	return NULL;
}

int
log_file(const struct log *log)
{
	return log->sink == LOG_SINK_FILE ? log->fd : -1;
}

/* --- writing --- */

/* Returns how many octets were written; fewer on an error. */
static size_t
write_all(int fd, const char *octets, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, octets + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

/* Errors are ignored: there is no other place to report them. */
static void
write_octets(struct log *log, const char *octets, size_t len)
{
	size_t done;

	if (atomic_load(&log->torn) && write_all(log->fd, "\n", 1) == 0)
		return;
	atomic_store(&log->torn, false);
	done = write_all(log->fd, octets, len);
	if (done > 0 && octets[done - 1] != '\n')
		atomic_store(&log->torn, true);
}

/* On the queue's thread. Each line for syslog begins with its level, as a
 * letter. */
static void
write_lines(void *arg, const char *lines, size_t len)
{
	struct log *log = arg;
	const char *const end = lines + len;
	const char *stop;

	if (log->sink != LOG_SINK_SYSLOG) {
		write_octets(log, lines, len);
		return;
	}
	while (lines < end &&
	    (stop = memchr(lines, '\n', (size_t)(end - lines))) != NULL) {
		syslog(level_priorities[lines[0] - 'a'], "%.*s",
		    (int)(stop - lines) - 1, lines + 1);
		lines = stop + 1;
	}
}

void
log_emit(struct log *log, enum log_level level, char *line, size_t len)
{
	const char head = (char)('a' + (int)level);
	int saved = errno;

	line[len] = '\n';
	/* An error may be the last line before a crash: it is urgent, but a
	 * loop must not wait for the disk. */
	if (log->queue != NULL)
		log_queue_put(log->queue, &head, log->sink == LOG_SINK_SYSLOG,
		    line, len + 1, level == LOG_LEVEL_ERROR);
	else if (log->sink == LOG_SINK_SYSLOG)
		syslog(level_priorities[level], "%.*s", (int)len, line);
	else
		write_octets(log, line, len + 1);
	errno = saved;
}

int
log_start(struct log *log)
{
	log->queue = log_queue_start(write_lines, log);
	return log->queue != NULL ? 0 : ERR_NOMEM;
}

void
log_flush(struct log *log)
{
	if (log != NULL && log->queue != NULL)
		log_queue_flush(log->queue);
}

/* --- later --- */

void
log_reopen(struct log *log)
{
	const char *why = "";
	bool torn;
	int fd;

	if (log == NULL || log->sink != LOG_SINK_FILE)
		return;
	/* Lines from before belong to the old file. */
	log_flush(log);
	fd = open_file(log->path, WRITE_FLAGS, &why);
	if (fd < 0) {
		log_msg(log, LOG_LEVEL_ERROR, "log-reopen", "%s: %s", log->path,
		    why);
		return;
	}
	torn = ends_torn(fd, log->path);
	/* Replaces the descriptor in place, so that a thread in write() never
	 * sees it closed. */
	if (dup3(fd, log->fd, O_CLOEXEC) >= 0)
		atomic_store(&log->torn, torn);
	else
		log_msg(log, LOG_LEVEL_ERROR, "log-reopen", "%s: %s", log->path,
		    strerror(errno));
	close(fd);
}

void
log_set_level(struct log *log, enum log_level level)
{
	atomic_store_explicit(&log->level, (int)level, memory_order_relaxed);
}

void
log_close(struct log **log)
{
	struct log *old = *log;

	*log = NULL;
	if (old == NULL)
		return;
	log_queue_stop(&old->queue);
	if (old->sink == LOG_SINK_SYSLOG)
		closelog();
	if (old->sink == LOG_SINK_FILE && old->fd >= 0)
		close(old->fd);
	free(old->path);
	free(old->ident);
	free(old);
}

/* --- the queue --- */

/*
 * Two buffers: one is filled while the other one is written.
 *
 *	put() -> filling -> (swapped by the thread) -> writing -> write()
 */
#define BUFFER_SIZE ((size_t)256 * 1024)
/* How long lines are gathered before they are written, unless somebody waits
 * for them or they are few. */
#define LINGER_MS 10
/* This many lines in LINGER_MS count as few: each is written at once, so that
 * it is in the log before the client has read the reply. */
#define LINES_CALM 16

struct buffer {
	size_t len;
	char octets[BUFFER_SIZE];
};

struct log_queue {
	pthread_t thread;
	log_queue_write_fn *write;
	void *arg;

	pthread_mutex_t lock; /* of all below, but for *writing */
	pthread_cond_t come;  /* for the thread */
	pthread_cond_t gone;  /* for all others */
	struct buffer *filling;
	struct buffer *writing; /* the thread's, while busy */
	uint64_t round;         /* buffers that were taken to be written */
	bool busy;
	bool waiting; /* the thread, for a first line */
	bool urgent;  /* do not linger */
	bool ending;
	uint64_t calm_ms; /* monotonic; when lines began to be counted */
	unsigned n_lines; /* since then */
	bool crowded;     /* there were many before that */
	struct buffer buffers[2];
};

/* The queue's thread. */
static void *
queue_run(void *arg)
{
	struct log_queue *queue = arg;
	struct buffer *full;
	uint64_t until_ms;

	(void)pthread_mutex_lock(&queue->lock);
	for (;;) {
		/* Wait for a first line, and a moment for more of them. */
		queue->waiting = true;
		while (queue->filling->len == 0 && !queue->ending)
			(void)pthread_cond_wait(&queue->come, &queue->lock);
		queue->waiting = false;
		if (queue->filling->len == 0)
			break;
		until_ms = clock_mono_ms() + LINGER_MS;
		while (!queue->urgent && !queue->ending &&
		    thread_wait_until(&queue->come, &queue->lock, until_ms))
			continue;
		queue->urgent = false;

		/* Others fill the other buffer while this one is written. */
		full = queue->filling;
		queue->filling = queue->writing;
		queue->writing = full;
		queue->busy = true;
		queue->round++;
		(void)pthread_cond_broadcast(&queue->gone);
		(void)pthread_mutex_unlock(&queue->lock);
		queue->write(queue->arg, full->octets, full->len);
		(void)pthread_mutex_lock(&queue->lock);
		full->len = 0;
		queue->busy = false;
		(void)pthread_cond_broadcast(&queue->gone);
	}
	(void)pthread_mutex_unlock(&queue->lock);
	return NULL;
}

struct log_queue *
log_queue_start(log_queue_write_fn *write, void *arg)
{
	struct log_queue *queue = calloc(1, sizeof(*queue));

	if (queue == NULL)
		return NULL;
	queue->write = write;
	queue->arg = arg;
	queue->filling = &queue->buffers[0];
	queue->writing = &queue->buffers[1];
	(void)pthread_mutex_init(&queue->lock, NULL);
	thread_cond_init(&queue->come);
	(void)pthread_cond_init(&queue->gone, NULL);
	if (thread_start(&queue->thread, NULL, NULL, queue_run, queue) == 0)
		return queue;
	free(queue);
	return NULL;
}

/* With the lock held. */
static void
hurry(struct log_queue *queue)
{
	if (queue->urgent)
		return;
	queue->urgent = true;
	(void)pthread_cond_signal(&queue->come);
}

/* Counts a line that has come. True: there are so few that each is written at
 * once. After many lines the next ones are gathered from the first, as each of
 * them would wake the thread. */
static bool
is_calm(struct log_queue *queue)
{
	uint64_t now_ms = clock_mono_ms();

	if (now_ms - queue->calm_ms >= LINGER_MS) {
		queue->crowded = queue->n_lines > LINES_CALM &&
		    now_ms - queue->calm_ms < 2 * LINGER_MS;
		queue->calm_ms = now_ms;
		queue->n_lines = 0;
	}
	queue->n_lines++;
	return !queue->crowded && queue->n_lines <= LINES_CALM;
}

void
log_queue_put(struct log_queue *queue, const char *head, size_t head_len,
    const char *line, size_t len, bool urgent)
{
	const size_t room = BUFFER_SIZE - head_len - len;
	struct buffer *buffer;
	bool first;

	(void)pthread_mutex_lock(&queue->lock);
	while (queue->filling->len > room) {
		hurry(queue);
		(void)pthread_cond_wait(&queue->gone, &queue->lock);
	}
	buffer = queue->filling;
	memcpy(buffer->octets + buffer->len, head, head_len);
	memcpy(buffer->octets + buffer->len + head_len, line, len);
	buffer->len += head_len + len;
	/* A thread that lingers wakes by itself. */
	first = queue->waiting;
	queue->waiting = false;
	if (is_calm(queue) || urgent || buffer->len > BUFFER_SIZE / 2)
		hurry(queue);
	(void)pthread_mutex_unlock(&queue->lock);
	if (first)
		(void)pthread_cond_signal(&queue->come);
}

void
log_queue_flush(struct log_queue *queue)
{
	uint64_t round;

	(void)pthread_mutex_lock(&queue->lock);
	/* The lines that are being written, and those queued behind them. */
	round = queue->round + (queue->filling->len > 0);
	while (queue->round < round || (queue->round == round && queue->busy)) {
		if (queue->round < round)
			hurry(queue);
		(void)pthread_cond_wait(&queue->gone, &queue->lock);
	}
	(void)pthread_mutex_unlock(&queue->lock);
}

void
log_queue_stop(struct log_queue **queuep)
{
	struct log_queue *queue = *queuep;

	*queuep = NULL;
	if (queue == NULL)
		return;
	(void)pthread_mutex_lock(&queue->lock);
	queue->ending = true;
	(void)pthread_cond_signal(&queue->come);
	(void)pthread_mutex_unlock(&queue->lock);
	(void)pthread_join(queue->thread, NULL);
	(void)pthread_cond_destroy(&queue->come);
	(void)pthread_cond_destroy(&queue->gone);
	(void)pthread_mutex_destroy(&queue->lock);
	free(queue);
}
