#include "autoconf.h"

#include "front/counters.h"

static void
add(atomic_ullong *counter)
{
	(void)atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

void
counters_add(struct counters *counters, const struct recipient_result *result)
{
	add(&counters->reasons[result->reason]);
	switch (result->answer) {
	case RECIPIENT_PASS:
		break;
	case RECIPIENT_REFUSE:
		add(&counters->refused);
		break;
	case RECIPIENT_HOLD:
		add(&counters->held);
		break;
	}
}
