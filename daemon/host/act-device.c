/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a person does to one device. Each act becomes one submission with its audit row in the same
 * transaction; the answer goes out after it is on disk. What ends a device's publishing is answered
 * when nothing of it is in flight any more.
 */

#include "host/act.h"
#include "host/device-host.h"
#include "host/effect.h"
#include "host/host.h"
#include "host/journal.h"
#include "host/reading.h"
#include "host/upstream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "host/command-host.h"
#include "host/hand-over-host.h"
#include "host/label-host.h"
#include "host/scan-host.h"
#include "host/server-proof.h"
#include "host/token-host.h"

/* ---- finishing ---- */

/* What is said when its last readings were not acknowledged, so their session was cut. */
static const char *cut_text(enum act_kind kind)
{
#define UNKNOWN "The broker did not answer; what it had received before is not known."
	return kind == ACT_SUSPEND ? "Suspended here. " UNKNOWN
	       : kind == ACT_BLOCK ? "Blocked here. " UNKNOWN
				   : "Revoked here. " UNKNOWN;
#undef UNKNOWN
}

/* What the page says when nothing of the device is on its way any more. */
static void on_drained(void *userdata)
{
	struct act_call *call = userdata;
	const struct device *device = registry_by_id(call->host->registry, call->act.device);
	const struct device_host *part = device ? device_host(device) : NULL;

	if (part && part->drain_cut) {
		act_call_done(call, ACT_DONE, 0, cut_text(call->act.kind));
		return;
	}
	act_call_done(call, ACT_DONE, 0,
		call->act.kind == ACT_SUSPEND
			? "Suspended. Nothing of this device is published until it is resumed."
		: call->act.kind == ACT_BLOCK
			? "Blocked. Nothing of this device is published any more."
		: call->act.kind == ACT_RELEASE
			? "Released. Nothing of this device is published until it is approved anew."
			: "Revoked. Nothing of this device is published any more.");
}

static bool stops_device(enum act_kind kind)
{
	return kind == ACT_REVOKE || kind == ACT_RELEASE || kind == ACT_SUSPEND ||
	       kind == ACT_BLOCK;
}

static void on_done(struct act_call *call, struct device *device)
{
	if (call->act.kind == ACT_RENAME && device)
		upstream_publish_status(call->host, device);
	if (call->act.kind == ACT_UNLOCK_CODE)
		host_alarm_clear(call->host, ALARM_CODE_LOCKED, call->act.device);
	if (call->act.kind == ACT_BLOCK)
		label_keys_changed(call->host);
	/* Whatever else was decided about it, a label that waits for it does not undo. */
	if (device && (stops_device(call->act.kind) || call->act.kind == ACT_REJECT ||
			      call->act.kind == ACT_APPROVE || call->act.kind == ACT_ADMIT ||
			      call->act.kind == ACT_LABEL_SCAN))
		scan_end(call->host, device->record->ep);
	if (stops_device(call->act.kind) && device)
		reading_drain(call->host, device, false, on_drained, call);
	else
		act_call_done(
			call, ACT_DONE, 0, call->act.kind == ACT_FORGET ? "Forgotten." : NULL);
}

void act_submitted(
	void *userdata, enum submit_result result, struct device *device, const char *why)
{
	struct act_call *call = userdata;

	switch (result) {
	case SUBMIT_DONE:
		on_done(call, device);
		break;
	case SUBMIT_IGNORED:
		act_call_done(call, ACT_DONE, 0, "It was like that already.");
		break;
	case SUBMIT_REFUSED:
		act_call_done(call, ACT_IMPOSSIBLE, 0, why);
		break;
	case SUBMIT_NOT_STORED:
		act_call_done(call, ACT_NOT_STORED, 0, why);
		break;
	case SUBMIT_BUSY:
		act_call_done(call, ACT_TOO_MANY, 2, why);
		break;
	case SUBMIT_GONE:
		act_call_done(call, ACT_UNKNOWN, 0, "This device was forgotten meanwhile.");
		break;
	}
}

static int may_forget(struct device_record *next, const void *argument, const char **ret_why)
{
	if (!credential_is_usable(next->life.credential) &&
		!operation_is_open(next->life.operation))
		return 0;
	*ret_why = "Revoke it first: it still has a credential.";
	return -EBUSY;
}

