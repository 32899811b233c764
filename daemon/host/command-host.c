/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A command's way.
 *
 *	a message of the broker, kept on file by the thread that acknowledges it
 *	  -> whose is it, may it have commands, is there room
 *	  -> a row in control.db; then the device is offered it (command-device.c)
 *	  -> the device answers, or its time is over: the row says so
 *	  -> the platform has the result: the row is deleted
 *
 * Every change of a command is saved before anybody sees it. What is refused is answered at once
 * and never saved: the broker is there, it has just spoken. Only what is found on file at the start
 * may be refused without an answer.
 */

#include "host/command-host.h"
#include "host/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#define RETRY_USEC (60 * USEC_PER_SEC)
#define OUTDONE	   "another configuration came after it"

DEFINE_CLEANUP(struct change *, change_free, cleanup_change)

/* ---- saving ---- */

struct command_save {
	struct host *host;
	uint64_t device_row;
	struct command next; /* what it is with SAVED */
	bool is_new;
	const struct audit_row *audit; /* valid during the call */
	command_done_fn done;
	void *userdata;
};

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void set_timer(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);
	uint64_t next = command_box_next_end(&device->commands), now = clock_boot_usec();
	int r;

	if (next == UINT64_MAX) {
		loop_timer_stop(part->command_timer);
		return;
	}
	r = loop_timer_set(host->loop, &part->command_timer, next > now ? next - now : 0, on_timer,
		part, "command-end");
	if (r < 0)
		log_device(LOG_ERR, device->record->id, "No timer for its commands: %s.",
			strerror(-r));
}

/* The command is still there, and so is its device. */
static void settle(
	struct command_save *save, struct device *device, struct command *command, int result)
{
	struct host *host = save->host;

	command->saving = command->ending = false;
	command->unsaved = save->is_new && result < 0;
	/* It stays; its end is tried again later, and not at full speed. */
	if (result < 0 && command->until_usec <= clock_boot_usec())
		command->until_usec = clock_boot_usec() + RETRY_USEC;
	if (save->is_new && result < 0) {
		command_box_drop(&device->commands, save->next.row);
		if (!save->next.sender[0])
			command_refuse(host, device, &save->next, COMMAND_REASON_NOT_STORED);
	} else if (result >= 0 && save->next.ended) {
		command_end(command, save->next.ok, save->next.result, save->next.reason);
		log_device(LOG_INFO, device->record->id, "Its command %s has ended: %s.",
			command->name,
			command->reason[0] ? command->reason
			: command->ok	   ? "done"
					   : "failed");
		if (command->sender[0])
			command_trim_past(host, device);
		else
			command_publish(host, device, command);
	} else if (result >= 0) {
		log_device(LOG_INFO, device->record->id, "The command %s waits for it.",
			command->name);
	}
}

/* Once: with a disk that fails it would be asked for without end. */
static void end_outdone(struct host *host, struct device *device, uint64_t row)
{
	struct command *command = command_box_find(&device->commands, row);

	if (!command || !command->outdone)
		return;
	command->outdone = false;
	command_host_failed(host, device, row, OUTDONE);
}

static void on_saved(void *userdata, int result, const char *head)
{
	CLEANUP(cleanup_free) struct command_save *save = userdata;
	struct host *host = save->host;
	struct device *device = registry_by_row(host->registry, save->device_row);
	struct command *command =
		device ? command_box_find(&device->commands, save->next.row) : NULL;

	host_saved(host, result, head);
	if (command)
		settle(save, device, command, result);
	if (save->is_new)
		store_settle_arrival(host->store, save->next.arrival);
	if (save->done)
		save->done(save->userdata, command ? result : 0);
	if (!command)
		return;
	end_outdone(host, device, save->next.row);
	set_timer(host, device);
	command_offer(host, device);
	host_touch(host);
}

