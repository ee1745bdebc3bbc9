/*
 * What every scenario uses: one engine under a fake clock, and askers that
 * write down what they were told.
 */
#ifndef SCENARIO_WORLD_H
#define SCENARIO_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/config.h"
#include "core/verdict.h"
#include "fake_loop.h"
#include "script.h"

#define BINDING                                              \
	"version: STSv1\nmode: enforce\nmx: *.example.org\n" \
	"max_age: 86400\ndnssec: yes\n"
#define NOT_BINDING \
	"version: STSv1\nmode: enforce\nmx: *.example.org\nmax_age: 86400\n"

/* One who asks. */
struct asker {
	unsigned completions; /* must end up as 1 */
	bool cached;
	bool none; /* no answer, for want of memory */
	bool policy_known;
	bool pinned;
	enum verdict_kind verdict;
	enum reason reason;
	enum policy_from from;
	enum fact_status txt;
	uint64_t at_ms; /* since it asked */
	uint64_t asked_ms;
	char decided_by[EVIDENCE_TEXT_SIZE];
	char why[256];
	char tls[512]; /* what Postfix would be told */
};

struct scenario {
	const char *name;
	void (*run)(void);
};

/* Begins anew, with the defaults but for what the caller changes in
 * world_config before world_start. */
extern struct config world_config;
void world_reset(void);
void world_start(void);
/* The same with a log, of warnings and errors. */
void world_start_logging(void);
/* How many of its lines have both texts. */
size_t world_log_lines(const char *event, const char *text);
void world_stop(void);
/* Takes what world_config says now. */
void world_reload(void);
/* See struct engine_status. */
int world_root_key_missing(void);
/* As an import or a purge does. */
void world_forget(const char *domain);
void world_forget_unbound(void);
/* Counts how often the engine says that the wall clock was set back. */
void world_count_set_back(unsigned *n);

void ask_domain(struct asker *asker, const char *domain, uint64_t patience_ms);
/* [host]:port, and domain:port */
void ask_host(struct asker *asker, const char *host, uint16_t port);
void ask_port(struct asker *asker, const char *domain, uint16_t port);
/* For a delivery: see ASK_DELIVERY. */
void ask_tls(struct asker *asker, const char *domain, uint64_t patience_ms);
/* Asks, waits up to 60 s of the fake clock, and returns what came. */
struct asker asked(const char *domain);
struct asker asked_tls(const char *domain);
/* The same for a tool: see ASK_EVIDENCE. */
struct asker asked_evidence(const char *domain);

/* Waits up to 60 s of the fake clock for the refresh to end. */
void refresh_domain(const char *domain);

#define CHECK(condition)                                               \
	do {                                                           \
		if (!(condition)) {                                    \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__, \
			    __LINE__, #condition);                     \
			exit(1);                                       \
		}                                                      \
	} while (0)

#define CHECK_VERDICT(asker, v, r) \
	check_verdict(__FILE__, __LINE__, (asker), (v), (r))
void check_verdict(const char *file, int line, struct asker asker,
    enum verdict_kind verdict, enum reason reason);

/* clang-format off */
#define SCENARIO(function) {#function, function}
/* clang-format on */

extern const struct scenario discovery_scenarios[];
extern const struct scenario policy_scenarios[];
extern const struct scenario delivery_scenarios[];
extern const struct scenario engine_scenarios[];
extern const struct scenario refresh_scenarios[];
extern const struct scenario tls_scenarios[];
extern const struct scenario report_scenarios[];
extern const struct scenario crowd_scenarios[];
extern const struct scenario memory_scenarios[];
extern const struct scenario pins_scenarios[];
extern const struct scenario failure_scenarios[];

#endif
