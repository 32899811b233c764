/* SPDX-License-Identifier: Apache-2.0 */

/* Single values as JSON, the same way in every answer. */

#include "api/api-parts.h"
#include "base/clock.h"
#include "base/span.h"

json_t *api_time(int64_t wall_msec)
{
	char text[24];

	return wall_msec ? json_string(clock_format(wall_msec, text)) : json_null();
}

/* Foreign text that is not UTF-8 must not make the whole answer fail. */
json_t *api_text(const char *text)
{
	json_t *value = json_string(text ? text : "");
	char safe[1024];

	if (value)
		return value;
	return json_string(span_to_safe_text(span_from_string(text), safe, sizeof(safe)));
}

const char *api_device_title(const struct device_record *record)
{
	return record->name[0] ? record->name : record->ep;
}
