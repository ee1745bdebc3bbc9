/*
 * Lookups in the DNS world of tests/lab for Criterion tests: what whoever is on
 * the path does, and dns/dns.h one lookup at a time.
 */
#ifndef TESTS_DNS_LAB_H
#define TESTS_DNS_LAB_H

#include "dns/dns.h"

struct event_base;

#define LAB_NAMES_MAX 64

/* A copy of an answer that outlives its callback. */
struct lab_answer {
	bool done;
	enum fact_status status;
	enum fact_answer answer;
	uint32_t ttl_s;
	int64_t sig_expires_s;
	bool unsigned_zone;
	char why[DNS_WHY_SIZE];
	bool truncated;
	size_t n;
	char names[LAB_NAMES_MAX][NAME_SIZE]; /* MX */
	uint16_t preferences[LAB_NAMES_MAX];
	uint8_t data[512]; /* the first record's */
	size_t len;
};

struct lab {
	struct event_base *base;
	struct dns *dns;
};

enum lab_path {
	LAB_FORWARDER, /* over unbound */
	LAB_ROOT,      /* recursion from root hints; needs port 53 */
	LAB_TLS,       /* stub mode over strict DNS over TLS */
	LAB_STUBS      /* recursion by stub-zones of a fragment */
};

/* Whether this path can be had here. */
bool lab_has(enum lab_path path);

/* A command for tamper.py, in force on return; the number that it answers. */
int lab_tamper(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The configuration for a path; pointers are static. */
struct dns_config lab_config(enum lab_path path);
void lab_open(struct lab *lab, const struct dns_config *config);
void lab_close(struct lab *lab);

/* A dns_done_fn for a struct lab_answer. */
void lab_done(void *arg, const struct dns_answer *answer);
/* Runs the loop until the answer is there. */
void lab_await(struct lab *lab, const struct lab_answer *answer);
/* Asks by dns_ask_discovery, and waits. */
void lab_ask_discovery(struct lab *lab, const char *name, enum dns_type type,
    struct lab_answer *answer);
/* Asks and waits. */
void lab_ask(struct lab *lab, const char *name, enum dns_type type,
    struct lab_answer *answer);

#endif
