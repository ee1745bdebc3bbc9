/*
 * Two buffers: one is filled while the other one is written.
 *
 *	put() -> filling -> (swapped by the thread) -> writing -> write()
 */
#include "autoconf.h"

#include "log/log_queue.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"

#define BUFFER_SIZE ((size_t)256 * 1024)
/* What is gathered before it is written, unless somebody waits... */
#define LINGER_MS 10
/* ...or so few have come in that time that a write for each does no harm: then
 * the line is in the log before the client has read the reply. */
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

/* With the lock held, as what is called here. */
static void
await_lines(struct log_queue *queue)
{
	uint64_t until_ms;

	queue->waiting = true;
	while (queue->filling->len == 0 && !queue->ending)
		(void)pthread_cond_wait(&queue->come, &queue->lock);
	queue->waiting = false;
	until_ms = clock_mono_ms() + LINGER_MS;
	while (!queue->urgent && !queue->ending &&
	    thread_wait_until(&queue->come, &queue->lock, until_ms))
		continue;
	queue->urgent = false;
}

static void
write_lines(struct log_queue *queue)
{
	struct buffer *full = queue->filling;

	queue->filling = queue->writing;
	queue->writing = full;
	queue->busy = true;
	queue->round++;
	/* There is room again. */
	(void)pthread_cond_broadcast(&queue->gone);
	(void)pthread_mutex_unlock(&queue->lock);
	queue->write(queue->arg, full->octets, full->len);
	(void)pthread_mutex_lock(&queue->lock);
	full->len = 0;
	queue->busy = false;
	(void)pthread_cond_broadcast(&queue->gone);
}

static void *
run(void *arg)
{
	struct log_queue *queue = arg;

	(void)pthread_mutex_lock(&queue->lock);
	while (!queue->ending || queue->filling->len > 0) {
		await_lines(queue);
		if (queue->filling->len > 0)
			write_lines(queue);
	}
	(void)pthread_mutex_unlock(&queue->lock);
	return NULL;
}

static void
queue_free(struct log_queue *queue)
{
	(void)pthread_cond_destroy(&queue->come);
	(void)pthread_cond_destroy(&queue->gone);
	(void)pthread_mutex_destroy(&queue->lock);
	free(queue);
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
	if (thread_start(&queue->thread, NULL, NULL, run, queue) != 0) {
		queue_free(queue);
		return NULL;
	}
	return queue;
}

static void
hurry(struct log_queue *queue)
{
	if (queue->urgent)
		return;
	queue->urgent = true;
	(void)pthread_cond_signal(&queue->come);
}

static void
append(struct buffer *buffer, const char *octets, size_t len)
{
	memcpy(buffer->octets + buffer->len, octets, len);
	buffer->len += len;
}

/* Of a line that has come. After many lines the next ones are gathered from
 * the first, or each of those few would wake the thread. */
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
    const char *line, size_t len)
{
	const size_t room = BUFFER_SIZE - head_len - len;
	bool first;

	(void)pthread_mutex_lock(&queue->lock);
	while (queue->filling->len > room) {
		hurry(queue);
		(void)pthread_cond_wait(&queue->gone, &queue->lock);
	}
	append(queue->filling, head, head_len);
	append(queue->filling, line, len);
	/* A thread that lingers wakes by itself. */
	first = queue->waiting;
	queue->waiting = false;
	if (is_calm(queue) || queue->filling->len > BUFFER_SIZE / 2)
		hurry(queue);
	(void)pthread_mutex_unlock(&queue->lock);
	if (first)
		(void)pthread_cond_signal(&queue->come);
}

void
log_queue_hurry(struct log_queue *queue)
{
	(void)pthread_mutex_lock(&queue->lock);
	hurry(queue);
	(void)pthread_mutex_unlock(&queue->lock);
}

void
log_queue_flush(struct log_queue *queue)
{
	uint64_t round;

	(void)pthread_mutex_lock(&queue->lock);
	/* What is being written now, and what is behind it. */
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
	queue_free(queue);
}
