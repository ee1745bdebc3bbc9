/* From verdicts to exit statuses. See tool.h. */
#include "autoconf.h"

#include "core/verdict.h"
#include "tool/tool.h"

int
tool_verdict_status(const struct verdict *verdict)
{
	if (verdict->reason == REASON_INTERNAL_ERROR ||
	    verdict->reason == REASON_RESOLVER_BROKEN)
		return TOOL_UNKNOWN;
	if (verdict->kind != VERDICT_PASS)
		return TOOL_NO;
	/* A pass for want of time is none that was found out. */
	return verdict->reason == REASON_DEADLINE ? TOOL_UNKNOWN : TOOL_OK;
}
