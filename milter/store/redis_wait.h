/*
 * Waiting for a descriptor, by an absolute deadline on CLOCK_MONOTONIC.
 *
 * Any thread.
 */
#ifndef STORE_REDIS_WAIT_H
#define STORE_REDIS_WAIT_H

#include <stdint.h>

uint64_t redis_now_ms(void);

/* events: of poll(2). 0; ERR_BUSY: the deadline has passed; ERR_IO. */
int redis_wait(int fd, short events, uint64_t deadline_ms);

#endif
