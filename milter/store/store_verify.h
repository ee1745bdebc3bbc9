/*
 * Whether an LMDB file can be read from end to end. LMDB keeps no checksums
 * and trusts its pages: a damaged or shortened file kills whoever reads it
 * (SIGSEGV, SIGBUS, or its own assertions). So a child process tries first.
 *
 * Any thread, but meant for the start, before there are others.
 */
#ifndef STORE_STORE_VERIFY_H
#define STORE_STORE_VERIFY_H

/*
 * 0 or ERR_CORRUPT. Whatever else keeps the child from reading counts as 0:
 * who opens the file for good meets it again, and says so better.
 */
int store_verify(const char *dir);

#endif
