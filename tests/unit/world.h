/*
 * Facts and rules from one line of words, so that a row of a test reads as
 * what it is about:
 *
 *   txt=valid/2 stored=1/yes fetch=failed mx=s+ mx1=s+,s-,b mx2=s+,s-,s+
 *
 * txt=STATE[/ID], stored=ID/yes|no[/MODE[/AGE/MAX_AGE]], fetch=failed,
 * fetch=ID/yes|no[/MODE] ("yes": with the dnssec flag), pattern=NAME of both;
 * flags: truncated, deadline, internal-error, resolver-broken, no-mx, pinned;
 * class=NAME, domain=NAME ("domain=": none), port=N. Any other word is a host
 * "NAME=A,AAAA,TLSA" below example.org ("null": a host without name;
 * "address": an MX record that names 192.0.2.9).
 *
 * A record is its status, one of ? s i b n f (unasked, secure, insecure,
 * bogus, indeterminate, failed), and its answer, one of + - x 0 or nothing
 * (records, nodata, nxdomain, null MX, none). "s+u" is a usable TLSA record.
 *
 * Rules: hosts=any tlsa=required|ignored patterns=enforce
 * discovery|bogus|resolver=pass|tempfail action=reject|quarantine
 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include "core/decide.h"
#include "core/facts.h"
#include "core/verdict.h"

#define WORLD_HOSTS 40
#define WORLD_TEXT  64

struct world {
	struct facts facts;
	struct rules rules;
	struct fact_policy stored;
	struct fact_host hosts[WORLD_HOSTS];
	char names[WORLD_HOSTS][WORLD_TEXT];
	char domain[WORLD_TEXT];
	char ids[3][WORLD_TEXT];
	char pattern[WORLD_TEXT];
	const char *patterns[1];
};

/* Aborts the test on a word it does not know. Do not copy a world. */
void world_make(struct world *world, const char *facts, const char *rules);

#define WORLD_VERDICT_SIZE (EVIDENCE_TEXT_SIZE + 64)

/* "defer tlsa-bogus _25._tcp.mx1.example.org TLSA bogus" */
void world_verdict(const struct verdict *verdict, char out[WORLD_VERDICT_SIZE]);

#endif
