/*
 * The engine as a test plays it: ask() is here instead of in libengine.a. It
 * answers by played.answer, at once or when the test says so.
 */
#ifndef TESTS_PLAYED_ENGINE_H
#define TESTS_PLAYED_ENGINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/ask.h"

#define PLAYED_HELD_MAX    4096
#define PLAYED_PATIENCE_MS 20000

struct played_question {
	struct target target;
	ask_done_fn *done;
	void *arg;
};

/* The test sets answer, and no_memory as it likes; the rest is read only. */
struct played_engine {
	/* Calls question->done. n: how many questions there were before. */
	void (*answer)(const struct played_question *question, size_t n);
	bool no_memory; /* for answer to look at */

	pthread_mutex_t lock; /* of what follows */
	bool hold;
	size_t n_asked;
	struct target target; /* of the last question */
	uint64_t left_ms;     /* until its deadline */
	size_t n_held;
	struct played_question held[PLAYED_HELD_MAX];
};

extern struct played_engine played;

/* Keeps the questions from now on. */
void played_hold(void);
/* Answers the kept questions, the last one first, and keeps no more. */
void played_release(void);

size_t played_asked(void);
/* Waits until n questions were asked, or n are kept. */
void played_await_asked(size_t n);
void played_await_held(size_t n);

#endif
