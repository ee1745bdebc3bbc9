/* Memory that runs out. */
#include "autoconf.h"

#include "nomem.h"

#include <errno.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);

static struct {
	bool on;
	bool for_good;
	unsigned left;
	unsigned failed;
} memory;

static bool
is_out(void)
{
	if (!memory.on)
		return false;
	if (memory.left > 0) {
		memory.left--;
		return false;
	}
	if (memory.failed > 0 && !memory.for_good)
		return false;
	memory.failed++;
	errno = ENOMEM;
	return true;
}

void *
__wrap_malloc(size_t size)
{
	return is_out() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return is_out() ? NULL : __real_calloc(n, size);
}

void *
spared_calloc(size_t n, size_t size)
{
	return __real_calloc(n, size);
}

void
nomem_at(unsigned n, bool for_good)
{
	memory.on = true;
	memory.for_good = for_good;
	memory.left = n;
	memory.failed = 0;
}

bool
nomem_end(void)
{
	memory.on = false;
	return memory.failed > 0;
}
