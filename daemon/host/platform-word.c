/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The platform's word in the journal. A device whose platform decides has two approvals on record:
 * who admitted it here, and that the platform approved it. So have its endings: refused, revoked,
 * closed by somebody else. Renewals are no decisions; they come too often to be written down.
 */

#include "host/host.h"
#include "host/platform-host.h"

#include <string.h>

#include "base/cleanup.h"

#define NOTHING AUDIT_ACTIONS /* is written down */

/* Of an operation that is open, or of what was issued before. */
static const struct {
	unsigned open, refresh;
} words[] = {
	[PLATFORM_PROGRESS] = {NOTHING, NOTHING},
	[PLATFORM_CODE] = {DEED_OPERATION, NOTHING},
	[PLATFORM_ISSUED] = {ACT_APPROVE, NOTHING},
	[PLATFORM_BOUND] = {DEED_BIND, NOTHING},
	[PLATFORM_DONE] = {NOTHING, NOTHING},
	[PLATFORM_REJECTED] = {ACT_REJECT, ACT_REVOKE},
	[PLATFORM_EXPIRED] = {DEED_EXPIRE, DEED_EXPIRE},
	[PLATFORM_REFUSED] = {DEED_REFUSE, DEED_REFUSE},
	[PLATFORM_LEAK] = {DEED_LEAK, DEED_LEAK},
	[PLATFORM_FAILED] = {DEED_FAIL, DEED_FAIL},
};

bool platform_word(const struct device_record *record, const struct platform_step *step,
	struct audit_row *ret_row)
{
	const struct platform_driver *driver = platform_driver_by_name(record->platform);
	bool open = operation_is_open(record->life.operation);
	unsigned action = open ? words[step->verdict].open : words[step->verdict].refresh;

	if (!driver || driver->describe()->supports & PLATFORM_APPROVES_HERE || action == NOTHING)
		return false;
	/* Tried again, or asked once more for the code that is known already. */
	if (step->verdict == PLATFORM_FAILED && !step->final)
		return false;
	if (step->verdict == PLATFORM_CODE && record->life.operation != OPERATION_OPENING)
		return false;
	audit_row_init(ret_row, "platform", "", record->platform, action, record->id, "",
		step->why ? step->why : audit_result(AUDIT_DONE));
	return true;
}
