/*
 * Where a Redis or Valkey server is, from what follows the scheme of a store:
 *
 *	redis://HOST[:PORT][/DB]	rediss: the same over TLS
 *	redis+unix:PATH[?db=DB]
 *
 * Pure. Any thread.
 */
#ifndef STORE_REDIS_ADDRESS_H
#define STORE_REDIS_ADDRESS_H

#include "base/name.h"
#include "store/store.h"

#define REDIS_PATH_SIZE 108 /* of struct sockaddr_un */
#define REDIS_PORT_SIZE 6
#define REDIS_DB_MAX    9999

enum redis_transport {
	REDIS_TCP,
	REDIS_TLS,
	REDIS_UNIX
};

struct redis_address {
	enum redis_transport transport;
	char host[NAME_SIZE]; /* of TCP and TLS: a name or an address */
	char port[REDIS_PORT_SIZE];
	char path[REDIS_PATH_SIZE]; /* of UNIX */
	unsigned db;
};

/* 0, or ERR_CONFIG with *error filled in. */
int redis_address_parse(enum redis_transport transport, const char *rest,
    struct redis_address *out, char error[STORE_ERROR_SIZE]);

#endif
