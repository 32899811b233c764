/* SPDX-License-Identifier: Apache-2.0 */

/* Everything that is only read: status, limits, heard, alarms, devices, people. */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/api-parts.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define LIST_DEFAULT 50
#define LIST_MAX     200

/* ---- query ---- */

static int hex_digit(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
					    : -1;
}

static bool decode_value(const char *from, size_t size, char *ret_text, size_t capacity)
{
	size_t length = 0, i;

	for (i = 0; i < size; i++) {
		char c = from[i];

		if (c == '+')
			c = ' ';
		if (c == '%') {
			if (i + 2 >= size || hex_digit(from[i + 1]) < 0 ||
				hex_digit(from[i + 2]) < 0)
				return false;
			c = (char)(hex_digit(from[i + 1]) << 4 | hex_digit(from[i + 2]));
			i += 2;
		}
		if (!c || length + 1 >= capacity)
			return false;
		ret_text[length++] = c;
	}
	ret_text[length] = '\0';
	return true;
}

bool api_query_text(const char *query, const char *key, char *ret_text, size_t capacity)
{
	size_t key_length = strlen(key);
	const char *at = query;

	while (at && *at) {
		size_t length = strcspn(at, "&");

		if (length > key_length && !strncmp(at, key, key_length) && at[key_length] == '=')
			return decode_value(
				at + key_length + 1, length - key_length - 1, ret_text, capacity);
		at += length;
		at += *at == '&';
	}
	return false;
}

uint64_t api_query_number(const char *query, const char *key, uint64_t fallback, uint64_t max)
{
	char text[24], *end;
	unsigned long long value;

	if (!api_query_text(query, key, text, sizeof(text)) || !isdigit((unsigned char)text[0]))
		return fallback;
	value = strtoull(text, &end, 10);
	if (*end)
		return fallback;
	return value > max ? max : value;
}

/* ---- status ---- */

static json_t *stages_json(const struct registry *registry)
{
	json_t *body = json_object();
	int stage;

	for (stage = 0; stage < STAGES; stage++)
		json_object_set_new(body, device_stage_to_string((enum device_stage)stage),
			json_integer((json_int_t)registry_count_stage(
				registry, (enum device_stage)stage)));
	json_object_set_new(body, "total", json_integer((json_int_t)registry_count(registry)));
	return body;
}

bool api_seconds_left(const struct api_view *view, uint64_t *ret_seconds)
{
	uint64_t max = (*view->config)->outbox_max_bytes;
	struct owed_stats stats;

	owed_stats(view->owed, &stats);
	return pace_seconds_left(&view->metrics->taken, max > stats.bytes ? max - stats.bytes : 0,
		clock_boot_usec(), ret_seconds);
}

json_t *api_queue_json(const struct api_view *view)
{
	struct owed_stats stats;
	uint64_t seconds;
	bool known = api_seconds_left(view, &seconds);

	owed_stats(view->owed, &stats);
	return json_pack("{s:s,s:o,s:I,s:I,s:I,s:o,s:I,s:I,s:I,s:I,s:I,s:I}", "durability",
		durability_to_string((*view->config)->outbox_durability), "seconds_left",
		known ? json_integer((json_int_t)seconds) : json_null(), "readings",
		(json_int_t)stats.readings, "bytes", (json_int_t)stats.bytes, "limit_bytes",
		(json_int_t)(*view->config)->outbox_max_bytes, "oldest",
		api_time(stats.oldest_time), "in_flight", (json_int_t)stats.in_flight, "accepted",
		(json_int_t)stats.accepted, "delivered", (json_int_t)stats.delivered, "refused",
		(json_int_t)stats.refused, "dead", (json_int_t)stats.dead, "dropped",
		(json_int_t)stats.dropped);
}

static json_t *window_json(const struct window *window)
{
	uint64_t now = clock_boot_usec();
	bool open = window_is_open(window, now);

	return json_pack("{s:b,s:I,s:s}", "open", open, "seconds_left",
		(json_int_t)window_seconds_left(window, now), "opened_by",
		open ? window->opened_by : "");
}

