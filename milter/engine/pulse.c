#include "autoconf.h"

#include "engine/pulse.h"

#include <stddef.h>

static void
come_back(struct loop_task *task)
{
	struct pulse *pulse = (struct pulse *)(void *)((char *)task -
	    offsetof(struct pulse, task));

	atomic_store(&pulse->under_way, false);
}

bool
pulse_take(struct pulse *pulse, struct loop *loop)
{
	if (atomic_load(&pulse->under_way))
		return false;
	atomic_store(&pulse->under_way, true);
	pulse->task.run = come_back;
	loop_post(loop, &pulse->task);
	return true;
}
