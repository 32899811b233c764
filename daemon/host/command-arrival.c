/* SPDX-License-Identifier: Apache-2.0 */

/* Commands as messages of the broker: what is kept before it is acknowledged, and whose each one
 * is. Where a device has a session of its own, that session is the authority: what comes by it is
 * for this device or for nobody, and nobody else's session commands it. */

#include "host/command-host.h"
#include "host/journal.h"
#include "host/platform-host.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "host/twin.h"

static int ignore(struct inbound_message *message, const char *why)
{
	*message = (struct inbound_message){.kind = INBOUND_IGNORED, .why = why};
	return 0;
}

/* By a device's own session: that says whose it is, whatever the message says. */
static int decode_own(struct host *host, const struct device *device, const char *topic,
	struct span payload, bool retained, struct inbound_message *ret_message)
{
	const struct platform_driver *driver =
		device ? platform_driver_by_name(device->record->platform) : NULL;
	int r;

	if (!driver)
		return ignore(ret_message, "the device of its session is gone");
	r = driver->decode(
		platform_host_services(), host->config->id, topic, payload, retained, ret_message);
	if (r < 0)
		return r;
	if ((ret_message->device_id[0] &&
		    strcmp(ret_message->device_id, device->record->id) != 0) ||
		(ret_message->platform_id[0] &&
			strcmp(ret_message->platform_id, device->record->life.platform_id) != 0))
		return ignore(ret_message, "it names another device than its session's");
	return 0;
}

/* By the gateway's session: for the devices of a platform that has its commands come by it. */
static int decode_shared(struct host *host, const char *topic, struct span payload, bool retained,
	struct inbound_message *ret_message, struct device **ret_device)
{
	const struct platform_driver *driver;
	char filter[256];
	size_t i;
	int r = ignore(ret_message, "nobody listens for it");

	for (i = 0; (driver = platform_driver_at(i)); i++) {
		if (!driver->listen ||
			driver->listen(NULL, host->config->id, 0, filter, sizeof(filter)) < 0)
			continue;
		r = driver->decode(platform_host_services(), host->config->id, topic, payload,
			retained, ret_message);
		if (r < 0 || ret_message->kind != INBOUND_IGNORED)
			break;
	}
	if (r < 0 || ret_message->kind == INBOUND_IGNORED)
		return r;
	*ret_device = registry_by_id(host->registry, ret_message->device_id);
	if (*ret_device && strcmp((*ret_device)->record->platform, driver->describe()->name) != 0)
		*ret_device = NULL;
	return 0;
}

static bool is_of_twin(enum inbound_kind kind)
{
	return kind == INBOUND_CONFIGURATION || kind == INBOUND_CHANGED || kind == INBOUND_TAKEN ||
	       kind == INBOUND_PUT_OFF || kind == INBOUND_NOT_TAKEN;
}

static void take_command(struct host *host, struct device *device,
	const struct inbound_message *message, const struct store_arrival *arrival)
{
	command_host_take(host, device,
		&(const struct command_inbound){
			.name = span_from_string(message->name),
			.args = message->args,
			.response_topic = arrival->response_topic,
			.correlation = arrival->correlation,
			.answer_to = message->answer_to,
			.lifetime =
				message->is_call ? host->config->method_timeout : arrival->lifetime,
			.unusable = arrival->unusable,
			.arrival = arrival->number,
		});
}

static void take_message(struct host *host, const struct store_arrival *arrival, bool retained)
{
	struct inbound_message message = {.kind = INBOUND_IGNORED};
	char topic[COMMAND_TOPIC_MAX + 1];
	struct device *device =
		arrival->owner ? registry_by_row(host->registry, arrival->owner) : NULL;
	int r = span_to_string(arrival->topic, topic, sizeof(topic));

	if (r >= 0 && arrival->owner)
		r = decode_own(host, device, topic, arrival->payload, retained, &message);
	else if (r >= 0)
		r = decode_shared(host, topic, arrival->payload, retained, &message, &device);
	if (r >= 0 && device && message.kind == INBOUND_COMMAND) {
		take_command(host, device, &message, arrival);
		return;
	}
	if (r >= 0 && device && message.kind == INBOUND_REFUSED) {
		command_host_turn_down(host, device, message.answer_to, message.why);
	} else if (r >= 0 && device && is_of_twin(message.kind)) {
		twin_on_message(host, device, &message);
	} else {
		host_turned_away(host, AWAY_MALFORMED, NULL);
		log_debug("A message of the broker was ignored: %s.",
			message.why ? message.why : "there is no such device");
	}
	store_settle_arrival(host->store, arrival->number);
}

static struct store_arrival arrival_of(const struct uplink_inbound *inbound)
{
	return (struct store_arrival){
		.number = inbound->kept,
		.topic = span_from_string(inbound->topic),
		.payload = inbound->payload,
		.response_topic = inbound->response_topic,
		.correlation = inbound->correlation,
		.lifetime = inbound->lifetime,
		.unusable = inbound->unusable,
		.owner = inbound->owner,
	};
}

uint64_t command_keep(void *host, const struct uplink_inbound *inbound)
{
	struct store_arrival arrival = arrival_of(inbound);
	uint64_t number = 0;

	/* Answers of the broker itself are no commands; whose caller waits for the answer himself
	 * has been promised nothing. */
	if (inbound->topic[0] == '$')
		return 0;
	/* What is refused anyhow is not worth a write: nobody promised anything about it. */
	if (inbound->retained || inbound->payload.size > COMMAND_ARGS_MAX ||
		arrival.topic.size > COMMAND_TOPIC_MAX)
		return 0;
	return store_keep_arrival(((struct host *)host)->store, &arrival, &number) < 0 ? 0 : number;
}

void command_on_message(struct host *host, const struct uplink_inbound *inbound)
{
	const struct store_arrival arrival = arrival_of(inbound);

	if (!inbound->kept && !inbound->retained && inbound->payload.size <= COMMAND_ARGS_MAX)
		host->limits.reached[LIMIT_ARRIVALS]++;
	take_message(host, &arrival, inbound->retained);
}

static int on_replayed(void *userdata, const struct store_arrival *arrival)
{
	take_message(userdata, arrival, false);
	return 0;
}

void command_replay(struct host *host)
{
	store_replay_arrivals(host->store, on_replayed, host);
}