void api_get_status(const struct api_context *context)
{
	const struct api_view *view = &context->api->view;
	const struct api_facts *facts = view->facts;
	const struct config *config = *view->config;
	json_t *body = json_object();

	json_object_set_new(body, "gateway",
		json_pack("{s:s,s:s,s:o}", "id", config->id, "version", GATEHOUSE_VERSION, "since",
			api_time(facts->started)));
	json_object_set_new(body, "clock",
		json_pack("{s:b,s:o}", "synced", clock_is_synced(), "now",
			api_time(clock_wall_msec())));
	json_object_set_new(body, "uplink",
		json_pack("{s:s,s:o,s:o,s:o}", "state", link_state_to_string(facts->uplink),
			"since", api_time(facts->uplink_since), "host", api_text(config->mqtt_host),
			"detail", api_text(facts->uplink_detail)));
	json_object_set_new(body, "queue", api_queue_json(view));
	json_object_set_new(body, "window", window_json(view->window));
	json_object_set_new(body, "devices", stages_json(view->registry));
	json_object_set_new(body, "discovery",
		json_pack("{s:s,s:o}", "state",
			facts->discovery_available ? "available" : "not available", "detail",
			api_text(facts->discovery_detail)));
	json_object_set_new(body, "key",
		json_pack("{s:s,s:s,s:b,s:s}", "source", facts->key_source, "expected",
			facts->key_expected, "next", facts->key_is_next, "public",
			facts->key_public));
	json_object_set_new(body, "audit",
		json_pack("{s:I,s:s}", "rows", (json_int_t)facts->audit_rows, "head",
			facts->audit_head));
	json_object_set_new(body, "alarms", json_integer(view->alarms->count));
	json_object_set_new(body, "set_up", json_boolean(facts->set_up));
	api_answer(context, 200, body);
}

void api_get_limits(const struct api_context *context)
{
	const struct limits *limits = context->api->view.limits;
	json_t *list = json_array();
	int i;

	for (i = 0; i < LIMITS; i++) {
		const struct limit_row *row = limit_row((enum limit)i);

		json_array_append_new(
			list, json_pack("{s:s,s:I,s:s,s:s,s:I}", "name", row->name, "value",
				      (json_int_t)limits->value[i], "unit", row->unit, "reason",
				      row->reason, "reached", (json_int_t)limits->reached[i]));
	}
	api_answer(context, 200, json_pack("{s:o}", "limits", list));
}

/* A stream has no one answer: the server carries it, once this said that the caller may listen. */
void api_get_events(const struct api_context *context)
{
	api_answer(
		context, 200, json_pack("{s:I}", "revision", (json_int_t)context->api->revision));
}

void api_get_heard(const struct api_context *context)
{
	uint64_t now = clock_boot_usec();
	json_t *list = json_array();
	int i;

	for (i = 0; i < AWAYS; i++) {
		enum turned_away why = (enum turned_away)i;
		uint64_t count = heard_sum(context->api->view.heard, why, now);

		if (count)
			json_array_append_new(list,
				json_pack("{s:s,s:I,s:s}", "reason", turned_away_to_string(why),
					"count", (json_int_t)count, "remedy",
					turned_away_remedy(why)));
	}
	api_answer(context, 200, json_pack("{s:i,s:o}", "minutes", HEARD_MINUTES, "heard", list));
}

/* Devices that stand on the token that all share. */
static unsigned on_shared_token(const struct api *api, const char *platform)
{
	const struct device *device;
	unsigned count = 0;

	for (device = registry_first(api->view.registry); device; device = registry_next(device)) {
		const struct device_record *record = device->record;

		count += record->life.admission == ADMISSION_ADMITTED &&
			 !strcmp(record->platform, platform) &&
			 !token_names_find(api->view.tokens, platform, record->ep);
	}
	return count;
}

/* With the number of today where it is what the alarm is about. */
static const char *sentence_of(const struct api *api, const struct alarm *alarm,
	const struct device *device, char ret_text[256 + 64])
{
	size_t used;

	alarm_sentence_about(
		alarm, device ? api_device_title(device->record) : alarm->subject, ret_text);
	used = strlen(ret_text);
	if (alarm->kind == ALARM_SHARED_TOKEN)
		snprintf(ret_text + used, 64, " At present it would stop %u.",
			on_shared_token(api, alarm->subject));
	return ret_text;
}

