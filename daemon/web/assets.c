/* SPDX-License-Identifier: Apache-2.0 */
/* Open to everybody: there is nothing in them that the login screen does not show. */

#include "web/assets.h"

#include <string.h>

#include "web/request.h"

bool assets_answer(struct request *request)
{
	for (const struct asset *asset = assets; asset->path; asset++)
		if (strcmp(asset->path, request->path) == 0) {
			request_answer(request, 200, asset->type, asset->data, asset->size);
			return true;
		}
	return false;
}
