/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The one road by which a device changes.
 *
 *	submission
 *	  -> core/lifecycle makes the next value, then the edit
 *	  -> SAVE: one change (record and audit row together) to the store
 *	  -> SAVED: the record is installed in the registry
 *	  -> effects, from action to adapter (effect-carry.c)
 *	  -> done()
 *
 * A submission that needs no SAVE is installed at once. While one record of a device is on its way
 * to disk, or its effects are being carried out, further submissions for that device wait in order:
 * a step is complete before the next one begins. A write that is refused for lack of space installs
 * nothing and carries out nothing. Any other failure of the store ends the process (see gateway.c),
 * and the next start goes on from disk.
 *
 * A device is forgotten on the same road, so nothing that waits can put its record back: the record
 * is deleted, then (when nothing of it is in flight any more) what is retained of it, its readings,
 * and the device itself.
 */

#include "host/effect.h"
#include "host/device-host.h"
#include "host/effect-parts.h"
#include "host/host.h"
#include "host/journal.h"
#include "host/platform-host.h"
#include "host/reading.h"
#include "host/upstream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/message-ids.h"
#include "host/brought.h"
#include "host/command-host.h"
#include "host/display.h"
#include "host/gap.h"
#include "host/telemetry.h"
#include "host/withdraw.h"

struct waiting_input {
	struct waiting_input *next;
	struct device_host *part;
	enum life_event event;
	struct secret blob, code;
	int64_t expires;
	char platform_id[129];
	bool has_platform_id;
	uint64_t answer_to;
	bool forget, keep_token;
	record_edit_fn edit;
	void *argument;
	argument_clear_fn argument_clear;
	struct brought *brought;
	struct audit_row audit;
	bool has_audit;
	submit_done_fn done;
	void *userdata;
	/* while it is being saved */
	struct device_record *record;
	uint32_t actions;
};

static struct waiting_input *input_free(struct waiting_input *input)
{
	if (!input)
		return NULL;
	secret_clear(&input->blob);
	secret_clear(&input->code);
	device_record_free(input->record);
	if (input->argument_clear)
		input->argument_clear(input->argument);
	free(input->argument);
	brought_free(input->brought);
	free(input);
	return NULL;
}
DEFINE_CLEANUP(struct waiting_input *, input_free, cleanup_input)
DEFINE_CLEANUP(struct device_record *, device_record_free, cleanup_record)
DEFINE_CLEANUP(struct change *, change_free, cleanup_change)

static int input_new(
	struct device_host *part, const struct submission *from, struct waiting_input **ret)
{
	CLEANUP(cleanup_input) struct waiting_input *input = calloc(1, sizeof(*input));
	int r;

	if (!input)
		return -ENOMEM;
	input->part = part;
	input->event = from->event;
	input->expires = from->expires;
	input->answer_to = from->answer_to;
	input->forget = from->forget;
	input->keep_token = from->keep_token;
	input->edit = from->edit;
	input->done = from->done;
	input->userdata = from->userdata;
	r = secret_set(&input->blob, from->blob);
	if (r >= 0)
		r = secret_set(&input->code, from->code);
	if (r < 0)
		return r;
	if (from->platform_id) {
		input->has_platform_id = true;
		strncpy(input->platform_id, from->platform_id, sizeof(input->platform_id) - 1);
	}
	if (from->argument_size) {
		input->argument = malloc(from->argument_size);
		if (!input->argument)
			return -ENOMEM;
		memcpy(input->argument, from->argument, from->argument_size);
	}
	if (from->audit) {
		input->audit = *from->audit;
		input->has_audit = true;
	}
	/* From here on the copy owns what the argument holds, and what was brought. */
	input->argument_clear = from->argument_clear;
	input->brought = from->brought;
	*ret = STEAL(input);
	return 0;
}

