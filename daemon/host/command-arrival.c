/* SPDX-License-Identifier: Apache-2.0 */

/* Commands as messages of the broker: what is kept before it is acknowledged, and whose each one
 * is. */

#include "host/command-host.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

/* The driver that knows this topic: no two of them share one. */
static int decode(struct host *host, const char *topic, struct span payload, bool retained,
	struct inbound_message *ret_message)
{
	const struct platform_driver *driver;
	size_t i;
	int r = -ENOTSUP;

	for (i = 0; (driver = platform_driver_at(i)); i++) {
		r = driver->decode(platform_host_services(), host->config->id, topic, payload,
			retained, ret_message);
		if (r < 0 || ret_message->kind != INBOUND_IGNORED)
			break;
	}
	return r;
}

static struct device *device_of(struct host *host, const struct inbound_message *message)
{
	struct device *device;

	if (message->device_id[0] || !message->platform_id[0])
		return registry_by_id(host->registry, message->device_id);
	for (device = registry_first(host->registry); device; device = registry_next(device))
		if (!strcmp(device->record->life.platform_id, message->platform_id))
			return device;
	return NULL;
}

static void take_message(struct host *host, const struct store_arrival *arrival, bool retained)
{
	struct inbound_message message = {.kind = INBOUND_IGNORED};
	char topic[COMMAND_TOPIC_MAX + 1];
	struct device *device = NULL;
	int r = span_to_string(arrival->topic, topic, sizeof(topic));

	if (r >= 0)
		r = decode(host, topic, arrival->payload, retained, &message);
	if (r >= 0 && message.kind == INBOUND_COMMAND)
		device = device_of(host, &message);
	if (!device) {
		host_turned_away(host, AWAY_MALFORMED, NULL);
		log_debug("A message of the broker was ignored: %s.",
			message.why ? message.why : "there is no such device");
		store_settle_arrival(host->store, arrival->number);
		return;
	}
	command_host_take(host, device,
		&(const struct command_inbound){
			.name = span_from_string(message.name),
			.args = message.args,
			.response_topic = arrival->response_topic,
			.correlation = arrival->correlation,
			.lifetime = arrival->lifetime,
			.unusable = arrival->unusable,
			.arrival = arrival->number,
		});
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
	};
}

uint64_t command_keep(void *host, const struct uplink_inbound *inbound)
{
	struct store_arrival arrival = arrival_of(inbound);
	uint64_t number = 0;

	/* Answers of the broker itself are no commands. */
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
