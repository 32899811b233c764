/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Topics and payloads of the platforms 'local' and 'mqtt'. A topic is built from the gateway's id
 * and the registry's device id alone ([a-z0-9-]); nothing that a device said of itself gets into a
 * topic. The gh-* values are user properties under MQTT 5; under 3.1.1 (item->envelope) they travel
 * in the payload around the body.
 */

#include "drivers/platform/topics.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "core/owed.h"

#define DUMP_FLAGS (JSON_COMPACT | JSON_ENSURE_ASCII)
/* Bytes of an envelope, at most: all before the body; with it, in base64. */
#define ENVELOPE_HEAD	       384
#define ENVELOPE_SIZE(reading) (ENVELOPE_HEAD + (reading)->size * 4 / 3 + 8)

static void cleanup_json(json_t **value)
{
	json_decref(*value);
}

void platform_request_clear(struct platform_request *request)
{
	secret_clear(&request->body);
	secret_clear(&request->dial.password);
	secret_clear(&request->dial.identity);
	crypto_wipe(request, sizeof(*request));
}

void platform_step_clear(struct platform_step *step)
{
	secret_clear(&step->blob);
	secret_clear(&step->code);
	secret_clear(&step->credential);
	platform_request_clear(&step->request);
	crypto_wipe(step, sizeof(*step));
}

void upstream_message_clear(struct upstream_message *message)
{
	free(message->made);
	*message = (struct upstream_message){0};
}

static int topic_of(
	const struct upstream_item *item, const char *leaf, struct upstream_message *message)
{
	int n;

	if (item->record)
		n = snprintf(message->topic, sizeof(message->topic), "gatehouse/%s/%s/%s",
			item->gateway_id, item->record->id, leaf);
	else
		n = snprintf(message->topic, sizeof(message->topic), "gatehouse/%s/%s",
			item->gateway_id, leaf);
	return n < 0 || (size_t)n >= sizeof(message->topic) ? -EMSGSIZE : 0;
}

static int set_json(json_t *value, struct upstream_message *message)
{
	char *text = value ? json_dumps(value, DUMP_FLAGS) : NULL;

	if (!text)
		return -ENOMEM;
	message->made = text;
	message->payload = span_from_string(text);
	message->content_type = "application/json";
	return 0;
}

/* ---- readings ---- */

static const char *content_type(int format)
{
	return format == FORMAT_OPAQUE ? "application/octet-stream" : "application/senml+json";
}

static void format_time(int64_t msec, char *ret_text, size_t capacity)
{
	snprintf(ret_text, capacity, "%" PRId64 ".%03d", msec / 1000, (int)(msec % 1000));
}

static void add_property(struct upstream_message *message, const char *name, const char *value)
{
	struct upstream_property *property = &message->property[message->property_count++];

	property->name = name;
	snprintf(property->value, sizeof(property->value), "%s", value);
}

/* The body is JSON that was checked when it came, and is not read again. */
static size_t put_body(const struct reading *reading, const char *binary, char *at)
{
	if (!binary) {
		memcpy(at, reading->body, reading->size);
		return reading->size;
	}
	*at = '"';
	*stpcpy(at + 1, binary) = '"';
	return strlen(binary) + 2;
}

/* Appends what travels of one reading where there are no user properties. 'text' has room for
 * ENVELOPE_SIZE() of it. No word in it has to be escaped. Returns the size, or -ENOMEM. */
static ssize_t put_envelope(
	const struct upstream_item *item, const struct upstream_part *part, char *text)
{
	const struct reading *reading = part->reading;
	char id[80], time[32], *binary = NULL;
	size_t size;

	if (reading->format == FORMAT_OPAQUE) {
		binary = base64_encode(span_of(reading->body, reading->size));
		if (!binary)
			return -ENOMEM;
	}
	gh_id_format(item->gateway_id, item->epoch, reading->row, id);
	format_time(reading->time, time, sizeof(time));
	size = (size_t)snprintf(text, ENVELOPE_HEAD,
		"{\"gh\":{\"id\":\"%s\",\"device\":\"%s\",\"trust\":\"%s\",\"time\":\"%s\","
		"\"clock\":\"%s\"},\"ct\":%d,\"body\":",
		id, part->record->id, trust_to_string(reading->trust), time,
		reading->clock_synced ? "synced" : "unsynced", reading->format);
	size += put_body(reading, binary, text + size);
	text[size++] = '}';
	free(binary);
	return (ssize_t)size;
}