static void log_change(const struct device_record *old, const struct device_record *next)
{
	enum device_word was, is;
	enum device_stage stage;
	static const struct {
		const char *message_id, *text;
	} words[DEVICE_WORDS] = {
		[DEVICE_PENDING] = {MESSAGE_DEVICE_PENDING, "waits for a decision"},
		[DEVICE_APPROVED] = {MESSAGE_DEVICE_APPROVED, "is approved"},
		[DEVICE_REJECTED] = {MESSAGE_DEVICE_REJECTED, "was rejected"},
		[DEVICE_SUSPENDED] = {NULL, "is suspended"},
		[DEVICE_REVOKED] = {MESSAGE_DEVICE_REVOKED, "is revoked"},
	};

	lifecycle_describe(&old->life, &was, &stage);
	lifecycle_describe(&next->life, &is, &stage);
	if (was == is && (old->life.admission == next->life.admission ||
				 next->life.admission != ADMISSION_PENDING))
		return;
	log_at(LOG_NOTICE,
		(&(const struct log_fields){.device = next->id,
			.platform = next->platform,
			.operation = operation_text(next->life.operation_number, (char[24]){""}),
			.message_id = words[is].message_id}),
		"Device %s (%s) %s.", next->id, next->ep, words[is].text);
}

/* ---- the road ---- */

static void run_next(struct device_host *part);

static void finish(struct waiting_input *input, enum submit_result result, const char *why)
{
	struct device_host *part = input->part;
	submit_done_fn done = input->done;
	void *userdata = input->userdata;
	struct device *device = part->device;

	input_free(input);
	if (done)
		done(userdata, result, device, why);
}

static void install(struct waiting_input *input)
{
	struct device_host *part = input->part;
	struct host *host = part->host;
	struct device *device = part->device;
	CLEANUP(cleanup_record) struct device_record *before = NULL;
	int r;

	/* The driver gets the operation or the credential that the next record holds no more. */
	r = device_record_copy(device->record, &before);
	if (r >= 0) {
		log_change(before, input->record);
		r = registry_replace(host->registry, device, input->record);
	}
	if (r < 0) {
		log_device(LOG_ERR, device->record->id,
			"The next record could not be installed: %s.", strerror(-r));
		finish(input, SUBMIT_REFUSED, "The gateway is out of memory.");
		return;
	}
	input->record = NULL;
	platform_host_changed(part);
	if (strcmp(before->ep, device->record->ep) != 0)
		device_host_renew(part);
	platform_host_set_timers(host, device);
	effect_carry_out(host, device, before, input->actions);
	reading_set_open(host, device);
	telemetry_update(host, device);
	command_host_look(host, device);
	claim_host_changed(host, device);
	host_touch(host);
	finish(input, SUBMIT_DONE, NULL);
}

/* Nothing of the device is in flight any more, or it is gone by other ways (the gateway stops). */
static void on_forget_drained(void *userdata)
{
	struct waiting_input *input = userdata;
	struct device_host *part = input->part;
	struct host *host = part->host;
	struct device *device = part->device;

	part->saving = NULL;
	if (!part->gone) {
		char id[DEVICE_ID_MAX + 1];

		memcpy(id, device->record->id, sizeof(id));
		if (!input->keep_token)
			token_names_drop(
				&host->tokens, device->record->platform, device->record->ep);
		if (!input->keep_token)
			brought_dropped(host, device->record->ep);
		upstream_clear_retained(host, device->record);
		recent_forget(host->recent, device->record->row);
		registry_remove(host->registry, device);
		gap_give_up_orphans(host);
		host_alarms_forget(host, id);
		host_touch(host);
	}
	finish(input, SUBMIT_DONE, NULL);
	device_host_unpin(part);
}

static const char *why_not_stored(int result)
{
	if (result == -ENOSPC)
		return "There is no space left on the gateway: nothing was changed.";
	return result == -ENOMEM ? "The gateway is out of memory: nothing was changed."
				 : "It could not be saved: nothing was changed.";
}

