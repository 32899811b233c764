/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a person does to devices, alarms and the window. Acts on people are in people.c. Each act
 * becomes one submission with its audit row in the same transaction; the answer goes out after it
 * is on disk. A refused try is audited too (wrong codes above all), and an act that cannot be
 * audited is not done.
 *
 * Codes. The short code that a device sent is compared with what was typed for that one device; so
 * is an operation's verification code that the device's display shows. Wrong tries are counted in
 * the record (they survive restarts): five void the code. For the whole gateway ten wrong tries in
 * an hour stop the entry for a quarter of an hour.
 */

#include "host/host.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/message-ids.h"

#define WRONG_CODES_PERIOD_USEC (3600 * USEC_PER_SEC)
#define WRONG_CODES_PAUSE_USEC	(900 * USEC_PER_SEC)

struct act_call {
	struct host *host;
	struct act act;
	act_done_fn done;
	void *userdata;
	struct device_record *forgotten;
};

static void call_done(
	struct act_call *call, enum act_result result, uint32_t number, const char *text)
{
	struct act_outcome outcome = {.result = result, .number = number};

	snprintf(outcome.text, sizeof(outcome.text), "%s", text ? text : "");
	call->done(call->userdata, &outcome);
	crypto_wipe(&call->act, sizeof(call->act));
	device_record_free(call->forgotten);
	free(call);
}

/* ---- the record's edit ---- */

struct act_edit {
	char name[LABEL_MAX + 1], place[LABEL_MAX + 1], owner[LABEL_MAX + 1];
	bool has_name, has_place, has_owner;
	char decided_by[LABEL_MAX + 1];
	enum evidence evidence;
	bool decides, unlock, wrong_code, right_code;
	int64_t now;
};

static int edit_act(struct device_record *next, const void *argument, const char **ret_why)
{
	const struct act_edit *edit = argument;

	if (edit->wrong_code) {
		next->code_tries++;
		next->code_locked = next->code_tries >= CODE_TRIES_MAX;
		return 0;
	}
	if (edit->has_name)
		memcpy(next->name, edit->name, sizeof(next->name));
	if (edit->has_place)
		memcpy(next->place, edit->place, sizeof(next->place));
	if (edit->has_owner)
		memcpy(next->owner, edit->owner, sizeof(next->owner));
	if (edit->unlock) {
		next->code_locked = false;
		next->code_tries = 0;
	}
	if (edit->right_code)
		next->code_tries = 0;
	if (edit->decides) {
		memcpy(next->decided_by, edit->decided_by, sizeof(next->decided_by));
		next->evidence = edit->evidence;
		next->decided_at = edit->now;
	}
	return 0;
}

static void edit_from_act(const struct act *act, struct act_edit *ret_edit)
{
	*ret_edit = (struct act_edit){.has_name = act->has_name,
		.has_place = act->has_place,
		.has_owner = act->has_owner,
		.now = clock_wall_msec()};
	memcpy(ret_edit->name, act->name, sizeof(ret_edit->name));
	memcpy(ret_edit->place, act->place, sizeof(ret_edit->place));
	memcpy(ret_edit->owner, act->owner, sizeof(ret_edit->owner));
	snprintf(ret_edit->decided_by, sizeof(ret_edit->decided_by), "%s", act->who);
}

/* ---- finishing ---- */

static void on_drained(void *userdata)
{
	call_done(userdata, ACT_DONE, 0, "Revoked. Nothing of this device is published any more.");
}

static void on_submitted(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct act_call *call = userdata;
	struct host *host = call->host;
	bool renamed = call->act.kind == ACT_RENAME;

	switch (result) {
	case SUBMIT_DONE:
		/* The page says "revoked" only when nothing of the device is on its way any more.
		 */
		if ((call->act.kind == ACT_REVOKE || call->act.kind == ACT_RELEASE) && device)
			reading_drain(call->host, device, false, on_drained, call);
		else
			call_done(call, ACT_DONE, 0, NULL);
		if (renamed && device)
			upstream_publish_status(host, device);
		break;
	case SUBMIT_IGNORED:
		call_done(call, ACT_DONE, 0, "It was like that already.");
		break;
	case SUBMIT_REFUSED:
		call_done(call, ACT_IMPOSSIBLE, 0, why);
		break;
	case SUBMIT_NOT_STORED:
		call_done(call, ACT_NOT_STORED, 0, why);
		break;
	case SUBMIT_BUSY:
		call_done(call, ACT_TOO_MANY, 2, why);
		break;
	case SUBMIT_GONE:
		call_done(call, ACT_UNKNOWN, 0, "This device was forgotten meanwhile.");
		break;
	}
}

