/* Waiting calls on a store. */
#include "autoconf.h"

#include "store_sync.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* --- waiting -------------------------------------------------------------- */

struct wait {
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool ready;
	int err;
	struct got *got;
};

static void
wait_init(struct wait *wait, struct got *got)
{
	*wait = (struct wait){
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .done = PTHREAD_COND_INITIALIZER,
	    .got = got,
	};
}

static int
wait_for(struct wait *wait)
{
	pthread_mutex_lock(&wait->lock);
	while (!wait->ready)
		pthread_cond_wait(&wait->done, &wait->lock);
	pthread_mutex_unlock(&wait->lock);
	return wait->err;
}

static void
on_done(void *arg, int err)
{
	struct wait *wait = arg;

	pthread_mutex_lock(&wait->lock);
	wait->err = err;
	wait->ready = true;
	pthread_cond_signal(&wait->done);
	pthread_mutex_unlock(&wait->lock);
}

static void
copy_entry(struct got *got, const struct store_entry *entry)
{
	snprintf(got->domain, sizeof(got->domain), "%s", entry->domain);
	snprintf(got->id, sizeof(got->id), "%s", entry->id);
	snprintf(got->failure, sizeof(got->failure), "%s", entry->failure);
	got->fetched_s = entry->fetched_s;
	got->tried_s = entry->tried_s;
	got->used_s = entry->used_s;
	got->len = entry->len;
	if (entry->len <= sizeof(got->body))
		memcpy(got->body, entry->body, entry->len);
}

static void
on_got(void *arg, int err, const struct store_entry *entry)
{
	struct wait *wait = arg;

	wait->got->calls++;
	wait->got->err = err;
	if (entry != NULL)
		copy_entry(wait->got, entry);
	on_done(arg, err);
}

int
sync_put(struct store *store, const struct store_entry *entry)
{
	struct wait wait;

	wait_init(&wait, NULL);
	cr_assert_eq(store_put(store, entry, on_done, &wait), 0);
	return wait_for(&wait);
}

int
sync_put_later(struct store *store, const struct store_entry *entry)
{
	struct wait wait;

	wait_init(&wait, NULL);
	cr_assert_eq(store_put_later(store, entry, on_done, &wait), 0);
	return wait_for(&wait);
}

int
sync_delete_expired(struct store *store, const char *domain, int64_t fetched_s)
{
	struct wait wait;

	wait_init(&wait, NULL);
	cr_assert_eq(store_delete_expired(store, domain, fetched_s, on_done,
			 &wait),
	    0);
	return wait_for(&wait);
}

int
sync_delete(struct store *store, const char *domain)
{
	struct wait wait;

	wait_init(&wait, NULL);
	cr_assert_eq(store_delete(store, domain, on_done, &wait), 0);
	return wait_for(&wait);
}

int
sync_mark(struct store *store, const char *domain,
    const struct store_mark *mark)
{
	struct wait wait;

	wait_init(&wait, NULL);
	cr_assert_eq(store_mark(store, domain, mark, on_done, &wait), 0);
	return wait_for(&wait);
}

void
sync_get(struct store *store, const char *domain, struct got *got)
{
	struct wait wait;

	memset(got, 0, sizeof(*got));
	wait_init(&wait, got);
	cr_assert_eq(store_get(store, domain, on_got, &wait), 0);
	wait_for(&wait);
}

int
sync_find(struct store *store, const char *domain)
{
	struct got got;

	sync_get(store, domain, &got);
	return got.err;
}

/* A server forgets what is past its life: the same moment, not long ago. */
static int64_t
fetch_time(void)
{
	static int64_t fetched_s;

	if (fetched_s == 0)
		fetched_s = time(NULL) - 600;
	return fetched_s;
}

struct store_entry
sync_entry(const char *domain, const char *id, const char *body)
{
	return (struct store_entry){
	    .domain = domain,
	    .id = id,
	    .fetched_s = fetch_time(),
	    .tried_s = fetch_time() + 300,
	    .failure = "",
	    .used_s = fetch_time() + 400,
	    .body = (const uint8_t *)body,
	    .len = strlen(body),
	};
}

