#include "autoconf.h"

#include "dns_lab.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <event2/event.h>

#include "lab_world.h"

#define TIMEOUT_MS 3000

enum slot {
	SLOT_ANCHOR,
	SLOT_FRAGMENT,
	SLOT_SERVERS,
	SLOT_COUNT
};

/* A value in memory of its own. */
static const char *
keep(enum slot slot, const char *key)
{
	static char values[SLOT_COUNT][512];

	(void)snprintf(values[slot], sizeof(values[slot]), "%s", lab_info(key));
	return values[slot];
}

bool
lab_has(enum lab_path path)
{
	return path != LAB_ROOT || strcmp(lab_info("recursion"), "yes") == 0;
}

static int
connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	cr_assert_lt(strlen(path), sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path));
	cr_assert_eq(connect(fd, (const struct sockaddr *)(void *)&address,
			 sizeof(address)),
	    0, "%s", path);
	return fd;
}

int
lab_tamper(const char *format, ...)
{
	char line[512];
	va_list args;
	FILE *f = fdopen(connect_to(lab_info("control")), "r+");

	cr_assert_not_null(f);
	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	(void)fprintf(f, "%s\n", line);
	(void)fflush(f);
	cr_assert_not_null(fgets(line, sizeof(line), f));
	(void)fclose(f);
	cr_assert_eq(strncmp(line, "ok", 2), 0, "%s", line);
	return (int)strtol(line + 2, NULL, 10);
}

struct dns_config
lab_config(enum lab_path path)
{
	static const char *resolvers[1];
	struct dns_config config = {
	    .trust_anchor = keep(SLOT_ANCHOR, "trust_anchor"),
	    .unbound_conf = keep(SLOT_FRAGMENT, "conf_fragment"),
	    .timeout_ms = TIMEOUT_MS,
	};

	switch (path) {
	case LAB_FORWARDER:
		resolvers[0] = keep(SLOT_SERVERS, "forwarder");
		config.n_resolvers = 1;
		config.resolvers = resolvers;
		break;
	case LAB_ROOT:
		config.root_hints = keep(SLOT_SERVERS, "root_hints");
		break;
	case LAB_TLS:
		/* OpenSSL's own way to name authorities */
		(void)setenv("SSL_CERT_FILE", lab_info("tls_ca"), 1);
		resolvers[0] = keep(SLOT_SERVERS, "tls");
		config.n_resolvers = 1;
		config.resolvers = resolvers;
		config.unbound_conf = NULL;
		break;
	case LAB_STUBS:
		config.unbound_conf = keep(SLOT_FRAGMENT, "stub_fragment");
		break;
	}
	return config;
}

void
lab_open(struct lab *lab, const struct dns_config *config)
{
	char error[DNS_ERROR_SIZE];

	lab->base = event_base_new();
	cr_assert_not_null(lab->base);
	lab->dns = dns_new(config, lab->base, error);
	cr_assert_not_null(lab->dns, "%s", error);
}

void
lab_close(struct lab *lab)
{
	dns_free(&lab->dns);
	cr_assert_null(lab->dns);
	event_base_free(lab->base);
	lab->base = NULL;
}

void
lab_done(void *arg, const struct dns_answer *answer)
{
	struct lab_answer *a = arg;
	size_t i;

	cr_assert(!a->done, "completed twice");
	a->done = true;
	a->status = answer->status;
	a->answer = answer->answer;
	a->ttl_s = answer->ttl_s;
	a->sig_expires_s = answer->sig_expires_s;
	a->unsigned_zone = answer->unsigned_zone;
	a->truncated = answer->truncated;
	a->n = answer->n;
	(void)snprintf(a->why, sizeof(a->why), "%s", answer->why);
	for (i = 0; i < answer->n && i < LAB_NAMES_MAX; i++) {
		if (answer->records[i].name == NULL)
			continue;
		(void)snprintf(a->names[i], NAME_SIZE, "%s",
		    answer->records[i].name);
		a->preferences[i] = answer->records[i].preference;
	}
	if (answer->n > 0 && answer->records[0].data != NULL) {
		a->len = answer->records[0].len;
		cr_assert_leq(a->len, sizeof(a->data));
		memcpy(a->data, answer->records[0].data, a->len);
	}
}

void
lab_await(struct lab *lab, const struct lab_answer *answer)
{
	while (!answer->done)
		cr_assert_eq(event_base_loop(lab->base, EVLOOP_ONCE), 0);
}

void
lab_ask(struct lab *lab, const char *name, enum dns_type type,
    struct lab_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	cr_assert_eq(dns_ask(lab->dns, name, type, lab_done, answer), 0, "%s",
	    name);
	cr_assert(!answer->done, "%s: completed inside dns_ask", name);
	lab_await(lab, answer);
}

void
lab_ask_discovery(struct lab *lab, const char *name, enum dns_type type,
    struct lab_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	cr_assert_eq(dns_ask_discovery(lab->dns, name, type, lab_done, answer),
	    0, "%s", name);
	lab_await(lab, answer);
}
