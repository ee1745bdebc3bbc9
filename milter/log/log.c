#include "autoconf.h"

#include "log/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/err.h"
#include "log/log_impl.h"

#define FILE_PREFIX "file:"

static const char *const level_names[] = {
#define X(member, name) [member] = (name),
    LOG_LEVEL_TABLE(X)
#undef X
};

static const int level_priorities[] = {
    [LOG_LEVEL_ERROR] = LOG_ERR,
    [LOG_LEVEL_WARNING] = LOG_WARNING,
    [LOG_LEVEL_INFO] = LOG_INFO,
    [LOG_LEVEL_DEBUG] = LOG_DEBUG,
};

const char *
log_level_name(enum log_level level)
{
	return level_names[level];
}

bool
log_wants(const struct log *log, enum log_level level)
{
	return log != NULL &&
	    (int)level <=
	    atomic_load_explicit(&log->level, memory_order_relaxed);
}

/* --- opening --- */

static int
parse_target(const char *target, enum log_sink *sink, const char **path)
{
	*path = "";
	if (strcmp(target, "syslog") == 0) {
		*sink = LOG_SINK_SYSLOG;
		return 0;
	}
	if (strcmp(target, "stderr") == 0) {
		*sink = LOG_SINK_STDERR;
		return 0;
	}
	if (strncmp(target, FILE_PREFIX, strlen(FILE_PREFIX)) == 0 &&
	    target[strlen(FILE_PREFIX)] == '/') {
		*sink = LOG_SINK_FILE;
		*path = target + strlen(FILE_PREFIX);
		return 0;
	}
	return ERR_CONFIG;
}

int
log_check(const struct log_config *config, char error[LOG_ERROR_SIZE])
{
	enum log_sink sink;
	const char *path;

	if (parse_target(config->target, &sink, &path) == 0)
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

/* Root opens it, and its directory may be the user's, who then writes to it: a
 * link that he has made there would give him any file. Those of root, such as
 * /dev/stdout, and our own are followed. */
static int
open_file(const char *path, int flags)
{
	struct stat link;
	int fd = open(path, flags | O_NOFOLLOW, FILE_MODE);

	if (fd >= 0 || (errno != ELOOP && errno != EMLINK))
		return fd;
	if (lstat(path, &link) == 0 &&
	    (link.st_uid == 0 || link.st_uid == geteuid()))
		return open(path, flags, FILE_MODE);
	errno = ELOOP;
	return -1;
}

/* Whether fd is a file that ends in the middle of a line, as SIGKILL or a full
 * disk may leave it. It is open for writing only, so the path is opened again;
 * if that leads to another file by now, the end is taken for whole. */
static bool
ends_torn(int fd, const char *path)
{
	struct stat written, found;
	char last = '\n';
	int again;

	if (fstat(fd, &written) != 0 || !S_ISREG(written.st_mode) ||
	    written.st_size == 0)
		return false;
	again = open_file(path, READ_FLAGS);
	if (again < 0)
		return false;
	if (fstat(again, &found) == 0 && found.st_dev == written.st_dev &&
	    found.st_ino == written.st_ino)
		(void)!pread(again, &last, 1, written.st_size - 1);
	close(again);
	return last != '\n';
}

static const char *
why_not_open(void)
{
	return errno == ELOOP ? "is a link that another user has made"
			      : strerror(errno);
}

static int
open_sink(struct log *log, const char *path, char error[LOG_ERROR_SIZE])
{
	switch (log->sink) {
	case LOG_SINK_SYSLOG:
		openlog(log->ident, LOG_PID | LOG_NDELAY, LOG_MAIL);
		return 0;
	case LOG_SINK_STDERR:
		log->fd = STDERR_FILENO;
		return 0;
	case LOG_SINK_FILE:
		log->path = strdup(path);
		if (log->path != NULL)
			log->fd = open_file(path, WRITE_FLAGS);
		if (log->fd >= 0) {
			log->torn = ends_torn(log->fd, path);
			return 0;
		}
		snprintf(error, LOG_ERROR_SIZE, "log file %s: %s", path,
		    why_not_open());
		return ERR_IO;
	}
	return ERR_CONFIG;
}

struct log *
log_open(const struct log_config *config, const char *ident,
    char error[LOG_ERROR_SIZE])
{
	struct log *log = NULL;
	const char *path = "";
	enum log_sink sink = LOG_SINK_SYSLOG;

	if (log_check(config, error) < 0)
		return NULL;
	(void)parse_target(config->target, &sink, &path);
	log = calloc(1, sizeof(*log));
	if (log == NULL)
		goto no_memory;
	log->fd = -1;
	log->sink = sink;
	log->format = config->format;
	atomic_init(&log->level, (int)config->level);
	log->ident = strdup(ident);
	if (log->ident == NULL)
		goto no_memory;
	if (open_sink(log, path, error) < 0)
		log_close(&log);
	return log;

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

static void
write_syslog(enum log_level level, const char *line, size_t len)
{
	syslog(level_priorities[level], "%.*s", (int)len, line);
}

/* In the queue a line for syslog has its level before it, as a letter. */
static void
write_syslog_lines(const char *lines, size_t len)
{
	const char *const end = lines + len;

	while (lines < end) {
		const char *stop = memchr(lines, '\n', (size_t)(end - lines));

		if (stop == NULL)
			return;
		write_syslog((enum log_level)(lines[0] - 'a'), lines + 1,
		    (size_t)(stop - lines) - 1);
		lines = stop + 1;
	}
}

/* On the queue's thread. */
static void
write_lines(void *arg, const char *lines, size_t len)
{
	struct log *log = arg;

	if (log->sink == LOG_SINK_SYSLOG)
		write_syslog_lines(lines, len);
	else
		write_octets(log, lines, len);
}

static void
enqueue(struct log *log, enum log_level level, const char *line, size_t len)
{
	const char head = (char)('a' + (int)level);

	log_queue_put(log->queue, &head, log->sink == LOG_SINK_SYSLOG, line,
	    len);
	/* Perhaps the last words; but a loop must not wait for the disk. */
	if (level == LOG_LEVEL_ERROR)
		log_queue_hurry(log->queue);
}

void
log_emit(struct log *log, enum log_level level, char *line, size_t len)
{
	int saved = errno;

	if (log->queue == NULL && log->sink == LOG_SINK_SYSLOG) {
		write_syslog(level, line, len);
	} else {
		line[len] = '\n';
		if (log->queue != NULL)
			enqueue(log, level, line, len + 1);
		else
			write_octets(log, line, len + 1);
	}
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
	bool torn;
	int fd;

	if (log == NULL || log->sink != LOG_SINK_FILE)
		return;
	/* What was said before belongs to the old file. */
	log_flush(log);
	fd = open_file(log->path, WRITE_FLAGS);
	if (fd < 0) {
		log_msg(log, LOG_LEVEL_ERROR, "log-reopen", "%s: %s", log->path,
		    why_not_open());
		return;
	}
	torn = ends_torn(fd, log->path);
	/* In place, so that a thread in write() never sees a closed one. */
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
