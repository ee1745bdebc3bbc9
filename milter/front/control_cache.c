/* The commands "cache export", "cache purge", "cache import", "cache warm". */
#include "autoconf.h"

#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "config/snapshot.h"
#include "engine/ask.h"
#include "front/control.h"
#include "store/store.h"
#include "store/store_json.h"
#include "store/store_record.h"

/* How long a lookup may take in addition to the fetch: the resolver's time. */
#define WARM_SLACK_MS 30000

/* --- export --- */

struct export
{
	struct control_client *client;
	uint64_t until_ms;
	int err;
};

static bool
export_entry(void *arg, const struct store_entry *entry)
{
	struct export *export = arg;
	char *text = store_json_write(entry);

	export->err = ERR_NOMEM;
	if (text != NULL)
		export->err =
		    line_write(&export->client->io, text, strlen(text));
	/* LMDB frees no page as long as a reader walks through it. */
	if (export->err == 0 && clock_mono_ms() > export->until_ms)
		export->err = ERR_BUSY;
	free(text);
	return export->err == 0;
}

static int
export_one(struct control_client *client, const char *domain)
{
	struct export export = {.client = client, .until_ms = UINT64_MAX};
	struct record *record;
	int err = store_wait_get(client->parts->store, domain, &record);

	if (err == ERR_NOTFOUND)
		return client_error(client, "no policy of %s is stored",
		    domain);
	if (err != 0)
		return client_error(client, "the policy store: %s",
		    err_text(err));
	(void)export_entry(&export, &record->entry);
	record_unref(&record);
	return client_done(client, export.err);
}

int
control_export(struct control_client *client)
{
	struct export export = {.client = client,
	    .until_ms = clock_mono_ms() + CONTROL_PASS_MAX_MS};
	char domain[NAME_SIZE];
	int err;

	if (client_domain(client->request, domain))
		return export_one(client, domain);
	if (json_object_get(client->request, "domain") != NULL)
		return client_error(client, "\"domain\" is not a domain");
	err = store_each(client->parts->store, export_entry, &export);
	if (export.err != 0)
		return export.err;
	if (err == ERR_CORRUPT)
		return client_error(client,
		    "the policy store is damaged: some policies could not be "
		    "read");
	if (err == ERR_VERSION)
		return client_error(client,
		    "some policies could not be read: a newer version wrote "
		    "them; update this one");
	if (err != 0)
		return client_error(client, "the policy store: %s",
		    err_text(err));
	return client_done(client, 0);
}

/* --- purge --- */

int
control_purge(struct control_client *client)
{
	struct store *store = client->parts->store;
	struct record *record;
	char domain[NAME_SIZE];
	int err;
	bool there;

	if (!client_domain(client->request, domain))
		return client_error(client, "\"domain\" is not a domain");
	err = store_wait_get(store, domain, &record);
	record_unref(&record);
	/* A record that cannot be read is there as well. */
	there = err != ERR_NOTFOUND;
	if (there)
		err = store_wait_delete(store, domain);
	if (err != 0 && err != ERR_NOTFOUND)
		return client_error(client, "the policy store: %s",
		    err_text(err));
	engine_forget(client->parts->engine, domain);
	client_log(client, "purge", domain, -1);
	return client_done(client,
	    client_send(client, json_pack("{s:b}", "purged", there)));
}

/* --- import --- */

struct import {
	struct control_client *client;
	struct store_writes *writes;
	json_int_t line;
	json_int_t imported;
	json_int_t kept;
	json_int_t bad;
};

/* Discards cached verdicts on the domain, which were made under the previous
 * policy. Also after a failed write: the policy is in force from memory. */
static void
written(void *arg, const char *domain, int err)
{
	if (err != ERR_KEPT)
		engine_forget(arg, domain);
}

static int
refuse_line(struct import *import, const char *why)
{
	import->bad++;
	return client_send(import->client,
	    json_pack("{s:I,s:s}", "line", import->line, "error", why));
}

