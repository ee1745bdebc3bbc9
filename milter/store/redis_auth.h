/*
 * Who we are to a Redis server: the file named by store_auth_file. One item a
 * line, blank lines and those that begin with # are skipped:
 *
 *	user NAME			left out: the server's default user
 *	password SECRET
 *	certificate FILE		of our own, PEM, over TLS
 *	key FILE			of that certificate
 *
 * Any thread.
 */
#ifndef STORE_REDIS_AUTH_H
#define STORE_REDIS_AUTH_H

#include <limits.h>

#define REDIS_WHY_SIZE 320

struct redis_auth {
	char user[256];
	char password[1024]; /* "": none is sent */
	char certificate[PATH_MAX];
	char key[PATH_MAX];
};

/*
 * path NULL or "": nothing is sent. 0, or ERR_CONFIG with *why filled in, also
 * if others could read the file: it must belong to nobody else's group and be
 * closed to the world.
 */
int redis_auth_read(const char *path, struct redis_auth *out,
    char why[REDIS_WHY_SIZE]);

/* Leaves no secret behind. */
void redis_auth_forget(struct redis_auth *auth);

#endif
