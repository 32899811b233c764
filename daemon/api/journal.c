/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who did what: rows that fit a query, newest first, in parts; the same for one device alone; and
 * whether the chain of the rows is whole. The store looks at a bounded stretch for each call: an
 * answer without rows that has a "next" means that there may be some further down.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/api-parts.h"
#include "base/cleanup.h"

#define LIST_DEFAULT 50
#define LIST_MAX     200

static json_t *row_json(const struct audit_row *row)
{
	return json_pack("{s:I,s:o,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "number",
		(json_int_t)row->number, "time", api_time(row->time), "clock_synced",
		row->clock_synced, "who", api_text(row->who), "role", api_text(row->role), "via",
		api_text(row->via), "action", api_text(row->action), "object",
		api_text(row->object), "evidence", api_text(row->evidence), "result",
		api_text(row->result));
}

static void name_device(const struct api *api, const char *id, json_t *names)
{
	const struct device *device = registry_by_id(api->view.registry, id);

	if (device)
		json_object_set_new(
			names, device->record->id, api_text(api_device_title(device->record)));
}

/* Beside the rows, which stay as they are in the chain: the devices in them that are known still,
 * by what people call them. A row has an object, and may name another device. */
static json_t *devices_json(const struct api *api, const struct audit_row *rows, size_t count)
{
	json_t *names = json_object();

	for (size_t i = 0; api && i < count; i++)
		switch (audit_object(rows[i].action)) {
		case OBJECT_DEVICE:
			name_device(api, rows[i].object, names);
			name_device(api, rows[i].evidence, names);
			break;
		case OBJECT_ALARM:
			name_device(api, rows[i].result, names);
			break;
		case OBJECT_OTHER:
			break;
		}
	return names;
}

static void on_journal(
	void *userdata, int result, const struct audit_row *rows, size_t count, uint64_t next)
{
	const struct api_pending *pending = userdata;
	json_t *list;

	if (result < 0) {
		api_pending_answer(userdata, 507,
			json_pack("{s:s,s:s}", "error", "not-stored", "text",
				"The journal could not be read."));
		return;
	}
	list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, row_json(&rows[i]));
	api_pending_answer(userdata, 200,
		json_pack("{s:o,s:o,s:o}", "rows", list, "devices",
			devices_json(pending->api, rows, count), "next",
			next ? json_integer((json_int_t)next) : json_null()));
}

static void ask(const struct api_context *context, struct audit_query *query)
{
	const char *text = context->request->query;
	struct api_pending *pending = api_pending_new(context);
	uint64_t limit = api_query_number(text, "limit", LIST_DEFAULT, LIST_MAX);

	query->before = api_query_number(text, "before", 0, INT64_MAX);
	query->max = (unsigned)(limit ? limit : 1);
	if (pending)
		context->api->ops->journal(context->api->userdata, query, on_journal, pending);
	else
		api_error(context, 507, "no-memory", "The gateway is out of memory.");
}

void api_get_journal(const struct api_context *context)
{
	const char *text = context->request->query;
	struct audit_query query = {.after = api_query_number(text, "after", 0, INT64_MAX)};

	api_query_text(text, "who", query.who, sizeof(query.who));
	api_query_text(text, "action", query.action, sizeof(query.action));
	api_query_text(text, "object", query.object, sizeof(query.object));
	ask(context, &query);
}

void api_get_history(const struct api_context *context)
{
	const struct device *device =
		registry_by_id(context->api->view.registry, context->argument);
	struct audit_query query = {0};

	if (!device) {
		api_error(context, 404, "unknown", "There is no device with this id.");
		return;
	}
	snprintf(query.object, sizeof(query.object), "%s", device->record->id);
	ask(context, &query);
}

static void on_verified(void *userdata, int result, const char *text)
{
	struct api_pending *pending = userdata;
	const struct api_facts *facts = pending->api ? pending->api->view.facts : NULL;
	bool broken = result == -EBADMSG;

	if (!facts) {
		api_pending_answer(pending, 503, NULL);
		return;
	}
	if (result < 0 && !broken) {
		api_pending_answer(pending, 507,
			json_pack("{s:s,s:s}", "error", "not-stored", "text",
				"The journal could not be read."));
		return;
	}
	api_pending_answer(pending, 200,
		json_pack("{s:b,s:I,s:s,s:o}", "intact", !broken, "rows",
			(json_int_t)facts->audit_rows, "head", facts->audit_head, "first_bad",
			broken && text ? json_integer(strtoll(text, NULL, 10)) : json_null()));
}

void api_get_verified(const struct api_context *context)
{
	struct api_pending *pending = api_pending_new(context);

	if (pending)
		context->api->ops->verify(context->api->userdata, on_verified, pending);
	else
		api_error(context, 507, "no-memory", "The gateway is out of memory.");
}
