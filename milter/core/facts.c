/* Facts about a recipient domain: copies them and names their enums. */
#include "autoconf.h"

#include "core/facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/names.h"

NAMES_BOTH_WAYS(fact_status, enum fact_status, FACT_STATUS_TABLE)
NAMES_BOTH_WAYS(fact_answer, enum fact_answer, FACT_ANSWER_TABLE)

/*
 * One block of memory. The same functions lay it out twice: first with base
 * NULL to find its size, then to fill it in. So the two cannot differ.
 */
struct block {
	char *base;
	size_t used;
};

static void *
block_put(struct block *block, const void *from, size_t size, size_t align)
{
	size_t at = (block->used + align - 1) / align * align;

	block->used = at + size;
	if (block->base == NULL || size == 0)
		return NULL;
	return memcpy(block->base + at, from, size);
}

static const char *
block_put_string(struct block *block, const char *s)
{
	return s == NULL ? NULL : block_put(block, s, strlen(s) + 1, 1);
}

static struct fact_policy
block_put_policy(struct block *block, const struct fact_policy *policy)
{
	struct fact_policy copy = *policy;
	const char **mx;

	copy.id = block_put_string(block, policy->id);
	copy.mx = mx = block_put(block, policy->mx,
	    policy->n_mx * sizeof(*policy->mx), _Alignof(const char *));
	for (size_t i = 0; i < policy->n_mx; i++) {
		const char *pattern = block_put_string(block, policy->mx[i]);

		if (mx != NULL)
			mx[i] = pattern;
	}
	return copy;
}

static const struct fact_host *
block_put_hosts(struct block *block, const struct fact_host *hosts, size_t n)
{
	struct fact_host *copy = block_put(block, hosts, n * sizeof(*hosts),
	    _Alignof(struct fact_host));

	for (size_t i = 0; i < n; i++) {
		struct fact_host host = hosts[i];

		host.name = block_put_string(block, host.name);
		host.a.why = block_put_string(block, host.a.why);
		host.aaaa.why = block_put_string(block, host.aaaa.why);
		host.tlsa.why = block_put_string(block, host.tlsa.why);
		if (copy != NULL)
			copy[i] = host;
	}
	return copy;
}

static struct facts *
block_put_facts(struct block *block, const struct facts *facts)
{
	struct facts *copy =
	    block_put(block, facts, sizeof(*facts), _Alignof(struct facts));
	const struct fact_recipient *recipient = &facts->recipient;
	struct facts filled = *facts;
	struct fact_policy *stored;
	struct fact_policy policy;

	filled.recipient.domain = block_put_string(block, recipient->domain);
	filled.recipient.mailer = block_put_string(block, recipient->mailer);
	filled.recipient.host = block_put_string(block, recipient->host);
	filled.txt_id = block_put_string(block, facts->txt_id);
	filled.txt_why = block_put_string(block, facts->txt_why);
	filled.internal_why = block_put_string(block, facts->internal_why);
	if (facts->stored != NULL) {
		stored = block_put(block, facts->stored, sizeof(*stored),
		    _Alignof(struct fact_policy));
		policy = block_put_policy(block, facts->stored);
		if (stored != NULL)
			*stored = policy;
		filled.stored = stored;
	}
	filled.fetch.error = block_put_string(block, facts->fetch.error);
	filled.fetch.policy = block_put_policy(block, &facts->fetch.policy);
	filled.mx.why = block_put_string(block, facts->mx.why);
	filled.hosts = block_put_hosts(block, facts->hosts, facts->n_hosts);
	if (copy != NULL)
		*copy = filled;
	return copy;
}

struct facts *
facts_copy(const struct facts *facts, size_t *size)
{
	struct block block = {0};

	block_put_facts(&block, facts);
	if (size != NULL)
		*size = block.used;
	block.base = malloc(block.used);
	if (block.base == NULL)
		return NULL;
	block.used = 0;
	return block_put_facts(&block, facts);
}

void
facts_skipped_text(const struct facts *facts, char out[FACTS_SKIPPED_SIZE])
{
	static const char more[] = ", ...";
	const char *before = "no host name: ";
	bool unusable = true;
	size_t len = 0;

	out[0] = '\0';
	/* First lists the unusable hosts, then the hosts without address. */
	for (size_t i = 0; i < 2 * facts->n_hosts; i++) {
		const struct fact_host *host =
		    &facts->hosts[i % facts->n_hosts];

		if (i == facts->n_hosts) {
			before = len > 0 ? "; no address: " : "no address: ";
			unusable = false;
		}
		if (!fact_host_is_skipped(host) || host->name[0] == '\0' ||
		    host->unusable != unusable)
			continue;
		if (len + strlen(before) + strlen(host->name) + sizeof(more) >
		    FACTS_SKIPPED_SIZE) {
			memcpy(out + len, more, sizeof(more));
			return;
		}
		len += (size_t)snprintf(out + len, FACTS_SKIPPED_SIZE - len,
		    "%s%s", before, host->name);
		before = ", ";
	}
}

struct fact_policy
fact_policy_of(const struct policy *policy, const char *id, int64_t age_s)
{
	return (struct fact_policy){
	    .id = id,
	    .age_s = age_s > 0 ? (uint64_t)age_s : 0,
	    .max_age_s = policy->max_age_s,
	    .mode = policy->mode,
	    .dnssec = policy->dnssec,
	    .n_mx = policy->n_mx,
	    .mx = policy->mx,
	};
}