/* One envelope, or (array) all of them in one array. */
static int envelopes(const struct upstream_item *item, const struct upstream_part *part,
	size_t count, bool array, struct upstream_message *message)
{
	size_t room = 3, size = 0;
	ssize_t n = 0;

	for (size_t i = 0; i < count; i++)
		room += ENVELOPE_SIZE(part[i].reading);
	message->made = malloc(room);
	if (!message->made)
		return -ENOMEM;
	if (array)
		message->made[size++] = '[';
	for (size_t i = 0; i < count && n >= 0; i++) {
		if (i)
			message->made[size++] = ',';
		n = put_envelope(item, &part[i], message->made + size);
		size += n > 0 ? (size_t)n : 0;
	}
	if (n < 0)
		return (int)n;
	if (array)
		message->made[size++] = ']';
	message->payload = span_of(message->made, size);
	message->content_type = "application/json";
	return 0;
}

static int encode_pack(const struct upstream_item *item, struct upstream_message *message)
{
	int r = topic_of(item, "telemetry", message);

	message->qos = 1;
	return r < 0 ? r : envelopes(item, item->part, item->parts, true, message);
}

static int encode_reading(const struct upstream_item *item, struct upstream_message *message)
{
	const struct reading *reading = item->reading;
	char id[80], time[32];
	int r = topic_of(item, "telemetry", message);

	if (r < 0)
		return r;
	message->qos = 1;
	if (item->envelope)
		return envelopes(item, &(const struct upstream_part){item->record, reading}, 1,
			false, message);
	gh_id_format(item->gateway_id, item->epoch, reading->row, id);
	format_time(reading->time, time, sizeof(time));
	message->payload = span_of(reading->body, reading->size);
	message->content_type = content_type(reading->format);
	add_property(message, "gh-v", "1");
	add_property(message, "gh-id", id);
	add_property(message, "gh-trust", trust_to_string(reading->trust));
	add_property(message, "gh-time", time);
	add_property(message, "gh-clock", reading->clock_synced ? "synced" : "unsynced");
	return 0;
}

/* ---- status, gap, gateway ---- */

static json_t *text_or_null(const char *text)
{
	return text && text[0] ? json_string(text) : json_null();
}

static int encode_status(const struct upstream_item *item, struct upstream_message *message)
{
	const struct device_record *record = item->record;
	CLEANUP(cleanup_json) json_t *value = NULL;
	enum device_word word;
	enum device_stage stage;
	char seen[32] = "";
	int r = topic_of(item, "status", message);

	if (r < 0)
		return r;
	lifecycle_describe(&record->life, &word, &stage);
	if (item->seen)
		clock_format(item->seen, seen);
	value = json_pack("{s:s,s:s,s:o,s:o,s:o,s:s,s:o,s:o,s:o,s:o}", "state",
		device_word_to_string(word), "trust", trust_to_string(record->trust), "name",
		text_or_null(record->name), "place", text_or_null(record->place), "owner",
		text_or_null(record->owner), "ep", record->ep, "model",
		text_or_null(record->info.model), "serial", text_or_null(record->info.serial),
		"firmware", text_or_null(record->info.firmware), "seen", text_or_null(seen));
	message->qos = 1;
	message->retain = true;
	return set_json(value, message);
}

static int encode_gap(const struct upstream_item *item, struct upstream_message *message)
{
	CLEANUP(cleanup_json) json_t *value = NULL;
	char from[80], to[80];
	int r = topic_of(item, "gap", message);

	if (r < 0)
		return r;
	gh_id_format(item->gateway_id, item->epoch, item->gap->first_row, from);
	gh_id_format(item->gateway_id, item->epoch, item->gap->last_row, to);
	value = json_pack("{s:s,s:s,s:I,s:s}", "from", from, "to", to, "count",
		(json_int_t)item->gap->count, "reason", item->gap->reason);
	message->qos = 1;
	return set_json(value, message);
}

static int encode_gateway(const struct upstream_item *item, struct upstream_message *message)
{
	CLEANUP(cleanup_json) json_t *value = NULL;
	int r = topic_of(item, "status", message);

	if (r < 0)
		return r;
	value = json_pack("{s:s,s:s,s:o}", "state", item->text, "version", GATEHOUSE_VERSION,
		"audit", text_or_null(item->audit_head));
	message->qos = 1;
	message->retain = true;
	return set_json(value, message);
}

