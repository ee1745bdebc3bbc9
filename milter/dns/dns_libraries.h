/*
 * getdns and libunbound as they were loaded. The packages of a system may be
 * updated under a program that was built with others, and the guard
 * (dns_guard.h) rests on what no interface of theirs promises.
 *
 * Versions alone say little: another one may do as well, and is taken if
 * dns_proof.c finds that it does. What cannot work is refused here.
 *
 * Any thread.
 */
#ifndef DNS_DNS_LIBRARIES_H
#define DNS_DNS_LIBRARIES_H

#include "dns/dns.h"

/*
 * 0; or ERR_LIBRARY with *error: another major version than that of the build,
 * or two copies in one process, where calls of one would reach the other.
 */
int dns_libraries_check(char error[DNS_ERROR_SIZE]);

/*
 * ERR_LIBRARY; *error: what, then which libraries there are and which were
 * there at the build, then what to do.
 */
int dns_libraries_blame(const char *what, char error[DNS_ERROR_SIZE]);

#define DNS_LIBRARIES_SIZE 128

/* "getdns 1.6.0, libunbound 1.17.1", with "(built with ...)" behind one that
 * was another at the build. */
void dns_libraries_text(char out[DNS_LIBRARIES_SIZE]);

#endif
