/* From verdicts to exit statuses. See tool.h. */
#include "autoconf.h"

#include "core/facts.h"
#include "core/verdict.h"
#include "tool/tool.h"

int
tool_verdict_status(const struct facts *facts, const struct verdict *verdict)
{
	if (verdict->reason == REASON_INTERNAL_ERROR ||
	    verdict->reason == REASON_RESOLVER_BROKEN)
		return TOOL_UNKNOWN;
	/* What a resolver says that does not validate the root means nothing,
	 * unless it is that all is secure. */
	if (facts->resolver_broken && verdict->reason != REASON_SECURE)
		return TOOL_UNKNOWN;
	if (verdict->kind != VERDICT_PASS)
		return TOOL_NO;
	/* A pass for want of time is none that was found out. */
	return verdict->reason == REASON_DEADLINE ? TOOL_UNKNOWN : TOOL_OK;
}
