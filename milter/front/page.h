/*
 * The status page, and the page about one domain: from what is known to HTML.
 *
 * Any thread.
 */
#ifndef FRONT_PAGE_H
#define FRONT_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/ask.h"
#include "front/recipient_log.h"
#include "front/stats_sampler.h"

struct answer;
struct config;

struct page_view {
	const char *version;
	const struct config *config; /* in force */
	unsigned enforced;           /* percent of all domains */
	int64_t now_s;
	int64_t started_s;
	size_t stored;
	bool store_reads; /* the latest of each did not fail */
	bool store_writes;
	size_t unwritten; /* policies in memory alone */
	struct engine_status engine;
	struct stats_view stats;
	size_t n_deferrals;
	struct deferral deferrals[DEFERRALS_MAX];
};

void page_write(FILE *out, const struct page_view *view);

/* asked: what was typed. tls: the answer at delivery to Postfix, of
 * tls_policy_text(). answer NULL: problem says why there is none; both NULL:
 * nothing was asked yet. */
void page_write_check(FILE *out, const char *asked, const struct answer *answer,
    const char *tls, const char *problem);

#endif