static const char policy[] = "version: STSv1\nmode: enforce\n"
			     "mx: mx.example.org\nmax_age: 86400\n"
			     "dnssec: yes\n";

struct store_entry
sample_entry(void)
{
	return sync_entry("example.org", "1", policy);
}

void
expect_sample(struct store *store)
{
	struct got got;

	sync_get(store, "example.org", &got);
	cr_expect_eq(got.err, 0);
	cr_expect_str_eq(got.id, "1");
	cr_assert_eq(got.len, sizeof(policy) - 1);
	cr_expect_arr_eq(got.body, policy, sizeof(policy) - 1);
}

/* --- listing -------------------------------------------------------------- */

struct list {
	char *out;
	size_t size;
	size_t len;
};

static bool
append_domain(void *arg, const struct store_entry *entry)
{
	struct list *list = arg;
	int n = snprintf(list->out + list->len, list->size - list->len, "%s ",
	    entry->domain);

	cr_assert(n > 0 && (size_t)n < list->size - list->len);
	list->len += (size_t)n;
	return true;
}

int
sync_list(struct store *store, char *out, size_t size)
{
	struct list list = {.out = out, .size = size};

	out[0] = '\0';
	return store_each(store, append_domain, &list);
}

/* --- directories ---------------------------------------------------------- */

char *
scratch_new(void)
{
	const char *tmp = getenv("TMPDIR");
	char *path;

	cr_assert(asprintf(&path, "%s/dane-sts-test-XXXXXX",
		      tmp == NULL ? "/tmp" : tmp) > 0);
	cr_assert_not_null(mkdtemp(path));
	return path;
}

static void
remove_tree(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	char *inner;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		cr_assert(asprintf(&inner, "%s/%s", path, entry->d_name) > 0);
		if (unlink(inner) == -1)
			remove_tree(inner);
		free(inner);
	}
	if (dir != NULL)
		closedir(dir);
	(void)rmdir(path);
}

void
scratch_free(char **path)
{
	remove_tree(*path);
	free(*path);
	*path = NULL;
}

char *
scratch_path(const char *dir, const char *name)
{
	char *path;

	cr_assert(asprintf(&path, "%s/%s", dir, name) > 0);
	return path;
}

struct store *
open_lmdb(const char *dir, enum store_access access)
{
	char spec[4096];
	char error[STORE_ERROR_SIZE] = "";
	struct store *store;

	snprintf(spec, sizeof(spec), "lmdb:%s", dir);
	store =
	    store_open(&(struct store_options){.spec = spec, .access = access},
		error);
	cr_assert_not_null(store, "%s", error);
	return store;
}

const char *
refused_lmdb(const char *dir, enum store_access access)
{
	static char error[STORE_ERROR_SIZE];
	char spec[4096];
	struct store *store;

	error[0] = '\0';
	snprintf(spec, sizeof(spec), "lmdb:%s", dir);
	store =
	    store_open(&(struct store_options){.spec = spec, .access = access},
		error);
	cr_assert_null(store, "%s was opened", spec);
	cr_expect_neq(error[0], '\0');
	return error;
}

struct log *
log_to_file(const char *path)
{
	char target[4096], error[LOG_ERROR_SIZE];
	struct log *log;

	snprintf(target, sizeof(target), "file:%s", path);
	log = log_open(&(struct log_config){.target = target,
			   .level = LOG_LEVEL_INFO},
	    "test", error);
	cr_assert_not_null(log, "%s", error);
	return log;
}

unsigned
lines_with(const char *path, const char *text)
{
	FILE *in = fopen(path, "re");
	char line[4096];
	unsigned n = 0;

	cr_assert_not_null(in);
	while (fgets(line, sizeof(line), in) != NULL)
		n += strstr(line, text) != NULL;
	fclose(in);
	return n;
}
