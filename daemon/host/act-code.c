/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Codes. The short code that a device sent is compared with what was typed for that one device; so
 * is an operation's verification code, which the device's display shows (or, where it has none, the
 * page). Wrong tries are counted in the record (they survive restarts). Five void the code of a
 * label until an administrator unlocks it. A code that is shown is replaced instead: its operation
 * ends and the device is pending again, so that it can be admitted with another code. For the whole
 * gateway ten wrong tries in an hour stop the entry for a quarter of an hour.
 */

#include "host/act.h"
#include "host/effect.h"
#include "host/host.h"
#include "host/journal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/message-ids.h"
#include "host/claim-host.h"

#define WRONG_CODES_PERIOD_USEC (3600 * USEC_PER_SEC)
#define FOLDED_SIZE		(CODE_MAX + 2) /* one more: what is longer than a code is none */
#define WRONG_CODES_PAUSE_USEC	(900 * USEC_PER_SEC)

static bool code_is_shown(const struct device_record *record)
{
	return record->life.operation == OPERATION_AWAITING && record->life.operation_code.size;
}

static void on_code_ended(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct act_call *call = userdata;

	if (result == SUBMIT_NOT_STORED)
		act_call_done(call, ACT_NOT_STORED, 0, why);
	else
		act_call_done(call, ACT_LOCKED, 0,
			"Five wrong codes were typed: this code is void. Admit the device again "
			"and type its new code.");
}

/* Until that is on disk the record is locked, so nothing that waits for its turn can still use the
 * code. What a device has from earlier (readings that wait, a refused credential) is not a wrong
 * try's to take: then only the operation ends, as if its time was over. */
static void end_shown_code(struct act_call *call, struct device *device)
{
	bool fresh = device->record->life.credential == CREDENTIAL_NONE;
	const struct act_edit over = {.code_over = true};

	act_submit(
		call, device, fresh ? LIFE_RELEASE : LIFE_OPERATION_LAPSED, &over, on_code_ended);
}

static void on_wrong_code_saved(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct act_call *call = userdata;
	unsigned left;
	char text[160];

	if (result != SUBMIT_DONE || !device) {
		act_call_done(call, ACT_NOT_STORED, 0, why);
		return;
	}
	if (device->record->code_locked && code_is_shown(device->record)) {
		call->host->limits.reached[LIMIT_CODE_TRIES]++;
		end_shown_code(call, device);
		return;
	}
	if (device->record->code_locked) {
		call->host->limits.reached[LIMIT_CODE_TRIES]++;
		log_at(LOG_WARNING,
			(&(const struct log_fields){
				.device = device->record->id, .message_id = MESSAGE_CODE_LOCKED}),
			"The code of %s is void after %u wrong tries.", device->record->id,
			CODE_TRIES_MAX);
		host_alarm_raise(call->host, ALARM_CODE_LOCKED, device->record->id);
		act_call_done(call, ACT_LOCKED, 0,
			"That was the fifth wrong code. It is void until an administrator unlocks "
			"it.");
		return;
	}
	if (device->record->is_server)
		claim_ask_again(call->host, device);
	left = CODE_TRIES_MAX - device->record->code_tries;
	snprintf(text, sizeof(text), "This is not the code of %s. %u %s left.", device->record->ep,
		left, left == 1 ? "try is" : "tries are");
	act_call_done(call, ACT_WRONG_CODE, left, text);
}

static bool codes_paused(struct host *host, uint32_t *ret_wait)
{
	uint64_t now = clock_boot_usec(), since = now - host->wrong_codes_since_usec;

	if (host->wrong_codes < host->limits.value[LIMIT_CODE_TRIES_GATEWAY])
		return false;
	if (since >= WRONG_CODES_PAUSE_USEC) {
		host->wrong_codes = 0;
		return false;
	}
	*ret_wait = (uint32_t)((WRONG_CODES_PAUSE_USEC - since) / USEC_PER_SEC) + 1;
	return true;
}

