/* SPDX-License-Identifier: Apache-2.0 */

/* The last numbers of a device: a few in its own JSON, for the small curve in a list, all of them
 * by a question of their own. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/api-parts.h"

#define VALUES_IN_LIST 24

/* As a person would write it: 21.3 and not 21.299999237060547. */
static json_t *number_json(float value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.6g", (double)value);
	return json_real(strtod(text, NULL));
}

json_t *api_recent_json(const struct recent *recent, uint64_t device_row)
{
	const struct recent_series *series = recent_series_at(recent, device_row, 0);
	uint32_t first;
	json_t *values;

	if (!series)
		return json_null();
	values = json_array();
	first = series->count > VALUES_IN_LIST ? series->count - VALUES_IN_LIST : 0;
	for (uint32_t i = first; i < series->count; i++)
		json_array_append_new(values, number_json(recent_point_at(series, i).value));
	return json_pack("{s:o,s:o,s:o}", "name", api_text(series->name), "unit",
		api_text(series->unit), "values", values);
}

static json_t *series_json(const struct recent_series *series)
{
	json_t *points = json_array();

	for (uint32_t i = 0; i < series->count; i++) {
		struct recent_point point = recent_point_at(series, i);

		json_array_append_new(points,
			json_pack("{s:o,s:o}", "time", api_time((int64_t)point.seconds * 1000),
				"value", number_json(point.value)));
	}
	return json_pack("{s:o,s:o,s:o}", "name", api_text(series->name), "unit",
		api_text(series->unit), "points", points);
}

void api_get_readings(const struct api_context *context)
{
	const struct api_view *view = &context->api->view;
	const struct device *device = registry_by_id(view->registry, context->argument);
	const struct recent_series *series;
	json_t *list;

	if (!device) {
		api_error(context, 404, "unknown", "There is no device with this id.");
		return;
	}
	list = json_array();
	for (size_t i = 0; (series = recent_series_at(view->recent, device->record->row, i)); i++)
		json_array_append_new(list, series_json(series));
	api_answer(context, 200, json_pack("{s:o}", "series", list));
}