/* The command as it stands in 'next'. 0: on_saved() follows. */
static int save(struct host *host, struct command *command, const struct command_save *what)
{
	CLEANUP(cleanup_change) struct change *change = NULL;
	CLEANUP(cleanup_free) struct command_save *copy = malloc(sizeof(*copy));
	int r = copy ? change_new(&change) : -ENOMEM;

	if (r >= 0)
		r = change_put_command(change, &what->next);
	if (r >= 0 && what->audit)
		r = change_append_audit(change, what->audit);
	if (r < 0)
		return r;
	*copy = *what;
	copy->audit = NULL;
	command->saving = true;
	store_save(host->store, STEAL(change), on_saved, STEAL(copy));
	return 0;
}

/* ---- the end ---- */

static int end(struct host *host, struct device *device, struct command *command,
	const struct command_answer *answer, const char *reason, command_done_fn done,
	void *userdata)
{
	struct command_save what = {.host = host,
		.device_row = device->record->row,
		.next = *command,
		.done = done,
		.userdata = userdata};
	int r;

	command_end(&what.next, answer && answer->ok, answer ? answer->result : "", reason);
	r = save(host, command, &what);
	command->ending = r >= 0;
	return r;
}

void command_host_answered(struct host *host, struct device *device,
	const struct command_answer *answer, command_done_fn done, void *userdata)
{
	struct command *command = command_box_find(&device->commands, answer->row);
	int r = 0;

	/* It ended before, by itself or by an answer that this one repeats. */
	if (command && !command->ended && !command->saving) {
		r = end(host, device, command, answer, "", done, userdata);
		if (r >= 0)
			return;
	}
	if (done)
		done(userdata, command && command->saving ? -EAGAIN : r);
}

void command_host_failed(struct host *host, struct device *device, uint64_t row, const char *reason)
{
	struct command *command = command_box_find(&device->commands, row);

	if (command && !command->ended && !command->saving &&
		end(host, device, command, NULL, reason, NULL, NULL) < 0)
		log_device(LOG_ERR, device->record->id,
			"The gateway is out of memory: its command %s stays.", command->name);
}

void command_host_outdo(struct host *host, struct device *device, struct command *command)
{
	if (command->saving)
		command->outdone = true;
	else
		command_host_failed(host, device, command->row, OUTDONE);
}

static void end_all(struct host *host, struct device *device, uint64_t until, const char *reason)
{
	struct command *command = device->commands.first;

	for (; command; command = command->next)
		if (command->until_usec <= until)
			command_host_failed(host, device, command->row, reason);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_host *part = userdata;

	end_all(part->host, part->device, clock_boot_usec(), COMMAND_REASON_EXPIRED);
	return 0;
}

void command_host_look(struct host *host, struct device *device)
{
	enum device_word word;
	enum device_stage stage;

	command_look_observer(host, device);
	if (!device->commands.first || lifecycle_may_report(&device->record->life))
		return;
	lifecycle_describe(&device->record->life, &word, &stage);
	/* A suspended one may come back before their time is over. */
	if (word != DEVICE_SUSPENDED)
		end_all(host, device, UINT64_MAX, "the device is not approved any more");
}

void command_host_detach(struct device_host *part)
{
	part->command_timer = loop_source_free(part->command_timer);
	part->command_retry = loop_source_free(part->command_retry);
	part->observer = lan_observer_free(part->observer);
}

/* ---- arrival ---- */

static const char *refusal_of(
	struct host *host, struct device *device, const struct command *command, bool unusable)
{
	if (!lifecycle_may_report(&device->record->life))
		return COMMAND_REASON_NOT_APPROVED;
	if (unusable)
		return "its response topic or its correlation data is too long";
	if (command_box_waiting(&device->commands) >= host->limits.value[LIMIT_COMMANDS] ||
		command_box_count(&device->commands) >= COMMANDS_KEPT_MAX) {
		host->limits.reached[LIMIT_COMMANDS]++;
		return COMMAND_REASON_TOO_MANY;
	}
	return command_is_sendable(command) ? NULL : "the arguments are too long for the device";
}

static void fill(struct host *host, struct device *device, const struct command_inbound *inbound,
	struct command *command)
{
	uint32_t longest = host->config->command_expiry;

