/*
 * What the load generators share: many connections in one thread, a bounded
 * time, answers counted and timed. A connection asks anew when it is answered,
 * so that no more is ever under way than was said on the command line.
 *
 *	SOCKET CONNECTIONS SECONDS [-p PID] [-w PIPELINED] [-b] KEY...
 *
 * Connection number n asks about KEY number n modulo their count; each "#" in
 * a key becomes a number that was not used before. -b: in bursts, all at once
 * and again when the last one is answered. -p: whose CPU time is told.
 *
 * One line is printed for the whole and one for each KEY:
 *
 *	answers=N seconds=S rate=R cpu_us=C p50_us=.. p99_us=.. max_us=.. odd=N
 *	key=KEY answers=N p50_us=.. p99_us=.. max_us=..
 *
 * cpu_us is PID's per answer; odd counts answers that are none of the usual.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_PIPELINED_MAX 64
#define LOAD_INPUT_MAX     8192
#define LOAD_KEY_MAX       256

struct load_connection {
	int fd;
	unsigned word;   /* which KEY */
	unsigned asked;  /* since the beginning; the protocol's to use */
	bool agreed;     /* the protocol's to use */
	unsigned oldest; /* of sent_ns */
	unsigned under_way;
	uint64_t sent_ns[LOAD_PIPELINED_MAX];
	size_t len;
	uint8_t input[LOAD_INPUT_MAX];
};

enum load_taken {
	LOAD_PART,   /* no whole packet yet */
	LOAD_OTHER,  /* one that answers no question */
	LOAD_ANSWER, /* the usual one */
	LOAD_ODD     /* an answer, but another one */
};

struct load_protocol {
	/* What is said first; NULL: nothing, questions come at once. */
	void (*greet)(struct load_connection *c);
	void (*ask)(struct load_connection *c, const char *key);
	/* The first packet of input; *whole: its length. The first LOAD_OTHER
	 * ends the greeting. */
	enum load_taken (*take)(struct load_connection *c, size_t *whole);
	/* Behind an answer, before the next question. */
	void (*answered)(struct load_connection *c);
};

/* Does all; the exit status. */
int load_run(int argc, char **argv, const struct load_protocol *protocol);

/* Sends all of it, or ends the program. */
void load_send(struct load_connection *c, const void *octets, size_t len);

#endif
