/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the API: a byte that chooses the route, its argument, its query, each ended by a zero
 * byte, and a JSON body. Each is answered exactly once, and what is done is checked. */

#include <stdlib.h>

#include "tests/fuzz/api-bed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_answer(void *userdata, int status, json_t *body)
{
	*(unsigned *)userdata += status >= 200 && status < 600 && json_is_object(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct api_caller caller = {ROLE_ADMIN, true, true, "uid 0", "control socket"};
	char *argument = calloc(1, size + 3), *end = argument + size, *query, *body, path[512];
	size_t routes = 0;
	unsigned answers = 0;

	while (api_route_at(routes))
		routes++;
	memcpy(argument, data + 1, size ? size - 1 : 0);
	query = argument + strlen(argument) + 1;
	body = query + strlen(query) + 1;
	const struct api_route *route = api_route_at(size ? data[0] % routes : 0);
	const char *open = strchr(route->path, '{');
	snprintf(path, sizeof(path), "%.*s%.100s%s", open ? (int)(open - route->path) : 256,
		route->path, open ? argument : "", open ? strchr(open, '}') + 1 : "");
	json_t *json =
		body < end ? json_loadb(body, (size_t)(end - body), JSON_REJECT_DUPLICATES, NULL)
			   : NULL;
	const struct api_request request = {route->method, path, query, &caller, json};
	api_call(api_bed(), &request, on_answer, &answers);
	answers == 1 ? json_decref(json) : abort();
	free(argument);
	return 0;
}