void act_code_count_wrong(struct host *host)
{
	uint64_t now = clock_boot_usec();

	if (!host->wrong_codes || now - host->wrong_codes_since_usec > WRONG_CODES_PERIOD_USEC) {
		host->wrong_codes = 0;
		host->wrong_codes_since_usec = now;
	}
	if (++host->wrong_codes >= host->limits.value[LIMIT_CODE_TRIES_GATEWAY]) {
		host->limits.reached[LIMIT_CODE_TRIES_GATEWAY]++;
		host->wrong_codes_since_usec = now;
	}
}

/* Case, spaces and hyphens of what was typed do not matter; both sides are folded alike and
 * compared in constant time. */
static void fold_code(struct span text, char ret_folded[FOLDED_SIZE])
{
	size_t i, length = 0;

	memset(ret_folded, 0, FOLDED_SIZE);
	for (i = 0; i < text.size && length < FOLDED_SIZE - 1; i++)
		if (text.data[i] != ' ' && text.data[i] != '-')
			ret_folded[length++] = (char)toupper(text.data[i]);
}

bool act_code_fits(const struct device_record *record, const char *typed)
{
	struct span expected = code_is_shown(record) ? secret_span(&record->life.operation_code)
						     : span_from_string(record->info.code);
	char a[FOLDED_SIZE], b[FOLDED_SIZE];
	bool fits;

	fold_code(expected, a);
	fold_code(span_from_string(typed), b);
	fits = a[0] && crypto_equal(a, b, sizeof(a));
	crypto_wipe(a, sizeof(a));
	crypto_wipe(b, sizeof(b));
	return fits;
}

bool act_code_may_try(struct act_call *call, struct device *device)
{
	const struct device_record *record = device ? device->record : NULL;
	uint32_t wait;

	if (record && record->code_locked && code_is_shown(record)) {
		end_shown_code(call, device);
		return false;
	}
	if (record && record->code_locked) {
		act_call_done(call, ACT_LOCKED, 0,
			"Its code is void after five wrong tries. An administrator can unlock it.");
		return false;
	}
	if (codes_paused(call->host, &wait)) {
		act_call_done(call, ACT_TOO_MANY, wait,
			"Too many wrong codes were typed on this gateway.");
		return false;
	}
	return true;
}

void act_code_wrong(struct act_call *call, struct device *device)
{
	const struct act_edit wrong = {.wrong_code = true};

	act_code_count_wrong(call->host);
	act_submit(call, device, LIFE_EVENTS, &wrong, on_wrong_code_saved);
}

bool act_check_code(struct act_call *call, struct device *device, enum evidence *ret_evidence)
{
	const struct device_record *record = device->record;
	bool shown = code_is_shown(record);

	if (!shown && !record->info.code[0]) {
		*ret_evidence = EVIDENCE_NO_CODE;
		return true;
	}
	if (!act_code_may_try(call, device))
		return false;
	if (!call->act.code[0]) {
		act_call_done(call, ACT_BAD_INPUT, 0,
			!shown			      ? "Type the code that its label has."
			: device_code_is_here(record) ? "Type the code that is shown for it here."
						      : "Type the code that its display shows.");
		return false;
	}
	if (!act_code_fits(record, call->act.code)) {
		act_code_wrong(call, device);
		return false;
	}
	*ret_evidence = !shown			      ? EVIDENCE_SHORT_CODE
			: device_code_is_here(record) ? EVIDENCE_SHOWN_BY_GATEWAY
						      : EVIDENCE_DISPLAY_CODE;
	return true;
}

/* What was to be compared with the device itself is now only what the gateway says of it. */
void act_show_code(struct act_call *call, struct device *device)
{
	const struct device_record *record = device->record;
	const struct act_edit edit = {
		.code_here = record->life.operation_number, .evidence = EVIDENCE_SHOWN_BY_GATEWAY};

	if (record->life.operation != OPERATION_AWAITING || !record->life.operation_code.size)
		act_call_done(call, ACT_IMPOSSIBLE, 0, "There is no code of this device now.");
	else if (device_code_is_here(record))
		act_call_done(call, ACT_DONE, 0, "Its code is shown here already.");
	else
		act_submit(call, device, LIFE_EVENTS, &edit, act_submitted);
}
