/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Spotflow, the generation with provisioning and registration tokens. Four calls of its API, each
 * with "Authorization: DeviceToken <token>", then MQTT to an Azure IoT Hub with the SAS that the
 * registration token buys. The blob says how far a step has come; its first byte is the format, its
 * second one of:
 *
 *	PROVISION  I  INIT is asked (PT)
 *	           A  open there: poll interval, end, operation id. COMPLETE is asked (PT)
 *	APPROVE    P  the same, and APPROVE is asked (operator token)
 *	           D  the same, and it was approved from here: COMPLETE is asked (PT)
 *	BIND       B  REGISTER is asked (RT)
 *	REFRESH    R  REGISTER is asked with the token in use (RT), a new SAS
 *	           S  the same, after REFRESH was refused; T: because of the PT
 *	           F  REFRESH is asked (PT authorises, RT is in the body)
 *	           C  the new token, its end; REGISTER is asked with it
 *
 * COMPLETE and REFRESH rotate: what they return makes what they returned before void. So the answer
 * of COMPLETE is the end of its step, and that of REFRESH is in the blob before it is used. A lost
 * answer of REFRESH is asked for again with the token in use, as long as its child was never used.
 *
 * Every call may be repeated after a crash but one: an INIT whose answer was lost has left an
 * operation open there that nobody knows and that ends by itself. The platform offers no way to
 * find it.
 */

#include "drivers/platform/spotflow.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "core/token.h"
#include "drivers/platform/spotflow-parts.h"

#define API_VERSION "2018-06-30"

static const struct platform_description *describe(void)
{
	static const struct platform_description description = {
		.name = TOKEN_KIND_SPOTFLOW,
		.supports = PLATFORM_DISPLAY_CODES | PLATFORM_CAN_REFRESH | PLATFORM_NEEDS_PT |
			    PLATFORM_ELSEWHERE | PLATFORM_ONE_SESSION,
		.requests_per_second = 10,
	};

	return &description;
}

/* ---- the hooks ---- */

static int take_step(struct call *call, enum platform_work work)
{
	switch (work) {
	case PLATFORM_PROVISION:
		return spotflow_provision(call);
	case PLATFORM_APPROVE:
		return spotflow_approve(call);
	case PLATFORM_BIND:
		return spotflow_bind(call);
	case PLATFORM_REFRESH:
		return spotflow_refresh(call);
	case PLATFORM_CANCEL:
	case PLATFORM_REVOKE:
		/* A matter of an operator there: no call of a device does it. */
		break;
	}
	return 0;
}

static int advance(const struct driver_services *services, const struct platform_device *device,
	enum platform_work work, const struct platform_answer *answer,
	struct platform_step *ret_step)
{
	CLEANUP(platform_step_clear) struct platform_step step = {.verdict = PLATFORM_DONE};
	struct call call = {.services = services,
		.device = device,
		.settings = device->settings,
		.answer = answer,
		.step = &step,
		.phase = call_phase_of(&device->record->life)};
	int r = take_step(&call, work);

	if (r < 0)
		return r;
	*ret_step = step;
	step = (struct platform_step){0};
	return 0;
}

static int session(const struct device_record *record, const char *gateway_id,
	struct platform_session *ret_session)
{
	return iothub_session(record, API_VERSION, ret_session);
}

static int operation(const struct platform_device *device, struct platform_operation *ret_operation)
{
	const struct cloud_settings *settings = device->settings;
	struct platform_operation operation = {.approve_here = spotflow_can_approve(settings)};
	char id[3 * SPOTFLOW_ID_MAX + 1];
	struct open open;
	int n;

	if (open_read(&device->record->life, &open) < 0)
		return -ENODATA;
	memcpy(operation.id, open.id, sizeof(open.id));
	if (settings->portal[0] && iothub_escape(open.id, id, sizeof(id)) >= 0) {
		n = snprintf(operation.link, sizeof(operation.link), "%s%s", settings->portal, id);
		if (n < 0 || (size_t)n >= sizeof(operation.link))
			operation.link[0] = '\0';
	}
	*ret_operation = operation;
	return 0;
}

const struct platform_driver platform_spotflow = {
	.describe = describe,
	.advance = advance,
	.session = session,
	.operation = operation,
	.encode = iothub_encode,
	.listen = iothub_listen,
	.decode = iothub_decode,
};
