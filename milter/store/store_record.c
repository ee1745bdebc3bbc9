/* Shared copies of store entries. */
#include "autoconf.h"

#include "store/store_record.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "core/policy.h"

int
record_check_domain(const char *domain)
{
	size_t len = strnlen(domain, NAME_SIZE);
	char canon[NAME_SIZE];
	int err = name_canon((const uint8_t *)domain, len, canon);

	if (err != 0)
		return err;
	return strcmp(domain, canon) == 0 ? 0 : ERR_SYNTAX;
}

/* Copies len octets and a NUL to *at and moves it on. */
static const char *
append(char **at, const void *octets, size_t len)
{
	char *start = *at;

	if (len > 0)
		memcpy(start, octets, len);
	start[len] = '\0';
	*at = start + len + 1;
	return start;
}

static struct record *
copy(const struct store_entry *e, size_t domain_len, size_t id_len,
    size_t failure_len)
{
	size_t size = sizeof(struct record) + domain_len + id_len +
	    failure_len + e->len + 4;
	struct record *r = malloc(size);
	char *at;

	if (r == NULL)
		return NULL;
	at = (char *)(r + 1);
	atomic_init(&r->refs, 1);
	r->deleted = false;
	r->size = size;
	r->entry = *e;
	r->entry.domain = append(&at, e->domain, domain_len);
	r->entry.id = append(&at, e->id, id_len);
	r->entry.failure = append(&at, e->failure, failure_len);
	r->entry.body = (const uint8_t *)append(&at, e->body, e->len);
	return r;
}

int
record_new(const struct store_entry *entry, struct record **out)
{
	int err = record_check_domain(entry->domain);
	size_t id_len = strnlen(entry->id, TXT_ID_SIZE);

	*out = NULL;
	if (err != 0)
		return err;
	if (id_len > TXT_ID_LEN_MAX)
		return ERR_SYNTAX;
	if (entry->len > RECORD_BODY_MAX)
		return ERR_TOOLONG;
	*out = copy(entry, strlen(entry->domain), id_len,
	    strnlen(entry->failure, RECORD_FAILURE_MAX));
	return *out == NULL ? ERR_NOMEM : 0;
}

int
record_new_policy(const struct store_entry *entry, struct record **out)
{
	struct store_entry new = *entry;
	struct policy *policy = NULL;
	uint8_t *body = NULL;
	int err = record_check_domain(entry->domain);

	*out = NULL;
	new.expendable = false;
	if (err == 0 && entry->len > RECORD_BODY_MAX)
		err = ERR_TOOLONG;
	/* What cannot be parsed is kept as though it bound. */
	if (err == 0 &&
	    policy_parse(entry->body, entry->len, NULL, NULL, &policy) == 0)
		new.expendable = !policy->dnssec;
	if (new.expendable &&new.len > STORE_EXPENDABLE_RAW_MAX) {
		body = malloc(STORE_EXPENDABLE_MAX);
		if (body == NULL)
			err = ERR_NOMEM;
		else
			new.len =
			    policy_write(policy, body, STORE_EXPENDABLE_MAX);
		new.body = body;
	}
	if (err == 0 && new.expendable &&new.len > STORE_EXPENDABLE_MAX)
		err = record_new_deleted(entry->domain, out);
	else if (err == 0)
		err = record_new(&new, out);
	policy_free(&policy);
	free(body);
	return err;
}

int
record_new_deleted(const char *domain, struct record **out)
{
	const struct store_entry entry = {.domain = domain,
	    .id = "",
	    .failure = ""};
	int err = record_new(&entry, out);

	if (err == 0)
		(*out)->deleted = true;
	return err;
}

struct record *
record_ref(struct record *record)
{
	atomic_fetch_add_explicit(&record->refs, 1, memory_order_relaxed);
	return record;
}

void
record_unref(struct record **recordp)
{
	struct record *record = *recordp;

	*recordp = NULL;
	if (record != NULL && atomic_fetch_sub(&record->refs, 1) == 1)
		free(record);
}