static void on_saved(void *userdata, int result, const char *head)
{
	struct waiting_input *input = userdata;
	struct device_host *part = input->part;
	struct host *host = part->host;

	if (!host) {
		/* The gateway is stopping: nobody is left to tell but the caller. */
		finish(input, SUBMIT_GONE, NULL);
		device_host_unpin(part);
		return;
	}
	part->device->saving = false;
	host_saved(host, result, head);
	withdraw_settle(part, result);
	if (result >= 0 && input->forget) {
		/* Until it is drained it counts as being saved: what is submitted now waits, and
		 * goes with it. */
		reading_drain(host, part->device, true, on_forget_drained, input);
		return;
	}
	part->saving = NULL;
	part->running = true;
	if (result >= 0) {
		part->device->on_disk = true;
		if (input->brought)
			brought_saved(part, input->brought);
		brought_looked(part, input->record);
		install(input);
	} else {
		finish(input, SUBMIT_NOT_STORED, why_not_stored(result));
	}
	part->running = false;
	run_next(part);
	device_host_unpin(part);
}

/* An answer of a driver that lacks what its event needs is a fault of the driver: the try is over.
 */
static bool is_answer(enum life_event event)
{
	return event >= LIFE_DRIVER_PROGRESS && event <= LIFE_DRIVER_LEAK;
}

static int step_life(const struct waiting_input *input, const struct lifecycle *now,
	struct lifecycle *ret_next, struct life_outcome *ret_outcome)
{
	struct life_input step = {
		.event = input->event,
		.blob = secret_span(&input->blob),
		.code = secret_span(&input->code),
		.expires = input->expires,
		.now = clock_wall_msec(),
		.operation_number = input->part->host->next_operation,
		.answer_to = input->answer_to,
		.platform_id = input->has_platform_id ? input->platform_id : NULL,
	};
	int r = lifecycle_step(now, &step, ret_next, ret_outcome);

	if (r == -EINVAL && is_answer(input->event)) {
		log_device(LOG_ERR, input->part->device->record->id,
			"The platform driver's answer (%s) is not complete.",
			life_event_to_string(input->event));
		step.event = LIFE_DRIVER_FAILED_FINAL;
		r = lifecycle_step(now, &step, ret_next, ret_outcome);
	}
	return r;
}

/* Makes the next record. Returns SUBMIT_DONE when there is one in input->record. */
static enum submit_result make_next(
	struct waiting_input *input, bool *ret_save, const char **ret_why)
{
	struct device_host *part = input->part;
	struct device_record *now = part->device->record;
	CLEANUP(cleanup_record) struct device_record *next = NULL;
	struct life_outcome outcome = {.result = MACHINE_MOVED};
	const char *why = NULL;
	int r;

	r = device_record_copy(now, &next);
	if (r < 0)
		goto failed;
	if (input->event != LIFE_EVENTS) {
		struct lifecycle life;

		r = step_life(input, &now->life, &life, &outcome);
		if (r < 0)
			goto failed;
		switch (outcome.result) {
		case MACHINE_IGNORED:
			/* What was brought along counts by itself. */
			if (!input->brought)
				return SUBMIT_IGNORED;
			break;
		case MACHINE_REFUSED:
			*ret_why = outcome.why;
			return SUBMIT_REFUSED;
		case MACHINE_MOVED:
			lifecycle_clear(&next->life);
			next->life = life;
			if (life.operation_number == part->host->next_operation)
				part->host->next_operation++;
			break;
		}
	}
	if (input->edit) {
		r = input->edit(next, input->argument, &why);
		if (r < 0) {
			*ret_why = why ? why : "It could not be done.";
			return SUBMIT_REFUSED;
		}
	}
	display_note(next);
	*ret_save = outcome.actions & LIFE_SAVE || input->has_audit || input->forget ||
		    input->brought || (input->edit && part->device->on_disk);
	input->actions = outcome.actions;
	input->record = STEAL(next);
	return SUBMIT_DONE;
failed:
	log_device(LOG_ERR, now->id, "The next record could not be made: %s.", strerror(-r));
	*ret_why = "The gateway is out of memory.";
	return SUBMIT_REFUSED;
}

