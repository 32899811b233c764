/* SPDX-License-Identifier: Apache-2.0 */

/* What waits for the platform: in all, by device (those with most first), what was given up, and
 * how long an outage can last at the present rate. */

#include <stdlib.h>

#include "api/api-parts.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define LIST_DEFAULT 20
#define LIST_MAX     200

struct waiting {
	const struct device *device;
	uint64_t readings, bytes;
};

static int by_readings(const void *a, const void *b)
{
	uint64_t one = ((const struct waiting *)a)->readings;
	uint64_t other = ((const struct waiting *)b)->readings;

	return one < other ? 1 : one > other ? -1 : 0;
}

static json_t *waiting_json(const struct waiting *waiting)
{
	const struct device_record *record = waiting->device->record;
	enum device_word word;
	enum device_stage stage;

	lifecycle_describe(&record->life, &word, &stage);
	return json_pack("{s:o,s:o,s:s,s:I,s:I}", "id", api_text(record->id), "name",
		api_text(record->name), "stage", device_stage_to_string(stage), "readings",
		(json_int_t)waiting->readings, "bytes", (json_int_t)waiting->bytes);
}

/* NULL on lack of memory. */
static json_t *devices_json(const struct api_view *view, uint64_t limit)
{
	CLEANUP(cleanup_free)
	struct waiting *list = calloc(registry_count(view->registry) + 1, sizeof(*list));
	json_t *devices = list ? json_array() : NULL;
	size_t count = 0;

	if (!devices)
		return NULL;
	for (const struct device *device = registry_first(view->registry); device;
		device = registry_next(device)) {
		list[count] =
			(struct waiting){device, owed_device_count(view->owed, device->record->row),
				owed_device_bytes(view->owed, device->record->row)};
		count += list[count].readings > 0;
	}
	qsort(list, count, sizeof(*list), by_readings);
	for (size_t i = 0; i < count && i < limit; i++)
		json_array_append_new(devices, waiting_json(&list[i]));
	return devices;
}

static void add_gap(void *userdata, const struct api_gap *gap)
{
	json_array_append_new(userdata,
		json_pack("{s:o,s:I,s:I,s:I,s:o}", "device", api_text(gap->device), "first",
			(json_int_t)gap->first, "last", (json_int_t)gap->last, "count",
			(json_int_t)gap->count, "reason", api_text(gap->reason)));
}

static void add_pace(const struct api_view *view, json_t *body)
{
	uint64_t hourly;

	json_object_set_new(body, "bytes_per_hour",
		pace_per_hour(&view->metrics->taken, clock_boot_usec(), &hourly)
			? json_integer((json_int_t)hourly)
			: json_null());
}

/* What one device may have waiting at present: the more is taken, the less that is. */
static uint64_t share_of(const struct api_view *view)
{
	uint64_t share = owed_share(view->owed), max = (*view->config)->outbox_max_bytes;

	return share < max ? share : max;
}

void api_get_queue(const struct api_context *context)
{
	const struct api *api = context->api;
	uint64_t limit = api_query_number(context->request->query, "limit", LIST_DEFAULT, LIST_MAX);
	json_t *body = api_queue_json(&api->view), *lost = json_object(), *gaps = json_array();

	for (unsigned i = 0; i < LOSTS; i++)
		json_object_set_new(lost, lost_why_to_string((enum lost_why)i),
			json_integer((json_int_t)api->view.metrics->lost[i]));
	json_object_set_new(body, "lost", lost);
	add_pace(&api->view, body);
	json_object_set_new(body, "share_bytes", json_integer((json_int_t)share_of(&api->view)));
	json_object_set_new(body, "devices", devices_json(&api->view, limit));
	api->ops->gaps(api->userdata, add_gap, gaps);
	json_object_set_new(body, "gaps", gaps);
	api_answer(context, 200, body);
}
