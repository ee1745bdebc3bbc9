/*
 * tests/lab/policyhost.py as a child of a unit test, and fetches from it.
 *
 * Where it may, the test gets a network namespace of its own, and with it port
 * 443 of every loopback address, whatever else runs here. An ordinary user has
 * that too by `unshare -rn make check`.
 */
#ifndef TESTS_UNIT_POLICYHOST_H
#define TESTS_UNIT_POLICYHOST_H

#include <event2/event.h>
#include <jansson.h>

#include "fetch/fetch.h"

#define POLICYHOST_IPV4 "127.80.9.1"
#define POLICYHOST_IPV6 "::1"
/* More addresses of the same hosts, in networks of their own. */
#define POLICYHOST_IPV4_B "127.80.10.1"
#define POLICYHOST_IPV4_C "127.80.11.1"
#define POLICYHOST_IPV4_D "127.80.12.1"
#define POLICYHOST_NEAR   "127.80.9.2"   /* in the first one's network */
#define POLICYHOST_DEAD   "127.80.9.200" /* nobody listens there */

/* One at a time; all of it goes with the test's process. */
void policyhost_start(void);
void policyhost_stop(void);

/* The file that a client of the policy hosts trusts. */
const char *policyhost_ca_file(void);
/* A file in the test's own directory. Static memory. */
const char *policyhost_path(const char *name);

/* One command of the control socket, see policyhost.py. To be json_decref'd. */
json_t *policyhost_ask(const char *command);
/* connections, handshakes or requests of mta-sts.<name>.policy.test. */
unsigned policyhost_count(const char *name, const char *what);

/* Fetches of a test, their loop and their outcomes. */
struct outcome {
	unsigned calls;
	enum fetch_failure failure;
	char why[FETCH_WHY_SIZE];
	uint8_t *body;
	size_t len;
};

struct client {
	struct event_base *base;
	struct fetcher *fetcher;
	bool urgent; /* what is fetched from now on */
};

struct net_prefix prefix_of(const char *text);
struct net_address address_of(const char *text);

/* What is 0 in config is set to something usual. */
void client_start(struct client *client, const struct fetch_config *config);
void client_stop(struct client *client);

/* mta-sts.<name>.policy.test at addresses; {NULL} is POLICYHOST_IPV4. 0 or
 * what fetch_start says. */
int client_fetch(struct client *client, const char *name,
    const char *const *addresses, struct outcome *outcome);
/* Runs the loop until nothing is pending. */
void client_wait(struct client *client);
/* Runs the loop until policyhost_count() is reached. */
void client_wait_count(struct client *client, const char *name,
    const char *what, unsigned n);
void outcome_clear(struct outcome *outcome);

#endif