/* Of two digits that are there: command.h keeps the correlation in hexadecimal. */
static uint8_t byte_of_hex(const char *digits)
{
	const char pair[3] = {digits[0], digits[1]};

	return (uint8_t)strtoul(pair, NULL, 16);
}

/* Where the asker wants it; else beside the command. What belongs to it comes back with it. */
static int encode_result(const struct upstream_item *item, struct upstream_message *message)
{
	const struct command *command = item->command;
	char leaf[sizeof("result/") + COMMAND_NAME_MAX];
	size_t i;
	int r = 0;

	snprintf(leaf, sizeof(leaf), "result/%s", command->name);
	if (command->response_topic[0])
		snprintf(message->topic, sizeof(message->topic), "%s", command->response_topic);
	else
		r = topic_of(item, leaf, message);
	message->made = r < 0 ? NULL : command_result_text(command);
	if (!message->made)
		return r < 0 ? r : -ENOMEM;
	message->payload = span_from_string(message->made);
	message->content_type = "application/json";
	message->qos = 1;
	for (i = 0; i < sizeof(message->correlation) && command->correlation[2 * i]; i++)
		message->correlation[i] = byte_of_hex(command->correlation + 2 * i);
	message->correlation_size = i;
	return 0;
}

/* An empty retained message: the broker forgets the status of a forgotten device. */
static int encode_clear(const struct upstream_item *item, struct upstream_message *message)
{
	int r = topic_of(item, "status", message);

	message->qos = 1;
	message->retain = true;
	return r;
}

int topics_encode(const struct upstream_item *item, struct upstream_message *ret_message)
{
	static int (*const encoders[])(
		const struct upstream_item *item, struct upstream_message *message) = {
		[UPSTREAM_READING] = encode_reading,
		[UPSTREAM_PACK] = encode_pack,
		[UPSTREAM_STATUS] = encode_status,
		[UPSTREAM_GAP] = encode_gap,
		[UPSTREAM_CLEAR] = encode_clear,
		[UPSTREAM_GATEWAY] = encode_gateway,
		[UPSTREAM_RESULT] = encode_result,
	};
	struct upstream_message message = {0};
	int r = item->kind == UPSTREAM_ASK ? -ENOTSUP : encoders[item->kind](item, &message);

	if (r < 0) {
		upstream_message_clear(&message);
		return r;
	}
	*ret_message = message;
	return 0;
}

/* ---- inbound ---- */

static int ignore(struct inbound_message *message, const char *why)
{
	*message = (struct inbound_message){.kind = INBOUND_IGNORED, .why = why};
	return 0;
}

static bool take_word(const char **at, char *ret_word, size_t capacity)
{
	size_t length = strcspn(*at, "/"), i;

	if (!length || length >= capacity)
		return false;
	for (i = 0; i < length; i++)
		if (!isalnum((unsigned char)(*at)[i]) && !strchr("-_.", (*at)[i]))
			return false;
	memcpy(ret_word, *at, length);
	ret_word[length] = '\0';
	*at += length;
	return true;
}

int topics_listen(const char *id, const char *gateway_id, char *ret_filter, size_t capacity)
{
	int n = snprintf(
		ret_filter, capacity, "gatehouse/%s/%s/command/+", gateway_id, id ? id : "+");

	return n < 0 || (size_t)n >= capacity ? -EMSGSIZE : 0;
}

/* gatehouse/<gateway>/<device id>/command/<name>, never accepted when retained. */
int topics_decode(const char *gateway_id, const char *topic, struct span payload, bool retained,
	struct inbound_message *ret_message)
{
	struct inbound_message message = {.kind = INBOUND_COMMAND, .args = payload};
	char prefix[64];
	int n = snprintf(prefix, sizeof(prefix), "gatehouse/%s/", gateway_id);
	const char *at = topic + n;

	if (n < 0 || (size_t)n >= sizeof(prefix) || strncmp(topic, prefix, (size_t)n))
		return ignore(ret_message, "not a topic of this gateway");
	if (!take_word(&at, message.device_id, sizeof(message.device_id)) ||
		strncmp(at, "/command/", 9))
		return ignore(ret_message, "not a command");
	at += 9;
	if (!take_word(&at, message.name, sizeof(message.name)) || *at)
		return ignore(ret_message, "not a command name");
	if (retained)
		return ignore(ret_message, "a retained command is never accepted");
	*ret_message = message;
	return 0;
}
