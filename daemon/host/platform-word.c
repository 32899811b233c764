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

/* Of an operation that is open, or of what was issued before. */
static const struct {
	const char *open, *refresh;
} words[] = {
	[PLATFORM_PROGRESS] = {NULL, NULL},
	[PLATFORM_CODE] = {"operation", NULL},
	[PLATFORM_ISSUED] = {"approve", NULL},
	[PLATFORM_BOUND] = {"bind", NULL},
	[PLATFORM_DONE] = {NULL, NULL},
	[PLATFORM_REJECTED] = {"reject", "revoke"},
	[PLATFORM_EXPIRED] = {"expire", "expire"},
	[PLATFORM_REFUSED] = {"refuse", "refuse"},
	[PLATFORM_LEAK] = {"leak", "leak"},
	[PLATFORM_FAILED] = {"fail", "fail"},
};

bool platform_word(const struct device_record *record, const struct platform_step *step,
	struct audit_row *ret_row)
{
	const struct platform_driver *driver = platform_driver_by_name(record->platform);
	bool open = operation_is_open(record->life.operation);
	const char *action = open ? words[step->verdict].open : words[step->verdict].refresh;

	if (!driver || driver->describe()->supports & PLATFORM_APPROVES_HERE || !action)
		return false;
	/* Tried again, or asked once more for the code that is known already. */
	if (step->verdict == PLATFORM_FAILED && !step->final)
		return false;
	if (step->verdict == PLATFORM_CODE && record->life.operation != OPERATION_OPENING)
		return false;
	audit_row_init(ret_row, "platform", "", record->platform, action, record->id, "",
		step->why ? step->why : "done");
	return true;
}