	command->device_row = device->record->row;
	command->arrival = inbound->arrival;
	command->arrived = clock_wall_msec();
	command->synced = clock_is_synced();
	command->lifetime =
		inbound->lifetime && inbound->lifetime < longest ? inbound->lifetime : longest;
	command->until_usec = clock_boot_usec() + command->lifetime * USEC_PER_SEC;
	span_to_string(inbound->name, command->name, sizeof(command->name));
	if (inbound->answer_to && inbound->answer_to[0])
		snprintf(command->response_topic, sizeof(command->response_topic), "%s",
			inbound->answer_to);
	else if (command_topic_fits(inbound->response_topic))
		span_to_string(inbound->response_topic, command->response_topic,
			sizeof(command->response_topic));
	hex_encode(inbound->correlation, command->correlation, sizeof(command->correlation));
}

/* Takes the command over. */
static int keep(struct host *host, struct device *device, struct command *command,
	const struct audit_row *audit, command_done_fn done, void *userdata)
{
	struct command_save what = {.host = host,
		.device_row = device->record->row,
		.is_new = true,
		.audit = audit,
		.done = done,
		.userdata = userdata};
	int r;

	command->row = host->next_command++;
	what.next = *command;
	command->unsaved = true;
	command_box_put(&device->commands, command);
	r = save(host, command, &what);
	if (r < 0)
		command_box_drop(&device->commands, what.next.row);
	return r;
}

void command_host_take(
	struct host *host, struct device *device, const struct command_inbound *inbound)
{
	struct command *command = calloc(1, sizeof(*command));
	const char *why = NULL;

	if (!command || !command_name_fits(inbound->name)) {
		log_device(LOG_WARNING, device->record->id, "A command was dropped: %s.",
			command ? "its name is not one" : "the gateway is out of memory");
		free(command);
		store_settle_arrival(host->store, inbound->arrival);
		return;
	}
	fill(host, device, inbound, command);
	if (command_args_read(inbound->args, command->args, &why) >= 0)
		why = refusal_of(host, device, command, inbound->unusable);
	if (!why && keep(host, device, command, NULL, NULL, NULL) >= 0)
		return;
	/* Gone from the box, if it was in it. */
	if (!why)
		log_device(
			LOG_ERR, device->record->id, "The gateway is out of memory for a command.");
	else
		command_refuse(host, device, command, why);
	if (why)
		free(command);
	store_settle_arrival(host->store, inbound->arrival);
}

void command_host_turn_down(
	struct host *host, struct device *device, const char *answer_to, const char *why)
{
	struct command *command = calloc(1, sizeof(*command));

	if (!command)
		return; /* its caller waits in vain */
	snprintf(command->response_topic, sizeof(command->response_topic), "%s", answer_to);
	command_refuse(host, device, command, why);
	free(command);
}

int command_host_send(struct host *host, struct device *device, const struct command *from,
	const struct audit_row *audit, command_done_fn done, void *userdata, const char **ret_why)
{
	const struct command_inbound inbound = {
		.name = span_from_string(from->name), .lifetime = from->lifetime};
	struct command *command;
	int r = command_copy(from, &command);

	if (r < 0)
		return r;
	fill(host, device, &inbound, command);
	*ret_why = refusal_of(host, device, command, false);
	r = *ret_why ? -EPERM : keep(host, device, command, audit, done, userdata);
	/* Gone from the box, if it was in it. */
	if (*ret_why)
		free(command);
	return r;
}

/* ---- at start ---- */

int command_host_load(struct host *host, const struct command *command)
{
	struct device *device = registry_by_row(host->registry, command->device_row);
	struct command *copy;
	int r;

	/* Deleted with its device in one transaction; a stranger is nobody's. */
	if (!device)
		return 0;
	r = command_copy(command, &copy);
	if (r < 0)
		return r;
	copy->until_usec =
		clock_boot_usec() + command_left_usec(copy, clock_wall_msec(), clock_is_synced());
	command_box_put(&device->commands, copy);
	return 0;
}

void command_host_start(struct host *host)
{
	struct device *device;

	for (device = registry_first(host->registry); device; device = registry_next(device))
		if (device->commands.first) {
			set_timer(host, device);
			command_offer(host, device);
		}
	command_replay(host);
}
