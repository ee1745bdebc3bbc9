/* Sockets by name: unix:PATH or inet:PORT@HOST, HOST being digits. */
#ifndef BENCH_DIAL_H
#define BENCH_DIAL_H

/* A blocking socket, or -1 with errno. */
int dial(const char *spec);
/* One that listens; the file of a unix socket is replaced. */
int dial_listen(const char *spec);

#endif
