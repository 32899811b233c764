/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A ring of minute buckets. Bucket m % 15 holds minute m; moving on to a new minute empties the
 * buckets that were passed, so that nothing older than 15 minutes is ever summed. No timer: whoever
 * adds or asks brings the time.
 */

#include "core/heard.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"

#define USEC_PER_MINUTE (60 * USEC_PER_SEC)

static const struct {
	const char *name, *remedy;
} reasons[AWAYS] = {
	[AWAY_WINDOW_CLOSED] = {"window-closed",
		"Open the onboarding window, then put the device into onboarding mode again."},
	[AWAY_WRONG_INTERFACE] = {"wrong-interface",
		"Add the interface to lan.interfaces if devices belong there."},
	[AWAY_NO_ECHO] = {"no-echo",
		"The device does not repeat its request with the Echo option, or its address is "
		"forged: check its firmware and the way back to it."},
	[AWAY_MALFORMED] = {"malformed",
		"Requests could not be understood: check the device's firmware against the device "
		"contract."},
	[AWAY_NAME_CONFLICT] = {"name-conflict",
		"A second device uses the name of another: give it a name of its own, or replace "
		"the old device."},
	[AWAY_NOT_APPROVED] = {"not-approved",
		"A device sends readings before it is approved: look at Waiting."},
	[AWAY_BLOCKED] = {"blocked", "The device is blocked: unblock it if it may come in again."},
	[AWAY_OVER_LIMIT] = {"over-limit",
		"More unknown names than are let in at a time: reject those that do not belong "
		"here, or wait a minute."},
	[AWAY_OVER_RATE] = {"over-rate",
		"A device sends more readings than lan.device_rate: check its interval."},
	[AWAY_PLAIN_REFUSED] = {"plain-refused",
		"Devices without a proof are refused here: lan.plain says so."},
	[AWAY_STORE_FULL] = {"store-full",
		"Readings, or what devices prove, cannot be kept: check the uplink, the disk and "
		"outbox.max_bytes."},
	[AWAY_HANDSHAKE] = {"handshake",
		"A DTLS handshake failed: the gateway has no key for that name, or another one: "
		"scan the label or import the key."},
	[AWAY_CERTIFICATE] = {"certificate",
		"A device showed a certificate that is not taken: the log says why. Register its "
		"authority (gatehousectl device-ca add), or give the device a certificate that is "
		"valid."},
	[AWAY_WRONG_PROOF] = {"wrong-proof",
		"A device proved the key of another label than the one that is known for its name: "
		"compare the label that is on it with the one that was imported."},
	[AWAY_FORMAT] = {"format",
		"Readings are not in a format that is taken: send SenML, or one of the others of "
		"the device contract."},
};

static void move_on(struct heard *heard, uint64_t now_usec)
{
	uint64_t minute = now_usec / USEC_PER_MINUTE;
	uint64_t passed = minute > heard->minute ? minute - heard->minute : 0;

	if (passed > HEARD_MINUTES)
		passed = HEARD_MINUTES;
	for (uint64_t i = 0; i < passed; i++)
		for (unsigned why = 0; why < AWAYS; why++)
			heard->count[why][(minute - i) % HEARD_MINUTES] = 0;
	if (minute > heard->minute)
		heard->minute = minute;
}

void heard_add(struct heard *heard, enum turned_away why, uint64_t now_usec)
{
	uint32_t *count;

	move_on(heard, now_usec);
	heard->total[why]++;
	count = &heard->count[why][heard->minute % HEARD_MINUTES];
	if (*count < UINT32_MAX)
		(*count)++;
}

uint64_t heard_sum(struct heard *heard, enum turned_away why, uint64_t now_usec)
{
	uint64_t sum = 0;

	move_on(heard, now_usec);
	for (unsigned i = 0; i < HEARD_MINUTES; i++)
		sum += heard->count[why][i];
	return sum;
}

const char *turned_away_to_string(enum turned_away why)
{
	return (unsigned)why < AWAYS ? reasons[why].name : NULL;
}

const char *turned_away_remedy(enum turned_away why)
{
	return (unsigned)why < AWAYS ? reasons[why].remedy : NULL;
}
