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
	return verdict->kind == VERDICT_PASS ? TOOL_OK : TOOL_NO;
}