static void submit(struct act_call *call, struct device *device, enum life_event event,
	const struct act_edit *edit, submit_done_fn done)
{
	struct audit_row audit;

	audit_of_act(&call->act, device->record->id,
		edit->decides ? evidence_to_string(edit->evidence) : "",
		edit->wrong_code ? "refused: wrong code" : "done", &audit);
	host_submit(call->host, device,
		&(const struct submission){
			.event = event,
			.edit = edit_act,
			.argument = edit,
			.argument_size = sizeof(*edit),
			.audit = &audit,
			.done = done,
			.userdata = call,
		});
}

/* ---- codes ---- */

static void on_wrong_code_saved(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct act_call *call = userdata;
	unsigned left;
	char text[160];

	if (result != SUBMIT_DONE || !device) {
		call_done(call, ACT_NOT_STORED, 0, why);
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
		call_done(call, ACT_LOCKED, 0,
			"That was the fifth wrong code. It is void until an administrator unlocks "
			"it.");
		return;
	}
	left = CODE_TRIES_MAX - device->record->code_tries;
	snprintf(text, sizeof(text), "This is not the code of %s. %u %s left.", device->record->ep,
		left, left == 1 ? "try is" : "tries are");
	call_done(call, ACT_WRONG_CODE, left, text);
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

static void count_wrong_code(struct host *host)
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
static void fold_code(struct span text, char ret_folded[CODE_MAX + 1])
{
	size_t i, length = 0;

	memset(ret_folded, 0, CODE_MAX + 1);
	for (i = 0; i < text.size && length < CODE_MAX; i++)
		if (text.data[i] != ' ' && text.data[i] != '-')
			ret_folded[length++] = (char)toupper(text.data[i]);
}

static bool code_fits(const struct device_record *record, const char *typed)
{
	struct span expected =
		record->life.operation == OPERATION_AWAITING && record->life.operation_code.size
			? secret_span(&record->life.operation_code)
			: span_from_string(record->info.code);
	char a[CODE_MAX + 1], b[CODE_MAX + 1];
	bool fits;

	fold_code(expected, a);
	fold_code(span_from_string(typed), b);
	fits = a[0] && crypto_equal(a, b, sizeof(a));
	crypto_wipe(a, sizeof(a));
	crypto_wipe(b, sizeof(b));
	return fits;
}

/* The evidence of an approval, or an answer. */
static bool check_code(struct act_call *call, struct device *device, enum evidence *ret_evidence)
{
	const struct device_record *record = device->record;
	bool shown =
		record->life.operation == OPERATION_AWAITING && record->life.operation_code.size;
	bool needs_code = shown || record->info.code[0];
	struct act_edit wrong = {.wrong_code = true};
	uint32_t wait;

	if (!needs_code) {
		*ret_evidence = EVIDENCE_NO_CODE;
		return true;
	}
	if (record->code_locked) {
		call_done(call, ACT_LOCKED, 0,
			"Its code is void after five wrong tries. An administrator can unlock it.");
		return false;
	}
	if (codes_paused(call->host, &wait)) {
		call_done(call, ACT_TOO_MANY, wait,
			"Too many wrong codes were typed on this gateway. Wait before the next "
			"try.");
		return false;
	}
	if (!call->act.code[0]) {
		call_done(call, ACT_BAD_INPUT, 0,
			shown ? "Type the code that its display shows."
			      : "Type the code on its label.");
		return false;
	}
	if (!code_fits(record, call->act.code)) {
		count_wrong_code(call->host);
		submit(call, device, LIFE_EVENTS, &wrong, on_wrong_code_saved);
		return false;
	}
	*ret_evidence = shown ? EVIDENCE_DISPLAY_CODE : EVIDENCE_SHORT_CODE;
	return true;
}

/* ---- deciding ---- */

/* New names come in only while a window is open; the window governs what was merely sighted, too.
 */
static bool admissible(struct act_call *call, struct device *device)
{
	if (device->record->life.admission != ADMISSION_SIGHTED ||
		window_is_open(&call->host->window, clock_boot_usec()))
		return true;
	call_done(call, ACT_IMPOSSIBLE, 0, "It was only seen. Open the onboarding window first.");
	return false;
}

static void do_admit(struct act_call *call, struct device *device)
{
	struct act_edit edit;

	if (!admissible(call, device))
		return;
	/* A label is the stronger evidence: where there is one, it is typed. */
	if (device->record->info.code[0]) {
		call_done(call, ACT_IMPOSSIBLE, 0,
			"It has a code on its label: approve it with that code.");
		return;
	}
	edit_from_act(&call->act, &edit);
	edit.decides = true;
	edit.evidence = EVIDENCE_NONE;
	submit(call, device, LIFE_ADMIT, &edit, on_submitted);
}

static void do_approve(struct act_call *call, struct device *device)
{
	const struct platform_driver *driver = platform_host_driver(call->host, device);
	const struct device_record *record = device->record;
	struct act_edit edit;

	if (!admissible(call, device))
		return;
	if (!driver || !(driver->describe()->supports & PLATFORM_APPROVES_HERE)) {
		call_done(call, ACT_IMPOSSIBLE, 0,
			"Its platform approves, not this gateway. Admit it here.");
		return;
	}
	if (record->info.display && !record->info.code[0] &&
		record->life.operation != OPERATION_AWAITING &&
		record->life.admission != ADMISSION_ADMITTED) {
		call_done(call, ACT_IMPOSSIBLE, 0,
			"It has a display: admit it first, then type the code that it shows.");
		return;
	}
	edit_from_act(&call->act, &edit);
	if (!check_code(call, device, &edit.evidence))
		return;
	edit.decides = true;
	edit.right_code = true;
	submit(call, device, LIFE_APPROVE, &edit, on_submitted);
}

static const enum life_event event_of_act[ACTS] = {
	[ACT_REJECT] = LIFE_REJECT,
	[ACT_SUSPEND] = LIFE_SUSPEND,
	[ACT_RESUME] = LIFE_RESUME,
	[ACT_REVOKE] = LIFE_REVOKE,
	[ACT_RELEASE] = LIFE_RELEASE,
	[ACT_BLOCK] = LIFE_BLOCK,
	[ACT_UNBLOCK] = LIFE_UNBLOCK,
};

static void do_event(struct act_call *call, struct device *device)
{
	struct act_edit edit;

	edit_from_act(&call->act, &edit);
	edit.decides = call->act.kind != ACT_SUSPEND && call->act.kind != ACT_RESUME;
	submit(call, device, event_of_act[call->act.kind], &edit, on_submitted);
}

static void do_rename(struct act_call *call, struct device *device)
{
	struct act_edit edit;

	edit_from_act(&call->act, &edit);
	submit(call, device, LIFE_EVENTS, &edit, on_submitted);
}

static void do_unlock(struct act_call *call, struct device *device)
{
	struct act_edit edit = {.unlock = true};

	host_alarm_clear(call->host, ALARM_CODE_LOCKED, device->record->id);
	submit(call, device, LIFE_EVENTS, &edit, on_submitted);
}

/* ---- identify ---- */

static void on_identified(void *userdata, int result)
{
	struct act_call *call = userdata;

	if (result >= 0)
		call_done(call, ACT_DONE, 0, "It should blink or beep now.");
	else if (result == -ENOTSUP)
		call_done(call, ACT_IMPOSSIBLE, 0, "This device cannot show which one it is.");
	else
		call_done(call, ACT_UNREACHABLE, 0,
			"The device did not answer. Is it awake and on this network?");
}

static void do_identify(struct act_call *call, struct device *device)
{
	uint32_t seconds = call->act.number ? call->act.number : 10;

	device_host_identify(
		call->host, device, seconds > 120 ? 120 : seconds, on_identified, call);
}

/* ---- forget ---- */

DEFINE_CLEANUP(struct change *, change_free, cleanup_change)

static void on_forgotten(void *userdata, int result, const char *head)
{
	struct act_call *call = userdata;
	struct host *host = call->host;
	struct device *device = registry_by_row(host->registry, call->forgotten->row);

	host_saved(host, result, head);
	if (result < 0) {
		call_done(call, ACT_NOT_STORED, 0,
			"There is no space left on the gateway: nothing was changed.");
		return;
	}
	upstream_clear_retained(host, call->forgotten);
	store_delete_device(host->store, call->forgotten->row, NULL, NULL);
	if (device) {
		uint64_t count, first, last;

		owed_drop_device(host->owed, call->forgotten->row, &count, &first, &last);
		registry_remove(host->registry, device);
	}
	host_touch(host);
	call_done(call, ACT_DONE, 0, "Forgotten.");
}

static void do_forget(struct act_call *call, struct device *device)
{
	struct host *host = call->host;
	CLEANUP(cleanup_change) struct change *change = NULL;
	struct audit_row audit;
	int r;

	if (device->saving) {
		call_done(
			call, ACT_TOO_MANY, 2, "Too much is going on with this device; try again.");
		return;
	}
	if (credential_is_usable(device->record->life.credential) ||
		operation_is_open(device->record->life.operation)) {
		call_done(call, ACT_IMPOSSIBLE, 0, "Revoke it first: it still has a credential.");
		return;
	}
	audit_of_act(&call->act, device->record->id, "", "done", &audit);
	r = device_record_copy(device->record, &call->forgotten);
	if (r >= 0)
		r = change_new(&change);
	if (r >= 0)
		r = change_drop_device(change, device->record->row);
	if (r >= 0)
		r = change_append_audit(change, &audit);
	if (r < 0) {
		call_done(call, ACT_NOT_STORED, 0, strerror(-r));
		return;
	}
	store_save(host->store, STEAL(change), on_forgotten, call);
}

/* ---- window, alarms ---- */

static void on_audited(void *userdata, int result, const char *head)
{
	struct act_call *call = userdata;
	struct host *host = call->host;
	enum alarm_kind kind;

	if (result < 0) {
		call_done(call, ACT_NOT_STORED, 0,
			"It could not be written to the journal, so it was not done.");
		return;
	}
	if (call->act.kind == ACT_WINDOW_OPEN) {
		window_open(&host->window, call->act.number, host->config->window_max,
			call->act.who, clock_boot_usec());
		log_notice("%s opened the onboarding window for %u seconds.", call->act.who,
			call->act.number);
		enrol_window_opened(host);
	} else if (call->act.kind == ACT_WINDOW_CLOSE) {
		window_close(&host->window);
		enrol_window_timer(host);
		log_notice("%s closed the onboarding window.", call->act.who);
	} else if (alarm_kind_from_string(call->act.name, &kind) >= 0) {
		host_alarm_clear(host, kind, call->act.device);
	}
	host_touch(host);
	call_done(call, ACT_DONE, 0, NULL);
}

static void do_gateway(struct act_call *call)
{
	struct audit_row audit;
	enum alarm_kind kind;
	char text[128];

	if (call->act.kind == ACT_WINDOW_OPEN &&
		(call->act.number < 1 || call->act.number > call->host->config->window_max)) {
		snprintf(text, sizeof(text), "The window can be open for 1 to %u seconds.",
			call->host->config->window_max);
		call_done(call, ACT_BAD_INPUT, 0, text);
		return;
	}
	if (call->act.kind == ACT_CLEAR_ALARM &&
		alarm_kind_from_string(call->act.name, &kind) < 0) {
		call_done(call, ACT_UNKNOWN, 0, "There is no alarm of that kind.");
		return;
	}
	audit_of_act(&call->act, call->act.kind == ACT_CLEAR_ALARM ? call->act.name : "window", "",
		"done", &audit);
	host_audit(call->host, &audit, on_audited, call);
}

/* ---- the switch ---- */

static void do_device(struct act_call *call)
{
	struct device *device = registry_by_id(call->host->registry, call->act.device);
	const char *why = NULL;

	if (!device) {
		call_done(call, ACT_UNKNOWN, 0, "There is no device with this id.");
		return;
	}
	if (label_check(span_from_string(call->act.name), &why) < 0 ||
		label_check(span_from_string(call->act.place), &why) < 0 ||
		label_check(span_from_string(call->act.owner), &why) < 0) {
		call_done(call, ACT_BAD_INPUT, 0, why);
		return;
	}
	switch (call->act.kind) {
	case ACT_ADMIT:
		do_admit(call, device);
		break;
	case ACT_APPROVE:
		do_approve(call, device);
		break;
	case ACT_REJECT:
	case ACT_SUSPEND:
	case ACT_RESUME:
	case ACT_REVOKE:
	case ACT_RELEASE:
	case ACT_BLOCK:
	case ACT_UNBLOCK:
		do_event(call, device);
		break;
	case ACT_FORGET:
		do_forget(call, device);
		break;
	case ACT_RENAME:
		do_rename(call, device);
		break;
	case ACT_IDENTIFY:
		do_identify(call, device);
		break;
	case ACT_UNLOCK_CODE:
		do_unlock(call, device);
		break;
	case ACT_WINDOW_OPEN:
	case ACT_WINDOW_CLOSE:
	case ACT_CLEAR_ALARM:
	case ACT_SETUP_CODE:
	case ACT_SETUP:
	case ACT_LOGIN:
	case ACT_PASSWORD_FRESH:
	case ACT_PERSON_PUT:
	case ACT_PERSON_DROP:
	case ACTS:
		call_done(call, ACT_BAD_INPUT, 0, "This is not done to a device.");
		break;
	}
}

void act_do(struct host *host, const struct act *act, act_done_fn done, void *userdata)
{
	struct act_call *call;
	const struct act_outcome no_memory = {
		.result = ACT_NOT_STORED, .text = "The gateway is out of memory."};

	if (act->kind >= ACT_SETUP_CODE) {
		people_act(host, act, done, userdata);
		return;
	}
	call = malloc(sizeof(*call));
	if (!call) {
		done(userdata, &no_memory);
		return;
	}
	*call = (struct act_call){.host = host, .act = *act, .done = done, .userdata = userdata};
	if (act->kind == ACT_WINDOW_OPEN || act->kind == ACT_WINDOW_CLOSE ||
		act->kind == ACT_CLEAR_ALARM)
		do_gateway(call);
	else
		do_device(call);
}
