/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the platform is told of commands. A result is a row until the broker has acknowledged it; it
 * goes out by the session that carries its device, and again when that was lost. That one was
 * refused is said once, at once. Where the platform itself says what became of a result
 * (upstream_message.answered), the row stays until then.
 */

#include "host/command-host.h"
#include "host/journal.h"
#include "host/platform-host.h"
#include "host/reading.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "host/session.h"

DEFINE_CLEANUP(struct change *, change_free, cleanup_change)

static void cleanup_message(struct upstream_message *message)
{
	upstream_message_clear(message);
}

/* 0: handed over. -ENOTSUP: this platform has no place for it. */
static int hand_over(
	struct host *host, struct device *device, struct command *command, uint64_t tag)
{
	const struct platform_driver *driver = platform_driver_by_name(device->record->platform);
	CLEANUP(cleanup_message) struct upstream_message message = {0};
	const struct upstream_item item = {
		.kind = UPSTREAM_RESULT,
		.gateway_id = host->config->id,
		.record = device->record,
		.command = command,
	};
	int r = driver ? driver->encode(platform_host_services(), &item, &message) : -ENOTSUP;

	if (r >= 0)
		command->answered = message.answered;
	return r < 0 ? r : session_publish(host, device, &message, tag);
}

static void forget(struct host *host, struct device *device, uint64_t row)
{
	CLEANUP(cleanup_change) struct change *change = NULL;

	command_box_drop(&device->commands, row);
	host_touch(host);
	/* A row that stays is published again after a restart. */
	if (change_new(&change) >= 0 && change_drop_command(change, row) >= 0)
		store_save(host->store, STEAL(change), NULL, NULL);
}

void command_trim_past(struct host *host, struct device *device)
{
	const struct command *surplus;

	while ((surplus = command_box_surplus(&device->commands)))
		forget(host, device, surplus->row);
}

void command_publish(struct host *host, struct device *device, struct command *command)
{
	uint64_t session_row = device_host(device)->session ? device->record->row : 0, tag;
	int r;

	if (!command->ended || command->sender[0] || command->saving || command->publishing ||
		!session_carries(host, device) ||
		!flight_take(host, FLIGHT_RESULT, session_row, command->row, &tag))
		return;
	r = hand_over(host, device, command, tag);
	command->publishing = r >= 0;
	if (r >= 0)
		return;
	flight_give_up(host, tag);
	if (r != -ENOTCONN && r != -ENOBUFS && r != -ENOMEM) {
		log_device(LOG_WARNING, device->record->id,
			"The result of its command %s has no way to the platform: %s.",
			command->name, strerror(-r));
		forget(host, device, command->row);
	}
}

static void publish_results(struct host *host, struct device *device)
{
	struct command *command = device->commands.first, *next;

	for (; command; command = next) {
		next = command->next;
		command_publish(host, device, command);
	}
}

void command_on_connected(struct host *host, struct device *own)
{
	struct device *device;

	if (own) {
		publish_results(host, own);
		return;
	}
	for (device = registry_first(host->registry); device; device = registry_next(device))
		publish_results(host, device);
}

/* The flight of a shared session does not say whose command it was. */
static struct command *find(struct host *host, uint64_t row, struct device **ret_device)
{
	struct device *device;

	for (device = registry_first(host->registry); device; device = registry_next(device)) {
		struct command *command =
			device->commands.first ? command_box_find(&device->commands, row) : NULL;

		if (command) {
			*ret_device = device;
			return command;
		}
	}
	return NULL;
}

void command_on_landed(struct host *host, uint64_t row, bool delivered)
{
	struct device *device;
	struct command *command = find(host, row, &device);

	if (!command)
		return;
	if (delivered && command->answered && host->config->mqtt_commands) {
		command->landed = true;
		return;
	}
	if (!delivered)
		log_device(LOG_WARNING, device->record->id,
			"The broker did not take the result of its command %s.", command->name);
	forget(host, device, row);
}

void command_on_lost(struct host *host, uint64_t row)
{
	struct device *device;
	struct command *command = find(host, row, &device);

	if (command)
		command->publishing = false;
}

void command_on_word(struct host *host, struct device *device, const char *answer_to)
{
	struct command *command = device->commands.first;

	while (command && (!command->publishing || !command->answered ||
				  strcmp(command->response_topic, answer_to) != 0))
		command = command->next;
	if (command)
		forget(host, device, command->row);
}

void command_publish_again(struct host *host, struct device *device)
{
	struct command *command = device->commands.first, *next;

	for (; command; command = next) {
		next = command->next;
		if (!command->landed)
			continue;
		command->landed = command->publishing = false;
		command_publish(host, device, command);
	}
}

void command_refuse(
	struct host *host, struct device *device, struct command *refused, const char *why)
{
	refused->row = 0;
	command_end(refused, false, "", why);
	log_device(LOG_INFO, device->record->id, "The command %s was refused: %s.", refused->name,
		why);
	if (session_carries(host, device) && hand_over(host, device, refused, 0) < 0)
		log_device(LOG_WARNING, device->record->id,
			"That its command %s was refused could not be said.", refused->name);
}
