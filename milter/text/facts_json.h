/*
 * Facts and verdicts as JSON, which `dane-sts check --json` prints and
 * `dane-sts replay` reads.
 *
 * Any thread.
 */
#ifndef TEXT_FACTS_JSON_H
#define TEXT_FACTS_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "core/facts.h"
#include "core/tls_policy.h"
#include "core/verdict.h"

#define FACTS_JSON_ERROR_SIZE 256

/*
 * One object on one line, without a line end. ms < 0: no "ms".
 * facts == NULL: the verdict alone. answer: of tls_policy_text(), the answer at
 * delivery as "tls": {"level": "secure", "status": "OK", "answer":
 * "match=..."}; NULL: without "tls". NULL: no memory. Free with free().
 */
char *facts_json_write(const struct facts *facts, const struct verdict *verdict,
    int64_t ms, enum tls_policy_kind kind, const char *answer);

/*
 * Reads one object: {"facts": {...}, ...} or the facts themselves. Unknown
 * fields are ignored, missing ones and null mean "not looked up"; a known
 * field of the wrong type or with an unknown word is an error that names it.
 * no_mx and the port are those of recipient.host. Hosts beyond
 * FACTS_HOSTS_MAX set hosts_truncated.
 * *facts is one block; free with free().
 * 0, ERR_SYNTAX or ERR_NOMEM with *error filled in.
 */
int facts_json_read(const char *text, size_t len, struct facts **facts,
    char error[FACTS_JSON_ERROR_SIZE]);

#endif
