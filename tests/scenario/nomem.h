/*
 * Memory that runs out. The engine's malloc() and calloc() are wrapped by the
 * linker; the script's own go by spared_calloc().
 */
#ifndef NOMEM_H
#define NOMEM_H

#include <stdbool.h>
#include <stddef.h>

/* The n-th allocation from now on fails (0: the next), and if for_good all
 * that come after it. */
void nomem_at(unsigned n, bool for_good);
/* There is memory again. Whether any allocation has failed. */
bool nomem_end(void);

void *spared_calloc(size_t n, size_t size);

#endif