/* The one that it is about, while it is known. */
static const struct device *device_of(const struct api *api, const struct alarm *alarm)
{
	return alarm_row(alarm->kind)->about_device
		       ? registry_by_id(api->view.registry, alarm->subject)
		       : NULL;
}

static json_t *alarm_json(const struct api *api, const struct alarm *alarm)
{
	const struct alarm_row *row = alarm_row(alarm->kind);
	const struct device *device = device_of(api, alarm);
	char sentence[256 + 64];

	return json_pack("{s:s,s:o,s:o,s:o,s:s,s:o,s:i,s:b}", "id", row->id, "subject",
		api_text(alarm->subject), "device",
		device ? json_pack("{s:s,s:o}", "id", device->record->id, "title",
				 api_text(api_device_title(device->record)))
		       : json_null(),
		"sentence", api_text(sentence_of(api, alarm, device, sentence)), "remedy",
		row->remedy, "raised", api_time(alarm->raised), "times", (int)alarm->times,
		"clears_itself", row->clears_itself);
}

void api_get_alarms(const struct api_context *context)
{
	const struct alarms *alarms = context->api->view.alarms;
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < alarms->count; i++)
		json_array_append_new(list, alarm_json(context->api, &alarms->active[i]));
	api_answer(context, 200, json_pack("{s:o}", "alarms", list));
}

/* ---- devices ---- */

static bool contains(const char *text, const char *part)
{
	return strcasestr(text, part) != NULL;
}

static bool is_wanted(const struct device *device, const char *stages, const char *search)
{
	const struct device_record *record = device->record;
	enum device_word word;
	enum device_stage stage;
	const char *name, *at;
	size_t length;

	if (search[0] && !contains(record->ep, search) && !contains(record->id, search) &&
		!contains(record->name, search) && !contains(record->place, search) &&
		!contains(record->owner, search) && !contains(record->info.model, search) &&
		!contains(record->info.serial, search))
		return false;
	if (!stages[0])
		return true;
	lifecycle_describe(&record->life, &word, &stage);
	name = device_stage_to_string(stage);
	length = strlen(name);
	/* several stages, separated by commas */
	for (at = stages; (at = strstr(at, name)); at += length)
		if ((at == stages || at[-1] == ',') && (at[length] == '\0' || at[length] == ','))
			return true;
	return false;
}

void api_get_devices(const struct api_context *context)
{
	const struct api *api = context->api;
	const char *query = context->request->query;
	const struct api_caller *caller = context->request->caller;
	uint64_t offset = api_query_number(query, "offset", 0, UINT32_MAX),
		 limit = api_query_number(query, "limit", LIST_DEFAULT, LIST_MAX), total = 0;
	char stages[128] = "", search[65] = "";
	json_t *list = json_array();
	const struct device *device;

	api_query_text(query, "stage", stages, sizeof(stages));
	api_query_text(query, "q", search, sizeof(search));
	for (device = registry_first(api->view.registry); device; device = registry_next(device)) {
		if (!is_wanted(device, stages, search))
			continue;
		if (total >= offset && total < offset + limit)
			json_array_append_new(
				list, api_device_json(api, device, caller->role >= ROLE_TECHNICIAN,
					      caller->fresh_password));
		total++;
	}
	api_answer(
		context, 200, json_pack("{s:I,s:o}", "total", (json_int_t)total, "devices", list));
}

void api_get_device(const struct api_context *context)
{
	const struct device *device =
		registry_by_id(context->api->view.registry, context->argument);
	const struct api_caller *caller = context->request->caller;

	if (!device)
		api_error(context, 404, "unknown", "There is no device with this id.");
	else
		api_answer(context, 200,
			api_device_json(context->api, device, caller->role >= ROLE_TECHNICIAN,
				caller->fresh_password));
}

/* ---- people ---- */

static void add_person(void *userdata, const struct person *person)
{
	json_array_append_new(userdata,
		json_pack("{s:s,s:s,s:o}", "name", person->name, "role",
			role_to_string(person->role), "created", api_time(person->created)));
}

void api_get_people(const struct api_context *context)
{
	json_t *list = json_array();

	context->api->ops->people(context->api->userdata, add_person, list);
	api_answer(context, 200, json_pack("{s:o}", "people", list));
}
