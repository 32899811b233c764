/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One question at a time for each device. Without an answer, or when the platform puts it off, it
 * is asked again, later each time:
 *
 *	connected, changed -> asked -> answered: a command, or nothing new
 *	                            -> put off, or silence: a back-off, and asked again
 *	changed while asked -> asked once more after the answer
 *	a result put off -> kept, and said again with the next question
 *
 * A configuration that still waits when another one comes is over: the newer one holds all of it.
 */

#include "host/twin.h"
#include "host/platform-host.h"
#include "host/upstream.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "host/command-host.h"
#include "host/session.h"

#define BACKOFF_BASE_USEC (30 * USEC_PER_SEC)
#define BACKOFF_CAP_USEC  (3600 * USEC_PER_SEC)
#define PUT_OFF_MAX	  3600 /* s: what the platform may ask for */

static void cleanup_message(struct upstream_message *message)
{
	upstream_message_clear(message);
}

static int publish_question(struct host *host, struct device *device)
{
	const struct platform_driver *driver = platform_driver_by_name(device->record->platform);
	CLEANUP(cleanup_message) struct upstream_message message = {0};
	const struct upstream_item item = {
		.kind = UPSTREAM_ASK, .gateway_id = host->config->id, .record = device->record};
	int r = driver ? driver->encode(platform_host_services(), &item, &message) : -ENOTSUP;

	return r < 0 ? r : session_publish(host, device, &message, 0);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata);

static void set_timer(struct device_host *part, uint64_t at_least)
{
	uint64_t delay;

	part->twin.backoff.base_usec = BACKOFF_BASE_USEC;
	part->twin.backoff.cap_usec = BACKOFF_CAP_USEC;
	delay = backoff_next(&part->twin.backoff);
	if (loop_timer_set(part->host->loop, &part->twin.timer, delay > at_least ? delay : at_least,
		    on_timer, part, "twin") < 0)
		log_device(LOG_ERR, part->device->record->id,
			"No timer for what its platform wants of it.");
}

static void ask(struct device_host *part)
{
	part->twin.again = false;
	/* Without a session it is asked when there is one; where nothing can be asked, never. */
	part->twin.asked = publish_question(part->host, part->device) >= 0;
	/* What was put off has its own time, and this is asked again with it. */
	if (part->twin.asked && !part->twin.say && !part->twin.say_result)
		set_timer(part, 0);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct device_host *part = userdata;

	if (part->twin.say)
		upstream_publish_status(part->host, part->device);
	part->twin.say = part->twin.say_result = false;
	command_publish_again(part->host, part->device);
	ask(part);
	return 0;
}

void twin_on_connected(struct host *host, struct device *device)
{
	struct device_host *part = device_host(device);

	loop_timer_stop(part->twin.timer);
	backoff_reset(&part->twin.backoff);
	part->twin.say = part->twin.say_result = false; /* it is said with every session */
	/* What the hub said of a result it said to the session before. */
	command_publish_again(host, device);
	/* Without commands nothing is heard. */
	if (host->config->mqtt_commands)
		ask(part);
}

void twin_detach(struct device_host *part)
{
	part->twin.timer = loop_source_free(part->twin.timer);
}

/* ---- what is wanted ---- */

/* A configuration, too, of whichever version. */
static bool is_alike(const struct command *command, const char *answer_to)
{
	const char *slash = strrchr(answer_to, '/');
	size_t length = slash ? (size_t)(slash + 1 - answer_to) : 0;

	return length && !strncmp(command->response_topic, answer_to, length);
}

/* True when this very one is there already. */
static bool make_way(
	struct host *host, struct device *device, const struct inbound_message *message)
{
	struct command *command = device->commands.first, *next;
	bool there = false;

	for (; command; command = next) {
		next = command->next;
		if (!is_alike(command, message->answer_to))
			continue;
		if (!strcmp(command->response_topic, message->answer_to))
			there = true;
		else if (command->landed) /* what is said of the newer one takes its place */
			command_on_word(host, device, command->response_topic);
		else
			command_host_outdo(host, device, command);
	}
	return there;
}

static void configure(
	struct host *host, struct device *device, const struct inbound_message *message)
{
	if (!message->answer_to[0] || make_way(host, device, message))
		return;
	if (message->why)
		command_host_turn_down(host, device, message->answer_to, message->why);
	else
		command_host_take(host, device,
			&(const struct command_inbound){
				.name = span_from_string(message->name),
				.args = message->args,
				.answer_to = message->answer_to,
			});
}

void twin_on_message(
	struct host *host, struct device *device, const struct inbound_message *message)
{
	struct device_host *part = device_host(device);
	uint32_t after = message->retry_after < PUT_OFF_MAX ? message->retry_after : PUT_OFF_MAX;

	if (message->kind == INBOUND_CHANGED && part->twin.asked) {
		part->twin.again = true;
	} else if (message->kind == INBOUND_CHANGED) {
		ask(part);
	} else if (message->kind == INBOUND_PUT_OFF) {
		if (message->answer_to[0])
			part->twin.say_result = true;
		else
			part->twin.say = true;
		set_timer(part, after * USEC_PER_SEC);
	} else if (message->kind == INBOUND_TAKEN) {
		command_on_word(host, device, message->answer_to);
	} else if (message->kind == INBOUND_NOT_TAKEN) {
		log_device(LOG_WARNING, device->record->id, "%s.", message->why);
		command_on_word(host, device, message->answer_to);
	} else if (message->kind == INBOUND_CONFIGURATION) {
		/* What was put off meanwhile is still to be said. */
		if (!part->twin.say && !part->twin.say_result)
			loop_timer_stop(part->twin.timer);
		part->twin.asked = false;
		backoff_reset(&part->twin.backoff);
		configure(host, device, message);
		if (part->twin.again)
			ask(part);
	}
}
