/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A device of a platform at an IoT Hub, as the host has it when its session is up. Its id there is
 * that of a client of fakes.h, so that what finds a session by its device finds this one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "drivers/platform/iothub.h"
#include "fakes.h"

static inline struct device *hub_device(const char *ep, const char *ip)
{
	struct device *device = active_device(ep, ip);
	struct lifecycle *life = &device->record->life;
	struct iothub_credential credential = {.token = SPAN_LITERAL("token"),
		.host = span_from_string(bed.config.mqtt_host),
		.sas = SPAN_LITERAL("signature")};

	strcpy(device->record->platform, "azure");
	snprintf(life->platform_id, sizeof(life->platform_id), "gatehouse-plant-%s",
		device->record->id);
	credential.device = span_from_string(life->platform_id);
	assert_int_equal(iothub_credential_make(&credential, &life->credential_current), 0);
	life->link = LINK_CONNECTING;
	session_join(&bed.host, device);
	bed_advance(USEC_PER_SEC);
	session_event(device->record->id, UPLINK_CONNECTED);
	store_answer_all(0);
	assert_int_equal(device->record->life.link, LINK_UP);
	return device;
}