static int save(struct waiting_input *input)
{
	struct device_host *part = input->part;
	CLEANUP(cleanup_change) struct change *change = NULL;
	int r;

	r = change_new(&change);
	if (r >= 0 && lifecycle_lost_credential(&part->device->record->life, &input->record->life))
		change_mark_erasing(change);
	if (r >= 0 && input->brought)
		r = brought_join(part, input->brought, input->record, change);
	if (r >= 0 && !input->forget)
		r = brought_look(part, input->record, change);
	if (r >= 0)
		r = input->forget ? change_drop_device(change, input->record->row)
				  : change_put_device(change, input->record);
	if (r >= 0 && input->forget && !input->keep_token)
		r = change_drop_token(change, input->record->platform, input->record->ep);
	if (r >= 0 && input->forget && !input->keep_token)
		r = brought_drop(part->host, input->record->ep, change);
	if (r >= 0)
		r = withdraw_note(part, input->forget ? NULL : input->record, change);
	if (r >= 0 && input->has_audit)
		r = change_append_audit(change, &input->audit);
	if (r < 0)
		return r;
	part->saving = input;
	part->device->saving = true;
	device_host_pin(part);
	store_save(part->host->store, STEAL(change), on_saved, input);
	return 0;
}

/* Takes one input as far as it goes: to its end, or to the store. */
static void run(struct waiting_input *input)
{
	const char *why = NULL;
	bool needs_save = false;
	enum submit_result result = make_next(input, &needs_save, &why);
	int r;

	if (result != SUBMIT_DONE) {
		finish(input, result, why);
		return;
	}
	if (!needs_save) {
		install(input);
		return;
	}
	r = save(input);
	if (r < 0)
		finish(input, SUBMIT_NOT_STORED, why_not_stored(r));
}

static struct waiting_input *input_take(struct device_host *part)
{
	struct waiting_input *input = part->inputs;

	part->inputs = input->next;
	if (!part->inputs)
		part->inputs_end = &part->inputs;
	part->input_count--;
	input->next = NULL;
	return input;
}

static void run_next(struct device_host *part)
{
	device_host_pin(part);
	while (!part->gone && !part->running && !part->saving && part->inputs) {
		part->running = true;
		run(input_take(part));
		part->running = false;
	}
	device_host_unpin(part);
}

void device_inputs_give_up(struct device_host *part)
{
	while (part->inputs)
		finish(input_take(part), SUBMIT_GONE, NULL);
}

static void turn_away(const struct submission *submission, struct device *device,
	enum submit_result result, const char *why)
{
	if (submission->argument_clear) {
		void *argument = (void *)submission->argument;

		submission->argument_clear(argument);
	}
	brought_free(submission->brought);
	if (submission->done)
		submission->done(submission->userdata, result, device, why);
}

void host_submit(struct host *host, struct device *device, const struct submission *submission)
{
	struct device_host *part = device_host(device);
	struct waiting_input *input;
	int r;

	if (submission->done && part->input_count >= host->limits.value[LIMIT_INPUTS_WAITING]) {
		host->limits.reached[LIMIT_INPUTS_WAITING]++;
		turn_away(
			submission, device, SUBMIT_BUSY, "Too much is going on with this device.");
		return;
	}
	r = input_new(part, submission, &input);
	if (r < 0) {
		turn_away(submission, device, SUBMIT_REFUSED, "The gateway is out of memory.");
		return;
	}
	*part->inputs_end = input;
	part->inputs_end = &input->next;
	part->input_count++;
	run_next(part);
}