static void submit_to(struct act_call *call, struct device *device, enum life_event event,
	const struct act_edit *edit, submit_done_fn done, bool forget)
{
	struct audit_row audit;
	/* An approval is of the operation whose code was looked at; so is its end. */
	uint64_t answer_to = event == LIFE_APPROVE || edit->code_over
				     ? device->record->life.operation_number
				     : 0;
	char result[32];

	if (edit->platform[0])
		snprintf(result, sizeof(result), AUDIT_DONE_AT "%s", edit->platform);
	else
		snprintf(result, sizeof(result), "%s", audit_result(AUDIT_DONE));
	audit_of_act(&call->act, device->record->id,
		edit->decides || edit->code_here ? evidence_to_string(edit->evidence) : "",
		edit->wrong_code  ? audit_result(AUDIT_WRONG_CODE)
		: edit->code_over ? audit_result(AUDIT_CODE_OVER)
				  : result,
		&audit);
	host_submit(call->host, device,
		&(const struct submission){
			.event = event,
			.answer_to = answer_to,
			.forget = forget,
			.edit = forget ? may_forget : act_edit_apply,
			.argument = edit,
			.argument_size = sizeof(*edit),
			.audit = &audit,
			.done = done,
			.userdata = call,
		});
}

void act_submit(struct act_call *call, struct device *device, enum life_event event,
	const struct act_edit *edit, submit_done_fn done)
{
	submit_to(call, device, event, edit, done, false);
}

/* ---- deciding ---- */

/* New names come in only while a window is open; the window governs what was merely sighted, too.
 */
static bool admissible(struct act_call *call, struct device *device)
{
	const struct device_record *record = device->record;
	enum device_stage stage;
	enum device_word word;

	/* Before its code is looked at: who comes second must not pay with a try. */
	lifecycle_describe(&record->life, &word, &stage);
	if (stage == STAGE_ACTIVE) {
		act_call_done(call, ACT_IMPOSSIBLE, 0, "It is active already.");
		return false;
	}
	if (record->life.admission == ADMISSION_SIGHTED &&
		!window_is_open(&call->host->window, clock_boot_usec())) {
		act_call_done(call, ACT_IMPOSSIBLE, 0,
			"It was only seen. Open the onboarding window first.");
		return false;
	}
	/* An announcement proves nothing: what a person decides on has answered for itself. */
	if (record->is_server && !(device_host(device)->probed && server_is_known(record))) {
		device_host_probe(call->host, device);
		act_call_done(call, ACT_IMPOSSIBLE, 0,
			"It has not said yet what it is; try again in a moment.");
		return false;
	}
	return true;
}

/* Where this gateway approves, the code of a label does it in one act; else it admits. While an
 * operation is open it is the operation's code that is asked for, and that is no admission. */
static bool label_code_counts(struct act_call *call, const struct device *device)
{
	if (act_approves_at(call->host, act_platform_name(&call->act, device))) {
		act_call_done(call, ACT_IMPOSSIBLE, 0,
			"It has a code on its label: approve it with that code.");
		return false;
	}
	if (operation_is_open(device->record->life.operation)) {
		act_call_done(call, ACT_IMPOSSIBLE, 0,
			"It is admitted already: its platform has to approve it now.");
		return false;
	}
	return true;
}

static void do_admit(struct act_call *call, struct device *device)
{
	struct act_edit edit;

	if (scan_is_label(call, device)) {
		scan_act(call, device);
		return;
	}
	if (!admissible(call, device) || !token_is_there(call, device))
		return;
	act_edit_init(&call->act, &edit);
	/* A label is the stronger evidence: where there is one, it is typed. */
	if (device->record->info.code[0]) {
		if (!label_code_counts(call, device) ||
			!act_check_code(call, device, &edit.evidence))
			return;
		edit.right_code = true;
	} else {
		edit.evidence = EVIDENCE_NONE;
		/* The wrong tries were of a code that is not shown any more. */
		edit.unlock = true;
	}
	edit.decides = true;
	act_submit(call, device, LIFE_ADMIT, &edit, act_submitted);
}

static void do_approve(struct act_call *call, struct device *device)
{
	const char *platform = act_platform_name(&call->act, device);
	const struct platform_driver *driver = platform_driver_by_name(platform);
	const struct device_record *record = device->record;
	struct act_edit edit;

	if (scan_is_label(call, device)) {
		scan_act(call, device);
		return;
	}
	if (!admissible(call, device))
		return;
	if (!driver || !act_approves_at(call->host, platform)) {
		act_call_done(call, ACT_IMPOSSIBLE, 0,
			"Its platform approves, not this gateway. Admit it here.");
		return;
	}
	if (!token_is_there(call, device))
		return;
	if (driver->describe()->supports & PLATFORM_DISPLAY_CODES && record->info.display &&
		!record->info.code[0] && record->life.operation != OPERATION_AWAITING) {
		act_call_done(call, ACT_IMPOSSIBLE, 0,
			operation_is_open(record->life.operation)
				? "Its code is on its way to the display: wait a moment."
				: "It has a display: admit it first, then type the code that it "
				  "shows.");
		return;
	}
	act_edit_init(&call->act, &edit);
	if (!act_check_code(call, device, &edit.evidence))
		return;
	edit.decides = true;
	edit.right_code = true;
	act_submit(call, device, LIFE_APPROVE, &edit, act_submitted);
}

