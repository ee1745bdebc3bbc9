/*
 * The decision options of dane-sts-milter.conf(5) on the command line, where
 * they go before the configuration: --hosts any, --tlsa required and so on.
 */
#ifndef TOOL_RULE_OPTIONS_H
#define TOOL_RULE_OPTIONS_H

#include <getopt.h>

#include "core/decide.h"

/* X(option, member of struct rules, words in the order of its enum) */
/* clang-format off */
#define RULE_OPTION_TABLE(X)                                                   \
	X("hosts", hosts, "all, any")                                          \
	X("tlsa", tlsa, "checked, required, ignored")                          \
	X("mx-patterns", mx_patterns, "ignore, enforce")                       \
	X("on-discovery-failure", on_discovery_failure, "pass, tempfail")      \
	X("on-bogus-discovery", on_bogus_discovery, "pass, tempfail")          \
	X("on-resolver-failure", on_resolver_failure, "pass, tempfail")        \
	X("action", action, "tempfail, reject, quarantine")
/* clang-format on */

/* For tool_getopt(): ends in a row of zeros, vals from 256. */
extern const struct option rule_options[];

/* What was chosen: 0 nothing, else the number of the word, from 1. */
struct rule_choice {
#define X(option, member, words) unsigned member;
	RULE_OPTION_TABLE(X)
#undef X
};

/*
 * val: what tool_getopt() found. NULL, or the words that are known ("all,
 * any") where `word` is not one of them.
 */
const char *
rule_choice_take(struct rule_choice *choice, int val, const char *word);
void rule_choice_apply(const struct rule_choice *choice, struct rules *rules);

#endif
