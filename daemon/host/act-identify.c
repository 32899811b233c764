/* SPDX-License-Identifier: Apache-2.0 */

/* Which one is it? A device that is asked to blink or beep; the journal knows who asked. */

#include "host/act.h"
#include "host/device-host.h"
#include "host/host.h"
#include "host/journal.h"

#include <errno.h>

#define IDENTIFY_DEFAULT 10 /* seconds */
#define IDENTIFY_MAX	 120

static void on_identified(void *userdata, int result)
{
	struct act_call *call = userdata;

	if (result >= 0)
		act_call_done(call, ACT_DONE, 0, "It should blink or beep now.");
	else if (result == -ENOTSUP)
		act_call_done(call, ACT_IMPOSSIBLE, 0,
			"This device cannot show which one it is. Compare its serial number.");
	else
		act_call_done(call, ACT_UNREACHABLE, 0,
			"The device did not answer. Is it awake and on this network?");
}

static void on_identify_audited(void *userdata, int result, const char *head)
{
	struct act_call *call = userdata;
	struct device *device = registry_by_id(call->host->registry, call->act.device);
	uint32_t seconds = call->act.number ? call->act.number : IDENTIFY_DEFAULT;

	if (result < 0)
		act_call_done(call, ACT_NOT_STORED, 0,
			"It could not be written to the journal, so it was not done.");
	else if (!device)
		act_call_done(call, ACT_UNKNOWN, 0, "This device was forgotten meanwhile.");
	else
		device_host_identify(call->host, device,
			seconds > IDENTIFY_MAX ? IDENTIFY_MAX : seconds, on_identified, call);
}

void act_identify(struct act_call *call, struct device *device)
{
	struct audit_row audit;

	audit_of_act(&call->act, device->record->id, "", audit_result(AUDIT_DONE), &audit);
	host_audit(call->host, &audit, on_identify_audited, call);
}
