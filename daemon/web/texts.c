/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the page says, in one table, for whoever improves or translates it; for the eye it is in
 * pieces, by what is spoken of. An error says what happened, what was kept and what to do; an empty
 * list says what to do next.
 */

#include "web/texts-parts.h"

#include <stddef.h>

#include "base/cleanup.h"

const char *text(enum text id)
{
	static const char *const *const parts[] = {
		texts_person, texts_device, texts_gateway, texts_secret};

	for (size_t i = 0; i < ELEMENTS(parts); i++)
		if (parts[i][id])
			return parts[i][id];
	return "";
}