static int
import_line(struct import *import, const char *line, size_t len)
{
	char error[STORE_JSON_ERROR_SIZE];
	struct record *record;
	int err = store_json_read(line, len, clock_wall_s(), &record, error);

	if (err != 0)
		return refuse_line(import, error);
	err = store_writes_put_later(import->writes, &record->entry);
	record_unref(&record);
	if (err != 0)
		return refuse_line(import, err_text(err));
	import->imported++;
	return 0;
}

static int
import_all(struct import *import)
{
	static const char end[] = "{\"end\":true}";
	int err = 0;

	while (err == 0) {
		char *line;
		size_t len;

		err = line_read(&import->client->io, &line, &len);
		import->line++;
		if (err == 0 && len == strlen(end) &&
		    memcmp(line, end, len) == 0)
			return 0;
		if (err == 0)
			err = import_line(import, line, len);
		else if (err == ERR_SYNTAX)
			err = refuse_line(import, "the line holds a NUL octet");
	}
	return err;
}

int
control_import(struct control_client *client)
{
	struct import import = {.client = client};
	size_t failed, kept;
	int err, write_err;

	import.writes = store_writes_new(client->parts->store, written,
	    client->parts->engine);
	if (import.writes == NULL)
		return ERR_NOMEM;
	err = import_all(&import);
	write_err = store_writes_end(&import.writes, &failed, &kept);
	import.kept = (json_int_t)kept;
	import.imported -= (json_int_t)(failed + kept);
	client_log(client, "import", NULL, import.imported);
	if (err == ERR_TOOLONG)
		(void)client_error(client, "line %lld is too long",
		    (long long)import.line);
	if (err != 0)
		return err;
	if (failed > 0)
		return client_error(client,
		    "%zu policies could not be written: %s", failed,
		    err_text(write_err));
	return client_send(client,
	    json_pack("{s:b,s:I,s:I,s:I}", "done", true, "imported",
		import.imported, "kept", import.kept, "bad", import.bad));
}

/* --- warm --- */

struct warmed {
	STAILQ_ENTRY(warmed) link;
	struct warm *warm;
	const struct answer *answer;
	char domain[NAME_SIZE];
};

/* Shared with the lookups: the client may be gone before they end. */
struct warm {
	int event_fd;         /* counts the answers that wait */
	pthread_mutex_t lock; /* guards the members below */
	STAILQ_HEAD(, warmed) answers;
	size_t under_way;
	bool left; /* by the client's thread: the last user frees it */
};

static void
destroy(struct warm *warm)
{
	struct warmed *one;

	while ((one = STAILQ_FIRST(&warm->answers)) != NULL) {
		STAILQ_REMOVE_HEAD(&warm->answers, link);
		answer_unref(&one->answer);
		free(one);
	}
	(void)pthread_mutex_destroy(&warm->lock);
	close(warm->event_fd);
	free(warm);
}

static struct warm *
warm_new(void)
{
	struct warm *warm = calloc(1, sizeof(*warm));

	if (warm == NULL)
		return NULL;
	warm->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	if (warm->event_fd < 0) {
		free(warm);
		return NULL;
	}
	(void)pthread_mutex_init(&warm->lock, NULL);
	STAILQ_INIT(&warm->answers);
	return warm;
}

static void
answered(void *arg, const struct answer *answer, bool cached)
{
	struct warmed *one = arg;
	struct warm *warm = one->warm;
	bool last;

	(void)cached;
	if (answer != NULL)
		one->answer = answer_ref(answer);
	(void)pthread_mutex_lock(&warm->lock);
	STAILQ_INSERT_TAIL(&warm->answers, one, link);
	warm->under_way--;
	last = warm->left && warm->under_way == 0;
	if (!last)
		(void)eventfd_write(warm->event_fd, 1);
	(void)pthread_mutex_unlock(&warm->lock);
	if (last)
		destroy(warm);
}

static json_t *
answer_json(const char *domain, const struct answer *answer)
{
	const struct verdict *verdict = &answer->verdict;
	const struct fact_policy *policy = verdict->policy;
	const char *mode = "none";

	if (!verdict->policy_known)
		mode = "unknown";
	else if (policy != NULL)
		mode = policy_mode_name(policy->mode);
	return json_pack("{s:s,s:s,s:b,s:b,s:s,s:s}", "domain", domain,
	    "policy", mode, "stored", policy != NULL, "dnssec",
	    policy != NULL && policy->dnssec, "verdict",
	    verdict_name(verdict->kind), "reason",
	    reason_name(verdict->reason));
}

