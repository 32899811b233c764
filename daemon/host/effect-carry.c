/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The effects of a step that is on disk: one row of the lifecycle's actions after the other, each
 * to the part of the gateway that does it. The road to here is effect.c.
 */

#include "host/device-host.h"
#include "host/display.h"
#include "host/effect-parts.h"
#include "host/journal.h"
#include "host/platform-host.h"
#include "host/reading.h"
#include "host/session.h"
#include "host/upstream.h"
#include "host/withdraw.h"

/* What the device and the platform are told. 'before' is the record that was replaced. */
static void tell_others(struct host *host, struct device *device,
	const struct device_record *before, uint32_t actions)
{
	/* What stops comes before what tells, so that nobody hears "revoked" of a device that may
	 * still publish. */
	if (actions & LIFE_DISCONNECT) {
		reading_drain(host, device, false, NULL, NULL);
		session_leave(host, device);
	}
	if (actions & LIFE_DROP_READINGS && !host->config->keep_readings_of_revoked)
		reading_drain(host, device, true, NULL, NULL);
	if (actions & LIFE_CANCEL)
		platform_host_withdraw(host, before, PLATFORM_CANCEL);
	if (actions & LIFE_PLATFORM_REVOKE)
		platform_host_withdraw(host, before, PLATFORM_REVOKE);
	if (actions & (LIFE_CLEAR_CODE | LIFE_SHOW_CODE))
		display_changed(host, device);
	if (actions & (LIFE_ADVANCE | LIFE_REFRESH))
		platform_host_advance(host, device);
	else if (actions & LIFE_BACK_OFF)
		platform_host_back_off(host, device);
	/* LIFE_RECONNECT: upstream.c and session.c decide when. */
	if (actions & LIFE_CONNECT)
		upstream_join(host, device);
	if (actions & LIFE_TELL_DEVICE) {
		upstream_publish_status(host, device);
		device_host_tell(host, device);
	}
}

static void tell_people(struct host *host, const struct device_record *before,
	const struct device_record *now, uint32_t actions)
{
	if (now->life.credential == CREDENTIAL_HELD && before->life.credential != CREDENTIAL_HELD)
		host_alarm_clear(host, ALARM_CREDENTIAL_REFUSED, now->id);
	if (before->life.operation == OPERATION_FAILED && now->life.operation != OPERATION_FAILED)
		host_alarm_clear(host, ALARM_OPERATION_FAILED, now->id);
	if (!credential_is_refreshing(now->life.credential))
		host_alarm_clear(host, ALARM_CERTIFICATE_WAITS, now->id);
	if (actions & LIFE_ALARM_LEAK)
		host_alarm_raise(host, ALARM_LEAK, now->id);
	if (actions & LIFE_ALARM_REFUSED)
		host_alarm_raise(host, ALARM_CREDENTIAL_REFUSED, now->id);
	if (actions & LIFE_ALARM_FAILED)
		host_alarm_raise(host, ALARM_OPERATION_FAILED, now->id);
}

void effect_carry_out(struct host *host, struct device *device, const struct device_record *before,
	uint32_t actions)
{
	tell_others(host, device, before, actions);
	tell_people(host, before, device->record, actions);
}
