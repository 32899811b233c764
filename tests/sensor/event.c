/* SPDX-License-Identifier: Apache-2.0 */
/* What happens, one JSON object a line: {"event":"acknowledged","n":17,"value":21.7}. */

#include <stdio.h>
#include <stdlib.h>

#include "sensor.h"

void event_print(const char *event, json_t *details)
{
	json_t *line = json_pack("{s:s}", "event", event);

	if (line && details)
		json_object_update(line, details);
	char *text = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(10)) : NULL;
	if (text)
		puts(text);
	free(text);
	json_decref(line);
	json_decref(details);
}

const char *code_to_string(unsigned code, char text[8])
{
	snprintf(text, 8, "%u.%02u", code >> 5 & 7, code & 31);
	return text;
}