static int
send_answer(struct control_client *client, struct warm *warm)
{
	struct warmed *one;
	json_t *json;

	(void)pthread_mutex_lock(&warm->lock);
	one = STAILQ_FIRST(&warm->answers);
	STAILQ_REMOVE_HEAD(&warm->answers, link);
	(void)pthread_mutex_unlock(&warm->lock);
	json = one->answer != NULL
	    ? answer_json(one->domain, one->answer)
	    : json_pack("{s:s,s:s}", "domain", one->domain, "error",
		  err_text(ERR_NOMEM));
	answer_unref(&one->answer);
	free(one);
	return client_send(client, json);
}

/* Sends answers until fewer than `below` are still to come. */
static int
send_answers(struct control_client *client, struct warm *warm, size_t *open,
    size_t below)
{
	struct pollfd fds[2] = {
	    {.fd = warm->event_fd,     .events = POLLIN},
	    {.fd = client->io.stop_fd, .events = POLLIN},
	};
	int err = 0;

	while (err == 0 && *open >= below) {
		eventfd_t one;

		if (poll(fds, 2, -1) < 0)
			continue; /* EINTR */
		if (fds[1].revents != 0)
			return ERR_CANCELLED;
		if (eventfd_read(warm->event_fd, &one) < 0)
			continue;
		(*open)--;
		err = send_answer(client, warm);
	}
	return err;
}

static int
ask_for(struct control_client *client, struct warm *warm, const char *domain)
{
	struct snapshot *snapshot = snapshot_acquire(client->parts->snapshots);
	struct target target = {.port = SCOPE_PORT_SMTP};
	struct warmed *one = calloc(1, sizeof(*one));
	struct ask_options options = {
	    .what = ASK_EVIDENCE,
	    .target = &target,
	    .deadline_ms = clock_mono_ms() +
		snapshot->config->fetch_timeout_ms + WARM_SLACK_MS,
	    .done = answered,
	    .arg = one,
	};

	snapshot_release(&snapshot);
	if (one == NULL)
		return ERR_NOMEM;
	one->warm = warm;
	(void)snprintf(one->domain, sizeof(one->domain), "%s", domain);
	(void)snprintf(target.domain, sizeof(target.domain), "%s", domain);
	(void)pthread_mutex_lock(&warm->lock);
	warm->under_way++;
	(void)pthread_mutex_unlock(&warm->lock);
	ask(client->parts->engine, &options);
	return 0;
}

static int
warm_all(struct control_client *client, struct warm *warm)
{
	size_t open = 0;
	int err = 0;

	for (;;) {
		char domain[NAME_SIZE];
		json_t *object;

		err = client_next(client, &object);
		if (err == ERR_NOTFOUND)
			return send_answers(client, warm, &open, 1);
		if (err == 0 && !client_domain(object, domain)) {
			const char *name = json_string_value(
			    json_object_get(object, "domain"));

			err = client_send(client,
			    json_pack("{s:s,s:s}", "domain",
				name != NULL ? name : "", "error",
				"not a domain"));
		} else if (err == 0) {
			err = ask_for(client, warm, domain);
			open += err == 0;
		}
		json_decref(object);
		if (err == 0)
			err = send_answers(client, warm, &open,
			    CONTROL_WARM_AT_ONCE);
		if (err != 0)
			return err;
	}
}

int
control_warm(struct control_client *client)
{
	struct warm *warm = warm_new();
	bool last;
	int err;

	if (warm == NULL)
		return ERR_NOMEM;
	err = warm_all(client, warm);
	(void)pthread_mutex_lock(&warm->lock);
	warm->left = true;
	last = warm->under_way == 0;
	(void)pthread_mutex_unlock(&warm->lock);
	if (last)
		destroy(warm);
	return client_done(client, err);
}
