/* Notices that the wall clock was set back. */
#include "autoconf.h"

#include "engine/clock_step.h"

static int64_t
ahead_s(uint64_t mono_ms, int64_t wall_s)
{
	return wall_s - (int64_t)(mono_ms / 1000);
}

void
wall_init(struct wall *wall, uint64_t mono_ms, int64_t wall_s)
{
	atomic_init(&wall->ahead_s, ahead_s(mono_ms, wall_s));
}

bool
wall_set_back(struct wall *wall, uint64_t mono_ms, int64_t wall_s)
{
	int64_t now_s = ahead_s(mono_ms, wall_s);
	int64_t was_s = atomic_load(&wall->ahead_s);

	/* Of several threads that see it, one is the first. */
	while (now_s > was_s || now_s <= was_s - WALL_BACK_S) {
		bool back = now_s < was_s;

		if (atomic_compare_exchange_weak(&wall->ahead_s, &was_s, now_s))
			return back;
	}
	return false;
}