static void do_take_in(struct act_call *call, struct device *device)
{
	if (!act_choose_platform(call, device))
		return;
	if (call->act.kind == ACT_ADMIT)
		do_admit(call, device);
	else
		do_approve(call, device);
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

/* Blocking takes a credential away, which is an administrator's to do. What waits for its turn may
 * just be giving it one. */
static bool may_block(struct act_call *call, struct device *device)
{
	const struct lifecycle *life = &device->record->life;

	if (life->admission == ADMISSION_ADMITTED || life->admission == ADMISSION_SUSPENDED ||
		life->credential != CREDENTIAL_NONE || operation_is_open(life->operation)) {
		act_call_done(call, ACT_IMPOSSIBLE, 0, "Revoke it first: it was let in.");
		return false;
	}
	if (device->saving || device_host(device)->inputs) {
		act_call_done(call, ACT_TOO_MANY, 2, "Something about this device is being saved.");
		return false;
	}
	return true;
}

static void do_event(struct act_call *call, struct device *device)
{
	struct act_edit edit;

	if (call->act.kind == ACT_BLOCK && !may_block(call, device))
		return;
	act_edit_init(&call->act, &edit);
	/* Its next owner is another; the place stays. */
	if (call->act.kind == ACT_RELEASE) {
		edit.releases = true;
		edit.has_owner = true;
		edit.owner[0] = '\0';
	}
	edit.decides = call->act.kind != ACT_SUSPEND && call->act.kind != ACT_RESUME;
	act_submit(call, device, event_of_act[call->act.kind], &edit, act_submitted);
}

static void do_rename(struct act_call *call, struct device *device)
{
	struct act_edit edit;

	act_edit_init(&call->act, &edit);
	act_submit(call, device, LIFE_EVENTS, &edit, act_submitted);
}

static void do_unlock(struct act_call *call, struct device *device)
{
	struct act_edit edit = {.unlock = true};

	act_submit(call, device, LIFE_EVENTS, &edit, act_submitted);
}

static void do_forget(struct act_call *call, struct device *device)
{
	const struct act_edit edit = {.decides = false};

	submit_to(call, device, LIFE_EVENTS, &edit, act_submitted, true);
}

/* ---- the switch ---- */

static void dispatch(struct act_call *call, struct device *device)
{
	switch (call->act.kind) {
	case ACT_ADMIT:
	case ACT_APPROVE:
		do_take_in(call, device);
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
	case ACT_EXPORT:
		hand_over_export(call, device);
		break;
	case ACT_IDENTIFY:
		act_identify(call, device);
		break;
	case ACT_UNLOCK_CODE:
		do_unlock(call, device);
		break;
	case ACT_SHOW_CODE:
		act_show_code(call, device);
		break;
	case ACT_COMMAND:
		command_act(call, device);
		break;
	case ACT_REPLACE:
		replace_act(call, device);
		break;
	case ACT_WINDOW_OPEN:
	case ACT_WINDOW_CLOSE:
	case ACT_ADD:
	case ACT_CLEAR_ALARM:
	case ACT_SETUP_CODE:
	case ACT_SETUP:
	case ACT_LOGIN:
	case ACT_PASSWORD_FRESH:
	case ACT_PASSWORD_NEW:
	case ACT_PERSON_PUT:
	case ACT_PERSON_DROP:
	case ACT_TOKENS_PUT:
	case ACT_TOKEN_DROP:
	case ACT_OPERATOR_PUT:
	case ACT_OPERATOR_DROP:
	case ACT_KEY:
	case ACT_BACKUP:
	case ACT_IMPORT:
	case ACT_CODES_PUT:
	case ACT_CODE_DROP:
	case ACT_LABEL_SCAN:
	case ACT_LABEL_CANCEL:
	case ACT_CA_PUT:
	case ACT_CA_DROP:
	case ACT_SITE_CA_MAKE:
	case ACT_SITE_CA_IMPORT:
	case ACT_SITE_CA_PROVE:
	case ACTS:
		act_call_done(call, ACT_BAD_INPUT, 0, "This is not done to a device.");
		break;
	}
}

void act_on_device(struct act_call *call)
{
	struct device *device = registry_by_id(call->host->registry, call->act.device);
	const char *why = NULL;

	if (!device)
		act_call_done(call, ACT_UNKNOWN, 0, "There is no device with this id.");
	else if (label_check(span_from_string(call->act.name), &why) < 0 ||
		 label_check(span_from_string(call->act.place), &why) < 0 ||
		 label_check(span_from_string(call->act.owner), &why) < 0)
		act_call_done(call, ACT_BAD_INPUT, 0, why);
	else
		dispatch(call, device);
}
